#!/usr/bin/env python3
"""Which share of a conversion's processor time each stage takes, by perf, on set A or B.

A sample belongs to the innermost function on its stack that is known to be a stage's; time in the allocator, in memcmp
or in the kernel so counts for the stage that asked for it. What the main thread does, nothing else does meanwhile: by
Amdahl's law its share says what many cores would give. Needs `perf`, and a binary with its symbols.

    LAKEFRONT_BIN=target/release/lakefront LOGGEN_BIN=target/release/loggen scripts/bench_profile.py [A|B]...
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

from bench_sets import DATA, logs_of, warm
from bench_tables import table

# In this order: the first that matches a function's name has it.
STAGES = {
    "decompress": r"zlib_rs|flate2|crc32fast|cloudfront::decompress",
    "decode": r"cloudfront::(decode|header|percent|reject)|memchr",
    "enrich": r"cloudfront::(enrich|object_key)|ua_parser|regex",
    "partition": r"table::partition|arrow_select::take",
    "encode": r"parquet|table::encode",
    "of which zstd": r"^(ZSTD|HUF|FSE|HIST|XXH)|zstd",
    "list, plan, fetch": r"storage::(list|fetch)|pipeline::(discover|plan|select)",
    "store, commit, state": r"storage::|pipeline::(commit|staged|state|quarantine)|sha2|^f(data)?sync|^write$|^rename",
}
ELSE = "all else"
MAIN = "on the main thread"
MANY_CORES = 16
SAMPLES_A_SECOND = 299


def samples(name, threads):
    """The samples of a conversion: whether the main thread was at work, and its stack, innermost function first."""
    logs = logs_of(name)
    warm(logs)
    with tempfile.TemporaryDirectory(dir=DATA, prefix="profile-") as folder:
        data, table_ = Path(folder) / "perf.data", Path(folder) / "table"
        record = ["perf", "record", "-q", "-e", "cpu-clock", f"-F{SAMPLES_A_SECOND}", "--call-graph=dwarf", f"-o{data}", "--"]
        convert = [os.environ["LAKEFRONT_BIN"], "convert", logs, table_, "-q", f"--threads={threads}"]
        subprocess.run([*record, *convert], check=True)
        script = ["perf", "script", "--no-inline", "-F", "pid,tid,ip,sym", f"-i{data}"]
        with subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as told:
            is_main, stack = False, []
            for line in told.stdout:
                if ids := re.match(r"\s*(\d+)/(\d+)\s*$", line):
                    is_main, stack = ids[1] == ids[2], []
                elif line.strip():
                    stack.append(line.split(maxsplit=1)[-1].strip())
                elif stack:
                    yield is_main, stack
                    stack = []


def stage(stack):
    for function in stack:
        for name, pattern in STAGES.items():
            if re.search(pattern, function):
                return name
    return ELSE


def shares(name, threads):
    """Shares of all samples, by stage; zstd's count for `encode`, too."""
    counted, of_main = Counter(), 0
    for is_main, stack in samples(name, threads):
        counted[stage(stack)] += 1
        of_main += is_main
    total = counted.total()
    counted["encode"] += counted["of which zstd"]
    return {name: counted[name] / total for name in [*STAGES, ELSE]} | {MAIN: of_main / total}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["A", "B"], help="which sets [A B]")
    parser.add_argument("--threads", type=int, default=2, help="with how many threads; one has no threads for tasks [2]")
    arguments = parser.parse_args()
    if not shutil.which("perf"):
        sys.exit("perf is not installed: `apt-get install linux-perf`, or what your system calls it")
    DATA.mkdir(exist_ok=True)
    of_sets = [shares(name, arguments.threads) for name in arguments.sets]
    table(["stage", *arguments.sets], [[name, *(f"{share[name]:.1%}" for share in of_sets)] for name in [*STAGES, ELSE, MAIN]])
    for name, share in zip(arguments.sets, of_sets):
        print(f"{name}: {MANY_CORES} cores give at most {1 / (share[MAIN] + (1 - share[MAIN]) / MANY_CORES):.1f} times one")


if __name__ == "__main__":
    main()
