//! Options of the operations, each with its default. Units are in the names.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use lakefront_cloudfront::{Delimiter, LogFormat};
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

/// Default table schema of a new table.
pub const DEFAULT_SCHEMA: &str = "cf_logs";
/// Default of [`ConvertOptions::settle`]: 2 hours. CloudFront delivers most logs of an hour within one hour.
pub const DEFAULT_SETTLE: Duration = Duration::from_hours(2);
/// Default of [`RunOptions::task_bytes`]: 64 MiB.
pub const DEFAULT_TASK_BYTES: u64 = 64 << 20;
/// Default of [`RunOptions::max_unreadable`]: 100 objects.
pub const DEFAULT_MAX_UNREADABLE: u64 = 100;
/// Default of [`Limits::candidates`]. If more objects are new, the oldest are converted before sources are listed again.
pub const MAX_CANDIDATES: usize = 1_000_000;
/// Default of [`Limits::requests`]: the number of data files of a task that get their names at once, of days that are finalized
/// at once, and of partitions that are listed at once.
pub const MAX_TASK_REQUESTS: usize = 8;

/// Options of every run that writes to a table: `convert`, `retry` and `resolve`.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// The table and its state.
    pub destination: Destination,
    /// Connections to log objects in buckets.
    pub connections: Connections,
    /// The time, read once.
    pub now: Timestamp,
    /// Whether the operator gave the time: then it may be earlier than that of the last run.
    pub is_now_given: bool,
    /// Largest number of compressed bytes of a task, except for a single larger object; default [`DEFAULT_TASK_BYTES`].
    pub task_bytes: u64,
    /// Limit of rejected rows; `None`: no limit.
    pub max_rejects: Option<MaxRejects>,
    /// Number of unreadable objects that stops the run; `None`: [`DEFAULT_MAX_UNREADABLE`], or the first 20 that are tried if
    /// none of them can be read. Unreadable objects of earlier runs do not count.
    pub max_unreadable: Option<u64>,
    /// Number of threads and memory limit; default for this many threads:
    /// [`default_memory_bytes`](lakefront_engine::resources::default_memory_bytes).
    pub resources: Resources,
    /// Options of the lease on an epoch.
    pub lease: LeaseOptions,
    /// Whether no other process writes to the table: then its store does not need to create names atomically.
    pub single_writer: bool,
    /// A text that no other run has, to distinguish decisions.
    pub run_id: String,
    /// The program's version, for data file footers and the report.
    pub program_version: String,
    /// Numbers of objects and requests that are processed at once.
    pub limits: Limits,
    /// Returns the hints for messages about objects and for the report.
    pub advise: Advise,
}

/// Options of [`convert`](crate::convert()).
#[derive(Clone, Debug)]
pub struct ConvertOptions {
    /// Options of any run.
    pub run: RunOptions,
    /// Sources of log objects.
    pub sources: Vec<Source>,
    /// Selection of log objects; default: all.
    pub selection: Selection,
    /// Time after the end of an hour before its objects are converted; default [`DEFAULT_SETTLE`]. With zero, no object
    /// waits.
    pub settle: Duration,
    /// Whether the run succeeds if there is no object.
    pub allow_empty: bool,
    /// Whether sources may be read with another identity than the table knows.
    pub new_identity: bool,
    /// Settings of the table.
    pub table: TableOptions,
    /// Options for reading logs.
    pub reading: ReadingOptions,
}

/// Options of [`retry`](crate::retry()).
#[derive(Clone, Debug)]
pub struct RetryOptions {
    /// Options of any run.
    pub run: RunOptions,
    /// Options for reading logs.
    pub reading: ReadingOptions,
}

/// Settings of a table. `None` keeps the table's setting; a new table gets the default.
#[derive(Clone, Debug, Default)]
pub struct TableOptions {
    /// Its columns; default [`DEFAULT_SCHEMA`].
    pub schema: Option<Arc<TableSchema>>,
    /// Whether the schema may append columns to an existing table.
    pub extend_schema: bool,
    /// Period of one partition; default an hour.
    pub partition_by: Option<PartitionBy>,
    /// Identity of a log that is listed again; default [`Identity::Key`].
    pub identity: Option<Identity>,
    /// Compression of pages; default [`Compression::default`].
    pub compression: Option<Compression>,
    /// Largest size of a data file, in bytes; default
    /// [`DEFAULT_MAX_FILE_BYTES`](lakefront_table::encode::DEFAULT_MAX_FILE_BYTES).
    pub max_file_bytes: Option<u64>,
}

/// Change of a setting that a table has or has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It has no value any more: what it says is found out.
    Remove,
    /// It gets this value.
    Set(T),
}

impl<T> Change<T> {
    /// Returns the setting after the change.
    pub(crate) fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Remove => None,
            Self::Set(value) => Some(value),
        }
    }
}

/// Options for reading logs. `None` keeps the table's setting; a new table gets the default.
#[derive(Clone, Debug, Default)]
pub struct ReadingOptions {
    /// Names of the fields in objects without a header.
    pub fields: Option<FieldLists>,
    /// Format of all logs.
    pub format: Change<LogFormat>,
    /// Delimiter of all lines without a TAB.
    pub delimiter: Change<Delimiter>,
    /// Names of fields that are accepted although CloudFront is not known to have them.
    pub allowed_fields: BTreeSet<String>,
    /// Largest number of bytes of text of an object; default that of [`TextLimits`](lakefront_cloudfront::TextLimits).
    pub max_text_bytes: Option<u64>,
    /// Largest number of bytes of text for each byte of an object; default that of [`TextLimits`](lakefront_cloudfront::TextLimits).
    pub max_ratio: Option<u64>,
}

/// Numbers of objects and requests that are processed at once. Smaller numbers than the defaults are for tests: the result
/// is the same.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Inputs of an epoch; default [`MAX_EPOCH_INPUTS`].
    pub epoch_inputs: usize,
    /// New objects that are kept in memory during a listing, or of those that failed before, if the memory suffices; default
    /// [`MAX_CANDIDATES`].
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
    /// Returns the options of a plan for a table with these partitions.
    pub(crate) fn plan(&self, partition_by: PartitionBy) -> PlanOptions {
        PlanOptions {
            by_hour: partition_by == PartitionBy::Hour,
            task_bytes: self.task_bytes,
            epoch_inputs: self.limits.epoch_inputs,
        }
    }
}

/// Limit of rejected rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// Largest number of rejected rows.
    Rows(u64),
    /// Largest percentage of all rows and rejects of the run, checked at its end.
    Percent(f64),
}

impl MaxRejects {
    /// Returns whether there are more rejects than the limit allows.
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
    fn one_reject_more_than_the_limit_exceeds_it() {
        assert!(!Rows(2).is_exceeded(0, 2, false));
        assert!(Rows(2).is_exceeded(1_000_000, 3, false));
    }

    #[test]
    fn a_percentage_is_checked_at_the_end() {
        assert!(!Percent(1.0).is_exceeded(1, 1, false));
        assert!(Percent(1.0).is_exceeded(1, 1, true));
        assert!(!Percent(1.0).is_exceeded(99, 1, true));
        assert!(!Percent(1.0).is_exceeded(98_000, 2_000, false));
        assert!(Percent(1.0).is_exceeded(98_000, 2_000, true));
        assert!(!Percent(0.0).is_exceeded(5, 0, true));
    }
}
