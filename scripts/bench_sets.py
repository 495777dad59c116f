"""The logs that benches read: made once by loggen, kept in bench-data/ (or $BENCH_DATA)."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

DATA = Path(os.environ.get("BENCH_DATA") or Path(__file__).resolve().parents[1] / "bench-data").absolute()


@dataclass(frozen=True)
class Shape:
    """What loggen is asked for."""

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
    # Three gigabytes of text, to be held against one object of the same rows.
    "H": Shape(303, distributions=1, hours=24, files_per_hour=1, rows_per_file=237_000),
    # A quiet site: nothing but what an object costs.
    "T": Shape(404, distributions=1, hours=24, files_per_hour=8_334, rows_per_file=1),
    "one": Shape(505, distributions=1, hours=1, files_per_hour=1, rows_per_file=1),
}


def made(name, make):
    """A folder in bench-data/, made by `make(folder)` if it is not there; never half of it."""
    folder = DATA / name
    if not folder.is_dir():
        unfinished = DATA / f"{name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(unfinished)
        unfinished.rename(folder)
    return folder


def logs_of(name):
    """The folder of a set."""
    flags = SHAPES[name].flags()
    return made(name, lambda folder: subprocess.run([os.environ["LOGGEN_BIN"], folder, *flags], check=True))


def objects_of(folder):
    return sorted(Path(folder).glob("*.gz"))


def text_bytes(path):
    """How long the text of an object of one gzip member is: its last four bytes say so."""
    with open(path, "rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(), "little")


def join(objects, folder):
    """One object of the members of all these, with the key of the first."""
    with open(folder / objects[0].name, "wb") as joined:
        for path in objects:
            with open(path, "rb") as file:
                shutil.copyfileobj(file, joined)


def joined(name):
    """A folder with one object of all rows of a set."""
    return made(f"{name}-joined", lambda folder: join(objects_of(logs_of(name)), folder))


def repeated_and_joined(name, gigabytes):
    """A folder with one object of about so many GB of text: a set's objects one after the other, again and again."""
    objects = objects_of(logs_of(name))
    times = max(1, round(gigabytes * 1e9 / sum(map(text_bytes, objects))))
    return made(f"{name}-joined-{gigabytes:g}", lambda folder: join(objects * times, folder))


def repeated(name, times):
    """A folder with a set's objects so many times, under keys of their own: hard links, as the bytes are the same."""

    def link(folder):
        for path in objects_of(logs_of(name)):
            # DISTRIBUTION.YYYY-MM-DD-HH.ID.gz
            start, _, ending = path.name.rsplit(".", 2)
            for number in range(times):
                os.link(path.resolve(), folder / f"{start}.{number:08x}.{ending}")

    return made(f"{name}-{times}", link)


def warm(folder):
    """Reads all objects once: what is measured is work, not the disk."""
    with os.scandir(folder) as entries:
        for entry in entries:
            with open(entry, "rb") as file:
                while file.read(1 << 20):
                    pass
