//! The report of a run: counts, bytes, durations, rejects and failed objects. Its JSON form is `--report`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use lakefront_ledger::{
    Doubles, Identity,
    records::{Waiting, is_zero},
};

// 1. Outcomes of single objects, as counts and names.
mod outcomes;

// 2. The sum over all tasks, and the limits of a run.
mod builder;

pub(crate) use self::builder::ReportBuilder;

/// Largest number of objects that were not converted and are named. All of them are counted, and failed ones are in the
/// quarantine.
pub const MAX_NAMED_OBJECTS: usize = 1000;
/// Average size of data files, in bytes, below which there is a hint: 8 MiB.
const SMALL_FILE_BYTES: u64 = 8 << 20;

/// The result of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// The outcome of the run.
    pub outcome: RunOutcome,
    /// The error that stopped the run, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The table.
    pub table: String,
    /// Its state.
    pub state: String,
    /// Name of its table schema; empty if there was nothing to convert.
    pub schema: String,
    /// Identity of a log in this table.
    pub identity: Identity,
    /// Objects by outcome.
    pub objects: ObjectReport,
    /// Compressed bytes of the objects that were converted.
    pub bytes_in: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Bytes of the data files.
    pub bytes_out: u64,
    /// Lines of text.
    pub lines: u64,
    /// Lines that were converted to rows.
    pub rows: u64,
    /// Lines that start with `#`.
    pub comments: u64,
    /// Lines that are empty or have only blanks.
    pub blanks: u64,
    /// Rejected lines, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Rows with fewer cells than names.
    pub padded_rows: u64,
    /// Rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Cells that are not UTF-8 and were decoded lossily.
    pub lossy_cells: u64,
    /// Cells that are not a number, by column.
    pub nulled_cells: BTreeMap<String, u64>,
    /// Fields of the logs that no column of the table schema uses: the first ones by name, at most 1,000 and 64 KiB.
    pub unclaimed_fields: BTreeSet<String>,
    /// Number of further such fields that are not named; a lower bound if there are more than 100,000 in all.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_unclaimed_fields: u64,
    /// Whether the table schema keeps these fields, all in one column.
    pub keeps_unclaimed_fields: bool,
    /// Names in headers that CloudFront is not known to have and no column uses, with the same limits.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_fields: BTreeSet<String>,
    /// Number of further such names, with the same bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_unknown_fields: u64,
    /// Data files written.
    pub files: u64,
    /// Partitions of these data files.
    pub partitions: u64,
    /// Tasks committed.
    pub tasks: u64,
    /// Results of tasks of this run's epochs that another run committed. Together with the numbers above they are all
    /// results of these epochs.
    pub adopted: AdoptedReport,
    /// Epochs closed, including one that an earlier run left open.
    pub epochs: Vec<u64>,
    /// The epoch that the run left open, if any: the next run finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_epoch: Option<u64>,
    /// Text about the flags of the range of hours, for messages: see
    /// [`Selection::range_flags`](crate::select::Selection::range_flags).
    #[serde(skip)]
    pub range: &'static str,
    /// Objects left for a later run, as their hour has not settled.
    pub waiting: Waiting,
    /// Objects that failed, the first [`MAX_NAMED_OBJECTS`].
    pub failed_objects: Vec<FailedObject>,
    /// Objects that vanished or changed after they were listed, could not be read or could not be listed, the first
    /// [`MAX_NAMED_OBJECTS`].
    pub lost_objects: Vec<FailedObject>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// Outcome of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// The run stopped before the end.
    #[default]
    Stopped,
    /// Another run is active on the table.
    Active,
    /// All objects were converted.
    Done,
    /// The run finished, but some objects failed, changed, vanished or could not be listed.
    DoneWithFailures,
}

/// Results of tasks that another run committed before it left their epoch open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AdoptedReport {
    /// Tasks.
    pub tasks: u64,
    /// Data files.
    pub files: u64,
    /// Rows in these data files.
    pub rows: u64,
    /// Bytes of these data files.
    pub bytes_out: u64,
    /// Rejected lines.
    pub rejects: u64,
}

/// Numbers of objects by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// Found below the sources.
    pub listed: u64,
    /// Found, but not selected.
    pub not_selected: u64,
    /// Those of them that `--from` or `--to` leaves out, as their names have no hour.
    pub without_hour: u64,
    /// Named pipes, sockets and devices, which are never logs and not among those found.
    pub special: u64,
    /// Found, but their hour has not settled.
    pub waiting: u64,
    /// Processed by an earlier run, and unchanged. Inputs of the epochs that this run executed do not count here.
    pub known: u64,
    /// Those of them that failed: `lakefront retry` tries them again.
    pub known_failed: u64,
    /// Inputs of the epochs that this run executed. An object that could not be read in one epoch and is an input of a later
    /// epoch of the same run counts only in the later one.
    pub planned: u64,
    /// Those of them that an earlier run had committed before it left its epoch open.
    pub adopted: u64,
    /// Those of the adopted ones whose rows are in the table. The others count as failed, gone and so on.
    pub adopted_converted: u64,
    /// Converted by this run: their rows are in the table. `planned` is the sum of this, `adopted_converted`, `failed`,
    /// `gone`, `replaced`, `changed` and `unreadable`, once all epochs are closed.
    pub converted: u64,
    /// Failed: bad by their bytes.
    pub failed: u64,
    /// Vanished after they were listed.
    pub gone: u64,
    /// Changed after they were listed: the next run converts their current version.
    pub replaced: u64,
    /// Changed after they were converted: their rows stay as they were.
    pub changed: u64,
    /// Could not be read, though others could: the next run tries them again.
    pub unreadable: u64,
    /// Could not be listed.
    pub unlisted: u64,
    /// Those that look like another log that is in the table or planned, too.
    pub doubles: Doubles,
}

impl ObjectReport {
    /// Returns the number of planned objects whose rows are not in the table, or not in their current version.
    pub(crate) fn not_converted(&self) -> u64 {
        self.failed + self.gone + self.replaced + self.changed + self.unreadable
    }
}

/// An object that was not converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedObject {
    /// Its location, printable.
    pub object: String,
    /// The reason, as one word.
    pub reason: String,
    /// The reason, as a sentence.
    pub message: String,
}

impl Report {
    /// Returns the number of rejected lines.
    pub fn rejected_rows(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Returns a count per wall-clock second.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }

    /// Returns the average size of the data files in bytes if they are small and many, which costs readers time.
    pub fn small_files(&self) -> Option<u64> {
        let average = self.bytes_out.checked_div(self.files)?;
        (self.files >= 10 && average < SMALL_FILE_BYTES).then_some(average)
    }
}
