//! `#Fields` names in, cell positions out: where the columns of a table schema find their cells under one list of names.
//!
//! **Invariants**
//! - Names are case-sensitive; of a name that stands twice the first counts.
//! - Real-time logs name some fields differently and swap two (`cs-host` is the viewer's Host header there): columns go
//!   by meaning, so a layout is of real-time kind as soon as one of its names is known from real-time logs only.

use std::{collections::HashMap, sync::Arc};

use lakefront_schema::{Source, TableSchema, fields};

use crate::Error;

/// Where a column finds its cell: none where the log does not have the field.
pub type Position = Option<usize>;

/// Cell positions under one list of field names.
#[derive(Debug)]
pub struct Layout {
    /// How many names there are.
    pub(crate) width: usize,
    pub(crate) date: Position,
    pub(crate) time: Position,
    pub(crate) timestamp_ms: Position,
    pub(crate) timestamp: Position,
    pub(crate) user_agent: Position,
    /// Fields that hold the record's own distribution ID, in order of preference.
    pub(crate) record_ids: Vec<usize>,
    /// One per column of the table schema; none for derived columns as well.
    pub(crate) columns: Vec<Position>,
    /// Fields that no column claims, by name.
    pub(crate) unclaimed: Vec<(Arc<str>, usize)>,
    /// The same by position: each with its place in `unclaimed`.
    pub(crate) unclaimed_by_position: Vec<(usize, usize)>,
}

impl Layout {
    /// The layout of `names`, read at `line`.
    ///
    /// # Errors
    /// [`Error::Rtmp`] and [`Error::NotCloudFront`] where the names are not those of a web log.
    pub fn try_new(schema: &TableSchema, names: &[&str], line: u64) -> Result<Self, Error> {
        if names.contains(&fields::RTMP_FIELD) {
            return Err(Error::Rtmp { line });
        }
        if !names.iter().any(|name| fields::is_known_field(name)) {
            return Err(Error::NotCloudFront {
                line,
                why: "no name in the list of fields is one of CloudFront's".to_owned(),
            });
        }
        Ok(Self::of(schema, names))
    }

    /// The layout of a header-less log with `count` cells a line; none if no era of the standard log has so many.
    pub fn of_era(schema: &TableSchema, count: usize) -> Option<Self> {
        fields::era_fields(count).map(|names| Self::of(schema, names))
    }

    /// How many cells of a row hold all that says when it happened.
    pub(crate) fn moment_cells(&self) -> usize {
        let positions = [self.date, self.time, self.timestamp_ms, self.timestamp];
        positions.into_iter().flatten().max().map_or(0, |last| last + 1)
    }

    fn of(schema: &TableSchema, names: &[&str]) -> Self {
        let mut positions = HashMap::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            positions.entry(*name).or_insert(position);
        }
        let at = |name: &str| positions.get(name).copied();
        let is_realtime = names.iter().any(|name| fields::is_realtime_only_field(name));
        let name_here = |standard| if is_realtime { fields::realtime_name(standard) } else { standard };

        let mut claimed: Vec<&str> = fields::DERIVED_SOURCES.to_vec();
        let mut columns = Vec::with_capacity(schema.columns().len());
        for column in schema.columns() {
            match &column.source {
                Source::Field(field) => {
                    let name = name_here(field.as_str());
                    claimed.push(name);
                    columns.push(at(name));
                }
                Source::Derived(_) => columns.push(None),
            }
        }
        let mut unclaimed: Vec<(Arc<str>, usize)> = positions
            .iter()
            .filter(|(name, _)| !claimed.contains(name))
            .map(|(name, position)| (Arc::from(*name), *position))
            .collect();
        unclaimed.sort_unstable();
        let mut unclaimed_by_position: Vec<(usize, usize)> =
            unclaimed.iter().enumerate().map(|(place, (_, position))| (*position, place)).collect();
        unclaimed_by_position.sort_unstable();

        // Standard logs of staging distributions have the primary distribution's ID too; there the object's key counts.
        let has_own_ids = is_realtime
            || [fields::TIMESTAMP, fields::TIMESTAMP_MS]
                .iter()
                .chain(&fields::DISTRIBUTION_IDS)
                .any(|name| at(name).is_some());
        let primary = has_own_ids.then_some(fields::PRIMARY_DISTRIBUTION_ID);
        let record_ids = fields::DISTRIBUTION_IDS.into_iter().chain(primary).filter_map(at).collect();

        Self {
            width: names.len(),
            date: at(fields::DATE),
            time: at(fields::TIME),
            timestamp_ms: at(fields::TIMESTAMP_MS),
            timestamp: at(fields::TIMESTAMP),
            user_agent: at(name_here(fields::USER_AGENT)),
            record_ids,
            columns,
            unclaimed,
            unclaimed_by_position,
        }
    }
}

/// Layouts by the text that named them, so that the same header in a thousand objects is read once.
#[derive(Debug)]
pub(crate) struct Layouts {
    schema: Arc<TableSchema>,
    by_header: HashMap<Vec<u8>, Arc<Layout>>,
    header_bytes: usize,
    by_era: HashMap<usize, Arc<Layout>>,
}

/// Past so many bytes of different headers all are forgotten: a layout takes up to thirty times as much as its header.
const MAX_HEADER_BYTES: usize = 256 * 1024;

impl Layouts {
    pub(crate) fn new(schema: Arc<TableSchema>) -> Self {
        Self { schema, by_header: HashMap::new(), header_bytes: 0, by_era: HashMap::new() }
    }

    /// The layout of what stands behind `#Fields:`, or of the names given with `--fields`: blanks or TABs between names.
    pub(crate) fn of_header(&mut self, names: &[u8], line: u64) -> Result<Arc<Layout>, Error> {
        if let Some(layout) = self.by_header.get(names) {
            return Ok(Arc::clone(layout));
        }
        let text = String::from_utf8_lossy(names);
        let split: Vec<&str> = text.split([' ', '\t']).filter(|name| !name.is_empty()).collect();
        let layout = Arc::new(Layout::try_new(&self.schema, &split, line)?);
        self.header_bytes += names.len();
        if self.header_bytes > MAX_HEADER_BYTES {
            self.by_header.clear();
            self.header_bytes = names.len();
        }
        self.by_header.insert(names.to_vec(), Arc::clone(&layout));
        Ok(layout)
    }

    /// The layout of a header-less line with `count` cells.
    pub(crate) fn of_era(&mut self, count: usize) -> Option<Arc<Layout>> {
        if let Some(layout) = self.by_era.get(&count) {
            return Some(Arc::clone(layout));
        }
        let layout = Arc::new(Layout::of_era(&self.schema, count)?);
        self.by_era.insert(count, Arc::clone(&layout));
        Some(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(names: &str) -> Layout {
        let names: Vec<&str> = names.split(' ').collect();
        Layout::try_new(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap()
    }

    fn position_of(layout: &Layout, column: &str) -> Position {
        let schema = TableSchema::embedded("cf_logs").unwrap();
        layout.columns[schema.columns().iter().position(|found| found.name == column).unwrap()]
    }

    #[test]
    fn fields_are_found_by_name_and_the_first_of_two_counts() {
        let layout = layout("time sc-bytes date sc-bytes sc-foo");
        assert_eq!((layout.date, layout.time, layout.width), (Some(2), Some(0), 5));
        assert_eq!(position_of(&layout, "bytes"), Some(1));
        assert_eq!(position_of(&layout, "status"), None);
        assert_eq!(layout.unclaimed, [(Arc::from("sc-foo"), 4)]);
    }

    #[test]
    fn realtime_fields_go_by_meaning() {
        let realtime = layout("timestamp c-ip s-ip cs-host x-host-header cs-user-agent");
        assert_eq!(position_of(&realtime, "host"), Some(4));
        assert_eq!(position_of(&realtime, "header"), Some(3));
        assert_eq!(realtime.user_agent, Some(5));
        let standard = layout("date cs(Host) x-host-header cs(User-Agent)");
        assert_eq!(position_of(&standard, "host"), Some(1));
        assert_eq!(position_of(&standard, "header"), Some(2));
        assert_eq!(standard.user_agent, Some(3));
    }

    #[test]
    fn a_staging_distributions_standard_log_does_not_name_its_own_id() {
        assert!(layout("date time primary-distribution-id").record_ids.is_empty());
        assert_eq!(layout("timestamp primary-distribution-id DistributionId").record_ids, [2, 1]);
    }

    #[test]
    fn names_of_something_else_fail_the_object() {
        let schema = TableSchema::embedded("cf_logs").unwrap();
        assert!(matches!(Layout::try_new(&schema, &["date", "x-event"], 2), Err(Error::Rtmp { line: 2 })));
        assert!(matches!(Layout::try_new(&schema, &["Date", "foo"], 2), Err(Error::NotCloudFront { line: 2, .. })));
        assert!(matches!(Layout::try_new(&schema, &[], 2), Err(Error::NotCloudFront { .. })));
    }
}
