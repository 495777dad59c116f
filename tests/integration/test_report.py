"""The report and the quarantine agree with the contents of the logs."""

import gzip
import json


def test_the_report_counts_what_is_in_the_logs(each):
    report, counts = each.report, each.logs.counts
    objects = report["objects"]
    assert objects["listed"] == objects["planned"] == counts["objects"]
    assert objects["converted"] == counts["objects"] - len(each.logs.failed)
    assert objects["failed"] == len(each.logs.failed)
    assert report["rows"] == len(each.logs.rows)
    assert sum(report["rejects"].values()) == counts["rejects"]
    assert report["lines"] == report["rows"] + counts["rejects"] + report["comments"] + report["blanks"]
    for name in ("lines", "comments", "blanks", "padded_rows", "text_bytes"):
        assert report[name] == counts[name], name
    nulled = {name.removeprefix("nulled "): count for name, count in counts.items() if name.startswith("nulled ")}
    assert report["nulled_cells"] == nulled


def test_the_report_counts_what_is_in_the_table(each):
    assert each.report["table"] == str(each.table)
    assert each.report["schema"] == each.schema
    assert each.report["files"] == len(each.files)
    assert each.report["partitions"] == len({path.parent for path in each.files})
    assert each.report["bytes_out"] == sum(path.stat().st_size for path in each.files)


def test_fields_that_the_table_does_not_keep_are_named(converted):
    assert "time-to-first-byte" in converted("current").report["unclaimed_fields"]


def test_rejected_rows_and_failed_objects_are_in_the_quarantine(converted):
    wide = converted("wide")
    lines = []
    for path in sorted(wide.table.with_name("cf_logs.lakefront").rglob("quarantine/**/*.jsonl.gz")):
        lines += [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    rejected = [line for line in lines if line.get("text", "").startswith("-\t07:30:01")]
    assert [line["object"].endswith("E1BYHAND.2025-02-01-00.00000001") for line in rejected] == [True]
    assert rejected[0]["line"] == 7
    assert sum("E1DAMAGED" in line["object"] for line in lines) == 1
    assert len(lines) == 2
