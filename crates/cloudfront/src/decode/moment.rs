//! Cells of a row in, the moment of its request out.

use std::sync::Arc;

use lakefront_schema::days_of_date;

use super::{
    layout::Layout,
    text::{Cells, Text, is_absent},
    time::{MICROS, micros_of_timestamp, plain_second_of_day, seconds_of_time},
};
use crate::RejectReason;

/// The moment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970 UTC, which decide the partition.
    pub(crate) second: i64,
    /// Microseconds since 1970 UTC, in that second.
    pub(crate) micros: i64,
    /// Whether it comes from the date and time fields, or else from a timestamp field.
    pub(crate) is_logged: bool,
}

impl Moment {
    /// Returns the day, in days since 1970-01-01.
    #[inline]
    pub(crate) fn day(self) -> i32 {
        i32::try_from(self.second.div_euclid(86_400)).expect("a row is of a year below 10000")
    }

    /// Returns the hour, in hours since 1970-01-01T00 UTC.
    #[inline]
    pub(crate) fn hour(self) -> i32 {
        i32::try_from(self.second.div_euclid(3600)).expect("a row is of a year below 10000")
    }
}

/// Reads moments. It remembers the last date, as most rows have the same one.
#[derive(Debug)]
pub(crate) struct Clock {
    latest_second: i64,
    last_date: [u8; 10],
    last_days: i32,
}

/// 2008-11-01, the month in which CloudFront began.
const EARLIEST_SECOND: i64 = 14_184 * 86_400;
/// 9999-12-30T21:59:59, the last second of which every calendar in this program knows the hour.
const LAST_SECOND: i64 = 253_402_207_199;

impl Clock {
    pub(crate) fn new(latest_second: i64) -> Self {
        Self { latest_second: latest_second.min(LAST_SECOND), last_date: *b"1970-01-01", last_days: 0 }
    }

    /// Returns the moment of a row's request.
    ///
    /// # Errors
    /// The reason why the row has no partition.
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

    /// Returns the moment of a request whose date and time are logged as they nearly always are, in 10 and in 8 bytes, and
    /// that has no finer timestamp; `None` for any other, also one that is not possible.
    #[inline]
    pub(crate) fn plain_moment(&mut self, date: &[u8; 10], time: [u8; 8]) -> Option<Moment> {
        let of_day = plain_second_of_day(time)?;
        let second = i64::from(self.days(date)?) * 86_400 + i64::from(of_day);
        let is_possible = (EARLIEST_SECOND..=self.latest_second).contains(&second);
        is_possible.then_some(Moment { second, micros: second * MICROS, is_logged: true })
    }

    #[inline]
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
    use lakefront_schema::{TableSchema, row_block::TEXT_PADDING};

    use super::*;

    fn moment_of(names: &str, line: &str) -> Result<Moment, RejectReason> {
        let names: Vec<&str> = names.split(' ').collect();
        let layout = Arc::new(Layout::try_new(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap());
        let mut ends: Vec<u32> = line.match_indices('\t').map(|(at, _)| u32::try_from(at).unwrap()).collect();
        ends.push(u32::try_from(line.len()).unwrap());
        let padded = [line.as_bytes(), &[0; TEXT_PADDING]].concat();
        Clock::new(1_800_000_000).moment(Text::new(&padded), Cells { start: 0, ends: &ends }, &layout)
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
