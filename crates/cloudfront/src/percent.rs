//! Percent-decoding: `%41` becomes `A`, once; `+` stays `+`, and a `%` without two hexadecimal digits behind it stays too.

use std::borrow::Cow;

use memchr::memchr;

/// The decoded bytes, which need not be UTF-8. Borrowed where there is no `%`.
pub(crate) fn decode(escaped: &[u8]) -> Cow<'_, [u8]> {
    let Some((start, mut rest)) = memchr(b'%', escaped).and_then(|at| escaped.split_at_checked(at)) else {
        return Cow::Borrowed(escaped);
    };
    let mut decoded = Vec::with_capacity(escaped.len());
    decoded.extend_from_slice(start);
    while let Some((&byte, behind)) = rest.split_first() {
        let escape = match (byte, behind) {
            (b'%', [high, low, behind @ ..]) => hex_value(*high).zip(hex_value(*low)).map(|value| (value, behind)),
            _ => None,
        };
        if let Some(((high, low), behind)) = escape {
            decoded.push(high << 4 | low);
            rest = behind;
        } else {
            decoded.push(byte);
            rest = behind;
        }
    }
    Cow::Owned(decoded)
}

fn hex_value(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decoding_and_no_more() {
        for (escaped, decoded) in [
            ("a%20b", "a b"),
            ("%2520", "%20"),
            ("a+b", "a+b"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%c3%A9", "é"),
            ("", ""),
        ] {
            assert_eq!(*decode(escaped.as_bytes()), *decoded.as_bytes(), "{escaped}");
        }
        assert_eq!(*decode(b"%FF"), [0xff]);
    }

    #[test]
    fn text_without_escapes_is_not_copied() {
        assert!(matches!(decode(b"a+b"), Cow::Borrowed(b"a+b")));
    }
}
