//! `#Fields` names in, cell positions out: where the columns of a table schema find their cells under one list of names.
//!
//! **Invariants**
//! - Names are case-sensitive; of a name that stands twice the first counts.
//! - Real-time logs name some fields differently and swap two (`cs-host` is the viewer's Host header there): columns go
//!   by meaning, so a layout is of real-time kind as soon as one of its names is known from real-time logs only. So is one
//!   of a list that somebody gave, as real-time logs never have a header, unless a name is known from standard logs only.

use std::{collections::HashMap, sync::Arc};

use lakefront_schema::{FieldLists, Source, TableSchema, fields};

use crate::{Error, FieldNames};

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

/// Who named the fields of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedBy {
    /// The log itself, in its header.
    Header,
    /// A person, as the log has no header.
    Person,
    /// The number of its cells: it is a standard log.
    Era,
}

impl Layout {
    /// Returns the layout of the names in a header, read at `line`.
    ///
    /// # Errors
    /// [`Error::Rtmp`] and [`Error::NotCloudFront`] where the names are not those of a web log.
    pub fn try_new(schema: &TableSchema, names: &[&str], line: u64) -> Result<Self, Error> {
        Self::of_web_log(schema, names, NamedBy::Header, line)
    }

    /// Returns the layout of names that somebody gave for a log without a header, first needed at `line`.
    ///
    /// # Errors
    /// As [`Self::try_new`].
    pub fn try_given(schema: &TableSchema, names: &[&str], line: u64) -> Result<Self, Error> {
        Self::of_web_log(schema, names, NamedBy::Person, line)
    }

    fn of_web_log(schema: &TableSchema, names: &[&str], named_by: NamedBy, line: u64) -> Result<Self, Error> {
        if names.contains(&fields::RTMP_FIELD) {
            return Err(Error::Rtmp { line });
        }
        if !names.iter().any(|name| fields::is_known_field(name)) {
            return Err(Error::NotCloudFront {
                line,
                why: "no name in the list of fields is one of CloudFront's".to_owned(),
            });
        }
        Ok(Self::of(schema, names, named_by))
    }

    /// The layout of a header-less log with `count` cells a line; none if no era of the standard log has so many.
    pub fn of_era(schema: &TableSchema, count: usize) -> Option<Self> {
        fields::era_fields(count).map(|names| Self::of(schema, names, NamedBy::Era))
    }

    /// How many cells of a row hold all that says when it happened.
    pub(crate) fn moment_cells(&self) -> usize {
        let positions = [self.date, self.time, self.timestamp_ms, self.timestamp];
        positions.into_iter().flatten().max().map_or(0, |last| last + 1)
    }

    fn of(schema: &TableSchema, names: &[&str], named_by: NamedBy) -> Self {
        let mut positions = HashMap::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            positions.entry(*name).or_insert(position);
        }
        let at = |name: &str| positions.get(name).copied();
        let is_realtime = names.iter().any(|name| fields::is_realtime_only_field(name))
            || named_by == NamedBy::Person && !names.iter().any(|name| fields::is_standard_only_field(name));
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
    /// The lists for logs without a header, and the layouts of those that were needed, by the number of their names.
    fields: FieldLists,
    by_width: HashMap<usize, Arc<Layout>>,
    /// Names in headers that CloudFront does not have and no column asks for.
    unknown: FieldNames,
}

/// Past so many bytes of different headers all are forgotten: a layout takes up to thirty times as much as its header.
const MAX_HEADER_BYTES: usize = 256 * 1024;

impl Layouts {
    pub(crate) fn new(schema: Arc<TableSchema>, fields: FieldLists) -> Self {
        let (by_header, by_era, by_width) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { schema, by_header, header_bytes: 0, by_era, fields, by_width, unknown: FieldNames::default() }
    }

    /// Returns the unknown names of headers that were read since the last call.
    pub(crate) fn take_unknown(&mut self) -> FieldNames {
        std::mem::take(&mut self.unknown)
    }

    /// The layout of what follows `#Fields:`, blanks or TABs between names.
    pub(crate) fn of_header(&mut self, names: &[u8], line: u64) -> Result<Arc<Layout>, Error> {
        if let Some(layout) = self.by_header.get(names) {
            return Ok(Arc::clone(layout));
        }
        let text = String::from_utf8_lossy(names);
        let split: Vec<&str> = text.split([' ', '\t']).filter(|name| !name.is_empty()).collect();
        let layout = Arc::new(Layout::try_new(&self.schema, &split, line)?);
        for (name, _) in layout.unclaimed.iter().filter(|(name, _)| !fields::is_known_field(name)) {
            self.unknown.insert(name);
        }
        self.header_bytes += names.len();
        if self.header_bytes > MAX_HEADER_BYTES {
            self.by_header.clear();
            self.header_bytes = names.len();
        }
        self.by_header.insert(names.to_vec(), Arc::clone(&layout));
        Ok(layout)
    }

    /// Returns the layout of the given list with `count` names; none if there is no such list.
    pub(crate) fn of_given(&mut self, count: usize, line: u64) -> Result<Option<Arc<Layout>>, Error> {
        if let Some(layout) = self.by_width.get(&count) {
            return Ok(Some(Arc::clone(layout)));
        }
        let Some(names) = self.fields.of_width(count) else { return Ok(None) };
        let names: Vec<&str> = names.split(' ').collect();
        let layout = Arc::new(Layout::try_given(&self.schema, &names, line)?);
        self.by_width.insert(count, Arc::clone(&layout));
        Ok(Some(layout))
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
    fn a_given_list_is_of_real_time_kind_unless_a_name_is_of_standard_logs_only() {
        let given = |names: &str| {
            let names: Vec<&str> = names.split(' ').collect();
            Layout::try_given(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap()
        };
        let host_and_header = |layout: &Layout| (position_of(layout, "host"), position_of(layout, "header"));
        let common = "c-ip sc-status x-host-header";
        assert_eq!(host_and_header(&given(common)), (Some(2), None));
        assert_eq!(host_and_header(&layout(common)), (None, Some(2)), "as a header");
        for standard in ["date", "time", "DistributionId", "distributionid", "timestamp(ms)", "cs(Cookie)", "cs(New)"] {
            assert_eq!(host_and_header(&given(&format!("{common} {standard}"))), (None, Some(2)), "{standard}");
        }
        assert_eq!(host_and_header(&given("date time cs-host x-host-header")), (Some(3), Some(2)));
    }

    #[test]
    fn a_given_real_time_list_names_its_own_distribution() {
        let names = ["timestamp", "primary-distribution-id"];
        let given = Layout::try_given(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap();
        assert_eq!(given.record_ids, [1]);
    }

    #[test]
    fn a_staging_distributions_standard_log_does_not_name_its_own_id() {
        assert!(layout("date time primary-distribution-id").record_ids.is_empty());
        assert_eq!(layout("timestamp primary-distribution-id DistributionId").record_ids, [2, 1]);
    }

    #[test]
    fn unknown_names_of_headers_are_kept_up_to_a_number() {
        let mut layouts = Layouts::new(Arc::new(TableSchema::embedded("cf_logs").unwrap()), FieldLists::default());
        layouts.of_header(b" date time SC-Bytes c-port x-new", 1).unwrap();
        layouts.of_header(b" date time SC-Bytes", 1).unwrap();
        let unknown = layouts.take_unknown();
        assert_eq!(unknown.iter().collect::<Vec<_>>(), ["SC-Bytes", "x-new"]);
        assert!(unknown.more() == 0);
        layouts.of_header(b" date time SC-Bytes c-port x-new", 1).unwrap();
        assert_eq!(layouts.take_unknown(), FieldNames::default(), "told once");
        let many: Vec<String> = (0..=FieldNames::MAX_NAMES).map(|name| format!("x-{name:0200}")).collect();
        layouts.of_header(format!("date {}", many.join(" ")).as_bytes(), 1).unwrap();
        let unknown = layouts.take_unknown();
        // What differs past the characters that are kept is one name.
        assert_eq!((unknown.iter().count(), unknown.more()), (1, 0));
        let many: Vec<String> = (0..=FieldNames::MAX_NAMES).map(|name| format!("x-{name}")).collect();
        layouts.of_header(format!("date {}", many.join(" ")).as_bytes(), 1).unwrap();
        let unknown = layouts.take_unknown();
        assert_eq!((unknown.iter().count(), unknown.more()), (FieldNames::MAX_NAMES, 1));
    }

    #[test]
    fn names_of_something_else_fail_the_object() {
        let schema = TableSchema::embedded("cf_logs").unwrap();
        assert!(matches!(Layout::try_new(&schema, &["date", "x-event"], 2), Err(Error::Rtmp { line: 2 })));
        assert!(matches!(Layout::try_new(&schema, &["Date", "foo"], 2), Err(Error::NotCloudFront { line: 2, .. })));
        assert!(matches!(Layout::try_new(&schema, &[], 2), Err(Error::NotCloudFront { .. })));
    }
}
