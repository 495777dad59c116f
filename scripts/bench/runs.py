"""Runs of single programs for `compare.py`, and the records of their figures."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from measure import measure
from sets import DATA

PEERS = Path(__file__).resolve().parent / "peers"
# Programs that only unpack. A command that is not installed is skipped.
UNPACKERS = {"gzip": "gzip -dc", "libdeflate": "libdeflate-gunzip -c", "igzip": "igzip -dc"}


def unpack(command):
    """Returns the command of an unpacker: one process per thread, four objects at a time."""
    pipe = f'find "$0" -name "*.gz" -print0 | xargs -0 -P "$1" -n 4 {command} > /dev/null'
    return lambda logs, _out, threads: ["sh", "-c", pipe, f"{logs}/", str(threads)]


def peer(name):
    script = PEERS / f"with_{name}.py"
    return lambda logs, out, threads: [os.environ["PEERS_PYTHON"], script, logs, out, f"--threads={threads}"]


def lakefront(binary, *flags):
    return lambda logs, out, threads: [binary, "convert", logs, out, "--quiet", f"--threads={threads}", *flags]


def programs(arguments):
    """Returns the programs by name, each as a function from logs, out and threads to a command."""
    found = {"gunzip": lambda logs, _out, threads: [os.environ["GUNZIP_BIN"], logs, threads]}
    found |= {name: unpack(command) for name, command in UNPACKERS.items() if shutil.which(command.split()[0])}
    found |= {name: peer(name) for name in ["duckdb", "polars", "datafusion", "clickhouse", "pyarrow"]}
    if arguments.spark:
        found["spark"] = peer("spark")
    found["lakefront"] = lakefront(os.environ["LAKEFRONT_BIN"])
    # Has all columns of the peers; the default table leaves some out.
    found["lakefront wide"] = lakefront(os.environ["LAKEFRONT_BIN"], "--schema=cf_logs_wide")
    found |= {name: lakefront(binary) for name, binary in (also.split("=", 1) for also in arguments.also)}
    wanted = arguments.only.split(",") if arguments.only else [*found]
    return {name: command for name, command in found.items() if name in wanted}


def count(out):
    """Counts the written files and bytes, and from the footers rows and partitions."""
    files = [path for path in out.rglob("*.parquet") if not path.name.startswith((".", "_"))]
    if not files:
        return {"files": 0, "bytes": 0, "rows": 0, "partitions": 0}
    printed = subprocess.run([os.environ["PEERS_PYTHON"], PEERS / "count_rows.py", out], check=True, capture_output=True)
    rows, partitions = map(int, printed.stdout.split())
    return {"files": len(files), "bytes": sum(map(size, files)), "rows": rows, "partitions": partitions}


def size(path):
    return path.stat().st_size


class Records:
    """The figures of all runs; each is also appended to a file."""

    def __init__(self, path):
        self.path, self.all = path, []

    def add(self, **record):
        self.all.append(record)
        with open(self.path, "a") as file:
            file.write(json.dumps(record) + "\n")


def run(command, threads, logs, **about):
    """Runs a program into a temporary folder; returns the record of the run."""
    with tempfile.TemporaryDirectory(dir=DATA, prefix="out-") as folder, tempfile.TemporaryFile() as output:
        out = Path(folder) / "table"
        # Writes of earlier runs must not slow this one.
        os.sync()
        figures = measure(command(logs, out, threads), output)
        if figures.status != 0:
            output.seek(0)
            print(output.read().decode(errors="replace")[-2000:], file=sys.stderr)
        record = {**about, "threads": threads, **asdict(figures), **count(out)}
    print(" ".join(f"{key}={value:.2f}" if isinstance(value, float) else f"{key}={value}" for key, value in record.items()), flush=True)
    return record


def rotated(items, by):
    by %= max(1, len(items))
    return items[by:] + items[:by]
