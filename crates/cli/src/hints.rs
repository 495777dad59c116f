//! Hints: what an operator can do about an error. The libraries' errors state facts; only this module knows which flag or
//! command helps. There is one file for each library; a hint is found by the kind of the error.

mod engine;

mod ledger;

mod log;

mod operations;

mod schema;

mod storage;

mod table;

use std::error::Error;

use lakefront_operations::{EngineError, LedgerError, ListFlaw, LogError, SchemaError, StorageError, TableError};

/// Returns the hint for an error of one of the libraries; `None` if it has no hint. The causes of the error have hints of
/// their own.
pub(crate) fn advise(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<lakefront_operations::Error>() {
        operations::hint(error)
    } else if let Some(error) = error.downcast_ref::<EngineError>() {
        engine::hint(error)
    } else if let Some(error) = error.downcast_ref::<LedgerError>() {
        ledger::hint(error)
    } else if let Some(error) = error.downcast_ref::<StorageError>() {
        storage::hint(error)
    } else if let Some(flaw) = error.downcast_ref::<ListFlaw>() {
        storage::hint_of_listing(flaw)
    } else if let Some(error) = error.downcast_ref::<LogError>() {
        log::hint(error)
    } else if let Some(error) = error.downcast_ref::<SchemaError>() {
        schema::hint(error)
    } else {
        error.downcast_ref::<TableError>().and_then(table::hint)
    }
}
