//! Partition projection: table properties from which Athena computes the partitions, so that none has to be listed.
//!
//! Athena looks into every folder that the properties describe and a query does not rule out, and into no other. A year
//! out of range is therefore a silent loss, while a year too many costs time only, and only in queries that do not
//! restrict `year`. So the range begins with the table's first year and ends some years after its last.
//!
//! Only Athena knows these properties. They are to be set by Athena too: Spark would take the `${year}` of the location
//! template for a variable of its own.

use std::fmt::Write as _;

use super::PartitionColumn;
use super::literal::string;

/// Years after the last one with rows: nobody has to think of the table for that long, and a query over all of them
/// still looks into fewer than fifty thousand empty folders (12 months of 31 days of 24 hours a year).
const YEARS_AHEAD: u16 = 5;

/// The range for a table without rows: from CloudFront's first year to the end of the century. It is slow to query
/// without a restriction of `year`, but it misses nothing; DDL made after the first conversion is quick.
const YEARS_OF_EMPTY_TABLE: (u16, u16) = (2008, 2099);

/// Returns the `TBLPROPERTIES` clause, with a line break before it.
pub(super) fn properties(columns: &[PartitionColumn], years: impl Iterator<Item = u16>, location: &str) -> String {
    let mut out = String::from("\nTBLPROPERTIES (\n  'projection.enabled' = 'true'");
    let mut property = |key: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = write!(out, ",\n  {} = {}", string(key), string(value));
    };
    let (first_year, last_year) = year_range(years);
    let mut template = location.to_owned();
    for column in columns {
        let name = column.name;
        let (first, last) = if name == "year" { (first_year, last_year) } else { (column.first, column.last) };
        property(&format!("projection.{name}.type"), "integer");
        property(&format!("projection.{name}.range"), &format!("{first},{last}"));
        // Keeps the leading zeros, without which the folders would not be found.
        property(&format!("projection.{name}.digits"), &column.digits.to_string());
        let _ = write!(template, "{name}=${{{name}}}/");
    }
    property("storage.location.template", &template);
    out.push_str("\n)");
    out
}

fn year_range(years: impl Iterator<Item = u16>) -> (u16, u16) {
    let range = years.fold(None, |range: Option<(u16, u16)>, year| {
        Some(range.map_or((year, year), |(first, last)| (first.min(year), last.max(year))))
    });
    // Four digits are the width of a year in the paths.
    range.map_or(YEARS_OF_EMPTY_TABLE, |(first, last)| (first, last.saturating_add(YEARS_AHEAD).min(9999)))
}
