"""Logs and tables in a store: the program run on them, and what it left there."""

import subprocess
from types import SimpleNamespace

import harness
from logs import Logs

# No test of a store takes as long; what hangs is a failure.
SECONDS = 120


def reference(folder, **settings):
    """Logs on disk, and the table that the program makes of them there: what any store has to hold in the end. The folder
    is what the bucket is: a log's name in the table is its whole key there."""
    logs, table = folder / "logs", folder / "lake" / "cf_logs"
    settings = {"distributions": 2, "start": "2025-01-02T22", "hours": 3, "rows_per_file": 120, **settings}
    harness.loggen(logs / "cf", **settings)
    harness.lakefront("convert", logs, table, "-q")
    return SimpleNamespace(folder=logs, table=table, files=files_below(table), logs=Logs(logs, "cf_logs"))


def files_below(table):
    """The data files of a table on disk: their bytes, by their names below it."""
    return {path.relative_to(table).as_posix(): path.read_bytes() for path in sorted(table.rglob("*.parquet"))}


class Lake:
    """A bucket with logs, another for a table, and the program run on them."""

    def __init__(self, store, logs=None):
        self.store = store
        self.logs, self.lake = store.bucket("logs"), store.bucket("lake")
        self.source, self.table = self.logs.url("cf"), self.lake.url("cf_logs")
        if logs:
            self.logs.upload(logs)

    def environment(self, env):
        """The store's environment; with `env` over it, where None takes a variable away."""
        return {name: value for name, value in {**self.store.env, **(env or {})}.items() if value is not None}

    def run(self, *arguments, status=0, env=None):
        return harness.lakefront(*arguments, status=status, env=self.environment(env), seconds=SECONDS)

    def convert(self, *flags, status=0, env=None, source=None, table=None):
        return self.run("convert", source or self.source, table or self.table, *flags, status=status, env=env)

    def start(self, *flags, env=None):
        """A conversion that goes on by itself."""
        command = [harness.LAKEFRONT, "convert", self.source, self.table, "-q", *flags]
        return subprocess.Popen(command, env=self.environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def files(self):
        """The data files: their bytes, by their names below the table. Nothing else is there."""
        return {key.removeprefix("cf_logs/"): self.lake.get(key) for key in self.lake.keys("cf_logs/")}

    def state(self):
        """The names of the state."""
        return [key.removeprefix("cf_logs.lakefront/") for key in self.lake.keys("cf_logs.lakefront/")]

    def assert_is(self, reference):
        """The table is the one on disk, to the byte, and the program finds nothing wrong with it."""
        found = self.files()
        assert sorted(found) == sorted(reference.files)
        assert [name for name in found if found[name] != reference.files[name]] == []
        self.run("verify", self.table, "--deep")

    def assert_rows(self, folder, logs):
        """The table has exactly the rows of `logs`; it is fetched into a folder first."""
        # Not all that look at lakes have pyarrow.
        from arrow import assert_rows

        assert_rows(self.lake.download("cf_logs/", folder), logs)
