//! The interface through which an executor reports to its caller, and gets its permission to commit.

use lakefront_cloudfront::FieldNames;
use lakefront_ledger::{plan::Task, records::CommitRecord};
use lakefront_storage::Object;

use crate::{
    Error,
    outcome::{Outcome, TaskDone},
    progress::Progress,
};

/// Observer of an epoch's tasks, called from any thread. It adds up results and enforces the limits of the run.
pub trait Observer: Sync {
    /// Returns the receiver of progress events.
    fn progress(&self) -> &dyn Progress;

    /// Called after an object, or a part of a large one, was read.
    fn object_read(&self);

    /// Called when the store refuses to return an object. `counts` says whether that counts for the limit of the run.
    ///
    /// # Errors
    /// [`Error::TooManyUnreadable`]: the run must stop.
    fn object_unreadable(&self, object: &Object, reason: &str, counts: bool) -> Result<(), Error>;

    /// Called with field names in headers that CloudFront is not known to use.
    fn unknown_names(&self, names: &FieldNames);

    /// Checks that a task with these outcomes may be committed.
    ///
    /// # Errors
    /// [`Error::TooManyRejects`]: the run must stop.
    fn may_commit(&self, outcomes: &[(Object, Outcome)]) -> Result<(), Error>;

    /// Called after this run committed a task.
    fn committed(&self, done: TaskDone);

    /// Called when another run has committed a task.
    fn committed_by_another(&self, task: &Task, commit: &CommitRecord);
}
