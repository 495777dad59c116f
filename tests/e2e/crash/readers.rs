//! A reader during conversions.

use std::collections::{BTreeMap, BTreeSet};

use super::{Logs, read};

#[test]
fn a_reader_during_a_conversion_never_sees_a_row_twice_or_a_broken_file() {
    let mut logs = Logs::with(120);
    let mut lines = BTreeSet::new();
    let mut files = BTreeMap::new();
    let (mut rounds, mut grown) = (0, 0);
    for _ in 0..2 {
        let mut child = logs.start(&["-q"]);
        let mut is_over = false;
        while !is_over {
            // A last round after the conversion has ended.
            is_over = child.try_wait().unwrap().is_some();
            rounds += 1;
            let before = files.len();
            logs.folder.fetch();
            for (name, path) in logs.folder.files("lake/cf_logs") {
                // Files do not change, so each is read once here, and once more at the end.
                files.entry(name).or_insert_with_key(|name| {
                    let rows = read(&path);
                    for row in &rows {
                        assert!(lines.insert(row.clone()), "{name}: {row:?} was read before");
                    }
                    rows
                });
            }
            grown += usize::from(files.len() > before);
        }
        assert!(child.wait().unwrap().success());
        logs.add(30);
    }
    assert!(grown > 1, "the reader saw the table grow only in {grown} of {rounds} rounds");
    for (name, rows) in &files {
        assert!(read(&logs.folder.path("lake/cf_logs").join(name)) == *rows, "{name} changed");
    }
    logs.assert_each_row_once();
}

#[test]
fn a_reader_during_conversions_that_are_killed_never_sees_a_row_twice_or_a_broken_file() {
    let mut logs = Logs::with(120);
    for commits in [1, 10, 30] {
        let mut child = logs.start_after_kill();
        while super::commits(&logs.folder) < commits && child.try_wait().unwrap().is_none() {
            logs.assert_no_duplicates();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        logs.assert_no_duplicates();
    }
    logs.assert_each_row_once();
}
