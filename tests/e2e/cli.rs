//! How a person drives the program: flags, help, messages, exit statuses.

// Help, usage errors, how much is said.
mod messages;

// `lakefront schema`, and schema files of one's own.
mod schemas;

// `lakefront ddl`.
mod ddl;

// How a run is stopped: by rejects, by signals, by a reader that went away.
mod stopping;
