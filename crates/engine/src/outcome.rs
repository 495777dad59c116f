//! Results of a task: the outcome of each of its objects, and sums over them.

use std::{collections::BTreeMap, sync::Arc};

use lakefront_cloudfront::{FieldNames, ObjectSummary};
use lakefront_ledger::{
    plan::Task,
    records::{CommitRecord, InputOutcome, OutcomeWord},
};
use lakefront_storage::Object;

use crate::{Advise, message};

/// Outcome of an object.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Its rows are in the table.
    Converted(ObjectSummary),
    /// Its bytes are bad, and none of its rows are in the table.
    Failed {
        /// The reason, as one word.
        reason: &'static str,
        /// The reason, as a sentence with a hint.
        message: String,
    },
    /// It could not be read as it was planned.
    Lost(Lost),
    /// It was converted before in another version, and is not read.
    Changed {
        /// The outcome, as a sentence.
        message: String,
    },
}

impl Outcome {
    /// Returns the outcome of an object with bad bytes; `None` if the error is not about the object's bytes.
    pub(crate) fn failed(verdict: &lakefront_cloudfront::Error, advise: Advise) -> Option<Self> {
        Some(Self::Failed { reason: verdict.reason()?, message: message(verdict, advise) })
    }

    /// Returns the reason why an object was not read as it was planned; `None` if it was.
    pub(crate) fn lost(&self) -> Option<&Lost> {
        if let Self::Lost(how) = self { Some(how) } else { None }
    }

    /// Returns the number of rows of a converted object.
    pub(crate) fn rows(&self) -> Option<u64> {
        if let Self::Converted(summary) = self { Some(summary.rows) } else { None }
    }

    /// Returns the outcome as it is stored in a commit.
    pub(crate) fn record(&self) -> InputOutcome {
        match self {
            Self::Converted(summary) => InputOutcome::Converted {
                lines: summary.lines,
                rows: summary.rows,
                rejects: summary.rejected,
                comments: summary.comments,
                blanks: summary.blanks,
            },
            Self::Failed { reason, .. } => InputOutcome::Failed { reason: (*reason).to_owned() },
            Self::Lost(Lost::Gone) => InputOutcome::Gone {},
            Self::Lost(Lost::Replaced) => InputOutcome::Replaced {},
            Self::Lost(Lost::Unreadable(_)) => InputOutcome::Unreadable {},
            Self::Changed { .. } => InputOutcome::Changed {},
        }
    }
}

/// Reason why a planned object is not in the table although its bytes are not bad: they were not read, or are not the
/// planned ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// It vanished.
    Gone,
    /// It has another version.
    Replaced,
    /// The store refuses to return this object. Has the store's message, with a hint in brackets; `None` if an earlier
    /// run got that message.
    Unreadable(Option<Arc<str>>),
}

impl Lost {
    /// Returns the reason for a failed read if it concerns the object; `None` if it concerns the run, which must stop.
    pub fn from_error(error: &lakefront_storage::Error, advise: Advise) -> Option<Self> {
        if error.is_gone() {
            Some(Self::Gone)
        } else if error.is_changed() {
            Some(Self::Replaced)
        } else if let lakefront_storage::Error::Unreadable { cause, .. } = error {
            // In one line, because there may be many such objects.
            Some(Self::Unreadable(Some(match advise(error) {
                Some(hint) => format!("{cause} ({hint})").into(),
                None => cause.to_string().into(),
            })))
        } else {
            None
        }
    }

    /// Returns the word for the reason in the report.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Returns the word for the reason in the state.
    pub(crate) fn word(&self) -> OutcomeWord {
        match self {
            Self::Gone => OutcomeWord::Gone,
            Self::Replaced => OutcomeWord::Replaced,
            Self::Unreadable(_) => OutcomeWord::Unreadable,
        }
    }

    /// Returns the meaning of a word in the state; `None` if it is not a word for a lost object.
    pub fn from_word(word: OutcomeWord) -> Option<Self> {
        match word {
            OutcomeWord::Gone => Some(Self::Gone),
            OutcomeWord::Replaced => Some(Self::Replaced),
            OutcomeWord::Unreadable => Some(Self::Unreadable(None)),
            OutcomeWord::Converted | OutcomeWord::Empty | OutcomeWord::Failed | OutcomeWord::Changed => None,
        }
    }

    /// Returns the reason as a sentence.
    pub fn message(&self) -> String {
        match self {
            Self::Gone => "fetch: vanished after it was listed".to_owned(),
            Self::Replaced => "fetch: changed after it was listed; the next run reads the new version".to_owned(),
            Self::Unreadable(Some(reason)) => format!("fetch: cannot read it: {reason}; the next run tries again"),
            Self::Unreadable(None) => {
                "fetch: an earlier run that began its task could not read it; the next run tries again".to_owned()
            }
        }
    }
}

/// Returns the sentence about an input that was converted before in another version.
pub fn changed_message(task: &Task, input: usize) -> String {
    match task.earlier.get(input).and_then(Option::as_ref) {
        Some(earlier) => format!(
            "list: has the name of {earlier}, which was converted, but another size; it is not read, and the rows of the converted log stay in the table"
        ),
        None => "list: changed after it was converted; its rows stay as they were".to_owned(),
    }
}

/// Results of a task that this run committed.
#[derive(Debug)]
pub struct TaskDone {
    /// The outcome of each input.
    pub outcomes: Vec<(Object, Outcome)>,
    /// Its commit.
    pub commit: CommitRecord,
    /// Sums over its good objects.
    pub counts: TaskCounts,
}

/// Sums over the objects of a task. They are not kept for each object, because a task has thousands of objects.
#[derive(Debug, Default)]
pub struct TaskCounts {
    /// Number of rejected lines by reason.
    pub rejects: BTreeMap<&'static str, u64>,
    /// Number of cells that are not numbers, by the index of their column.
    pub nulled_cells: Vec<u64>,
    /// Fields that no column uses.
    pub unclaimed_fields: FieldNames,
}

impl TaskCounts {
    /// Adds the decoder's counts that are not kept for each object, and removes them from `summary`.
    pub(crate) fn take_from(&mut self, summary: &mut ObjectSummary) {
        let nulled_cells = std::mem::take(&mut summary.nulled_cells);
        self.nulled_cells.resize(self.nulled_cells.len().max(nulled_cells.len()), 0);
        self.nulled_cells.iter_mut().zip(nulled_cells).for_each(|(sum, count)| *sum += count);
    }
}

/// Result of executing a task.
#[derive(Debug)]
pub(crate) enum TaskEnd {
    /// This run committed it.
    Committed(TaskDone),
    /// Another run was faster. Has its commit.
    CommittedByAnother(CommitRecord),
}
