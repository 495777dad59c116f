//! The exit status of the program.

use lakefront_operations::{Error, LedgerError, StorageError, report::RunOutcome};

/// The exit status. clap itself also exits with 2 for wrong usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: done. Rejected rows are only a warning.
    Done,
    /// 1: stopped before the end.
    Stopped,
    /// 2: wrong usage, found after the flags were parsed.
    Usage,
    /// 3: finished, but some objects failed, changed, vanished or could not be listed.
    DoneWithFailures,
    /// 75: another run is active on the table. `EX_TEMPFAIL`: job schedulers try again.
    Active,
}

impl ExitStatus {
    /// Returns the status for an error: wrong usage or stopped.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        let is_usage = error.downcast_ref().is_some_and(Error::is_usage)
            || error.downcast_ref().is_some_and(LedgerError::is_usage)
            || error.downcast_ref().is_some_and(StorageError::is_usage);
        if is_usage { Self::Usage } else { Self::Stopped }
    }
}

impl From<RunOutcome> for ExitStatus {
    fn from(outcome: RunOutcome) -> Self {
        match outcome {
            RunOutcome::Done => Self::Done,
            RunOutcome::DoneWithFailures => Self::DoneWithFailures,
            RunOutcome::Stopped => Self::Stopped,
            RunOutcome::Active => Self::Active,
        }
    }
}

impl From<ExitStatus> for std::process::ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Done => 0,
            ExitStatus::Stopped => 1,
            ExitStatus::Usage => 2,
            ExitStatus::DoneWithFailures => 3,
            ExitStatus::Active => 75,
        })
    }
}
