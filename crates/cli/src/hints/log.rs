//! Hints about logs that cannot be read.

use lakefront_operations::LogError;

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(_error: &LogError) -> Option<String> {
    None
}
