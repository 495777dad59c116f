"""The proxy injects its faults, and nothing else: tested with a small server that records its requests."""

import http.client
import http.server
import json
import threading
import time
import urllib.parse

import pytest

from servers.faults import ANSWERS, WHAT, Fault
from servers.proxy import Proxy

BODY = b"0123456789" * 20_000
# In two pages, as a store returns them; the second page begins after `k3`.
KEYS = [f"k{number}" for number in range(7)]


class Upstream(http.server.BaseHTTPRequestHandler):
    """Stores objects, and lists KEYS."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
        if "list-type" in query:
            first = 4 if query.get("continuation-token") == "theirs" else 0
            keys = KEYS[first : first + 4]
            more = "" if first else "<NextContinuationToken>theirs</NextContinuationToken>"
            entries = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys)
            text = f"<ListBucketResult><IsTruncated>{'false' if first else 'true'}</IsTruncated>{more}{entries}</ListBucketResult>"
            self.answer(200, text.encode())
        elif "chunked" in query:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for at in range(0, len(BODY), 70_001):
                piece = BODY[at : at + 70_001]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.answer(200, BODY)

    def do_HEAD(self):
        self.answer(200, BODY)

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, body, dict(self.headers)))
        self.answer(200, b"")

    def do_DELETE(self):
        self.answer(204, b"")

    def answer(self, status, body):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def upstream():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.got = []
    # These tests break connections on purpose.
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxy(upstream):
    with Proxy(f"http://127.0.0.1:{upstream.server_port}") as proxy:
        yield proxy


def ask(proxy, method="GET", target="/bucket/key", body=None, headers=None):
    """Sends one request; returns status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    try:
        connection.request(method, target, body, headers or {})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def breaks(proxy, *arguments):
    """Returns True if the connection breaks instead of giving an answer."""
    try:
        ask(proxy, *arguments)
    except (ConnectionError, http.client.HTTPException):
        return True
    return False


def test_a_request_without_a_fault_is_forwarded_unchanged(proxy, upstream):
    headers = {"Host": "of.the.client", "X-Odd-Case": "kept"}
    assert ask(proxy, "PUT", "/bucket/a%20b?x=%2F", BODY, headers) == (200, b"")
    path, body, seen = upstream.got[0]
    assert (path, body, seen["Host"], seen["X-Odd-Case"]) == ("/bucket/a%20b?x=%2F", BODY, "of.the.client", "kept")
    assert ask(proxy) == ask(proxy, target="/bucket/key?chunked") == (200, BODY)
    assert ask(proxy, "HEAD") == (200, b"")
    assert ask(proxy, "DELETE") == (204, b"")
    assert [request.key for request in proxy.requests][:2] == ["a b", "key"]


def test_a_connection_carries_many_requests(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    for _ in range(5):
        connection.request("GET", "/bucket/key")
        first = connection.sock
        assert connection.getresponse().read() == BODY
        assert connection.sock is first
    connection.close()


def test_requests_are_counted_by_kind(proxy):
    for method in ("GET", "GET", "HEAD", "DELETE"):
        ask(proxy, method)
    ask(proxy, "PUT", "/bucket/key", b"x")
    ask(proxy, "GET", "/bucket?list-type=2&prefix=k")
    ask(proxy, "GET", "/bucket/key?comp=list")
    assert proxy.counts["requests"] == {"GET": 2, "HEAD": 1, "DELETE": 1, "PUT": 1, "LIST": 2}
    assert proxy.count("GET", match="other") == 0 and proxy.count("GET", "PUT", key="ke") == 3
    assert proxy.seen("LIST")[0].query == {"list-type": "2", "prefix": "k"} and proxy.seen("LIST")[0].listed == 4
    proxy.forget()
    assert proxy.counts == {"requests": {}, "faults": {}}


@pytest.mark.parametrize("what, works", [("reset-before", False), ("lost-reply", True), ("reset-after", True)])
def test_a_connection_breaks_before_or_after_the_store_handled_the_request(proxy, upstream, what, works):
    proxy.faults = [Fault(what, kinds="PUT", times=1)]
    assert breaks(proxy, "PUT", "/bucket/key", BODY)
    assert [body for _, body, _ in upstream.got] == ([BODY] if works else [])
    assert not breaks(proxy, "PUT", "/bucket/key", BODY)
    assert proxy.counts["faults"] == {what: 1}


def test_a_connection_breaks_within_a_request(proxy, upstream):
    proxy.faults = [Fault("reset-midway", kinds="PUT")]
    assert breaks(proxy, "PUT", "/bucket/key", BODY)
    assert all(len(body) < len(BODY) for _, body, _ in upstream.got)


@pytest.mark.parametrize("target", ["/bucket/key", "/bucket/key?chunked", "/bucket?list-type=2"])
def test_an_answer_breaks_off_within_its_body(proxy, target):
    proxy.faults = [Fault("cut-body")]
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("GET", target)
    reply = connection.getresponse()
    assert reply.status == 200
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        reply.read()
    connection.close()


@pytest.mark.parametrize("what", list(ANSWERS))
def test_an_error_is_answered_without_a_request_to_the_store(proxy, upstream, what):
    proxy.faults = [Fault(what, times=1)]
    status, body = ask(proxy, "PUT", "/bucket/key", BODY)
    assert status == ANSWERS[what]["status"] and ANSWERS[what]["code"].encode() in body
    assert not upstream.got
    assert ask(proxy, "PUT", "/bucket/key", BODY)[0] == 200


def test_an_answer_has_the_required_headers(proxy):
    proxy.faults = [Fault("answer", status=301, code="PermanentRedirect", headers={"x-amz-bucket-region": "eu-central-1"})]
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=10)
    connection.request("HEAD", "/bucket")
    reply = connection.getresponse()
    assert (reply.status, reply.headers["x-amz-bucket-region"], reply.read()) == (301, "eu-central-1", b"")
    connection.close()


def test_an_error_comes_after_the_store_handled_the_request(proxy, upstream):
    proxy.faults = [Fault("late-error", status=500, code="InternalError", times=1)]
    status, body = ask(proxy, "PUT", "/bucket/key", BODY)
    assert status == 500 and b"InternalError" in body and len(upstream.got) == 1


def test_a_request_waits(proxy):
    proxy.faults = [Fault("latency", seconds=0.3)]
    began = time.monotonic()
    ask(proxy)
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("keys", [1, 2, 3, 100])
def test_a_list_in_short_pages_has_all_keys_in_order(proxy, keys):
    proxy.faults = [Fault("short-list", keys=keys)]
    found, pages, token = [], [], ""
    while token is not None:
        status, body = ask(proxy, target=f"/bucket?list-type=2&continuation-token={token}")
        page = [part.partition("</Key>")[0] for part in body.decode().split("<Key>")[1:]]
        assert status == 200 and len(page) <= keys
        assert (b"<IsTruncated>true" in body) == (b"<NextContinuationToken>" in body)
        found, pages = found + page, [*pages, page]
        token = body.decode().partition("<NextContinuationToken>")[2].partition("<")[0] or None
    assert found == KEYS
    assert keys == 100 or [] in pages


def test_the_same_seed_gives_the_same_faults(upstream):
    def faults(seed):
        with Proxy(f"http://127.0.0.1:{upstream.server_port}", [Fault("503", chance=0.5)], seed) as proxy:
            return [ask(proxy, target=f"/bucket/{number % 10}")[0] for number in range(30)]

    assert faults(1) == faults(1) != faults(2)
    assert 5 < faults(1).count(503) < 25


def test_a_fault_can_begin_late_and_end_early(proxy):
    proxy.faults = [Fault("500", kinds="GET HEAD", match="/key", after=1, times=2)]
    assert [ask(proxy)[0] for _ in range(4)] == [200, 500, 500, 200]
    assert ask(proxy, "PUT", "/bucket/key", b"")[0] == 200


def test_a_fault_can_hit_only_the_first_try_of_each_request(proxy):
    proxy.faults = [Fault("503", tries=1)]
    assert [ask(proxy, target=f"/bucket/{key}")[0] for key in "abab"] == [503, 503, 200, 200]


def test_hooks_see_a_request_before_and_after_the_store_does(proxy, upstream):
    seen = []
    proxy.before = lambda request: seen.append(("before", request.method, len(upstream.got)))
    proxy.after = lambda request: seen.append(("after", request.status, len(upstream.got)))
    ask(proxy, "PUT", "/bucket/key", b"x")
    assert seen == [("before", "PUT", 0), ("after", 200, 1)]
    proxy.before = lambda _: True
    assert breaks(proxy, "PUT", "/bucket/key", b"x") and len(upstream.got) == 1


def test_other_processes_control_it(proxy):
    assert ask(proxy, "PUT", "/-/faults", json.dumps([{"what": "503", "kinds": "GET"}]))[0] == 200
    assert ask(proxy)[0] == 503
    assert ask(proxy, "PUT", "/-/faults", "[]")[0] == 200
    assert ask(proxy)[0] == 200
    assert json.loads(ask(proxy, target="/-/counts")[1]) == {"requests": {"GET": 2}, "faults": {"503": 1}}
    assert ask(proxy, "PUT", "/-/faults", '[{"what": "flood"}]')[0] == 400


def test_every_fault_is_tested():
    with open(__file__) as text:
        tests = text.read()
    assert all(f'"{what}"' in tests for what in WHAT)
