"""LocalStack, an S3 server that answers conditional requests like AWS. It runs without docker and without an account."""

import contextlib
import os

from .process import REPOSITORY, Failed, answers, free_ports, running
from .store import Store

PYTHON = REPOSITORY / ".venv" / "localstack" / "bin" / "python"


@contextlib.contextmanager
def localstack(folder):
    if not PYTHON.exists():
        raise Failed(f"LocalStack is not installed in {PYTHON.parents[1]}: `make test-engines` installs it")
    (port,) = free_ports(1)
    endpoint = f"http://127.0.0.1:{port}"
    env = {
        "SERVICES": "s3",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "FILESYSTEM_ROOT": str(folder / "localstack"),
        # It stores objects below the temporary folder.
        "TMPDIR": str(folder / "tmp"),
        # It sends nothing to other machines: no certificate is fetched, nothing is reported.
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
    }
    (folder / "tmp").mkdir(parents=True)
    (folder / "localstack").mkdir()
    command = [PYTHON, "-m", "localstack.runtime.main"]
    ready = lambda: answers(f"{endpoint}/_localstack/health")
    with running("localstack", folder, *command, env=env, is_ready=ready, seconds=120):
        yield Store("localstack", endpoint)
