"""A proxy in front of a store that injects the faults of networks and busy stores, and records every request.

It forwards bytes unchanged, so that signatures stay valid: the `Host` header stays, heads are not rewritten.

    with Proxy(store.endpoint, [Fault("lost-reply", kinds="PUT", chance=0.1)]) as proxy:
        ... proxy.endpoint, proxy.faults, proxy.count("PUT")

A hit depends only on the seed, the fault, the request's method and target, and the number of earlier identical
requests: the faults are the same if threads run in another order.

Other processes control it under `/-/`: `GET /-/counts`, `PUT /-/faults` with a list of objects like `{"what": "503"}`.
"""

import asyncio
import hashlib
import html
import json
import re
import threading
import urllib.parse
from collections import Counter
from dataclasses import asdict

from .faults import Fault, Request
from .wire import MAX_HEAD_BYTES, has_body, kind_of, pass_body, read_head, read_whole, reset

# A key or a prefix of a list, in XML, and its name.
ENTRY = r"<Contents>.*?</Contents>|<CommonPrefixes>.*?</CommonPrefixes>|<Blob>.*?</Blob>|<BlobPrefix>.*?</BlobPrefix>"
NAME = r"<(?:Key|Prefix|Name)>(.*?)</"


class Broken(Exception):
    """Raised to break the connection to the client."""


class Proxy:
    """The proxy, with its own thread, from `__enter__` to `__exit__`."""

    def __init__(self, upstream, faults=(), seed=1, before=None, after=None, host="127.0.0.1"):
        parts = urllib.parse.urlsplit(upstream)
        self.address = parts.hostname, parts.port or 80
        self.host, self.seed = host, seed
        # May be changed at any time, and so may the hooks: `before` gets a request when it has arrived, `after` when the
        # store has answered it but the client has no answer yet. They run in separate threads; if one returns True, the
        # connection breaks.
        self.faults = list(faults)
        self.before, self.after = before, after
        self.requests = []
        self._tries = Counter()
        self._pages = {}

    def __enter__(self):
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        if not started.wait(10):
            raise OSError("the proxy does not start")
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)

    @property
    def endpoint(self):
        return f"http://{self.host}:{self.port}"

    def count(self, *kinds, match="", key=""):
        """Counts the requests of these kinds whose target matches the pattern and whose key has this prefix."""
        return len(self.seen(*kinds, match=match, key=key))

    def seen(self, *kinds, match="", key=""):
        """Returns the requests that `count` counts."""
        wanted = lambda one: (not kinds or one.kind in kinds) and re.search(match, one.target) and one.key.startswith(key)
        return [one for one in list(self.requests) if wanted(one)]

    @property
    def counts(self):
        """Returns the number of requests of each kind, and the number of hits of each fault."""
        requests = Counter(request.kind for request in list(self.requests))
        faults = Counter(name for request in list(self.requests) for name in request.faults)
        return {"requests": dict(requests), "faults": dict(faults)}

    def forget(self):
        """Resets all counts and the random numbers."""
        self.requests.clear()
        self._tries.clear()

    async def _serve(self, started):
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._client, self.host, 0, limit=MAX_HEAD_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stopping.wait()
        server.close()

    async def _client(self, reader, writer):
        """Handles all requests of one connection."""
        upstream = Upstream(self.address)
        try:
            while head := await read_head(reader):
                await self._request(head, reader, writer, upstream)
        except Broken:
            reset(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # One side closed the connection, or the proxy stops.
            pass
        finally:
            upstream.close()
            writer.close()

    async def _request(self, head, reader, writer, upstream):
        method, target, _ = head.start.split(" ", 2)
        if target.startswith("/-/"):
            return await self._control(method, target, await read_whole(reader, head), writer)
        request = Request(kind_of(method, target), method, target, head.headers)
        self.requests.append(request)
        if self.before and await asyncio.to_thread(self.before, request) is True:
            raise Broken
        hits = self._hits(request)
        request.faults = [fault.name for fault in hits.values()]
        if fault := hits.get("latency"):
            await asyncio.sleep(fault.seconds)
        if "reset-before" in hits:
            raise Broken
        if fault := hits.get("answer"):
            await read_whole(reader, head, writer)
            return await answer(writer, request, fault.status, error_body(fault), fault.headers)
        page = self._pages.get(request.query.get("continuation-token"))
        if page is not None and request.kind == "LIST":
            return await self._page(writer, request, hits, page)

        # One connection per request: a connection that the store closed meanwhile would look like an injected fault.
        await upstream.open()
        upstream.writer.write(head.raw)
        half = (head.length or 0) // 2 if "reset-midway" in hits else None
        await pass_body(reader, upstream.writer, head, stop_at=half, invite=writer)
        if "reset-midway" in hits:
            raise Broken
        if "reset-after" in hits:
            # The store gets time to read the request and begin; its answer is dropped.
            await asyncio.sleep(0.05)
            raise Broken
        reply = await read_head(upstream.reader)
        while reply and reply.status in range(100, 200):
            reply = await read_head(upstream.reader)
        if not reply:
            raise Broken
        if "lost-reply" in hits:
            await read_whole(upstream.reader, reply, method=method)
            raise Broken
        if fault := hits.get("late-error"):
            await read_whole(upstream.reader, reply, method=method)
            return await answer(writer, request, fault.status, error_body(fault), fault.headers)
        request.status = reply.status
        if self.after and await asyncio.to_thread(self.after, request) is True:
            raise Broken
        if request.kind == "LIST" and reply.status == 200:
            body = await read_whole(upstream.reader, reply, method=method)
            keys = hits["short-list"].keys if "short-list" in hits else None
            return await self._page(writer, request, hits, self._cut(body, keys))
        writer.write(reply.raw)
        stop_at = None
        if "cut-body" in hits and reply.status in (200, 206) and has_body(reply, method):
            stop_at = 1 + (reply.length or 2) // 2 if reply.length is not None else 1
        await pass_body(upstream.reader, writer, reply, method=method, stop_at=stop_at)
        if stop_at is not None:
            raise Broken
        upstream.close()
        if reply.length is None and not reply.is_chunked and has_body(reply, method):
            raise ConnectionError("the end of the body is the end of the connection")
        if "close" in reply.headers.get("connection", "").lower():
            raise ConnectionError("the store wants no further request here")

    def _hits(self, request):
        """Returns the faults that hit this request, by their effect; of two with the same effect, the first."""
        hits = {}
        tries = self._tries[request.method, request.target]
        self._tries[request.method, request.target] += 1
        for number, fault in enumerate(list(self.faults)):
            if fault.kinds and request.kind not in fault.kinds.split() or not re.search(fault.match, request.target):
                continue
            if fault.tries is not None and tries >= fault.tries or fault.what == "short-list" and request.kind != "LIST":
                continue
            fault.met += 1
            if fault.met <= fault.after or fault.times is not None and fault.hits >= fault.times:
                continue
            dice = f"{self.seed} {number} {fault.name} {request.method} {request.target} {tries}"
            if int.from_bytes(hashlib.sha256(dice.encode()).digest()[:8], "big") / 2**64 < fault.chance:
                fault.hits += 1
                hits.setdefault(fault.what, fault)
        return hits

    def _cut(self, body, keys):
        """Splits a list into pages of at most `keys` keys, every third of them empty; or returns one page."""
        text = body.decode()
        entries = re.findall(ENTRY, text, flags=re.DOTALL)
        if keys is None or not entries or "</ListBucketResult>" not in text:
            return re.sub(ENTRY, "", text, flags=re.DOTALL), [entries]
        plain = urllib.parse.unquote if "<EncodingType>url" in text else html.unescape
        entries.sort(key=lambda entry: plain(re.search(NAME, entry, flags=re.DOTALL)[1]))
        groups = [entries[at : at + keys] for at in range(0, len(entries), keys)]
        groups = [group for number, whole in enumerate(groups) for group in ([[], whole] if number % 2 else [whole])]
        return re.sub(ENTRY, "", text, flags=re.DOTALL), groups

    async def _page(self, writer, request, hits, pages):
        """Sends the first of some pages. The last one has the continuation of the store's own page."""
        frame, (entries, *rest) = pages
        request.listed = len(entries)
        if rest:
            token = f"proxy-{len(self._pages)}"
            self._pages[token] = frame, rest
            frame = re.sub(r"<IsTruncated>\w+</IsTruncated>|<NextContinuationToken>.*?</NextContinuationToken>", "", frame)
            entries = [f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>", *entries]
        frame = re.sub(r"<KeyCount>\d+</KeyCount>", f"<KeyCount>{request.listed}</KeyCount>", frame)
        # Entries stay where the store puts them: at the end, or in a separate list, as with Azure.
        end = next((tag for tag in ("</Blobs>", "</ListBucketResult>") if tag in frame), None)
        body = frame.replace(end, "".join(entries) + end, 1) if end else frame
        await answer(writer, request, 200, body.encode(), is_cut="cut-body" in hits)

    async def _control(self, method, target, body, writer):
        """Handles requests of other processes to the proxy itself."""
        request = Request("CONTROL", method, target, {})
        try:
            if (method, target) == ("PUT", "/-/faults"):
                self.faults = [Fault(**fault) for fault in json.loads(body)]
            elif (method, target) == ("DELETE", "/-/counts"):
                self.forget()
            elif method != "GET" or target not in ("/-/faults", "/-/counts"):
                raise ValueError("GET or PUT /-/faults, GET or DELETE /-/counts")
        except (TypeError, ValueError) as error:
            return await answer(writer, request, 400, f"{error}\n".encode(), kind="text/plain")
        shown = self.counts if target == "/-/counts" else [asdict(fault) for fault in self.faults]
        await answer(writer, request, 200, json.dumps(shown).encode(), kind="application/json")


class Upstream:
    """A connection to the store."""

    def __init__(self, address):
        self.address, self.reader, self.writer = address, None, None

    async def open(self):
        self.close()
        self.reader, self.writer = await asyncio.open_connection(*self.address, limit=MAX_HEAD_BYTES)

    def close(self):
        if self.writer:
            self.writer.close()
            self.writer = None


def error_body(fault):
    if not fault.code:
        return b""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message><RequestId>0123456789ABCDEF</RequestId></Error>"
    ).encode()


async def answer(writer, request, status, body, headers=None, kind="application/xml", is_cut=False):
    """Sends an answer of the proxy itself; of a truncated one, half the body is sent."""
    request.status = status
    lines = [f"HTTP/1.1 {status} Answer", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    sent = b"" if request.method == "HEAD" else body[: len(body) // 2] if is_cut else body
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
    await writer.drain()
    if is_cut:
        # The sent bytes must arrive before the connection breaks.
        await asyncio.sleep(0.02)
        raise Broken
