//! The format of the lines at hand.

use super::options::Delimiter;

/// Format of lines of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFormat {
    /// Cells with a delimiter between them.
    Delimited(Delimiter),
    /// A JSON object, whose keys are names of fields.
    Json,
}

impl RowFormat {
    pub(crate) const TABS: Self = Self::Delimited(Delimiter::TAB);
}
