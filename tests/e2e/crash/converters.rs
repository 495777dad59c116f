//! Many converters at once, and one that sleeps.

use std::{fs, process::Child, thread, time::Duration};

use super::{Logs, commits, ended, signal};

/// Starts so many converters at once on a table that is not there yet. Each has to work or to leave in peace.
fn at_once(converters: usize, args: &[&str]) {
    let mut logs = Logs::with(60);
    let children: Vec<Child> = (0..converters).map(|_| logs.start(args)).collect();
    let ran: Vec<_> = children.into_iter().map(ended).collect();
    for ran in &ran {
        match ran.status {
            Some(0) => {}
            Some(75) => assert!(ran.stderr.contains("is working on the table"), "{}", ran.stderr),
            // Whoever has the lock sweeps temporary files, also of those that go on without it: they stop, and no harm is done.
            Some(1) if args.contains(&"--take-over") => {
                let is_swept = |what: &str| ran.stderr.contains(what);
                // A data file on its way, or a small object of the state.
                let was_swept =
                    is_swept(".staged: cannot ") || is_swept(": cannot put it under its name: No such file");
                assert!(was_swept, "{}", ran.stderr);
            }
            _ => panic!("{ran:?}"),
        }
    }
    assert!(ran.iter().any(|ran| ran.status == Some(0)), "nobody did the work: {ran:?}");
    logs.are_in_once();
}

#[test]
fn two_converters_at_once_bring_each_row_once() {
    for _ in 0..3 {
        at_once(2, &[]);
    }
}

#[test]
fn five_converters_at_once_bring_each_row_once() {
    at_once(5, &[]);
}

#[test]
fn twenty_converters_at_once_bring_each_row_once() {
    at_once(20, &["--threads", "2"]);
}

#[test]
fn converters_that_all_take_over_do_the_same_work_and_bring_each_row_once() {
    at_once(5, &["--take-over", "--threads", "2"]);
}

/// Logs, and a conversion of them that was put to sleep in the middle of its tasks.
fn asleep() -> (Logs, Child) {
    // On a busy machine a conversion may be over before it can be stopped.
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
    panic!("no conversion could be stopped in the middle");
}

/// Waits for a signal to arrive: a process stops or has ended.
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

/// What a conversion that slept may say when it wakes up and others have done its work.
fn wakes_up(child: Child) {
    signal(&child, "CONT");
    let ran = ended(child);
    assert!([Some(0), Some(75), Some(1)].contains(&ran.status), "{ran:?}");
    if ran.status == Some(1) {
        assert!(ran.stderr.contains("error: ") && ran.stderr.contains("\nhint: "), "{}", ran.stderr);
    }
}

#[test]
fn a_converter_that_sleeps_is_left_alone_until_one_takes_over_and_wakes_up_to_no_harm() {
    let (mut logs, sleeper) = asleep();
    assert_eq!(ended(logs.start(&[])).status, Some(75));
    let ran = ended(logs.start(&["--take-over"])).exits(0);
    assert!(ran.stderr.contains("was left open"), "{}", ran.stderr);
    wakes_up(sleeper);
    logs.are_in_once();
}

#[test]
fn a_converter_that_wakes_up_epochs_later_does_no_harm() {
    let (mut logs, sleeper) = asleep();
    for _ in 0..2 {
        logs.add(20);
        ended(logs.start(&["--take-over", "-q"])).exits(0);
    }
    logs.add(20);
    wakes_up(sleeper);
    logs.are_in_once();
}

#[test]
fn a_converter_that_sleeps_and_is_killed_leaves_the_table_to_the_next() {
    let (mut logs, mut sleeper) = asleep();
    sleeper.kill().unwrap();
    sleeper.wait().unwrap();
    logs.are_in_once();
}

#[test]
fn a_converter_beside_one_that_took_over_does_no_harm() {
    // Both awake, on the same tasks at the same time.
    let (mut logs, sleeper) = asleep();
    let other = logs.start(&["--take-over"]);
    wakes_up(sleeper);
    let ran = ended(other);
    assert!([Some(0), Some(75)].contains(&ran.status), "{ran:?}");
    logs.are_in_once();
}
