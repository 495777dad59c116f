//! Hints about the execution of tasks: limits of the run and of this process.

use lakefront_operations::EngineError;

use super::{ledger, storage, table};

/// Returns the hint for an error; `None` if it has no hint.
#[expect(clippy::wildcard_enum_match_arm, reason = "many errors need no hint, and new ones may not")]
pub(crate) fn hint(error: &EngineError) -> Option<String> {
    Some(match error {
        EngineError::Ledger(error) => return ledger::hint(error),
        EngineError::Storage(error) => return storage::hint(error),
        EngineError::Table(error) => return table::hint(error),
        EngineError::TooManyRejects { quarantine, .. } => format!(
            "see `{quarantine}`; if that is acceptable, run again with a larger `--max-rejects`, or once without"
        ),
        EngineError::TooManyUnreadable { is_all: true, .. } => {
            "check the permissions of the user or role that lakefront runs as: to read the logs, and to use their keys; `--max-unreadable N` continues without these logs"
                .to_owned()
        }
        EngineError::TooManyUnreadable { is_all: false, .. } => {
            "let lakefront read them, or continue without them with a larger `--max-unreadable N`; `--exclude` leaves them out of later plans"
                .to_owned()
        }
        EngineError::Memory { least_bytes, .. } => format!("`--memory-bytes` must be at least {least_bytes}"),
        EngineError::Addresses { least_kib, .. } => {
            format!("raise it with `ulimit -v {least_kib}` or more; to limit memory, `--memory-bytes` is enough")
        }
        EngineError::Threads { limits, .. } => format!("raise what limits them: {limits}"),
        EngineError::Read { .. } | EngineError::Write { .. } => {
            "check the disk, and the system's log; if nothing is wrong there, please report this".to_owned()
        }
        EngineError::TaskPanicked { .. } => {
            "please report this, with the message above; the table waits for this task: if it panics again, move the object away"
                .to_owned()
        }
        EngineError::PartitionColumns { .. } => {
            "this version knows `year`, `month`, `day` and `hour`, in this order".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_access_is_told_to_check_permissions_and_others_name_the_limit() {
        let of = |is_all| {
            let (object, reason) = ("file:///logs/E1.gz".to_owned(), "permission denied".to_owned());
            hint(&EngineError::TooManyUnreadable { unreadable: 20, is_all, object, reason }).unwrap()
        };
        assert!(of(true).contains("permissions") && of(true).contains("--max-unreadable"), "{}", of(true));
        assert!(!of(false).contains("permissions") && of(false).contains("--max-unreadable"), "{}", of(false));
    }

    #[test]
    fn limits_of_a_run_have_hints_with_their_flags() {
        let rejects =
            EngineError::TooManyRejects { rows: 360, rejects: 11, quarantine: "file:///t/quarantine".to_owned() };
        let rejects = hint(&rejects).unwrap();
        assert!(rejects.contains("file:///t/quarantine") && rejects.contains("--max-rejects"), "{rejects}");
        let memory = hint(&EngineError::Memory { memory_bytes: 1, least_bytes: 268_435_456 }).unwrap();
        assert!(memory.contains("--memory-bytes") && memory.contains("268435456"), "{memory}");
    }
}
