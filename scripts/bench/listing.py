"""Measures requests, seconds and memory of listing a bucket of a million keys.

    make bench-listing

The bucket is a local server that has only keys: hourly logs of four distributions over two years. It answers
ListObjectsV2 as S3 does, 1,000 keys per page. `convert --dry-run` lists it in several ways. The server is slower than
lakefront: only the number of requests applies to a real store.
"""

import argparse
import bisect
import http.server
import os
import re
import socketserver
import tempfile
import threading
import urllib.parse
from datetime import datetime, timedelta

from measure import measure

DISTRIBUTIONS = ["E1EXAMPLE0AAAA", "E2EXAMPLE0BBBB", "E3EXAMPLE0CCCC", "E4EXAMPLE0DDDD"]
FIRST_HOUR = datetime(2023, 1, 1)
HOURS = 2 * 365 * 24
KEYS = 1_000_000
PAGE = 1000
WAYS = [
    ["everything"],
    ["three days", "--from", "2024-12-25", "--to", "2024-12-28"],
    ["one distribution", "--distribution", DISTRIBUTIONS[1]],
    ["three days of one", "--distribution", DISTRIBUTIONS[1], "--from", "2024-12-25", "--to", "2024-12-28"],
]


def keys():
    """Yields all keys of the bucket."""
    each = KEYS // len(DISTRIBUTIONS)
    for distribution in DISTRIBUTIONS:
        for number in range(each):
            hour = FIRST_HOUR + timedelta(hours=number * HOURS // each)
            yield f"cf/{distribution}.{hour:%Y-%m-%d-%H}.{number:08x}.gz"


class Bucket(http.server.BaseHTTPRequestHandler):
    """Answers listings. It has no objects: lakefront looks for a table and finds none."""

    protocol_version = "HTTP/1.1"
    keys = sorted(keys())
    requests = 0

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if "list-type" not in query or url.path.strip("/") != "logs":
            return self.answer(404, "<Error><Code>NoSuchKey</Code></Error>")
        type(self).requests += 1
        prefix, after = query.get("prefix", ""), query.get("continuation-token") or query.get("start-after", "")
        begin = max(bisect.bisect_left(self.keys, prefix), bisect.bisect_right(self.keys, after))
        last = bisect.bisect_left(self.keys, prefix + "\U0010ffff")
        end = min(begin + min(int(query.get("max-keys", PAGE)), PAGE), last)
        found = self.keys[begin:max(begin, end)]
        is_more = bool(found) and end < len(self.keys) and self.keys[end].startswith(prefix)
        token = f"<NextContinuationToken>{found[-1]}</NextContinuationToken>" if is_more else ""
        contents = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified>"
            f'<ETag>"{number:032x}"</ETag><Size>100000</Size><StorageClass>STANDARD</StorageClass></Contents>'
            for number, key in enumerate(found)
        )
        self.answer(200, f"<ListBucketResult>{token}{contents}</ListBucketResult>")

    do_HEAD = do_GET

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench listing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args(argv)
    server = Server(("127.0.0.1", 0), Bucket)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "example-key",
        "AWS_SECRET_ACCESS_KEY": "example-secret",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
    }
    print(f"{len(Bucket.keys):,} keys, at most {PAGE:,} per page")
    for name, *flags in WAYS:
        Bucket.requests = 0
        with tempfile.TemporaryDirectory() as folder, open(f"{folder}/output", "w+") as output:
            command = [os.environ["LAKEFRONT_BIN"], "convert", "s3://logs/cf", f"{folder}/table", "--dry-run", *flags]
            figures = measure(command, output)
            output.seek(0)
            text = output.read()
        if figures.status:
            raise SystemExit(f"{name}: exit status {figures.status}\n{text}")
        listed, mib = re.search(r"listed\s+([\d,]+)", text)[1], figures.peak / (1 << 20)
        print(f"{name:18} listed={listed} requests={Bucket.requests} seconds={figures.wall:.1f} peak_mib={mib:.0f}")
