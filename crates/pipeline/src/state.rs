//! What a table remembers: the plan log and what belongs to it, in a folder beside the table.
//!
//! ```text
//! table.json            what the table is                         names: every object's name, here only
//! log/E.json            THE decision: epoch E, its plan           records: what the objects say
//! plan/E-<nonce>        the frozen tasks                          frozen: a plan as bytes
//! lease/E.json          who works on it                           lease
//! gone/E/T.json         inputs that vanished since the plan       (stage 10 writes these,
//! commit/E/T.json       what task T gave                           and the quarantine)
//! seen/<day>/E          what became of the day's objects          seen
//! closed/E.json         epoch E is complete                       close
//! ```
//!
//! Reading order: `names`, `records`, `seal` (checksums), `lines` (long records), `reading`, `once` (how a name is created),
//! `history` (what a run finds), `settings`, `sources`, `claim`, `frozen`, `lease`, `seen`, `known` (what a listing is compared
//! with), `close`.
//!
//! **Invariant**: what decides is created once and never changed; everything else can be made again from it.
//! docs/commit-protocol.md says why that gives every row once.

pub(crate) mod names;

pub(crate) mod records;

pub(crate) mod seal;

pub(crate) mod lines;

pub(crate) mod reading;

pub(crate) mod once;

pub(crate) mod history;

pub(crate) mod settings;

pub(crate) mod sources;

pub(crate) mod claim;

pub(crate) mod frozen;

pub(crate) mod lease;

pub(crate) mod seen;

pub(crate) mod known;

pub(crate) mod close;

pub(crate) mod sweep;
