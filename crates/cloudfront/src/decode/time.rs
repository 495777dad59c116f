//! Cells in; seconds and microseconds out, from times and epoch timestamps, all UTC.

/// Microseconds in a second.
pub(crate) const MICROS: i64 = 1_000_000;

/// Returns the seconds since midnight of `HH:MM:SS`; `None` if that is not a real time. CloudFront smears leap seconds, so
/// `23:59:60` is not one.
pub(crate) fn seconds_of_time(cell: &[u8]) -> Option<i32> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = *cell else { return None };
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?);
    (hour < 24 && minute < 60 && second < 60).then_some(hour * 3600 + minute * 60 + second)
}

/// Returns the seconds since midnight of `HH:MM:SS`, read as one word; `None` if that is not a real time.
#[inline]
pub(crate) fn plain_second_of_day(cell: [u8; 8]) -> Option<u32> {
    const ZEROS_AND_COLONS: u64 = u64::from_le_bytes(*b"00:00:00");
    /// Added to a byte of a digit's place, it reaches bit 4 if the byte is above 9; a colon's place must be 0.
    const TO_BIT_4: u64 = u64::from_le_bytes([6, 6, 0x7f, 6, 6, 0x7f, 6, 6]);
    const ODD_BITS: u64 = u64::from_le_bytes([0xf0, 0xf0, 0x80, 0xf0, 0xf0, 0x80, 0xf0, 0xf0]);
    /// A byte above 0x7f is odd by itself, so that no sum runs over into the next byte unseen.
    const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;
    let values = u64::from_le_bytes(cell) ^ ZEROS_AND_COLONS;
    let odd = (values & HIGHEST_BITS) | (((values & !HIGHEST_BITS) + TO_BIT_4) | values) & ODD_BITS;
    let [h1, h2, _, m1, m2, _, s1, s2] = values.to_le_bytes().map(u32::from);
    let (hour, minute, second) = (h1 * 10 + h2, m1 * 10 + m2, s1 * 10 + s2);
    let is_time = odd == 0 && hour < 24 && minute < 60 && second < 60;
    is_time.then_some(hour * 3600 + minute * 60 + second)
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
pub(crate) fn time_of_second(second: i64) -> [u8; 8] {
    let of_day = second.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let digit = |number: i64| b'0' + u8::try_from(number % 10).expect("a part of a time of day is not negative");
    [digit(hour / 10), digit(hour), b':', digit(minute / 10), digit(minute), b':', digit(second / 10), digit(second)]
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anything_else_is_not_a_time() {
        for cell in ["24:00:00", "23:60:00", "23:59:60", "1:02:03", "01:02", "01:02:03Z", "aa:bb:cc", ""] {
            assert_eq!(seconds_of_time(cell.as_bytes()), None, "{cell}");
        }
        assert_eq!(seconds_of_time(b"23:59:59"), Some(86_399));
    }

    #[test]
    fn a_plain_time_is_the_same_by_either_way() {
        let plain = |cell: [u8; 8]| plain_second_of_day(cell).map(u32::cast_signed);
        for second in 0..86_400 {
            assert_eq!(plain(time_of_second(second)), i32::try_from(second).ok());
        }
        for time in [*b"23:59:59", *b"00:00:00", *b"19:29:39"] {
            for place in 0..8 {
                for byte in 0..=u8::MAX {
                    let mut cell = time;
                    cell[place] = byte;
                    assert_eq!(plain(cell), seconds_of_time(&cell), "{}", cell.escape_ascii());
                }
            }
        }
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
        assert_eq!(time_of_second(1_715_940_000), *b"10:00:00");
        assert_eq!(time_of_second(86_399), *b"23:59:59");
    }
}
