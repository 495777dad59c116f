//! The command line: flags, help, messages, exit statuses.

// Help, usage errors, verbosity.
mod messages;

// `lakefront schema`, and schema files of users.
mod schemas;

// `lakefront ddl`.
mod ddl;

// Lists of field names: checked, distinguished, remembered.
mod field_lists;

// Reasons why a run stops: rejects, signals, a closed pipe.
mod stopping;

// Further runs on a table: new, late, changed and replaced logs.
mod incremental;
mod inspect;

// Settings of a table, and what a later run may change.
mod settings;

// Locations of a state, and identities of logs.
mod locations;

// Sources that are read under a different id than before.
mod source_ids;

// Logs that moved, exist twice, or exist both packed and unpacked.
mod moved_logs;

// Concurrent runs: locks, leases, `--take-over`, open epochs.
mod concurrent_runs;

// Tables of earlier versions.
mod earlier_versions;

// `lakefront status`.
mod status;

// `lakefront verify`.
mod verify;

// `lakefront retry`.
mod retry;

// `lakefront resolve`.
mod resolve;

// `lakefront rebuild-state`.
mod rebuild_state;

// Damaged states: refused, and nothing written.
mod damage;

// Exchanged tables, states and sources.
mod exchanged_tables;

// Control and invisible characters in messages, reports and DDL.
mod control_bytes;

// Files named by flags and settings: endless ones, named pipes.
mod named_files;

// Full or read-only disks, and few open files.
mod environment;
mod threads;
