//! `lakefront rebuild-state`: records that follow from the log are regenerated.

use std::fs;

use crate::harness::{TestFolder, after_kill, log};

const REBUILD: [&str; 2] = ["rebuild-state", "lake/cf_logs"];

/// Creates a table of two epochs, the second with a late object, a failed one and a changed one.
fn table() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-17-10.late", log("date time", &["2024-05-17 10:00:00", "x y"]));
    folder.add("E1EXAMPLE.2024-05-19-10.bad", "no log");
    folder.add("undated.log", log("date time", &["2024-05-19 10:00:00"]));
    folder.add("E1EXAMPLE.2024-05-18-09.a", log("date time", &["2024-05-18 09:00:00", "2024-05-18 09:00:01"]));
    folder.converts_with_failures(&[]);
    folder
}

/// Damages a table's state, and asserts that `convert` refuses with the hint, and that the rebuilt state has the same
/// bytes as before.
fn is_rebuilt(what: &str, damage: impl FnOnce(&TestFolder)) {
    let folder = table();
    let before = folder.states(&["seen/", "closed/"]);
    damage(&folder);
    assert!(folder.states(&["seen/", "closed/"]) != before, "{what}");
    folder.refuses().says("rebuild-state");
    folder.run(&REBUILD).exits(0);
    assert!(folder.states(&["seen/", "closed/"]) == before, "{what}");
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 0).says("nothing new");
}

#[test]
fn lost_seen_objects_are_refused_and_regenerated() {
    for name in table().states(&["seen/"]).into_keys() {
        is_rebuilt(&name, |folder| fs::remove_file(folder.state(&name)).unwrap());
    }
    is_rebuilt("all of them", |folder| fs::remove_dir_all(folder.state("seen")).unwrap());
}

#[test]
fn damaged_seen_objects_are_refused_and_regenerated() {
    let name = "seen/2024-05-17/0000000002";
    is_rebuilt("empty", |folder| fs::write(folder.state(name), "").unwrap());
    is_rebuilt("garbage", |folder| fs::write(folder.state(name), "garbage").unwrap());
    is_rebuilt("cut short", |folder| {
        let bytes = fs::read(folder.state(name)).unwrap();
        fs::write(folder.state(name), &bytes[..bytes.len() - 9]).unwrap();
    });
    is_rebuilt("of another epoch", |folder| {
        fs::copy(folder.state("seen/2024-05-17/0000000001"), folder.state(name)).unwrap();
    });
}

#[test]
fn lost_or_damaged_closed_records_are_refused_and_regenerated() {
    let (first, second) = ("closed/0000000001.json", "closed/0000000002.json");
    is_rebuilt("the first is lost", |folder| fs::remove_file(folder.state(first)).unwrap());
    is_rebuilt("all are lost", |folder| fs::remove_dir_all(folder.state("closed")).unwrap());
    is_rebuilt("the last is empty", |folder| fs::write(folder.state(second), "").unwrap());
    is_rebuilt("the last is garbage", |folder| fs::write(folder.state(second), "{\"format\":1}").unwrap());
    is_rebuilt("the last is of another epoch", |folder| {
        fs::copy(folder.state(first), folder.state(second)).unwrap();
    });
}

#[test]
fn a_lost_closed_record_of_the_last_epoch_is_regenerated_by_the_next_run_too() {
    let folder = table();
    let before = folder.states(&["seen/", "closed/"]);
    fs::remove_file(folder.state("closed/0000000002.json")).unwrap();
    // Failed and changed objects are reported again: the run that counts as dead may not have reported them.
    let convert = [&["convert", "logs", "lake/cf_logs"], after_kill()].concat();
    folder.run(&convert).exits(3).says("1 failed, 1 changed");
    assert!(folder.states(&["seen/", "closed/"]) == before);
}

#[test]
fn regenerated_records_are_reported_and_a_valid_state_is_left_unchanged() {
    let folder = table();
    let ran = folder.writes_nothing(&REBUILD, 0);
    assert!(ran.stdout.contains("all was correct"), "{}", ran.stdout);

    fs::remove_file(folder.state("seen/undated/0000000002")).unwrap();
    fs::write(folder.state("seen/2024-05-17/0000000001"), "garbage").unwrap();
    folder.write("lake/cf_logs.lakefront/seen/2023-01-01/0000000002", "");
    let text = folder.run(&REBUILD).exits(0).stdout;
    for (label, name) in [
        ("created", "seen/undated/0000000002"),
        ("replaced", "seen/2024-05-17/0000000001"),
        ("removed", "seen/2023-01-01/0000000002"),
    ] {
        assert!(text.lines().any(|line| line.starts_with(label) && line.ends_with(name)), "{name}: {text}");
    }
    let json = folder.json(&REBUILD);
    for key in ["created", "replaced", "removed"] {
        assert_eq!(json[key], serde_json::json!([]), "{json}");
    }
}

#[test]
fn an_open_epoch_stays_open() {
    let folder = TestFolder::of_two_tasks();
    let before = folder.states(&["seen/", "closed/"]);
    folder.reopen(1, &[1]);
    folder.run(&REBUILD).exits(0);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["open"]["epoch"], 1);
    folder.converts(&[]);
    assert!(folder.states(&["seen/", "closed/"]) == before);
}

/// Damages an object that decides, and asserts that nothing is derived from the rest and nothing is written.
fn is_refused(prefix: &str, garbage: Option<&str>) {
    let folder = table();
    fs::remove_file(folder.state("seen/undated/0000000002")).unwrap();
    let name = folder.states(&[prefix]).into_keys().next().unwrap();
    match garbage {
        None => fs::remove_file(folder.state(&name)).unwrap(),
        Some(garbage) => fs::write(folder.state(&name), garbage).unwrap(),
    }
    let ran = folder.writes_nothing(&REBUILD, 1);
    assert!(ran.stderr.contains(&name) && ran.stderr.contains("\nhint: "), "{name} {garbage:?}: {}", ran.stderr);
}

#[test]
fn without_a_log_record_a_plan_or_a_commit_it_refuses_and_writes_nothing() {
    for prefix in ["log/0000000001", "plan/0000000001", "commit/0000000001/00001", "commit/0000000002/00000"] {
        is_refused(prefix, None);
        is_refused(prefix, Some("garbage"));
    }
    is_refused("log/0000000002", Some("garbage"));
}

#[test]
fn a_lost_last_log_record_is_not_mistaken_for_an_epoch_that_never_existed() {
    is_refused("log/0000000002", None);
}
