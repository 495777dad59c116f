"""Google Cloud Storage for reading: lists, and objects that are decompressed in transit as Google does it.

An object with the metadata `Content-Encoding: gzip` is decompressed if the client does not accept gzip: the answer has no
length, and a range is ignored. It has the XML interface, which `object_store` uses.
"""

import gzip
import hashlib
import http.server
import threading
import urllib.parse
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .store import isolated_env

WHEN = "Sat, 04 Jan 2025 03:04:05 GMT"
LISTED = "2025-01-04T03:04:05.000Z"


@dataclass(frozen=True)
class Stored:
    body: bytes
    # The `Content-Encoding` in the metadata; empty for none.
    encoding: str = ""

    @property
    def etag(self):
        return f'"{hashlib.md5(self.body).hexdigest()}"'


class Gcs:
    """One bucket, `logs`, with objects by key; and the requests received: method, target, headers."""

    def __init__(self):
        self.objects, self.requests = {}, []

    def put(self, key, body, encoding=""):
        self.objects[key] = Stored(body, encoding)

    def __enter__(self):
        handler = type("Handler", (Handler,), {"gcs": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def env(self):
        return isolated_env(GOOGLE_BASE_URL=self.endpoint, GOOGLE_SKIP_SIGNATURE="true")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.gcs.requests.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        parts = urllib.parse.urlsplit(self.path)
        bucket, _, key = urllib.parse.unquote(parts.path).lstrip("/").partition("/")
        if bucket != "logs":
            return self._send(404, {}, b"<Error><Code>NoSuchBucket</Code><Message>no such bucket</Message></Error>")
        if not key:
            return self._send(200, {"Content-Type": "application/xml"}, self._list(urllib.parse.parse_qs(parts.query)))
        stored = self.gcs.objects.get(key)
        if stored is None:
            return self._send(404, {}, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>")
        if self.headers.get("If-Match") not in (None, stored.etag):
            return self._send(412, {}, b"<Error><Code>PreconditionFailed</Code><Message>changed</Message></Error>")
        headers = {"ETag": stored.etag, "Last-Modified": WHEN, "x-goog-stored-content-encoding": stored.encoding or "identity"}
        takes_gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        if stored.encoding == "gzip" and not takes_gzip:
            return self._unpacked(headers, stored)
        if stored.encoding:
            headers["Content-Encoding"] = stored.encoding
        body, status = stored.body, 200
        if requested := self.headers.get("Range"):
            start, end = requested.removeprefix("bytes=").split("-")
            start, end = int(start), min(int(end or len(body)), len(body) - 1)
            headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            body, status = body[start : end + 1], 206
        self._send(status, headers, body)

    do_HEAD = do_GET

    def _unpacked(self, headers, stored):
        """Sends the whole text, without its length."""
        headers["Warning"] = "214 UploadServer gunzipped"
        self.send_response(200)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        text = gzip.decompress(stored.body)
        for start in range(0, len(text), 1 << 16):
            piece = text[start : start + (1 << 16)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def _list(self, query):
        prefix, after = query.get("prefix", [""])[0], query.get("start-after", [""])[0]
        entries = [
            f"<Contents><Key>{escape(key)}</Key><LastModified>{LISTED}</LastModified><ETag>{escape(stored.etag)}</ETag>"
            f"<Size>{len(stored.body)}</Size></Contents>"
            for key, stored in sorted(self.gcs.objects.items())
            if key.startswith(prefix) and key > after
        ]
        return f"<ListBucketResult><Name>logs</Name>{''.join(entries)}</ListBucketResult>".encode()

    def _send(self, status, headers, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass
