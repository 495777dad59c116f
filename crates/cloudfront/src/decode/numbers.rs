//! Cells in, numbers out: an optional sign, digits, an optional fraction; an exponent for doubles only. No blanks,
//! no NaN, no infinity.

/// Returns the whole number with its fraction cut off towards zero (`570129.76` is 570129); `None` if the cell is not a
/// number, or does not fit 64 bits.
pub(crate) fn whole(cell: &[u8]) -> Option<i64> {
    if let Some((number, fraction)) = split_plain(cell)
        && fraction.iter().all(u8::is_ascii_digit)
    {
        return Some(number);
    }
    let (is_negative, unsigned) = split_sign(cell);
    let (digits, fraction) = split_at_byte(unsigned, b'.');
    if digits.is_empty() && fraction.is_none_or(<[u8]>::is_empty) {
        return None;
    }
    if !fraction.unwrap_or_default().iter().all(u8::is_ascii_digit) {
        return None;
    }
    // Negative numbers reach one further than positive ones, so the sum is built downwards.
    let negated = digits.iter().try_fold(0_i64, |sum, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum.checked_mul(10)?.checked_sub(i64::from(digit - b'0'))
    })?;
    if is_negative { Some(negated) } else { negated.checked_neg() }
}

/// Returns the whole number that the first `length` of these bytes are, if they are nothing but digits, or digits, a point and
/// digits; its fraction is cut off. `None` for anything else, and for more than 8 bytes.
///
/// All bytes are read at once as one word, as nearly every number in a log is so short.
#[inline]
pub(crate) fn short_whole(bytes: [u8; 8], length: usize) -> Option<i64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;
    /// Added to a byte from 10 to 127, it sets the highest bit, and to one below 10 it does not.
    const TO_HIGHEST_BIT: u64 = 0x7676_7676_7676_7676;
    const POINT: u64 = (b'.' ^ b'0') as u64;
    if !(1..=8).contains(&length) {
        return None;
    }
    let unused_bits = 64 - 8 * length;
    let values = (u64::from_le_bytes(bytes) ^ ZEROS) << unused_bits >> unused_bits;
    let others = (((values & !HIGHEST_BITS) + TO_HIGHEST_BIT) | values) & HIGHEST_BITS;
    let mut digits = length;
    if others != 0 {
        // Only one byte may be no digit, and that must be a point, which is not the first.
        digits = others.trailing_zeros() as usize / 8;
        let is_one_point = others.is_power_of_two() && values >> (8 * digits) & 0xff == POINT;
        if digits == 0 || !is_one_point {
            return None;
        }
    }
    // The digits go to the upper end, with zeros before them; then neighbours are joined: 8 digits, 4 pairs, 2 fours, one.
    let eight = values << (64 - 8 * digits);
    let pairs = (eight.wrapping_mul(10 * (1 << 8) + 1) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100 * (1 << 16) + 1) >> 16) & 0x0000_ffff_0000_ffff;
    let number = fours.wrapping_mul(10_000 * (1 << 32) + 1) >> 32;
    Some(number.cast_signed())
}

/// Reads what nearly every cell is: at least one digit, and not more than surely fit, then nothing or a point. Returns the
/// number before the point, and what follows the point.
#[inline]
fn split_plain(cell: &[u8]) -> Option<(i64, &[u8])> {
    const SAFE_DIGITS: usize = 18;
    let mut number = 0;
    for (at, byte) in cell.iter().enumerate().take(SAFE_DIGITS + 1) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return if *byte == b'.' && at > 0 { Some((number, &cell[at + 1..])) } else { None };
        }
        if at == SAFE_DIGITS {
            return None;
        }
        number = number * 10 + i64::from(digit);
    }
    if cell.is_empty() { None } else { Some((number, &[])) }
}

/// Returns the number that a cell of digits, with or without a point, is; `None` for anything else, and for more than 15 digits.
///
/// Both the digits as a whole number and the power of ten are exact in 64 bits, so their quotient is the nearest double: it is
/// rounded once.
#[inline]
fn short_double(cell: &[u8]) -> Option<f64> {
    const MAX_DIGITS: usize = 15;
    const POWERS_OF_TEN: [f64; MAX_DIGITS + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let (mut number, mut digits, mut point) = (0_u64, 0, None);
    if cell.len() > MAX_DIGITS + 1 {
        return None;
    }
    for &byte in cell {
        if byte.is_ascii_digit() {
            number = number * 10 + u64::from(byte - b'0');
            digits += 1;
        } else if byte == b'.' && point.is_none() {
            point = Some(digits);
        } else {
            return None;
        }
    }
    if !(1..=MAX_DIGITS).contains(&digits) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "numbers of 15 digits have no more bits than doubles are exact for")]
    let number = number as f64;
    Some(number / POWERS_OF_TEN[digits - point.unwrap_or(digits)])
}

/// Returns the number; `None` if the cell is not a number, or not finite in 64 bits.
pub(crate) fn double(cell: &[u8]) -> Option<f64> {
    if let Some(number) = short_double(cell) {
        return Some(number);
    }
    let (_, unsigned) = split_sign(cell);
    let exponent_at = unsigned.iter().position(|byte| matches!(byte, b'e' | b'E'));
    let (mantissa, exponent) = match exponent_at {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (digits, fraction) = split_at_byte(mantissa, b'.');
    let all_digits = |digits: &[u8]| digits.iter().all(u8::is_ascii_digit);
    let has_digit = !digits.is_empty() || fraction.is_some_and(|fraction| !fraction.is_empty());
    if !has_digit || !all_digits(digits) || !all_digits(fraction.unwrap_or_default()) {
        return None;
    }
    if let Some(exponent) = exponent {
        let (_, digits) = split_sign(exponent);
        if digits.is_empty() || !all_digits(digits) {
            return None;
        }
    }
    let text = std::str::from_utf8(cell).expect("digits, signs, points and exponents are ASCII");
    // What has passed is a subset of what Rust reads as a number.
    Some(text.parse().expect("a decimal number is read")).filter(|number: &f64| number.is_finite())
}

fn split_sign(cell: &[u8]) -> (bool, &[u8]) {
    match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, cell),
    }
}

fn split_at_byte(cell: &[u8], byte: u8) -> (&[u8], Option<&[u8]>) {
    match cell.iter().position(|&found| found == byte) {
        Some(at) => (&cell[..at], Some(&cell[at + 1..])),
        None => (cell, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_lose_their_fraction_towards_zero() {
        for (cell, number) in [
            ("0", 0),
            ("000", 0),
            ("200", 200),
            ("0.217", 0),
            ("570129.76", 570_129),
            ("-1.9", -1),
            ("+7", 7),
            ("5.", 5),
            (".5", 0),
            ("-.5", 0),
            ("00000000000000000000000000000012", 12),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(whole(cell.as_bytes()), Some(number), "{cell}");
        }
    }

    #[test]
    fn short_numbers_are_the_same_by_either_way() {
        let alphabet = b"0129.-+e \x80\xb0";
        // All strings of up to four of these bytes, and the digits around them.
        for length in 0..=4_u32 {
            for number in 0..alphabet.len().pow(length) {
                let byte = |place| alphabet[number / alphabet.len().pow(place) % alphabet.len()];
                let middle: Vec<u8> = (0..length).map(byte).collect();
                for (before, after) in [("", ""), ("7", ""), ("", "34"), ("1234", ""), ("", "5678")] {
                    let cell = [before.as_bytes(), &middle, after.as_bytes()].concat();
                    let mut bytes = [b'9'; 8];
                    bytes[..cell.len()].copy_from_slice(&cell);
                    let short = short_whole(bytes, cell.len());
                    let is_plain = cell.first().is_some_and(u8::is_ascii_digit)
                        && cell.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
                    let expected = whole(&cell).filter(|_| is_plain);
                    assert_eq!(short, expected, "{}", cell.escape_ascii());
                }
            }
        }
        assert_eq!(short_whole(*b"12345678", 8), Some(12_345_678));
        assert_eq!(short_whole(*b"12345678", 9), None);
    }

    #[test]
    fn anything_else_is_not_a_whole_number() {
        for cell in [
            "",
            "-",
            "+",
            ".",
            "-.",
            "1e3",
            " 7",
            "7 ",
            "1,000",
            "0x1f",
            "NaN",
            "inf",
            "1.2.3",
            "9223372036854775808",
            "-9223372036854775809",
            "12a",
            "1.x",
        ] {
            assert_eq!(whole(cell.as_bytes()), None, "{cell}");
        }
    }

    #[test]
    fn short_doubles_are_those_that_rust_reads() {
        let mut state = 1_u64;
        for count in 0..200_000_u32 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let digits = format!("{:015}", (state >> 8) % 1_000_000_000_000_000);
            let length = 1 + (count % 15) as usize;
            let digits = &digits[..length];
            let point = (state >> 60) as usize % (digits.len() + 1);
            for cell in [digits.to_owned(), format!("{}.{}", &digits[..point], &digits[point..])] {
                let expected: f64 = cell.parse().unwrap();
                assert_eq!(short_double(cell.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{cell}");
            }
        }
        for cell in ["", ".", "-1", "1e3", "1.2.3", "1234567890123456", "0.000000000000000"] {
            assert_eq!(short_double(cell.as_bytes()), None, "{cell}");
        }
    }

    #[test]
    fn doubles_take_an_exponent_but_nothing_else() {
        for (cell, number) in
            [("0.123", 0.123), ("5.", 5.0), (".5", 0.5), ("-1e3", -1000.0), ("+2.5E-1", 0.25), ("1e-400", 0.0)]
        {
            assert_eq!(double(cell.as_bytes()), Some(number), "{cell}");
        }
        for cell in
            ["", "-", ".", "e5", "1e", "1e+", "inf", "-inf", "nan", "NaN", "infinity", "1e400", " 1", "0x1p3", "1_0"]
        {
            assert_eq!(double(cell.as_bytes()), None, "{cell}");
        }
    }
}
