//! Framing: an object's bytes in, blocks of text and the lines in them out.
//!
//! - [`shared_text`]: the texts of small objects, whole, one after another in one buffer.
//! - [`blocks`]: the text of a large object, block by block, with the unfinished line of the block before.
//! - [`separators`]: the positions of TABs and line ends.
//! - [`lines`]: numbers and offsets of lines, the byte order mark, and lines over the limit.
//!
//! **Not here**: gzip members ([`crate::decompress`]), and what a line means ([`super::formats`]).

use std::collections::VecDeque;

use lakefront_schema::row_block::BlockText;

pub(crate) mod blocks;
pub(crate) mod lines;
pub(crate) mod separators;
pub(crate) mod shared_text;

/// Texts that were decoded, kept to be written over: memory that is new to the process costs a page fault for every 4 KiB.
/// A text is free as soon as no batch is a view into it any more.
#[derive(Debug, Default)]
pub(crate) struct TextPool {
    texts: VecDeque<BlockText>,
}

impl TextPool {
    /// Number of texts at work: while one is decoded, a batch of another one is encoded.
    const MAX_TEXTS: usize = 2;

    /// Takes out a text that no batch uses any more, with the bytes that it has; an empty one if there is none.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        for _ in 0..self.texts.len() {
            match self.texts.pop_front().map(BlockText::into_vec) {
                Some(Ok(text)) => return text,
                Some(Err(in_use)) => self.texts.push_back(in_use),
                None => break,
            }
        }
        Vec::new()
    }

    pub(crate) fn keep(&mut self, text: BlockText) {
        if !text.bytes().is_empty() {
            self.texts.push_back(text);
        }
        if self.texts.len() > Self::MAX_TEXTS {
            self.texts.pop_front();
        }
    }
}
