//! Writes rejected rows and failed objects as JSON lines into the state, so that no input is lost.
//!
//! ```text
//! {"object":"file:///logs/E1.gz","line":12,"byte":455,"reason":"no-time","text":"-\t10:00:00\t..."}
//! {"object":"file:///logs/E2.gz","reason":"gzip-truncated","message":"decompress: the gzip data ends ..."}
//! ```
//!
//! A line that is not UTF-8 has the key `base64` instead of `text`. A line over the limit has its length in
//! `line_bytes`. The file is a function of the task: same inputs, same bytes. The comment of its gzip header names the
//! epoch's log record, so that readers of the lines see only entries.
//!
//! Control and invisible characters in log text are escaped, as `\u009b`. Epochs that earlier versions planned do not
//! have this comment and these escapes, so that a task of such an epoch that is done again has the same bytes.

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, GzBuilder, bufread::GzDecoder, write::GzEncoder};
use lakefront_cloudfront::Reject;
use lakefront_ledger::{
    escape::json_line,
    hash::FileHasher,
    records::{LogRecord, QuarantineRecord},
    seal::{Stored, to_json},
};
use lakefront_storage::Store;
use serde::Serialize;

use crate::{Error, staged_file::StagedFile};

/// The quarantine of one task; there is no file before the first entry.
#[derive(Debug)]
pub(crate) struct Quarantine {
    store: Store,
    file: Option<GzEncoder<StagedFile>>,
    entries: u64,
    /// The comment in the gzip header, if the epoch's records have checksums.
    comment: Option<String>,
}

#[derive(Serialize)]
struct QuarantinedRow<'a> {
    object: &'a str,
    line: u64,
    byte: u64,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

#[derive(Serialize)]
struct QuarantinedObject<'a> {
    object: &'a str,
    reason: &'a str,
    message: &'a str,
}

impl Quarantine {
    pub(crate) fn new(store: Store, log: &Stored<LogRecord>) -> Self {
        Self { store, file: None, entries: 0, comment: comment(log) }
    }

    pub(crate) fn add_rejects(&mut self, object: &str, rejects: &[Reject]) -> Result<(), Error> {
        for reject in rejects {
            let Reject { line, byte, reason, text, line_bytes } = reject;
            let readable = std::str::from_utf8(text).ok();
            self.add(&QuarantinedRow {
                object,
                line: *line,
                byte: *byte,
                reason: reason.as_str(),
                line_bytes: (*line_bytes != text.len() as u64).then_some(*line_bytes),
                text: readable,
                base64: readable.is_none().then(|| BASE64_STANDARD.encode(text)),
            })?;
        }
        Ok(())
    }

    pub(crate) fn add_failed(&mut self, object: &str, reason: &str, message: &str) -> Result<(), Error> {
        self.add(&QuarantinedObject { object, reason, message })
    }

    /// Stores the quarantine under its name; does nothing if it has no entries.
    pub(crate) fn put(self, name: &str) -> Result<Option<QuarantineRecord>, Error> {
        let Some(file) = self.file else { return Ok(None) };
        let written = file.finish().map_err(StagedFile::error)?.put(&self.store, name)?;
        Ok(Some(QuarantineRecord { entries: self.entries, bytes: written.bytes, sha256: written.hash.to_string() }))
    }

    fn add(&mut self, entry: &impl Serialize) -> Result<(), Error> {
        let file = if let Some(file) = &mut self.file {
            file
        } else {
            // Without a name or a time in the header, so that the bytes depend only on the entries.
            let staged = StagedFile::create(&self.store, FileHasher::sha256()).map_err(StagedFile::error)?;
            let header = GzBuilder::new().mtime(0);
            let header = self.comment.iter().fold(header, |header, comment| header.comment(comment.as_str()));
            self.file.insert(header.write(staged, Compression::default()))
        };
        self.entries += 1;
        let mut line = if self.comment.is_some() { json_line(entry) } else { to_json(entry) };
        line.push(b'\n');
        file.write_all(&line).map_err(StagedFile::error)
    }
}

/// Returns the comment that names a log record; `None` if its epoch has no checksums.
fn comment(log: &Stored<LogRecord>) -> Option<String> {
    log.digest_in_epoch().map(|digest| format!("log {digest}"))
}

/// Number of bytes at the beginning of a quarantine that contain the gzip header with its comment.
pub const HEADER_BYTES: u64 = 256;

/// Returns whether a quarantine, by its beginning, was written for this log record.
pub fn is_of_log(beginning: &[u8], log: &Stored<LogRecord>) -> bool {
    let found = GzDecoder::new(beginning).header().and_then(|header| header.comment().map(<[u8]>::to_vec));
    found == comment(log).map(String::into_bytes)
}
