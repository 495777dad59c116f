//! End-to-end tests: they run the program as a person does, and read back what it wrote.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that meets what it did not expect fails, and says where; and what could not be tested"
)]
#![expect(clippy::disallowed_methods, reason = "tests write logs and read tables with plain file functions")]

// Folders to work in, the program, logs as text, tables as rows, goldens.
mod harness;

// Checksums of the state's records.
#[path = "../seals.rs"]
mod seals;

// Every rule of the table: columns, cells, user agents, rows, objects.
mod rules;

// Whole conversions, compared with text files that are kept.
mod goldens;

// Which objects are read, and where a table may come to be.
mod selection;

// Flags, messages, exit statuses, the commands `schema` and `ddl`, signals.
mod cli;

// Hostile stores: redirects, secrets, settings, few open files.
mod stores;

// Same inputs, same bytes, whatever the threads and the memory.
mod determinism;

// Real processes that are killed, stopped, started twenty at once, read beside, and run out of disk.
mod crash;

// The memory that was allowed is enough, whatever the input's size.
mod memory;
