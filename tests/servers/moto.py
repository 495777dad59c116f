"""moto, a fast S3 server. It accepts any key, answers `If-None-Match` with 412, and has storage classes."""

import contextlib
import sys

from .process import answers, free_ports, running
from .store import Store


@contextlib.contextmanager
def moto(folder, checks_keys_after=None):
    """Runs a moto server; after `checks_keys_after` requests it checks signatures and policies."""
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    env = {"MOTO_S3_CUSTOM_ENDPOINTS": endpoint}
    if checks_keys_after is not None:
        env["INITIAL_NO_AUTH_ACTION_COUNT"] = str(checks_keys_after)
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
    with running("moto", folder, *command, env=env, is_ready=lambda: answers(f"{endpoint}/moto-api/data.json")):
        yield Store("moto", endpoint)
