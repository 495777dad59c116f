"""The network of AWS: a proxy that imitates the hosts of amazonaws.com, with TLS, in front of a server.

A client that uses it as `HTTPS_PROXY` requests hosts like `bucket.s3.eu-west-1.amazonaws.com`. Each bucket is in one
region; a request to another region is answered with the right one. The certificates match the same hosts as those of
AWS: `*.s3.amazonaws.com` does not match a name with dots.
"""

import contextlib
import http.client
import http.server
import ssl
import threading
import urllib.parse

from .certificates import Authority

REGIONS = ["us-east-1", "eu-west-1"]
S3_HOSTS = ["s3.amazonaws.com", *(f"s3.{region}.amazonaws.com" for region in REGIONS)]
NAMES = [name for host in S3_HOSTS for name in (f"DNS:{host}", f"DNS:*.{host}")]
NAMES += [f"DNS:{service}.{region}.amazonaws.com" for service in ("sts", "signin") for region in REGIONS]
NAMES += ["DNS:localhost", "IP:127.0.0.1"]


class Aws:
    """The proxy is `proxy`; `endpoint` is the same server with TLS and without a proxy."""

    def __init__(self, upstream, folder):
        parts = urllib.parse.urlsplit(upstream)
        self.upstream = parts.hostname, parts.port
        self.authority = Authority(folder)
        self.tls = self.authority.server(*NAMES)
        self.bundle = self.authority.bundle
        # Regions of buckets by name; hosts that the proxy does not reach; hosts that were requested.
        self.regions, self.unreachable, self.hosts = {}, set(), []

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.proxy = f"http://127.0.0.1:{stack.enter_context(self._serve(is_encrypted=False))}"
            self.endpoint = f"https://127.0.0.1:{stack.enter_context(self._serve(is_encrypted=True))}"
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    @contextlib.contextmanager
    def _serve(self, is_encrypted):
        handler = type("Handler", (Handler,), {"aws": self, "is_encrypted": is_encrypted})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            server.server_close()

    def where(self, host, path):
        """Returns bucket, key, and the region whose host was requested; None for another service."""
        for s3 in S3_HOSTS:
            region = s3.removeprefix("s3.").removesuffix("amazonaws.com").rstrip(".") or "us-east-1"
            if host == s3:
                bucket, _, key = path.lstrip("/").partition("/")
                return bucket, key, region
            if host.endswith("." + s3):
                return host.removesuffix("." + s3), path.lstrip("/"), region
        return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    tunnel = None

    def setup(self):
        super().setup()
        if self.is_encrypted:
            self._encrypt()

    def _encrypt(self):
        try:
            self.connection = self.aws.tls.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError):
            # A client that does not trust the certificate closes the connection.
            self.close_connection = True
            raise ConnectionError("no TLS") from None
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")

    def do_CONNECT(self):
        self.tunnel = self.path.rpartition(":")[0]
        self.aws.hosts.append(self.tunnel)
        if self.tunnel in self.aws.unreachable:
            self.send_error(502)
            return
        self.send_response_only(200)
        self.end_headers()
        self._encrypt()
        self.close_connection = False

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.title(): value for name, value in self.headers.items()}
        target = self.path
        requested = self.aws.where(self.tunnel or "", urllib.parse.urlsplit(self.path).path)
        if requested:
            bucket, key, region = requested
            of_bucket = self.aws.regions.get(bucket)
            if of_bucket is None:
                return self._send(404, b"<Error><Code>NoSuchBucket</Code></Error>", {})
            if of_bucket != region:
                region_header = {"x-amz-bucket-region": of_bucket}
                return self._send(301, b"<Error><Code>PermanentRedirect</Code></Error>", region_header)
            query = urllib.parse.urlsplit(self.path).query
            target = f"/{bucket}/{key}" + (f"?{query}" if query else "")
            headers["Host"] = "{}:{}".format(*self.aws.upstream)
        upstream = http.client.HTTPConnection(*self.aws.upstream, timeout=60)
        upstream.request(self.command, target, body, headers)
        answer = upstream.getresponse()
        answer_headers = {name: value for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP}
        if requested:
            answer_headers["x-amz-bucket-region"] = requested[2]
        length = answer.getheader("Content-Length")
        self._send(answer.status, answer.read(), answer_headers, length)
        upstream.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer

    def _send(self, status, body, headers, length=None):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length if length and self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
