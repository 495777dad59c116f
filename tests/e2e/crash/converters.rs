//! Many converters at once, and one that is suspended.

use std::{fs, process::Child, thread, time::Duration};

use super::{Logs, commits, ended, signal};

/// Starts a number of converters at once on a table that does not exist yet. Each must work, or stop because another
/// one is active.
fn start_at_once(converters: usize, args: &[&str]) {
    let mut logs = Logs::with(60);
    let children: Vec<Child> = (0..converters).map(|_| logs.start(args)).collect();
    let ran: Vec<_> = children.into_iter().map(ended).collect();
    for ran in &ran {
        match ran.status {
            Some(0) => {}
            Some(75) => assert!(ran.stderr.contains("is working on the table"), "{}", ran.stderr),
            // The owner of the lock removes temporary files, also those of converters that run without it: these stop,
            // without harm.
            Some(1) if args.contains(&"--take-over") => {
                let is_swept = |what: &str| ran.stderr.contains(what);
                // A data file in progress, or a small object of the state.
                let was_swept =
                    is_swept(".staged: cannot ") || is_swept(": cannot put it under its name: No such file");
                assert!(was_swept, "{}", ran.stderr);
            }
            _ => panic!("{ran:?}"),
        }
    }
    assert!(ran.iter().any(|ran| ran.status == Some(0)), "no converter did the work: {ran:?}");
    logs.assert_each_row_once();
}

#[test]
fn two_converters_at_once_convert_each_row_once() {
    for _ in 0..3 {
        start_at_once(2, &[]);
    }
}

#[test]
fn five_converters_at_once_convert_each_row_once() {
    start_at_once(5, &[]);
}

#[test]
fn twenty_converters_at_once_convert_each_row_once() {
    start_at_once(20, &["--threads", "2"]);
}

#[test]
fn converters_that_all_take_over_do_the_same_work_and_convert_each_row_once() {
    start_at_once(5, &["--take-over", "--threads", "2"]);
}

/// Returns logs, and a conversion of them that was suspended in the middle of its tasks.
fn suspended_conversion() -> (Logs, Child) {
    // On a busy machine a conversion may end before it can be suspended.
    for _ in 0..20 {
        let logs = Logs::with(200);
        let mut child = logs.start(&[]);
        let is_over = loop {
            let is_over = child.try_wait().unwrap().is_some();
            if is_over || commits(&logs.folder) >= 5 {
                break is_over;
            }
            thread::sleep(Duration::from_millis(1));
        };
        if is_over {
            continue;
        }
        signal(&child, "STOP");
        let is_stopped = is_stopped(&child);
        logs.folder.fetch();
        if is_stopped && !logs.folder.state("closed/0000000001.json").exists() {
            return (logs, child);
        }
        signal(&child, "CONT");
        ended(child).exits(0);
    }
    panic!("no conversion could be suspended before its end");
}

/// Waits until a process is suspended or has ended. Returns whether it is suspended.
fn is_stopped(child: &Child) -> bool {
    let path = format!("/proc/{}/status", child.id());
    loop {
        let status = fs::read_to_string(&path).unwrap();
        let state = status.lines().find_map(|line| line.strip_prefix("State:")).unwrap().trim();
        match state.chars().next() {
            Some('T') => return true,
            Some('Z') => return false,
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Resumes a conversion whose work others may have done, and checks how it ends.
fn resume(child: Child) {
    signal(&child, "CONT");
    let ran = ended(child);
    assert!([Some(0), Some(75), Some(1)].contains(&ran.status), "{ran:?}");
    if ran.status == Some(1) {
        assert!(ran.stderr.contains("error: ") && ran.stderr.contains("\nhint: "), "{}", ran.stderr);
    }
}

#[test]
fn a_suspended_converter_is_left_alone_until_one_takes_over_and_does_no_harm_when_resumed() {
    let (mut logs, suspended) = suspended_conversion();
    assert_eq!(ended(logs.start(&[])).status, Some(75));
    let ran = ended(logs.start(&["--take-over"])).exits(0);
    assert!(ran.stderr.contains("was left open"), "{}", ran.stderr);
    resume(suspended);
    logs.assert_each_row_once();
}

#[test]
fn a_converter_that_is_resumed_epochs_later_does_no_harm() {
    let (mut logs, suspended) = suspended_conversion();
    for _ in 0..2 {
        logs.add(20);
        ended(logs.start(&["--take-over", "-q"])).exits(0);
    }
    logs.add(20);
    resume(suspended);
    logs.assert_each_row_once();
}

#[test]
fn a_suspended_converter_that_is_killed_leaves_the_table_to_the_next() {
    let (mut logs, mut suspended) = suspended_conversion();
    suspended.kill().unwrap();
    suspended.wait().unwrap();
    logs.assert_each_row_once();
}

#[test]
fn a_resumed_converter_does_no_harm_while_another_one_has_taken_over() {
    // Both run at the same time, on the same tasks.
    let (mut logs, suspended) = suspended_conversion();
    let other = logs.start(&["--take-over"]);
    resume(suspended);
    let ran = ended(other);
    assert!([Some(0), Some(75)].contains(&ran.status), "{ran:?}");
    logs.assert_each_row_once();
}
