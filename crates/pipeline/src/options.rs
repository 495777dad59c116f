//! What a conversion is asked to do. Units stand in the names.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use jiff::Timestamp;
use lakefront_schema::{FieldLists, TableSchema};
use lakefront_storage::{Connections, Source};
use lakefront_table::{PartitionBy, encode::Compression};

use crate::{Advise, Destination, Error, Identity, plan::MAX_EPOCH_INPUTS, select::Selection};

/// The default of [`ConvertOptions::task_bytes`]: 64 MiB.
pub const DEFAULT_TASK_BYTES: u64 = 64 << 20;
/// The default of [`ConvertOptions::settle`]: 2 hours. CloudFront delivers most of an hour's logs within one.
pub const DEFAULT_SETTLE: Duration = Duration::from_hours(2);
/// What the program needs whatever it does: rules for user agents, their automata, listing and plan. 128 MiB.
pub const BASE_MEMORY_BYTES: u64 = 128 << 20;
/// What a task needs while it is worked on: text, columns and open row groups. 128 MiB.
pub const TASK_MEMORY_BYTES: u64 = 128 << 20;

/// The default of [`ConvertOptions::max_unreadable`]: 100 objects.
pub const DEFAULT_MAX_UNREADABLE: u64 = 100;
/// The default of [`ConvertOptions::lease`]: 10 minutes.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(10);
/// The default of [`Limits::candidates`]: of more new objects the oldest are converted before sources are listed again.
pub const MAX_CANDIDATES: usize = 1_000_000;
/// Requests to a store that one task waits for at the same time: data files get their names so.
pub const MAX_TASK_REQUESTS: usize = 8;

/// What a conversion is asked to do. Where a setting of the table is none, it stays what it is; a new table gets the
/// default.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag that a person gives or not")]
pub struct ConvertOptions {
    /// Where log objects are looked for.
    pub sources: Vec<Source>,
    /// How they are reached, where they are in buckets.
    pub connections: Connections,
    /// Which of them are wanted.
    pub selection: Selection,
    /// The table and its state.
    pub destination: Destination,
    /// Its columns.
    pub schema: Option<Arc<TableSchema>>,
    /// Whether the schema may append columns to a table that is there.
    pub extend_schema: bool,
    /// How finely it is partitioned.
    pub partition_by: Option<PartitionBy>,
    /// What makes a log the same one when it is listed again.
    pub identity: Option<Identity>,
    /// Whether sources may be read by another identity than the one that the table knows them by.
    pub new_identity: bool,
    /// The names of the fields in objects without a header.
    pub fields: Option<FieldLists>,
    /// Names of fields that are right although CloudFront is not known to have them.
    pub allowed_fields: BTreeSet<String>,
    /// Bytes of text that an object may hold.
    pub max_text_bytes: Option<u64>,
    /// Bytes of text that an object may hold for each of its own.
    pub max_ratio: Option<u64>,
    /// A task has at most so many compressed bytes, but for a single larger object; default [`DEFAULT_TASK_BYTES`].
    pub task_bytes: u64,
    /// Objects whose hour ended less than this ago wait for a later run; default [`DEFAULT_SETTLE`]. With zero none waits,
    /// whatever its hour.
    pub settle: Duration,
    /// The clock, read once.
    pub now: Timestamp,
    /// Whether a person gave the time: then it may be earlier than that of the last run.
    pub is_now_given: bool,
    /// How pages are compressed.
    pub compression: Option<Compression>,
    /// A data file has at most so many bytes.
    pub max_file_bytes: Option<u64>,
    /// How many rejected rows are too many; none: never.
    pub max_rejects: Option<MaxRejects>,
    /// How many unreadable objects stop the run; none: [`DEFAULT_MAX_UNREADABLE`], or the first 20 that are tried if none of
    /// them can be read. What earlier runs recorded does not count.
    pub max_unreadable: Option<u64>,
    /// Whether finding no object is fine.
    pub allow_empty: bool,
    /// Threads that compute.
    pub threads: usize,
    /// Memory to stay within, in bytes; at least [`BASE_MEMORY_BYTES`] and one [`TASK_MEMORY_BYTES`].
    pub memory_bytes: u64,
    /// The program's version, for data file footers and the report.
    pub program_version: String,
    /// An open epoch whose lease is older than this may be taken over; default [`DEFAULT_LEASE`].
    pub lease: Duration,
    /// Take an open epoch over, whoever works on it.
    pub take_over: bool,
    /// Nobody else writes: the store need not create names atomically.
    pub single_writer: bool,
    /// A text that no other run has: decisions are told apart by it.
    pub run_id: String,
    /// Who runs.
    pub holder: Holder,
    /// How much is taken at once.
    pub limits: Limits,
    /// Gives the hints in the messages about objects, and in the report.
    pub advise: Advise,
}

/// Who works on an epoch, for messages and leases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
}

/// How much is taken at once. The defaults are for use, smaller ones for tests: what is converted is the same.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Inputs of an epoch; default [`MAX_EPOCH_INPUTS`].
    pub epoch_inputs: usize,
    /// New objects that are kept of a listing; default [`MAX_CANDIDATES`].
    pub candidates: usize,
    /// Requests to a store that are waited for at the same time, by one task; default [`MAX_TASK_REQUESTS`].
    pub requests: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { epoch_inputs: MAX_EPOCH_INPUTS, candidates: MAX_CANDIDATES, requests: MAX_TASK_REQUESTS }
    }
}

impl ConvertOptions {
    /// Memory for so many threads: [`BASE_MEMORY_BYTES`], [`TASK_MEMORY_BYTES`] a thread, and one task more.
    pub fn default_memory_bytes(threads: usize) -> u64 {
        BASE_MEMORY_BYTES + TASK_MEMORY_BYTES * (threads as u64 + 1)
    }

    /// How many tasks may be worked on at once: one more than threads, as one of them waits for the disk at times.
    ///
    /// # Errors
    /// [`Error::Memory`]: not even one.
    pub(crate) fn tasks_at_once(&self) -> Result<usize, Error> {
        let for_tasks = self.memory_bytes.saturating_sub(BASE_MEMORY_BYTES) / TASK_MEMORY_BYTES;
        match usize::try_from(for_tasks).unwrap_or(usize::MAX).min(self.threads + 1) {
            0 => Err(Error::Memory {
                memory_bytes: self.memory_bytes,
                least_bytes: BASE_MEMORY_BYTES + TASK_MEMORY_BYTES,
            }),
            tasks => Ok(tasks),
        }
    }
}

/// How many rejected rows are too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxRejects {
    /// More than so many.
    Rows(u64),
    /// More than so many per cent of all rows and rejects of the run, which only its end can tell.
    Percent(f64),
}

impl MaxRejects {
    /// Are these too many?
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
