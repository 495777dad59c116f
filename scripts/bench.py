#!/usr/bin/env python3
"""How fast `lakefront convert` is, and how much memory it takes: beside `gzip -dc`, which only unpacks the same objects.

Makes its logs once, in bench-data/: A is 2,000 objects of 1,000 rows, B is 24 objects of 150,000 rows. Each round runs
each command once, in turn; printed are the medians. Exits with 1 where a conversion took more memory than its cap.

    LAKEFRONT_BIN=target/release/lakefront LOGGEN_BIN=target/release/loggen scripts/bench.py
    ... scripts/bench.py --rounds 5 --sets B --threads 2
    ... scripts/bench.py --sets '' --huge 8      one object of about 8 GB of text: does memory stay flat?
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

MIB = 1 << 20
DATA = Path(__file__).resolve().parents[1] / "bench-data"
SETS = {
    "A": ["--seed=101", "--distributions=5", "--hours=4", "--files-per-hour=100", "--rows-per-file=1000"],
    "B": ["--seed=202", "--hours=24", "--files-per-hour=1", "--rows-per-file=150000"],
}


def logs_of(name):
    """The folder of a set. Made if it is not there."""
    folder = DATA / name
    if not folder.is_dir():
        unfinished = DATA / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run([os.environ["LOGGEN_BIN"], unfinished, *SETS[name]], check=True)
        unfinished.rename(folder)
    return folder


def text_bytes(path):
    """How long the text of an object of one gzip member is: its last four bytes say so."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def huge_logs(gigabytes):
    """A folder with one object of about so many GB of text: set B's objects one after the other, again and again."""
    folder = DATA / f"huge-{gigabytes:g}"
    if not folder.is_dir():
        objects = sorted(logs_of("B").glob("*.gz"))
        unfinished = DATA / f"huge-{gigabytes:g}.unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        with open(unfinished / "EHUGE.2025-01-02-03.00000001.gz", "wb") as huge:
            for _ in range(max(1, round(gigabytes * 1e9 / sum(map(text_bytes, objects))))):
                for path in objects:
                    with open(path, "rb") as file:
                        shutil.copyfileobj(file, huge)
        unfinished.rename(folder)
    return folder


def measure(command):
    """(wall seconds, CPU seconds, peak bytes of memory) of a command that has to succeed.

    What the kernel calls the child's peak is never below this script's own, so this script must stay small.
    """
    started = time.monotonic()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - started
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def gunzip(folder, threads):
    """The baseline: as many gzip processes as threads, nothing done with the text."""
    pipe = 'find "$0" -name "*.gz" -print0 | xargs -0 -P "$1" -n 4 gzip -dc > /dev/null'
    return measure(["sh", "-c", pipe, folder, str(threads)])


def convert(folder, threads, flags):
    """A conversion into a new table, and its report."""
    with tempfile.TemporaryDirectory(dir=DATA) as destination:
        table, report = Path(destination) / "cf_logs", Path(destination) / "report.json"
        command = [os.environ["LAKEFRONT_BIN"], "convert", folder, table, "-q", "--report", report]
        figures = measure([*command, f"--threads={threads}", *flags])
        return figures, json.loads(report.read_text())


def cap(threads):
    """The most memory that a conversion may take: the default of --memory-bytes."""
    return (128 + 192 * threads) * MIB


def bench(name, folder, rounds, all_threads, flags):
    """Measures one set and prints its table. Returns whether memory stayed under the cap."""
    runs, report = defaultdict(list), {}
    for _ in range(rounds):
        for threads in all_threads:
            runs["gzip -dc", threads].append(gunzip(folder, threads))
            figures, report = convert(folder, threads, flags)
            runs["lakefront", threads].append(figures)
    text, out = report["text_bytes"], report["bytes_out"]
    print(f"\n{name}: {report['objects']['converted']:,} objects, {report['rows']:,} rows, {text / 1e6:,.0f} MB of text,", end=" ")
    print(f"{report['bytes_in'] / 1e6:,.0f} MB gzipped -> {report['files']:,} files, {out / 1e6:,.0f} MB (1:{text / out:.1f})")
    print(f"{'':9} threads {'wall s':>8} {'min':>8} {'CPU s':>8} {'MB/s':>7} {'rows/s':>10} {'x gzip':>7} {'peak MiB':>9} {'cap':>5}")
    within = True
    for (program, threads), figures in runs.items():
        walls, cpus, peaks = zip(*figures)
        wall, peak = statistics.median(walls), max(peaks)
        ratio = statistics.median(w / g for w, (g, _, _) in zip(walls, runs["gzip -dc", threads]))
        line = f"{program:9} {threads:7} {wall:8.2f} {min(walls):8.2f} {statistics.median(cpus):8.2f} {text / 1e6 / wall:7.0f}"
        line += f" {report['rows'] / wall:10,.0f} {ratio:7.2f}"
        if program == "lakefront":
            passed = peak <= cap(threads)
            within = within and passed
            line += f" {peak / MIB:9.0f} {cap(threads) // MIB:5} {'PASS' if passed else 'FAIL'}"
        print(line, flush=True)
    return within


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="how often each command runs [3]")
    parser.add_argument("--sets", default="A,B", help="which sets [A,B]")
    parser.add_argument("--threads", default="1,2", help="with how many threads [1,2]")
    parser.add_argument("--huge", type=float, metavar="GB", help="also one object of about so many GB of text")
    parser.add_argument("--flags", default="", help="more flags for `lakefront convert`")
    arguments = parser.parse_args()
    DATA.mkdir(exist_ok=True)
    threads = [int(number) for number in arguments.threads.split(",")]
    within = True
    for name in filter(None, arguments.sets.split(",")):
        within &= bench(name, logs_of(name), arguments.rounds, threads, arguments.flags.split())
    if arguments.huge:
        folder = huge_logs(arguments.huge)
        within &= bench("huge", folder, 1, threads, arguments.flags.split())
    print(f"\nmemory {'PASS' if within else 'FAIL'}: peaks are {'' if within else 'not '}within 128 MiB + 192 MiB a thread")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
