"""Sets of logs for the benches: made once by loggen, kept in bench-data/ (or $BENCH_DATA)."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[2] / "bench-data").absolute()


@dataclass(frozen=True)
class Shape:
    """Arguments of loggen."""

    seed: int
    distributions: int
    hours: int
    files_per_hour: int
    rows_per_file: int

    @property
    def objects(self):
        return self.distributions * self.hours * self.files_per_hour

    @property
    def rows(self):
        return self.objects * self.rows_per_file

    def flags(self):
        return [f"--{name.replace('_', '-')}={value}" for name, value in vars(self).items()]


SHAPES = {
    # A busy site: many objects of half a megabyte of text.
    "A": Shape(101, distributions=3, hours=24, files_per_hour=28, rows_per_file=1_000),
    # A backfill of few large objects, 80 MB of text each.
    "B": Shape(202, distributions=1, hours=24, files_per_hour=1, rows_per_file=150_000),
    # Three gigabytes of text, to be compared with one object of the same rows.
    "H": Shape(303, distributions=1, hours=24, files_per_hour=1, rows_per_file=237_000),
    # A quiet site: measures the cost per object.
    "T": Shape(404, distributions=1, hours=24, files_per_hour=8_334, rows_per_file=1),
    "one": Shape(505, distributions=1, hours=1, files_per_hour=1, rows_per_file=1),
}


def made(name, make):
    """Returns a folder in bench-data/; `make(folder)` fills it if it does not exist. It is never incomplete."""
    folder = DATA / name
    if not folder.is_dir():
        unfinished = DATA / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def logs_of(name):
    """Returns the folder of a set."""
    flags = SHAPES[name].flags()
    return made(name, lambda folder: subprocess.run([os.environ["LOGGEN_BIN"], folder, *flags], check=True))


def objects_of(folder):
    return sorted(Path(folder).glob("*.gz"))


def text_bytes(path):
    """Returns the text length of an object of one gzip member, from its last four bytes."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def join(objects, folder):
    """Writes one object with the members of all `objects`, under the key of the first."""
    with open(folder / objects[0].name, "wb") as joined:
        for path in objects:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, joined)


def joined(name):
    """Returns a folder with one object that has all rows of a set."""
    return made(f"{name}-joined", lambda folder: join(objects_of(logs_of(name)), folder))


def repeated_and_joined(name, gigabytes):
    """Returns a folder with one object of about this many GB of text: the objects of a set, repeated."""
    objects = objects_of(logs_of(name))
    times = max(1, round(gigabytes * 1e9 / sum(map(text_bytes, objects))))
    return made(f"{name}-joined-{gigabytes:g}", lambda folder: join(objects * times, folder))


def repeated(name, times):
    """Returns a folder with `times` hard links to each object of a set, each under its own key."""

    def link(folder):
        for path in objects_of(logs_of(name)):
            # DISTRIBUTION.YYYY-MM-DD-HH.ID.gz
            start, _, ending = path.name.rsplit(".", 2)
            for number in range(times):
                os.link(path.resolve(), folder / f"{start}.{number:08x}.{ending}")

    return made(f"{name}-{times}", link)


def warm(folder):
    """Reads all objects once, so that runs find them in the page cache."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with open(entry, "rb") as file:
                while file.read(1 << 20):
                    pass
