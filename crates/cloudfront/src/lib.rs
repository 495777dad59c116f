//! CloudFront's logs: log objects in, record batches and rejects out. Pure: same bytes in, same batches out.
//!
//! Reading order:
//!
//! 1. [`decompress`] (stage 4): compressed bytes to text, all gzip members, checked and limited.
//! 2. [`decode`] (stage 5): text to columns, rejects and counts.
//! 3. [`enrich`] (stage 6): derived columns: browser, operating system, bot, file name, distribution.
//!
//! Nothing here touches a clock, a file, the environment or a thread. A bad row is a [`Reject`], a bad object an
//! [`Error`]; neither stops a run.

// The data's way, in order.
pub mod decompress;

pub mod decode;

pub mod reject;

pub mod enrich;

mod field_names;

mod guard;

mod error;

pub use decode::{
    DecodeOptions, DecodeSizes, DecodedBatch, Decoder, Delimiter, DelimiterError, FormatError, FormatOptions,
    LogDescription, LogFormat, ObjectSummary,
};
pub use decompress::{TextLimits, TextReader};
pub use enrich::Enricher;
pub use error::{Error, Misfit, NamedBy, NotCloudFront};
pub use field_names::FieldNames;
pub use guard::is_guarded;
pub use reject::{Reject, RejectReason};
