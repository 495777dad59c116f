"""Every row of the logs is in the table exactly once, with the right cells and in the right partition."""

from arrow import assert_rows, dataset
from harness import PARTITION_COLUMNS, folders


def test_the_table_has_exactly_the_rows_of_the_logs(each):
    assert_rows(each.table, each.logs)


def test_each_hour_of_the_records_has_one_folder(each):
    hours = {"/".join(f"{name}={row[name]}" for name in PARTITION_COLUMNS) for row in each.logs.rows}
    assert folders(each.table) == sorted(hours)


def test_late_rows_are_in_the_partition_of_their_own_hour(converted):
    rows = dataset(converted("current").table).to_table(["filename", *PARTITION_COLUMNS]).to_pylist()
    late = [row for row in rows if "-".join(row[name] for name in PARTITION_COLUMNS) not in row["filename"]]
    assert 0.02 * len(rows) < len(late) < 0.10 * len(rows)


def test_user_agents_that_were_escaped_twice_are_classified_like_others(converted):
    rows = [row for row in converted("eras").logs.rows if "2014" <= row["year"] < "2020"]
    assert sum("%2520" in row["useragent"] for row in rows) > len(rows) / 2
    assert {"Chrome", "Mobile Safari", "Googlebot"} <= {row["browserfamily"] for row in rows}
