//! `lakefront resolve`: redoes an interrupted epoch that `convert` refuses to finish.

use std::fs;

use serde_json::json;

use crate::harness::{LEAN, NOW, TestFolder, column, layout, log};

const SECOND: &str = "lake/cf_logs/year=2024/month=05/day=18/hour=09/part-0000000001-00001-000.parquet";
const RESOLVE: [&str; 2] = ["resolve", "lake/cf_logs"];
/// Fingerprint of [`TestFolder::of_two_tasks`] when data files still had delta encodings, as that version wrote it.
const WITH_DELTA_ENCODINGS: &str = "f302d0225e90d409";

/// Creates a table whose only epoch is open: its first task is committed, its second one has stored its data file.
fn with_open_epoch() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.reopen(1, &[1]);
    folder
}

/// Creates a table whose open epoch another version of the program planned, with a data file of it.
fn of_another_version() -> TestFolder {
    let folder = with_open_epoch();
    folder.edit_record("log/0000000001.json", |log| {
        log["program"] = "0.0.9".into();
        log["layout"] = "0123456789abcdef".into();
    });
    fs::write(folder.path(SECOND), "as the other version wrote it").unwrap();
    folder
}

/// Asserts that both rows are there, once, and no epoch is open.
fn is_whole(folder: &TestFolder) {
    let days = column(&folder.rows(), "logdate");
    assert_eq!(days, json!(["2024-05-17", "2024-05-18"]));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    assert!(folder.json(&["status", "lake/cf_logs"])["open"].is_null());
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0).says("nothing new");
}

#[test]
fn an_open_epoch_of_another_version_is_refused_by_convert_and_redone_by_resolve() {
    let folder = of_another_version();
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00"]));
    folder.refuses().says("version 0.0.9 planned it").says("`lakefront resolve TABLE`");
    folder.writes_nothing(&["retry", "lake/cf_logs"], 1).says("`lakefront resolve TABLE`");
    let first = folder.snapshot("lake/cf_logs/year=2024/month=05/day=17");
    let ran = folder.run(&RESOLVE).exits(0);
    assert!(ran.stderr.contains("deleting") && ran.stderr.contains(SECOND), "{}", ran.stderr);
    assert!(folder.snapshot("lake/cf_logs/year=2024/month=05/day=17") == first, "committed tasks are unchanged");
    assert_eq!(folder.rows().len(), 2, "new logs are left for the next run");
    fs::remove_file(folder.path("logs/E1EXAMPLE.2024-05-19-09.a")).unwrap();
    is_whole(&folder);
}

/// Changes the table's only epoch to one of the program with delta encodings.
fn had_delta_encodings(folder: &TestFolder) {
    folder.edit_record("log/0000000001.json", |log| {
        assert_ne!(log["layout"], WITH_DELTA_ENCODINGS, "the fingerprint depends on the encodings");
        log["layout"] = WITH_DELTA_ENCODINGS.into();
    });
}

#[test]
fn an_open_epoch_with_delta_encodings_is_refused_by_convert_and_redone_by_resolve() {
    let folder = with_open_epoch();
    had_delta_encodings(&folder);
    fs::write(folder.path(SECOND), "with delta encodings").unwrap();
    folder.refuses().says("would write other bytes under the same names").says("`lakefront resolve TABLE`");
    folder.run(&RESOLVE).exits(0);
    is_whole(&folder);
    for file in folder.files("lake/cf_logs").values() {
        let text = layout(file);
        assert!(text.contains("logtime: zstd, PLAIN") && !text.contains("DELTA"), "{text}");
    }
}

#[test]
fn a_table_whose_epochs_have_delta_encodings_accepts_new_logs() {
    let folder = TestFolder::of_two_tasks();
    had_delta_encodings(&folder);
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00"]));
    assert_eq!(folder.converts(&LEAN)["epochs"], json!([2]));
    assert_eq!(folder.rows().len(), 3);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn all_of_its_tasks_may_be_committed() {
    let folder = TestFolder::of_two_tasks();
    folder.reopen(1, &[]);
    folder.edit_record("log/0000000001.json", |log| log["layout"] = "0123456789abcdef".into());
    folder.refuses().says("`lakefront resolve TABLE`");
    folder.run(&RESOLVE).exits(0);
    is_whole(&folder);
}

#[test]
fn a_data_file_with_other_bytes_stops_convert_and_is_rewritten_by_resolve() {
    let folder = with_open_epoch();
    fs::write(folder.path(SECOND), "other bytes").unwrap();
    folder
        .run(&["convert", "logs", "lake/cf_logs", "--now", NOW])
        .exits(1)
        .says(SECOND)
        .says("`lakefront resolve TABLE`");
    assert_eq!(fs::read(folder.path(SECOND)).unwrap(), b"other bytes", "data files are never replaced by `convert`");
    folder.run(&RESOLVE).exits(0);
    is_whole(&folder);
}

#[test]
fn an_input_that_vanished_from_a_task_that_has_data_files_stops_convert_and_is_left_out_by_resolve() {
    let folder = with_open_epoch();
    fs::remove_file(folder.path("logs/E1EXAMPLE.2024-05-18-09.a")).unwrap();
    let ran = folder.run(&["convert", "logs", "lake/cf_logs", "--now", NOW]).exits(1);
    assert!(ran.stderr.contains("vanished") && ran.stderr.contains("`lakefront resolve TABLE`"), "{}", ran.stderr);
    folder.run(&RESOLVE).exits(3).says("E1EXAMPLE.2024-05-18-09.a");
    assert_eq!(column(&folder.rows(), "logdate"), json!(["2024-05-17"]));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    // It was not converted: when it returns, it is new.
    folder.add("E1EXAMPLE.2024-05-18-09.a", log("date time", &["2024-05-18 09:00:00"]));
    folder.converts(&[]);
    is_whole(&folder);
}

#[test]
fn an_input_that_vanished_before_its_task_had_begun_is_left_out_by_convert() {
    let folder = with_open_epoch();
    for path in [folder.path(SECOND), folder.state("gone/0000000001/00001.json")] {
        fs::remove_file(path).unwrap();
    }
    fs::remove_file(folder.path("logs/E1EXAMPLE.2024-05-18-09.a")).unwrap();
    let report = folder.converts_with_failures(&[]);
    assert_eq!((&report["objects"]["gone"], &report["epochs"]), (&1.into(), &json!([1])));
    assert_eq!(folder.rows().len(), 1);
}

#[test]
fn an_input_that_changed_before_its_task_had_begun_is_converted_in_the_next_epoch() {
    let folder = with_open_epoch();
    for path in [folder.path(SECOND), folder.state("gone/0000000001/00001.json")] {
        fs::remove_file(path).unwrap();
    }
    folder.add("E1EXAMPLE.2024-05-18-09.a", log("date time", &["2024-05-18 10:00:00", "2024-05-18 11:00:00"]));
    let report = folder.converts_with_failures(&[]);
    assert_eq!((&report["objects"]["replaced"], &report["epochs"]), (&1.into(), &json!([1, 2])));
    assert_eq!(column(&folder.rows(), "logtime"), json!(["09:00:00", "10:00:00", "11:00:00"]));
}

#[test]
fn an_open_epoch_of_an_active_run_on_another_host_is_left_alone_without_take_over() {
    let folder = of_another_version();
    folder.edit_record("lease/0000000001.json", |lease| {
        lease["host"] = "etl-7".into();
        lease["released"] = false.into();
    });
    let files = folder.tree("lake");
    folder.run(&RESOLVE).exits(75).says("etl-7").says("--take-over");
    assert_eq!(folder.tree("lake"), files);
    folder.run(&[&RESOLVE[..], &["--take-over"]].concat()).exits(0);
    is_whole(&folder);
}

#[test]
fn without_an_open_epoch_it_does_nothing() {
    let folder = TestFolder::of_two_tasks();
    folder.writes_nothing(&RESOLVE, 0).says("nothing to resolve");
    is_whole(&folder);
}

#[test]
fn its_json_is_the_report() {
    let folder = of_another_version();
    let report = folder.json(&RESOLVE);
    assert_eq!((&report["outcome"], &report["rows"], &report["epochs"]), (&"done".into(), &1.into(), &json!([1])));
}
