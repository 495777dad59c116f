#!/usr/bin/env python3
"""lakefront beside programs that one would take instead, and beside gunzip, which nothing can be faster than.

Each round runs every program once, one after the other, in an order that is rotated from round to round; ratios are
taken inside rounds, and what is printed are medians. No run is left out. What each run took goes to a file of JSON
lines, from which `--report` prints the tables again. scripts/peers/task.py says what the peers are asked to do.

    make bench-peers                                     all of it; needs 30 GB of disk and an hour
    ... scripts/bench_peers.py peers --rounds 5          the table of peers
    ... scripts/bench_peers.py peers --only lakefront,gunzip,polars --also old=/tmp/lakefront-of-yesterday
    ... scripts/bench_peers.py memory threads huge tiny one levels
    ... scripts/bench_peers.py --report bench-data/peers.jsonl

LAKEFRONT_BIN, LOGGEN_BIN, GUNZIP_BIN and PEERS_PYTHON say where the programs are.
"""

import argparse
import json
import sys
from pathlib import Path

from bench_runs import Records, programs, rotated, run
from bench_sets import DATA, SHAPES, logs_of, warm
from bench_specials import SPECIALS
from bench_tables import Bars, machine, peers_table


def bench_peers(arguments, records):
    """Rounds of every program on every set."""
    every = [*programs(arguments).items()]
    for turn in range(arguments.rounds):
        for name in arguments.sets.split(","):
            logs = logs_of(name)
            warm(logs)
            for program, command in rotated(every, turn * 3):
                about = {"bench": "peers", "set": name, "round": turn, "program": program}
                records.add(**run(command, arguments.threads, logs, **about))


def report(records):
    """Prints all tables and bars. Returns whether every bar was passed."""
    bars = Bars()
    print(f"\n{machine()}")
    for name in SHAPES:
        of_set = [record for record in records if record["bench"] == "peers" and record["set"] == name]
        if of_set:
            peers_table(name, of_set, bars)
    for name, special in SPECIALS.items():
        of_special = [record for record in records if record["bench"] == name]
        if of_special:
            special.table(of_special, bars)
    return bars.show()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help=f"peers, {', '.join(SPECIALS)}, or all [peers]")
    parser.add_argument("--rounds", type=int, default=5, help="how often each command runs [5]")
    parser.add_argument("--sets", default="A,B", help="which sets peers run on [A,B]")
    parser.add_argument("--threads", type=int, default=2, help="with how many threads [2]")
    parser.add_argument("--only", default="", help="which programs, commas between them [all]")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=BINARY", help="another lakefront; may be repeated")
    parser.add_argument("--spark", action="store_true", help="Spark as well: needs Java, and pyspark in the peers' environment")
    parser.add_argument("--records", type=Path, default=DATA / "peers.jsonl", help="where each run's figures are added")
    parser.add_argument("--report", nargs="+", type=Path, metavar="FILE", help="run nothing; print the tables of these records")
    arguments = parser.parse_args()
    if arguments.report:
        return 0 if report([json.loads(line) for path in arguments.report for line in path.read_text().splitlines()]) else 1
    benches = {"peers": bench_peers} | {name: special.bench for name, special in SPECIALS.items()}
    what = [*benches] if "all" in arguments.what else arguments.what or ["peers"]
    if unknown := set(what) - set(benches):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(benches)}, all")
    DATA.mkdir(exist_ok=True)
    records = Records(arguments.records)
    for name in what:
        benches[name](arguments, records)
    return 0 if report(records.all) else 1


if __name__ == "__main__":
    sys.exit(main())
