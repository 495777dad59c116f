//! What a store promises, on the local disk: once, whole, sorted, and no leftovers.
#![expect(clippy::disallowed_methods, reason = "looks at the disk behind the store")]

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use std::sync::Barrier;
use std::thread;
use tempfile::TempDir;

/// A store in `<place>/t`, its temporary files in `<place>/t.side/tmp`; nothing exists yet.
fn store() -> (TempDir, PathBuf, Store) {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().canonicalize().unwrap();
    let store = Store::open_local(&root.join("t"), &root.join("t.side/tmp")).unwrap();
    (place, root, store)
}

fn names(store: &Store, prefix: &str) -> Vec<String> {
    store.list(prefix).unwrap().into_iter().map(|entry| entry.name).collect()
}

fn num_temp_files(root: &Path) -> usize {
    fs::read_dir(root.join("t.side/tmp")).unwrap().count()
}

#[test]
fn a_staged_file_gets_its_name_and_the_folders_above_it() {
    let (_place, root, store) = store();
    let name = "year=2025/month=01/part.parquet";
    let mut staged = store.stage().unwrap();
    staged.append(b"one ").unwrap();
    staged.append(b"two").unwrap();
    assert_eq!(staged.len_bytes(), 7);
    assert!(!root.join("t").exists(), "nothing stands where a reader lists");
    assert_eq!(staged.put_if_absent(name).unwrap(), 7);
    assert_eq!(staged.put_if_absent(name).unwrap(), 7, "to try again is to find one's own file");
    drop(staged);
    assert_eq!(store.read(name).unwrap(), b"one two");
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn a_name_is_never_overwritten() {
    let (_place, root, store) = store();
    store.put_if_absent("a/b", b"first").unwrap();
    let error = store.put_if_absent("a/b", b"second").unwrap_err();
    assert!(error.is_already_exists());
    assert!(error.to_string().contains("/t/a/b: exists already"), "{error}");
    assert_eq!(store.read("a/b").unwrap(), b"first");
    symlink("nowhere", root.join("t/link")).unwrap();
    assert!(store.put_if_absent("link", b"x").unwrap_err().is_already_exists());
    assert!(fs::symlink_metadata(root.join("t/link")).unwrap().is_symlink());
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn one_of_twenty_racing_writers_wins_and_the_others_are_told() {
    let (_place, root, store) = store();
    let barrier = Barrier::new(20);
    let winners: Vec<u8> = thread::scope(|scope| {
        let writers: Vec<_> = (0..20_u8)
            .map(|number| {
                let (store, barrier) = (&store, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    match store.put_if_absent("new/folder/name", &[number; 1000]) {
                        Ok(()) => Some(number),
                        Err(error) => {
                            assert!(error.is_already_exists(), "{error}");
                            None
                        }
                    }
                })
            })
            .collect();
        writers.into_iter().filter_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(winners.len(), 1);
    assert_eq!(store.read("new/folder/name").unwrap(), [winners[0]; 1000]);
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn a_staged_file_is_removed_when_it_is_dropped() {
    let (_place, root, store) = store();
    let mut staged = store.stage().unwrap();
    staged.append(b"text").unwrap();
    assert_eq!(num_temp_files(&root), 1);
    drop(staged);
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn a_thousand_staged_files_hold_no_descriptors() {
    let (_place, _root, store) = store();
    let mut staged: Vec<_> = (0..1_000).map(|_| store.stage().unwrap()).collect();
    for file in &mut staged {
        file.append(b"text").unwrap();
    }
    // Other tests run at the same time and hold a few.
    assert!(fs::read_dir("/dev/fd").unwrap().count() < 300);
    for (number, file) in staged.into_iter().enumerate().take(3) {
        file.put_if_absent(&format!("{number}")).unwrap();
    }
    assert_eq!(names(&store, ""), ["0", "1", "2"]);
}

#[test]
fn a_staged_file_that_something_else_wrote_to_is_not_stored() {
    let (_place, root, store) = store();
    let mut staged = store.stage().unwrap();
    staged.append(b"text").unwrap();
    let temp = fs::read_dir(root.join("t.side/tmp")).unwrap().next().unwrap().unwrap().path();
    fs::write(temp, "te").unwrap();
    let message = staged.put_if_absent("name").unwrap_err().to_string();
    assert!(message.contains("has 2 bytes, expected 4"), "{message}");
    assert!(store.read("name").unwrap_err().is_not_found());
}

#[test]
fn a_store_is_empty_until_something_is_in_it() {
    let (_place, root, store) = store();
    assert!(store.is_empty().unwrap());
    fs::create_dir(root.join("t")).unwrap();
    assert!(store.is_empty().unwrap());
    store.put_if_absent("name", b"").unwrap();
    assert!(!store.is_empty().unwrap());
}

#[test]
fn the_folder_for_temporary_files_does_not_belong_to_a_store_around_it() {
    let (_place, root, _) = store();
    let side = Store::open_local(&root.join("t.side"), &root.join("t.side/tmp")).unwrap();
    let _staged = side.stage().unwrap();
    assert!(side.is_empty().unwrap());
    assert_eq!(names(&side, ""), [""; 0]);
    side.put_if_absent("record", b"{}").unwrap();
    assert_eq!(names(&side, ""), ["record"]);
}

#[test]
fn names_are_listed_by_prefix_in_byte_order() {
    let (_place, root, store) = store();
    assert_eq!(names(&store, ""), [""; 0]);
    for name in ["log/2", "log/10", "log/1", "log.txt", "logs/x", "a#1"] {
        store.put_if_absent(name, b"").unwrap();
    }
    fs::create_dir(root.join("t/empty")).unwrap();
    assert_eq!(names(&store, ""), ["a#1", "log.txt", "log/1", "log/10", "log/2", "logs/x"]);
    assert_eq!(names(&store, "log/"), ["log/1", "log/10", "log/2"]);
    assert_eq!(names(&store, "log/1"), ["log/1", "log/10"]);
    assert_eq!(names(&store, "log"), ["log.txt", "log/1", "log/10", "log/2", "logs/x"]);
    assert_eq!(names(&store, "none/"), [""; 0]);
    assert!(store.list("../").is_err());
}

#[test]
fn a_linked_folder_is_listed_once_and_a_circle_is_refused() {
    let (_place, root, store) = store();
    store.put_if_absent("year=2025/a", b"").unwrap();
    fs::create_dir(root.join("other-disk")).unwrap();
    fs::write(root.join("other-disk/b"), "").unwrap();
    symlink(root.join("other-disk"), root.join("t/year=2024")).unwrap();
    assert_eq!(names(&store, ""), ["year=2024/b", "year=2025/a"]);
    symlink("..", root.join("t/year=2025/up")).unwrap();
    let message = store.list("").unwrap_err().to_string();
    assert!(message.contains("year=2025/up: the symbolic link leads back"), "{message}");
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    let (_place, root, store) = store();
    for name in ["", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a\0b"] {
        assert!(matches!(store.put_if_absent(name, b""), Err(Error::BadName { .. })), "{name:?}");
        assert!(matches!(store.read(name), Err(Error::BadName { .. })), "{name:?}");
        assert!(matches!(store.put(name, b""), Err(Error::BadName { .. })), "{name:?}");
        assert!(matches!(store.delete(name), Err(Error::BadName { .. })), "{name:?}");
    }
    assert!(!root.join("t").exists());
}

#[test]
fn an_absent_name_is_an_error() {
    let (_place, _root, store) = store();
    store.put_if_absent("file", b"").unwrap();
    for name in ["absent", "absent/below", "file/below"] {
        assert!(store.read(name).unwrap_err().is_not_found());
        assert!(store.read_tail(name, 1).unwrap_err().is_not_found());
        assert!(store.read_range(name, 0..1).unwrap_err().is_not_found());
    }
}

#[test]
fn a_file_in_the_way_of_a_folder_is_named() {
    let (_place, root, store) = store();
    store.put_if_absent("file", b"").unwrap();
    let message = store.put_if_absent("file/below/name", b"").unwrap_err().to_string();
    assert!(message.contains("/t/file"), "{message}");
    let message = store.put_if_absent("file/name", b"").unwrap_err().to_string();
    assert!(message.contains("/t/file: exists and is not a folder"), "{message}");
    let error = Store::open_local(&root.join("t/file"), &root.join("tmp")).unwrap_err();
    assert!(matches!(error, Error::NotAFolder { .. }));
}

#[test]
fn two_filesystems_are_told_apart_before_anything_is_written() {
    let (_place, root, _) = store();
    let Ok(memory) = tempfile::tempdir_in("/dev/shm") else { return };
    let is_other = fs::metadata(&root).unwrap().dev() != fs::metadata(memory.path()).unwrap().dev();
    match Store::open_local(&root.join("t/new"), &memory.path().join("new/tmp")) {
        Ok(_) => assert!(!is_other),
        Err(error) => {
            assert!(is_other && matches!(error, Error::DifferentFilesystems { .. }), "{error}");
            assert!(error.to_string().contains("/t/new: is not on the filesystem of"), "{error}");
        }
    }
    assert!(!root.join("t").exists());
    assert!(!memory.path().join("new").exists());
}

#[test]
fn put_overwrites_and_delete_removes() {
    let (_place, root, store) = store();
    store.put("lease/1", b"a long first text").unwrap();
    store.put("lease/1", b"second").unwrap();
    assert_eq!(store.read("lease/1").unwrap(), b"second");
    assert!(store.put_if_absent("lease/1", b"third").unwrap_err().is_already_exists());
    store.delete("lease/1").unwrap();
    assert!(store.read("lease/1").unwrap_err().is_not_found());
    for absent in ["lease/1", "absent/below"] {
        store.delete(absent).unwrap();
    }
    store.put_if_absent("lease/1", b"third").unwrap();
    assert_eq!(store.read("lease/1").unwrap(), b"third");
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn a_put_that_fails_leaves_no_temporary_file() {
    let (_place, root, store) = store();
    store.put("folder/name", b"").unwrap();
    assert!(store.put("folder", b"text").is_err());
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn any_part_of_a_name_can_be_read() {
    let (_place, _root, store) = store();
    store.put_if_absent("name", b"0123456789").unwrap();
    assert_eq!(store.read_range("name", 2..5).unwrap(), b"234");
    assert_eq!(store.read_range("name", 8..50).unwrap(), b"89");
    assert_eq!(store.read_range("name", 10..50).unwrap(), b"");
    assert_eq!(store.read_range("name", u64::MAX - 1..u64::MAX).unwrap(), b"");
    assert_eq!(store.read_range("name", 5..5).unwrap(), b"");
    assert_eq!(store.read_tail("name", 3).unwrap(), b"789");
    assert_eq!(store.read_tail("name", 50).unwrap(), b"0123456789");
    assert_eq!(store.read_tail("name", 0).unwrap(), b"");
}

#[test]
fn entries_tell_their_size_and_when_they_were_written_by_the_clock_of_the_store() {
    let (_place, root, store) = store();
    let before_ms = store.clock_ms().unwrap();
    store.put_if_absent("name", b"12345").unwrap();
    let after_ms = store.clock_ms().unwrap();
    let entries = store.list("").unwrap();
    assert_eq!((entries.len(), entries[0].size_bytes), (1, 5));
    assert!((before_ms..=after_ms).contains(&entries[0].modified_ms), "{before_ms} {entries:?} {after_ms}");
    assert!(before_ms > 1_600_000_000_000);
    assert_eq!(num_temp_files(&root), 0);
}

#[test]
fn a_lock_shuts_out_every_other_opening_until_it_is_dropped() {
    let (_place, root, store) = store();
    let other = Store::open_local(&root.join("t"), &root.join("t.side/tmp")).unwrap();
    let lock = store.lock().unwrap();
    assert!(lock.is_some());
    for store in [&store, &other] {
        let error = store.lock().unwrap_err();
        assert!(error.is_locked());
        assert!(error.to_string().contains("/t.side/lock: another process holds"), "{error}");
    }
    drop(lock);
    assert!(other.lock().unwrap().is_some());
    assert!(store.lock().unwrap().is_some(), "a guard that nobody kept holds nothing");
}

#[test]
fn the_lock_does_not_belong_to_a_store_around_it() {
    let (_place, root, _) = store();
    let side = Store::open_local(&root.join("t.side"), &root.join("t.side/tmp")).unwrap();
    let _lock = side.lock().unwrap();
    assert!(root.join("t.side/lock").exists());
    assert!(side.is_empty().unwrap());
    assert_eq!(names(&side, ""), [""; 0]);
    side.put_if_absent("log/lock", b"").unwrap();
    assert_eq!(names(&side, "l"), ["log/lock"]);
}

#[test]
fn a_lock_that_cannot_be_opened_is_an_error_and_not_a_store_without_locks() {
    let (_place, root, store) = store();
    fs::create_dir_all(root.join("t.side/lock")).unwrap();
    let error = store.lock().unwrap_err();
    assert!(!error.is_locked());
    assert!(error.to_string().contains("/t.side/lock: cannot open the lock for writing"), "{error}");
}

#[test]
fn sweeping_removes_what_dead_processes_left_and_nothing_else() {
    let (_place, root, store) = store();
    assert_eq!(store.sweep().unwrap(), 0);
    let mut staged = store.stage().unwrap();
    staged.append(b"alive").unwrap();
    let temp = root.join("t.side/tmp");
    // A process of the same number, in another container, for example.
    for left in ["1-0.staged", &format!("{}-999999.staged", std::process::id()), "notes.txt"] {
        fs::write(temp.join(left), "left").unwrap();
    }
    assert_eq!(store.sweep().unwrap(), 2);
    assert!(temp.join("notes.txt").exists());
    staged.put_if_absent("name").unwrap();
    assert_eq!(store.read("name").unwrap(), b"alive");
}

#[test]
fn a_store_that_checks_first_refuses_a_name_that_exists() {
    let (_place, _root, store) = store();
    let store = store.checking_first();
    store.put_if_absent("name", b"first").unwrap();
    assert!(store.put_if_absent("name", b"second").unwrap_err().is_already_exists());
    store.put_if_absent("other", b"").unwrap();
    assert!(store.put_if_absent("other", b"second").unwrap_err().is_already_exists());
    assert_eq!(store.read("name").unwrap(), b"first");
}

#[test]
fn a_location_is_a_path_that_a_person_can_find() {
    let (_place, root, store) = store();
    assert_eq!(store.location(""), root.join("t").display().to_string());
    assert_eq!(store.location("a/b\n"), format!("{}/a/b\\n", root.join("t").display()));
}
