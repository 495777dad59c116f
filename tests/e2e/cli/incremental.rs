//! Further runs on a table: new, late, changed and replaced logs.

use std::fs;

use serde_json::json;

use crate::harness::{LEAN, NOW, TestFolder, log};

/// Returns the key of a log of a day of May 2024 and an hour.
fn key(day: u32, hour: u32) -> String {
    format!("E1EXAMPLE.2024-05-{day:02}-{hour:02}.0123abcd")
}

/// Returns a log with one row of that hour.
fn log_of(day: u32, hour: u32, bytes: u64) -> String {
    log("date time sc-bytes", &[&format!("2024-05-{day:02} {hour:02}:00:00 {bytes}")])
}

/// Creates a table of one row, and its log.
fn one_row() -> TestFolder {
    let folder = TestFolder::new();
    folder.add(&key(17, 9), log_of(17, 9, 1));
    folder.converts(&LEAN);
    folder
}

/// Returns the column `bytes` of all rows, in order: its values identify the rows.
fn rows(folder: &TestFolder) -> Vec<u64> {
    let mut rows: Vec<u64> = folder.rows().iter().map(|row| row.get("bytes").as_u64().unwrap()).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_second_run_converts_only_new_logs_and_leaves_data_files_unchanged() {
    let folder = one_row();
    let before = folder.snapshot("lake/cf_logs/year=2024/month=05/day=17/hour=09");
    folder.add(&key(17, 10), log_of(17, 10, 2));
    folder.add(&key(18, 9), log_of(18, 9, 3));
    let report = folder.converts(&[]);
    let objects = &report["objects"];
    assert_eq!((&objects["listed"], &objects["known"], &objects["converted"]), (&3.into(), &1.into(), &2.into()));
    assert_eq!((&report["rows"], &report["epochs"]), (&2.into(), &json!([2])));
    assert_eq!(rows(&folder), [1, 2, 3]);
    assert!(folder.snapshot("lake/cf_logs/year=2024/month=05/day=17/hour=09") == before);
}

#[test]
fn a_run_without_new_logs_says_so_and_writes_nothing() {
    let folder = one_row();
    let args = ["convert", "logs", "lake/cf_logs", "--now", NOW];
    let ran = folder.writes_nothing(&args, 0).says("nothing new: 1 converted before").says("nothing was written");
    assert_eq!(ran.stdout, "");
    assert_eq!(folder.writes_nothing(&[&args[..], &["-q"]].concat(), 0).stderr, "");
    let ran = folder.writes_nothing(&[&args[..], &["--dry-run"]].concat(), 0);
    assert!(
        ran.stdout.contains("0 to convert") && ran.stdout.contains("1 objects that an earlier run processed"),
        "{}",
        ran.stdout
    );
}

#[test]
fn objects_are_converted_regardless_of_how_late_they_are() {
    let folder = TestFolder::new();
    folder.add(&key(30, 9), log_of(30, 9, 1));
    folder.converts(&LEAN);
    // A month late: of the hour of a known log, and of an hour whose partition exists.
    folder.add(&key(1, 0), log_of(1, 0, 2));
    folder.add(&key(30, 9).replace("0123abcd", "0123abce"), log_of(30, 9, 3));
    folder.add(&key(29, 23), log_of(30, 9, 4));
    assert_eq!(folder.converts(&[])["objects"]["converted"], 3);
    assert_eq!(rows(&folder), [1, 2, 3, 4]);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
}

#[test]
fn objects_that_waited_for_their_hour_to_settle_are_converted_later() {
    let folder = TestFolder::new();
    for hour in [9, 10, 11] {
        folder.add(&key(17, hour), log_of(17, hour, hour.into()));
    }
    for (now, waiting, expected) in [
        ("2024-05-17T12:30:00Z", 2, vec![9]),
        ("2024-05-17T13:00:00Z", 1, vec![9, 10]),
        ("2024-05-18T00:00:00Z", 0, vec![9, 10, 11]),
    ] {
        assert_eq!(folder.converts(&[&LEAN[..], &["--now", now]].concat())["objects"]["waiting"], waiting);
        assert_eq!(rows(&folder), expected);
    }
}

#[test]
fn an_object_without_an_hour_in_its_name_is_known_too() {
    let folder = TestFolder::with_log(log_of(17, 9, 1));
    folder.converts(&LEAN);
    folder.add("other.log", log_of(17, 9, 2));
    assert_eq!(folder.converts(&[])["objects"]["known"], 1);
    assert_eq!(rows(&folder), [1, 2]);
}

#[test]
fn an_object_that_changed_after_it_was_converted_is_reported_once_and_its_rows_stay() {
    let folder = one_row();
    folder.add(&key(17, 10), log_of(17, 10, 2));
    // Each new content has a different size: a version is a size and a time.
    for bytes in [10, 100] {
        folder.add(&key(17, 9), log_of(17, 9, bytes));
        let ran = folder.convert(&[]).exits(3).says(&key(17, 9)).says("changed after it was converted");
        let report = folder.report();
        assert_eq!(report["objects"]["changed"], 1, "{}", ran.stderr);
        assert_eq!(report["lost_objects"][0]["object"], folder.object(&key(17, 9)));
        assert_eq!(report["lost_objects"][0]["reason"], "changed");
        folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    }
    assert_eq!(rows(&folder), [1, 2]);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn a_dry_run_reports_changed_objects() {
    let folder = one_row();
    folder.add(&key(17, 9), log_of(17, 9, 10));
    let ran = folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--dry-run", "--now", NOW], 0);
    let changed = ran.stdout.lines().find(|line| line.starts_with("changed"));
    assert!(changed.is_some_and(|line| line.contains("1 objects")), "{}", ran.stdout);
}

#[test]
fn a_failed_object_is_not_read_again_until_it_is_replaced() {
    let folder = one_row();
    folder.add(&key(17, 10), "no log");
    folder.converts_with_failures(&[]);
    let ran = folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    assert!(ran.stderr.contains("1 objects failed before") && ran.stderr.contains("`lakefront retry TABLE`"));

    folder.add(&key(17, 10), "no log either");
    assert_eq!(folder.converts_with_failures(&[])["objects"]["failed"], 1);
    folder.add(&key(17, 10), log_of(17, 10, 2));
    assert_eq!(folder.converts(&[])["objects"]["converted"], 1);
    assert_eq!(rows(&folder), [1, 2]);
}

#[test]
fn logs_that_are_deleted_after_their_conversion_keep_their_rows_and_are_not_converted_twice() {
    let folder = one_row();
    fs::remove_file(folder.path(&format!("logs/{}", key(17, 9)))).unwrap();
    folder.add(&key(17, 10), log_of(17, 10, 2));
    folder.converts(&[]);
    // With other bytes under the same name, it counts as changed, not as new.
    folder.add(&key(17, 9), log_of(17, 9, 12345));
    folder.convert(&[]).exits(3);
    assert_eq!(rows(&folder), [1, 2]);
}

#[test]
fn a_selection_leaves_the_rest_for_another_run() {
    let folder = TestFolder::new();
    for day in 1..=4 {
        folder.add(&key(day, 9), log_of(day, 9, day.into()));
    }
    folder.converts(&[&LEAN[..], &["--from", "2024-05-02", "--to", "2024-05-03"]].concat());
    folder.converts(&["--from", "2024-05-02", "--to", "2024-05-04"]);
    assert_eq!(rows(&folder), [2, 3]);
    assert_eq!(folder.converts(&[])["objects"]["known"], 2);
    assert_eq!(rows(&folder), [1, 2, 3, 4]);
}

#[test]
fn thirty_nightly_runs_with_objects_up_to_thirty_days_late_convert_each_row_once() {
    let folder = TestFolder::new();
    let mut expected = Vec::new();
    let mut changed = 0;
    for night in 1..=30_u32 {
        // One log of each night arrives at once, one some nights later, and some change after they were converted.
        let mut arrive = vec![(night, 3)];
        arrive.extend((1..=night).filter(|day| day + day * 7 % 31 == night).map(|day| (day, 4)));
        for (day, hour) in arrive {
            let bytes = u64::from(day * 100 + hour);
            folder.add(&key(day, hour), log_of(day, hour, bytes));
            expected.push(bytes);
        }
        let has_changed = night % 10 == 0;
        if has_changed {
            folder.add(&key(night - 5, 3), log_of(night - 5, 3, 1_000_000));
            changed += 1;
        }
        let now = format!("2024-05-{night:02}T12:30:00Z");
        let args = ["convert", "logs", "lake/cf_logs", "-q", "--now", &now, "--report", "report.json"];
        folder.run(&[&args, &LEAN[..]].concat()).exits(if has_changed { 3 } else { 0 });
        assert_eq!(folder.report()["objects"]["changed"], u64::from(has_changed), "night {night}");
    }
    expected.sort_unstable();
    assert_eq!(rows(&folder), expected);
    assert!(expected.len() > 40 && changed == 3, "{}", expected.len());
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn a_log_that_was_empty_is_converted_once_it_has_rows() {
    let folder = one_row();
    let key = "E1EXAMPLE.2024-05-17-12.half-written";
    for unfinished in ["", "#Version: 1.0\n"] {
        folder.add(key, unfinished);
        assert_eq!(folder.converts(&[])["objects"]["converted"], 1, "{unfinished:?}");
        assert_eq!(folder.converts(&[])["objects"]["known"], 2, "{unfinished:?}");
    }
    folder.add(key, log("date time sc-bytes", &["2024-05-17 12:00:00 7"]));
    assert_eq!(folder.converts(&[])["rows"], 1);
    assert_eq!(rows(&folder), [1, 7]);
    folder.run(&["verify", "lake/cf_logs"]).exits(0);
}
