//! Parses the values of flags: numbers, sizes, durations and times. A text must be valid to its end; an error shows an
//! example.
//!
//! Times are UTC. A blank may replace the `T` between date and time of day, and a `Z` may end a time.

pub(crate) mod formats;

use std::time::Duration;

use anyhow::anyhow;
use jiff::{Timestamp, ToSpan as _, civil, tz::TimeZone};
use lakefront_operations::{MaxRejects, printable_name};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const TIB: u64 = 1 << 40;

/// Upper limit of the hours in `-<hours>h`, exclusive: more than a century.
const MAX_HOURS_BACK: u64 = 1_000_000;

/// Returns a value without blanks around it: they are often copied by accident or read from a file.
pub(crate) fn trimmed(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
}

/// Returns the error for a value that is not valid: `expected` describes valid ones.
fn refused(flag: &str, text: &str, expected: &str) -> anyhow::Error {
    anyhow!("`{flag} {}`: expected {expected}", printable_name(text))
}

/// Returns a whole number without a sign.
///
/// # Errors
/// The text is not such a number, or the number is not in the range.
pub(crate) fn number(flag: &str, text: &str, range: std::ops::RangeInclusive<u64>) -> anyhow::Result<u64> {
    digits(text).filter(|number| range.contains(number)).ok_or_else(|| {
        let (first, last) = (range.start(), range.end());
        let expected = match *last {
            u64::MAX => format!("a whole number from {first} on, like `{}`", first.max(&200)),
            last => format!("a whole number from {first} to {last}, like `{}`", first.max(&4)),
        };
        refused(flag, text, &expected)
    })
}

/// Returns a number of bytes: `64MiB`, `1GB`, `4096`.
///
/// # Errors
/// The text is not a number of bytes, or the number is 0 or too large.
pub(crate) fn bytes(flag: &str, text: &str) -> anyhow::Result<u64> {
    let (number, unit) = text.split_at(text.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit.strip_prefix(' ').filter(|unit| !unit.is_empty()).unwrap_or(unit) {
        "" | "B" => Some(1),
        "KiB" | "K" => Some(KIB),
        "MiB" | "M" => Some(MIB),
        "GiB" | "G" => Some(GIB),
        "TiB" | "T" => Some(TIB),
        "KB" | "kB" => Some(1000),
        "MB" => Some(1000 * 1000),
        "GB" => Some(1000 * 1000 * 1000),
        "TB" => Some(1000 * 1000 * 1000 * 1000),
        _ => None,
    };
    let product = digits(number).zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    product
        .filter(|&bytes| bytes > 0)
        .ok_or_else(|| refused(flag, text, "a number of bytes like `64MiB`, `1GB` or `4096`"))
}

/// Returns a duration: `2h`, `90m`, `45s`, `1d`, `0`.
///
/// # Errors
/// The text is not a duration, or the duration is too long.
pub(crate) fn duration(flag: &str, text: &str) -> anyhow::Result<Duration> {
    let seconds = match text.char_indices().next_back() {
        _ if text == "0" => Some(0),
        Some((end, unit)) => {
            let factor = match unit {
                's' => Some(1),
                'm' => Some(60),
                'h' => Some(3600),
                'd' => Some(86_400),
                _ => None,
            };
            text.get(..end).and_then(digits).zip(factor).and_then(|(number, factor)| number.checked_mul(factor))
        }
        None => None,
    };
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| refused(flag, text, "one number with a unit, like `2h`, `90m`, `45s` or `1d`, or `0`"))
}

/// Returns the limit of rejected rows: `100` or `0.1%`.
///
/// # Errors
/// The text is neither a whole number nor a share of 0 to 100 percent.
pub(crate) fn max_rejects(text: &str) -> anyhow::Result<MaxRejects> {
    let limit = match text.strip_suffix('%') {
        Some(percent) => {
            let is_plain = percent
                .split_once('.')
                .map_or_else(|| is_digits(percent), |(whole, fraction)| is_digits(whole) && is_digits(fraction));
            let percent = percent.parse().ok().filter(|percent| is_plain && (0.0..=100.0).contains(percent));
            percent.map(MaxRejects::Percent)
        }
        None => digits(text).map(MaxRejects::Rows),
    };
    limit.ok_or_else(|| {
        refused("--max-rejects", text, "a whole number like `100`, or a share from `0%` to `100%` like `0.1%`")
    })
}

/// Returns an hour, in hours since 1970-01-01T00 UTC: `2024-05-17`, `2024-05-17T10`, or back from now: `-3d`, `-6h`.
///
/// # Errors
/// The text is not an hour, has minutes, or names a time zone.
pub(crate) fn hour(flag: &str, text: &str, now: Timestamp) -> anyhow::Result<i32> {
    let expected = || refused(flag, text, "an hour (UTC) like `2025-03-04`, `2025-03-04T23`, `-3d` or `-6h`");
    let moment = if let Some(back) = text.strip_prefix('-') {
        let (end, unit) = back.char_indices().next_back().ok_or_else(expected)?;
        let factor = match unit {
            'd' => 24,
            'h' => 1,
            _ => return Err(expected()),
        };
        let hours = back.get(..end).and_then(digits).and_then(|number| number.checked_mul(factor));
        let hours = hours.filter(|hours| *hours < MAX_HOURS_BACK).and_then(|hours| i64::try_from(hours).ok());
        now.checked_sub(hours.ok_or_else(expected)?.hours()).map_err(|_| expected())?
    } else {
        let (date, time) = moment(text).map_err(|flaw| flaw.refuse(flag, text, expected))?;
        let time = time.unwrap_or_default();
        if (time.minute(), time.second(), time.subsec_nanosecond()) != (0, 0, 0) {
            return Err(refused(flag, text, "a whole hour, as logs are named by hours, like `2025-03-04T23`"));
        }
        timestamp(date, time).ok_or_else(expected)?
    };
    i32::try_from(moment.as_second().div_euclid(3600)).map_err(|_| expected())
}

/// Returns the time of a date with a time of day, both UTC: `2024-05-17T10:00:00Z`.
///
/// # Errors
/// The text is not a time, or names a time zone.
pub(crate) fn time(flag: &str, text: &str) -> anyhow::Result<Timestamp> {
    let expected = || refused(flag, text, "a time (UTC) like `2024-05-17T10:00:00Z`");
    let (date, time) = moment(text).map_err(|flaw| flaw.refuse(flag, text, expected))?;
    time.and_then(|time| timestamp(date, time)).ok_or_else(expected)
}

/// Returns a day: `2024-05-17`.
///
/// # Errors
/// The text is not a day, has a time of day, or names a time zone.
pub(crate) fn day(flag: &str, text: &str) -> anyhow::Result<String> {
    let expected = || refused(flag, text, "a day (UTC) like `2024-05-17`");
    match moment(text).map_err(|flaw| flaw.refuse(flag, text, expected))? {
        (date, None) => Ok(date.to_string()),
        (_, Some(_)) => Err(expected()),
    }
}

/// The reason why a text is not a time.
enum Flaw {
    /// It has an offset or the name of a time zone.
    Zone,
    /// Any other reason.
    Other,
}

impl Flaw {
    fn refuse(self, flag: &str, text: &str, expected: impl Fn() -> anyhow::Error) -> anyhow::Error {
        match self {
            Self::Zone => anyhow!(
                "`{flag} {}`: times are UTC: an offset or a time zone is not accepted\nhint: convert the time to UTC and write it without a zone, like `2025-03-04T23`",
                printable_name(text)
            ),
            Self::Other => expected(),
        }
    }
}

/// Parses a date, and the time of day after it if there is one.
fn moment(text: &str) -> Result<(civil::Date, Option<civil::Time>), Flaw> {
    let (date, rest) = text.split_at_checked("YYYY-MM-DD".len()).ok_or(Flaw::Other)?;
    let date = date_of(date).ok_or(Flaw::Other)?;
    let (time, rest) = match rest.strip_prefix(['T', 't', ' ']) {
        Some(rest) if begins_zone(rest) => return Err(Flaw::Zone),
        Some(rest) => time_of(rest).map(|(time, rest)| (Some(time), rest)).ok_or(Flaw::Other)?,
        // `2024-05-17-10` is written as in names of logs.
        None if rest.starts_with('-') => return Err(Flaw::Other),
        None => (None, rest),
    };
    match rest {
        "" | "Z" | "z" => Ok((date, time)),
        zone if begins_zone(zone.trim_start()) => Err(Flaw::Zone),
        _ => Err(Flaw::Other),
    }
}

/// Returns whether a text begins like an offset or the name of a time zone.
fn begins_zone(text: &str) -> bool {
    text.starts_with(|symbol: char| "+-\u{2212}[".contains(symbol) || symbol.is_ascii_alphabetic())
}

/// Parses a date, `YYYY-MM-DD`.
fn date_of(text: &str) -> Option<civil::Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_padded = [year, month, day].map(str::len) == [4, 2, 2] && [year, month, day].into_iter().all(is_digits);
    if !is_padded || parts.next().is_some() {
        return None;
    }
    civil::Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Parses the time of day at the start of a text, `HH`, `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fraction`, and returns it with the
/// rest.
fn time_of(text: &str) -> Option<(civil::Time, &str)> {
    let (hour, mut rest) = two_digits(text)?;
    let (mut minute, mut second, mut nanosecond) = (0, 0, 0);
    if let Some(after) = rest.strip_prefix(':') {
        (minute, rest) = two_digits(after)?;
        if let Some(after) = rest.strip_prefix(':') {
            (second, rest) = two_digits(after)?;
            if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(|symbol: char| !symbol.is_ascii_digit()).unwrap_or(after.len());
                let (fraction, after) = after.split_at(end);
                nanosecond = format!("{fraction:0<9}").parse().ok().filter(|_| (1..=9).contains(&end))?;
                rest = after;
            }
        }
    }
    Some((civil::Time::new(hour, minute, second, nanosecond).ok()?, rest))
}

fn two_digits(text: &str) -> Option<(i8, &str)> {
    let (number, rest) = text.split_at_checked(2)?;
    Some((number.parse().ok().filter(|_| is_digits(number))?, rest))
}

fn timestamp(date: civil::Date, time: civil::Time) -> Option<Timestamp> {
    Some(date.to_datetime(time).to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Returns whether a text has only ASCII digits. `parse` would accept a sign.
fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn digits(text: &str) -> Option<u64> {
    text.parse().ok().filter(|_| is_digits(text))
}

#[cfg(test)]
mod tests;
