//! Gzipped JSON lines, as plans and `seen` objects are kept: a header, then a line for each thing. Same content, same bytes.

use std::io::{self, BufRead as _, BufReader, Write as _};

use flate2::{Compression, GzBuilder, bufread::GzDecoder, write::GzEncoder};
use serde::Serialize;

use super::records::to_bytes;

/// Puts lines together.
#[derive(Debug)]
pub(crate) struct LinesWriter {
    gzip: GzEncoder<Vec<u8>>,
}

impl LinesWriter {
    /// Begins with the header.
    pub(crate) fn new(header: &impl Serialize) -> Self {
        // No time in the gzip header: the bytes depend on the lines alone.
        let mut writer = Self { gzip: GzBuilder::new().mtime(0).write(Vec::new(), Compression::default()) };
        writer.push(header);
        writer
    }

    pub(crate) fn push(&mut self, line: &impl Serialize) {
        // Writing to memory cannot fail.
        let _ = self.gzip.write_all(&to_bytes(line)).and_then(|()| self.gzip.write_all(b"\n"));
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.gzip.finish().unwrap_or_default()
    }
}

/// Takes lines apart.
#[derive(Debug)]
pub(crate) struct LinesReader<'b> {
    text: BufReader<GzDecoder<&'b [u8]>>,
    line: String,
}

impl<'b> LinesReader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { text: BufReader::new(GzDecoder::new(bytes)), line: String::new() }
    }

    /// The next line, none behind the last.
    ///
    /// # Errors
    /// The bytes are no gzip, are cut short, or hold no text.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<&str>> {
        self.line.clear();
        let is_end = self.text.read_line(&mut self.line)? == 0;
        Ok((!is_end).then_some(self.line.as_str()))
    }
}
