//! Values in; minimum and maximum of a page or a column chunk out.
//!
//! Strings are compared by their bytes, as Parquet's column order for UTF-8 requires. Numbers of all types are
//! [keys](super::number::Numbers::keys_of_valid): 64-bit integers in the order of the numbers.

use std::cmp::Ordering;

use super::number::{Number, key_of};

/// Largest bound of a long string, in bytes: engines compare no further, and footers stay small.
const MAX_BYTES: usize = 64;

/// A lower or upper bound as in a footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) bytes: Vec<u8>,
    /// Whether it is a value of the column, and not only below or above all of them.
    pub(crate) is_exact: bool,
}

/// Minimum and maximum of some values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MinMax<T> {
    pub(crate) min: T,
    pub(crate) max: T,
}

impl<T: Ord> MinMax<T> {
    /// Includes the other values.
    fn include(&mut self, other: Self) {
        if other.min < self.min {
            self.min = other.min;
        }
        if other.max > self.max {
            self.max = other.max;
        }
    }

    fn order(&self, next: &Self) -> [Ordering; 2] {
        [self.min.cmp(&next.min), self.max.cmp(&next.max)]
    }
}

/// Minimum and maximum of a page or a chunk of any column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnyMinMax {
    Strings(MinMax<Vec<u8>>),
    Numbers(MinMax<i64>),
}

impl AnyMinMax {
    /// Returns minimum and maximum of strings, each with its [head](head_of_string); `None` if there are no strings.
    ///
    /// Heads order most strings, so few of them are read.
    pub(crate) fn of_strings<'s>(mut strings: impl Iterator<Item = (u128, &'s [u8])>) -> Option<Self> {
        let first = strings.next()?;
        let (mut min, mut max) = (first, first);
        for string in strings {
            // In the order of heads, then of strings.
            if string < min {
                min = string;
            } else if string > max {
                max = string;
            }
        }
        Some(Self::Strings(MinMax { min: min.1.to_vec(), max: max.1.to_vec() }))
    }

    /// Returns minimum and maximum of numbers, by their keys; `None` if there are no numbers. A minimum of 0.0 becomes -0.0, and
    /// a maximum of -0.0 becomes 0.0, as Parquet requires: readers may compare bits.
    pub(crate) fn of_numbers(number: Number, keys: impl Iterator<Item = i64> + Clone) -> Option<Self> {
        let (mut min, mut max) = (keys.clone().min()?, keys.max()?);
        if number == Number::Double {
            let [minus_zero, zero] = [-0.0, 0.0].map(key_of);
            min = if min == zero { minus_zero } else { min };
            max = if max == minus_zero { zero } else { max };
        }
        Some(Self::Numbers(MinMax { min, max }))
    }

    /// Includes the values of another page of the same column.
    pub(crate) fn include(min_max: &mut Option<Self>, other: Self) {
        match (min_max, other) {
            (Some(Self::Strings(min_max)), Self::Strings(other)) => min_max.include(other),
            (Some(Self::Numbers(min_max)), Self::Numbers(other)) => min_max.include(other),
            (min_max, other) => *min_max = Some(other),
        }
    }

    /// Returns the order of these and those of the next page: of the minima, and of the maxima.
    pub(crate) fn order(&self, next: &Self) -> [Ordering; 2] {
        match (self, next) {
            (Self::Strings(min_max), Self::Strings(next)) => min_max.order(next),
            (Self::Numbers(min_max), Self::Numbers(next)) => min_max.order(next),
            _ => unreachable!("all pages of a column have values of one type"),
        }
    }
}

/// Returns the first 16 bytes of a string, zero-padded, as a number: of two strings with different heads, that with the lesser
/// head is less. The string is the first `length` bytes of `bytes`.
#[inline]
pub(crate) fn head_of_string(bytes: &[u8], length: usize) -> u128 {
    const BYTES: usize = size_of::<u128>();
    let mut head = [0; BYTES];
    if let Some(first) = bytes.first_chunk() {
        head = *first;
    } else {
        head[..bytes.len()].copy_from_slice(bytes);
    }
    let others = u8::BITS as usize * BYTES.saturating_sub(length);
    let kept = if others == u128::BITS as usize { 0 } else { u128::MAX << others };
    u128::from_be_bytes(head) & kept
}

/// Returns a short bound that is not above `value`.
pub(crate) fn below(value: &[u8]) -> Bound {
    let bytes = cut(value).to_vec();
    Bound { is_exact: bytes.len() == value.len(), bytes }
}

/// Returns a bound that is not below `value`; a short one if there is one.
pub(crate) fn above(value: &[u8]) -> Bound {
    let kept = cut(value);
    let raised = if kept.len() == value.len() { None } else { raise(kept) };
    raised.map_or_else(|| Bound { bytes: value.to_vec(), is_exact: true }, |bytes| Bound { bytes, is_exact: false })
}

/// Returns at most the first [`MAX_BYTES`], up to a border between characters.
fn cut(value: &[u8]) -> &[u8] {
    let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut end = value.len().min(MAX_BYTES);
    while is_inside(value.get(end)) {
        end -= 1;
    }
    &value[..end]
}

/// Returns a larger string of at most this length: the last character that has a successor of the same length is replaced by
/// it, and the rest is dropped. `None` if no character has one.
fn raise(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).expect("cells of string columns are UTF-8, and are cut between characters");
    text.char_indices().rev().find_map(|(at, character)| {
        let next = (character..=char::MAX).nth(1).filter(|next| next.len_utf8() == character.len_utf8())?;
        let mut raised = text[..at].to_owned();
        raised.push(next);
        Some(raised.into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_and_maximum_are_those_by_bytes() {
        let long = [b'x'; 40];
        let strings: Vec<&[u8]> = (0..=40)
            .map(|length| &long[..length])
            .chain([&b"x\0"[..], b"w\xff", b"xxxxxxxxxxxx\0", b"xxxxxxxxxxxxy", b"xxxxxxxxxxxy", b"\0", b"\0\0"])
            .collect();
        for first in &strings {
            for second in &strings {
                let pair = [*first, *second];
                let found = AnyMinMax::of_strings(
                    pair.into_iter().map(|string| (head_of_string(string, string.len()), string)),
                );
                let (min, max) = (first.min(second).to_vec(), first.max(second).to_vec());
                assert_eq!(found, Some(AnyMinMax::Strings(MinMax { min, max })));
            }
        }
        let all = AnyMinMax::of_strings(strings.iter().map(|string| (head_of_string(string, string.len()), *string)));
        let (min, max) = (Vec::new(), b"xxxxxxxxxxxy".to_vec());
        assert_eq!(all, Some(AnyMinMax::Strings(MinMax { min, max })));
    }

    #[test]
    fn short_strings_are_their_own_bounds() {
        let longest = [b'a'; MAX_BYTES];
        for value in [&b""[..], b"a", "é".as_bytes(), &longest] {
            let own = Bound { bytes: value.to_vec(), is_exact: true };
            assert_eq!((below(value), above(value)), (own.clone(), own));
        }
    }

    #[test]
    fn bounds_of_long_strings_enclose_them_and_stay_utf8() {
        for tail in ["a", "z\u{7f}", "\u{7f}\u{7f}", "é", "ab\u{7ff}", "\u{d7ff}", "\u{ffff}", "\u{10ffff}"] {
            let mut value = "x".repeat(MAX_BYTES - 3);
            for _ in 0..4 {
                value.push_str(tail);
            }
            let (low, high) = (below(value.as_bytes()), above(value.as_bytes()));
            assert!(!low.is_exact && !high.is_exact, "{tail}");
            assert!(low.bytes.len() <= MAX_BYTES && high.bytes.len() <= MAX_BYTES, "{tail}");
            assert!(low.bytes.as_slice() < value.as_bytes() && high.bytes.as_slice() > value.as_bytes(), "{tail}");
            assert!(std::str::from_utf8(&low.bytes).is_ok() && std::str::from_utf8(&high.bytes).is_ok(), "{tail}");
        }
    }

    #[test]
    fn the_upper_bound_is_whole_if_no_character_can_be_raised() {
        let value = "\u{10ffff}".repeat(MAX_BYTES);
        assert_eq!(above(value.as_bytes()), Bound { bytes: value.clone().into_bytes(), is_exact: true });
    }
}
