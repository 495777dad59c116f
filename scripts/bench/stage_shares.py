"""Samples with perf the share of a conversion's processor time that each stage takes, on sets A and B.

A sample is attributed to the innermost function of its stack that belongs to a stage. Time in the allocator, in memcmp
or in the kernel therefore counts for the stage that called it. The main thread's work is serial: Amdahl's law derives
the largest possible speed-up on many cores from its share. Needs `perf`, and a binary with its symbols.

    LAKEFRONT_BIN=target/release/lakefront LOGGEN_BIN=target/release/loggen scripts/bench/__main__.py profile [A|B]...
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from sets import DATA, logs_of, warm
from tables import table

# A function belongs to the first stage whose pattern matches its name.
STAGES = {
    "decompress": r"zlib_rs|flate2|crc32fast|cloudfront::decompress",
    "decode": r"cloudfront::(decode|field_names|percent|reject)|memchr",
    "enrich": r"cloudfront::(enrich|object_key)|aho_corasick|regex",
    "partition": r"table::partition|arrow_select::take",
    "encode": r"parquet|table::encode",
    "of which zstd": r"^(ZSTD|HUF|FSE|HIST|XXH)|zstd",
    "list, plan, fetch": r"storage::(list|fetch|log_source|local_logs|prefetch)|ledger::(plan|lookup)|operations::(discover|select)",
    "store, commit, state": r"storage::|ledger::|engine::(staged_file|quarantine)|sha2|^f(data)?sync|^write$|^rename",
}
ELSE = "all else"
MAIN = "on the main thread"
MANY_CORES = 16
SAMPLES_A_SECOND = 299


def samples(name, threads):
    """Yields the samples of a conversion: True if of the main thread, and the stack, innermost function first."""
    logs = logs_of(name)
    warm(logs)
    with tempfile.TemporaryDirectory(dir=DATA, prefix="profile-") as folder:
        data, table_ = Path(folder) / "perf.data", Path(folder) / "table"
        record = ["perf", "record", "-q", "-e", "cpu-clock", f"-F{SAMPLES_A_SECOND}", "--call-graph=dwarf", f"-o{data}", "--"]
        convert = [os.environ["LAKEFRONT_BIN"], "convert", logs, table_, "-q", f"--threads={threads}"]
        subprocess.run([*record, *convert], check=True)
        script = ["perf", "script", "--no-inline", "-F", "pid,tid,ip,sym", f"-i{data}"]
        with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as printed:
            is_main, stack = False, []
            for line in printed.stdout:
                if ids := re.match(r"\s*(\d+)/(\d+)\s*$", line):
                    is_main, stack = ids[1] == ids[2], []
                elif line.strip():
                    stack.append(line.split(maxsplit=1)[-1].strip())
                elif stack:
                    yield is_main, stack
                    stack = []


def stage(stack):
    """Returns the stage that a stack is attributed to."""
    for function in stack:
        for name, pattern in STAGES.items():
            if re.search(pattern, function):
                return name
    return ELSE


def shares(name, threads):
    """Returns each stage's share of all samples; zstd's samples also count for `encode`."""
    counted, of_main = Counter(), 0
    for is_main, stack in samples(name, threads):
        counted[stage(stack)] += 1
        of_main += is_main
    total = counted.total()
    counted["encode"] += counted["of which zstd"]
    return {name: counted[name] / total for name in [*STAGES, ELSE]} | {MAIN: of_main / total}


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench profile", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", default=["A", "B"], help="sets of logs [A B]")
    parser.add_argument("--threads", type=int, default=2, help="number of threads; with 1, the main thread runs the tasks [2]")
    arguments = parser.parse_args(argv)
    if not shutil.which("perf"):
        sys.exit("perf is not installed: `apt-get install linux-perf`, or the package of your system")
    DATA.mkdir(exist_ok=True)
    of_sets = [shares(name, arguments.threads) for name in arguments.sets]
    table(["stage", *arguments.sets], [[name, *(f"{share[name]:.1%}" for share in of_sets)] for name in [*STAGES, ELSE, MAIN]])
    for name, share in zip(arguments.sets, of_sets):
        print(f"{name}: {MANY_CORES} cores give at most {1 / (share[MAIN] + (1 - share[MAIN]) / MANY_CORES):.1f} times one")
