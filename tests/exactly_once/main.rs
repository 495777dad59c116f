//! Tests that every row is in the table exactly once, with runs that crash, race, stall or meet failing stores. One
//! checker verifies every test.
#![expect(clippy::unwrap_used, clippy::panic, reason = "an unexpected value fails the test and shows where")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests write logs as plain files and read the number of seeds from the environment"
)]

// Seeded random numbers.
mod random;

// Log objects as files, and the model of their rows.
mod logs;

// Stores that wait before each operation: for their turn, or until they are resumed.
mod hooks;

// Requests of runs, and their results.
mod run_driver;

// Logs, a table and its state in memory, and runs on them.
mod simulation;

// A table on the local disk.
mod disk;

// Checksums of records.
#[path = "../seals.rs"]
mod seals;

// Checks of I1 to I15.
mod invariants;

// Tests of the checker.
mod checker_is_tested;

// A crash, an error or a lost reply at every operation.
mod crash_points;

// Random schedules of several converters with several faults.
mod seeds;

// A month of nightly runs.
mod nightly_runs;

// Many converters started at once.
mod races;

// State objects that are deleted, truncated, damaged or of a newer format.
mod state_objects;

// Power cuts, in memory and on the local disk.
mod power_cut;

// Files that are visible but not synced.
mod unsynced;

// Temporary files of killed runs.
mod leftovers;

// Stores that ignore put-if-absent.
mod other_stores;

// Stores that keep checksums.
mod checksums;

// The same object in another place, and the same name in two places.
mod identities;

// Large objects that fail after some of their rows were encoded.
mod large;

// A converter that stalls while others continue.
mod stalled_writers;

// Logs that cannot be read, temporarily or permanently.
mod unreadable;

// Numbers that commands report while an epoch is open.
mod numbers;

// Bugs that panic.
mod panics;

// Tables of earlier versions, whose records have no checksums.
mod upgrades;
