//! SIGKILL, again and again, at random times.

use std::{
    env,
    os::unix::process::ExitStatusExt,
    thread,
    time::{Duration, Instant},
};

use super::{Logs, ended};

/// Kills in `make test`; `make chaos` asks for more.
const KILLS: u64 = 20;
const OBJECTS: usize = 400;
const SIGKILL: i32 = 9;

/// How long a conversion takes that nobody kills.
fn undisturbed() -> Duration {
    let mut logs = Logs::with(OBJECTS);
    let began = Instant::now();
    logs.finish();
    let took = began.elapsed();
    logs.are_in_once();
    took
}

#[test]
fn a_conversion_that_is_killed_again_and_again_brings_each_row_once() {
    let wanted = env::var("LAKEFRONT_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let whole = undisturbed().as_secs_f64();
    // Other tests run beside this one: a run is expected to take so many times as long as the first one did.
    let mut pace = 1.0;
    let (mut kills, mut kills_at_work, mut tables) = (0, 0, 0);
    while kills < wanted {
        tables += 1;
        let mut logs = Logs::with(OBJECTS);
        let mut left = 1.0;
        loop {
            let time = Duration::from_secs_f64(whole * pace * left * logs.random.share());
            let began = Instant::now();
            let mut child = logs.start_after_kill();
            thread::sleep(time.saturating_sub(began.elapsed()));
            child.kill().unwrap();
            let status = child.wait().unwrap();
            if status.signal() != Some(SIGKILL) {
                assert_eq!(ended(child).status, Some(0), "it was faster than the kill");
                pace *= 0.8;
                break;
            }
            kills += 1;
            pace *= 1.1;
            let rows = logs.have_no_double();
            kills_at_work += u64::from(rows > 0 && rows < logs.lines.len());
            // New logs come in meanwhile.
            if logs.random.below(4) == 0 {
                logs.add(OBJECTS / 10);
            }
            left = logs.share_without(rows) + 0.05;
        }
        logs.are_in_once();
    }
    eprintln!(
        "{kills} kills of runs of {whole:.2} s on {tables} tables, {kills_at_work} of them with a part of the rows stored"
    );
    assert!(kills_at_work > 0, "no kill came at a time that could hurt");
}
