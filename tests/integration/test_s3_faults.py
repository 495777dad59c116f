"""Faults between the program and the store: the table is the same, byte for byte."""

import pytest

from servers.faults import WHAT, Fault
from servers.proxy import Proxy

READS = "GET LIST HEAD"
FAULTS = {
    "latency": [Fault("latency", seconds=0.03)],
    "reset-before": [Fault("reset-before", chance=0.3, tries=2)],
    "reset-midway": [Fault("reset-midway", chance=0.3, tries=2)],
    "reset-after": [Fault("reset-after", chance=0.3, tries=2)],
    "lost-reply": [Fault("lost-reply", chance=0.3, tries=2)],
    "lost-reply of every write": [Fault("lost-reply", kinds="PUT DELETE", tries=1)],
    "an error after every write was done": [Fault("late-error", kinds="PUT DELETE", tries=1, code="InternalError")],
    "cut-body": [Fault("cut-body", kinds=READS, chance=0.5, tries=2)],
    "cut-body of every list": [Fault("cut-body", kinds="LIST", tries=1)],
    "500": [Fault("500", chance=0.3, tries=2)],
    "503 for every request": [Fault("503", tries=1)],
    "short-list": [Fault("short-list", keys=1)],
    "all at once": [
        Fault(what, chance=0.07, tries=3, seconds=0.02)
        for what in ("latency", "reset-before", "reset-midway", "reset-after", "lost-reply", "500", "503")
    ]
    + [Fault("late-error", chance=0.07, tries=3, code="InternalError")]
    + [Fault("cut-body", kinds=READS, chance=0.07, tries=3)]
    + [Fault("short-list", keys=2)],
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_the_table_is_the_same(lake, proxy, reference, name):
    proxy.faults = FAULTS[name]
    lake.convert("-q")
    proxy.faults = []
    lake.assert_is(reference)
    lake.convert("-q")
    assert lake.files() == reference.files


def test_every_kind_of_fault_is_tested():
    tried = {fault.what for faults in FAULTS.values() for fault in faults}
    assert tried >= set(WHAT)


def test_faults_do_hit(lake, proxy):
    proxy.faults = FAULTS["all at once"]
    lake.convert("-q")
    assert len(proxy.counts["faults"]) >= 6, proxy.counts


def test_a_run_gives_up_with_a_message_if_the_store_always_fails(lake, proxy):
    proxy.faults = [Fault("503", match=f"^/{lake.logs.name}")]
    done = lake.convert("-q", status=1).stderr
    assert lake.logs.name in done and ("503" in done or "SlowDown" in done)
    assert proxy.count(match=f"^/{lake.logs.name}") < 100


def test_a_run_waits_for_a_store_that_fails_for_a_while(lake, proxy, reference):
    proxy.faults = [Fault("503", times=8)]
    lake.convert("-q")
    proxy.faults = []
    lake.assert_is(reference)


@pytest.mark.parametrize("kind", ["LIST", "PUT"])
def test_a_request_that_hangs_is_retried(lake, proxy, reference, kind):
    proxy.faults = [Fault("latency", kinds=kind, seconds=600, times=1)]
    lake.convert("-q")
    assert proxy.counts["faults"] == {"latency": 1}
    proxy.faults = []
    lake.assert_is(reference)


def test_a_run_gives_up_and_names_the_store_if_replies_of_writes_are_always_lost(lake, proxy):
    proxy.faults = [Fault("lost-reply", kinds="PUT")]
    done = lake.convert("-q", status=1).stderr
    assert "cannot write it: the network failed: no answer from `127.0.0.1:" in done and lake.lake.name in done
    assert proxy.count("PUT") < 30


def test_a_redirect_to_another_host_is_not_followed(lake, proxy, moto_store):
    with Proxy(moto_store.endpoint) as other:
        for kind in ("LIST", "GET", "PUT"):
            location = {"Location": f"http://localhost:{other.port}/"}
            proxy.faults = [Fault("answer", kinds=kind, status=307, code="TemporaryRedirect", headers=location)]
            done = lake.convert("-q", status=1, env={"AWS_SESSION_TOKEN": "canary-of-the-token"}).stderr
            assert f"a redirect to `localhost:{other.port}`" in done and "canary" not in done
            assert all(request.headers["x-amz-security-token"] for request in proxy.seen())
        assert other.count() == 0
