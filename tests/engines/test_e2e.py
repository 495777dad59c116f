"""Runs the program's own end-to-end tests, `tests/e2e`, with logs and tables in S3."""

import importlib
import os
import re
import subprocess

from harness import REPOSITORY

# moto is faster; Ceph works, too: `make test-engines E2E_SERVER=ceph`.
SERVER = os.environ.get("E2E_SERVER") or "moto"
CARGO = os.environ.get("CARGO") or "cargo"
COMMAND = [CARGO, "test", "--locked", "-p", "lakefront", "--test", "e2e", "--", "--show-output"]
SECONDS = 1500


def test_the_end_to_end_tests_pass_in_buckets(tmp_path, capsys):
    start = getattr(importlib.import_module(f"servers.{SERVER}"), SERVER)
    with start(tmp_path) as store:
        # The compiler needs the rest of the environment.
        of_store = {name: value for name, value in store.env.items() if name.startswith("AWS_")}
        env = {**os.environ, **of_store, "LAKEFRONT_TEST_BUCKET": "e2e"}
        done = subprocess.run(COMMAND, cwd=REPOSITORY, env=env, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    ran = int(re.search(r"^test result: ok\. (\d+) passed; 0 failed; 0 ignored", done.stdout, flags=re.MULTILINE)[1])
    on_disk = sorted(set(re.findall(r"^only on disk: (.*)$", done.stdout, flags=re.MULTILINE)))
    with capsys.disabled():
        print(f"\n{ran - len(on_disk)} of {ran} end-to-end tests passed in {SERVER}; {len(on_disk)} test only the disk:")
        print(*(f"  {line}" for line in on_disk), sep="\n")
    assert 0 < len(on_disk) < ran / 5, "most tests are not only about the disk"
