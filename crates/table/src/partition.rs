//! Stage 7. Block of rows in, the rows of each partition out.
//!
//! A row's partition comes from its own hour (UTC), never from the object's name or the clock. Rows keep their order
//! within a partition.

use std::{borrow::Cow, collections::HashMap, fmt, str::FromStr};

use arrow::{
    array::{Array as _, ArrayRef, UInt32Array},
    compute::take,
    error::ArrowError,
};
use jiff::{Timestamp, tz::TimeZone};

use crate::Error;

pub use lakefront_schema::PARTITION_COLUMNS;
use lakefront_schema::row_block::RowBlock;

/// Partitioning of a table, by its finest partition column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionBy {
    /// `year=2024`
    Year,
    /// `year=2024/month=05`
    Month,
    /// `year=2024/month=05/day=17`
    Day,
    /// `year=2024/month=05/day=17/hour=10`, the default.
    #[default]
    Hour,
}

/// The partition of a row: its hour, without the parts that are finer than the table's partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartitionKey {
    by: PartitionBy,
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
}

impl PartitionBy {
    /// Returns the partition columns, coarsest first.
    pub fn columns(self) -> &'static [&'static str] {
        let (columns, _) = PARTITION_COLUMNS.split_at(self as usize + 1);
        columns
    }
}

impl FromStr for PartitionBy {
    type Err = Error;

    /// Reads the name of the finest column.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "year" => Ok(Self::Year),
            "month" => Ok(Self::Month),
            "day" => Ok(Self::Day),
            "hour" => Ok(Self::Hour),
            _ => Err(Error::PartitionBy { text: text.to_owned() }),
        }
    }
}

impl PartitionKey {
    /// Returns the partition of an hour, in hours since 1970-01-01T00 UTC.
    ///
    /// # Panics
    /// No row is of this hour: [`try_of_hour`](Self::try_of_hour) is for hours that are not of rows.
    pub fn of_hour(hour: i32, by: PartitionBy) -> Self {
        Self::try_of_hour(hour, by).expect("an hour of a row is before 9999-12-30T22")
    }

    /// Returns the partition of an hour; `None` if the calendar ends before it, so that no row can be of it.
    pub fn try_of_hour(hour: i32, by: PartitionBy) -> Option<Self> {
        let moment = Timestamp::from_second(i64::from(hour) * 3600).ok()?.to_zoned(TimeZone::UTC);
        let cut = |value: i8, from: PartitionBy| if by >= from { value } else { 0 };
        Some(Self {
            by,
            year: moment.year(),
            month: cut(moment.month(), PartitionBy::Month),
            day: cut(moment.day(), PartitionBy::Day),
            hour: cut(moment.hour(), PartitionBy::Hour),
        })
    }

    /// Returns the values of the partition columns, zero-padded: `["2024", "05", "17", "10"]`.
    pub fn values(&self) -> Vec<String> {
        let all = [
            format!("{:04}", self.year),
            format!("{:02}", self.month),
            format!("{:02}", self.day),
            format!("{:02}", self.hour),
        ];
        all.into_iter().take(self.by.columns().len()).collect()
    }
}

impl fmt::Display for PartitionKey {
    /// Writes the partition's folder below the table: `year=2024/month=05/day=17/hour=10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (column, value)) in self.by.columns().iter().zip(self.values()).enumerate() {
            let slash = if index == 0 { "" } else { "/" };
            write!(f, "{slash}{column}={value}")?;
        }
        Ok(())
    }
}

/// Rows of a block, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows {
    /// All rows of the block, given by their number.
    All(usize),
    /// These rows.
    These(Vec<u32>),
}

/// Rows of a block that are to be read, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Selection<'a> {
    /// The first row, and the number of rows.
    From(usize, usize),
    /// These rows.
    These(&'a [u32]),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.selection().len()
    }

    pub(crate) fn selection(&self) -> Selection<'_> {
        match self {
            Self::All(count) => Selection::From(0, *count),
            Self::These(rows) => Selection::These(rows),
        }
    }

    /// Returns the rows without the first `count`.
    pub(crate) fn without_first(self, count: usize) -> Self {
        match self {
            rows if count == 0 => rows,
            Self::All(all) => Self::These((count..all).map(as_u32).collect()),
            Self::These(mut rows) => {
                rows.drain(..count.min(rows.len()));
                Self::These(rows)
            }
        }
    }
}

impl<'a> Selection<'a> {
    #[inline]
    pub(crate) fn len(self) -> usize {
        match self {
            Self::From(_, count) => count,
            Self::These(rows) => rows.len(),
        }
    }

    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> + Clone + 'a {
        (0..self.len()).map(move |place| match self {
            Self::From(first, _) => first + place,
            Self::These(rows) => rows[place] as usize,
        })
    }

    /// Returns `count` of the rows, from the `start`-th on.
    pub(crate) fn slice(self, start: usize, count: usize) -> Self {
        match self {
            Self::From(first, _) => Self::From(first + start, count),
            Self::These(rows) => Self::These(&rows[start..start + count]),
        }
    }

    /// Returns the cells of the rows in one column.
    ///
    /// # Errors
    /// The column is of a type of which Arrow cannot take rows.
    pub(crate) fn take(self, column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::From(first, count) => Ok(column.slice(first, count)),
            Self::These(rows) => take(column, &UInt32Array::from_iter_values(rows.iter().copied()), None),
        }
    }
}

/// Rows of a block, with what all columns need of them.
#[derive(Debug)]
pub(crate) struct Part<'b> {
    block: &'b RowBlock,
    rows: Selection<'b>,
    /// The first bound of each row.
    firsts: Cow<'b, [u32]>,
}

impl<'b> Part<'b> {
    pub(crate) fn new(block: &'b RowBlock, rows: Selection<'b>) -> Self {
        let firsts = match rows {
            Selection::From(first, count) => Cow::Borrowed(&block.rows()[first..first + count]),
            Selection::These(rows) => Cow::Owned(rows.iter().map(|row| block.rows()[*row as usize]).collect()),
        };
        Self { block, rows, firsts }
    }

    pub(crate) fn block(&self) -> &'b RowBlock {
        self.block
    }

    pub(crate) fn rows(&self) -> Selection<'b> {
        self.rows
    }

    pub(crate) fn firsts(&self) -> &[u32] {
        &self.firsts
    }
}

/// Splits a block by partition, from the hour of each row, in hours since 1970-01-01T00 UTC. Partitions come in the order
/// of their first rows.
pub fn split(hours: &[i32], by: PartitionBy) -> Vec<(PartitionKey, Rows)> {
    let mut split: Vec<(PartitionKey, Vec<u32>)> = Vec::new();
    let mut of_key: HashMap<PartitionKey, usize> = HashMap::new();
    let mut start = 0;
    for run in hours.chunk_by(|hour, next| hour == next) {
        let end = start + run.len();
        let key = PartitionKey::of_hour(run[0], by);
        let place = *of_key.entry(key).or_insert_with(|| {
            split.push((key, Vec::new()));
            split.len() - 1
        });
        let (_, rows) = &mut split[place];
        rows.extend((start..end).map(as_u32));
        start = end;
    }
    let rows_of = |rows: Vec<u32>| if rows.len() == hours.len() { Rows::All(rows.len()) } else { Rows::These(rows) };
    split.into_iter().map(|(key, rows)| (key, rows_of(rows))).collect()
}

fn as_u32(row: usize) -> u32 {
    u32::try_from(row).expect("a block has few rows")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-05-17T10 UTC.
    const HOUR: i32 = 476_650;

    #[test]
    fn a_key_is_written_as_its_hive_folder() {
        assert_eq!(PartitionKey::of_hour(HOUR, PartitionBy::Hour).to_string(), "year=2024/month=05/day=17/hour=10");
        assert_eq!(PartitionKey::of_hour(HOUR, PartitionBy::Month).to_string(), "year=2024/month=05");
        assert_eq!(PartitionKey::of_hour(HOUR, PartitionBy::Year).values(), ["2024"]);
        assert_eq!(PartitionKey::of_hour(HOUR, PartitionBy::Day), PartitionKey::of_hour(HOUR + 13, PartitionBy::Day));
        assert_ne!(PartitionKey::of_hour(HOUR, PartitionBy::Day), PartitionKey::of_hour(HOUR + 14, PartitionBy::Day));
    }

    #[test]
    fn keys_are_in_order_of_time() {
        let keys: Vec<_> = (HOUR..HOUR + 1000).map(|hour| PartitionKey::of_hour(hour, PartitionBy::Hour)).collect();
        assert!(keys.is_sorted());
    }

    #[test]
    fn rows_keep_their_order_within_a_partition() {
        let values = |hours: &[i32]| -> Vec<(String, Vec<usize>)> {
            split(hours, PartitionBy::Hour)
                .iter()
                .map(|(key, rows)| (key.to_string(), rows.selection().iter().map(|row| row + 1).collect()))
                .collect()
        };
        let folder = |hour| format!("year=2024/month=05/day=17/hour={hour}");
        assert_eq!(
            values(&[HOUR, HOUR - 1, HOUR, HOUR - 1, HOUR]),
            [(folder("10"), vec![1, 3, 5]), (folder("09"), vec![2, 4])]
        );
        assert_eq!(values(&[HOUR; 5]), [(folder("10"), vec![1, 2, 3, 4, 5])]);
    }
}
