//! Gzipped JSON lines, the format of plans and `seen` objects: a header, a line for each entry, and, if the header's
//! format has checksums, a line with the checksum of all lines before. Same content, same bytes.
//!
//! Lines are read one at a time, each of bounded length, so an object that expands a thousandfold does not take more
//! memory.

use std::io::{self, BufRead, BufReader, Read as _, Write as _};

use flate2::{Compression, GzBuilder, bufread::GzDecoder, write::GzEncoder};
use serde::Serialize;

use crate::seal::{JsonlChecksum, to_json, to_shown_json};

/// Longest line in bytes: 1 MiB. A key has at most 4096 bytes, each of which may be written as six, and a line has a
/// few keys.
const MAX_LINE_BYTES: u64 = 1 << 20;

/// Writer of gzipped JSON lines.
#[derive(Debug)]
pub struct JsonlWriter {
    gzip: GzEncoder<Vec<u8>>,
    /// `None` if the lines get no checksum.
    checksum: Option<JsonlChecksum>,
}

impl JsonlWriter {
    /// Writes the header. The lines get a checksum if `is_sealed`.
    pub fn new(header: &impl Serialize, is_sealed: bool) -> Self {
        // Without a time in the gzip header, so that the bytes depend only on the lines.
        let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        let mut writer = Self { gzip, checksum: is_sealed.then(JsonlChecksum::default) };
        writer.push(header);
        writer
    }

    /// Adds a line.
    pub fn push(&mut self, line: &impl Serialize) {
        let mut line = if self.checksum.is_some() { to_shown_json(line) } else { to_json(line) };
        line.push(b'\n');
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&line);
        }
        self.gzip.write_all(&line).expect("writing to memory cannot fail");
    }

    /// Returns the bytes, with the checksum if there is one.
    pub fn finish(mut self) -> Vec<u8> {
        if let Some(checksum) = self.checksum {
            self.gzip.write_all(&checksum.last_line()).expect("writing to memory cannot fail");
        }
        self.gzip.finish().expect("writing to memory cannot fail")
    }
}

/// Reader of gzipped JSON lines.
#[derive(Debug)]
pub struct JsonlReader<R> {
    text: BufReader<GzDecoder<R>>,
    line: String,
    /// Checksum of the lines so far.
    checksum: JsonlChecksum,
    is_sealed: bool,
}

impl<R: BufRead> JsonlReader<R> {
    /// Returns a reader of the lines in these bytes.
    pub fn new(bytes: R) -> Self {
        Self {
            text: BufReader::new(GzDecoder::new(bytes)),
            line: String::new(),
            checksum: JsonlChecksum::default(),
            is_sealed: false,
        }
    }

    /// Expects a checksum at the end. Called after the header was read.
    pub fn expect_checksum(&mut self) {
        self.is_sealed = true;
    }

    /// Returns the next line; `None` after the last, once the checksum is verified.
    ///
    /// # Errors
    /// The bytes are not valid gzip, are truncated, are not text, or have a line that is too long; or the checksum is
    /// missing or wrong.
    pub fn next_line(&mut self) -> io::Result<Option<&str>> {
        if self.read_line()? {
            if self.is_sealed {
                return Err(io::Error::other("it ends without a checksum"));
            }
            return Ok(None);
        }
        if !(self.is_sealed && JsonlChecksum::is_last_line(self.line.as_bytes())) {
            self.checksum.update(self.line.as_bytes());
            return Ok(Some(self.line.as_str()));
        }
        std::mem::take(&mut self.checksum).check(self.line.as_bytes())?;
        if !self.read_line()? {
            return Err(io::Error::other("it continues after its checksum"));
        }
        self.is_sealed = false;
        Ok(None)
    }

    /// Reads a line, and returns whether the lines have ended.
    fn read_line(&mut self) -> io::Result<bool> {
        self.line.clear();
        let read = self.text.by_ref().take(MAX_LINE_BYTES).read_line(&mut self.line)? as u64;
        if read == MAX_LINE_BYTES {
            return Err(io::Error::other(format!("it has a line of more than {MAX_LINE_BYTES} bytes")));
        }
        Ok(read == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(bytes: &[u8], is_sealed: bool) -> io::Result<Vec<String>> {
        let mut reader = JsonlReader::new(bytes);
        if is_sealed {
            reader.expect_checksum();
        }
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line()? {
            lines.push(line.trim_end().to_owned());
        }
        Ok(lines)
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn lines_are_read_back_as_they_were_written() {
        for is_sealed in [false, true] {
            let mut writer = JsonlWriter::new(&1, is_sealed);
            (2..5).for_each(|line| writer.push(&line));
            assert_eq!(lines_of(&writer.finish(), is_sealed).unwrap(), ["1", "2", "3", "4"]);
        }
    }

    #[test]
    fn a_changed_removed_or_added_byte_of_sealed_lines_is_detected() {
        let mut writer = JsonlWriter::new(&1, true);
        writer.push(&"two");
        let mut text = Vec::new();
        GzDecoder::new(&writer.finish()[..]).read_to_end(&mut text).unwrap();
        assert!(lines_of(&gzip(&text), true).is_ok());
        for index in 0..text.len() {
            let mut other = text.clone();
            other[index] ^= 1;
            assert!(lines_of(&gzip(&other), true).is_err(), "byte {index}");
            assert!(lines_of(&gzip(&text[..index]), true).is_err(), "cut to {index} bytes");
        }
        assert!(lines_of(&gzip(&[&text[..], b"3\n"].concat()), true).is_err());
    }

    #[test]
    fn a_line_over_the_limit_is_refused_before_all_of_it_is_read() {
        let error = lines_of(&gzip(&vec![b'1'; 64 << 20]), false).unwrap_err();
        assert!(error.to_string().contains("a line of more than 1048576 bytes"), "{error}");
    }
}
