//! Lines: where each ends and starts in the object's text, and those over the limit, which are passed over.
//!
//! A line ends with LF or CR LF; a lone CR is part of the line. The last line needs no end, and then keeps its CR.

use memchr::memchr;

use crate::decode::{DecodeSizes, text::Text};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Progress through the lines of one object.
#[derive(Debug)]
pub(crate) struct LineFraming {
    /// Number of lines so far.
    lines: u64,
    line_bytes: usize,
    kept_line_bytes: usize,
    /// Difference between an offset in the object's text and a text position.
    byte_shift: i64,
    long_line: Option<LongLine>,
}

/// A line over the limit. It may reach over any number of blocks, so only its first bytes are kept.
#[derive(Debug)]
pub(crate) struct LongLine {
    /// Its first bytes.
    pub(crate) head: Vec<u8>,
    /// Offset of its first byte in the object's text.
    pub(crate) byte: u64,
    /// Its length in bytes, without its end.
    pub(crate) bytes: u64,
    /// Whether it is nothing but blanks, TABs and CRs.
    pub(crate) is_blank: bool,
    ends_in_cr: bool,
}

impl LineFraming {
    /// Begins an object whose text starts at position `text_start`.
    pub(crate) fn new(sizes: DecodeSizes, text_start: usize) -> Self {
        let DecodeSizes { line_bytes, kept_line_bytes, .. } = sizes;
        Self { lines: 0, line_bytes, kept_line_bytes, byte_shift: -as_i64(text_start), long_line: None }
    }

    /// Returns the number of lines that were counted.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Counts a line and returns its number, from 1.
    #[inline]
    pub(crate) fn count_line(&mut self) -> u64 {
        self.lines += 1;
        self.lines
    }

    /// Counts some lines and returns the number of the first one, from 1.
    #[inline]
    pub(crate) fn count_lines(&mut self, lines: usize) -> u64 {
        let first = self.lines + 1;
        self.lines += lines as u64;
        first
    }

    /// Returns the longest line that is read, in bytes.
    pub(crate) fn line_bytes(&self) -> usize {
        self.line_bytes
    }

    /// Returns the number of bytes that are kept of a longer line.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept_line_bytes
    }

    /// Returns the part of a long line that is kept.
    pub(crate) fn kept<'l>(&self, line: &'l [u8]) -> &'l [u8] {
        line.get(..self.kept_line_bytes).unwrap_or(line)
    }

    /// Takes note that the text at position `from` was moved to position `to`.
    pub(crate) fn move_text(&mut self, from: usize, to: usize) {
        self.byte_shift += as_i64(from) - as_i64(to);
    }

    /// Returns the offset in the object's text of a text position.
    pub(crate) fn byte_at(&self, position: usize) -> u64 {
        u64::try_from(as_i64(position) + self.byte_shift).expect("no text position is before the object's text")
    }

    /// Returns the position of the first line from `from` on: after the byte order mark at the start of the object.
    pub(crate) fn skip_byte_order_mark(&self, text: Text<'_>, from: usize) -> usize {
        let is_start = self.lines == 0 && self.byte_at(from) == 0 && self.long_line.is_none();
        let has_mark = text.bytes()[from..].starts_with(BYTE_ORDER_MARK);
        if is_start && has_mark { from + BYTE_ORDER_MARK.len() } else { from }
    }

    /// Returns the end of a line without CR LF or LF, from its start and the position of its LF.
    #[inline]
    pub(crate) fn line_end(text: Text<'_>, start: usize, newline: usize) -> usize {
        newline - usize::from(newline > start && text.bytes()[newline - 1] == b'\r')
    }

    /// Ends a block inside the line that starts at `start`. Returns the position from which text is needed again: a line
    /// that is over the limit already is not kept until its end comes.
    pub(crate) fn stop_inside_line(&mut self, text: Text<'_>, start: usize) -> usize {
        let line = &text.bytes()[start..];
        // The last byte may be the CR of the line's end.
        if line.len() <= self.line_bytes + 1 {
            return start;
        }
        let (head, byte) = (self.kept(line).to_vec(), self.byte_at(start));
        let mut long_line = LongLine { head, byte, bytes: 0, is_blank: true, ends_in_cr: false };
        long_line.extend(line);
        self.long_line = Some(long_line);
        text.bytes().len()
    }

    /// Passes over the rest of a line over the limit, if the text so far ended inside one. Returns the position from which
    /// to go on, and the line if its end was found.
    pub(crate) fn pass_long_line(&mut self, text: Text<'_>, from: usize) -> (usize, Option<LongLine>) {
        let Some(mut long_line) = self.long_line.take() else { return (from, None) };
        let rest = &text.bytes()[from..];
        let newline = memchr(b'\n', rest);
        long_line.extend(&rest[..newline.unwrap_or(rest.len())]);
        match newline {
            None => {
                self.long_line = Some(long_line);
                (text.bytes().len(), None)
            }
            Some(at) => {
                long_line.bytes -= u64::from(long_line.ends_in_cr);
                (from + at + 1, Some(long_line))
            }
        }
    }

    /// Returns the line over the limit that the object's text ends in, if it does.
    pub(crate) fn end(&mut self) -> Option<LongLine> {
        self.long_line.take()
    }
}

impl LongLine {
    fn extend(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.is_blank &= is_blank(piece);
        if let Some(last) = piece.last() {
            self.ends_in_cr = *last == b'\r';
        }
    }
}

/// Returns whether a line is nothing but blanks, TABs and CRs.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

fn as_i64(position: usize) -> i64 {
    i64::try_from(position).expect("memory is smaller than 8 EiB")
}
