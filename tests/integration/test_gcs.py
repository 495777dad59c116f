"""Logs in Google Cloud Storage: objects that the metadata call gzip are read as stored, and not decompressed in transit."""

import base64
import gzip
import random

import pytest

import harness
import lakes
from servers.gcs import Gcs


@pytest.fixture
def gcs(reference):
    """Returns a server with the logs of `reference`, all of them marked as gzip."""
    with Gcs() as gcs:
        for path in sorted(path for path in reference.folder.rglob("*") if path.is_file()):
            gcs.put(path.relative_to(reference.folder).as_posix(), path.read_bytes(), encoding="gzip")
        yield gcs


def convert(gcs, table, *flags, status=0):
    return harness.lakefront("convert", "gs://logs/cf", table, *flags, status=status, env=gcs.env, seconds=lakes.SECONDS)


def test_logs_with_gzip_in_their_metadata_are_read_as_stored(gcs, reference, tmp_path):
    convert(gcs, tmp_path / "cf_logs", "-q")
    assert lakes.files_below(tmp_path / "cf_logs") == reference.files
    # A list may be compressed if the client accepts that, and the program does not.
    for method, target, headers in gcs.requests:
        is_list = "list-type" in target
        assert headers.get("accept-encoding") == (None if is_list else "gzip"), (method, target)


def test_logs_without_gzip_in_their_metadata_are_read_as_before(gcs, reference, tmp_path):
    for key, stored in list(gcs.objects.items()):
        gcs.put(key, stored.body)
    convert(gcs, tmp_path / "cf_logs", "-q")
    assert lakes.files_below(tmp_path / "cf_logs") == reference.files


def test_a_large_log_with_gzip_in_its_metadata_is_read_in_ranges(gcs, tmp_path):
    chance = random.Random(1)
    comments = b"".join(b"#" + base64.b64encode(chance.randbytes(60_000)) + b"\n" for _ in range(400))
    text = harness.BY_HAND.encode() + comments
    gcs.objects.clear()
    gcs.put("cf/E1LARGE.2025-02-01-00.00000001.gz", gzip.compress(text, 1), encoding="gzip")
    convert(gcs, tmp_path / "large", "-q")
    assert any("range" in headers for _, _, headers in gcs.requests), "it is large enough to be read in pieces"
    (tmp_path / "logs" / "cf").mkdir(parents=True)
    (tmp_path / "logs" / "cf" / "E1LARGE.2025-02-01-00.00000001.gz").write_bytes(gzip.compress(text, 1))
    harness.lakefront("convert", tmp_path / "logs", tmp_path / "local", "-q")
    assert lakes.files_below(tmp_path / "large") == lakes.files_below(tmp_path / "local")


def test_a_missing_bucket_is_reported_as_missing(gcs, tmp_path):
    done = harness.lakefront("convert", "gs://other/cf", tmp_path / "t", "-q", status=1, env=gcs.env)
    assert "no such bucket: `gs://other`" in done.stderr
