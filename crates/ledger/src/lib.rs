//! The commit protocol of docs/commit-protocol.md, and the state of a table: a folder next to the table.
//!
//! ```text
//! table.json            properties of the table                   paths: the names of all objects
//! log/E.json            THE decision: epoch E, its plan           records: the contents of objects
//! plan/E-<nonce>        the fixed tasks                           plan_file: a plan as bytes
//! lease/E.json          the run that works on it                  lease
//! gone/E/T.json         inputs that vanished since the plan       commit
//! commit/E/T.json       results of task T                         commit
//! seen/<day>/E          results of the day's objects              processed
//! closed/E.json         epoch E is complete                       finalize
//! ```
//!
//! **Invariant**: objects that hold decisions are created once and never changed; everything else can be regenerated
//! from them. docs/commit-protocol.md explains why each row is therefore in the table exactly once.
//!
//! This crate does not read or write logs or data files, and does not know flags.

// 1. Locations of a table and its state, and the identity of logs.
pub mod destination;

pub mod table_location;

pub mod identity;

pub mod tables_around;

// 2. Objects to tasks: stage 2.
pub mod plan;

pub mod doubles;

// 3. Objects of a state: names, records, checksums, reading and creating.
pub mod paths;

pub mod records;

pub mod hash;

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

// 5. Processed objects, and the comparison of a listing with them.
pub mod processed;

pub mod lookup;

// 6. Shared code.
pub mod concurrent;

pub mod escape;

mod error;

pub use destination::Destination;
pub use doubles::Doubles;
pub use error::{ActiveUntil, Error, FOREIGN, RecordKind};
pub use identity::Identity;
