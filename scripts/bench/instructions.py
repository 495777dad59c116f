"""Counts the instructions per row of each stage with callgrind: a regression shows without a clock.

Runs crates/operations/examples/stages.rs, which runs one stage on the same 20,000 rows each time, and prints the counts
next to the recorded ones in scripts/bench/instructions.json. A difference is not a failure: instructions are not time,
and another compiler gives other counts. `compress` is `encode` with Zstandard; `agents` is `enrich` with user agents
most of which it has not seen before.

    STAGES_BIN=target/release/examples/stages scripts/bench/__main__.py instructions [--record] [STAGE...]
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
# Only instructions executed inside this function are counted.
MEASURED = "stages::measured*"
VALGRIND_HINT = "valgrind is not installed: `apt-get install valgrind`, or the package of your system"


def count(stage):
    """Returns the instructions per row of one stage."""
    with tempfile.TemporaryDirectory() as folder:
        callgrind = ["valgrind", "--tool=callgrind", f"--toggle-collect={MEASURED}", f"--callgrind-out-file={folder}/out"]
        ran = subprocess.run([*callgrind, os.environ["STAGES_BIN"], stage], capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"{stage}: exit status {ran.returncode}\n{ran.stderr[-2000:]}")
        rows = int(re.search(r"^rows=(\d+)$", ran.stdout, re.MULTILINE)[1])
        counted = re.search(r"^(?:totals|summary): (\d+)", Path(folder, "out").read_text(), re.MULTILINE)
        return round(int(counted[1]) / rows)


def compiler():
    """Returns the version of the compiler, which the counts depend on."""
    return subprocess.run(["rustc", "--version"], check=True, capture_output=True, text=True).stdout.strip()


def main(argv):
    parser = argparse.ArgumentParser(
        prog="bench instructions", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"stages to count [{' '.join(STAGES)}]")
    parser.add_argument("--record", action="store_true", help="write the counts to the file of recorded ones")
    arguments = parser.parse_args(argv)
    if not shutil.which("valgrind"):
        sys.exit(VALGRIND_HINT)
    if unknown := set(arguments.stages) - set(STAGES):
        parser.error(f"{', '.join(sorted(unknown))}: expected one of {', '.join(STAGES)}")
    recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {"per_row": {}}
    stages = arguments.stages or STAGES
    if recorded.get("compiler", compiler()) != compiler():
        print(f"recorded with {recorded['compiler']}, counted with {compiler()}: the compiler may be the cause of differences")
    print(f"{'stage':12}{'recorded':>12}{'now':>12}{'change':>9}   instructions per row", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for stage, now in zip(stages, pool.map(count, stages)):
            before = recorded["per_row"].get(stage)
            change = f"{now / before - 1:+.1%}" if before else "new"
            print(f"{stage:12}{f'{before:,}' if before else '-':>12}{now:>12,}{change:>9}", flush=True)
            recorded["per_row"][stage] = now
    if arguments.record:
        kept = {"compiler": compiler(), "per_row": {stage: recorded["per_row"][stage] for stage in STAGES if stage in recorded["per_row"]}}
        RECORD.write_text(json.dumps(kept, indent=2) + "\n")
