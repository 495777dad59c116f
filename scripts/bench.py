#!/usr/bin/env python3
"""How fast `lakefront convert` is, and how much memory it takes: beside `gzip -dc`, which only unpacks the same objects.

Needs nothing but the program; `bench_peers.py` compares it with others. Each round runs each command once, in turn;
printed are the medians. Exits with 1 where a conversion took more memory than its cap.

    LAKEFRONT_BIN=target/release/lakefront LOGGEN_BIN=target/release/loggen scripts/bench.py
    ... scripts/bench.py --rounds 5 --sets B --threads 2
    ... scripts/bench.py --sets '' --huge 8      one object of about 8 GB of text: does memory stay flat?
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from bench_measure import MIB, measure
from bench_sets import DATA, logs_of, repeated_and_joined


def measured(command):
    """(wall seconds, CPU seconds, peak bytes of memory) of a command that has to succeed."""
    figures = measure(command)
    if figures.status != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit status {figures.status}")
    return figures.wall, figures.cpu, figures.peak


def gunzip(folder, threads):
    """The baseline: as many gzip processes as threads, nothing done with the text."""
    pipe = 'find "$0" -name "*.gz" -print0 | xargs -0 -P "$1" -n 4 gzip -dc > /dev/null'
    return measured(["sh", "-c", pipe, f"{folder}/", threads])


def convert(folder, threads, flags):
    """A conversion into a new table, and its report."""
    with tempfile.TemporaryDirectory(dir=DATA) as destination:
        table, report = Path(destination) / "cf_logs", Path(destination) / "report.json"
        command = [os.environ["LAKEFRONT_BIN"], "convert", folder, table, "-q", "--report", report]
        figures = measured([*command, f"--threads={threads}", *flags])
        return figures, json.loads(report.read_text())


def cap(threads):
    """The most memory that a conversion may take: the default of --memory-bytes."""
    return (128 + 128 * (threads + 1)) * MIB


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
        folder = repeated_and_joined("B", arguments.huge)
        within &= bench("huge", folder, 1, threads, arguments.flags.split())
    print(f"\nmemory {'PASS' if within else 'FAIL'}: peaks are {'' if within else 'not '}within 128 MiB + 128 MiB for each thread and one more")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
