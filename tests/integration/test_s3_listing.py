"""Listing of keys, and handling of keys that cannot be represented."""

import gzip
import itertools
import re

import pytest

from lakes import Lake
from logs import Logs
from servers.faults import Fault
from servers.proxy import Proxy

LINE = "{date}\t{hour}:00:01\tFRA2\t1\t192.0.2.1\tGET\td111111abcdef8.cloudfront.net\t/\t200\t-\tcurl/8.5.0\t-"
HEAD = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status"
    " cs(Referer) cs(User-Agent) cs-uri-query\n"
)
# Distributions, days and hours of a lake of which few keys are selected.
DISTRIBUTIONS = ["E1FIRST", "E2SECOND", "E3THIRD"]
DAYS = [f"2025-03-{day:02}" for day in range(1, 29)]
HOURS = [f"{hour:02}" for hour in range(0, 24, 3)]
# Pages of lists are short, so that few objects make many pages.
PAGE_KEYS = 10


def log(date, hour):
    """A log with one row."""
    return gzip.compress((HEAD + LINE.format(date=date, hour=hour) + "\n").encode(), mtime=0)


def flat(distribution, date, hour):
    return f"cf/{distribution}.{date}-{hour}.0a1b2c3d.gz"


def by_day(distribution, date, hour):
    year, month, day = date.split("-")
    return f"cf/AWSLogs/111122223333/CloudFront/{distribution}/{year}/{month}/{day}/{distribution}.{date}-{hour}.0a1b2c3d.gz"


def by_hive(distribution, date, hour):
    year, month, day = date.split("-")
    folders = f"year={year}/month={month}/day={day}/hour={hour}"
    return f"cf/DistributionId={distribution}/{folders}/{distribution}.{date}-{hour}.0a1b2c3d.gz"


LAYOUTS = {"flat": flat, "by day": by_day, "by hive": by_hive}


@pytest.fixture(scope="module", params=list(LAYOUTS))
def wide_lake(request, moto_store):
    """Returns a lake with months of logs in one of three layouts, and the function for a log's key."""
    key = LAYOUTS[request.param]
    with Proxy(moto_store.endpoint, [Fault("short-list", keys=PAGE_KEYS, match=r"^/logs-")]) as proxy:
        lake = Lake(moto_store.through(proxy.endpoint))
        for distribution, date, hour in itertools.product(DISTRIBUTIONS, DAYS, HOURS):
            lake.logs.put(key(distribution, date, hour), log(date, hour))
        yield lake, proxy, key


@pytest.mark.parametrize(
    "flags, distributions, days, hours",
    [
        (["--from", "2025-03-09"], DISTRIBUTIONS, DAYS[8:], HOURS),
        (["--from", "2025-03-04", "--to", "2025-03-05"], DISTRIBUTIONS, DAYS[3:4], HOURS),
        (["--to", "2025-03-02"], DISTRIBUTIONS, DAYS[:1], HOURS),
        (["--from", "2025-03-05T06", "--to", "2025-03-05T12"], DISTRIBUTIONS, DAYS[4:5], ["06", "09"]),
        (["--distribution", "E2SECOND"], ["E2SECOND"], DAYS, HOURS),
        (["--distribution", "E3THIRD", "--from", "2025-03-10"], ["E3THIRD"], DAYS[9:], HOURS),
    ],
)
def test_only_the_selected_keys_are_listed(wide_lake, tmp_path, flags, distributions, days, hours):
    lake, proxy, key = wide_lake
    proxy.forget()
    table = tmp_path / "cf_logs"
    lake.convert("-q", "--partition-by", "day", *flags, table=table)
    wanted = {key(*parts) for parts in itertools.product(distributions, days, hours)}
    assert {request.key for request in proxy.seen("GET")} == wanted
    # Pages end at any key, and distributions and folders are found by listing; but nothing is listed completely.
    everything = len(DISTRIBUTIONS) * len(DAYS) * len(HOURS)
    listed = sum(request.listed for request in proxy.seen("LIST"))
    assert listed <= len(wanted) + everything // 4 + 2 * PAGE_KEYS, [request.target for request in proxy.seen("LIST")]


def test_without_a_range_all_pages_are_listed_once(wide_lake, tmp_path):
    lake, proxy, _ = wide_lake
    proxy.forget()
    lake.convert("-q", "--partition-by", "day", table=tmp_path / "cf_logs")
    everything = len(DISTRIBUTIONS) * len(DAYS) * len(HOURS)
    assert proxy.count("GET") == everything
    assert sum(request.listed for request in proxy.seen("LIST")) < 2 * everything


def test_finding_nothing_in_a_range_is_an_error_unless_allowed(lake):
    lake.convert("-q", "--from", "2031-01-01", status=1)
    lake.convert("-q", "--from", "2031-01-01", "--allow-empty")


ODD_KEYS = [
    "cf//E1ODD.2025-01-02-22.00000001.gz",
    "cf/a//b.gz",
    "cf/x/../E1ODD.2025-01-02-22.00000002.gz",
    "cf/./E1ODD.2025-01-02-22.00000003.gz",
    "cf/../E1ODD.2025-01-02-22.00000004.gz",
    "cf/E1ODD\t.2025-01-02-22.00000005.gz",
    "cf/E1ODD\x7f.2025-01-02-22.00000006.gz",
]
# Keys that S3 can store, and that the program must read like any other.
HARMLESS_KEYS = [
    "cf/E1OK.2025-01-02-22.with blank.gz",
    "cf/E1OK.2025-01-02-22.100%.gz",
    "cf/E1OK.2025-01-02-22.%2e%2E%2F.gz",
    "cf/E1OK.2025-01-02-22.a+b=c&d;e,f.gz",
    "cf/E1OK.2025-01-02-22.<'\"?#*[]{}|\\^~`>.gz",
    "cf/E1OK.2025-01-02-22.Gr\u00fc\u00dfe-\u2602-\U0001f327.gz",
    "cf/\u00e9/E1OK.2025-01-02-22.composed.gz",
    "cf/e\u0301/E1OK.2025-01-02-22.decomposed.gz",
]


@pytest.mark.parametrize("odd", ODD_KEYS)
def test_a_key_that_cannot_be_represented_does_not_affect_other_logs(lake, reference, odd, tmp_path):
    lake.logs.put(odd, log("2025-01-02", "22"))
    report = tmp_path / "report.json"
    done = lake.convert("-q", "--report", report, status=3)
    printable = re.escape(odd.removeprefix("cf/").split("/")[-1].split("\t")[0].split("\x7f")[0])
    assert re.search(printable, done.stderr), done.stderr
    assert lake.logs.name in done.stderr and lake.logs.name in report.read_text()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", done.stderr), "control characters reach the terminal"
    assert lake.files() == reference.files


def test_excluded_odd_keys_are_not_failures(lake, reference):
    for odd in ODD_KEYS:
        lake.logs.put(odd, log("2025-01-02", "22"))
    lake.convert("-q", "--exclude", "E1ODD*", "--exclude", "a/")
    assert lake.files() == reference.files


def test_many_odd_keys_are_reported_and_all_others_are_converted(lake, reference):
    for odd in ODD_KEYS:
        lake.logs.put(odd, b"")
    lake.convert("-q", status=3)
    assert lake.files() == reference.files
    # Each run reports them, because the keys are still there.
    lake.convert("-q", status=3)


def test_keys_with_any_other_characters_are_read(moto_store, tmp_path):
    lake = Lake(moto_store)
    folder = tmp_path / "logs"
    for number, key in enumerate(HARMLESS_KEYS):
        lake.logs.put(key, log("2025-01-02", f"{number:02}"))
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log("2025-01-02", f"{number:02}"))
    lake.convert("-q")
    lake.assert_rows(tmp_path / "fetched", Logs(folder, "cf_logs"))
    lake.convert("-q")


def test_a_folder_marker_is_not_a_log(lake, reference):
    lake.logs.put("cf/", b"")
    lake.logs.put("cf/below/", b"")
    lake.convert("-q")
    assert lake.files() == reference.files
