//! Options of the operations, each with its default. Units are in the names.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use lakefront_engine::{Advise, resources::Resources};
use lakefront_ledger::{
    Destination, Identity,
    lease::LeaseOptions,
    plan::{MAX_EPOCH_INPUTS, PlanOptions},
};
use lakefront_schema::{FieldLists, TableSchema};
use lakefront_storage::{Connections, Source};
use lakefront_table::{PartitionBy, encode::Compression};

use crate::select::Selection;

/// The table schema of a new table, unless one is given.
pub const DEFAULT_SCHEMA: &str = "cf_logs";
/// The default of [`ConvertOptions::settle`]: 2 hours. CloudFront delivers most of an hour's logs within one.
pub const DEFAULT_SETTLE: Duration = Duration::from_hours(2);
/// The default of [`RunOptions::task_bytes`]: 64 MiB.
pub const DEFAULT_TASK_BYTES: u64 = 64 << 20;
/// The default of [`RunOptions::max_unreadable`]: 100 objects.
pub const DEFAULT_MAX_UNREADABLE: u64 = 100;
/// The default of [`Limits::candidates`]: if more objects are new, the oldest are converted before sources are listed again.
pub const MAX_CANDIDATES: usize = 1_000_000;
/// The default of [`Limits::requests`]: data files get their names in that many requests at once.
pub const MAX_TASK_REQUESTS: usize = 8;

/// What every run depends on that works on a table: `convert`, `retry` and `resolve`.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The table and its state.
    pub destination: Destination,
    /// How log objects are reached, if they are in buckets.
    pub connections: Connections,
    /// The clock, read once.
    pub now: Timestamp,
    /// Whether a person gave the time: then it may be earlier than that of the last run.
    pub is_now_given: bool,
    /// Largest number of compressed bytes of a task, except for a single larger object; default [`DEFAULT_TASK_BYTES`].
    pub task_bytes: u64,
    /// Number of rejected rows that is too many; `None`: no limit.
    pub max_rejects: Option<MaxRejects>,
    /// Number of unreadable objects that stops the run; `None`: [`DEFAULT_MAX_UNREADABLE`], or the first 20 that are tried if
    /// none of them can be read. What earlier runs recorded does not count.
    pub max_unreadable: Option<u64>,
    /// Threads and memory to stay within.
    pub resources: Resources,
    /// How an epoch is taken and kept.
    pub lease: LeaseOptions,
    /// Whether nothing else writes to the table: then its store need not create names atomically.
    pub single_writer: bool,
    /// A text that no other run has, to tell decisions apart.
    pub run_id: String,
    /// The program's version, for data file footers and the report.
    pub program_version: String,
    /// How much is taken at once.
    pub limits: Limits,
    /// Gives the hints in the messages about objects, and in the report.
    pub advise: Advise,
}

/// Options of [`convert`](crate::convert()).
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// Options of any run.
    pub run: RunOptions,
    /// Where log objects are looked for.
    pub sources: Vec<Source>,
    /// Which of them are wanted; default: all.
    pub selection: Selection,
    /// Objects whose hour ended less than this ago wait for a later run; default [`DEFAULT_SETTLE`]. With zero none waits.
    pub settle: Duration,
    /// Whether finding no object is fine.
    pub allow_empty: bool,
    /// Whether sources may be read by another identity than the one that the table knows them by.
    pub new_identity: bool,
    /// Settings of the table.
    pub table: TableOptions,
    /// How logs are read.
    pub reading: ReadingOptions,
}

/// Options of [`retry`](crate::retry()).
#[derive(Clone, Debug)]
pub struct RetryOptions {
    /// Options of any run.
    pub run: RunOptions,
    /// How logs are read.
    pub reading: ReadingOptions,
}

/// Settings of a table. `None` keeps what the table has; a new table gets the default.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Its columns; default [`DEFAULT_SCHEMA`].
    pub schema: Option<Arc<TableSchema>>,
    /// Whether the schema may append columns to a table that is there.
    pub extend_schema: bool,
    /// How finely it is partitioned.
    pub partition_by: Option<PartitionBy>,
    /// What makes a log the same one when it is listed again.
    pub identity: Option<Identity>,
    /// How pages are compressed.
    pub compression: Option<Compression>,
    /// Largest size of a data file, in bytes.
    pub max_file_bytes: Option<u64>,
}

/// How logs are read. `None` keeps what the table has; a new table gets the default.
#[derive(Clone, Debug, Default)]
pub struct ReadingOptions {
    /// The names of the fields in objects without a header.
    pub fields: Option<FieldLists>,
    /// Names of fields that are right although CloudFront is not known to have them.
    pub allowed_fields: BTreeSet<String>,
    /// Largest number of bytes of text that an object may hold.
    pub max_text_bytes: Option<u64>,
    /// Largest number of bytes of text for each byte of an object.
    pub max_ratio: Option<u64>,
}

/// How much is taken at once. The defaults are for use, smaller ones for tests: what is converted is the same.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Inputs of an epoch; default [`MAX_EPOCH_INPUTS`].
    pub epoch_inputs: usize,
    /// New objects that are kept of a listing; default [`MAX_CANDIDATES`].
    pub candidates: usize,
    /// Requests to a store that one task waits for at the same time; default [`MAX_TASK_REQUESTS`].
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { epoch_inputs: MAX_EPOCH_INPUTS, candidates: MAX_CANDIDATES, requests: MAX_TASK_REQUESTS }
    }
}

impl RunOptions {
    /// Returns the options of a plan for a table that is partitioned like this.
    pub(crate) fn plan(&self, partition_by: PartitionBy) -> PlanOptions {
        PlanOptions {
            by_hour: partition_by == PartitionBy::Hour,
            task_bytes: self.task_bytes,
            epoch_inputs: self.limits.epoch_inputs,
        }
    }
}

/// Number of rejected rows that is too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// More than this many.
    Rows(u64),
    /// More than this percentage of all rows and rejects of the run, which is known at its end.
    Percent(f64),
}

impl MaxRejects {
    /// Returns whether these are too many.
    pub(crate) fn is_exceeded(self, rows: u64, rejects: u64, is_end: bool) -> bool {
        match self {
            Self::Rows(limit) => rejects > limit,
            Self::Percent(percent) => {
                let lines = rows + rejects;
                #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
                let exceeds = rejects as f64 * 100.0 > percent * lines as f64;
                is_end && exceeds
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MaxRejects::{Percent, Rows};

    #[test]
    fn a_limit_is_passed_by_one_more() {
        assert!(!Rows(2).is_exceeded(0, 2, false));
        assert!(Rows(2).is_exceeded(1_000_000, 3, false));
    }

    #[test]
    fn a_percentage_is_judged_at_the_end() {
        assert!(!Percent(1.0).is_exceeded(1, 1, false));
        assert!(Percent(1.0).is_exceeded(1, 1, true));
        assert!(!Percent(1.0).is_exceeded(99, 1, true));
        assert!(!Percent(1.0).is_exceeded(98_000, 2_000, false));
        assert!(Percent(1.0).is_exceeded(98_000, 2_000, true));
        assert!(!Percent(0.0).is_exceeded(5, 0, true));
    }
}
