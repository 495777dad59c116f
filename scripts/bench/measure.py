"""Runs a command; measures wall and CPU seconds, and the peak memory of all its processes together."""

import ctypes
import os
import resource
import subprocess
import threading
import time
from dataclasses import dataclass

MIB = 1 << 20
POLL_SECONDS = 0.02
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()
PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Figures:
    """Time and memory of a run."""

    status: int
    wall: float
    # Seconds, user and system, of all processes.
    cpu: float
    # Bytes of memory: the largest sum over all processes.
    peak: int
    # Share of the machine's cores that other programs used meanwhile. If it is large, do not trust `wall`.
    others: float


def measure(command, output=None):
    """Runs a command to its end; `output` receives its stdout and stderr.

    The kernel's peak is exact, but it covers one process, and it is never below the memory of this script at the fork.
    Therefore memory is polled as well, and the larger figure is taken.
    """
    # Processes that outlive their parents become children of this one, so that their CPU time is counted.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy, started = busy_seconds(), time.monotonic()
    child = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    poll = Poll(child.pid)
    status, cpu, peak, wall = 0, 0.0, 0, 0.0
    while True:
        try:
            pid, ended, usage = os.wait4(-1, 0)
        except ChildProcessError:
            break
        cpu += usage.ru_utime + usage.ru_stime
        if usage.ru_maxrss > own:
            peak = max(peak, usage.ru_maxrss * 1024)
        if pid == child.pid:
            wall = time.monotonic() - started
            status = child.returncode = os.waitstatus_to_exitcode(ended)
    peak = max(peak, poll.end())
    others = busy_seconds() - busy - cpu
    return Figures(status, wall, cpu, peak, max(0.0, others / CORES / (time.monotonic() - started)))


class Poll:
    """Polls the memory of a process and all its descendants."""

    def __init__(self, pid):
        self.pid, self.peak, self.ended = pid, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended.wait(POLL_SECONDS):
            self.peak = max(self.peak, sum(map(resident_bytes, tree(self.pid))))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.peak


def tree(pid):
    """Yields a process and all its descendants."""
    yield pid
    try:
        threads = os.listdir(f"/proc/{pid}/task")
        texts = [read(f"/proc/{pid}/task/{thread}/children") for thread in threads]
    except OSError:
        return
    for child in " ".join(texts).split():
        yield from tree(int(child))


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        # The process has ended.
        return ""


def resident_bytes(pid):
    pages = read(f"/proc/{pid}/statm").split()
    return int(pages[1]) * PAGE_BYTES if pages else 0


def busy_seconds():
    """Returns the busy seconds of all cores together since the machine started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, read("/proc/stat").split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) / TICKS
