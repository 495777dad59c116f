//! An hour of UTC, as in the names of CloudFront's log files.

use std::{fmt, str::FromStr};

use crate::Error;

/// One hour of UTC between `1970-01-01T00` and `9999-12-31T23`, read from and shown as `YYYY-MM-DDTHH`.
///
/// ```
/// use lakefront_loggen::Hour;
///
/// let hour: Hour = "2024-02-28T23".parse()?;
/// assert_eq!(hour.plus(1).to_string(), "2024-02-29T00");
/// # Ok::<(), lakefront_loggen::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour {
    /// Hours since 1970-01-01T00.
    since_epoch: u32,
}

impl Hour {
    /// The first possible hour.
    pub const FIRST: Self = Self { since_epoch: 0 };
    /// The last possible hour.
    pub const LAST: Self = Self { since_epoch: (days_before_year(10_000)) * 24 - 1 };

    /// Returns the hour of a date and an hour of the day; `None` if there is no such date or hour.
    pub const fn from_date(year: u32, month: u32, day: u32, hour: u32) -> Option<Self> {
        if year < 1970 || year > 9999 || month < 1 || month > 12 || hour > 23 {
            return None;
        }
        if day < 1 || day > days_in_month(year, month) {
            return None;
        }
        let mut days = days_before_year(year) + day - 1;
        let mut earlier = 1;
        while earlier < month {
            days += days_in_month(year, earlier);
            earlier += 1;
        }
        Some(Self { since_epoch: days * 24 + hour })
    }

    /// Returns the hour that is `hours` later, at most [`Hour::LAST`].
    #[must_use]
    pub fn plus(self, hours: u32) -> Self {
        Self { since_epoch: self.since_epoch.saturating_add(hours) }.min(Self::LAST)
    }

    /// Returns the hour that is `hours` earlier, at least [`Hour::FIRST`].
    #[must_use]
    pub fn minus(self, hours: u32) -> Self {
        Self { since_epoch: self.since_epoch.saturating_sub(hours) }
    }

    /// Returns the date, as `YYYY-MM-DD`.
    pub(crate) fn date(self) -> String {
        let mut days = self.since_epoch / 24;
        let mut year = 1970 + days / 366;
        while days_before_year(year + 1) <= days {
            year += 1;
        }
        days -= days_before_year(year);
        let mut month = 1;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        format!("{year:04}-{month:02}-{:02}", days + 1)
    }

    /// Returns the hour of the day, 0 to 23.
    pub(crate) fn of_day(self) -> u32 {
        self.since_epoch % 24
    }

    /// Returns the hours since 1970-01-01T00.
    pub(crate) fn since_epoch(self) -> u32 {
        self.since_epoch
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}T{:02}", self.date(), self.of_day())
    }
}

impl FromStr for Hour {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| Error::Hour { got: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Hour> {
    let (date, hour) = text.split_once('T')?;
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = number(parts.next()?, 2)?;
    let day = number(parts.next()?, 2)?;
    let hour = number(hour, 2)?;
    if parts.next().is_some() {
        return None;
    }
    Hour::from_date(year, month, day, hour)
}

fn number(text: &str, num_digits: usize) -> Option<u32> {
    // `parse` alone would accept a sign.
    if text.len() != num_digits || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

const fn days_before_year(year: u32) -> u32 {
    let last = year - 1;
    365 * (year - 1970) + (last / 4 - last / 100 + last / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400)
}

const fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_read_as_it_is_shown() {
        for text in
            ["1970-01-01T00", "2000-02-29T12", "2023-12-31T23", "2024-02-29T05", "2025-01-02T03", "9999-12-31T23"]
        {
            assert_eq!(text.parse::<Hour>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_day_of_130_years_follows_the_one_before() {
        let mut hour = Hour::FIRST;
        let mut earlier = String::new();
        for _ in 0..130 * 366 {
            let date = hour.date();
            assert!(date > earlier, "{date} after {earlier}");
            assert_eq!(format!("{date}T00").parse::<Hour>().unwrap(), hour);
            earlier = date;
            hour = hour.plus(24);
        }
    }

    #[test]
    fn hours_stop_at_both_ends() {
        assert_eq!(Hour::FIRST.minus(1), Hour::FIRST);
        assert_eq!(Hour::LAST.plus(u32::MAX), Hour::LAST);
        assert_eq!(Hour::LAST.to_string(), "9999-12-31T23");
    }

    #[test]
    fn other_texts_are_refused_with_the_text_and_the_form_of_an_hour() {
        for text in ["", "2025-01-02", "2025-02-29T00", "2025-13-01T00", "2025-01-02T24", "2025-1-2T3", "+025-01-02T03"]
        {
            let message = text.parse::<Hour>().unwrap_err().to_string();
            assert!(message.contains(&format!("got `{text}`")) && message.contains("YYYY-MM-DDTHH"), "{message}");
        }
    }
}
