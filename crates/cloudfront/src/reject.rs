//! A rejected row: its place, the reason, and its bytes, so that nothing is lost.

/// Number of bytes that are kept of a line over the limit: 64 KiB.
pub const KEPT_BYTES_OF_A_LONG_LINE: usize = 64 * 1024;

/// A line that looks like a row and is not taken as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Line number in the object's text, from 1.
    pub line: u64,
    /// Offset of the line's first byte in the object's text, from 0.
    pub byte: u64,
    /// Reason for rejecting it.
    pub reason: RejectReason,
    /// The line without its end; of a line over the limit the first [`KEPT_BYTES_OF_A_LONG_LINE`].
    pub text: Vec<u8>,
    /// Length of the whole line in bytes, without its end.
    pub line_bytes: u64,
}

/// Reason for rejecting a row: its partition cannot be known, or nothing says what its cells mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectReason {
    /// Neither date and time nor a timestamp.
    NoTime,
    /// The date is not a real date `YYYY-MM-DD`.
    BadDate,
    /// The time is not a real time `HH:MM:SS`.
    BadTime,
    /// Before 2008-11-01 (CloudFront's first month) or more than a day after the plan was made.
    OutOfRange,
    /// The line is longer than the limit.
    LineTooLong,
    /// No given list of fields has as many names as the line has cells; or the line has another number of cells than there are
    /// names, and not TABs between them.
    WrongCellCount,
    /// The line is no JSON object, in a log of JSON objects.
    BadJson,
}

impl RejectReason {
    /// Returns the word for it in reports and in the quarantine.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoTime => "no-time",
            Self::BadDate => "bad-date",
            Self::BadTime => "bad-time",
            Self::OutOfRange => "out-of-range",
            Self::LineTooLong => "line-too-long",
            Self::WrongCellCount => "wrong-cell-count",
            Self::BadJson => "bad-json",
        }
    }
}
