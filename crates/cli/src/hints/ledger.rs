//! Hints about the commit protocol: a damaged state, an open epoch, another active run.

use lakefront_operations::{LedgerError, RecordKind, Source, printable_name};

use super::storage;

/// Hint about an open epoch that needs a decision of an operator.
pub(super) const RESOLVE: &str =
    "make sure that no other run is active, then `lakefront resolve TABLE` redoes what is left of it";

/// Returns the hint for an error; `None` if it has no hint.
#[expect(clippy::wildcard_enum_match_arm, reason = "many errors need no hint, and new ones may not")]
pub(crate) fn hint(error: &LedgerError) -> Option<String> {
    Some(match error {
        LedgerError::Storage(error) => return storage::hint(error),
        LedgerError::Damaged { kind: RecordKind::Derived, .. } | LedgerError::Unequal { kind: RecordKind::Derived, .. } => {
            "`lakefront rebuild-state TABLE` regenerates it from the plan log".to_owned()
        }
        LedgerError::Damaged { kind: RecordKind::OfTask, .. } => {
            "if no other run is active, `lakefront resolve TABLE` redoes its epoch; first restore log objects that were deleted"
                .to_owned()
        }
        LedgerError::Damaged { kind: RecordKind::Unique, .. } => {
            "restore the object from a backup: its contents are not stored anywhere else".to_owned()
        }
        LedgerError::Unequal { .. } => {
            "another version of lakefront, or another program, wrote it; if no other run is active, `lakefront resolve TABLE` redoes its epoch"
                .to_owned()
        }
        LedgerError::NewerFormat { .. } => "a newer version of lakefront wrote it: use that version".to_owned(),
        LedgerError::Foreign { .. } => "move it out of the state folder".to_owned(),
        LedgerError::NoTableRecord { .. } => {
            "restore it from a backup; or name another table, if this is not a state of lakefront".to_owned()
        }
        LedgerError::NoEpochs { .. } => "restore the state that belongs to it, or name a new folder".to_owned(),
        LedgerError::TableGone { .. } => {
            "check that it is mounted, or restore it; to start over, remove the state folder as well".to_owned()
        }
        LedgerError::OtherProcessed { .. } => {
            "`lakefront rebuild-state TABLE` regenerates them from the plan log".to_owned()
        }
        LedgerError::NotEmpty { .. } => "name a new folder, or give the table's state as `--state`".to_owned(),
        LedgerError::NoTable { .. } => {
            "name the folder that `lakefront convert` wrote; its state may be elsewhere: `--state`".to_owned()
        }
        LedgerError::TableIsRoot | LedgerError::StateIsRoot => "name a folder below `/`".to_owned(),
        LedgerError::TableIsBucket { .. } => "name a prefix below it, or a --state elsewhere in it".to_owned(),
        LedgerError::StateElsewhere { .. } => "keep the state next to the table".to_owned(),
        LedgerError::StateInTable { .. } => {
            "keep the state outside of the table: readers list all of it".to_owned()
        }
        LedgerError::Active { .. } => "run again later; if it is dead for certain, `--take-over`".to_owned(),
        LedgerError::NoConditions { .. } => {
            "use another store; or `--single-writer`, if you guarantee that only one run at a time writes to this table"
                .to_owned()
        }
        LedgerError::MissedInputs { .. } => RESOLVE.to_owned(),
        LedgerError::OtherIdentity { source_location, known, .. } => {
            format!("{}; or, if that is fine, `--new-identity`", same_identity(known, source_location))
        }
        _ => return None,
    })
}

/// Returns a hint about the name of a source that the table recognizes.
fn same_identity(known: &Source, source: &Source) -> String {
    let id = known.id().map(|id| format!("`--source-id {}`", printable_name(id)));
    let is_same_place = Source::restore(&source.place_text(), source.file_name(), known.id())
        .is_some_and(|as_known| as_known.knows_as(known));
    match (id, is_same_place) {
        (Some(id), true) => format!("give {id} for it"),
        (Some(id), false) => format!("name {known} as the source, with {id}; `--include` takes a part of it"),
        (None, true) => "leave `--source-id` out".to_owned(),
        (None, false) => format!("name the source as {known}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(place: &str, id: Option<&str>) -> Source {
        Source::restore(place, None, id).unwrap()
    }

    #[test]
    fn every_fault_of_a_state_has_a_hint() {
        let location = || "file:///lake/cf_logs.lakefront/x".to_owned();
        let kinds = [RecordKind::Derived, RecordKind::OfTask, RecordKind::Unique];
        let mut errors = vec![
            (LedgerError::NewerFormat { location: location(), format: 5, newest: 4 }, "newer version"),
            (LedgerError::Foreign { location: location() }, "move it out"),
            (LedgerError::NoTableRecord { location: location(), other: "log".to_owned() }, "backup"),
            (LedgerError::NoEpochs { table: location() }, "restore"),
            (LedgerError::TableGone { table: location() }, "mounted"),
            (LedgerError::OtherProcessed { location: location(), objects: 1, epoch: 1 }, "lakefront rebuild-state"),
            (LedgerError::NotEmpty { location: location(), state: location() }, "--state"),
            (LedgerError::NoConditions { location: location() }, "--single-writer"),
        ];
        for (kind, says) in kinds.into_iter().zip(["lakefront rebuild-state", "lakefront resolve", "backup"]) {
            errors.push((LedgerError::Damaged { location: location(), kind, what: "is missing".to_owned() }, says));
        }
        for (kind, says) in kinds.into_iter().zip(["lakefront rebuild-state", "lakefront resolve", "lakefront resolve"])
        {
            errors.push((LedgerError::Unequal { location: location(), kind }, says));
        }
        for (error, says) in errors {
            let hint = hint(&error).unwrap_or_else(|| panic!("{error}"));
            assert!(hint.contains(says), "{error}: {hint}");
        }
    }

    #[test]
    fn a_hint_names_the_identity_that_the_table_knows() {
        let (plain, archive) = (source("file:///logs", None), source("file:///logs", Some("archive")));
        assert_eq!(same_identity(&archive, &plain), "give `--source-id archive` for it");
        assert_eq!(same_identity(&plain, &archive), "leave `--source-id` out");
        let part = source("file:///logs/2025", Some("archive"));
        assert!(
            same_identity(&archive, &part).starts_with("name file:///logs as the source, with `--source-id archive`")
        );
        let (key, all) = (source("s3://logs/cf", Some("archive")), source("s3://logs", None));
        assert_eq!(same_identity(&key, &all), "give `--source-id archive` for it");
        let (short, long) = (source("az://logs", None), source("abfss://logs@one.dfs.core.windows.net", None));
        assert_eq!(same_identity(&short, &long), "name the source as az://logs");
    }
}
