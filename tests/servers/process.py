"""Programs for tests: started on free ports, waited for, stopped with their children, output kept in a log."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_SECONDS = 4
# Below the kernel's ports for outgoing connections, so that no connection takes a port before its server.
PORTS = range(20_000, 32_000)


class Failed(Exception):
    """A server cannot be started. The message says why, and what to do."""


def free_ports(count):
    """Returns free ports of loopback, all different."""
    chance, found = random.Random(), []
    while len(found) < count:
        port = chance.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def program(name, hint):
    """Returns the path of a program."""
    found = shutil.which(name)
    if not found:
        raise Failed(f"`{name}` is not installed: {hint}")
    return found


def answers(url):
    """Returns True if something at the URL speaks HTTP; an error status is an answer, too."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def tail(path, count=25):
    """Returns the last lines of a log."""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def run(*command, env=None, seconds=120):
    """Returns the stdout of a command; raises `Failed` if the command fails."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=env, timeout=seconds)
    if done.returncode != 0:
        raise Failed(f"{command} exits with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def succeeds(*command, env=None):
    """Returns True if a command exits with 0."""
    try:
        run(*command, env=env)
    except Failed:
        return False
    return True


@contextlib.contextmanager
def running(name, folder, *command, env=None, is_ready=None, seconds=60):
    """Runs a program and its children from readiness until the block ends. Its output is in `name`.log."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{name}.log"
    # It ends with the tests, even if these are killed.
    command = ["setpriv", "--pdeathsig", "TERM", *map(str, command)]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env=None if env is None else {**os.environ, **env},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + seconds
        while is_ready and not is_ready():
            if process.poll() is not None:
                raise Failed(f"{name} exits with {process.returncode} as it starts; its log, {log}:\n{tail(log)}")
            if time.monotonic() > deadline:
                raise Failed(f"{name} is not ready after {seconds} s; its log, {log}:\n{tail(log)}")
            time.sleep(0.05)
        yield process
    finally:
        stop(process)


def stop(process):
    """Ends a program and its children: first with SIGTERM, then with SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return
