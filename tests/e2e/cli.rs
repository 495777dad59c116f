//! How a person drives the program: flags, help, messages, exit statuses.

// Help, usage errors, how much is said.
mod messages;

// `lakefront schema`, and schema files of one's own.
mod schemas;

// `lakefront ddl`.
mod ddl;

// Lists of field names: checked, told apart, remembered.
mod field_lists;

// How a run is stopped: by rejects, by signals, by a reader that went away.
mod stopping;

// A table that is converted into again: what is new, late, changed or replaced.
mod incremental;

// What a table was made with, and what a later run may change of it.
mod settings;

// Where a state is, and by which names it knows logs.
mod places;

// A source that is read by another id than before.
mod source_ids;

// Logs that moved, lie there twice, or are there packed and unpacked.
mod moved_logs;

// Who may work on a table: locks, leases, `--take-over`, epochs that were left open.
mod at_work;

// Tables that earlier versions left.
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

// A state that is not what it was left as: refused, and nothing written.
mod damage;

// Tables, states and sources that were mixed up.
mod mixed_up;

// Control and invisible characters in messages, reports and DDL.
mod control_bytes;

// Files that a person names: endless ones, named pipes.
mod named_files;

// Disks that are full or read-only, and few open files.
mod environment;
mod threads;
