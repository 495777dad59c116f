"""A run is killed at any moment: the next one completes it, and every row is in the table once."""

import itertools

import pytest

from lakes import Lake, reference as make_reference
from servers.faults import Fault
from servers.proxy import Proxy


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Four logs."""
    return make_reference(tmp_path_factory.mktemp("small"), hours=2, rows_per_file=40)


@pytest.fixture(scope="module")
def num_writes(moto_store, small):
    """Returns the number of writes of a whole conversion."""
    with Proxy(moto_store.endpoint) as proxy:
        Lake(moto_store.through(proxy.endpoint), small.folder).convert("-q")
        return proxy.count("PUT", "DELETE")


@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_next_run_completes_a_killed_one(moto_store, small, num_writes, share, moment):
    with Proxy(moto_store.endpoint) as proxy:
        lake = Lake(moto_store.through(proxy.endpoint), small.folder)
        write, counter, running = int(share * (num_writes - 1)), itertools.count(), []

        def kill(request):
            if request.kind in ("PUT", "DELETE") and running and next(counter) == write:
                running[0].kill()
                return True

        setattr(proxy, moment, kill)
        running.append(lake.start())
        running[0].communicate(timeout=60)
        assert running[0].returncode == -9
        running.clear()
        # Its lease is still fresh: the next run waits until the lease expires or the operator takes over.
        lake.convert("-q", status=(0, 75))
        lake.convert("-q", "--take-over")
        lake.assert_is(small)


def test_a_conversion_killed_repeatedly_comes_to_an_end(moto_store, small):
    with Proxy(moto_store.endpoint, [Fault("latency", seconds=0.005)]) as proxy:
        lake = Lake(moto_store.through(proxy.endpoint), small.folder)
        for allowed in itertools.count(3, 4):
            counter, running = itertools.count(), []
            proxy.before = lambda request: request.kind == "PUT" and next(counter) == allowed and running[0].kill()
            running.append(lake.start("--take-over"))
            running[0].communicate(timeout=60)
            if running[0].returncode == 0:
                break
        lake.assert_is(small)
        assert allowed > 3


def test_a_run_whose_lease_is_too_old_is_taken_over(moto_store, small):
    with Proxy(moto_store.endpoint) as proxy:
        lake = Lake(moto_store.through(proxy.endpoint), small.folder)
        running = []
        proxy.before = lambda request: (
            request.kind == "PUT" and request.key.startswith("cf_logs/") and running and running.pop().kill()
        )
        run = lake.start()
        running.append(run)
        run.communicate(timeout=60)
        proxy.before = None
        lake.convert("-q", status=75)
        lake.convert("-q", "--lease", "0s")
        lake.assert_is(small)
