//! Damaged states: refused, and nothing written. `rebuild_state` tests records that can be regenerated.

use std::fs;

use crate::{
    harness::{LEAN, TestFolder, log},
    seals::sealed,
};

/// Creates a table of two epochs, and a new log.
fn table() -> TestFolder {
    let folder = TestFolder::of_two_tasks();
    folder.add("E1EXAMPLE.2024-05-18-10.a", log("date time", &["2024-05-18 10:00:00"]));
    folder.converts(&[]);
    folder.add("E1EXAMPLE.2024-05-18-11.a", log("date time", &["2024-05-18 11:00:00"]));
    folder
}

/// Deletes, empties, truncates, replaces or makes newer each of these objects, and asserts that the run is refused.
fn damages_are_refused(prefix: &str, table: fn() -> TestFolder) {
    for how in ["deleted", "emptied", "truncated", "garbage", "newer"] {
        let folder = table();
        let name = folder.states(&[prefix]).into_keys().next().unwrap();
        let path = folder.state(&name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        match how {
            "deleted" => {}
            "emptied" => fs::write(&path, "").unwrap(),
            "truncated" => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
            "garbage" => fs::write(&path, "\u{1b}[31mgarbage").unwrap(),
            _ if bytes.starts_with(b"{") => {
                let text = String::from_utf8(bytes).unwrap().replacen("\"format\":4", "\"format\":5", 1);
                let body = text.rsplit_once(",\"checksum\"").map_or(&text[..text.len() - 1], |(body, _)| body);
                fs::write(&path, sealed(&format!("{body}}}"))).unwrap();
            }
            // Gzip: other bytes that unpack.
            _ => fs::write(&path, crate::harness::gzip("{\"format\":5}\n")).unwrap(),
        }
        let ran = folder.refuses();
        assert!(ran.stderr.contains(&name) && ran.stderr.contains("\nhint: "), "{name} {how}: {}", ran.stderr);
        assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
        if how == "newer" && !name.starts_with("plan/") {
            assert!(ran.stderr.contains("newer version"), "{name}: {}", ran.stderr);
        }
    }
}

#[test]
fn the_table_record() {
    damages_are_refused("table.json", table);
}

#[test]
fn the_last_log_record() {
    damages_are_refused("log/0000000002.json", table);
}

#[test]
fn the_plan_of_an_open_epoch() {
    damages_are_refused("plan/", || {
        let folder = TestFolder::of_two_tasks();
        folder.reopen(1, &[1]);
        folder
    });
}

#[test]
fn a_lost_commit_of_an_open_epoch_is_redone_and_a_damaged_one_is_refused() {
    let open = || {
        let folder = TestFolder::of_two_tasks();
        folder.reopen(1, &[1]);
        folder
    };
    let name = "commit/0000000001/00000.json";
    for garbage in ["", "{", "{\"format\":4}"] {
        let folder = open();
        fs::write(folder.state(name), garbage).unwrap();
        let ran = folder.run(&["convert", "logs", "lake/cf_logs"]).exits(1).says(name).says("\nhint: ");
        assert_eq!(folder.states(&["closed/"]).len(), 0, "{}", ran.stderr);
    }
    let folder = open();
    fs::remove_file(folder.state(name)).unwrap();
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 2);
}

#[test]
fn a_log_with_a_gap() {
    let folder = table();
    fs::remove_file(folder.state("log/0000000001.json")).unwrap();
    folder.refuses().says("log/0000000001.json").says("is missing").says("backup");
}

#[test]
fn objects_of_an_epoch_that_the_log_does_not_have() {
    for prefix in ["commit/", "lease/", "gone/"] {
        let folder = table();
        let name = folder.states(&[prefix]).into_keys().next_back().unwrap();
        let newer = name.replace("0000000002", "0000000003");
        folder.write(&format!("lake/cf_logs.lakefront/{newer}"), fs::read(folder.state(&name)).unwrap());
        folder.refuses().says("log/0000000003.json").says("is missing");
    }
}

#[test]
fn an_older_copy_of_the_state_with_a_newer_table() {
    let folder = table();
    for prefix in ["log/0000000002", "closed/0000000002"] {
        fs::remove_file(folder.state(&format!("{prefix}.json"))).unwrap();
    }
    folder.refuses().says("is missing").says("\nhint: ");
}

#[test]
fn other_objects_in_place_of_the_log() {
    for name in ["log/note.txt", "closed/0000000001.json~", "seen/2024-05-17/copy", "seen/note"] {
        let folder = table();
        folder.write(&format!("lake/cf_logs.lakefront/{name}"), "");
        folder.refuses().says(name).says("is not an object that lakefront writes").says("\nhint: ");
    }
}

#[test]
fn a_missing_table_folder_whose_state_has_rows() {
    let folder = table();
    fs::remove_dir_all(folder.path("lake/cf_logs")).unwrap();
    folder.refuses().says("lake/cf_logs").says("is gone").says("\nhint: ");
}

#[test]
fn a_table_without_its_state() {
    let folder = table();
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    folder.refuses().says("not empty").says("lake/cf_logs.lakefront").says("`--state`");
}

#[test]
fn the_state_of_another_table() {
    let folder = table();
    folder.run(&["convert", "logs", "lake/other", "--partition-by", "day", "-q", LEAN[0], LEAN[1]]).exits(0);
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    fs::rename(folder.path("lake/other.lakefront"), folder.path("lake/cf_logs.lakefront")).unwrap();
    folder.run(&["verify", "lake/cf_logs"]).exits(1);
}

#[test]
fn without_table_and_state_a_new_table_is_made() {
    let folder = table();
    for name in ["lake/cf_logs", "lake/cf_logs.lakefront"] {
        fs::remove_dir_all(folder.path(name)).unwrap();
    }
    folder.converts(&LEAN);
    assert_eq!(folder.rows().len(), 4);
}
