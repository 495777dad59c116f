//! Hints: what an operator can do about an error. The libraries' errors state facts; which flag or command helps is known
//! here alone. One file for each library, found by the kind of the error.

mod log;
mod schema;
mod storage;
mod table;

use std::error::Error;

use lakefront_pipeline::{LogError, SchemaError, StorageError, TableError};

/// Returns the hint for an error of one of the libraries; none if there is nothing to say. The causes of the error have
/// hints of their own.
pub(crate) fn advise(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(lakefront_pipeline::Error::Storage(error)) = error.downcast_ref() {
        return storage::hint(error);
    }
    if let Some(lakefront_pipeline::Error::Table(error)) = error.downcast_ref() {
        return table::hint(error);
    }
    if let Some(error) = error.downcast_ref::<StorageError>() {
        return storage::hint(error);
    }
    if let Some(error) = error.downcast_ref::<LogError>() {
        return log::hint(error);
    }
    if let Some(error) = error.downcast_ref::<SchemaError>() {
        return schema::hint(error);
    }
    error.downcast_ref::<TableError>().and_then(table::hint)
}
