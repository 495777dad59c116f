"""HTTP/1.1 as bytes on a connection: heads stay unchanged, bodies are read in pieces."""

import asyncio
import socket
import struct
import urllib.parse

PIECE_BYTES = 64 * 1024
MAX_HEAD_BYTES = 256 * 1024


class Head:
    """The head of a request or of an answer: the bytes as received, and the parsed fields."""

    def __init__(self, raw):
        self.raw = raw
        self.start, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
        pairs = [line.partition(":") for line in lines]
        self.headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.is_chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length")
        self.length = int(length) if length and not self.is_chunked else None
        self.is_reply = self.start.startswith("HTTP/")
        self.status = int(self.start.split()[1]) if self.is_reply else None


def kind_of(method, target):
    """Returns LIST, GET, PUT, HEAD, DELETE or POST; a bulk delete is a DELETE."""
    path, _, query = target.partition("?")
    parameters = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    is_bucket = "/" not in path.strip("/")
    if method == "GET" and ("list-type" in parameters or parameters.get("comp") == "list" or is_bucket and not query):
        return "LIST"
    return "DELETE" if method == "POST" and "delete" in parameters else method


def has_body(head, method):
    """Returns True if a body may follow this head."""
    if not head.is_reply:
        return head.is_chunked or bool(head.length)
    return method != "HEAD" and head.status not in (204, 304) and head.length != 0


async def read_head(reader):
    """Reads the next head; returns None at the end of the connection."""
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError:
        return None


async def pieces(reader, head, method):
    """Yields the pieces of a body: the bytes as sent, with the frames of chunks, and the bytes without them."""
    if not has_body(head, method):
        return
    if head.is_chunked:
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            if size == 0:
                while line != b"\r\n":
                    yield line, b""
                    line = await reader.readuntil(b"\r\n")
                yield line, b""
                return
            data = await reader.readexactly(size + 2)
            yield line + data, data[:-2]
    left = head.length
    while left is None or left > 0:
        piece = await reader.read(PIECE_BYTES if left is None else min(left, PIECE_BYTES))
        if not piece and left is None:
            return
        if not piece:
            raise ConnectionError("the body ends too early")
        left = None if left is None else left - len(piece)
        yield piece, piece


async def pass_body(reader, writer, head, method="", stop_at=None, invite=None):
    """Forwards a body as it arrives: all of it, or at most the first `stop_at` bytes. A client that waits for
    `100 Continue` gets it at once, and that of the store is dropped."""
    if invite and "100-continue" in head.headers.get("expect", "").lower():
        invite.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    passed = 0
    async for piece, _ in pieces(reader, head, method):
        if stop_at is not None and passed + len(piece) > stop_at:
            writer.write(piece[: stop_at - passed])
            break
        writer.write(piece)
        await writer.drain()
        passed += len(piece)
    await writer.drain()
    if stop_at is not None:
        # The sent bytes must arrive before the connection breaks.
        await asyncio.sleep(0.02)


async def read_whole(reader, head, invite=None, method=""):
    """Reads a body without the frames of its chunks."""
    if invite and "100-continue" in head.headers.get("expect", "").lower():
        invite.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    return b"".join([data async for _, data in pieces(reader, head, method)])


def reset(writer):
    """Breaks a connection so that the other side notices: RST, not an orderly end."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
