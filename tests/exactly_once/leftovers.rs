//! Temporary files of killed runs: a run that works on an epoch removes them.

use std::fs;

use lakefront_storage::testing::Faults;

use crate::{
    disk::Disk,
    logs::{FIRST_HOUR, LogObject},
    run_driver::{Command, RunRequest},
};

/// Adds temporary files, executes a run, and returns the files that are left.
fn left_by_a_run(disk: &mut Disk) -> Vec<String> {
    fs::create_dir_all(disk.temporary()).unwrap();
    for name in ["4711-0.staged", "4711-00c0ffee00c0ffee-7.staged"] {
        fs::write(disk.temporary().join(name), "half a data file").unwrap();
    }
    let result = disk.run(&RunRequest::without_faults(Command::Convert));
    assert_eq!(result.error, None);
    assert_eq!(result.report["epochs"], serde_json::json!([1]), "it closes one epoch: {:#}", result.report);
    disk.temporary_files()
}

/// Returns a table whose first epoch has all objects.
fn disk() -> Disk {
    Disk::new(&[0, 1, 2, 4].map(|number| LogObject::make(37, number, FIRST_HOUR, 0)))
}

#[test]
fn a_run_that_claims_an_epoch_removes_the_temporary_files_of_killed_runs() {
    let mut disk = disk();
    // The folder of the state exists, but has no table record yet.
    assert!(disk.convert(&Faults::crash_before(4)));
    assert!(!disk.state().join("log").exists());
    assert!(left_by_a_run(&mut disk).is_empty(), "{:?}", disk.temporary_files());
}

#[test]
fn a_run_that_adopts_an_epoch_removes_the_temporary_files_of_killed_runs() {
    for k in 1.. {
        let mut disk = disk();
        disk.convert(&Faults::crash_after(k));
        if disk.state().join("log/0000000001.json").exists() {
            assert!(left_by_a_run(&mut disk).is_empty(), "{:?}", disk.temporary_files());
            return;
        }
    }
}

#[test]
fn a_run_leaves_no_temporary_files_of_its_own() {
    let mut disk = disk();
    disk.finish("the first run");
    assert!(disk.temporary_files().is_empty(), "{:?}", disk.temporary_files());
}
