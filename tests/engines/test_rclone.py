"""A store that ignores `If-None-Match` and overwrites names: refused, unless the operator guarantees a single writer."""

import pytest

import lakes
from servers.rclone import rclone


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return lakes.reference(tmp_path_factory.mktemp("reference"), hours=2, rows_per_file=40)


@pytest.fixture
def lake(tmp_path, reference):
    with rclone(tmp_path / "rclone") as store:
        yield lakes.Lake(store, reference.folder)


def test_it_is_refused_before_a_row_is_written(lake):
    done = lake.convert("-q", status=1).stderr
    assert "ignores put-if-absent" in done and "--single-writer" in done
    assert lake.files() == {}
    # It is refused every time.
    lake.convert("-q", status=1)


def test_a_single_writer_may_use_it(lake, reference):
    lake.convert("-q", "--single-writer")
    assert lake.files() == reference.files
    lake.convert("-q")
    assert lake.files() == reference.files


def test_it_may_hold_logs(lake, reference, tmp_path):
    lake.convert("-q", table=tmp_path / "cf_logs")
    assert lakes.files_below(tmp_path / "cf_logs") == reference.files
