//! Concurrent runs: locks, leases, `--take-over`, open epochs.

use std::{
    fs::{self, File, OpenOptions},
    time::SystemTime,
};

use serde_json::json;

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, log, only_on_disk};

/// Holds the lock of the table's state, like a run.
fn hold_lock(folder: &TestFolder) -> File {
    let lock = OpenOptions::new().read(true).write(true).open(folder.state("lock")).unwrap();
    lock.try_lock().unwrap();
    lock
}

/// Creates a table and a new log.
fn with_new_log() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00"]));
    folder
}

const CONVERT: [&str; 5] = ["convert", "logs", "lake/cf_logs", "--now", NOW];

fn convert(folder: &TestFolder, args: &[&str]) -> RunOutput {
    folder.run(&[&CONVERT, args].concat())
}

#[test]
fn a_run_exits_75_and_writes_nothing_while_another_run_holds_the_lock() {
    only_on_disk!("locks");
    let folder = with_new_log();
    let _lock = hold_lock(&folder);
    let ran = folder.writes_nothing(&CONVERT, 75);
    assert!(
        ran.stderr.contains("is working on the table") && ran.stderr.contains("\nhint: run again later"),
        "{}",
        ran.stderr
    );
    for command in [&["retry", "lake/cf_logs"][..], &["resolve", "lake/cf_logs"], &["rebuild-state", "lake/cf_logs"]] {
        folder.writes_nothing(command, 75).says("is working on the table");
    }
    for command in [&["status", "lake/cf_logs"][..], &["verify", "lake/cf_logs"], &["ddl", "lake/cf_logs"]] {
        folder.writes_nothing(command, 0);
    }
}

#[test]
fn the_next_run_continues_after_the_lock_is_free() {
    only_on_disk!("locks");
    let folder = with_new_log();
    let lock = hold_lock(&folder);
    convert(&folder, &[]).exits(75);
    drop(lock);
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn take_over_continues_in_spite_of_a_lock() {
    only_on_disk!("locks");
    let folder = with_new_log();
    let _lock = hold_lock(&folder);
    convert(&folder, &["--take-over"]).exits(0).says("--take-over");
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn the_report_of_a_run_that_found_another_active_run_says_so() {
    only_on_disk!("locks");
    let folder = with_new_log();
    let _lock = hold_lock(&folder);
    folder.convert(&[]).exits(75);
    let report = folder.report();
    assert_eq!(report["outcome"], "active");
    assert!(report["error"].as_str().unwrap().contains("is working on the table"), "{report:#}");
}

#[test]
fn an_open_epoch_of_a_killed_run_is_finished_before_new_logs_are_converted() {
    for tasks in [&[][..], &[0], &[1], &[0, 1]] {
        let folder = with_new_log();
        let before = folder.states(&["seen/", "closed/", "commit/"]);
        folder.reopen(1, tasks);
        let report = folder.converts(&[]);
        assert_eq!(report["epochs"], json!([1, 2]), "{tasks:?}");
        assert_eq!(report["tasks"], tasks.len() + 1, "committed tasks are not redone");
        assert_eq!(folder.rows().len(), 3);
        let after = folder.states(&["seen/", "closed/", "commit/"]);
        assert!(
            before.iter().all(|(name, bytes)| after[name] == *bytes),
            "{tasks:?}: the bytes differ from the first time"
        );
    }
}

#[test]
fn an_open_epoch_is_finished_with_the_settings_it_was_planned_with() {
    let folder = TestFolder::of_two_tasks();
    let before = folder.snapshot("lake/cf_logs");
    folder.reopen(1, &[0, 1]);
    for file in folder.files("lake/cf_logs").values() {
        fs::remove_file(file).unwrap();
    }
    folder.converts(&["--compression", "none", "--now", "2027-01-01T00:00:00Z"]);
    let bytes = |snapshot: crate::harness::Snapshot| snapshot.into_values().map(|(_, bytes)| bytes).collect::<Vec<_>>();
    assert!(bytes(folder.snapshot("lake/cf_logs")) == bytes(before));
}

/// Creates an open epoch of a run on another host, whose last heartbeat was just now.
fn of_another_host() -> TestFolder {
    let folder = with_new_log();
    folder.reopen(1, &[1]);
    folder.edit_record("lease/0000000001.json", |lease| {
        lease["host"] = "etl-7".into();
        lease["pid"] = 4711.into();
        lease["released"] = false.into();
    });
    folder
}

#[test]
fn an_open_epoch_of_a_run_on_another_host_is_left_alone_while_its_lease_is_fresh() {
    let folder = of_another_host();
    let before = folder.tree("lake");
    convert(&folder, &[]).exits(75).says("process 4711 on etl-7").says("--take-over");
    convert(&folder, &["--lease", "1h"]).exits(75);
    assert_eq!(folder.tree("lake"), before);
}

#[test]
fn an_open_epoch_is_free_after_a_stale_lease_a_released_one_or_take_over() {
    only_on_disk!("file times");
    let folder = of_another_host();
    let hour_ago = SystemTime::now() - std::time::Duration::from_hours(1);
    for name in ["lease/0000000001.json", "log/0000000001.json"] {
        File::options().write(true).open(folder.state(name)).unwrap().set_modified(hour_ago).unwrap();
    }
    convert(&folder, &["--lease", "2h"]).exits(75);
    folder.converts(&[]);

    let folder = of_another_host();
    folder.edit_record("lease/0000000001.json", |lease| lease["released"] = true.into());
    folder.converts(&[]);

    let folder = of_another_host();
    folder.converts(&["--take-over"]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn an_unreadable_lease_is_ignored() {
    let folder = with_new_log();
    folder.reopen(1, &[1]);
    fs::write(folder.state("lease/0000000001.json"), "{").unwrap();
    convert(&folder, &["--lease", "0"]).exits(0);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn a_table_made_for_a_single_writer_requires_the_flag_each_time() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00"]));
    folder.converts(&["--single-writer", LEAN[0], LEAN[1]]);
    folder.add("new.log", log("date time", &["2024-05-17 10:00:00"]));
    folder.refuses().says("`--single-writer`").says("\nhint: ");
    folder.converts(&["--single-writer"]);
    assert_eq!(folder.rows().len(), 2);
}

#[test]
fn a_dry_run_reports_an_open_epoch_and_needs_no_lock() {
    only_on_disk!("locks");
    let folder = with_new_log();
    folder.reopen(1, &[1]);
    let _lock = hold_lock(&folder);
    let ran = folder.writes_nothing(&[&CONVERT[..], &["--dry-run"]].concat(), 0);
    assert!(ran.stdout.contains("epoch 1 is not finished"), "{}", ran.stdout);
}

#[test]
fn a_run_that_finishes_an_epoch_names_the_objects_that_failed_earlier_in_it() {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.bad", "no log");
    folder.add("E1EXAMPLE.2024-05-17-10.a", log("date time", &["2024-05-17 10:00:00"]));
    folder.converts_with_failures(&["--task-bytes", "1", LEAN[0], LEAN[1]]);
    folder.reopen(1, &[1]);
    folder.convert(&["-q"]).exits(3).says("E1EXAMPLE.2024-05-17-09.bad").says("no-cloudfront-log");
    assert_eq!(folder.report()["objects"]["failed"], 1);
}
