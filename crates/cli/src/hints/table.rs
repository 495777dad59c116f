//! Hints about tables and their DDL.

use lakefront_operations::TableError;

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(_error: &TableError) -> Option<String> {
    None
}
