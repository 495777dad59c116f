//! Failures of the execution of tasks. A bad row is a reject and a bad object has an outcome: neither is an error here.

use std::{io, sync::Arc};

/// A failure that stops the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The run was requested to stop: Ctrl-C, SIGTERM.
    #[error("stopped before the end; the next run continues where this one stopped")]
    Stopped,
    /// More rejects than the run allows.
    #[error("decode: {rejects} rows rejected, {rows} accepted: `--max-rejects` allows fewer rejects")]
    TooManyRejects {
        /// Number of rows so far.
        rows: u64,
        /// Number of rejects so far.
        rejects: u64,
        /// The folder of the quarantines, which have the rejects.
        quarantine: String,
    },
    /// More objects could not be read than the run allows, so the fault is not in single objects.
    #[error("fetch: {}; the last is {object}: {reason}", unreadable_text(*unreadable, *is_all))]
    TooManyUnreadable {
        /// Number of objects that this run could not read.
        unreadable: u64,
        /// Whether no object could be read.
        is_all: bool,
        /// The last of them.
        object: String,
        /// The reason why it could not be read.
        reason: String,
    },
    /// Reading an object failed for a reason that says nothing about the object.
    #[error("fetch: {object}: reading failed")]
    Read {
        /// The object.
        object: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A data file or a quarantine could not be written.
    #[error("store: writing failed")]
    Write {
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// Less memory than one task needs.
    #[error("plan: {memory_bytes} bytes of memory are not enough")]
    Memory {
        /// The memory of this run, in bytes.
        memory_bytes: u64,
        /// The memory that is needed, in bytes.
        least_bytes: u64,
    },
    /// Too little address space for a single thread: allocations would fail later.
    #[error("plan: `ulimit -v` allows {limit_kib} KiB of address space, and one thread needs {least_kib}")]
    Addresses {
        /// The limit of this process.
        limit_kib: u64,
        /// Address space that one thread needs.
        least_kib: u64,
    },
    /// Not even one thread could be started.
    #[error("plan: cannot start a thread")]
    Threads {
        /// The limits that may apply to threads.
        limits: String,
        /// The cause.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// A task panicked: a bug of this program.
    #[error("task {task} of epoch {epoch} panicked; its first object is {object}")]
    TaskPanicked {
        /// The epoch.
        epoch: u64,
        /// The task.
        task: u32,
        /// Its first object.
        object: String,
    },
    /// A table has partition columns that this version does not know.
    #[error("commit: {location}: has the partition columns `{columns}`")]
    PartitionColumns {
        /// The table's record.
        location: String,
        /// The columns, escaped.
        columns: String,
    },
    /// The commit protocol failed.
    #[error(transparent)]
    Ledger(#[from] lakefront_ledger::Error),
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(Arc<lakefront_storage::Error>),
    /// Encoding failed.
    #[error(transparent)]
    Table(lakefront_table::Error),
}

fn unreadable_text(objects: u64, is_all: bool) -> String {
    if is_all {
        format!("none of the first {objects} objects can be read")
    } else {
        format!("{objects} objects could not be read, the limit of `--max-unreadable`")
    }
}

impl Error {
    /// Wraps an error of `storage`, which names the object itself.
    pub fn storage(error: lakefront_storage::Error) -> Self {
        if error.is_stopped() { Self::Stopped } else { Self::Storage(Arc::new(error)) }
    }
}

/// Returns a hint for an operator about an error; `None` if there is none. Hints name flags and commands, which only
/// the program that uses the libraries knows.
pub type Advise = fn(&(dyn std::error::Error + 'static)) -> Option<String>;

/// Returns an error in one line, with its hint in brackets, for errors that may occur many times.
pub fn brief<E: std::error::Error + 'static>(error: &E, advise: Advise) -> String {
    match advise(error) {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    }
}

/// Returns an error and its causes in one line, and their hints in the lines below, one each.
pub fn message(error: &(dyn std::error::Error + 'static), advise: Advise) -> String {
    let mut facts: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let mut lines = text.lines();
        facts.extend(lines.next().map(str::to_owned));
        // Errors of the program that uses the libraries have their hints on further lines.
        hints.extend(lines.map(str::to_owned));
        hints.extend(advise(error).map(|hint| format!("hint: {hint}")));
        next = error.source();
    }
    facts.dedup();
    hints.dedup();
    std::iter::once(facts.join(": ")).chain(hints).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_all_causes_in_its_first_line_and_hints_below() {
        #[derive(Debug, thiserror::Error)]
        #[error("disk on fire")]
        struct Fire;
        #[derive(Debug, thiserror::Error)]
        #[error("store: cannot write")]
        struct CannotWrite(#[source] Fire);
        let advise: Advise = |error| error.is::<Fire>().then(|| "water".to_owned());
        assert_eq!(message(&CannotWrite(Fire), advise), "store: cannot write: disk on fire\nhint: water");
    }
}
