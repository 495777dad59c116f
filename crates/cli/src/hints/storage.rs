//! Hints about stores: folders, buckets and what is needed to reach them.

use lakefront_operations::StorageError;

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(_error: &StorageError) -> Option<String> {
    None
}
