//! Partition projection: table properties from which Athena computes the partitions, so that no partition has to be listed.
//!
//! Athena looks into every folder that the properties describe and that a query does not exclude, and into no other. So a
//! year out of range is lost silently, while a year too many only costs time, in queries that do not restrict `year`. That is
//! why the range begins with the table's first year and ends some years after its last one.
//!
//! Only Athena knows these properties, and Athena must set them: Spark would read the `${year}` of the location template as a
//! variable of its own.

use std::fmt::Write as _;

use super::PartitionColumn;
use super::literal::string;

/// Number of years after the last one with rows: the properties stay right for that long, and a query over all years looks
/// into fewer than fifty thousand empty folders (12 months of 31 days of 24 hours a year).
const YEARS_AHEAD: u16 = 5;

/// First and last year of a table without rows: from CloudFront's first year to the end of the century. Queries that do not
/// restrict `year` are slow then, but miss nothing; DDL that is made after the first conversion is fast.
const YEARS_OF_EMPTY_TABLE: (u16, u16) = (2008, 2099);

/// Returns the `TBLPROPERTIES` clause, with a line break before it.
pub(super) fn properties(columns: &[PartitionColumn], years: impl Iterator<Item = u16>, location: &str) -> String {
    let mut out = String::from("\nTBLPROPERTIES (\n  'projection.enabled' = 'true'");
    let mut property = |key: &str, value: &str| {
        write!(out, ",\n  {} = {}", string(key), string(value)).expect("writing to a string cannot fail");
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
        write!(template, "{name}=${{{name}}}/").expect("writing to a string cannot fail");
    }
    property("storage.location.template", &template);
    out.push_str("\n)");
    out
}

fn year_range(years: impl Iterator<Item = u16>) -> (u16, u16) {
    let range = years.fold(None, |range: Option<(u16, u16)>, year| {
        Some(range.map_or((year, year), |(first, last)| (first.min(year), last.max(year))))
    });
    // A year has four digits in paths.
    range.map_or(YEARS_OF_EMPTY_TABLE, |(first, last)| (first, last.saturating_add(YEARS_AHEAD).min(9999)))
}
