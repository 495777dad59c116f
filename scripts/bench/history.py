"""Measures runs that find few or no new objects, on a table that has converted ten million objects.

Creates the state of such a table as lakefront would have written it, and the files of the objects (empty: they are not
read). Then measures time and peak memory of:

- a nightly run with `--from -4d` over the folders of the last three days, with and without the history;
- the same run with all objects below the source;
- a run over all objects.

LAKEFRONT_BIN is the path of the program [target/release/lakefront]; the files go to $BENCH_DIR [bench-data/history].
"""

import argparse
import gzip
import hashlib
import json
import os
import pathlib
import resource
import shutil
import subprocess
import time
from datetime import date, timedelta

DAYS = 365
EPOCH_INPUTS = 200_000
FIRST_DAY = date(2025, 1, 1)
MTIME_NS = 1_735_689_600_000_000_000
ROOT = pathlib.Path(os.environ.get("BENCH_DIR", "bench-data/history")).absolute()
LAKEFRONT = pathlib.Path(os.environ.get("LAKEFRONT_BIN", "target/release/lakefront")).absolute()


def day_name(day: int) -> str:
    return (FIRST_DAY + timedelta(days=day)).isoformat()


def object_name(day: int, number: int) -> str:
    return f"E1EXAMPLE2345.{day_name(day)}-{number % 24:02}.{number:08x}.gz"


def day_counts(objects: int) -> list[int]:
    """Returns the number of objects of each day."""
    return [objects // DAYS + (day < objects % DAYS) for day in range(DAYS)]


def make_logs(logs: pathlib.Path, of_day: list[int]) -> None:
    for day in range(DAYS):
        folder = logs / day_name(day)
        folder.mkdir(parents=True, exist_ok=True)
        at = os.open(folder, os.O_RDONLY)
        for number in range(of_day[day]):
            name = object_name(day, number)
            os.close(os.open(name, os.O_CREAT | os.O_WRONLY, dir_fd=at))
            os.utime(name, ns=(MTIME_NS, MTIME_NS), dir_fd=at)
        os.close(at)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def epochs(first_day: int, of_day: list[int]):
    """Yields epochs of at most EPOCH_INPUTS objects, as lists of (day, first number, number after the last)."""
    epoch, room = [], EPOCH_INPUTS
    for day in range(first_day, DAYS):
        start = 0
        while start < of_day[day]:
            end = min(of_day[day], start + room)
            epoch.append((day, start, end))
            room -= end - start
            start = end
            if room == 0:
                yield epoch
                epoch, room = [], EPOCH_INPUTS
    if epoch:
        yield epoch


def make_state(template: pathlib.Path, table: pathlib.Path, logs: pathlib.Path, of_day: list[int], first_day: int) -> None:
    """Writes a state in which all objects from `first_day` on are converted; copies log records of a real table."""
    state = table.with_name(table.name + ".lakefront")
    shutil.copytree(template, table)
    state.mkdir(parents=True)
    real = template.with_name(template.name + ".lakefront")
    shutil.copy(real / "table.json", state)
    log = json.loads((real / "log/0000000001.json").read_bytes())
    closed = json.loads((real / "closed/0000000001.json").read_bytes())
    digest, seen_objects = "", 0
    log["table"] = sha256((real / "table.json").read_bytes())
    for number, parts in enumerate(epochs(first_day, of_day), start=1):
        days, digests = [day_name(day) for day, _, _ in parts], []
        log.update(epoch=number, days=days, inputs=sum(end - start for _, start, end in parts))
        log_sha256 = write_record(state / f"log/{number:010}.json", log)
        for day, start, end in parts:
            path = state / "seen" / day_name(day) / f"{number:010}"
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [compact({"format": log["format"], "epoch": number, "day": day_name(day), "inputs": end - start, "log": log_sha256})]
            for of in range(start, end):
                key = f"{logs}/{day_name(day)}/{object_name(day, of)}"
                line = b'{"source":"file://","key":"%s","version":"0-%d","outcome":"converted","size":0}'
                lines.append(line % (key.encode(), MTIME_NS))
            text = b"\n".join(lines) + b"\n"
            text += compact({"checksum": sha256(text)}) + b"\n"
            path.write_bytes(gzip.compress(text, compresslevel=6, mtime=0))
            digests.append(sha256(path.read_bytes()))
        seen_objects += len(days)
        digest = sha256(f"{digest}\n{number}\n{','.join(days)}".encode())
        contents = sha256(",".join(digests).encode())
        seen = {"days": days, "objects": seen_objects, "digest": digest, "contents": contents}
        closed.update(epoch=number, seen=seen, log=log_sha256)
        # The next epoch refers to this record.
        log["closed"] = closed["before"] = write_record(state / f"closed/{number:010}.json", closed)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_record(path: pathlib.Path, record: dict) -> str:
    """Writes a record with its checksum; returns the digest that other records refer to."""
    path.parent.mkdir(exist_ok=True)
    body = compact({key: value for key, value in record.items() if key != "checksum"})[:-1]
    data = body + b',"checksum":"' + sha256(body).encode() + b'"}'
    path.write_bytes(data)
    return sha256(data)


def measure(label: str, *args: str) -> None:
    best, memory = float("inf"), 0
    for _ in range(3):
        began = time.monotonic()
        run = subprocess.Popen([LAKEFRONT, "convert", *args, "--now", "2026-01-01T12:00:00Z", "--quiet", "--report", ROOT / "report.json"])
        _, status, usage = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
        assert run.returncode == 0, (label, run.returncode)
        best = min(best, time.monotonic() - began)
        memory = max(memory, usage.ru_maxrss)
    objects = json.loads((ROOT / "report.json").read_bytes())["objects"]
    objects_text = f"{objects['listed']:,} listed, {objects['known']:,} known, {objects['planned']:,} planned"
    print(f"{label:44} {best:8.2f} s {memory / 1024:7.0f} MiB   {objects_text}", flush=True)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog="bench history", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("objects", nargs="?", type=int, default=10_000_000, metavar="OBJECTS", help="number of objects [10000000]")
    arguments = parser.parse_args(argv)
    of_day = day_counts(arguments.objects)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))
    logs, one = ROOT / "logs", ROOT / "one"
    if not (ROOT / "made").exists():
        shutil.rmtree(ROOT, ignore_errors=True)
        one.mkdir(parents=True)
        (one / "E1EXAMPLE2345.2024-12-31-00.00000000").write_text("#Fields: date time\n2024-12-31\t00:00:00\n")
        subprocess.run([LAKEFRONT, "convert", one, ROOT / "template", "--quiet", "--now", "2025-01-01T12:00:00Z"], check=True)
        make_logs(logs, of_day)
        make_state(ROOT / "template", ROOT / "all", logs, of_day, 0)
        make_state(ROOT / "template", ROOT / "recent", logs, of_day, DAYS - 3)
        (ROOT / "made").touch()
    recent = [str(logs / day_name(day)) for day in range(DAYS - 3, DAYS)]
    print(f"{arguments.objects:,} objects of {DAYS} days; best time and highest peak of three runs")
    measure("three days, table of three days", *recent, str(ROOT / "recent"), "--from", "-4d")
    measure("three days, table of a year", *recent, str(ROOT / "all"), "--from", "-4d")
    measure("--from -4d over all, table of a year", str(logs), str(ROOT / "all"), "--from", "-4d")
    measure("all, table of a year: all known", str(logs), str(ROOT / "all"))
