"""Runs a command with a server: `python -m servers moto [--fault JSON]... -- COMMAND`.

The environment of the command has the store's endpoint and keys, and the name of an empty bucket in `BUCKET`.
"""

import argparse
import contextlib
import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .faults import Fault
from .proxy import Proxy

flags = argparse.ArgumentParser(prog="servers", description=__doc__)
flags.add_argument("server", choices=["moto", "ceph", "localstack", "rclone", "azurite"])
flags.add_argument("--fault", action="append", default=[], type=json.loads, help="a fault of faults.py, as JSON")
flags.add_argument("--seed", type=int, default=1)
flags.add_argument("command", nargs="+")
options = flags.parse_args()

with contextlib.ExitStack() as stack:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    start = getattr(importlib.import_module(f"servers.{options.server}"), options.server)
    store = stack.enter_context(start(folder))
    proxy = stack.enter_context(Proxy(store.endpoint, [Fault(**fault) for fault in options.fault], options.seed))
    env = {**store.through(proxy.endpoint).env, "BUCKET": store.bucket().name, "FAULT_PROXY": proxy.endpoint}
    status = subprocess.run(options.command, env=env).returncode
    print(f"requests and faults: {json.dumps(proxy.counts)}", file=sys.stderr)
sys.exit(status)
