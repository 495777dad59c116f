//! Threads that cannot be started: a run continues with fewer, and names the limit if none can be started.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

use crate::harness::{NOW, RunOutput, TestFolder, log, only_on_disk};

/// Creates logs of several tasks, in a folder that any user may write to.
fn folder_of_all() -> TestFolder {
    let folder = TestFolder::on_disk();
    for hour in 0..6 {
        let row = format!("2024-05-17 0{hour}:00:00");
        folder.add(&format!("E1EXAMPLE.2024-05-17-0{hour}.a"), log("date time", &[&row]));
    }
    for name in [".", "logs"] {
        fs::set_permissions(folder.path(name), fs::Permissions::from_mode(0o777)).unwrap();
    }
    folder
}

/// Converts with a limit of this process.
fn convert_within(folder: &TestFolder, user: &[&str], limit: &str, table: &str) -> RunOutput {
    let limited = [user, &["prlimit", limit, "--"]].concat().join(" ");
    let args = ["convert", "logs", table, "--now", NOW, "--threads", "16", "--task-bytes", "1", "-q"];
    // Opened first: the program may be in a folder that the user may not enter.
    let shell = format!("exec 3< \"$1\" && shift && exec {limited} /proc/self/fd/3 \"$@\"");
    folder.run_in_shell(&[], &shell, &args)
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[test]
fn a_run_continues_with_fewer_threads_and_names_the_limit_if_none_can_be_started() {
    only_on_disk!("limits of processes");
    let folder = folder_of_all();
    // Root has no limit of processes. This user has no other processes, even if these tests run twice at once.
    let number = (20_000 + std::process::id() % 40_000).to_string();
    let user: &[&str] = if is_root() { &["setpriv", "--reuid", &number, "--clear-groups"] } else { &[] };
    let mut statuses = Vec::new();
    // Other processes of the same user count, too: the number of threads that are enough is known only for a user
    // without any.
    for threads in if is_root() { 1..=12 } else { 1..=1 } {
        let ran = convert_within(&folder, user, &format!("--nproc={threads}"), &format!("lake{threads}/t"));
        assert!(!ran.stderr.contains("panicked"), "{threads}: {}", ran.stderr);
        if ran.status == Some(0) {
            assert_eq!(folder.rows_of(&format!("lake{threads}/t")).len(), 6);
        } else {
            assert_eq!(ran.status, Some(1), "{threads}: {}", ran.stderr);
            assert!(ran.stderr.contains(&format!("`ulimit -u` ({threads} threads")), "{threads}: {}", ran.stderr);
        }
        statuses.push(ran.status);
    }
    assert_eq!(statuses.first(), Some(&Some(1)));
    assert!(!is_root() || statuses.iter().skip(3).all(|status| *status == Some(0)), "{statuses:?}");
}

#[test]
fn with_little_address_space_a_run_continues_with_fewer_threads_or_names_the_need() {
    only_on_disk!("limits of processes");
    let folder = folder_of_all();
    for (mib, status) in [(100_u64, 1), (200, 1), (400, 1), (600, 0), (1000, 0), (2000, 0), (4000, 0)] {
        let table = format!("lake{mib}/t");
        let ran = convert_within(&folder, &[], &format!("--as={}", mib << 20), &table).exits(status);
        assert!(!ran.stderr.contains("panicked"), "{mib}: {}", ran.stderr);
        if status == 0 {
            assert_eq!(folder.rows_of(&table).len(), 6);
            assert!(
                ran.stderr.contains("16 threads and 2415919104 bytes of memory do not fit into `ulimit -v`"),
                "{mib}: {}",
                ran.stderr
            );
        } else {
            assert!(ran.stderr.contains(&format!("`ulimit -v` allows {} KiB", mib << 10)), "{mib}: {}", ran.stderr);
        }
    }
}
