//! Tables, states and sources that were mixed up: what would double or lose rows is refused, and nothing is written.

use std::fs;

use crate::harness::{LEAN, NOW, Ran, TestFolder, log};

/// A log of a day of May 2024 below `logs/`.
fn add(folder: &TestFolder, day: u32) {
    folder.add(&format!("E1EXAMPLE.2024-05-{day}-09.a"), log("date time", &[&format!("2024-05-{day} 09:00:00")]));
}

/// A table of one epoch for each of these days.
fn table(days: &[u32]) -> TestFolder {
    let folder = TestFolder::new();
    for day in days {
        add(&folder, *day);
        folder.converts(&LEAN);
    }
    folder
}

fn copy(folder: &TestFolder, from: &str, to: &str) {
    for (name, path) in folder.files(from) {
        let target = folder.path(to).join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

/// A conversion that writes nothing below `lake`.
fn is_refused(folder: &TestFolder, args: &[&str], says: &str) -> Ran {
    let args = [&["convert", "logs"], args, &["--now", NOW, "-q"]].concat();
    folder.only_looks(&args, 1).says(says).says("\nhint: ")
}

#[test]
fn the_state_of_another_table_is_refused() {
    let folder = table(&[17]);
    let lean = LEAN;
    folder.run(&[&["convert", "logs", "lake/other", "--now", NOW], &lean[..]].concat()).exits(0);
    fs::rename(folder.path("lake/other"), folder.path("lake/third")).unwrap();
    add(&folder, 18);
    fs::create_dir(folder.path("lake/other")).unwrap();
    fs::write(folder.path("lake/other/part-of-something-else"), "x").unwrap();
    is_refused(&folder, &["lake/other"], "holds none of the data files");
}

#[test]
fn a_table_whose_files_are_not_there_is_refused_though_its_folder_is() {
    let folder = table(&[17]);
    fs::remove_dir_all(folder.path("lake/cf_logs")).unwrap();
    fs::create_dir(folder.path("lake/cf_logs")).unwrap();
    add(&folder, 18);
    is_refused(&folder, &["lake/cf_logs"], "mounted");
}

#[test]
fn a_state_that_is_older_than_its_table_is_refused() {
    let folder = table(&[17]);
    copy(&folder, "lake/cf_logs.lakefront", "backup");
    add(&folder, 18);
    folder.converts(&[]);
    add(&folder, 19);
    folder.converts(&[]);
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    copy(&folder, "backup", "lake/cf_logs.lakefront");
    is_refused(&folder, &["lake/cf_logs"], "of an epoch that the log does not have");
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn a_state_of_which_only_the_table_record_is_left_is_refused() {
    let folder = table(&[17]);
    let record = fs::read(folder.path("lake/cf_logs.lakefront/table.json")).unwrap();
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    folder.write("lake/cf_logs.lakefront/table.json", record);
    is_refused(&folder, &["lake/cf_logs"], "knows of no epoch");
}

#[test]
fn a_table_within_a_table_or_within_a_state_is_refused() {
    let folder = table(&[17]);
    for inner in ["lake/cf_logs/inner", "lake/cf_logs/deep/inner", "lake/cf_logs.lakefront/inner"] {
        is_refused(&folder, &[inner], "lies in the ");
    }
}

#[test]
fn sources_with_ids_that_overlap_are_refused() {
    let folder = TestFolder::new();
    folder.write("srv/logs/E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    for sources in [["srv/logs", "srv"], ["srv", "srv/logs"], ["srv", "srv"]] {
        let ids = ["--source-id", "a", "--source-id", "b"];
        folder.run(&[&["convert"], &sources[..], &["lake/cf_logs"], &ids].concat()).exits(1).says("overlap");
        assert!(!folder.path("lake").exists());
    }
}

#[test]
fn what_a_newer_version_wrote_is_not_made_anew() {
    for name in ["closed/0000000001.json", "seen/2024-05-17/0000000001"] {
        let folder = table(&[17]);
        let path = folder.path("lake/cf_logs.lakefront").join(name);
        fs::write(path, r#"{"format":3,"epoch":1,"news":true}"#).unwrap();
        folder.only_looks(&["rebuild-state", "lake/cf_logs"], 1).says("format 3").says("newer version");
    }
}
