//! The text of a large object, block by block, in bounded memory.
//!
//! A block begins with the unfinished line of the block before it, so lines are never split over blocks.

use std::io::BufRead;

use arrow::buffer::Buffer;
use memchr::memrchr;

use super::TextPool;
use crate::{Error, TextReader, decode::text::Text};

/// Bytes that are asked for at a time, and that a block has besides a carried line, however long that is: 1 MiB.
const STEP_BYTES: usize = 1 << 20;

/// The blocks of one object.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    reader: TextReader<R>,
    buffer: Buffer,
    /// Position in the block of the first line that is not decoded yet.
    pub(crate) at: usize,
    is_last: bool,
    is_utf8: bool,
}

impl<R: BufRead> Blocks<R> {
    pub(crate) fn new(reader: TextReader<R>) -> Self {
        let buffer = Buffer::from(Vec::<u8>::new());
        Self { reader, buffer, at: 0, is_last: false, is_utf8: true }
    }

    /// Returns the block at hand.
    pub(crate) fn text(&self) -> Text<'_> {
        Text { bytes: &self.buffer, is_utf8: self.is_utf8 }
    }

    /// Returns the memory of the block at hand.
    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// Returns whether the object's text ends with the block at hand.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Goes on to the next block, of `block_bytes` in all: it begins with what is not decoded of the block at hand.
    /// Returns the position that this had there.
    ///
    /// # Errors
    /// The verdict on the object; [`Error::Read`].
    pub(crate) fn advance(
        &mut self,
        block_bytes: usize,
        most_reserved: usize,
        pool: &mut TextPool,
    ) -> Result<usize, Error> {
        let max_step = STEP_BYTES.min(block_bytes);
        let carried = &self.buffer[self.at..];
        let wanted = block_bytes.max(carried.len() + max_step);
        // What an old block holds is written over, not cleared: clearing would take as long as looking for line ends.
        let mut block = pool.take();
        block.reserve_exact(wanted.min(most_reserved).saturating_sub(block.len()));
        let mut filled = carried.len();
        block.resize(block.len().max(filled), 0);
        block[..filled].copy_from_slice(carried);
        while filled < wanted && !self.is_last {
            let step = max_step.min(wanted - filled);
            block.resize(block.len().max(filled + step), 0);
            let count = self.reader.read(&mut block[filled..filled + step])?;
            filled += count;
            self.is_last = count < step;
        }
        block.truncate(filled);
        // Only whole lines are looked at; the last one may end inside a character.
        let whole_lines = if self.is_last { block.len() } else { memrchr(b'\n', &block).map_or(0, |at| at + 1) };
        self.is_utf8 = std::str::from_utf8(&block[..whole_lines]).is_ok();
        pool.keep(std::mem::replace(&mut self.buffer, Buffer::from(block)));
        Ok(std::mem::replace(&mut self.at, 0))
    }
}
