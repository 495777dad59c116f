//! Every row once, whatever happens: runs that are killed, raced, put to sleep and lied to, and one checker for all.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets what it did not expect fails, and says where"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests write logs with plain file functions and read how many seeds to try"
)]

// Numbers from a seed.
mod random;

// Log objects as files, and the model that knows their rows.
mod logs;

// Waits in front of a store's operations: whose turn it is, and who sleeps.
mod hooks;

// What a converter is asked, and how it ended.
mod run_driver;

// Logs, a table and its state in memory, and runs on them.
mod simulation;

// A table on the local disk.
mod disk;

// Checksums of records.
#[path = "../seals.rs"]
mod seals;

// I1 to I15.
mod invariants;

// The checker notices what it is there to notice.
mod checker_is_tested;

// A crash, an error or a lost reply at every operation.
mod crash_points;

// Random schedules of several converters with several faults.
mod seeds;

// A month of nightly runs.
mod nightly_runs;

// Many converters at once.
mod races;

// State objects that are deleted, cut short, damaged or newer.
mod state_objects;

// Power cuts, in memory and on the local disk.
mod power_cut;

// What can be seen and is not on the disk.
mod unsynced;

// Temporary files that killed runs left.
mod leftovers;

// Stores that ignore put-if-absent.
mod other_stores;

// The same object in another place, and the same name in two.
mod identities;

// Large objects whose verdict comes when rows of them are encoded already.
mod large;

// A converter that sleeps while others go on.
mod stalled_writers;

// Logs that cannot be read, for a while or for good.
mod unreadable;

// What is said of a table while an epoch is open.
mod numbers;

// Bugs that panic.
mod panics;

// Tables of earlier versions, whose records have no checksums.
mod upgrades;
