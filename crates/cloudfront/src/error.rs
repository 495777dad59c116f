//! Why an object adds no row. Every variant but [`Error::Read`] is a verdict on the object's bytes: the same bytes always
//! give the same verdict.

use std::io;

/// A log object that cannot be converted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The gzip data ends too early.
    #[error(
        "decompress: the gzip data ends in the middle of a member, after {object_bytes} bytes\nhint: fetch the object again"
    )]
    GzipTruncated {
        /// Size of the object in bytes.
        object_bytes: u64,
    },
    /// The gzip data is damaged.
    #[error("decompress: byte {byte}: {why}")]
    GzipCorrupt {
        /// Where in the compressed object, from 0; approximate.
        byte: u64,
        /// What is wrong with it.
        why: String,
    },
    /// More text than `--max-text-bytes`.
    #[error(
        "decompress: more than {limit_bytes} bytes of text\nhint: raise `--max-text-bytes` if this is no decompression bomb"
    )]
    TooMuchText {
        /// The limit in bytes of text.
        limit_bytes: u64,
    },
    /// Text out of proportion to the object: `--max-ratio`.
    #[error(
        "decompress: more than {limit} bytes of text for each of the object's {object_bytes} bytes\nhint: raise `--max-ratio` if this is no decompression bomb"
    )]
    TooCompressed {
        /// The limit in bytes of text for each byte of the object.
        limit: u64,
        /// Size of the object in bytes.
        object_bytes: u64,
    },
    /// An archive, or a file that is packed by another program than gzip.
    #[error("decompress: {format} archive{within}: unpack it first")]
    Archive {
        /// The format's name.
        format: &'static str,
        /// What it is within, as ` in gzip`; empty where the object itself is it.
        within: &'static str,
    },
    /// Data in a format that is no text.
    #[error("decompress: {format} data, which this version does not read: deliver W3C or tab-separated logs")]
    OtherData {
        /// The format's name.
        format: &'static str,
    },
    /// Rows of more hours than an object can reasonably hold.
    #[error("decode: line {line}: names more than {limit} different hours")]
    TooManyHours {
        /// Line number from 1.
        line: u64,
        /// How many hours an object may name.
        limit: usize,
    },
    /// A log of a streaming distribution.
    #[error("decode: line {line}: field `x-event`: an RTMP log, which has no web requests")]
    Rtmp {
        /// Line number from 1.
        line: u64,
    },
    /// No CloudFront log at all.
    #[error("decode: line {line}: no CloudFront log: {why}")]
    NotCloudFront {
        /// Line number from 1.
        line: u64,
        /// What was expected and what was found.
        why: String,
    },
    /// A CloudFront log in a format that this version does not read.
    #[error(
        "decode: line {line}: a log in {format} format, which this version does not read yet\nhint: deliver W3C or tab-separated logs"
    )]
    UnsupportedFormat {
        /// Line number from 1.
        line: u64,
        /// The format's name.
        format: &'static str,
    },
    /// Lines of data of which every one was refused: it was not understood.
    #[error("decode: every row was rejected ({reasons}){hint}")]
    AllRowsRejected {
        /// The reasons in words, each with how many lines it refused.
        reasons: String,
        /// What to do about it, on a line of its own; empty where that is not known.
        hint: String,
    },
    /// Reading the compressed bytes failed: says nothing about the object.
    #[error("fetch: reading failed")]
    Read(#[source] io::Error),
}

impl Error {
    /// The word for it in reports and in the quarantine; none where the object was not judged.
    pub fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::GzipTruncated { .. } => "gzip-truncated",
            Self::GzipCorrupt { .. } => "gzip-corrupt",
            Self::TooMuchText { .. } | Self::TooCompressed { .. } => "too-large",
            Self::Archive { .. } => "archive",
            Self::AllRowsRejected { .. } => "all-rows-rejected",
            Self::TooManyHours { .. } => "too-many-hours",
            Self::Rtmp { .. } => "rtmp",
            Self::NotCloudFront { .. } => "no-cloudfront-log",
            Self::UnsupportedFormat { .. } | Self::OtherData { .. } => "unsupported-format",
            Self::Read(_) => return None,
        })
    }
}
