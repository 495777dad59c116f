//! A reader beside a running conversion.

use std::collections::{BTreeMap, BTreeSet};

use super::{Logs, read};

#[test]
fn a_reader_beside_a_conversion_never_sees_a_row_twice_or_a_broken_file() {
    let mut logs = Logs::with(120);
    let mut lines = BTreeSet::new();
    let mut files = BTreeMap::new();
    let (mut rounds, mut grown) = (0, 0);
    for _ in 0..2 {
        let mut child = logs.start(&["-q"]);
        let mut is_over = false;
        while !is_over {
            // A last look when it has ended.
            is_over = child.try_wait().unwrap().is_some();
            rounds += 1;
            let before = files.len();
            logs.folder.fetch();
            for (name, path) in logs.folder.files("lake/cf_logs") {
                // No file changes once it is there, so each is read once here, and once more at the end.
                files.entry(name).or_insert_with_key(|name| {
                    let rows = read(&path);
                    for row in &rows {
                        assert!(lines.insert(row.clone()), "{name}: {row:?} was there before");
                    }
                    rows
                });
            }
            grown += usize::from(files.len() > before);
        }
        assert!(child.wait().unwrap().success());
        logs.add(30);
    }
    assert!(grown > 1, "the reader saw the table grow in {grown} of {rounds} rounds only");
    for (name, rows) in &files {
        assert!(read(&logs.folder.path("lake/cf_logs").join(name)) == *rows, "{name} changed");
    }
    logs.are_in_once();
}

#[test]
fn a_reader_beside_conversions_that_are_killed_never_sees_a_row_twice_or_a_broken_file() {
    let mut logs = Logs::with(120);
    for commits in [1, 10, 30] {
        let mut child = logs.start_after_kill();
        while super::commits(&logs.folder) < commits && child.try_wait().unwrap().is_none() {
            logs.have_no_double();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        logs.have_no_double();
    }
    logs.are_in_once();
}
