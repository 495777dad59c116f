"""Logs and tables in a store: runs the program on them, and reads its output back."""

import subprocess
from types import SimpleNamespace

import harness
from logs import Logs

# No test of a store takes as long, so a program that hangs fails its test.
SECONDS = 120


def reference(folder, **settings):
    """Makes logs on disk and their table, the expected result in any store. The folder corresponds to the bucket: the name
    of a log in the table is its whole key there."""
    logs, table = folder / "logs", folder / "lake" / "cf_logs"
    settings = {"distributions": 2, "start": "2025-01-02T22", "hours": 3, "rows_per_file": 120, **settings}
    harness.loggen(logs / "cf", **settings)
    harness.lakefront("convert", logs, table, "-q")
    return SimpleNamespace(folder=logs, table=table, files=files_below(table), logs=Logs(logs, "cf_logs"))


def files_below(table):
    """Returns the bytes of the data files of a table on disk, by their names below it."""
    return {path.relative_to(table).as_posix(): path.read_bytes() for path in sorted(table.rglob("*.parquet"))}


class Lake:
    """A bucket with logs, another for a table, and runs of the program on them."""

    def __init__(self, store, logs=None):
        self.store = store
        self.logs, self.lake = store.bucket("logs"), store.bucket("lake")
        self.source, self.table = self.logs.url("cf"), self.lake.url("cf_logs")
        if logs:
            self.logs.upload(logs)

    def environment(self, env):
        """Returns the store's environment, updated with `env`; None removes a variable."""
        return {name: value for name, value in {**self.store.env, **(env or {})}.items() if value is not None}

    def run(self, *arguments, status=0, env=None):
        return harness.lakefront(*arguments, status=status, env=self.environment(env), seconds=SECONDS)

    def convert(self, *flags, status=0, env=None, source=None, table=None):
        return self.run("convert", source or self.source, table or self.table, *flags, status=status, env=env)

    def start(self, *flags, env=None):
        """Starts a conversion and does not wait for it."""
        command = [harness.LAKEFRONT, "convert", self.source, self.table, "-q", *flags]
        return subprocess.Popen(command, env=self.environment(env), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def files(self):
        """Returns the bytes of all objects of the table, which are only data files, by their names below it."""
        return {key.removeprefix("cf_logs/"): self.lake.get(key) for key in self.lake.keys("cf_logs/")}

    def state(self):
        """Returns the names of the state's objects."""
        return [key.removeprefix("cf_logs.lakefront/") for key in self.lake.keys("cf_logs.lakefront/")]

    def assert_is(self, reference):
        """Checks that the table equals the one on disk, byte for byte, and that `verify` finds no error."""
        found = self.files()
        assert sorted(found) == sorted(reference.files)
        assert [name for name in found if found[name] != reference.files[name]] == []
        self.run("verify", self.table, "--deep")

    def assert_rows(self, folder, logs):
        """Checks that the table has exactly the rows of `logs`; downloads it into a folder first."""
        # Imported here because not all users of lakes have pyarrow.
        from arrow import assert_rows

        assert_rows(self.lake.download("cf_logs/", folder), logs)
