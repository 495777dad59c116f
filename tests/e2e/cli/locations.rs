//! Locations of a state, and identities of logs.

use std::fs;

use crate::harness::{LEAN, NOW, TestFolder, log, only_on_disk};

/// Creates a log below `archive/eu` and one below `archive/us`, of the same name.
fn archives() -> TestFolder {
    let folder = TestFolder::new();
    for region in ["eu", "us"] {
        folder
            .write(&format!("archive/{region}/E1EXAMPLE.2024-05-17-09.a"), log("date time", &["2024-05-17 09:00:00"]));
    }
    folder
}

fn convert<'a>(sources: &[&'a str], args: &[&'a str]) -> Vec<&'a str> {
    [&["convert"], sources, &["lake/cf_logs", "--now", NOW], &LEAN, args].concat()
}

#[test]
fn a_state_may_be_anywhere_on_the_filesystem_and_every_command_accepts_its_location() {
    only_on_disk!("a state outside of the bucket of the table");
    let folder = archives();
    let state = ["--state", "elsewhere/state"];
    folder.run(&convert(&["archive"], &state)).exits(0);
    assert!(folder.path("elsewhere/state/table.json").exists() && !folder.path("lake/cf_logs.lakefront").exists());
    for command in ["status", "verify", "retry", "resolve", "rebuild-state", "ddl"] {
        folder.writes_nothing(&[&[command, "lake/cf_logs"], &state[..]].concat(), 0);
    }
    folder.writes_nothing(&convert(&["archive"], &state), 0).says("2 converted before");
    folder.writes_nothing(&convert(&["archive"], &[]), 1).says("not empty").says("`--state`");
    folder.writes_nothing(&["status", "lake/cf_logs"], 1).says("`--state`");
}

#[test]
fn a_state_below_its_table_or_above_it_is_refused() {
    for state in ["lake/cf_logs/state", "lake/cf_logs", "lake"] {
        let folder = archives();
        folder.run(&convert(&["archive"], &["--state", state])).exits(1).says("overlap").says("\nhint: ");
        assert!(!folder.path("lake").exists());
    }
}

#[test]
fn a_state_on_another_filesystem_is_refused_before_any_work() {
    only_on_disk!("filesystems");
    let (folder, other) = (archives(), TestFolder::on_disk());
    let state = other.path("state");
    let ran = folder.run(&convert(&["archive"], &["--state", state.to_str().unwrap()]));
    if ran.status == Some(0) {
        eprintln!("not tested: memory and disk are one filesystem here");
        return;
    }
    ran.exits(1).says("filesystem").says("\nhint: ");
    assert!(!folder.path("lake").exists() && !state.exists());
}

#[test]
fn without_an_id_logs_are_identified_by_their_canonical_paths() {
    only_on_disk!("links");
    let folder = archives();
    folder.run(&convert(&["archive/eu", "archive"], &[])).exits(0);
    std::os::unix::fs::symlink(folder.path("archive/eu"), folder.path("link")).unwrap();
    let url = format!("file://{}", folder.path("archive/us").display());
    for sources in [&["archive"][..], &["link"], &["archive/us", "./archive/../archive/eu"], &[&url]] {
        folder.writes_nothing(&convert(sources, &[]), 0).says("nothing new");
    }
}

#[test]
fn an_archive_with_an_id_stays_known_after_a_move() {
    only_on_disk!("names below a folder that moves");
    let folder = archives();
    folder.run(&convert(&["archive"], &["--source-id", "archive"])).exits(0);
    fs::create_dir(folder.path("attic")).unwrap();
    fs::rename(folder.path("archive"), folder.path("attic/2024")).unwrap();
    folder.writes_nothing(&convert(&["attic/2024"], &["--source-id", "archive"]), 0).says("2 converted before");
    // New logs there are converted, and their rows have the name below the source.
    folder.write("attic/2024/eu/E1EXAMPLE.2024-05-17-10.b", log("date time", &["2024-05-17 10:00:00"]));
    folder.run(&convert(&["attic/2024"], &["--source-id", "archive"])).exits(0).says("1 converted");
    assert_eq!(folder.column("filename")[2], "eu/E1EXAMPLE.2024-05-17-10.b");
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn sources_with_ids_may_have_objects_of_the_same_name_in_any_order() {
    let folder = archives();
    let ids = |first, second| ["--source-id", first, "--source-id", second];
    folder.run(&convert(&["archive/eu", "archive/us"], &ids("eu", "us"))).exits(0).says("2 converted");
    folder.writes_nothing(&convert(&["archive/us", "archive/eu"], &ids("us", "eu")), 0);
    folder.writes_nothing(&convert(&["archive/us"], &["--source-id", "us"]), 0);
    assert_eq!(folder.rows().len(), 2);
}

#[test]
fn missing_duplicate_and_invalid_ids_are_usage_errors() {
    let folder = archives();
    let sources = ["archive/eu", "archive/us"];
    for ids in [
        &["--source-id", "eu"][..],
        &["--source-id", "eu", "--source-id", "us", "--source-id", "asia"],
        &["--source-id", "eu", "--source-id", "eu"],
        &["--source-id", "eu", "--source-id", ""],
        &["--source-id", "eu", "--source-id", "a\nb"],
        &["--source-id", "eu", "--source-id", "file://x"],
    ] {
        let ran = folder.run(&convert(&sources, ids));
        assert_eq!(ran.status, Some(2), "{ids:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("source-id") || ran.stderr.contains("source id"), "{ids:?}: {}", ran.stderr);
    }
    assert!(!folder.path("lake").exists());
}

#[test]
fn a_table_and_its_state_move_together() {
    let folder = archives();
    folder.run(&convert(&["archive"], &[])).exits(0);
    fs::create_dir(folder.path("new")).unwrap();
    for name in ["cf_logs", "cf_logs.lakefront"] {
        fs::rename(folder.path(&format!("lake/{name}")), folder.path(&format!("new/{name}"))).unwrap();
    }
    folder.run(&["verify", "new/cf_logs", "--deep"]).exits(0);
    folder.run(&["convert", "archive", "new/cf_logs", "--now", NOW]).exits(0).says("nothing new");
    let ddl = folder.run(&["ddl", "new/cf_logs"]).exits(0).stdout;
    assert!(ddl.contains("/new/cf_logs/") && !ddl.contains("/lake/"), "{ddl}");
}
