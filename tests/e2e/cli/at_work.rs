//! Who may work on a table: locks, leases, `--take-over`, epochs that were left open.

use std::{
    fs::{self, File, OpenOptions},
    time::SystemTime,
};

use serde_json::json;

use crate::harness::{LEAN, NOW, Ran, TestFolder, log, only_on_disk};

/// Holds the lock of the table's state, as a run does.
fn hold_lock(folder: &TestFolder) -> File {
    let lock = OpenOptions::new().read(true).write(true).open(folder.state("lock")).unwrap();
    lock.try_lock().unwrap();
    lock
}

/// A table with a log that is new.
fn with_news() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00"]));
    folder
}

const CONVERT: [&str; 5] = ["convert", "logs", "lake/cf_logs", "--now", NOW];

fn convert(folder: &TestFolder, args: &[&str]) -> Ran {
    folder.run(&[&CONVERT, args].concat())
}

#[test]
fn while_another_run_holds_the_lock_a_run_exits_75_and_writes_nothing() {
    only_on_disk!("locks");
    let folder = with_news();
    let _lock = hold_lock(&folder);
    let ran = folder.only_looks(&CONVERT, 75);
    assert!(
        ran.stderr.contains("is working on the table") && ran.stderr.contains("\nhint: run again later"),
        "{}",
        ran.stderr
    );
    for command in [&["retry", "lake/cf_logs"][..], &["resolve", "lake/cf_logs"], &["rebuild-state", "lake/cf_logs"]] {
        folder.only_looks(command, 75).says("is working on the table");
    }
    for command in [&["status", "lake/cf_logs"][..], &["verify", "lake/cf_logs"], &["ddl", "lake/cf_logs"]] {
        folder.only_looks(command, 0);
    }
}

#[test]
fn when_the_lock_is_free_again_the_next_run_goes_on() {
    only_on_disk!("locks");
    let folder = with_news();
    let lock = hold_lock(&folder);
    convert(&folder, &[]).exits(75);
    drop(lock);
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn take_over_goes_on_in_spite_of_a_lock() {
    only_on_disk!("locks");
    let folder = with_news();
    let _lock = hold_lock(&folder);
    convert(&folder, &["--take-over"]).exits(0).says("--take-over");
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn the_report_of_a_run_that_found_another_at_work_says_so() {
    only_on_disk!("locks");
    let folder = with_news();
    let _lock = hold_lock(&folder);
    folder.convert(&[]).exits(75);
    let report = folder.report();
    assert_eq!(report["outcome"], "active");
    assert!(report["error"].as_str().unwrap().contains("is working on the table"), "{report:#}");
}

#[test]
fn an_epoch_that_a_killed_run_left_open_is_finished_first_and_then_what_is_new_is_taken() {
    for tasks in [&[][..], &[0], &[1], &[0, 1]] {
        let folder = with_news();
        let before = folder.states(&["seen/", "closed/", "commit/"]);
        folder.reopen(1, tasks);
        let report = folder.converts(&[]);
        assert_eq!(report["epochs"], json!([1, 2]), "{tasks:?}");
        assert_eq!(report["tasks"], tasks.len() + 1, "committed tasks are not done again");
        assert_eq!(folder.rows().len(), 3);
        let after = folder.states(&["seen/", "closed/", "commit/"]);
        assert!(before.iter().all(|(name, bytes)| after[name] == *bytes), "{tasks:?}: other bytes than the first time");
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

/// An open epoch of a run on another host, which gave its last sign of life just now.
fn of_another_host() -> TestFolder {
    let folder = with_news();
    folder.reopen(1, &[1]);
    folder.doctor("lease/0000000001.json", |lease| {
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
fn a_stale_lease_a_released_one_and_take_over_free_an_open_epoch() {
    only_on_disk!("file times");
    let folder = of_another_host();
    let hour_ago = SystemTime::now() - std::time::Duration::from_hours(1);
    for name in ["lease/0000000001.json", "log/0000000001.json"] {
        File::options().write(true).open(folder.state(name)).unwrap().set_modified(hour_ago).unwrap();
    }
    convert(&folder, &["--lease", "2h"]).exits(75);
    folder.converts(&[]);

    let folder = of_another_host();
    folder.doctor("lease/0000000001.json", |lease| lease["released"] = true.into());
    folder.converts(&[]);

    let folder = of_another_host();
    folder.converts(&["--take-over"]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn a_lease_that_cannot_be_read_is_no_advice_and_no_error() {
    let folder = with_news();
    folder.reopen(1, &[1]);
    fs::write(folder.state("lease/0000000001.json"), "{").unwrap();
    convert(&folder, &["--lease", "0"]).exits(0);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn a_table_made_for_a_single_writer_wants_the_promise_each_time() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00"]));
    folder.converts(&["--single-writer", LEAN[0], LEAN[1]]);
    folder.add("new.log", log("date time", &["2024-05-17 10:00:00"]));
    folder.refuses().says("`--single-writer`").says("\nhint: ");
    folder.converts(&["--single-writer"]);
    assert_eq!(folder.rows().len(), 2);
}

#[test]
fn a_dry_run_tells_of_an_open_epoch_and_needs_no_lock() {
    only_on_disk!("locks");
    let folder = with_news();
    folder.reopen(1, &[1]);
    let _lock = hold_lock(&folder);
    let ran = folder.only_looks(&[&CONVERT[..], &["--dry-run"]].concat(), 0);
    assert!(ran.stdout.contains("epoch 1 is not finished"), "{}", ran.stdout);
}

#[test]
fn whoever_finishes_an_epoch_names_the_objects_that_failed_before_it_came() {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.bad", "no log");
    folder.add("E1EXAMPLE.2024-05-17-10.a", log("date time", &["2024-05-17 10:00:00"]));
    folder.converts_but_some(&["--task-bytes", "1", LEAN[0], LEAN[1]]);
    folder.reopen(1, &[1]);
    folder.convert(&["-q"]).exits(3).says("E1EXAMPLE.2024-05-17-09.bad").says("no-cloudfront-log");
    assert_eq!(folder.report()["objects"]["failed"], 1);
}
