//! Reasons why an object adds no row. Every variant but [`Error::Read`] is a verdict on the object's bytes: the same bytes
//! always get the same verdict.

use std::{fmt::Write as _, io};

use crate::RejectReason;

/// A log object that cannot be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The gzip data ends too early.
    #[error("decompress: the gzip data ends in the middle of a member, after {object_bytes} bytes")]
    GzipTruncated {
        /// Size of the object in bytes.
        object_bytes: u64,
    },
    /// The gzip data is damaged.
    #[error("decompress: byte {byte}: {why}")]
    GzipCorrupt {
        /// Position in the compressed object, from 0; approximate.
        byte: u64,
        /// The damage, in words.
        why: String,
    },
    /// More text than [`TextLimits::text_bytes`](crate::TextLimits::text_bytes).
    #[error("decompress: more than {limit_bytes} bytes of text")]
    TooMuchText {
        /// The limit in bytes of text.
        limit_bytes: u64,
    },
    /// More text for the object's size than [`TextLimits::ratio`](crate::TextLimits::ratio).
    #[error("decompress: more than {limit} bytes of text for each of the object's {object_bytes} bytes")]
    TooCompressed {
        /// The limit in bytes of text for each byte of the object.
        limit: u64,
        /// Size of the object in bytes.
        object_bytes: u64,
    },
    /// An archive, or a file that another program than gzip compressed.
    #[error("decompress: {format} archive{}: unpack it first", if *is_in_gzip { " in gzip" } else { "" })]
    Archive {
        /// Name of the format.
        format: &'static str,
        /// Whether the archive is inside a gzip object.
        is_in_gzip: bool,
    },
    /// Data in a format other than text.
    #[error("decompress: {format} data, which is no log: deliver W3C, plain, JSON or Parquet logs")]
    OtherData {
        /// Name of the format.
        format: &'static str,
    },
    /// A Parquet file that is damaged.
    #[error("decode: the Parquet file is damaged: {why}")]
    ParquetCorrupt {
        /// The damage, in words.
        why: String,
    },
    /// A Parquet file with something that no log has.
    #[error("decode: a Parquet file with {why}, which this version does not read")]
    UnsupportedParquet {
        /// The part of it, in words.
        why: &'static str,
    },
    /// A Parquet file that is too large to be held in memory.
    #[error("decode: a Parquet file of more than {limit_bytes} bytes, which is too large to be held in memory")]
    LargeParquet {
        /// The limit in bytes.
        limit_bytes: u64,
    },
    /// A data file that lakefront has written.
    #[error("decode: no CloudFront log: a data file of a lakefront table")]
    OwnDataFile,
    /// Rows of more hours than an object can reasonably hold.
    #[error("decode: line {line}: names more than {limit} different hours")]
    TooManyHours {
        /// Line number from 1.
        line: u64,
        /// Number of hours that an object may name.
        limit: usize,
    },
    /// A log of a streaming distribution.
    #[error("decode: line {line}: field `x-event`: an RTMP log, which has no web requests")]
    Rtmp {
        /// Line number from 1.
        line: u64,
    },
    /// The object is not a CloudFront log.
    #[error("decode: line {line}: no CloudFront log: {why}")]
    NotCloudFront {
        /// Line number from 1.
        line: u64,
        /// The sign that it is not one.
        why: NotCloudFront,
    },
    /// A CloudFront log in a format that this version does not read.
    #[error("decode: line {line}: a log in a format that this version does not read: {format} cells")]
    UnsupportedFormat {
        /// Line number from 1.
        line: u64,
        /// Name of the format.
        format: &'static str,
    },
    /// All lines of data were rejected: the object was not understood.
    #[error("decode: every row was rejected ({})", listed(reasons))]
    AllRowsRejected {
        /// Number of rejected lines by reason, sorted by the reasons' words.
        reasons: Vec<(RejectReason, u64)>,
        /// Source of the names of the fields.
        named_by: NamedBy,
        /// First line whose number of cells is that of no given list.
        first_misfit: Option<Misfit>,
        /// Whether the first line of data is not text.
        is_binary: bool,
    },
    /// Reading the compressed bytes failed: says nothing about the object.
    #[error("fetch: reading failed")]
    Read(#[source] io::Error),
}

/// Sign that an object is not a CloudFront log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotCloudFront {
    /// The line is not text.
    #[error("binary data, not text")]
    Binary,
    /// The first line begins like a JSON object, and is none, or has no field of CloudFront.
    #[error("no JSON object with a field of CloudFront")]
    Json,
    /// A list of field names without a field of CloudFront.
    #[error("no name in the list of fields is one of CloudFront's")]
    NoKnownField,
    /// No header, and a number of cells that no standard log had.
    #[error("no `#Fields` header, and {cells} tab-separated cells are no era's")]
    CellCount {
        /// Number of cells of the line.
        cells: usize,
    },
    /// No header before a line over the limit.
    #[error("no `#Fields` header, and a line of more than {limit_bytes} bytes")]
    LongLine {
        /// Longest line in bytes.
        limit_bytes: usize,
    },
    /// A header over the limit.
    #[error("the `#Fields` line is longer than {limit_bytes} bytes")]
    LongHeader {
        /// Longest line in bytes.
        limit_bytes: usize,
    },
}

/// Source of the names of a line's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// A `#Fields` line of the log.
    Header,
    /// A list given for logs without a header: the one with as many names as the line has cells.
    List,
    /// The number of cells: the log has no header, and is read as a standard log.
    CellCount,
    /// The keys of JSON objects.
    Keys,
}

/// A line whose number of cells is that of no given list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Line number from 1.
    pub line: u64,
    /// Number of its cells.
    pub cells: usize,
}

fn listed(reasons: &[(RejectReason, u64)]) -> String {
    let mut list = String::new();
    for (reason, count) in reasons {
        let comma = if list.is_empty() { "" } else { ", " };
        write!(list, "{comma}{}: {count}", reason.as_str()).expect("writing to a string cannot fail");
    }
    list
}

impl Error {
    /// Returns the word for it in reports and in the quarantine; `None` if the object was not judged.
    pub fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::GzipTruncated { .. } => "gzip-truncated",
            Self::GzipCorrupt { .. } => "gzip-corrupt",
            Self::TooMuchText { .. } | Self::TooCompressed { .. } | Self::LargeParquet { .. } => "too-large",
            Self::ParquetCorrupt { .. } => "parquet-corrupt",
            Self::Archive { .. } => "archive",
            Self::AllRowsRejected { .. } => "all-rows-rejected",
            Self::TooManyHours { .. } => "too-many-hours",
            Self::Rtmp { .. } => "rtmp",
            Self::NotCloudFront { .. } | Self::OwnDataFile => "no-cloudfront-log",
            Self::UnsupportedFormat { .. } | Self::UnsupportedParquet { .. } | Self::OtherData { .. } => {
                "unsupported-format"
            }
            Self::Read(_) => return None,
        })
    }
}
