"""Logs and tables in S3: the same table as on disk, and the same guarantees."""

import json
import shutil
import threading
import time

import pytest

from arrow import assert_rows
from lakes import files_below
from logs import Logs

WRITES = ("PUT", "POST", "DELETE")


def test_a_table_in_s3_equals_that_on_disk(lake, proxy, reference):
    lake.convert("-q")
    lake.assert_is(reference)
    # Each log is read once, nothing is stored in parts, and nothing is deleted from the table.
    keys = lake.logs.keys("cf/")
    logs = [request.key for request in proxy.seen("GET") if request.target.startswith(f"/{lake.logs.name}/")]
    assert sorted(logs) == keys
    assert proxy.count("POST") == 0 and lake.lake.uploads() == []
    assert proxy.count("DELETE", key="cf_logs/") == 0


def test_the_state_is_next_to_the_table(lake):
    lake.convert("-q")
    assert {"table.json", "log/0000000001.json", "closed/0000000001.json"} <= set(lake.state())
    below = {key.split("/")[0] for key in lake.lake.keys()}
    assert below == {"cf_logs", "cf_logs.lakefront"}


def test_the_state_is_where_the_flag_says(lake, reference):
    state = lake.lake.url("of/its/own")
    lake.convert("-q", "--state", state)
    assert lake.files() == reference.files and lake.state() == []
    assert "of/its/own/table.json" in lake.lake.keys()
    lake.run("verify", lake.table, "--state", state)
    lake.convert("-q", status=1)


def test_logs_in_s3_become_a_table_on_disk(lake, reference, tmp_path):
    lake.convert("-q", table=tmp_path / "cf_logs")
    assert files_below(tmp_path / "cf_logs") == reference.files


def test_logs_on_disk_become_a_table_in_s3(lake, reference):
    lake.convert("-q", source=reference.folder)
    lake.assert_is(reference)


def test_logs_from_disk_and_s3_become_one_table(lake, reference, tmp_path):
    keys = lake.logs.keys("cf/")
    for key in keys[::2]:
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(lake.logs.get(key))
        lake.logs.delete(key)
    lake.run("convert", tmp_path, lake.source, lake.table, "-q")
    lake.assert_rows(tmp_path / "fetched", reference.logs)


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_slash_at_the_end_of_a_url_means_nothing(lake, reference, slash):
    lake.convert("-q", source=lake.source + slash, table=lake.table + slash)
    lake.assert_is(reference)


def test_a_whole_bucket_may_be_the_source(lake, reference):
    lake.convert("-q", source=lake.logs.url())
    lake.assert_is(reference)


def test_a_prefix_is_a_folder_and_not_the_beginning_of_a_name(lake, reference):
    lake.logs.put("cf-other/E1OTHER.2025-01-02-22.00000001.gz", b"no log")
    lake.convert("-q")
    lake.assert_is(reference)


def test_a_second_run_writes_nothing(lake, proxy):
    lake.convert("-q")
    before = lake.lake.keys()
    proxy.forget()
    lake.convert("-q")
    assert proxy.count(*WRITES) == 0
    assert proxy.count("GET", match=f"^/{lake.logs.name}/") == 0
    assert lake.lake.keys() == before


def test_a_dry_run_writes_nothing(lake, proxy):
    lake.convert("--dry-run")
    assert proxy.count(*WRITES) == 0


def test_late_logs_are_added_to_the_table(lake, proxy, reference, tmp_path):
    keys = lake.logs.keys("cf/")
    late = {key: lake.logs.get(key) for key in keys[1::3]}
    for key in late:
        lake.logs.delete(key)
    lake.convert("-q")
    first = lake.files()
    for key, body in late.items():
        lake.logs.put(key, body)
    proxy.forget()
    lake.convert("-q")
    assert sorted(request.key for request in proxy.seen("GET", match=f"^/{lake.logs.name}/")) == sorted(late)
    assert first.items() < lake.files().items()
    lake.assert_rows(tmp_path / "fetched", reference.logs)


def test_status_verify_and_ddl_read_a_table_in_s3(lake, proxy, reference):
    lake.convert("-q")
    proxy.forget()
    status = json.loads(lake.run("status", lake.table, "--json").stdout)
    assert str(len(reference.logs.rows)) in json.dumps(status)
    lake.run("verify", lake.table)
    assert f"LOCATION '{lake.table}" in lake.run("ddl", lake.table).stdout
    assert proxy.count(*WRITES) == 0


def test_a_damaged_table_is_detected(lake):
    lake.convert("-q")
    name = next(iter(lake.files()))
    lake.lake.put(f"cf_logs/{name}", lake.files()[name][:-1] + b"?")
    done = lake.run("verify", lake.table, "--deep", status=1)
    assert name in done.stdout + done.stderr


def test_the_report_names_source_and_table_by_their_urls(lake, reference, tmp_path):
    lake.convert("-q", "--report", tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["table"] == lake.table
    assert report["rows"] == len(reference.logs.rows)
    assert report["objects"]["converted"] == len(lake.logs.keys())


def test_damaged_logs_are_named_by_their_urls(lake, reference):
    lake.logs.put("cf/E1DAMAGED.2025-01-02-22.00000001.gz", b"\x1f\x8b\x08\x00broken")
    assert lake.logs.url("cf/E1DAMAGED.2025-01-02-22.00000001.gz") in lake.convert("-q", status=3).stderr
    assert set(reference.files) == set(lake.files())


def test_a_log_that_was_converted_and_replaced_is_changed(lake, reference):
    lake.convert("-q")
    key = lake.logs.keys("cf/")[0]
    lake.logs.put(key, lake.logs.get(lake.logs.keys("cf/")[1]))
    assert key in lake.convert("-q", status=3).stderr
    assert lake.files() == reference.files
    lake.convert("-q")


def test_a_log_that_is_written_again_with_the_same_bytes_has_not_changed(lake):
    lake.convert("-q")
    key = lake.logs.keys("cf/")[0]
    lake.logs.put(key, lake.logs.get(key))
    lake.convert("-q")


def test_a_log_that_is_replaced_while_it_is_converted_is_left_to_the_next_run(lake, proxy, reference, tmp_path):
    first, second, *_ = lake.logs.keys("cf/")
    after = lake.logs.get(second)
    is_done = threading.Event()

    def replace(request):
        if request.kind == "GET" and request.key == first and not is_done.is_set():
            is_done.set()
            lake.logs.put(first, after)

    proxy.before = replace
    assert first in lake.convert("-q", status=3).stderr
    proxy.before = None
    lake.convert("-q")
    local = tmp_path / "logs"
    shutil.copytree(reference.folder, local)
    (local / first).write_bytes(after)
    lake.assert_rows(tmp_path / "fetched", Logs(local, "cf_logs"))


def test_a_log_that_vanishes_while_it_is_converted_is_left_out(lake, proxy, reference, tmp_path):
    first = lake.logs.keys("cf/")[0]
    proxy.before = lambda request: request.kind == "GET" and request.key == first and lake.logs.delete(first)
    assert first in lake.convert("-q", status=3).stderr
    local = tmp_path / "logs"
    shutil.copytree(reference.folder, local)
    (local / first).unlink()
    assert_rows(lake.lake.download("cf_logs/", tmp_path / "fetched"), Logs(local, "cf_logs"))


def test_of_two_runs_at_once_the_second_exits_with_75(lake, proxy, reference):
    is_at_work = threading.Event()

    def hold(request):
        # The first run waits before its first data file until the second one has ended.
        if request.kind == "PUT" and request.key.startswith("cf_logs/") and not is_at_work.is_set():
            is_at_work.set()
            may_go_on.wait(30)

    may_go_on = threading.Event()
    proxy.before = hold
    first = lake.start()
    try:
        assert is_at_work.wait(30)
        lake.convert("-q", status=75)
    finally:
        may_go_on.set()
        assert first.wait(60) == 0, first.stderr.read()
    lake.assert_is(reference)


def test_runs_started_at_once_make_one_table(lake, reference):
    runs = [lake.start() for _ in range(4)]
    statuses = [run.wait(60) for run in runs]
    assert 0 in statuses and set(statuses) <= {0, 75}, [run.stderr.read() for run in runs]
    lake.assert_is(reference)


def test_a_stopped_run_leaves_its_work_to_the_next(lake, proxy, reference, tmp_path):
    is_told = threading.Event()

    def tell(request):
        # Before its first data file, when each log's task is still to be done.
        if request.kind == "PUT" and request.key.startswith("cf_logs/") and not is_told.is_set():
            is_told.set()
            run.terminate()
            time.sleep(0.5)

    proxy.before = tell
    # Memory for one task at a time: no other task has read its logs.
    run = lake.start("--task-bytes", "1", "--threads", "1", "--memory-bytes", "256MiB")
    assert run.wait(60) == 1, run.stderr.read()
    assert 0 < len(lake.files()) < len(reference.files)
    proxy.before = None
    began = time.monotonic()
    lake.convert("-q")
    assert time.monotonic() - began < 30
    lake.assert_rows(tmp_path / "fetched", reference.logs)
