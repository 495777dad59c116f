//! What a table remembers: the commit protocol of docs/commit-protocol.md, in a folder beside the table (its state).
//!
//! ```text
//! table.json            what the table is                         paths: every object's name, here only
//! log/E.json            THE decision: epoch E, its plan           records: what the objects contain
//! plan/E-<nonce>        the frozen tasks                          plan_file: a plan as bytes
//! lease/E.json          the run that works on it                  lease
//! gone/E/T.json         inputs that vanished since the plan       commit
//! commit/E/T.json       results of task T                         commit
//! seen/<day>/E          results of the day's objects              processed
//! closed/E.json         epoch E is complete                       finalize
//! ```
//!
//! **Invariant**: what decides is created once and never changed; everything else can be regenerated from it.
//! docs/commit-protocol.md says why that gives every row once.
//!
//! Nothing here reads or writes a log or a data file, and nothing here knows a flag.

// 1. Where a table and its state are, and what makes a log the same one.
pub mod destination;

pub mod table_location;

pub mod identity;

pub mod tables_around;

// 2. Objects to tasks: stage 2.
pub mod plan;

pub mod doubles;

// 3. Objects of a state: names, records, checksums, how they are read and created.
pub mod paths;

pub mod records;

pub mod seal;

pub mod jsonl;

pub mod read_record;

pub mod create_once;

// 4. An epoch from its decision to its end: plan, claim, lease, commit (stage 10), finalize.
pub mod snapshot;

pub mod known_sources;

pub mod plan_file;

pub mod claim;

pub mod lease;

pub mod commit;

pub mod open_epoch;

pub mod finalize;

pub mod cleanup;

// 5. What was processed, and how a listing is compared with it.
pub mod processed;

pub mod lookup;

// 6. What the others share.
pub mod concurrent;

pub mod escape;

mod error;

pub use destination::Destination;
pub use doubles::Doubles;
pub use error::{ActiveUntil, Error, FOREIGN, RecordKind};
pub use identity::Identity;
