"""Measures time and memory of `lakefront convert`, compared with `gzip -dc` on the same objects.

Needs only lakefront and loggen. Each round runs each command once, in turn; the tables show medians. The exit status
is 1 if the peak memory of a conversion was over the limit.

    LAKEFRONT_BIN=target/release/lakefront LOGGEN_BIN=target/release/loggen scripts/bench/__main__.py convert
    ... convert --rounds 5 --sets B --threads 2
    ... convert --sets '' --huge 8      one object of about 8 GB of text: does memory stay flat?
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from measure import MIB, measure
from sets import DATA, logs_of, repeated_and_joined


def measured(command):
    """Runs a command that must succeed; returns (wall seconds, CPU seconds, peak bytes of memory)."""
    figures = measure(command)
    if figures.status != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {figures.status}")
    return figures.wall, figures.cpu, figures.peak


def gunzip(folder, threads):
    """Runs the baseline: one gzip process per thread; the text is discarded."""
    pipe = 'find "$0" -name "*.gz" -print0 | xargs -0 -P "$1" -n 4 gzip -dc > /dev/null'
    return measured(["sh", "-c", pipe, f"{folder}/", threads])


def convert(folder, threads, flags):
    """Converts into a new table; returns the figures and the report."""
    with tempfile.TemporaryDirectory(dir=DATA) as destination:
        table, report = Path(destination) / "cf_logs", Path(destination) / "report.json"
        command = [os.environ["LAKEFRONT_BIN"], "convert", folder, table, "-q", "--report", report]
        figures = measured([*command, f"--threads={threads}", *flags])
        return figures, json.loads(report.read_text())


def limit(threads):
    """Returns the memory limit of a conversion in bytes: the default of --memory-bytes."""
    return (128 + 128 * (threads + 1)) * MIB


def bench(name, folder, rounds, all_threads, flags):
    """Measures one set and prints its table; returns True if memory stayed within the limit."""
    runs, report = defaultdict(list), {}
    for _ in range(rounds):
        for threads in all_threads:
            runs["gzip -dc", threads].append(gunzip(folder, threads))
            figures, report = convert(folder, threads, flags)
            runs["lakefront", threads].append(figures)
    text, out = report["text_bytes"], report["bytes_out"]
    print(f"\n{name}: {report['objects']['converted']:,} objects, {report['rows']:,} rows, {text / 1e6:,.0f} MB of text,", end=" ")
    print(f"{report['bytes_in'] / 1e6:,.0f} MB gzipped -> {report['files']:,} files, {out / 1e6:,.0f} MB (1:{text / out:.1f})")
    print(f"{'':9} threads {'wall s':>8} {'min':>8} {'CPU s':>8} {'MB/s':>7} {'rows/s':>10} {'x gzip':>7} {'peak MiB':>9} {'limit':>5}")
    within = True
    for (program, threads), figures in runs.items():
        walls, cpus, peaks = zip(*figures)
        wall, peak = statistics.median(walls), max(peaks)
        ratio = statistics.median(w / g for w, (g, _, _) in zip(walls, runs["gzip -dc", threads]))
        line = f"{program:9} {threads:7} {wall:8.2f} {min(walls):8.2f} {statistics.median(cpus):8.2f} {text / 1e6 / wall:7.0f}"
        line += f" {report['rows'] / wall:10,.0f} {ratio:7.2f}"
        if program == "lakefront":
            passed = peak <= limit(threads)
            within = within and passed
            line += f" {peak / MIB:9.0f} {limit(threads) // MIB:5} {'PASS' if passed else 'FAIL'}"
        print(line, flush=True)
    return within


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench convert", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="number of runs of each command [3]")
    parser.add_argument("--sets", default="A,B", help="sets of logs [A,B]")
    parser.add_argument("--threads", default="1,2", help="thread counts to measure [1,2]")
    parser.add_argument("--huge", type=float, metavar="GB", help="also convert one object of about GB gigabytes of text")
    parser.add_argument("--flags", default="", help="more flags for `lakefront convert`")
    arguments = parser.parse_args(argv)
    DATA.mkdir(exist_ok=True)
    threads = [int(number) for number in arguments.threads.split(",")]
    within = True
    for name in filter(None, arguments.sets.split(",")):
        within &= bench(name, logs_of(name), arguments.rounds, threads, arguments.flags.split())
    if arguments.huge:
        folder = repeated_and_joined("B", arguments.huge)
        within &= bench("huge", folder, 1, threads, arguments.flags.split())
    print(f"\nmemory {'PASS' if within else 'FAIL'}: peaks are {'' if within else 'not '}within 128 MiB x (threads + 2)")
    return 0 if within else 1
