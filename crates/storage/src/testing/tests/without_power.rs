//! Power cuts on the local disk: what was synced stays, the rest is at the mercy of the operating system.
#![expect(clippy::disallowed_methods, reason = "looks at the disk behind the store")]

use super::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A table and its state on a disk, in one log; nothing exists yet.
struct Disk {
    _place: TempDir,
    root: PathBuf,
    log: SyncLog,
}

impl Disk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        Self { _place: place, root, log: SyncLog::default() }
    }

    fn open(&self, folder: &str) -> Store {
        self.log.open_local(&self.root.join(folder), &self.root.join("t.lakefront/tmp")).unwrap()
    }
}

#[test]
fn every_name_that_was_written_once_is_there_and_whole() {
    let disk = Disk::new();
    let (table, state) = (disk.open("t"), disk.open("t.lakefront"));
    let _lock = state.lock().unwrap();
    for number in 0..20_u8 {
        let content = vec![number; 1_000];
        table.put_if_absent(&format!("year=2025/month={}/part-{number}", number % 3), &content).unwrap();
        state.put("lease/1", &content).unwrap();
        state.put_if_absent(&format!("commit/{}/{number}", number % 2), &content).unwrap();
        assert!(state.put_if_absent(&format!("commit/{}/{number}", number % 2), b"").is_err());
    }
    disk.log.power_cut().unwrap();
    let (table, state) = (disk.open("t"), disk.open("t.lakefront"));
    assert_eq!((names(&table).len(), state.list("commit/").unwrap().len()), (20, 20));
    for number in 0..20_u8 {
        let data_file = format!("year=2025/month={}/part-{number}", number % 3);
        assert_eq!(table.read(&data_file).unwrap(), vec![number; 1_000]);
        assert_eq!(state.read(&format!("commit/{}/{number}", number % 2)).unwrap(), vec![number; 1_000]);
    }
    state.put_if_absent("closed/1", b"it goes on").unwrap();
}

#[test]
fn names_that_were_only_put_are_lost() {
    let place = tempfile::tempdir().unwrap();
    let (root, temp) = (place.path().join("s"), place.path().join("s/tmp"));
    let (store, log) = local_with_sync_log(&root, &temp).unwrap();
    store.put("lease/1", b"text").unwrap();
    store.put("ddl/1", b"text").unwrap();
    // Its folder is synced, and so the name in it: but not the bytes.
    store.put_if_absent("ddl/2", b"text").unwrap();
    store.put("ddl/3", b"text").unwrap();
    log.power_cut().unwrap();
    let store = log.open_local(&root, &temp).unwrap();
    assert_eq!(names(&store), ["ddl/1", "ddl/2"]);
    assert_eq!(store.read("ddl/1").unwrap(), b"");
    assert_eq!(store.read("ddl/2").unwrap(), b"text");
}

#[test]
fn temporary_files_are_lost_with_all_that_was_not_synced() {
    let disk = Disk::new();
    let store = disk.open("t");
    let mut staged = store.stage().unwrap();
    staged.append(b"text").unwrap();
    store.put_if_absent("a/b", b"text").unwrap();
    fs::create_dir(disk.root.join("t/made-by-hand")).unwrap();
    fs::write(disk.root.join("t/made-by-hand/file"), "text").unwrap();
    disk.log.power_cut().unwrap();
    assert_eq!(fs::read_dir(disk.root.join("t.lakefront/tmp")).unwrap().count(), 0);
    assert!(staged.put_if_absent("c").is_err());
    assert_eq!(names(&disk.open("t")), ["a/b"]);
    assert!(!disk.root.join("t/made-by-hand").exists());
}

#[test]
fn a_name_of_a_killed_writer_is_synced_before_it_is_said_to_exist() {
    let disk = Disk::new();
    let store = disk.open("t");
    store.put_if_absent("other", b"").unwrap();
    // As a writer leaves it that is killed after its link; no sync of it was ever heard of.
    fs::create_dir_all(disk.root.join("t/year=2025/month=01")).unwrap();
    fs::write(disk.root.join("t/year=2025/month=01/part"), "text").unwrap();
    assert!(store.put_if_absent("year=2025/month=01/part", b"text").unwrap_err().is_already_exists());
    disk.log.power_cut().unwrap();
    assert_eq!(disk.open("t").read("year=2025/month=01/part").unwrap(), b"text");
}

#[test]
fn files_from_before_the_log_stay() {
    let disk = Disk::new();
    fs::create_dir_all(disk.root.join("t/old")).unwrap();
    fs::write(disk.root.join("t/old/file"), "text").unwrap();
    let store = disk.open("t");
    store.put("new", b"text").unwrap();
    // Opening once more is not syncing.
    drop(disk.open("t"));
    disk.log.power_cut().unwrap();
    let store = disk.open("t");
    assert_eq!(names(&store), ["old/file"]);
    assert_eq!(store.read("old/file").unwrap(), b"text");
}

#[test]
fn a_removed_name_stays_away_and_can_be_written_again() {
    let disk = Disk::new();
    let store = disk.open("t");
    store.put_if_absent("a", b"1").unwrap();
    store.delete("a").unwrap();
    store.put("a", b"2").unwrap();
    disk.log.power_cut().unwrap();
    let store = disk.open("t");
    assert_ne!(store.read("a").unwrap_or_default(), b"2", "bytes that nobody synced");
    store.delete("a").unwrap();
    store.put_if_absent("a", b"3").unwrap();
    disk.log.power_cut().unwrap();
    assert_eq!(disk.open("t").read("a").unwrap(), b"3");
}

#[test]
fn any_part_that_was_not_synced_may_survive_by_chance() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let disk = Disk::new();
        let store = disk.open("t");
        store.put_if_absent("kept", b"text").unwrap();
        store.put("first", b"text").unwrap();
        store.put("second", b"text").unwrap();
        disk.log.power_cut_by_chance(seed).unwrap();
        let store = disk.open("t");
        assert_eq!(store.read("kept").unwrap(), b"text");
        let fates = ["first", "second"].map(|name| {
            store.read(name).map_or("gone", |bytes| match bytes.len() {
                0 => "empty",
                4 => "whole",
                _ => "cut short",
            })
        });
        disk.log.power_cut().unwrap();
        let again = ["first", "second"].map(|name| disk.open("t").read(name).map_or(0, |bytes| 1 + bytes.len()));
        let expected =
            fates.map(|fate| ["gone", "empty", "-", "cut short", "-", "whole"].iter().position(|one| *one == fate));
        assert_eq!(again.map(Some), expected, "what a cut left is on the disk");
        seen.insert(fates);
    }
    assert!(seen.contains(&["gone", "whole"]) && seen.contains(&["whole", "gone"]), "in any order: {seen:?}");
    let fates: std::collections::BTreeSet<&str> = seen.iter().flatten().copied().collect();
    assert_eq!(fates.len(), 4, "{fates:?}");
}

#[test]
fn a_power_cut_by_chance_is_the_same_for_the_same_seed() {
    let run = |seed| {
        let disk = Disk::new();
        let store = disk.open("t");
        for number in 0..30 {
            store.put(&format!("{}/{number}", number % 3), b"text").unwrap();
        }
        disk.log.power_cut_by_chance(seed).unwrap();
        let sizes = disk.open("t").list("").unwrap();
        sizes.into_iter().map(|entry| (entry.name, entry.size_bytes)).collect::<Vec<_>>()
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
fn a_name_whose_folder_could_not_be_synced_is_lost_unless_it_is_created_again() {
    for is_again in [false, true] {
        let disk = Disk::new();
        let faults = Faults::fail_sync(2);
        let store = faults.wrap(disk.open("t"));
        store.put_if_absent("a/kept", b"text").unwrap();
        let error = store.put_if_absent("a/b", b"text").unwrap_err();
        assert!(error.to_string().contains("sync the folder") && !error.is_already_exists(), "{error}");
        assert_eq!(store.read("a/b").unwrap(), b"text", "it can be seen");
        if is_again {
            assert!(store.put_if_absent("a/b", b"text").unwrap_err().is_already_exists());
        }
        disk.log.power_cut().unwrap();
        let expected: &[&str] = if is_again { &["a/b", "a/kept"] } else { &["a/kept"] };
        assert_eq!(names(&disk.open("t")), expected);
    }
}
