//! Layout: names of fields in, the cell positions of columns out. It says which cell of a line is which field.
//!
//! - [`Layout`]: the positions under one list of names.
//! - [`layouts`]: layouts by the text that named them.
//! - [`in_force`]: the layout that is in force for a line of an object: by its header, by a given list, by its number of
//!   cells.
//!
//! **Invariants**
//! - Names are case-sensitive; of a name that is there twice the first one counts.
//! - Real-time logs name some fields differently and swap two (`cs-host` is the viewer's Host header there): columns go
//!   by meaning, so a layout is of real-time kind as soon as one of its names is known from real-time logs only. So is a
//!   given list, as real-time logs never have a header, unless a name is known from standard logs only.

use std::{collections::HashMap, sync::Arc};

use lakefront_schema::{ColumnSource, TableSchema, fields};

use crate::error::{Error, NamedBy, NotCloudFront};

pub(crate) mod in_force;
pub(crate) mod layouts;

/// The position of a field's cell in a line; `None` if the log does not have the field.
pub(crate) type Position = Option<usize>;

/// Cell positions under one list of field names.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Number of names.
    pub(crate) width: usize,
    /// The names, in order.
    pub(crate) names: Vec<Box<str>>,
    /// Whether one of the names is CloudFront's.
    pub(crate) has_known_field: bool,
    /// Whether one of the names is CloudFront's, and no other program's.
    pub(crate) is_cloudfronts: bool,
    pub(crate) date: Position,
    pub(crate) time: Position,
    pub(crate) timestamp_ms: Position,
    pub(crate) timestamp: Position,
    /// Positions of date and time, if the log has these and no finer timestamp.
    pub(crate) plain_moment: Option<(usize, usize)>,
    pub(crate) user_agent: Position,
    /// Fields that hold the record's own distribution ID, in order of preference.
    pub(crate) record_ids: Vec<usize>,
    /// One for each column of the table schema; `None` for derived columns.
    pub(crate) columns: Vec<Position>,
    /// Fields that no column claims, by name.
    pub(crate) unclaimed: Vec<(Arc<str>, usize)>,
    /// The same fields by position, each with its index in `unclaimed`.
    pub(crate) unclaimed_by_position: Vec<(usize, usize)>,
}

impl Layout {
    /// Returns the layout of the names in a header, read at `line`.
    ///
    /// # Errors
    /// [`Error::Rtmp`] and [`Error::NotCloudFront`] if the names are not those of a web log.
    pub(crate) fn try_new(schema: &TableSchema, names: &[&str], line: u64) -> Result<Self, Error> {
        Self::of_web_log(schema, names, NamedBy::Header, line)
    }

    /// Returns the layout of a list that was given for logs without a header, first needed at `line`.
    ///
    /// # Errors
    /// As [`Self::try_new`].
    pub(crate) fn try_given(schema: &TableSchema, names: &[&str], line: u64) -> Result<Self, Error> {
        Self::of_web_log(schema, names, NamedBy::List, line)
    }

    fn of_web_log(schema: &TableSchema, names: &[&str], named_by: NamedBy, line: u64) -> Result<Self, Error> {
        if names.contains(&fields::RTMP_FIELD) {
            return Err(Error::Rtmp { line });
        }
        if !names.iter().any(|name| fields::is_known_field(name)) {
            return Err(Error::NotCloudFront { line, why: NotCloudFront::NoKnownField });
        }
        Ok(Self::of(schema, names, named_by))
    }

    /// Returns the layout of the keys of JSON objects.
    pub(crate) fn of_keys(schema: &TableSchema, names: &[&str]) -> Self {
        Self::of(schema, names, NamedBy::Keys)
    }

    /// Returns the layout of a standard log without a header and with `count` cells a line; `None` if there was no such
    /// log in any era.
    pub(crate) fn of_era(schema: &TableSchema, count: usize) -> Option<Self> {
        fields::era_fields(count).map(|names| Self::of(schema, names, NamedBy::CellCount))
    }

    fn of(schema: &TableSchema, names: &[&str], named_by: NamedBy) -> Self {
        let mut positions = HashMap::with_capacity(names.len());
        for (position, name) in names.iter().enumerate() {
            positions.entry(*name).or_insert(position);
        }
        let at = |name: &str| positions.get(name).copied();
        let is_realtime = names.iter().any(|name| fields::is_realtime_only_field(name))
            || named_by == NamedBy::List && !names.iter().any(|name| fields::is_standard_only_field(name));
        let name_here = |standard| if is_realtime { fields::realtime_name(standard) } else { standard };

        let mut claimed: Vec<&str> = fields::DERIVED_SOURCES.to_vec();
        let mut columns = Vec::with_capacity(schema.columns().len());
        for column in schema.columns() {
            match &column.source {
                ColumnSource::Field(field) => {
                    let name = name_here(field.as_str());
                    claimed.push(name);
                    columns.push(at(name));
                }
                ColumnSource::Derived(_) => columns.push(None),
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
        let has_own_ids = is_realtime || names.iter().any(|name| fields::names_own_distribution(name));
        let primary = has_own_ids.then_some(fields::PRIMARY_DISTRIBUTION_ID);
        let record_ids = fields::DISTRIBUTION_IDS.into_iter().chain(primary).filter_map(at).collect();

        let has_timestamps = [fields::TIMESTAMP, fields::TIMESTAMP_MS].iter().any(|name| at(name).is_some());
        let plain_moment = at(fields::DATE).zip(at(fields::TIME)).filter(|_| !has_timestamps);

        Self {
            width: names.len(),
            names: names.iter().map(|name| Box::from(*name)).collect(),
            has_known_field: names.iter().any(|name| fields::is_known_field(name)),
            is_cloudfronts: names.iter().any(|name| fields::is_only_cloudfronts(name)),
            plain_moment,
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
    fn names_of_something_else_fail_the_object() {
        let schema = TableSchema::embedded("cf_logs").unwrap();
        assert!(matches!(Layout::try_new(&schema, &["date", "x-event"], 2), Err(Error::Rtmp { line: 2 })));
        assert!(matches!(Layout::try_new(&schema, &["Date", "foo"], 2), Err(Error::NotCloudFront { line: 2, .. })));
        assert!(matches!(Layout::try_new(&schema, &[], 2), Err(Error::NotCloudFront { .. })));
    }
}
