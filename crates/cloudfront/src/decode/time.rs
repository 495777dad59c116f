//! Cells to moments: dates, times and epoch timestamps, all UTC.

/// Microseconds in a second.
pub(crate) const MICROS: i64 = 1_000_000;

/// Returns the days since 1970-01-01 of `YYYY-MM-DD`; `None` if that is not a real date.
pub(crate) fn days_of_date(cell: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *cell else { return None };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[m1, m2])?;
    let day = number(&[d1, d2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last_day = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || !(1..=last_day).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year: any five months from there have 153 days.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    // 719,468 days from 0000-03-01 to 1970-01-01.
    Some(march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - 719_468)
}

/// Returns the seconds since midnight of `HH:MM:SS`; `None` if that is not a real time. CloudFront smears leap seconds, so
/// `23:59:60` is not one.
pub(crate) fn seconds_of_time(cell: &[u8]) -> Option<i32> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *cell else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Returns the microseconds since 1970 of a decimal number of units of 10^-`exponent` seconds (0: seconds, 3:
/// milliseconds), without finer digits; `None` if the cell is not such a number. It is `i64::MAX` if it does not fit, which
/// is past any calendar.
pub(crate) fn micros_of_timestamp(cell: &[u8], exponent: usize) -> Option<i64> {
    const MAX_DIGITS: usize = 18;
    let point = cell.iter().position(|&byte| byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&cell[..at], &cell[at + 1..]),
        None => (cell, &b""[..]),
    };
    let all_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let fits = (1..=MAX_DIGITS).contains(&whole.len()) && all_digits(whole) && all_digits(fraction);
    if !fits || (point.is_some() && fraction.is_empty()) {
        return None;
    }
    let kept_digits = 6_usize.saturating_sub(exponent);
    let fraction = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(kept_digits);
    let micros = whole.iter().copied().chain(fraction).fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    Some(i64::try_from(micros).unwrap_or(i64::MAX))
}

/// Returns the time of day, `HH:MM:SS`, of a second since 1970.
pub(crate) fn time_of_second(second: i64) -> String {
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        for (date, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2024-05-17", 19_860),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(days_of_date(date.as_bytes()), Some(days), "{date}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = days_of_date(b"1896-01-01").unwrap();
        for year in 1896..2110 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_of_date(format!("{year}-{month:02}-{day:02}").as_bytes()) {
                        assert_eq!(days, expected);
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, days_of_date(b"2110-01-01").unwrap());
    }

    #[test]
    fn anything_else_is_not_a_date_or_time() {
        for cell in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "0000-01-01",
            "2024-5-1",
            "24-05-17",
            "2024/05/17",
            "",
            "-",
        ] {
            assert_eq!(days_of_date(cell.as_bytes()), None, "{cell}");
        }
        for cell in ["24:00:00", "23:60:00", "23:59:60", "1:02:03", "01:02", "01:02:03Z", "aa:bb:cc", ""] {
            assert_eq!(seconds_of_time(cell.as_bytes()), None, "{cell}");
        }
        assert_eq!(seconds_of_time(b"23:59:59"), Some(86_399));
    }

    #[test]
    fn timestamps_keep_microseconds() {
        assert_eq!(micros_of_timestamp(b"1671005351.148", 0), Some(1_671_005_351_148_000));
        assert_eq!(micros_of_timestamp(b"1715940000123", 3), Some(1_715_940_000_123_000));
        assert_eq!(micros_of_timestamp(b"1715940000123.4567", 3), Some(1_715_940_000_123_456));
        assert_eq!(micros_of_timestamp(b"5", 0), Some(5_000_000));
        assert_eq!(micros_of_timestamp(b"999999999999999999", 0), Some(i64::MAX));
        for cell in ["", "-", "-5", "+5", "1e9", "1.", ".5", "1234567890123456789", "12 "] {
            assert_eq!(micros_of_timestamp(cell.as_bytes(), 0), None, "{cell}");
        }
    }

    #[test]
    fn a_second_has_its_time_of_day() {
        assert_eq!(time_of_second(1_715_940_000), "10:00:00");
        assert_eq!(time_of_second(86_399), "23:59:59");
    }
}
