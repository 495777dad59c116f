//! Partitions: by the record's own time, never inside the files.

use crate::harness::{TestFolder, log};

fn partitions(folder: &TestFolder) -> Vec<String> {
    folder.rows().into_iter().map(|row| row.partition).collect()
}

#[test]
fn a_row_goes_to_the_hour_of_its_own_time_and_not_of_the_object_name() {
    let folder = TestFolder::new();
    let rows = ["2024-12-31 23:59:59", "2025-01-01 00:00:00", "2024-02-29 07:30:00"];
    folder.add("E1EXAMPLE.2024-05-17-10.0123abcd", log("date time", &rows));
    folder.converts(&[]);
    let expected =
        ["year=2024/month=02/day=29/hour=07", "year=2024/month=12/day=31/hour=23", "year=2025/month=01/day=01/hour=00"];
    assert_eq!(partitions(&folder), expected);
}

#[test]
fn a_timestamp_decides_the_partition_if_there_is_no_date_and_time() {
    let folder = TestFolder::with_log(log("timestamp c-ip", &["1671005351.148 192.0.2.1"]));
    folder.converts(&[]);
    assert_eq!(partitions(&folder), ["year=2022/month=12/day=14/hour=08"]);
    let row = folder.rows().remove(0);
    assert_eq!((row.get("logdate"), row.get("logtime")), (&"2022-12-14".into(), &"08:09:11".into()));
}

#[test]
fn partition_columns_are_never_inside_the_files() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 10:00:00"]));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let row = folder.rows().remove(0);
    assert!(row.cells.iter().all(|(name, _)| !["year", "month", "day", "hour"].contains(&name.as_str())), "{row:?}");
}

#[test]
fn partition_by_limits_the_partition_columns() {
    for (by, expected) in [
        ("year", "year=2024"),
        ("month", "year=2024/month=05"),
        ("day", "year=2024/month=05/day=07"),
        ("hour", "year=2024/month=05/day=07/hour=03"),
    ] {
        let folder = TestFolder::with_log(log("date time", &["2024-05-07 03:00:00", "2024-05-07 03:59:59"]));
        let report = folder.converts(&["--partition-by", by]);
        assert_eq!(partitions(&folder), [expected, expected]);
        assert_eq!((&report["files"], &report["partitions"]), (&1.into(), &1.into()));
    }
}

#[test]
fn data_files_are_named_by_epoch_task_and_number() {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-10.a", log("date time", &["2024-05-17 10:00:00", "2024-05-17 11:00:00"]));
    folder.add("E1EXAMPLE.2024-05-18-10.a", log("date time", &["2024-05-18 10:00:00", "2024-05-17 11:00:00"]));
    folder.converts(&[]);
    let expected = [
        "year=2024/month=05/day=17/hour=10/part-0000000001-00000-000.parquet",
        "year=2024/month=05/day=17/hour=11/part-0000000001-00000-000.parquet",
        "year=2024/month=05/day=17/hour=11/part-0000000001-00001-000.parquet",
        "year=2024/month=05/day=18/hour=10/part-0000000001-00001-000.parquet",
    ];
    assert_eq!(folder.tree("lake/cf_logs"), expected);
}
