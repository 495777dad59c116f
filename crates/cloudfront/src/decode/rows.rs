//! Rows on their way from lines to columns: where each cell starts and ends, and when the request happened.

use std::sync::Arc;

use super::time::{MICROS, days_of_date, micros_of_timestamp, seconds_of_time};
use super::views::Text;
use crate::{RejectReason, header::Layout, header::Position};

/// Rows of one layout, some thousand at most, so that columns are built in tight loops over what the cache holds.
#[derive(Debug, Default)]
pub(crate) struct RowBlock {
    /// Text positions: for each row one before its start, then where each of its cells ends; a TAB or the line's end
    /// stands there. So every cell starts one behind the position before its end.
    bounds: Vec<u32>,
    /// For each row where it begins in `bounds`, and one more for where the last row ends.
    first_bounds: Vec<u32>,
    /// How many bounds the last row has, and whether no other has more or fewer.
    bounds_per_row: usize,
    is_uniform: bool,
    /// When each request happened.
    pub(crate) moments: Vec<Moment>,
    /// Line number of each row in its object, from 1.
    pub(crate) lines: Vec<u64>,
}

/// When a request happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970 UTC: what the partition comes from.
    pub(crate) second: i64,
    /// Microseconds since 1970 UTC, in that second.
    pub(crate) micros: i64,
    /// Whether the date and time fields say so; else a timestamp field does.
    pub(crate) is_logged: bool,
}

/// One line being split, before it is known to be a row.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'b> {
    pub(crate) start: u32,
    pub(crate) ends: &'b [u32],
}

impl Cells<'_> {
    pub(crate) fn get<'t>(&self, text: Text<'t>, position: Position) -> Option<&'t [u8]> {
        let (start, end) = self.range(position?)?;
        Some(text.cell(start, end))
    }

    /// Where the cell starts and ends in the text; none where the row has no such cell.
    #[inline]
    pub(crate) fn range(&self, position: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(position)?;
        let start = if position == 0 { self.start } else { self.ends.get(position - 1)? + 1 };
        Some((start, end))
    }
}

impl RowBlock {
    /// More rows or cells than this, and the block goes to the columns.
    const MAX_ROWS: usize = 1024;
    const MAX_CELLS: usize = 64 * 1024;

    pub(crate) fn len(&self) -> usize {
        self.moments.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= Self::MAX_ROWS || self.bounds.len() >= Self::MAX_CELLS
    }

    pub(crate) fn clear(&mut self) {
        self.bounds_per_row = 0;
        self.is_uniform = true;
        self.bounds.clear();
        self.first_bounds.clear();
        self.moments.clear();
        self.lines.clear();
    }

    pub(crate) fn push(&mut self, cells: Cells<'_>, moment: Moment, line: u64) {
        if self.first_bounds.is_empty() {
            self.first_bounds.push(0);
        }
        let bounds = cells.ends.len() + 1;
        self.is_uniform &= self.bounds_per_row == bounds || self.moments.is_empty();
        self.bounds_per_row = bounds;
        self.bounds.push(cells.start.wrapping_sub(1));
        self.bounds.extend_from_slice(cells.ends);
        self.first_bounds.push(u32::try_from(self.bounds.len()).unwrap_or(u32::MAX));
        self.moments.push(moment);
        self.lines.push(line);
    }

    /// The row's cells, in the order of the rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        self.ranges().map(|(from, to)| match self.bounds.get(from..to) {
            Some([before, ends @ ..]) => Cells { start: before.wrapping_add(1), ends },
            _ => Cells { start: 0, ends: &[] },
        })
    }

    /// The same as [`Self::cells`] where all rows have as many cells, and such a cell: it is quicker.
    #[inline]
    pub(crate) fn uniform_cells(&self, position: usize) -> Option<impl Iterator<Item = (u32, u32)> + Clone> {
        let is_there = self.is_uniform && position.saturating_add(1) < self.bounds_per_row;
        let rows = self.bounds.chunks_exact(self.bounds_per_row.max(1));
        is_there.then(|| {
            rows.map(move |bounds| match bounds.get(position..position + 2) {
                Some(&[before, end]) => (before.wrapping_add(1), end),
                _ => (0, 0),
            })
        })
    }

    /// For each row where the cell at `position` starts and ends; none where the row has no such cell.
    #[inline]
    pub(crate) fn cells(&self, position: usize) -> impl Iterator<Item = Option<(u32, u32)>> + Clone {
        self.ranges().map(move |(from, to)| {
            let at = from.saturating_add(position);
            if at.saturating_add(1) >= to {
                return None;
            }
            match self.bounds.get(at..at + 2) {
                Some(&[before, end]) => Some((before.wrapping_add(1), end)),
                _ => None,
            }
        })
    }

    /// For each row where its bounds are.
    #[inline]
    fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        let ends = self.first_bounds.get(1..).unwrap_or_default();
        self.first_bounds.iter().zip(ends).map(|(&from, &to)| (from as usize, to as usize))
    }
}

/// CloudFront writes `-` for no value.
#[inline]
pub(crate) fn is_absent(cell: &[u8]) -> bool {
    matches!(cell, b"" | b"-")
}

/// Reads moments; remembers the last date, as most rows have the same.
#[derive(Debug)]
pub(crate) struct Clock {
    latest_second: i64,
    last_date: [u8; 10],
    last_days: i32,
}

/// 2008-11-01, the month in which CloudFront began.
const EARLIEST_SECOND: i64 = 14_184 * 86_400;

impl Clock {
    pub(crate) fn new(latest_second: i64) -> Self {
        Self { latest_second, last_date: *b"1970-01-01", last_days: 0 }
    }

    /// When the request of this row happened.
    ///
    /// # Errors
    /// Why the row has no partition.
    pub(crate) fn moment(
        &mut self,
        text: Text<'_>,
        cells: Cells<'_>,
        layout: &Arc<Layout>,
    ) -> Result<Moment, RejectReason> {
        let present = |position| cells.get(text, position).filter(|cell| !is_absent(cell));
        let stamp = |position, exponent| present(position).and_then(|cell| micros_of_timestamp(cell, exponent));
        let stamps = || [stamp(layout.timestamp_ms, 3), stamp(layout.timestamp, 0)].into_iter().flatten();

        let (second, is_logged) = match (present(layout.date), present(layout.time)) {
            (Some(date), Some(time)) => {
                let days = self.days(date).ok_or(RejectReason::BadDate)?;
                let seconds = seconds_of_time(time).ok_or(RejectReason::BadTime)?;
                (i64::from(days) * 86_400 + i64::from(seconds), true)
            }
            _ => (stamps().next().ok_or(RejectReason::NoTime)?.div_euclid(MICROS), false),
        };
        if !(EARLIEST_SECOND..=self.latest_second).contains(&second) {
            return Err(RejectReason::OutOfRange);
        }
        // The finest time that falls in the row's second, so that no column ever leaves the row's partition.
        let micros = stamps().find(|micros| micros.div_euclid(MICROS) == second).unwrap_or(second * MICROS);
        Ok(Moment { second, micros, is_logged })
    }

    fn days(&mut self, date: &[u8]) -> Option<i32> {
        if date != self.last_date {
            self.last_days = days_of_date(date)?;
            self.last_date.copy_from_slice(date);
        }
        Some(self.last_days)
    }
}

#[cfg(test)]
mod tests {
    use lakefront_schema::TableSchema;

    use super::*;

    fn moment_of(names: &str, line: &str) -> Result<Moment, RejectReason> {
        let names: Vec<&str> = names.split(' ').collect();
        let layout = Arc::new(Layout::try_new(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap());
        let mut ends: Vec<u32> = line.match_indices('\t').map(|(at, _)| u32::try_from(at).unwrap()).collect();
        ends.push(u32::try_from(line.len()).unwrap());
        let text = Text { bytes: line.as_bytes(), is_utf8: true };
        Clock::new(1_800_000_000).moment(text, Cells { start: 0, ends: &ends }, &layout)
    }

    #[test]
    fn date_and_time_come_first_and_timestamps_stand_in() {
        let second = 1_715_940_000;
        let logged = |micros| Ok(Moment { second, micros, is_logged: true });
        assert_eq!(moment_of("date time", "2024-05-17\t10:00:00"), logged(second * MICROS));
        assert_eq!(
            moment_of("date time timestamp(ms)", "2024-05-17\t10:00:00\t1715940000123"),
            logged(second * MICROS + 123_000)
        );
        assert_eq!(
            moment_of("date time timestamp(ms)", "2024-05-17\t10:00:00\t1715940001123"),
            logged(second * MICROS),
            "another second"
        );
        let stamped = |micros| Ok(Moment { second, micros, is_logged: false });
        assert_eq!(moment_of("date timestamp", "2024-05-17\t1715940000"), stamped(second * MICROS));
        assert_eq!(moment_of("date time timestamp", "-\t\t1715940000.25"), stamped(second * MICROS + 250_000));
    }

    #[test]
    fn a_row_without_a_possible_moment_says_why() {
        assert_eq!(moment_of("date time", "-\t10:00:00"), Err(RejectReason::NoTime));
        assert_eq!(moment_of("date time", "2024-05-17"), Err(RejectReason::NoTime));
        assert_eq!(moment_of("date time", "2024-02-30\t10:00:00"), Err(RejectReason::BadDate));
        assert_eq!(moment_of("date time timestamp", "2024-02-28\t1:00:00\t1715940000"), Err(RejectReason::BadTime));
        assert_eq!(moment_of("date time", "2008-10-31\t23:59:59"), Err(RejectReason::OutOfRange));
        assert!(moment_of("date time", "2008-11-01\t00:00:00").is_ok());
        assert_eq!(moment_of("timestamp", "1800000001"), Err(RejectReason::OutOfRange));
        assert!(moment_of("timestamp", "1800000000").is_ok());
    }
}
