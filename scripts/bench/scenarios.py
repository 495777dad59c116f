"""Scenarios for lakefront: memory on ten and twenty times the rows, threads, one huge object, many tiny objects, compression."""

import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import sets
from measure import MIB, measure
from runs import lakefront, programs, rotated, run
from tables import LAKEFRONT, MAX_PEAK_MIB, by_round, median, ratio, span, table

TENFOLD, TWENTYFOLD = "B x 10", "B x 20"
# Tasks have the same size in both; in B itself they have one object instead of three.
FLAT_FACTOR = 1.1
MIN_SPEED_UP = 1.8
MAX_TIMES_HUGE = 1.3
MAX_TINY_MICROSECONDS = 100
MAX_ONE_MILLISECONDS = 50
LEVELS = ["zstd(1)", "zstd(3)", "zstd(6)", "zstd(9)", "snappy"]
OF_USER_AGENTS = ["browserfamily", "osfamily", "isbot"]


def ours(*flags):
    return lakefront(os.environ["LAKEFRONT_BIN"], *flags)


class Memory:
    """Sets A and B, and B ten and twenty times: does memory stay flat?"""

    @staticmethod
    def bench(arguments, records):
        # The peak depends on timing: one run is not enough.
        rounds = min(arguments.rounds, 3)
        of_set = {name: (sets.logs_of(name), rounds) for name in ["A", "B"]}
        of_set |= {TENFOLD: (sets.repeated("B", 10), 1), TWENTYFOLD: (sets.repeated("B", 20), 1)}
        for name, (logs, turns) in of_set.items():
            sets.warm(logs)
            for turn in range(turns):
                about = {"bench": "memory", "set": name, "round": turn, "program": LAKEFRONT}
                records.add(**run(ours(), arguments.threads, logs, **about))

    @staticmethod
    def table(records, bars):
        print("\n## Memory\n")
        rows, peaks = [], {}
        for name in ["A", "B", TENFOLD, TWENTYFOLD]:
            runs = [record for record in records if record["set"] == name]
            peaks[name] = max(record["peak"] for record in runs) / MIB
            rows.append([name, f"{runs[0]['rows']:,}", span(runs, 1), f"{peaks[name]:.0f}"])
        table(["set", "rows", "wall s", "peak MiB"], rows)
        for name, peak in peaks.items():
            bars.add(f"memory: peak MiB on {name}", peak, MAX_PEAK_MIB, digits=0)
        bars.add("memory: peak on B twenty times / ten times", peaks[TWENTYFOLD] / peaks[TENFOLD], FLAT_FACTOR)


class Threads:
    """One thread and two."""

    @staticmethod
    def bench(arguments, records):
        for turn in range(arguments.rounds):
            for name in ["A", "B"]:
                sets.warm(sets.logs_of(name))
                for threads in rotated([1, 2], turn):
                    about = {"bench": "threads", "set": name, "round": turn, "program": str(threads)}
                    records.add(**run(ours(), threads, sets.logs_of(name), **about))

    @staticmethod
    def table(records, bars):
        print("\n## Threads\n")
        rows = []
        for name in ["A", "B"]:
            of_set = [record for record in records if record["set"] == name]
            one, two = ([r for r in of_set if r["threads"] == threads] for threads in [1, 2])
            speed_up = ratio(by_round(of_set), "1", "2")
            cores = statistics.median(record["cpu"] / record["wall"] for record in two)
            rows.append([name, span(one), span(two), f"{speed_up:.2f}", f"{cores:.2f}"])
            bars.add(f"threads: {name}: speed-up of the second thread", speed_up, MIN_SPEED_UP, at_least=True)
        table(["set", "1 thread, s", "2 threads, s", "speed-up", "cores that 2 keep busy"], rows)


class Huge:
    """One object of 3 GB of text, compared with the same rows in 24 objects."""

    @staticmethod
    def bench(arguments, records):
        many, one = sets.logs_of("H"), sets.joined("H")
        gunzip = programs(arguments)["gunzip"]
        runs = [("gunzip", gunzip, one), ("24 objects", ours(), many), ("one object", ours(), one)]
        for turn in range(arguments.rounds):
            for program, command, logs in rotated(runs, turn):
                sets.warm(logs)
                about = {"bench": "huge", "set": "H", "round": turn, "program": program}
                records.add(**run(command, arguments.threads, logs, **about))

    @staticmethod
    def table(records, bars):
        print("\n## One huge object\n")
        of_program = {name: [r for r in records if r["program"] == name] for name in ["gunzip", "24 objects", "one object"]}
        rows = [[name, span(runs), f"{max(r['peak'] for r in runs) / MIB:.0f}"] for name, runs in of_program.items()]
        table(["run", "wall s", "peak MiB"], rows)
        rounds = [{name: runs[name]["wall"] for name in of_program} for runs in by_round(records)]
        times = statistics.median(r["one object"] / (r["gunzip"] + r["24 objects"]) for r in rounds)
        bars.add("huge: wall / (gunzip + the same rows in 24 objects)", times, MAX_TIMES_HUGE)
        bars.add("huge: peak MiB", max(r["peak"] for r in of_program["one object"]) / MIB, MAX_PEAK_MIB, digits=0)


class Tiny:
    """200,000 objects of one row: the cost per object."""

    @staticmethod
    def bench(arguments, records):
        logs = sets.logs_of("T")
        runs = [("gunzip", programs(arguments)["gunzip"]), ("plan alone", ours("--dry-run")), (LAKEFRONT, ours())]
        for turn in range(min(arguments.rounds, 3)):
            sets.warm(logs)
            for program, command in rotated(runs, turn):
                about = {"bench": "tiny", "set": "T", "round": turn, "program": program}
                records.add(**run(command, arguments.threads, logs, **about))

    @staticmethod
    def table(records, bars):
        objects = sets.SHAPES["T"].objects
        print(f"\n## {objects:,} objects of one row\n")
        rows, of_object = [], {}
        for program in ["gunzip", "plan alone", LAKEFRONT]:
            runs = [record for record in records if record["program"] == program]
            of_object[program] = median(runs, "wall") / objects * 1e6
            cpu = median(runs, "cpu") / objects * 1e6
            peak = max(record["peak"] for record in runs) / MIB
            rows.append([program, span(runs), f"{of_object[program]:.1f}", f"{cpu:.1f}", f"{peak:.0f}"])
        table(["run", "wall s", "µs per object", "CPU µs per object", "peak MiB"], rows)
        bars.add("tiny: microseconds per object", of_object[LAKEFRONT], MAX_TINY_MICROSECONDS, digits=1)


class One:
    """One object of one row, on tmpfs: the whole run, with and without the rules for user agents."""

    RUNS = 21

    @staticmethod
    def bench(_arguments, records):
        (log,) = sets.objects_of(sets.logs_of("one"))
        with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="lakefront-") as folder:
            logs, plain = Path(folder) / "logs", Path(folder) / "plain.toml"
            logs.mkdir()
            shutil.copy(log, logs)
            plain.write_text(schema_without_user_agents())
            for turn in range(One.RUNS):
                for program, flags in rotated([("cf_logs", []), ("no user agents", [f"--schema={plain}"])], turn):
                    table_ = Path(folder) / f"{turn}-{len(flags)}" / "table"
                    figures = measure(ours(*flags)(logs, table_, 1))
                    about = {"bench": "one", "set": "one", "round": turn, "program": program}
                    records.add(**about, status=figures.status, wall=figures.wall, cpu=figures.cpu, peak=figures.peak)

    @staticmethod
    def table(records, bars):
        print("\n## One tiny object, the whole run\n")
        walls = {}
        for record in records:
            walls.setdefault(record["program"], []).append(record["wall"] * 1000)
        rows = [[name, f"{statistics.median(of):.1f}", f"{min(of):.1f}", f"{max(of):.1f}"] for name, of in walls.items()]
        table(["table schema", "median ms", "least", "most"], rows)
        bars.add("one: ms without user agents", statistics.median(walls["no user agents"]), MAX_ONE_MILLISECONDS, digits=1)


def schema_without_user_agents():
    """Returns the default table schema without the columns that need the rules."""
    binary = os.environ["LAKEFRONT_BIN"]
    schema = subprocess.run([binary, "schema", "cf_logs"], check=True, capture_output=True, text=True).stdout
    start, *columns = schema.split("[[column]]\n")
    kept = [column for column in columns if not any(f'derive = "{name}"' in column for name in OF_USER_AGENTS)]
    assert len(kept) == len(columns) - len(OF_USER_AGENTS)
    return "[[column]]\n".join([start.replace("cf_logs", "no_user_agents", 1), *kept])


class Levels:
    """Cost and size of other compressions."""

    @staticmethod
    def bench(arguments, records):
        for turn in range(min(arguments.rounds, 3)):
            for name in ["A", "B"]:
                sets.warm(sets.logs_of(name))
                for level in rotated(LEVELS, turn):
                    command = ours(f"--compression={level}")
                    about = {"bench": "levels", "set": name, "round": turn, "program": level}
                    records.add(**run(command, arguments.threads, sets.logs_of(name), **about))

    @staticmethod
    def table(records, _bars):
        print("\n## Compression\n")
        rows = []
        for name in ["A", "B"]:
            for level in LEVELS:
                runs = [r for r in records if r["set"] == name and r["program"] == level]
                megabytes = median(runs, "bytes") / 1e6
                rows.append([f"{name} {level}", span(runs), f"{median(runs, 'cpu'):.1f}", f"{megabytes:.1f}"])
        table(["set", "wall s", "CPU s", "MB"], rows)


SCENARIOS = {"memory": Memory, "threads": Threads, "huge": Huge, "tiny": Tiny, "one": One, "levels": Levels}
