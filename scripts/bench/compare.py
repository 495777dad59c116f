"""Compares lakefront with alternative programs, and with gunzip, the lower bound of the time.

Each round runs every program once, one after the other, and the order rotates from round to round. Ratios are computed
within a round; the tables show medians. No run is left out. The figures of each run are appended to a file of JSON
lines; `--report` prints the tables again from such files. scripts/bench/peers/task.py describes the task of the peers.

    make bench-peers                          everything; needs 30 GB of disk and an hour
    ... peers --rounds 5                      the table of peers
    ... peers --only lakefront,gunzip,polars --also old=/tmp/lakefront-of-yesterday
    ... memory threads huge tiny one levels   scenarios for lakefront only
    ... --report bench-data/peers.jsonl       print the tables of earlier runs

LAKEFRONT_BIN, LOGGEN_BIN, GUNZIP_BIN and PEERS_PYTHON are the paths of the programs.
"""

import argparse
import json
from pathlib import Path

from runs import Records, programs, rotated, run
from scenarios import SCENARIOS
from sets import DATA, SHAPES, logs_of, warm
from tables import Bars, machine, peers_table


def bench_peers(arguments, records):
    """Runs every program on every set, in rounds."""
    all_programs = [*programs(arguments).items()]
    for turn in range(arguments.rounds):
        for name in arguments.sets.split(","):
            logs = logs_of(name)
            warm(logs)
            for program, command in rotated(all_programs, turn * 3):
                about = {"bench": "peers", "set": name, "round": turn, "program": program}
                records.add(**run(command, arguments.threads, logs, **about))


def report(records):
    """Prints all tables and bars; returns True if every bar passed."""
    bars = Bars()
    print(f"\n{machine()}")
    for name in SHAPES:
        of_set = [record for record in records if record["bench"] == "peers" and record["set"] == name]
        if of_set:
            peers_table(name, of_set, bars)
    for name, scenario in SCENARIOS.items():
        of_scenario = [record for record in records if record["bench"] == name]
        if of_scenario:
            scenario.table(of_scenario, bars)
    return bars.show()


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benches", nargs="*", metavar="BENCH", help=f"peers, {', '.join(SCENARIOS)}, or all [peers]")
    parser.add_argument("--rounds", type=int, default=5, help="number of runs of each command [5]")
    parser.add_argument("--sets", default="A,B", help="sets of logs for `peers` [A,B]")
    parser.add_argument("--threads", type=int, default=2, help="number of threads [2]")
    parser.add_argument("--only", default="", help="programs to run, separated by commas [all]")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=BINARY", help="another build of lakefront; may be repeated")
    parser.add_argument("--spark", action="store_true", help="also run Spark; needs Java, and pyspark in the peers' environment")
    parser.add_argument("--records", type=Path, default=DATA / "peers.jsonl", help="file to which the figures of each run are appended [bench-data/peers.jsonl]")
    parser.add_argument("--report", nargs="+", type=Path, metavar="FILE", help="run nothing; print the tables of these records")
    arguments = parser.parse_args(argv)
    if arguments.report:
        return 0 if report([json.loads(line) for path in arguments.report for line in path.read_text().splitlines()]) else 1
    benches = {"peers": bench_peers} | {name: scenario.bench for name, scenario in SCENARIOS.items()}
    chosen = [*benches] if "all" in arguments.benches else arguments.benches or ["peers"]
    if unknown := set(chosen) - set(benches):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(benches)}, all")
    DATA.mkdir(exist_ok=True)
    records = Records(arguments.records)
    for name in chosen:
        benches[name](arguments, records)
    return 0 if report(records.all) else 1
