//! Hints about schema files.

use lakefront_operations::SchemaError;

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(_error: &SchemaError) -> Option<String> {
    None
}
