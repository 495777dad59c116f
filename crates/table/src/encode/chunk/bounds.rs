//! The least and the largest value of a page or a column chunk.
//!
//! Strings are compared by their bytes, as Parquet's column order for UTF-8 wants it. Numbers of all types are held as
//! [keys](super::number::Numbers::key), 64-bit integers in the order of the numbers.

use std::cmp::Ordering;

use super::number::{Number, key_of};

/// Bounds of a long string have at most so many bytes: engines compare no further, and footers stay small.
const MAX_BYTES: usize = 64;

/// A bound as it stands in a footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) bytes: Vec<u8>,
    /// It is a value of the column, and not only below or above all of them.
    pub(crate) is_exact: bool,
}

/// The least and the largest of some values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds<T> {
    pub(crate) least: T,
    pub(crate) largest: T,
}

impl<T: Ord> Bounds<T> {
    /// Widens them to hold the others.
    fn include(&mut self, other: Self) {
        if other.least < self.least {
            self.least = other.least;
        }
        if other.largest > self.largest {
            self.largest = other.largest;
        }
    }

    fn order(&self, next: &Self) -> [Ordering; 2] {
        [self.least.cmp(&next.least), self.largest.cmp(&next.largest)]
    }
}

/// Bounds of a page or a chunk of any column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AnyBounds {
    Strings(Bounds<Vec<u8>>),
    Numbers(Bounds<i64>),
}

impl AnyBounds {
    /// Of strings, each with its [head](head_of); none if there are none.
    ///
    /// Heads tell most strings apart, so that few are looked at.
    pub(crate) fn of_strings<'s>(mut strings: impl Iterator<Item = (u128, &'s [u8])>) -> Option<Self> {
        let first = strings.next()?;
        let (mut least, mut largest) = (first, first);
        for string in strings {
            // In the order of heads, then of the strings themselves.
            if string < least {
                least = string;
            } else if string > largest {
                largest = string;
            }
        }
        Some(Self::Strings(Bounds { least: least.1.to_vec(), largest: largest.1.to_vec() }))
    }

    /// Of numbers, by their keys; none if there are none. Bounds of doubles that are zeros hold the zero of either sign:
    /// so Parquet wants it, as readers may compare by the bits.
    pub(crate) fn of_numbers(number: Number, keys: impl Iterator<Item = i64> + Clone) -> Option<Self> {
        let (mut least, mut largest) = (keys.clone().min()?, keys.max()?);
        if number == Number::Double {
            let [minus_zero, zero] = [-0.0, 0.0].map(key_of);
            least = if least == zero { minus_zero } else { least };
            largest = if largest == minus_zero { zero } else { largest };
        }
        Some(Self::Numbers(Bounds { least, largest }))
    }

    /// Widens them to hold the others, of the same column.
    pub(crate) fn include(bounds: &mut Option<Self>, other: Self) {
        match (bounds, other) {
            (Some(Self::Strings(bounds)), Self::Strings(other)) => bounds.include(other),
            (Some(Self::Numbers(bounds)), Self::Numbers(other)) => bounds.include(other),
            (bounds, other) => *bounds = Some(other),
        }
    }

    /// How the bounds of the next page lie to these: the least ones, and the largest ones.
    pub(crate) fn order(&self, next: &Self) -> [Ordering; 2] {
        match (self, next) {
            (Self::Strings(bounds), Self::Strings(next)) => bounds.order(next),
            (Self::Numbers(bounds), Self::Numbers(next)) => bounds.order(next),
            // No column has both.
            _ => [Ordering::Less, Ordering::Greater],
        }
    }
}

/// The first 12 bytes of a string, zero-padded, as a number: a string whose head is less is less. `view` has them behind
/// 4 others, as Arrow's views do.
#[inline]
pub(crate) fn head_of(view: u128) -> u128 {
    (view >> 32).swap_bytes()
}

/// The [head](head_of) of a string.
#[inline]
pub(crate) fn head_of_string(string: &[u8]) -> u128 {
    let mut head = [0; 16];
    if let (Some(head), Some(first)) = (head.first_chunk_mut::<12>(), string.first_chunk::<12>()) {
        *head = *first;
    } else {
        head.iter_mut().zip(string).for_each(|(into, byte)| *into = *byte);
    }
    u128::from_be_bytes(head)
}

/// Not above `value`, and short.
pub(crate) fn below(value: &[u8]) -> Bound {
    let bytes = cut(value).to_vec();
    Bound { is_exact: bytes.len() == value.len(), bytes }
}

/// Not below `value`, and short where there is such a string.
pub(crate) fn above(value: &[u8]) -> Bound {
    let kept = cut(value);
    let raised = if kept.len() == value.len() { None } else { raise(kept) };
    raised.map_or_else(|| Bound { bytes: value.to_vec(), is_exact: true }, |bytes| Bound { bytes, is_exact: false })
}

/// The first [`MAX_BYTES`] at most, up to a border between characters.
fn cut(value: &[u8]) -> &[u8] {
    let is_inside = |byte: Option<&u8>| byte.is_some_and(|byte| byte & 0xc0 == 0x80);
    let mut end = value.len().min(MAX_BYTES);
    while is_inside(value.get(end)) {
        end -= 1;
    }
    value.get(..end).unwrap_or(value)
}

/// The next string of at most this length: its last character that has a successor of the same length is raised, and what
/// stands behind it is dropped. None if no character has one.
fn raise(value: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(value).ok()?;
    text.char_indices().rev().find_map(|(at, character)| {
        let next = (character..=char::MAX).nth(1).filter(|next| next.len_utf8() == character.len_utf8())?;
        let mut raised = text.get(..at)?.to_owned();
        raised.push(next);
        Some(raised.into_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_the_least_and_the_largest_by_their_bytes() {
        let long = [b'x'; 40];
        let strings: Vec<&[u8]> = (0..=40)
            .map(|length| &long[..length])
            .chain([&b"x\0"[..], b"w\xff", b"xxxxxxxxxxxx\0", b"xxxxxxxxxxxxy", b"xxxxxxxxxxxy", b"\0", b"\0\0"])
            .collect();
        for first in &strings {
            for second in &strings {
                let view = |string: &[u8]| head_of(arrow::array::make_view(string, 0, 0));
                if first.len() <= 12 {
                    assert_eq!(view(first), head_of_string(first));
                }
                let pair = [*first, *second];
                let found = AnyBounds::of_strings(pair.into_iter().map(|string| (head_of_string(string), string)));
                let (least, largest) = (first.min(second).to_vec(), first.max(second).to_vec());
                assert_eq!(found, Some(AnyBounds::Strings(Bounds { least, largest })));
            }
        }
        let all = AnyBounds::of_strings(strings.iter().map(|string| (head_of_string(string), *string)));
        let (least, largest) = (Vec::new(), b"xxxxxxxxxxxy".to_vec());
        assert_eq!(all, Some(AnyBounds::Strings(Bounds { least, largest })));
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
    fn where_nothing_can_be_raised_the_upper_bound_is_whole() {
        let value = "\u{10ffff}".repeat(MAX_BYTES);
        assert_eq!(above(value.as_bytes()), Bound { bytes: value.clone().into_bytes(), is_exact: true });
    }
}
