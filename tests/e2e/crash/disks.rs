//! Full disks.

use std::{fs, process::Command};

use super::{CONVERT, Logs, lines_of};
use crate::harness::RunOutput;
use crate::harness::only_on_disk;

/// Runs a line of shell with `unshare -m`, so that its mounts end with it. Returns `None` if mounts are not allowed.
fn run_with_mounts(logs: &Logs, shell: &str) -> Option<RunOutput> {
    let lake = logs.folder.path("lake");
    fs::create_dir_all(&lake).unwrap();
    let allowed = Command::new("unshare").args(["-m", "mount", "-t", "tmpfs", "none"]).arg(&lake).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "not tested: mounts are not allowed here; only `a_file_that_cannot_grow_stops_a_run_cleanly` is tested"
        );
        return None;
    }
    Some(logs.folder.run_in_shell(&["unshare", "-m"], shell, &CONVERT))
}

#[test]
fn a_full_disk_stops_a_run_cleanly_and_the_next_one_with_space_continues() {
    only_on_disk!("disks");
    let mut logs = Logs::with(80);
    // The same disk, a little larger each time. In the end it is copied out, for checks.
    let shell = "
        mount -t tmpfs -o size=16k none lake
        for kib in 16 24 40 64 96 140 200 300 500 65536; do
            mount -o remount,size=${kib}k lake
            \"$@\" -q 2> said
            echo $kib $?
            sed \"s/^/$kib /\" said >&2
        done
        cp -a lake copy";
    let Some(ran) = run_with_mounts(&logs, shell) else { return };
    let statuses: Vec<&str> = ran.stdout.lines().collect();
    let (last, before) = statuses.split_last().unwrap();
    assert_eq!(*last, "65536 0", "{}", ran.stderr);
    let full: Vec<&&str> = before.iter().filter(|line| line.ends_with(" 1")).collect();
    assert!(full.len() > 3, "{statuses:?}: the disk was rarely full");
    for line in before {
        let (kib, status) = line.split_once(' ').unwrap();
        let said =
            ran.stderr.lines().filter(|said| said.starts_with(&format!("{kib} "))).collect::<Vec<_>>().join("\n");
        assert!(status == "0" || (status == "1" && said.contains("full") && said.contains("hint: ")), "{line}: {said}");
    }
    fs::remove_dir(logs.folder.path("lake")).unwrap();
    fs::rename(logs.folder.path("copy"), logs.folder.path("lake")).unwrap();
    logs.assert_each_row_once();
}

#[test]
fn a_file_that_cannot_grow_stops_a_run_cleanly_and_the_next_one_continues() {
    only_on_disk!("disks");
    let mut logs = Logs::with(80);
    // All in one task, so that a file is larger than 4 blocks of 512 bytes. With the signal ignored, writes fail.
    let args = [&CONVERT[..7], &["--task-bytes", "64MiB", "-q", "--partition-by", "year"]].concat();
    let ran = logs.folder.run_in_shell(&[], "trap '' XFSZ && ulimit -f 4 && exec \"$@\"", &args).exits(1);
    assert!(ran.stderr.contains("error: store: ") && ran.stderr.contains("cf_logs.lakefront/"), "{}", ran.stderr);
    assert_eq!(lines_of(&logs.folder), [], "no partial file is visible");
    logs.assert_each_row_once();
}
