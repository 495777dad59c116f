//! Formats of logs: text in, records out. One file a format.
//!
//! A format splits text into lines ([`LineFraming`](super::framing::lines::LineFraming)), reads names of fields
//! ([`FieldsInForce`](super::layout::in_force::FieldsInForce)) and cuts lines into cells. What a record of cells means is
//! the same for all formats, and is in [`super::records`].
//!
//! A log's format is recognised by its first line that is neither comment nor blank, or by a `#Fields` line before it. So
//! far there is one: [`w3c`], tab-separated standard and real-time logs. The others are recognised and refused here.

use lakefront_schema::fields;
use memchr::memchr_iter;

use super::text::Text;
use crate::error::{Error, NotCloudFront};

pub(crate) mod w3c;

/// A stretch of an object's text.
#[derive(Clone, Copy)]
pub(crate) struct Stretch<'t> {
    pub(crate) text: Text<'t>,
    /// Text position of the first line to read.
    pub(crate) from: usize,
    /// Text position at or after which no line to read starts.
    pub(crate) until: usize,
    /// Whether the object ends with the text, so that its last line needs no end.
    pub(crate) is_last: bool,
}

/// Reason why a format stopped reading, and the text position of the next line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All whole lines are read.
    NeedsText { at: usize },
    /// The sink has as many rows and rejects, or as much text, as it takes.
    IsFull { at: usize },
}

/// Refuses what is a CloudFront log in a format other than tab-separated rows.
///
/// # Errors
/// [`Error::UnsupportedFormat`]; [`Error::NotCloudFront`] for a line with a NUL.
fn refuse_other_formats(first_line: &[u8], line: u64) -> Result<(), Error> {
    if first_line.contains(&0) {
        return Err(Error::NotCloudFront { line, why: NotCloudFront::Binary });
    }
    let first_value = |delimiter: u8| {
        let end = first_line.iter().position(|&byte| byte == delimiter).unwrap_or(first_line.len());
        std::str::from_utf8(&first_line[..end])
            .is_ok_and(|value| fields::is_known_field(value.trim_matches(['"', ' '])))
    };
    let format = if first_line.starts_with(b"{") {
        "JSON"
    } else if first_value(b'\t') {
        "plain (field names without `#Fields:`)"
    } else if !first_line.contains(&b'\t') && first_value(b',') {
        "comma-delimited"
    } else {
        return Ok(());
    };
    Err(Error::UnsupportedFormat { line, format })
}

/// Returns whether the line cannot be a log's: CloudFront escapes control characters, and all that is not ASCII.
fn is_binary(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_err() || line.iter().any(|&byte| byte < b' ' && !matches!(byte, b'\t' | b'\r'))
}

/// Refuses a log with a `#Fields` header of `width` names and commas between cells.
///
/// # Errors
/// [`Error::UnsupportedFormat`].
fn refuse_commas(first_row: &[u8], width: usize, line: u64) -> Result<(), Error> {
    let count = |wanted: u8| memchr_iter(wanted, first_row).count();
    if width > 1 && count(b'\t') == 0 && count(b',') + 1 >= width {
        return Err(Error::UnsupportedFormat { line, format: "comma-delimited" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(line: &str) -> Option<&'static str> {
        match refuse_other_formats(line.as_bytes(), 1) {
            Err(Error::UnsupportedFormat { format, .. }) => Some(format),
            _ => None,
        }
    }

    #[test]
    fn other_formats_are_known_by_their_first_line() {
        assert_eq!(format_of("{\"date\":\"2024-05-17\"}"), Some("JSON"));
        assert_eq!(format_of("date\ttime\tx-edge-location"), Some("plain (field names without `#Fields:`)"));
        assert_eq!(format_of("\"date\",\"time\""), Some("comma-delimited"));
        for line in ["2024-05-17\t10:00:00\tDFW3", "This is, well, a text", "", "\t"] {
            assert_eq!(format_of(line), None, "{line}");
        }
    }

    #[test]
    fn a_line_with_a_nul_is_binary() {
        let error = refuse_other_formats(b"2024-05-17\t\0", 3).unwrap_err();
        assert_eq!(error.to_string(), "decode: line 3: no CloudFront log: binary data, not text");
        assert!(is_binary(b"\x01") && is_binary(b"a\xffb") && !is_binary(b"2024-05-17\t/%C3\r"));
    }

    #[test]
    fn rows_with_commas_for_tabs_are_refused() {
        assert!(refuse_commas(b"2024-05-17,10:00:00,DFW3", 3, 3).is_err());
        assert!(refuse_commas(b"2024-05-17 10:00:00 DFW3", 3, 3).is_ok());
        assert!(refuse_commas(b"2024-05-17\t10:00:00\ta,b", 3, 3).is_ok());
    }
}
