//! The text of a large object, block by block, in bounded memory.
//!
//! A block begins with a line end of ours, then with the unfinished line of the block before it, so lines are never split
//! over blocks.

use std::io::BufRead;

use lakefront_schema::row_block::{BlockText, TEXT_PADDING};

use super::TextPool;
use crate::{Error, TextReader};

/// The blocks of one object.
#[derive(Debug)]
pub(crate) struct Blocks<R> {
    reader: TextReader<R>,
    text: BlockText,
    /// Position in the block of the first line that is not decoded yet.
    pub(crate) at: usize,
    is_last: bool,
}

impl<R: BufRead> Blocks<R> {
    /// Position in a block of its first line.
    pub(crate) const TEXT_START: usize = 1;

    pub(crate) fn new(reader: TextReader<R>) -> Self {
        let mut bytes = vec![0; Self::TEXT_START + TEXT_PADDING];
        bytes[0] = b'\n';
        Self { reader, text: BlockText::new(bytes), at: Self::TEXT_START, is_last: false }
    }

    /// Returns the text of the block at hand.
    pub(crate) fn text(&self) -> &BlockText {
        &self.text
    }

    /// Returns whether the object's text ends with the block at hand.
    pub(crate) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Goes on to the next block, of `block_bytes` in all: it begins with what is not decoded of the block at hand.
    /// Returns how far that has moved: the positions that it had and has.
    ///
    /// # Errors
    /// The verdict on the object; [`Error::Read`].
    pub(crate) fn advance(&mut self, block_bytes: usize, pool: &mut TextPool) -> Result<[usize; 2], Error> {
        let carried = &self.text.bytes()[self.at..];
        let mut filled = Self::TEXT_START + carried.len();
        // However long the carried line is, there are new bytes in the block, half as many as it would have without that.
        let wanted = Self::TEXT_START + block_bytes.max(carried.len() + block_bytes.div_ceil(2));
        // What an old block holds is written over, not cleared: clearing would take as long as looking for line ends.
        let mut block = pool.take();
        block.reserve_exact((wanted + TEXT_PADDING).saturating_sub(block.len()));
        block.resize(block.len().max(filled), 0);
        block[0] = b'\n';
        block[Self::TEXT_START..filled].copy_from_slice(carried);
        while filled < wanted && !self.is_last {
            block.resize(block.len().max(wanted), 0);
            let count = self.reader.read(&mut block[filled..wanted])?;
            self.is_last = count < wanted - filled;
            filled += count;
        }
        block.resize(filled + TEXT_PADDING, 0);
        pool.keep(std::mem::replace(&mut self.text, BlockText::new(block)));
        Ok([std::mem::replace(&mut self.at, Self::TEXT_START), Self::TEXT_START])
    }
}
