//! The texts of small objects, one after another in one buffer: their rows share a batch.

use lakefront_schema::row_block::{BlockText, TEXT_PADDING};

use super::TextPool;
use crate::{Error, TextLimits, TextReader, decompress::whole::WholeInflater};

/// Bytes that are read at a time if an object has more text than expected: 256 KiB.
const BLOCK_BYTES: usize = 256 * 1024;

/// The texts of the objects of one batch. Each has a line end of ours before it, so that every line has a byte before it that
/// is of no other line.
#[derive(Debug, Default)]
pub(crate) struct SharedText {
    /// The texts, and after `end` what an older text left there: it is written over, not cleared first. There is always
    /// padding, too.
    bytes: Vec<u8>,
    end: usize,
    /// `None` before the first object.
    inflater: Option<WholeInflater>,
}

impl SharedText {
    /// Length of all texts in bytes.
    pub(crate) fn len(&self) -> usize {
        self.end
    }

    /// Returns all texts and padding.
    ///
    /// # Panics
    /// Nothing was added yet.
    pub(crate) fn padded(&self) -> &[u8] {
        &self.bytes[..self.end + TEXT_PADDING]
    }

    /// Takes back all text from `end` on.
    pub(crate) fn truncate(&mut self, end: usize) {
        self.end = end;
    }

    /// Returns all texts as one. A new one begins.
    pub(crate) fn take(&mut self) -> BlockText {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.resize(self.end + TEXT_PADDING, 0);
        self.end = 0;
        BlockText::new(bytes)
    }

    /// Returns one that writes over a text of the pool.
    pub(crate) fn from_pool(pool: &mut TextPool) -> Self {
        Self { bytes: pool.take(), ..Self::default() }
    }

    /// Appends bytes.
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    /// Appends a cell, the first `length` of these bytes, and a TAB.
    #[inline]
    pub(crate) fn push_cell(&mut self, bytes: &[u8], length: usize) {
        // Most cells are short: a copy of a fixed size needs no call. What it copies too much is written over.
        const SHORT: usize = 16;
        self.make_room(length.max(SHORT) + 1);
        let into = &mut self.bytes[self.end..];
        match (bytes.first_chunk::<SHORT>(), into.first_chunk_mut::<SHORT>()) {
            (Some(bytes), Some(into)) if length <= SHORT => *into = *bytes,
            _ => into[..length].copy_from_slice(&bytes[..length]),
        }
        into[length] = b'\t';
        self.end += length + 1;
    }

    /// Appends a line end and an object's text. Returns the position of the text's start; `None` if it has more than
    /// `most_bytes`, and is incomplete then.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn append(
        &mut self,
        object: &[u8],
        limits: TextLimits,
        most_bytes: usize,
        pool: &mut TextPool,
    ) -> Result<Option<usize>, Error> {
        if guess_text_bytes(object) > most_bytes {
            return Ok(None);
        }
        if self.bytes.capacity() == 0 {
            self.bytes = pool.take();
        }
        self.make_room(1);
        self.bytes[self.end] = b'\n';
        self.end += 1;
        let text_start = self.end;
        let expected_bytes = guess_text_bytes(object);
        self.make_room(expected_bytes);
        let inflater = self.inflater.get_or_insert_with(WholeInflater::new);
        if inflater.inflate(object, limits, &mut self.bytes[text_start..text_start + expected_bytes]) {
            self.end += expected_bytes;
            return Ok(Some(text_start));
        }
        let mut reader = TextReader::try_new(object, object.len() as u64, limits)?;
        // One byte more than guessed, so that the first read sees the end.
        let mut block_bytes = expected_bytes + 1;
        loop {
            let block_end = self.end + block_bytes;
            self.make_room(block_bytes);
            let count = reader.read(&mut self.bytes[self.end..block_end])?;
            self.end += count;
            if self.end - text_start > most_bytes {
                return Ok(None);
            }
            if count < block_bytes {
                return Ok(Some(text_start));
            }
            block_bytes = BLOCK_BYTES;
        }
    }
}

impl SharedText {
    /// Makes room for this many more bytes, and padding.
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        let needed = self.end + bytes + TEXT_PADDING;
        if self.bytes.len() < needed {
            self.bytes.resize(needed, 0);
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
