//! Hints about operations: requests that do not fit the table.

use lakefront_operations::Error;

use super::{engine, ledger, storage, table};

/// Returns the hint for an error; `None` if it has no hint.
#[expect(clippy::wildcard_enum_match_arm, reason = "many errors need no hint, and new ones may not")]
pub(crate) fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::Engine(error) => return engine::hint(error),
        Error::Ledger(error) => return ledger::hint(error),
        Error::Storage(error) => return storage::hint(error),
        Error::Ddl(error) => return table::ddl_hint(error),
        Error::Overlap { .. } => "keep logs and table in folders of their own".to_owned(),
        Error::SourceIsTable { .. } => {
            "name the folder of the raw logs; the table to write comes last: `lakefront convert SOURCE TABLE`".to_owned()
        }
        Error::SourcesOverlap { .. } => {
            "a log that is in both would be converted twice: leave one of them out".to_owned()
        }
        Error::TableInTable { .. } => {
            "keep tables and states in separate folders, not one inside another: readers list all of a table".to_owned()
        }
        Error::SingleWriter { .. } => {
            "pass `--single-writer`, and make sure that no other run is active".to_owned()
        }
        Error::OtherLayout { .. } => ledger::RESOLVE.to_owned(),
        Error::OtherFiles { .. } => {
            "check that the state belongs to this table: name the right one, or restore what was exchanged".to_owned()
        }
        Error::NoFiles { .. } => {
            "check that it is mounted and that the state belongs to it; restore what is missing; to start over, remove table and state"
                .to_owned()
        }
        Error::LaterFile { .. } => {
            "the state is older than the table: restore the state that belongs to it, or rows would be written twice"
                .to_owned()
        }
        Error::OtherSettings { flag: "--schema", .. } => {
            "leave the flag out, or convert into a new table; columns can only be appended, with `--extend-schema`"
                .to_owned()
        }
        Error::OtherSettings { .. } => "leave the flag out, or convert into a new table".to_owned(),
        Error::LongerSchema { .. } => {
            "a new table with the same `--schema` keeps them; `--extend-schema` appends them to this table, which cannot be undone and needs a change in query engines: see docs/operations.md"
                .to_owned()
        }
        Error::ReportPlace { .. } => "name a file outside of it".to_owned(),
        Error::NoObjects { .. } => "check the source, or pass `--allow-empty` if that is fine".to_owned(),
        Error::NoneSelected { .. } => "check the selection, or pass `--allow-empty` if that is fine".to_owned(),
        Error::ClockBehind { .. } => {
            "set the clock; or, if that run's clock was wrong, run once with the right time as `--now` when there are new logs"
                .to_owned()
        }
        Error::NoEpoch { .. } => "`lakefront status TABLE` shows it".to_owned(),
        Error::ForeignFile { .. } => "name the root of a table that lakefront wrote".to_owned(),
        Error::OtherSchema { .. } => "pass the schema file it was made with as `--schema`".to_owned(),
        _ => return None,
    })
}
