"""Ceph's object gateway, a real S3 server that checks signatures and policies. One monitor, one OSD in memory."""

import contextlib
import json
import os
import uuid

from .process import Failed, answers, free_ports, program, run, running, succeeds, tail
from .store import Store

HINT = "`make test-engines` installs it: apt-get install radosgw ceph-mon ceph-osd"

# Data are not replicated, daemons do not authenticate each other, and no other machine is contacted.
CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = v1:127.0.0.1:{monitor}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
mon data = {folder}/monitor
mon data avail warn = 1
mon data avail crit = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
# The OSD is added to the CRUSH map below: it sometimes tries that itself before it knows the monitor, and gives up.
osd crush update on start = false
osd class update on start = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
run dir = {folder}
pid file = {folder}/$name.pid
admin socket = {folder}/$name.asok
log file = {folder}/$name.daemon.log
[client]
rgw thread pool size = 64
rgw dynamic resharding = false
rgw override bucket index max shards = 1
"""


@contextlib.contextmanager
def ceph(folder):
    for name in ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "ceph-authtool", "radosgw", "radosgw-admin"):
        program(name, HINT)
    monitor, port = free_ports(2)
    for name in ("monitor", "osd"):
        (folder / name).mkdir(parents=True)
    fsid, configuration = str(uuid.uuid4()), folder / "ceph.conf"
    configuration.write_text(CONFIGURATION.format(fsid=fsid, folder=folder, monitor=monitor))
    env = {"CEPH_CONF": str(configuration), "CEPH_ARGS": ""}
    everything = {**os.environ, **env}
    admin = lambda *words: run("radosgw-admin", *words, env=everything)

    monitors = folder / "monitors"
    address = f"[v1:127.0.0.1:{monitor}]"
    run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, monitors, env=everything)
    keyring = folder / "keyring"
    run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *", env=everything)
    run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monitors, "--keyring", keyring, env=everything)

    endpoint = f"http://127.0.0.1:{port}"
    with contextlib.ExitStack() as daemons:
        start = lambda name, *command, **more: daemons.enter_context(running(name, folder, *command, env=env, **more))
        # On a busy machine, a monitor that has just started may refuse requests.
        knows_us = lambda: succeeds("ceph", "--connect-timeout", "30", "mon", "stat", env=everything)
        start("ceph-mon", "ceph-mon", "-f", "-i", "a", is_ready=knows_us)
        disk = str(uuid.uuid4())
        run("ceph", "osd", "create", disk, env=everything)
        run("ceph", "osd", "crush", "add", "osd.0", "1", "root=default", "host=here", env=everything)
        run("ceph-osd", "-i", "0", "--mkfs", "--no-mon-config", "--osd-uuid", disk, env=everything)
        osd = start("ceph-osd", "ceph-osd", "-f", "-i", "0")

        def is_ready():
            if osd.poll() is not None:
                raise Failed(f"ceph-osd exits with {osd.returncode} as it starts:\n{tail(folder / 'ceph-osd.log')}")
            return answers(endpoint)

        gateway = ["radosgw", "-f", "-n", "client.rgw", f"--rgw-frontends=beast endpoint=127.0.0.1:{port}"]
        start("radosgw", *gateway, is_ready=is_ready, seconds=120)
        user = ["user", "create", "--uid=test", "--display-name=test", "--access-key=test", "--secret-key=testtest"]
        # Any number of buckets.
        user += ["--max-buckets=0"]
        json.loads(admin(*user))
        # A user of another account, who owns nothing: for policies and buckets of others.
        other = ["user", "create", "--uid=other", "--display-name=other", "--access-key=other", "--secret-key=otherother"]
        json.loads(admin(*other))
        yield Store("ceph", endpoint)
