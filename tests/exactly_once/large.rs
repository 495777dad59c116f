//! Large objects: their rows are encoded before it is known whether the object is good, or still the listed version.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use lakefront_operations::progress::{Event, Progress};
use lakefront_storage::testing::Faults;

use crate::{
    logs::{FIRST_HOUR, LogObject},
    run_driver::{Command, RunRequest},
    simulation::Simulation,
};

const SEED: u64 = 17;
/// MiB of comments that make an object large.
const LARGE_MIB: usize = 10;
/// MiB of comments that make an object too large to be fetched whole.
const STREAMED_MIB: usize = 20;

fn small(number: u64) -> Arc<LogObject> {
    LogObject::make(SEED, number, FIRST_HOUR, 0)
}

fn large(number: u64, revision: u64, mib: usize) -> Arc<LogObject> {
    LogObject::with_comments(SEED, number, FIRST_HOUR, revision, mib)
}

/// Returns objects of one hour, in the order of their names. Numbers that end in 3 are gzip, and damaged at the end.
/// They come after large ones, so that batches are the same with and without them. Even numbers of [`STREAMED_MIB`] are
/// not gzip, and are streamed.
fn objects() -> Vec<Arc<LogObject>> {
    vec![
        small(0),
        large(21, 0, LARGE_MIB),
        large(33, 0, LARGE_MIB),
        large(63, 0, STREAMED_MIB),
        small(66),
        large(CHANGING, 0, STREAMED_MIB),
        large(93, 0, LARGE_MIB),
        small(96),
    ]
}

/// Number of the first object that is read in pieces.
const CHANGING: u64 = 72;

/// Returns a request for `convert` with all objects in one task.
fn request() -> RunRequest {
    RunRequest { task_bytes: 1 << 30, ..RunRequest::without_faults(Command::Convert) }
}

/// Sums up progress events, and calls a function at the first piece of an object that is read in pieces.
struct Watch<F> {
    objects: AtomicI64,
    bytes: AtomicI64,
    rows: AtomicI64,
    attempts: AtomicU64,
    failures: AtomicU64,
    planned_bytes: AtomicU64,
    is_done: AtomicBool,
    at_first_piece: F,
}

impl<F: Fn() + Sync> Watch<F> {
    fn new(at_first_piece: F) -> Self {
        Self {
            objects: AtomicI64::new(0),
            bytes: AtomicI64::new(0),
            rows: AtomicI64::new(0),
            attempts: AtomicU64::new(1),
            failures: AtomicU64::new(0),
            planned_bytes: AtomicU64::new(0),
            is_done: AtomicBool::new(false),
            at_first_piece,
        }
    }

    fn add(&self, sign: i64, counts: [u64; 3]) {
        for (sum, count) in [&self.objects, &self.bytes, &self.rows].into_iter().zip(counts) {
            sum.fetch_add(sign * i64::try_from(count).unwrap(), Ordering::SeqCst);
        }
    }

    /// Returns the total numbers of objects, bytes and rows that were reported.
    fn reported(&self) -> [i64; 3] {
        [&self.objects, &self.bytes, &self.rows].map(|sum| sum.load(Ordering::SeqCst))
    }
}

impl<F: Fn() + Sync> Progress for Watch<F> {
    fn on(&self, event: Event) {
        match event {
            Event::Planned { bytes, .. } => self.planned_bytes.store(bytes, Ordering::SeqCst),
            Event::Read { objects, bytes, rows } => {
                self.add(1, [objects, bytes, rows]);
                if objects == 0 && bytes > 0 && !self.is_done.swap(true, Ordering::SeqCst) {
                    (self.at_first_piece)();
                }
            }
            Event::TakenBack { objects, bytes, rows } => {
                self.attempts.fetch_add(1, Ordering::SeqCst);
                self.add(-1, [objects, bytes, rows]);
            }
            Event::ObjectFailed { .. } => _ = self.failures.fetch_add(1, Ordering::SeqCst),
            Event::Listed { .. } | Event::TaskDone | _ => {}
        }
    }
}

#[test]
fn the_rows_of_a_large_object_that_fails_late_are_in_no_file() {
    let simulation = Simulation::new(&objects());
    let watch = Watch::new(|| {});
    let result = simulation.run_watched(&request(), simulation.next_run(), &watch);
    assert_eq!(result.error, None);
    assert_eq!(result.report["objects"]["failed"], 3, "{:#}", result.report);
    simulation.assert_settled("late verdicts");

    // All failed objects together cost one more attempt, and nothing is reported twice.
    assert_eq!(watch.attempts.load(Ordering::SeqCst), 2);
    assert_eq!(watch.failures.load(Ordering::SeqCst), 3);
    let [objects_reported, bytes, rows] = watch.reported();
    assert_eq!(objects_reported, 8);
    assert_eq!(bytes, i64::try_from(watch.planned_bytes.load(Ordering::SeqCst)).unwrap());
    assert_eq!(rows, result.report["rows"].as_i64().unwrap());

    // The table is the same, byte for byte, as without the bad objects.
    let good: Vec<_> = objects().into_iter().filter(|object| !object.is_damaged).collect();
    let other = Simulation::new(&good);
    assert_eq!(other.run(&request()).report["objects"]["failed"], 0);
    assert!(simulation.observe(true).table == other.observe(true).table);
}

#[test]
fn a_run_with_objects_that_fail_late_may_crash_at_any_operation() {
    let simulation = Simulation::new(&objects());
    let saved = simulation.save();
    for k in 1.. {
        simulation.restore(&saved);
        let faults = Faults::crash_after(k);
        simulation.run(&RunRequest { faults: faults.clone(), ..request() });
        if !faults.is_crashed() {
            break;
        }
        let when = format!("a crash after operation {k}");
        simulation.wait_for_leases();
        assert_eq!(simulation.run(&request()).error, None, "{when}");
        simulation.assert_settled(&when);
    }
}

#[test]
fn a_large_object_that_changes_while_it_is_read_is_left_out() {
    // With bad objects before it, the whole object is checked before its rows are used.
    for (at_end, has_bad) in [(false, false), (true, false), (false, true), (true, true)] {
        let all: Vec<_> = objects().into_iter().filter(|object| has_bad || !object.is_damaged).collect();
        let simulation = Simulation::new(&all);
        let revised = large(CHANGING, 1, STREAMED_MIB);
        let path = simulation.logs.key(&revised);
        let replace = || {
            if at_end {
                // Its listed bytes stay: only its version shows the change.
                let file = fs::File::options().append(true).open(&path).unwrap();
                file.set_len(file.metadata().unwrap().len() + 1).unwrap();
            } else {
                fs::write(&path, "not what was listed").unwrap();
            }
        };
        let watch = Watch::new(replace);
        let result = simulation.run_watched(&request(), simulation.next_run(), &watch);
        assert_eq!(result.error, None);
        assert_eq!(result.report["objects"]["replaced"], 1, "{:#}", result.report);
        assert_eq!(result.report["objects"]["failed"], if has_bad { 3 } else { 0 }, "{:#}", result.report);
        let [objects_reported, bytes, rows] = watch.reported();
        assert_eq!(objects_reported, i64::try_from(all.len()).unwrap());
        assert_eq!(bytes, i64::try_from(watch.planned_bytes.load(Ordering::SeqCst)).unwrap());
        assert_eq!(rows, result.report["rows"].as_i64().unwrap());
        simulation.assert_holds("an object changed while it was read");

        let present: Vec<_> =
            all.iter().map(|object| if object.name == revised.name { &revised } else { object }).cloned().collect();
        simulation.logs.set(&present);
        assert_eq!(simulation.run(&request()).report["objects"]["converted"], 1);
        simulation.assert_settled("it was converted in its current version");
    }
}
