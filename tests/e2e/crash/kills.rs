//! SIGKILL, repeatedly, at random times.

use std::{
    env,
    os::unix::process::ExitStatusExt,
    thread,
    time::{Duration, Instant},
};

use super::{Logs, ended};

/// Number of kills in `make test`; `make chaos` does more.
const KILLS: u64 = 20;
const OBJECTS: usize = 400;
const SIGKILL: i32 = 9;

/// Returns the duration of a conversion that is not killed.
fn duration_without_kills() -> Duration {
    let mut logs = Logs::with(OBJECTS);
    let began = Instant::now();
    logs.finish();
    let took = began.elapsed();
    logs.assert_each_row_once();
    took
}

#[test]
fn a_conversion_that_is_killed_repeatedly_converts_each_row_once() {
    let wanted = env::var("LAKEFRONT_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let whole = duration_without_kills().as_secs_f64();
    // Expected duration of a run relative to the first one, as other tests run at the same time.
    let mut pace = 1.0;
    let (mut kills, mut kills_during_writes, mut tables) = (0, 0, 0);
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
                assert_eq!(ended(child).status, Some(0), "it ended before the kill");
                pace *= 0.8;
                break;
            }
            kills += 1;
            pace *= 1.1;
            let rows = logs.assert_no_duplicates();
            kills_during_writes += u64::from(rows > 0 && rows < logs.lines.len());
            // New logs arrive in between.
            if logs.random.below(4) == 0 {
                logs.add(OBJECTS / 10);
            }
            left = logs.share_missing(rows) + 0.05;
        }
        logs.assert_each_row_once();
    }
    eprintln!(
        "{kills} kills of runs of {whole:.2} s on {tables} tables, {kills_during_writes} of them with a part of the rows stored"
    );
    assert!(kills_during_writes > 0, "no kill happened while only a part of the rows was stored");
}
