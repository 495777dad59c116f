#!/usr/bin/env python3
"""Instructions that each stage takes for a row, counted by callgrind: a loss shows without trusting a clock.

Runs crates/pipeline/examples/stages.rs, which does one stage on always the same 20,000 rows, and prints the counts beside
those that were recorded last, in scripts/instructions.json. Nothing fails: an instruction is no time, and another
compiler gives other counts. Zstandard's are in `compress`, as is all of `encode`; `agents` is `enrich` with user agents
that are mostly new to it.

    STAGES_BIN=target/release/examples/stages scripts/bench_instructions.py [--record] [STAGE...]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

RECORD = Path(__file__).resolve().parent / "instructions.json"
STAGES = ["decompress", "decode", "agents", "enrich", "encode", "compress"]
# What is counted: from where this function is entered to where it is left.
MEASURED = "stages::measured*"
VALGRIND_HINT = "valgrind is not installed: `apt-get install valgrind`, or what your system calls it"


def count(stage):
    """Instructions for a row, of one stage."""
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", f"--toggle-collect={MEASURED}", f"--callgrind-out-file={folder}/out"]
        ran = subprocess.run([*callgrind, os.environ["STAGES_BIN"], stage], capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"{stage}: exit status {ran.returncode}\n{ran.stderr[-2000:]}")
        rows = int(re.search(r"^rows=(\d+)$", ran.stdout, re.MULTILINE)[1])
        counted = re.search(r"^(?:totals|summary): (\d+)", Path(folder, "out").read_text(), re.MULTILINE)
        return round(int(counted[1]) / rows)


def compiler():
    """The version that the counts hold for."""
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"which stages [{' '.join(STAGES)}]")
    parser.add_argument("--record", action="store_true", help="keep these counts for the next time")
    arguments = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit(VALGRIND_HINT)
    if unknown := set(arguments.stages) - set(STAGES):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(STAGES)}")
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {"per_row": {}}
    stages = arguments.stages or STAGES
    if recorded.get("compiler", compiler()) != compiler():
        print(f"recorded with {recorded['compiler']}, counted with {compiler()}: differences may be the compiler's")
    print(f"{'stage':12}{'recorded':>12}{'now':>12}{'change':>9}   instructions for a row", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for stage, now in zip(stages, pool.map(count, stages)):
            before = recorded["per_row"].get(stage)
            change = f"{now / before - 1:+.1%}" if before else "new"
            print(f"{stage:12}{f'{before:,}' if before else '-':>12}{now:>12,}{change:>9}", flush=True)
            recorded["per_row"][stage] = now
    if arguments.record:
        kept = {"compiler": compiler(), "per_row": {stage: recorded["per_row"][stage] for stage in STAGES if stage in recorded["per_row"]}}
        RECORD.write_text(json.dumps(kept, indent=2) + "\n")


if __name__ == "__main__":
    main()
