//! Options that say how lines are read, where finding it out is not enough.

use std::{fmt, str::FromStr};

/// Largest number of characters of a delimiter: CloudFront allows no more.
const MAX_CHARACTERS: usize = 5;
/// Largest number of bytes of a delimiter.
const MAX_BYTES: usize = MAX_CHARACTERS * 4;

/// Format and delimiter of lines of data. `None`: it is found out for each object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatOptions {
    /// The format of all logs.
    pub format: Option<LogFormat>,
    /// The delimiter of logs whose first line of data has no TAB.
    pub delimiter: Option<Delimiter>,
}

/// Format of a log's lines of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Cells with a delimiter between them, under a `#Fields` line or without one.
    W3c,
    /// The same; the first line of data is a list of names.
    Plain,
    /// A JSON object on each line.
    Json,
    /// As [`Self::W3c`]: the name that CloudFront has for rows without a header.
    Raw,
    /// A Parquet file, which is always recognised.
    Parquet,
}

impl LogFormat {
    /// All formats of text.
    pub const ALL: [Self; 4] = [Self::W3c, Self::Plain, Self::Json, Self::Raw];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::W3c => "w3c",
            Self::Plain => "plain",
            Self::Json => "json",
            Self::Raw => "raw",
            Self::Parquet => "parquet",
        }
    }
}

/// Error in a text that is no [`LogFormat`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a format of logs")]
pub struct FormatError;

impl FromStr for LogFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        Self::ALL.into_iter().find(|format| format.as_str() == text).ok_or(FormatError)
    }
}

/// The characters between the cells of a line: 1 to 5.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Delimiter {
    bytes: [u8; MAX_BYTES],
    length: u8,
}

/// Error in a text that is no [`Delimiter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelimiterError {
    /// It has no character, or too many.
    #[error("a delimiter has 1 to {MAX_CHARACTERS} characters")]
    Length,
    /// It has a line end.
    #[error("a delimiter has no line end")]
    LineEnd,
}

impl Delimiter {
    pub(crate) const TAB: Self = Self::new("\t");

    /// Returns the delimiter of these characters.
    pub(crate) const fn new(text: &str) -> Self {
        let mut bytes = [0; MAX_BYTES];
        let mut length = 0;
        while (length as usize) < text.len() {
            bytes[length as usize] = text.as_bytes()[length as usize];
            length += 1;
        }
        Self { bytes, length }
    }

    /// Returns its bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// Returns its characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("it was made from a text")
    }
}

impl fmt::Debug for Delimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl FromStr for Delimiter {
    type Err = DelimiterError;

    fn from_str(text: &str) -> Result<Self, DelimiterError> {
        if text.contains(['\n', '\r']) {
            return Err(DelimiterError::LineEnd);
        }
        let is_possible = (1..=MAX_CHARACTERS).contains(&text.chars().count());
        is_possible.then(|| Self::new(text)).ok_or(DelimiterError::Length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_has_one_to_five_characters_and_no_line_end() {
        for text in [",", "::", "\u{1f980}\u{1f980}\u{1f980}\u{1f980}\u{1f980}", "\t", "a b"] {
            assert_eq!(text.parse::<Delimiter>().unwrap().as_str(), text);
        }
        assert_eq!(["", "123456"].map(str::parse::<Delimiter>), [Err(DelimiterError::Length); 2]);
        assert_eq!(["\n", "a\rb"].map(str::parse::<Delimiter>), [Err(DelimiterError::LineEnd); 2]);
    }

    #[test]
    fn formats_are_known_by_their_names() {
        assert!(LogFormat::ALL.into_iter().all(|format| format.as_str().parse() == Ok(format)));
        assert_eq!("parquet".parse::<LogFormat>(), Err(FormatError));
    }
}
