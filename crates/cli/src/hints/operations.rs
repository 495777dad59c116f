//! Hints about operations: what was asked for, and the table it was asked of.

use lakefront_operations::Error;

use super::{engine, ledger, storage, table};

/// Returns the hint for an error; `None` if there is nothing to say.
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
            "keep tables and states in folders beside each other: readers list all of a table".to_owned()
        }
        Error::SingleWriter { .. } => {
            "pass `--single-writer`, and make sure that no other run is active".to_owned()
        }
        Error::OtherLayout { .. } => ledger::RESOLVE.to_owned(),
        Error::OtherFiles { .. } => {
            "is the state another table's? name the one that belongs to it, or restore what was exchanged".to_owned()
        }
        Error::NoFiles { .. } => {
            "is it mounted? is the state another table's? restore what is missing; to begin anew, remove table and state"
                .to_owned()
        }
        Error::LaterFile { .. } => {
            "the state is older than the table: restore the state that belongs to it, as rows would be doubled".to_owned()
        }
        Error::OtherSettings { flag: "--schema", .. } => {
            "leave the flag out, or convert into a new table; columns can only be appended, with `--extend-schema`"
                .to_owned()
        }
        Error::OtherSettings { .. } => "leave the flag out, or convert into a new table".to_owned(),
        Error::LongerSchema { .. } => {
            "a new table with the same `--schema` keeps them; `--extend-schema` appends them to this table for good, and readers must be told of that: see docs/operations.md"
                .to_owned()
        }
        Error::ReportPlace { .. } => "name a file outside of it".to_owned(),
        Error::NoObjects { .. } => "check the source, or pass `--allow-empty` if that is fine".to_owned(),
        Error::NoneSelected { .. } => "check the selection, or pass `--allow-empty` if that is fine".to_owned(),
        Error::ClockBehind { .. } => {
            "set the clock; or, if it was that run whose clock was wrong, run once with the right time as `--now` where there is something new"
                .to_owned()
        }
        Error::NoEpoch { .. } => "`lakefront status TABLE` names it".to_owned(),
        Error::ForeignFile { .. } => "name the root of a table that lakefront wrote".to_owned(),
        Error::OtherSchema { .. } => "pass the schema file it was made with as `--schema`".to_owned(),
        _ => return None,
    })
}
