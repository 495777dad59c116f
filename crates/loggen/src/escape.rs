//! Text as sent over the network in, text as CloudFront logs it out.

use crate::Hour;

/// Escaping of the headers `Referer`, `User-Agent` and `Cookie`. All other fields are always escaped once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// Percent encoding.
    Once,
    /// Percent encoding, and the `%` of an escaped blank, quote or backslash encoded again: `%2520`, `%2522`, `%255C`.
    Twice,
}

impl Escaping {
    /// Returns CloudFront's escaping in that hour: twice from the middle of September 2013 to the end of 2019.
    pub(crate) fn of(hour: Hour) -> Self {
        let since = Hour::from_date(2013, 9, 14, 0);
        let until = Hour::from_date(2020, 1, 1, 0);
        if Some(hour) >= since && Some(hour) < until { Self::Twice } else { Self::Once }
    }
}

/// A header's value in both escapings.
#[derive(Debug)]
pub(crate) struct Header {
    once: String,
    twice: String,
}

impl Header {
    pub(crate) fn new(wire: &str) -> Self {
        Self { once: escape(wire, Escaping::Once), twice: escape(wire, Escaping::Twice) }
    }

    pub(crate) fn get(&self, escaping: Escaping) -> &str {
        match escaping {
            Escaping::Once => &self.once,
            Escaping::Twice => &self.twice,
        }
    }
}

/// Returns the logged form of `wire`.
pub(crate) fn escape(wire: &str, escaping: Escaping) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut logged = String::with_capacity(wire.len() * 2);
    for byte in wire.bytes() {
        if is_literal(byte) {
            logged.push(char::from(byte));
            continue;
        }
        logged.push('%');
        if escaping == Escaping::Twice && matches!(byte, b' ' | b'"' | b'\\') {
            logged.push_str("25");
        }
        logged.push(char::from(DIGITS[usize::from(byte >> 4)]));
        logged.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    logged
}

fn is_literal(byte: u8) -> bool {
    let escaped = matches!(
        byte,
        0..=32
            | 127..=255
            | b'<'
            | b'>'
            | b'"'
            | b'#'
            | b'%'
            | b'{'
            | b'}'
            | b'|'
            | b'\\'
            | b'^'
            | b'~'
            | b'['
            | b']'
            | b'`'
            | b'\''
    );
    !escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escape_on_the_wire_is_escaped_again() {
        assert_eq!(escape("a%20b+c", Escaping::Once), "a%2520b+c");
        assert_eq!(escape("+();,:/=&?@*!$-._", Escaping::Once), "+();,:/=&?@*!$-._");
        assert_eq!(escape("é\t'~", Escaping::Once), "%C3%A9%09%27%7E");
    }

    #[test]
    fn only_blank_quote_and_backslash_are_escaped_twice() {
        assert_eq!(escape(r#"a "b\ [c]{d}%"#, Escaping::Twice), "a%2520%2522b%255C%2520%5Bc%5D%7Bd%7D%25");
    }

    #[test]
    fn headers_are_escaped_twice_from_september_2013_to_the_end_of_2019() {
        for (hour, expected) in [
            ("2011-04-27T22", Escaping::Once),
            ("2013-09-14T00", Escaping::Twice),
            ("2019-12-31T23", Escaping::Twice),
            ("2020-01-01T00", Escaping::Once),
            ("2025-01-02T03", Escaping::Once),
        ] {
            assert_eq!(Escaping::of(hour.parse().unwrap()), expected, "{hour}");
        }
    }
}
