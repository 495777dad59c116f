"""Tables in real stores: Ceph's gateway, LocalStack, Azure's emulator. The table is the same in each."""

import importlib
import itertools

import pytest

import lakes
from servers.faults import Fault
from servers.proxy import Proxy
from test_s3_faults import FAULTS

WRITES = ("PUT", "POST", "DELETE")


@pytest.fixture(scope="module", params=["ceph", "localstack", "azurite"])
def store(request, tmp_path_factory):
    """Each server, one after the other."""
    start = getattr(importlib.import_module(f"servers.{request.param}"), request.param)
    with start(tmp_path_factory.mktemp(request.param)) as store:
        yield store


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Returns a few logs, and their table on disk."""
    return lakes.reference(tmp_path_factory.mktemp("reference"))


@pytest.fixture
def proxy(store):
    with Proxy(store.endpoint) as proxy:
        yield proxy


@pytest.fixture
def lake(store, proxy, reference):
    return lakes.Lake(store.through(proxy.endpoint), reference.folder)


def test_a_table_equals_that_on_disk_and_a_second_run_writes_nothing(lake, proxy, reference):
    lake.convert("-q")
    lake.assert_is(reference)
    proxy.forget()
    lake.convert("-q")
    assert proxy.count(*WRITES) == 0


def test_late_logs_are_added(lake, reference):
    late = {key: lake.logs.get(key) for key in lake.logs.keys("cf/")[1::2]}
    for key in late:
        lake.logs.delete(key)
    lake.convert("-q")
    first = lake.files()
    for key, body in late.items():
        lake.logs.put(key, body)
    lake.convert("-q")
    assert first.items() < lake.files().items()
    lake.run("verify", lake.table, "--deep")


@pytest.mark.parametrize("name", list(FAULTS))
def test_injected_faults_change_nothing(lake, proxy, reference, name):
    proxy.faults = FAULTS[name]
    lake.convert("-q")
    proxy.faults = []
    lake.assert_is(reference)


def test_runs_started_at_once_make_one_table(lake, reference):
    for _ in range(3):
        runs = [lake.start() for _ in range(6)]
        statuses = [run.wait(120) for run in runs]
        assert 0 in statuses and set(statuses) <= {0, 75}, [run.stderr.read() for run in runs]
    lake.assert_is(reference)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_run_completes_a_run_killed_at_any_write(store, tmp_path_factory, moment):
    small = lakes.reference(tmp_path_factory.mktemp("small"), hours=2, rows_per_file=40)
    for write in itertools.count():
        with Proxy(store.endpoint) as proxy:
            lake = lakes.Lake(store.through(proxy.endpoint), small.folder)
            counter, running = itertools.count(), []

            def kill(request):
                if request.kind in WRITES and running and next(counter) == write:
                    running[0].kill()
                    return True

            setattr(proxy, moment, kill)
            running.append(lake.start())
            running[0].communicate(timeout=60)
            status = running.pop().returncode
            lake.convert("-q", "--take-over")
            lake.assert_is(small)
        if status == 0:
            break
    assert write > 10


def test_a_run_waits_for_a_store_that_fails_for_a_while(lake, proxy, reference):
    proxy.faults = [Fault("503", times=8)]
    lake.convert("-q")
    proxy.faults = []
    lake.assert_is(reference)
