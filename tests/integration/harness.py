"""Runs the two programs, and makes the logs and tables that the tests read."""

import gzip
import itertools
import json
import os
import random
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

from logs import Logs

REPOSITORY = Path(__file__).resolve().parents[2]
LAKEFRONT = os.environ["LAKEFRONT_BIN"]
LOGGEN = os.environ["LOGGEN_BIN"]
PARTITION_COLUMNS = ["year", "month", "day", "hour"]

# One file for each era of CloudFront's logs: the number of fields in a row, and an hour of that era. In the hours from
# September 2013 to 2019, user agents are escaped twice.
ERAS = [
    (12, "2010-06-01T05"),
    (15, "2013-02-01T09"),
    (18, "2014-04-28T09"),
    (19, "2014-07-21T01"),
    (23, "2016-04-14T02"),
    (24, "2017-11-30T23"),
    (26, "2018-11-07T00"),
    (33, "2020-01-01T00"),
]

# Logs written by hand, with content that loggen never writes: fields without a column, a truncated row, cells that are not
# numbers or do not fit, a row without a date, blank lines, and a file without rows.
BY_HAND = """\
#Version: 1.0
#Fields: date time c-ip sc-bytes sc-status cs(User-Agent) time-taken asn c-port x-new-field another-field
2025-02-01\t00:00:00\t192.0.2.1\t1\t000\tcurl/8.5.0\t0.217\t64496\t443\ta%20value\t-
2025-02-01\t23:59:59\t192.0.2.2\tmany\t200\t-\t570129.76\t-\t2147483648\t-\t-
2025-02-02\t07:30:00\t2001:db8::1\t9007199254740993\t200\tMozilla/5.0%20(compatible;%20Googlebot/2.1;%20+http://www.google.com/bot.html)\t1e1\t64497\t80

-\t07:30:01\t192.0.2.3\t1\t200\t-\t0.1\t-\t80\t-\t-
2025-02-02\t07:30:02\t192.0.2.4\t-\t200\t\t-\t\t80\tone\tother
"""


def run(*command, status=0, env=None, seconds=None):
    """Returns stdout and stderr of a program. Checks that its exit status is `status`, or one of them; None accepts any."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env, timeout=seconds)
    statuses = (done.returncode,) if status is None else status if isinstance(status, tuple) else (status,)
    assert done.returncode in statuses, f"{command} exits with {done.returncode}:\n{done.stderr}"
    return SimpleNamespace(stdout=done.stdout, stderr=done.stderr, status=done.returncode)


def lakefront(*arguments, **expected):
    return run(LAKEFRONT, *arguments, **expected)


def loggen(folder, **flags):
    run(LOGGEN, folder, *[f"--{name.replace('_', '-')}={value}" for name, value in flags.items()])


def current(folder):
    """Two distributions, four hours around midnight, many rows in another hour than their file's."""
    loggen(folder, distributions=2, start="2025-01-02T22", hours=4, files_per_hour=2, rows_per_file=500, late_percent=5)


def eras(folder):
    """All eras in one table, each in a separate folder."""
    for fields, start in ERAS:
        loggen(folder / f"of-{fields}-fields", seed=fields, era=fields, start=start, rows_per_file=300)


def wide(folder):
    """Generated logs, logs written by hand, one without rows and one that is damaged."""
    loggen(folder, seed=7, start="2025-02-01T05", hours=2, rows_per_file=700)
    (folder / "plain").mkdir()
    (folder / "plain" / "E1BYHAND.2025-02-01-00.00000001").write_text(BY_HAND)
    (folder / "plain" / "E1BYHAND.2025-02-01-00.00000002").write_text("".join(BY_HAND.splitlines(True)[:2]))
    damaged = gzip.compress(BY_HAND.encode(), mtime=0)[:-5]
    (folder / "E1DAMAGED.2025-02-01-00.00000003.gz").write_bytes(damaged)


# Number of rows of the set `varied`, and the row after which most columns change, so that their dictionaries end there.
VARIED_ROWS, VARIED_TURN = 60_000, 25_000
INT_64 = [-(2**63), -(2**63) + 1, -1, 0, 1, 2**63 - 2, 2**63 - 1]
INT_32 = [-(2**31), -(2**31) + 1, -1, 0, 1, 2**31 - 2, 2**31 - 1]
DOUBLES = ["-0.0", "0.0", "5e-324", "-5e-324", "1.7976931348623157e308", "-1.7976931348623157e308", "0.1"]
TEXTS = ["", "Gr\u00fc\u00dfe,%20J\u00fcrgen", "\u2602" * 40, "\U0010ffff" * 20, "twelve bytes", "thirteen byte", "a" * 63 + "\u00e9"]


def varied(folder):
    """One log with columns for all encodings of Parquet: cells that repeat, that never do and that do so at first,
    missing, empty, long and with several bytes per character, the largest and the smallest numbers."""
    chance = random.Random(20250301)
    lines = ["#Version: 1.0"]
    for row in range(VARIED_ROWS):
        is_early = row < VARIED_TURN
        unique = f"{chance.getrandbits(160):040x}"
        cells = {
            "date": "2025-03-01",
            "time": f"{5 + row // 50_000:02}:{row // 60 % 60:02}:{row % 60:02}",
            "c-ip": f"192.0.2.{row % 250}",
            "sc-bytes": row,
            "cs-uri-stem": f"/page/{row % 3000}" if is_early else f"/{unique * 3}",
            "cs(User-Agent)": chance.choice(["curl/8.5.0", "Googlebot/2.1", "-", ""]),
            "cs(Referer)": chance.choice(TEXTS),
            "cs-uri-query": chr(97 + row % 26) * 900_000 if row in (10, 11, 40_000) else unique[: row % 40],
            "x-edge-request-id": unique[::-1],
            "x-host-header": "" if is_early else chance.choice(TEXTS) + unique,
            "time-taken": chance.choice(DOUBLES) if is_early else chance.uniform(-1e300, 1e300),
            "cs-bytes": chance.getrandbits(64) - 2**63,
            "sc-content-len": chance.choice(INT_64) if row % 3 else "-",
            "sc-range-start": row % 7 if is_early else chance.getrandbits(64) - 2**63,
            "sc-range-end": "-" if is_early else chance.choice(INT_64) - (chance.getrandbits(62) if row % 2 else 0),
            "asn": 2**63 - 1 - row * 1_000_003,
            "c-port": chance.choice(INT_32) if is_early else chance.getrandbits(32) - 2**31,
            "fle-encrypted-fields": 4,
            "x-new-field": chance.choice(["-", "", unique]),
        }
        lines[1:2] = lines[1:2] or ["#Fields: " + " ".join(cells)]
        lines.append("\t".join(map(str, cells.values())))
    (folder / "E1VARIED.2025-03-01-05.00000001.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))


# Each set: its maker, its table schema, convert's exit status (3 if an object is damaged) and more flags of convert.
SETS = {
    "current": (current, "cf_logs", 0, []),
    "eras": (eras, "cf_logs", 0, []),
    "wide": (wide, "cf_logs_wide", 3, []),
    "varied": (varied, "cf_logs_wide", 0, ["--max-file-bytes", "8MiB"]),
}


def convert(name, folder):
    """Converts the set of that name in a new folder; returns its logs as `Logs` reads them, its table, and the report."""
    make, schema, status, flags = SETS[name]
    logs, table, report = folder / "logs", folder / "lake" / "cf_logs", folder / "report.json"
    logs.mkdir()
    make(logs)
    lakefront("convert", logs, table, "--schema", schema, "--report", report, "-q", *flags, status=status)
    return SimpleNamespace(
        name=name,
        schema=schema,
        folder=folder,
        logs=Logs(logs, schema),
        table=table,
        files=sorted(table.rglob("*.parquet")),
        report=json.loads(report.read_text()),
    )


def table_of_years(folder):
    """Makes a table of three years of hours, without its state; all data files are hard links to one file."""
    logs, table = folder / "logs", folder / "lake" / "cf_logs"
    logs.mkdir()
    (logs / "E1BYHAND.2023-01-01-00.00000001").write_text(
        "#Version: 1.0\n#Fields: date time c-ip\n2023-01-01\t00:00:00\t192.0.2.1\n"
    )
    lakefront("convert", logs, table, "-q")
    (data_file,) = table.rglob("*.parquet")
    for year, month, day, hour in itertools.product((2023, 2024, 2025), range(1, 13), range(1, 29), range(24)):
        path = table / f"year={year}/month={month:02}/day={day:02}/hour={hour:02}" / data_file.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.hardlink_to(data_file)
    shutil.rmtree(table.with_name(table.name + ".lakefront"))
    return table


def folders(table):
    """Returns the partitions of a table, from its folders."""
    return sorted({path.parent.relative_to(table).as_posix() for path in table.rglob("*.parquet")})


def statements(sql):
    """Returns the statements in the output of `lakefront ddl`."""
    return [part.strip() for part in sql.split(";\n") if part.strip()]


def readme_blocks(info):
    """Returns the fenced blocks of README.md that begin with ```info; there must be at least one."""
    text = (REPOSITORY / "README.md").read_text()
    found = re.findall(rf"^```{re.escape(info)}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no block that begins with ```{info}"
    return found


def query(name):
    """Returns the text of one of the built-in queries."""
    return (REPOSITORY / "schemas" / "queries" / f"{name}.sql").read_text()
