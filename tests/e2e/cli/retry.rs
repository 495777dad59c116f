//! `lakefront retry`: failed objects are tried again.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use serde_json::json;

use super::environment::{forbid, without_rights_of_root};
use crate::harness::{LEAN, NOW, TestFolder, gzip, log, only_on_disk};

/// Creates a table with an object that was too large.
fn too_large() -> TestFolder {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    folder.add("E1EXAMPLE.2024-05-17-09.large", log("date time sc-bytes", &["2024-05-17 09:00:00 2"; 20]));
    let report = folder.converts_with_failures(&["--max-text-bytes", "200", LEAN[0], LEAN[1]]);
    assert_eq!(report["failed_objects"][0]["reason"], "too-large");
    folder
}

const RETRY: [&str; 2] = ["retry", "lake/cf_logs"];

/// Returns the number of failed objects that `status` reports.
fn failed(folder: &TestFolder) -> u64 {
    folder.json(&["status", "lake/cf_logs"])["failed"].as_u64().unwrap()
}

#[test]
fn an_object_that_was_too_large_is_converted_with_a_higher_limit() {
    let folder = too_large();
    assert_eq!(failed(&folder), 1);
    let ran = folder.run(&[&RETRY[..], &["--max-text-bytes", "1MiB", "--report", "report.json"]].concat()).exits(0);
    assert!(ran.stderr.contains("1 converted") && ran.stdout.is_empty(), "{}{}", ran.stderr, ran.stdout);
    assert_eq!((&folder.report()["rows"], &folder.report()["epochs"]), (&20.into(), &json!([2])));
    assert_eq!((failed(&folder), folder.rows().len()), (0, 21));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 0).says("nothing new: 2 converted before");
}

#[test]
fn an_object_that_fails_again_stays_failed_and_may_be_retried() {
    let folder = too_large();
    for _ in 0..2 {
        folder.run(&RETRY).exits(3).says("1 failed").says("E1EXAMPLE.2024-05-17-09.large");
        assert_eq!((failed(&folder), folder.rows().len()), (1, 1));
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
    folder.run(&[&RETRY[..], &["--max-text-bytes", "1MiB"]].concat()).exits(0);
    assert_eq!((failed(&folder), folder.rows().len()), (0, 21));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn a_repaired_object_is_converted_in_its_current_version() {
    let folder = TestFolder::new();
    let whole = gzip(log("date time", &["2024-05-17 09:00:00"]));
    folder.add("E1EXAMPLE.2024-05-17-09.a.gz", &whole[..whole.len() - 4]);
    folder.converts_with_failures(&LEAN);
    folder.add("E1EXAMPLE.2024-05-17-09.a.gz", whole);
    folder.run(&RETRY).exits(0);
    assert_eq!((failed(&folder), folder.rows().len()), (0, 1));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn a_missing_object_is_reported_with_exit_3_and_others_are_retried() {
    let folder = too_large();
    folder.add("E1EXAMPLE.2024-05-17-10.large", log("date time sc-bytes", &["2024-05-17 09:00:00 3"; 20]));
    folder.converts_with_failures(&[]);
    fs::remove_file(folder.path("logs/E1EXAMPLE.2024-05-17-09.large")).unwrap();
    let retry = [&RETRY[..], &["--max-text-bytes", "1MiB", "--report", "report.json"]].concat();
    folder.run(&retry).exits(3).says("E1EXAMPLE.2024-05-17-09.large").says("gone");
    let report = folder.report();
    assert_eq!((&report["objects"]["gone"], &report["objects"]["converted"]), (&1.into(), &1.into()));
    assert_eq!(folder.rows().len(), 21);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

/// Creates a table with a good log and a truncated log, each in a separate folder.
fn truncated(args: &[&str]) -> TestFolder {
    let folder = TestFolder::new();
    let whole = gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    folder.add("a/E1EXAMPLE.2024-05-17-09.bad.gz", &whole[..whole.len() - 4]);
    folder.add("b/E1EXAMPLE.2024-05-17-09.good.gz", gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 2"])));
    folder.converts_with_failures(&[&LEAN, args].concat());
    folder
}

#[test]
fn a_link_in_place_of_a_failed_log_refers_to_another_log() {
    only_on_disk!("links");
    for args in [&[][..], &["--source-id", "archive"], &["--identity", "name"]] {
        let folder = truncated(args);
        let bad = folder.path("logs/a/E1EXAMPLE.2024-05-17-09.bad.gz");
        fs::remove_file(&bad).unwrap();
        symlink("../b/E1EXAMPLE.2024-05-17-09.good.gz", &bad).unwrap();
        folder.run(&RETRY).exits(3).says("bad.gz");
        assert_eq!(folder.column("bytes"), json!([2]), "{args:?}");
        let source_id = if args.contains(&"--source-id") { args } else { &[] };
        folder.convert(source_id).exits(0).says("nothing new");
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
}

#[test]
fn a_hard_link_in_place_of_a_failed_log_is_another_log() {
    only_on_disk!("links");
    // Also if the other log is of another day.
    for (args, day) in [(&[][..], 17), (&["--source-id", "archive"], 17), (&[], 18), (&["--identity", "name"], 17)] {
        let folder = truncated(args);
        let good = format!("logs/b/E1EXAMPLE.2024-05-{day}-09.good2.gz");
        folder.write(&good, gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 3"])));
        let source_id = if args.contains(&"--source-id") { args } else { &[] };
        folder.converts(source_id);
        let bad = folder.path("logs/a/E1EXAMPLE.2024-05-17-09.bad.gz");
        fs::remove_file(&bad).unwrap();
        fs::hard_link(folder.path(&good), &bad).unwrap();
        for _ in 0..2 {
            let ran = folder.run(&RETRY);
            // In a table by name the log is planned as before, but not found under that name: from then on it is new in
            // any place.
            if !args.contains(&"--identity") {
                ran.exits(3).says("gone").says("hard link").says("bad.gz");
            }
            folder.convert(source_id).exits(0).says("nothing new").says("hard link");
            assert_eq!(folder.column("bytes").as_array().unwrap().len(), 2, "{args:?}");
        }
        // A separate file is converted.
        fs::remove_file(&bad).unwrap();
        fs::write(&bad, gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 4"]))).unwrap();
        folder.convert(source_id).exits(0).says("1 converted");
        assert_eq!(folder.column("bytes").as_array().unwrap().len(), 3, "{args:?}");
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
}

#[test]
fn a_hard_link_in_place_of_an_unreadable_log_is_another_log() {
    only_on_disk!("links and modes of files");
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.good", log("date time sc-bytes", &["2024-05-17 09:00:00 2"]));
    folder.add("E1EXAMPLE.2024-05-17-09.secret", log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    forbid(&folder, "E1EXAMPLE.2024-05-17-09.secret");
    let convert = [&["convert", "logs", "lake/cf_logs", "--now", NOW], &LEAN[..]].concat();
    without_rights_of_root(&folder, &convert).exits(3).says("ermission denied");
    let secret = folder.path("logs/E1EXAMPLE.2024-05-17-09.secret");
    fs::remove_file(&secret).unwrap();
    fs::hard_link(folder.path("logs/E1EXAMPLE.2024-05-17-09.good"), &secret).unwrap();
    folder.convert(&[]).exits(0).says("nothing new").says("hard link");
    assert_eq!(folder.column("bytes"), json!([2]));
}

#[test]
fn a_failed_log_whose_folder_moved_behind_a_link_is_converted_once_in_its_new_place() {
    only_on_disk!("links");
    for args in [&[][..], &["--source-id", "archive"]] {
        let folder = truncated(args);
        let whole = gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
        folder.add("a/E1EXAMPLE.2024-05-17-09.bad.gz", whole);
        fs::rename(folder.path("logs/a"), folder.path("logs/c")).unwrap();
        symlink("c", folder.path("logs/a")).unwrap();
        folder.run(&RETRY).exits(3).says("gone");
        for outcome in ["1 converted", "nothing new"] {
            folder.convert(args).exits(0).says(outcome);
            folder.run(&RETRY).exits(3).says("gone");
            assert_eq!(folder.column("bytes").as_array().unwrap().len(), 2, "{args:?}");
        }
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
}

#[test]
fn an_archive_with_an_id_that_moved_behind_a_link_is_retried() {
    only_on_disk!("links");
    let folder = truncated(&["--source-id", "archive"]);
    folder.add("a/E1EXAMPLE.2024-05-17-09.bad.gz", gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 1"])));
    fs::rename(folder.path("logs"), folder.path("moved")).unwrap();
    symlink("moved", folder.path("logs")).unwrap();
    folder.run(&RETRY).exits(0).says("1 converted");
    folder
        .run(&["convert", "moved", "lake/cf_logs", "--source-id", "archive", "--now", NOW])
        .exits(0)
        .says("nothing new");
}

#[test]
fn a_failed_log_in_a_place_that_now_has_another_source_id_is_not_converted_twice() {
    only_on_disk!("names below a folder that moves");
    let folder = truncated(&["--source-id", "archive"]);
    fs::rename(folder.path("logs"), folder.path("attic")).unwrap();
    let convert = |source, id| {
        let flags = ["--source-id", id, "--new-identity", "--now", NOW];
        folder.run(&[&["convert", source, "lake/cf_logs"], &flags[..]].concat())
    };
    convert("attic", "archive").exits(0).says("nothing new");
    // The same path, but a log of another source.
    folder.add("a/E1EXAMPLE.2024-05-17-09.bad.gz", gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 3"])));
    convert("logs", "other").exits(0).says("1 converted");
    folder.run(&RETRY).exits(3).says("gone");
    assert_eq!(folder.column("bytes"), json!([2, 3]));
}

#[test]
fn an_open_epoch_reads_no_log_through_a_link_that_was_made_after_its_plan() {
    only_on_disk!("links");
    for names in [["E1EXAMPLE.2024-05-17-09.x.gz", "E1EXAMPLE.2024-05-17-09.y.gz"], ["a", "c"]] {
        let folder = TestFolder::new();
        folder.add("b/E1EXAMPLE.2024-05-16-08.gz", gzip(log("date time sc-bytes", &["2024-05-16 08:00:00 2"])));
        let row = gzip(log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
        let log = if names[0] == "a" { "a/E1EXAMPLE.2024-05-17-09.gz" } else { names[0] };
        folder.add(log, row);
        folder.converts(&[&LEAN[..], &["--task-bytes", "1"]].concat());
        // As if the run had been killed before it read the second task.
        folder.reopen(1, &[1]);
        let file = folder.tree("lake/cf_logs").into_iter().find(|name| name.contains("-00001-")).unwrap();
        fs::remove_file(folder.path("lake/cf_logs").join(file)).unwrap();
        fs::remove_file(folder.state("gone/0000000001/00001.json")).unwrap();
        let [planned, moved] = names.map(|name| folder.path(&format!("logs/{name}")));
        fs::rename(&planned, &moved).unwrap();
        symlink(names[1], &planned).unwrap();
        for _ in 0..2 {
            folder.convert(&[]);
            assert_eq!(folder.column("bytes"), json!([2, 1]), "{names:?}");
        }
        folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    }
}

#[test]
fn only_failed_objects_are_retried() {
    let folder = too_large();
    folder.add("E1EXAMPLE.2024-05-17-11.new", log("date time", &["2024-05-17 11:00:00"]));
    folder.run(&[&RETRY[..], &["--max-text-bytes", "1MiB", "--now", NOW]].concat()).exits(0);
    assert_eq!(folder.rows().len(), 21);
    assert_eq!(folder.converts(&[])["objects"]["converted"], 1);
}

/// Creates a log that `timestamp` alone does not fit, and one that needs no names.
fn with_wrong_fields() -> TestFolder {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    folder.add("E1EXAMPLE.2024-05-17-09.b", "1715936400\t2\n");
    let report = folder.converts_with_failures(&["--fields", "timestamp", LEAN[0], LEAN[1]]);
    assert_eq!(report["failed_objects"][0]["reason"], "all-rows-rejected");
    folder
}

const RIGHT_FIELDS: [&str; 2] = ["--fields", "timestamp sc-bytes"];

#[test]
fn an_object_that_was_not_understood_is_converted_with_other_fields() {
    let folder = with_wrong_fields();
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 0).says("failed before");
    folder.run(&RETRY).exits(3).says("wrong-cell-count: 1");
    folder.run(&[&RETRY[..], &RIGHT_FIELDS].concat()).exits(0);
    assert_eq!((failed(&folder), folder.column("bytes")), (0, json!([1, 2])));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    // The table remembers the right list.
    folder.add("E1EXAMPLE.2024-05-17-10.c", "1715936400\t3\n");
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2, 3]));
}

#[test]
fn an_archive_stays_failed_with_any_field_list() {
    let folder = TestFolder::with_log(b"\x28\xb5\x2f\xfd\t\n");
    folder.converts_with_failures(&LEAN);
    let ran = folder.run(&[&RETRY[..], &RIGHT_FIELDS].concat()).exits(3).says("zstd archive: unpack it first");
    assert!(!ran.stderr.contains("hint: name the fields"), "{}", ran.stderr);
    assert_eq!(failed(&folder), 1);
}

/// The same as earlier versions left it: they recorded the log as converted, with a reject and no row.
fn recorded_as_converted() -> TestFolder {
    let folder = with_wrong_fields();
    folder.edit_record("commit/0000000001/00000.json", |commit| {
        commit["inputs"][1] =
            json!({"outcome": "converted", "lines": 1, "rows": 0, "rejects": 1, "comments": 0, "blanks": 0});
    });
    folder.reopen(1, &[]);
    folder.run(&["convert", "logs", "lake/cf_logs", "--now", NOW]).exits(0);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder
}

/// Returns the number of objects that `status` reports as converted with only rejects.
fn only_rejects(folder: &TestFolder) -> u64 {
    folder.json(&["status", "lake/cf_logs"])["only_rejects"].as_u64().unwrap()
}

#[test]
fn an_object_that_earlier_versions_recorded_as_converted_without_a_row_is_named_and_converted() {
    let folder = recorded_as_converted();
    assert_eq!((failed(&folder), only_rejects(&folder)), (0, 1));
    let text = folder.writes_nothing(&["status", "lake/cf_logs"], 0).stdout;
    let object = folder.object("E1EXAMPLE.2024-05-17-09.b");
    assert!(text.contains(&object) && text.contains("though every row was rejected"), "{text}");
    folder.run(&[&RETRY[..], &RIGHT_FIELDS].concat()).exits(0);
    assert_eq!((failed(&folder), only_rejects(&folder), folder.column("bytes")), (0, 0, json!([1, 2])));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    let ran = folder.writes_nothing(&RETRY, 0);
    assert!(ran.stderr.contains("nothing"), "{}", ran.stderr);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 0).says("nothing new: 2 converted before");
}

#[test]
fn an_object_that_they_recorded_as_converted_and_fails_now_is_failed() {
    let folder = recorded_as_converted();
    folder.run(&RETRY).exits(3).says("wrong-cell-count: 1");
    assert_eq!((failed(&folder), only_rejects(&folder)), (1, 0));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.run(&[&RETRY[..], &RIGHT_FIELDS].concat()).exits(0);
    assert_eq!((failed(&folder), only_rejects(&folder), folder.column("bytes")), (0, 0, json!([1, 2])));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn an_object_that_they_recorded_as_converted_is_converted_in_its_current_version() {
    let folder = recorded_as_converted();
    folder.add("E1EXAMPLE.2024-05-17-09.b", "1715936400\t2\n1715936400\t3\n");
    folder.convert(&[]).exits(3).says("changed after it was converted");
    assert_eq!(only_rejects(&folder), 1);
    folder.run(&[&RETRY[..], &RIGHT_FIELDS].concat()).exits(0);
    assert_eq!((only_rejects(&folder), folder.column("bytes")), (0, json!([1, 2, 3])));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn an_object_that_they_recorded_as_converted_and_is_unreadable_at_first_is_converted_once() {
    only_on_disk!("modes of files");
    let folder = recorded_as_converted();
    forbid(&folder, "E1EXAMPLE.2024-05-17-09.b");
    without_rights_of_root(&folder, &[&RETRY[..], &RIGHT_FIELDS].concat()).exits(3).says("ermission denied");
    fs::set_permissions(folder.path("logs/E1EXAMPLE.2024-05-17-09.b"), fs::Permissions::from_mode(0o644)).unwrap();
    folder.converts(&[]);
    assert_eq!((only_rejects(&folder), folder.rows().len()), (0, 2));
    folder.writes_nothing(&RETRY, 0);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn without_failed_objects_nothing_is_written() {
    let folder = TestFolder::of_two_tasks();
    let ran = folder.writes_nothing(&RETRY, 0);
    assert!(ran.stderr.contains("nothing to retry"), "{}", ran.stderr);
}

#[test]
fn its_json_is_the_report() {
    let folder = too_large();
    let report = folder.json(&[&RETRY[..], &["--max-text-bytes", "1MiB"]].concat());
    assert_eq!((&report["outcome"], &report["rows"]), (&"done".into(), &20.into()));
}
