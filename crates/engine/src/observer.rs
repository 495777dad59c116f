//! What the caller of an executor is told, and asked, while tasks are executed.

use lakefront_cloudfront::FieldNames;
use lakefront_ledger::{plan::Task, records::CommitRecord};
use lakefront_storage::Object;

use crate::{
    Error,
    outcome::{Outcome, TaskDone},
    progress::Progress,
};

/// Follows the execution of an epoch's tasks, from any thread. It adds up results and enforces the limits of the run.
pub trait Observer: Sync {
    /// Returns what draws the progress.
    fn progress(&self) -> &dyn Progress;

    /// Called after an object, or a part of a large one, was read.
    fn object_read(&self);

    /// Called when the store does not give an object to this run. `counts` says whether that counts for the limit of the run.
    ///
    /// # Errors
    /// [`Error::TooManyUnreadable`]: the run must stop.
    fn object_unreadable(&self, object: &Object, reason: &str, counts: bool) -> Result<(), Error>;

    /// Called with names in headers that CloudFront is not known to have.
    fn unknown_names(&self, names: &FieldNames);

    /// Checks that a task with these outcomes may be committed.
    ///
    /// # Errors
    /// [`Error::TooManyRejects`]: the run must stop.
    fn may_commit(&self, outcomes: &[(Object, Outcome)]) -> Result<(), Error>;

    /// Called after this run committed a task.
    fn committed(&self, done: TaskDone);

    /// Called when a task turns out to be committed by another run.
    fn committed_by_another(&self, task: &Task, commit: &CommitRecord);
}
