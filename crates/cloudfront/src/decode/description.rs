//! What was made of a log, for people.

use std::sync::Arc;

use super::{
    formats::{
        options::{Delimiter, LogFormat},
        row_format::RowFormat,
    },
    layout::Layout,
};
use crate::error::NamedBy;

/// Format and fields of a log's last lines of data.
#[derive(Clone, Debug, Default)]
pub struct LogDescription {
    /// Format of the lines of data; `None` before the first one.
    pub format: Option<LogFormat>,
    /// Delimiter of their cells; `None` in JSON.
    pub delimiter: Option<Delimiter>,
    /// Source of the names of the fields; `None` before a header or a line of data.
    pub named_by: Option<NamedBy>,
    layout: Option<Arc<Layout>>,
}

impl LogDescription {
    pub(crate) fn new(
        format: Option<RowFormat>,
        is_header_bare: bool,
        named_by: Option<NamedBy>,
        layout: Option<&Arc<Layout>>,
    ) -> Self {
        let (log_format, delimiter) = match (format, named_by) {
            (None, _) => (None, None),
            (Some(RowFormat::Json), _) => (Some(LogFormat::Json), None),
            (Some(RowFormat::Delimited(delimiter)), _) if is_header_bare => (Some(LogFormat::Plain), Some(delimiter)),
            (Some(RowFormat::Delimited(delimiter)), Some(NamedBy::Header)) => (Some(LogFormat::W3c), Some(delimiter)),
            (Some(RowFormat::Delimited(delimiter)), _) => (Some(LogFormat::Raw), Some(delimiter)),
        };
        Self { format: log_format, delimiter, named_by, layout: layout.map(Arc::clone) }
    }

    pub(crate) fn of_parquet(layout: &Arc<Layout>) -> Self {
        let (format, layout) = (Some(LogFormat::Parquet), Some(Arc::clone(layout)));
        Self { format, delimiter: None, named_by: Some(NamedBy::Keys), layout }
    }

    /// Returns the names of the fields, in the order of the log.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.layout.iter().flat_map(|layout| layout.names.iter().map(|name| &**name))
    }

    /// Returns for each column of the table schema the index of the field that it takes; `None` if the log does not have it, and
    /// for derived columns.
    pub fn columns(&self) -> impl Iterator<Item = Option<usize>> {
        self.layout.iter().flat_map(|layout| layout.columns.iter().copied())
    }
}
