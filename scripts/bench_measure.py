"""Runs a command and says what it took: wall and CPU seconds, and the peak of memory of all its processes together."""

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
    """What a run took."""

    status: int
    wall: float
    # Of all its processes, user and system.
    cpu: float
    # Bytes of memory: the largest sum over its processes.
    peak: int
    # The share of the machine's cores that anything else used meanwhile: where it is large, distrust `wall`.
    others: float


def measure(command, output=None):
    """Runs a command to its end; `output` takes what it prints.

    The kernel's own figure of a process's peak is exact, but of one process, and never below what this script had when
    it started one. Therefore memory is polled as well; the larger of both counts.
    """
    # Processes that outlive their parents become this one's, so that their CPU time is known.
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
    """Looks again and again at how much memory a process and its children have."""

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
    """A process and all below it."""
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
        # It has ended.
        return ""


def resident_bytes(pid):
    pages = read(f"/proc/{pid}/statm").split()
    return int(pages[1]) * PAGE_BYTES if pages else 0


def busy_seconds():
    """Seconds that all cores together were busy since the machine started."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, read("/proc/stat").split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq + steal) / TICKS
