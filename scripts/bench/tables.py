"""Makes Markdown tables, and PASS or FAIL of each bar, from the records of runs."""

import os
import platform
import statistics
from collections import defaultdict

from measure import MIB
from sets import SHAPES

# Programs that only unpack. The bars compare lakefront with the first.
UNPACKING = ["gunzip", "gzip", "libdeflate", "igzip"]
# "The fastest peer" is one of these; the other programs are only shown.
PEERS = ["duckdb", "polars", "datafusion", "clickhouse"]
LAKEFRONT = "lakefront"
COLUMNS = ["program", "wall s", "x gunzip", "x lakefront", "CPU s", "CPU x gunzip", "cores", "peak MiB", "files", "MB", "rows right"]
MAX_TIMES_GUNZIP = {"cpu": 2.5, "wall": 2.7}
# How many times as fast as the fastest peer, by set.
MIN_TIMES_PEER = {"A": 4.5, "B": 3.7}
# Bytes of November 2026, before data files without dictionaries became smaller.
MAX_MEGABYTES = {"A": 0.98 * 144.3, "B": 0.98 * 254.2}
MAX_TIMES_NARROW = 1.25
WIDE = "lakefront wide"
MAX_PEAK_MIB = 512


class Bars:
    """Limits that the figures must keep, and the results."""

    def __init__(self):
        self.lines, self.passed = [], True

    def add(self, what, figure, limit, *, at_least=False, digits=2):
        passed = figure >= limit if at_least else figure <= limit
        self.passed = self.passed and passed
        relation = ">=" if at_least else "<="
        self.lines.append(f"{'PASS' if passed else 'FAIL'}  {what}: {figure:.{digits}f} ({relation} {limit:.{digits}f})")

    def show(self):
        print("", *self.lines, sep="\n")
        return self.passed


def machine():
    """Returns a description of the machine."""
    with open("/proc/cpuinfo") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {models[0] if models else platform.machine()}, {memory:.0f} GiB, Linux {platform.release()}"


def by_round(records):
    """Returns for each round its successful records by program."""
    rounds = defaultdict(dict)
    for record in records:
        if record["status"] == 0:
            rounds[record["set"], record["round"]][record["program"]] = record
    return [*rounds.values()]


def ratio(rounds, of, to, key="wall"):
    """Returns the median over rounds of the ratio of two programs' figures; of several `to`, the smallest is taken."""
    names = [to] if isinstance(to, str) else to
    ratios = []
    for runs in rounds:
        others = [runs[name][key] for name in names if name in runs and runs[name].get(key)]
        if of in runs and others:
            ratios.append(runs[of][key] / min(others))
    return statistics.median(ratios) if ratios else None


def median(records, key):
    return statistics.median(record[key] for record in records)


def span(records, digits=2):
    walls = [record["wall"] for record in records]
    return f"{statistics.median(walls):.{digits}f} ({min(walls):.{digits}f}..{max(walls):.{digits}f})"


def figure(number, digits=2):
    return "-" if number is None else f"{number:.{digits}f}"


def table(columns, rows):
    print("| " + " | ".join(columns) + " |")
    print("|---|" + "---:|" * (len(columns) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def rows_right(name, runs):
    """Returns the table cell that says if every run wrote all rows of the set."""
    if not any(run["files"] for run in runs):
        return "-"
    wrong = [run["rows"] for run in runs if run["rows"] != SHAPES[name].rows]
    return f"yes, {len(runs)} of {len(runs)}" if not wrong else f"**no**: {wrong[0]:,}"


def peers_table(name, records, bars):
    """Prints the table of one set and adds its bars."""
    rounds, shape = by_round(records), SHAPES[name]
    of_program = defaultdict(list)
    for record in records:
        of_program[record["program"]].append(record)
    print(f"\n## Set {name}: {shape.objects:,} objects of {shape.rows_per_file:,} rows")
    others = [record["others"] for record in records]
    print(f"\n{len(rounds)} rounds. Other programs used {median(records, 'others'):.0%} of the machine ({max(others):.0%} at most).\n")
    rows = []
    for program, runs in sorted(of_program.items(), key=lambda item: median(item[1], "wall")):
        good = [run for run in runs if run["status"] == 0]
        if not good:
            rows.append([program, f"failed: status {runs[0]['status']}"] + [""] * (len(COLUMNS) - 2))
            continue
        rows.append([
            program if len(good) == len(runs) else f"{program} ({len(runs) - len(good)} failed)",
            span(good),
            figure(ratio(rounds, program, "gunzip")),
            figure(ratio(rounds, program, LAKEFRONT)),
            figure(median(good, "cpu"), 1),
            figure(ratio(rounds, program, "gunzip", "cpu")),
            figure(statistics.median(run["cpu"] / run["wall"] for run in good)),
            f"{max(run['peak'] for run in good) / MIB:,.0f}",
            f"{median(good, 'files'):,.0f}" if good[0]["files"] else "-",
            figure(median(good, "bytes") / 1e6, 1) if good[0]["files"] else "-",
            rows_right(name, good),
        ])
    table(COLUMNS, rows)
    peers_bars(name, rounds, of_program, bars)


def peers_bars(name, rounds, of_program, bars):
    ours = [run for run in of_program[LAKEFRONT] if run["status"] == 0]
    if not ours:
        return
    for key, limit in MAX_TIMES_GUNZIP.items():
        if (times := ratio(rounds, LAKEFRONT, "gunzip", key)) is not None:
            bars.add(f"{name}: {key} / gunzip", times, limit)
    if (times := ratio(rounds, LAKEFRONT, PEERS)) is not None:
        bars.add(f"{name}: wall of the fastest peer / ours", 1 / times, MIN_TIMES_PEER[name], at_least=True)
        bars.add(f"{name}: bytes / the smallest peer's", ratio(rounds, LAKEFRONT, PEERS, "bytes"), 1.0, digits=3)
    if (times := ratio(rounds, WIDE, LAKEFRONT)) is not None:
        bars.add(f"{name}: wall of the wide table / the default one", times, MAX_TIMES_NARROW)
    bars.add(f"{name}: MB", median(ours, "bytes") / 1e6, MAX_MEGABYTES[name], digits=1)
    bars.add(f"{name}: peak MiB on two threads", max(run["peak"] for run in ours) / MIB, MAX_PEAK_MIB, digits=0)
    all_runs = [run for runs in of_program.values() for run in runs]
    wrong = sum(bool(run["status"] or run["files"] and run["rows"] != SHAPES[name].rows) for run in all_runs)
    bars.add(f"{name}: of {len(all_runs)} runs failed or have wrong rows", wrong, 0, digits=0)
