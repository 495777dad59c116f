//! Ids of sources: a different id, or none, for a known location would duplicate its rows, and is refused.

use std::fs;

use serde_json::Value;

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, log, only_on_disk};

/// Creates two logs below `logs/`, in two folders.
fn two_logs() -> TestFolder {
    let folder = TestFolder::new();
    add(&folder, "eu", 9);
    add(&folder, "us", 10);
    folder
}

fn add(folder: &TestFolder, region: &str, hour: u32) {
    let row = format!("2024-05-17 {hour:02}:00:00");
    folder.add(&format!("{region}/E1EXAMPLE.2024-05-17-{hour:02}.a"), log("date time", &[&row]));
}

fn convert(folder: &TestFolder, source: &str, args: &[&str]) -> RunOutput {
    folder.run(&[&["convert", source, "lake/cf_logs", "--now", NOW], &LEAN[..], args].concat())
}

/// Asserts that a run is refused as wrong usage before anything is written, with a hint.
fn refuses(folder: &TestFolder, source: &str, args: &[&str], hint: &str) {
    let args = [&["convert", source, "lake/cf_logs", "--now", NOW], &LEAN[..], args].concat();
    for more in [&[][..], &["--dry-run"], &["--quiet"]] {
        let ran = folder.writes_nothing(&[&args[..], more].concat(), 2).says("list: ").says("`--new-identity`");
        let said = ran.stderr.split_once("\nhint: ").unwrap().1;
        assert!(said.contains(hint), "{}", ran.stderr);
        assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    }
}

fn url(folder: &TestFolder, source: &str) -> String {
    format!("file://{}", folder.path(source).display())
}

const ARCHIVE: [&str; 2] = ["--source-id", "archive"];
const OTHER: [&str; 2] = ["--source-id", "other"];

#[test]
fn an_added_dropped_or_changed_id_is_refused_and_the_message_names_the_known_one() {
    let folder = two_logs();
    convert(&folder, "logs", &[]).exits(0);
    refuses(&folder, "logs", &ARCHIVE, "leave `--source-id` out");
    let folder = two_logs();
    convert(&folder, "logs", &ARCHIVE).exits(0);
    refuses(&folder, "logs", &[], "give `--source-id archive`");
    refuses(&folder, "logs", &OTHER, "give `--source-id archive`");
    convert(&folder, "logs", &ARCHIVE).exits(0).says("2 converted before");
    assert_eq!(folder.rows().len(), 2);
}

#[test]
fn a_source_above_or_below_is_refused_as_well() {
    let folder = two_logs();
    convert(&folder, "logs/eu", &ARCHIVE).exits(0);
    refuses(&folder, "logs", &[], "`--source-id archive`");
    refuses(&folder, "logs", &OTHER, "`--source-id archive`");
    refuses(&folder, "logs/eu/E1EXAMPLE.2024-05-17-09.a", &[], "give `--source-id archive`");
    // Next to it, any id is accepted.
    convert(&folder, "logs/us", &OTHER).exits(0).says("1 converted");
    refuses(&folder, "logs", &[], "`--source-id other`");
    let folder = two_logs();
    convert(&folder, "logs", &[]).exits(0);
    refuses(&folder, "logs/eu", &ARCHIVE, "leave `--source-id` out");
}

#[test]
fn below_a_folder_with_an_id_the_same_id_is_another_identity() {
    only_on_disk!("names below a folder: in a bucket the name is the whole key");
    let folder = two_logs();
    convert(&folder, "logs", &ARCHIVE).exits(0);
    refuses(&folder, "logs/eu", &ARCHIVE, &format!("name {}", url(&folder, "logs")));
    let folder = two_logs();
    convert(&folder, "logs/eu", &ARCHIVE).exits(0);
    refuses(&folder, "logs", &ARCHIVE, &format!("name {}", url(&folder, "logs/eu")));
    // A single file is identified by its name, as below its folder.
    let folder = two_logs();
    convert(&folder, "logs/eu/E1EXAMPLE.2024-05-17-09.a", &ARCHIVE).exits(0);
    convert(&folder, "logs/eu", &ARCHIVE).exits(0).says("nothing new");
}

#[test]
fn without_ids_sources_may_be_nested() {
    let folder = two_logs();
    convert(&folder, "logs/eu", &[]).exits(0);
    convert(&folder, "logs", &[]).exits(0).says("1 converted, 1 converted before");
    convert(&folder, "logs/us", &[]).exits(0).says("nothing new");
    assert_eq!(sources(&folder, 2).as_array().unwrap().len(), 1, "one contains the other");
}

#[test]
fn different_names_of_a_location_are_the_same_location() {
    only_on_disk!("links and file URLs");
    let folder = two_logs();
    convert(&folder, "logs/", &ARCHIVE).exits(0);
    std::os::unix::fs::symlink(folder.path("logs"), folder.path("link")).unwrap();
    for source in ["./logs", "link", "logs/../logs//", &(url(&folder, "logs") + "/")] {
        refuses(&folder, source, &[], "give `--source-id archive`");
        convert(&folder, source, &ARCHIVE).exits(0).says("nothing new");
    }
}

#[test]
fn new_identity_reads_the_source_by_another_identity_from_then_on() {
    let folder = two_logs();
    convert(&folder, "logs", &[]).exits(0);
    let insists = [&ARCHIVE[..], &["--new-identity"]].concat();
    convert(&folder, "logs", &insists).exits(0).says("continuing because of `--new-identity`").says("2 converted");
    assert_eq!(folder.rows().len(), 4);
    convert(&folder, "logs", &ARCHIVE).exits(0).says("nothing new");
    refuses(&folder, "logs", &[], "give `--source-id archive`");
    refuses(&folder, "logs/eu", &[], "`--source-id archive`");
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn new_identity_of_an_unknown_source_changes_nothing() {
    let folder = two_logs();
    let ran = convert(&folder, "logs", &["--new-identity"]).exits(0);
    assert!(!ran.stderr.contains("continuing because of `--new-identity`"), "{}", ran.stderr);
    convert(&folder, "logs", &["--new-identity"]).exits(0).says("nothing new");
}

/// Returns the sources in the log record of an epoch.
fn sources(folder: &TestFolder, epoch: u64) -> Value {
    let text = fs::read_to_string(folder.state(&format!("log/{epoch:010}.json"))).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["sources"].clone()
}

#[test]
fn each_log_record_has_all_sources_so_far() {
    let folder = two_logs();
    convert(&folder, "logs/eu", &ARCHIVE).exits(0);
    convert(&folder, "logs/us", &[]).exits(0);
    let known = sources(&folder, 2);
    assert_eq!((&known[0]["id"], &known[1]["id"]), (&"archive".into(), &Value::Null));
    assert!(known[0]["location"].as_str().unwrap().ends_with("logs/eu"), "{known}");
    // A retry names no source, and keeps the known ones.
    folder.add("us/E1EXAMPLE.2024-05-17-11.bad", "no log");
    convert(&folder, "logs/us", &[]).exits(3);
    folder.run(&["retry", "lake/cf_logs", "--now", NOW]).exits(3);
    assert_eq!(sources(&folder, 4), sources(&folder, 3));
    refuses(&folder, "logs/eu", &[], "give `--source-id archive`");
}

/// Changes the log records to those of earlier versions: without sources, and `seen` objects without sizes.
fn make_old(folder: &TestFolder) {
    folder.remove_checksums();
    for (name, path) in folder.files("lake/cf_logs.lakefront/log") {
        let mut log: serde_json::Map<String, Value> =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(log.remove("sources").is_some() && log.remove("seen_sizes").is_some(), "{name}");
        fs::write(path, serde_json::to_string(&log).unwrap()).unwrap();
    }
    folder.run(&["rebuild-state", "lake/cf_logs"]).exits(0);
}

#[test]
fn the_sources_of_a_table_of_an_earlier_version_are_those_of_its_last_plans() {
    for (first, second, hint) in [
        (&[][..], &ARCHIVE[..], "leave `--source-id` out"),
        (&ARCHIVE, &[], "give `--source-id archive`"),
        (&ARCHIVE, &OTHER, "give `--source-id archive`"),
    ] {
        let folder = two_logs();
        convert(&folder, "logs", first).exits(0);
        make_old(&folder);
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
        refuses(&folder, "logs", second, hint);
        add(&folder, "eu", 12);
        convert(&folder, "logs", first).exits(0).says("1 converted, 2 converted before");
        assert_eq!(sources(&folder, 2).as_array().unwrap().len(), 1);
        refuses(&folder, "logs", second, hint);
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
}

#[test]
fn the_last_identity_counts_in_a_table_of_two_versions() {
    let folder = two_logs();
    convert(&folder, "logs", &[]).exits(0);
    convert(&folder, "logs", &[&ARCHIVE[..], &["--new-identity"]].concat()).exits(0);
    make_old(&folder);
    refuses(&folder, "logs", &[], "give `--source-id archive`");
    convert(&folder, "logs", &ARCHIVE).exits(0).says("nothing new");
}
