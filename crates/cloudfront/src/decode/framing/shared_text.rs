//! The texts of small objects, one after another in one buffer: their rows share a batch.

use arrow::buffer::Buffer;

use super::TextPool;
use crate::{Error, TextLimits, TextReader};

/// Bytes that are read at a time if an object has more text than expected: 256 KiB.
const BLOCK_BYTES: usize = 256 * 1024;

/// The texts of the objects of one batch.
#[derive(Debug, Default)]
pub(crate) struct SharedText {
    /// The texts, and after `end` what an older text left there: it is written over, not cleared first.
    bytes: Vec<u8>,
    end: usize,
}

impl SharedText {
    /// Length of all texts in bytes.
    pub(crate) fn len(&self) -> usize {
        self.end
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.end]
    }

    /// Takes back all text from `end` on.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.end = end;
    }

    /// Returns all texts as one buffer. A new one begins.
    pub(crate) fn take(&mut self) -> Buffer {
        self.bytes.truncate(self.end);
        self.end = 0;
        Buffer::from(std::mem::take(&mut self.bytes))
    }

    /// Appends an object's text. Returns false if it has more than `most_bytes`; the text is then incomplete.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn append(
        &mut self,
        object: &[u8],
        limits: TextLimits,
        most_bytes: usize,
        pool: &mut TextPool,
    ) -> Result<bool, Error> {
        if guess_text_bytes(object) > most_bytes {
            return Ok(false);
        }
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        let mut reader = TextReader::try_new(object, object.len() as u64, limits)?;
        let text_start = self.end;
        // One byte more than guessed, so that the first read sees the end.
        let mut block_bytes = guess_text_bytes(object) + 1;
        loop {
            let block_end = self.end + block_bytes;
            self.bytes.resize(self.bytes.len().max(block_end), 0);
            let count = reader.read(&mut self.bytes[self.end..block_end])?;
            self.end += count;
            if self.end - text_start > most_bytes {
                return Ok(false);
            }
            if count < block_bytes {
                return Ok(true);
            }
            block_bytes = BLOCK_BYTES;
        }
    }
}

/// Returns the size of an object's text in bytes, by the last four bytes of gzip data: right for a single member. It is a
/// guess, limited to what is possible.
fn guess_text_bytes(object: &[u8]) -> usize {
    /// Deflate cannot do better than 1032 to 1.
    const MAX_RATIO: usize = 1032;
    match object {
        [0x1f, 0x8b, .., a, b, c, d] => {
            let claimed = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
            claimed.min(object.len().saturating_mul(MAX_RATIO))
        }
        _ => object.len(),
    }
}
