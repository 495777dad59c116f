//! How the program ends.

use lakefront_pipeline::report::RunOutcome;

/// The exit status; clap's 2 for wrong usage comes beside these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// 0: done. Rejected rows alone are a warning.
    Done,
    /// 1: stopped before the end.
    Stopped,
    /// 2: wrong usage, found out after the flags were parsed.
    Usage,
    /// 3: finished, but some objects failed, changed, vanished or could not be listed.
    DoneWithFailures,
    /// 75: another run is at work on the table. `EX_TEMPFAIL`: job schedulers try again.
    Active,
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
