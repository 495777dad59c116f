//! The run in one value: counts, bytes, durations, what was rejected and what failed. Its JSON form is `--report`.

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

/// Of objects that were not converted this many are named; all of them are counted, and failed ones stand in the
/// quarantine.
pub const MAX_NAMED_OBJECTS: usize = 1000;
/// Data files smaller than this on average (8 MiB) deserve a hint.
const SMALL_FILE_BYTES: u64 = 8 << 20;

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it stopped, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The table.
    pub table: String,
    /// Its state.
    pub state: String,
    /// Its table schema; empty where nothing was to be converted.
    pub schema: String,
    /// What makes a log the same one in this table.
    pub identity: Identity,
    /// Objects by what became of them.
    pub objects: ObjectReport,
    /// Compressed bytes of the objects that were converted.
    pub bytes_in: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Bytes of the data files.
    pub bytes_out: u64,
    /// Lines of text.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines that start with `#`.
    pub comments: u64,
    /// Lines of nothing but blanks.
    pub blanks: u64,
    /// Lines that were refused, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Rows with fewer cells than names.
    pub padded_rows: u64,
    /// Rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Cells that are not UTF-8 and were decoded lossily.
    pub lossy_cells: u64,
    /// Cells that are no number, by column.
    pub nulled_cells: BTreeMap<String, u64>,
    /// Fields that the logs have and the table schema does not: the first ones by name, at most 1,000 and 64 KiB.
    pub unclaimed_fields: BTreeSet<String>,
    /// Number of further ones that are not named; a lower bound if there are more than 100,000 in all.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_unclaimed_fields: u64,
    /// Whether the table schema keeps those, all in one column.
    pub keeps_unclaimed_fields: bool,
    /// Names in headers that CloudFront is not known to have and no column uses, with the same limits.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_fields: BTreeSet<String>,
    /// Number of further ones, with the same bound.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_unknown_fields: u64,
    /// Data files written.
    pub files: u64,
    /// Partitions they are in.
    pub partitions: u64,
    /// Tasks committed.
    pub tasks: u64,
    /// What committed tasks of this run's epochs gave that another run committed: with the numbers above it is all that the
    /// epochs gave.
    pub adopted: AdoptedReport,
    /// Epochs closed, among them one that an earlier run left open.
    pub epochs: Vec<u64>,
    /// The epoch that the run left open, if it did: the next run finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_epoch: Option<u64>,
    /// What the flags of the range of hours do, for messages.
    #[serde(skip)]
    pub range: &'static str,
    /// What was left for a later run, as its hour has not settled.
    pub waiting: Waiting,
    /// Objects that were judged bad, the first [`MAX_NAMED_OBJECTS`].
    pub failed_objects: Vec<FailedObject>,
    /// Objects that vanished or changed after they were listed or could not be read, and what could not be listed, likewise.
    pub lost_objects: Vec<FailedObject>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// It stopped before the end.
    #[default]
    Stopped,
    /// Another run is at work on the table.
    Active,
    /// All objects were converted.
    Done,
    /// It came to the end, but some objects failed, changed, vanished or could not be listed.
    DoneWithFailures,
}

/// What tasks gave that another run committed before it left their epoch open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AdoptedReport {
    /// Tasks.
    pub tasks: u64,
    /// Data files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes_out: u64,
    /// Lines that were refused.
    pub rejects: u64,
}

/// Objects by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// Found below the sources.
    pub listed: u64,
    /// Found, but not taken by the selection.
    pub not_selected: u64,
    /// Those among them that `--from` or `--to` leaves out as their names have no hour.
    pub without_hour: u64,
    /// Named pipes, sockets and devices, which are never logs and not among those found.
    pub special: u64,
    /// Found, but their hour has not settled.
    pub waiting: u64,
    /// Taken by an earlier run, and unchanged. Inputs of the epochs that this run carried out do not count here.
    pub known: u64,
    /// Those among them that were judged bad: `lakefront retry` tries them again.
    pub known_failed: u64,
    /// In the epochs that this run carried out. An object that could not be read in one, and that a later epoch of the same run
    /// has again, counts in that one alone.
    pub planned: u64,
    /// Those among them that an earlier run had committed before it left its epoch open.
    pub adopted: u64,
    /// Those among the adopted ones whose rows are in the table. The others count as failed, gone and so on.
    pub adopted_converted: u64,
    /// Converted by this run: their rows are in the table. `planned` is the sum of this, `adopted_converted`, `failed`,
    /// `gone`, `replaced`, `changed` and `unreadable`, once all epochs are closed.
    pub converted: u64,
    /// Judged bad.
    pub failed: u64,
    /// Vanished after they were listed.
    pub gone: u64,
    /// Changed after they were listed: the next run takes them as they are then.
    pub replaced: u64,
    /// Changed after they were converted: their rows stay as they were.
    pub changed: u64,
    /// Could not be read, though others could: the next run tries them again.
    pub unreadable: u64,
    /// Could not be listed.
    pub unlisted: u64,
    /// Those that look like another log which is in the table or planned as well.
    pub doubles: Doubles,
}

impl ObjectReport {
    /// Those of the planned objects whose rows are not in the table, or not those of the version at hand.
    pub(crate) fn not_converted(&self) -> u64 {
        self.failed + self.gone + self.replaced + self.changed + self.unreadable
    }
}

/// An object that was not converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedObject {
    /// Where it is, printable.
    pub object: String,
    /// The reason in a word.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
}

impl Report {
    /// Lines that were refused.
    pub fn rejected_rows(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Per wall-clock second, of any count.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }

    /// What could be done better next time, in a sentence.
    pub fn hint(&self) -> Option<String> {
        let average = self.bytes_out.checked_div(self.files)?;
        let many_files_a_partition = self.files > 2 * self.partitions;
        if self.files < 10 || average >= SMALL_FILE_BYTES {
            return None;
        }
        let kib = average / 1024;
        Some(if many_files_a_partition {
            format!(
                "data files come out small ({kib} KiB on average, several a partition); a larger `--task-bytes`, or fewer and larger runs, make fewer of them"
            )
        } else {
            format!(
                "data files come out small ({kib} KiB on average); `--partition-by day` makes fewer and larger ones"
            )
        })
    }
}
