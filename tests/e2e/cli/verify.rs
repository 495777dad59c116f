//! `lakefront verify`: checks a table against its state.

use std::fs;

use serde_json::Value;

use crate::harness::{RunOutput, TestFolder, log};

const FIRST: &str = "lake/cf_logs/year=2024/month=05/day=17/hour=09/part-0000000001-00000-000.parquet";

/// Creates a table of three days with one row each, in two epochs, with a reject, and so a quarantine.
fn table() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00", "x y"]));
    folder.converts(&[]);
    folder
}

fn verify(folder: &TestFolder, args: &[&str], status: i32) -> RunOutput {
    folder.writes_nothing(&[&["verify", "lake/cf_logs"], args].concat(), status)
}

/// Verifies a table with one fault, and asserts that it is reported with this invariant and object.
fn finds(folder: &TestFolder, args: &[&str], invariant: &str, object: &str) {
    let ran = verify(folder, args, 1);
    let line = ran.stdout.lines().find(|line| line.starts_with("fault"));
    assert!(line.is_some_and(|line| line.contains(invariant) && line.contains(object)), "{object}: {}", ran.stdout);
    let json = folder.json(&[&["verify", "lake/cf_logs"], args].concat());
    assert_eq!(json["num_faults"], 1, "{json:#}");
    assert_eq!(json["faults"][0]["invariant"], invariant);
    assert!(json["faults"][0]["object"].as_str().unwrap().contains(object), "{json:#}");
    assert!(!json["faults"][0]["what"].as_str().unwrap().is_empty());
}

#[test]
fn a_valid_table_has_no_fault() {
    let folder = table();
    for args in [&[][..], &["--deep"], &["--deep", "--threads", "1"], &["--since", "2024-05-01"]] {
        let ran = verify(&folder, args, 0);
        assert!(
            ran.stdout.contains("no fault") && ran.stdout.contains("2 epochs, 3 committed tasks"),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains("3 data files, 3 rows"), "{}", ran.stdout);
        assert_eq!(ran.stdout.contains("every byte read"), args.contains(&"--deep"), "{}", ran.stdout);
    }
    let json = folder.json(&["verify", "lake/cf_logs", "--deep"]);
    assert_eq!((&json["num_faults"], &json["rows"], &json["files"]), (&0.into(), &3.into(), &3.into()));
    assert_eq!(json["faults"], Value::Array(Vec::new()));
}

#[test]
fn a_missing_data_file_is_found() {
    let folder = table();
    fs::remove_file(folder.path(FIRST)).unwrap();
    finds(&folder, &[], "I6", FIRST);
}

#[test]
fn a_truncated_data_file_is_found() {
    let folder = table();
    let bytes = fs::read(folder.path(FIRST)).unwrap();
    fs::write(folder.path(FIRST), &bytes[..bytes.len() - 1]).unwrap();
    finds(&folder, &[], "I6", FIRST);
}

#[test]
fn a_data_file_with_one_changed_byte_is_found_only_with_deep() {
    let folder = table();
    let mut bytes = fs::read(folder.path(FIRST)).unwrap();
    bytes[20] ^= 1;
    fs::write(folder.path(FIRST), &bytes).unwrap();
    verify(&folder, &[], 0);
    finds(&folder, &["--deep"], "I6", FIRST);
}

#[test]
fn a_file_that_no_commit_names_is_found() {
    let names = [
        FIRST.replace("00000-000", "00007-000"),
        FIRST.replace("hour=09", "hour=10"),
        FIRST.replace("part-0000000001", "part-0000000009"),
        "lake/cf_logs/note.txt".to_owned(),
    ];
    for name in names {
        let folder = table();
        folder.write(&name, fs::read(folder.path(FIRST)).unwrap());
        finds(&folder, &[], "I11", &name);
        finds(&folder, &["--since", "2030-01-01"], "I11", &name);
    }
}

#[test]
fn files_of_uncommitted_tasks_of_an_open_epoch_are_not_a_fault() {
    let folder = TestFolder::of_two_tasks();
    folder.reopen(1, &[1]);
    verify(&folder, &["--deep"], 0);
    fs::remove_file(folder.path(&FIRST.replace("17", "18").replace("00000-000", "00001-000"))).unwrap();
    verify(&folder, &["--deep"], 0);
}

#[test]
fn partitions_that_ended_before_since_may_be_missing() {
    let folder = table();
    fs::remove_dir_all(folder.path("lake/cf_logs/year=2024/month=05/day=17")).unwrap();
    let ran = verify(&folder, &["--since", "2024-05-18"], 0);
    assert!(ran.stdout.contains("expired     1 data files"), "{}", ran.stdout);
    assert_eq!(folder.json(&["verify", "lake/cf_logs", "--since", "2024-05-18"])["expired_files"], 1);
    finds(&folder, &["--since", "2024-05-17"], "I6", FIRST);
    finds(&folder, &[], "I6", FIRST);
    // Existing files must still be right.
    let folder = table();
    fs::write(folder.path(FIRST), "short").unwrap();
    finds(&folder, &["--since", "2024-05-18"], "I6", FIRST);
}

#[test]
fn logs_of_deleted_partitions_are_not_converted_again() {
    let folder = table();
    fs::remove_dir_all(folder.path("lake/cf_logs/year=2024/month=05/day=17")).unwrap();
    folder.run(&["convert", "logs", "lake/cf_logs"]).exits(0).says("nothing new");
}

#[test]
fn since_is_a_day() {
    let folder = table();
    for wrong in ["x", "2024-05", "2024-02-30", "2024-05-17T10", ""] {
        verify(&folder, &["--since", wrong], 2).says("`--since");
    }
}

#[test]
fn a_missing_and_a_changed_quarantine_are_found() {
    let name = "quarantine/0000000002/00000.jsonl.gz";
    let folder = table();
    let bytes = fs::read(folder.state(name)).unwrap();
    fs::write(folder.state(name), &bytes[1..]).unwrap();
    finds(&folder, &[], "I6", name);
    let mut other = bytes;
    *other.last_mut().unwrap() ^= 1;
    fs::write(folder.state(name), other).unwrap();
    finds(&folder, &["--deep"], "I6", name);
    fs::remove_file(folder.state(name)).unwrap();
    finds(&folder, &[], "I6", name);
}

#[test]
fn a_changed_seen_or_closed_object_is_found() {
    let folder = table();
    let seen = "seen/2024-05-17/0000000001";
    fs::write(folder.state(seen), fs::read(folder.state("seen/2024-05-18/0000000001")).unwrap()).unwrap();
    finds(&folder, &[], "I2", seen);
    let folder = table();
    folder.edit_record("closed/0000000001.json", |closed| closed["rows"] = 5.into());
    finds(&folder, &[], "I2", "closed/0000000001.json");
}

#[test]
fn a_commit_whose_counts_do_not_add_up_is_found() {
    let folder = table();
    folder.edit_record("commit/0000000001/00000.json", |commit| commit["inputs"][0]["lines"] = 9.into());
    finds(&folder, &[], "I7", "E1EXAMPLE.2024-05-17-09.a");
}

#[test]
fn a_missing_commit_of_a_closed_epoch_is_found_with_its_data_file() {
    let folder = table();
    fs::remove_file(folder.state("commit/0000000001/00001.json")).unwrap();
    let json = folder.json(&["verify", "lake/cf_logs"]);
    let faults = json["faults"].as_array().unwrap();
    let has = |invariant: &str, object: &str| {
        faults.iter().any(|fault| fault["invariant"] == invariant && fault["object"].as_str().unwrap().contains(object))
    };
    assert!(has("I2", "commit/0000000001/00001.json") && has("I11", "part-0000000001-00001-000.parquet"), "{json:#}");
    verify(&folder, &[], 1);
}

#[test]
fn a_state_that_cannot_be_understood_is_an_error_and_not_a_fault() {
    let folder = table();
    fs::write(folder.state("plan").join(folder.tree("lake/cf_logs.lakefront/plan").remove(0)), "x").unwrap();
    verify(&folder, &[], 1).says("error: ").says("plan/0000000001-").says("\nhint: ");
}
