//! End-to-end tests: they run the program as a user does, and read back what it wrote.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "an unexpected value fails the test and shows where; skipped tests are printed"
)]
#![expect(clippy::disallowed_methods, reason = "tests write logs and read tables as plain files")]

// The test folder, the program's output, logs as text, tables as rows, goldens.
mod harness;

// Checksums of the state's records.
#[path = "../seals.rs"]
mod seals;

// Rules of the table: columns, cells, user agents, rows, objects.
mod rules;

// Whole conversions, compared with golden files.
mod goldens;

// Selection of objects, and locations of a table.
mod selection;

// Flags, messages, exit statuses, the commands `schema` and `ddl`, signals.
mod cli;

// Hostile stores: redirects, secrets, settings, few open files.
mod stores;

// Same inputs, same bytes, regardless of threads and memory.
mod determinism;

// Real processes that are killed, suspended, started many at once, or run out of disk, with readers at the same time.
mod crash;

// Memory stays within the limit for any input size.
mod memory;
