//! Large objects: judged first, then decoded batch by batch in bounded memory.
//!
//! Up to [`WHOLE_TEXT_BYTES`] of text the first reading keeps the text, and the rows come from it. Past that the object is
//! read twice, in blocks of [`BATCH_TEXT_BYTES`] with the unfinished line carried over.
//!
//! **Not here**: how lines become rows (`scan`).

use std::{io::BufRead, sync::Arc};

use arrow::buffer::Buffer;
use memchr::memrchr;

use super::{
    BATCH_TEXT_BYTES, DecodeSizes, DecodedBatch, Decoder, ObjectSummary,
    batch::{BatchBuilder, Mark},
    scan::{Scan, ScanEnd, Sink},
    views::Text,
};
use crate::{Error, Reject, TextReader};

/// The text of an object is kept whole up to this size: 64 MiB.
pub const WHOLE_TEXT_BYTES: usize = 64 << 20;

/// What the first reading leaves for the second.
#[derive(Debug)]
pub enum Judged {
    /// The object's whole text.
    Whole(Buffer),
    /// The text is too long to keep: it is to be read again.
    Streamed,
}

/// The rows of an object that was judged good.
#[derive(Debug)]
pub struct LargeRows<R> {
    name: Arc<str>,
    sizes: DecodeSizes,
    batch: BatchBuilder,
    blocks: Blocks<R>,
    // None behind the last batch, when `summary` is there.
    scan: Option<Scan>,
    rejects: Vec<Reject>,
    summary: Option<ObjectSummary>,
}

impl Decoder {
    /// Reads an object of `object_bytes` bytes to its end and judges it.
    ///
    /// # Errors
    /// The verdict on the object.
    pub fn judge_large<R: BufRead>(&mut self, object: R, object_bytes: u64) -> Result<Judged, Error> {
        let reader = TextReader::try_new(object, object_bytes, self.options.text_limits)?;
        let mut blocks = Blocks::new(reader);
        let mut scan = Scan::new(&self.options, self.sizes, 0, false);
        blocks.fill(self.sizes.whole_text_bytes, &mut scan)?;
        let is_whole = blocks.is_last;
        loop {
            match scan.scan(
                &mut self.layouts,
                blocks.text(),
                blocks.at,
                usize::MAX,
                blocks.is_last,
                &mut Sink::Judge,
            )? {
                ScanEnd::NeedsText { at } | ScanEnd::Full { at } => blocks.at = at,
            }
            if blocks.is_last {
                break;
            }
            blocks.fill(self.sizes.batch_text_bytes, &mut scan)?;
        }
        scan.finish(blocks.text(), &mut Sink::Judge)?;
        Ok(if is_whole { Judged::Whole(blocks.buffer) } else { Judged::Streamed })
    }

    /// The rows of an object whose text was kept.
    pub fn rows_of_whole<R: BufRead>(&self, name: &str, text: Buffer) -> LargeRows<R> {
        self.rows_of_blocks(name, Blocks::whole(text))
    }

    /// The rows of an object that is read a second time.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn rows_of_streamed<R: BufRead>(
        &self,
        name: &str,
        object: R,
        object_bytes: u64,
    ) -> Result<LargeRows<R>, Error> {
        let reader = TextReader::try_new(object, object_bytes, self.options.text_limits)?;
        Ok(self.rows_of_blocks(name, Blocks::new(reader)))
    }

    fn rows_of_blocks<R>(&self, name: &str, blocks: Blocks<R>) -> LargeRows<R> {
        LargeRows {
            name: name.into(),
            sizes: self.sizes,
            batch: BatchBuilder::new(Arc::clone(&self.options.schema)),
            blocks,
            scan: Some(Scan::new(&self.options, self.sizes, 0, true)),
            rejects: Vec::new(),
            summary: None,
        }
    }
}

impl<R: BufRead> LargeRows<R> {
    /// The next batch, none behind the last. It has no rows where lines are refused in masses: then it is time to
    /// [take](Self::take_rejects) them. Rows of small objects before this one wait in the decoder: see
    /// [`Decoder::flush`].
    ///
    /// # Errors
    /// As the object was judged good, only what its second reading brings: [`Error::Read`], or a verdict if it changed.
    pub fn next_batch(&mut self, decoder: &mut Decoder) -> Result<Option<DecodedBatch>, Error> {
        while let Some(mut scan) = self.scan.take() {
            if self.blocks.needs_text {
                self.blocks.fill(self.sizes.batch_text_bytes, &mut scan)?;
            }
            let text = self.blocks.text();
            self.batch.begin_object(&self.name);
            let (mark, row_limit) = (Mark::default(), self.sizes.batch_rows);
            let mut sink = Sink::Batch { batch: &mut self.batch, mark, row_limit };
            let until = self.blocks.at + self.sizes.batch_text_bytes;
            let end = scan.scan(&mut decoder.layouts, text, self.blocks.at, until, self.blocks.is_last, &mut sink)?;
            scan.drain(text, &mut sink);
            let mut refused = scan.take_rejects();
            let is_full = self.batch.is_full(mark, refused.len(), row_limit);
            self.rejects.append(&mut refused);
            match end {
                ScanEnd::Full { at } => {
                    self.blocks.at = at;
                    self.scan = Some(scan);
                }
                ScanEnd::NeedsText { .. } if self.blocks.is_last => {
                    let mut sink = Sink::Batch { batch: &mut self.batch, mark, row_limit };
                    let mut summary = scan.finish(text, &mut sink)?;
                    self.rejects.append(&mut summary.rejects);
                    self.summary = Some(summary);
                }
                ScanEnd::NeedsText { at } => {
                    self.blocks.at = at;
                    self.blocks.needs_text = true;
                    self.scan = Some(scan);
                }
            }
            let batch = self.batch.take(&self.blocks.buffer);
            if is_full || !batch.seconds.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// The lines refused since the last call, in order.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    /// What the object gave; none before its last batch was taken.
    pub fn summary(&mut self) -> Option<ObjectSummary> {
        self.summary.take()
    }
}

/// The text, block by block.
#[derive(Debug)]
struct Blocks<R> {
    /// None: all text is in `buffer`.
    reader: Option<TextReader<R>>,
    buffer: Buffer,
    /// Where the next line starts in `buffer`.
    at: usize,
    is_last: bool,
    is_utf8: bool,
    needs_text: bool,
}

impl<R: BufRead> Blocks<R> {
    fn new(reader: TextReader<R>) -> Self {
        Self {
            reader: Some(reader),
            buffer: Buffer::from(Vec::<u8>::new()),
            at: 0,
            is_last: false,
            is_utf8: true,
            needs_text: true,
        }
    }

    fn whole(buffer: Buffer) -> Self {
        // Positions have 32 bits: in a longer text, which nobody has, every cell is looked at by itself.
        let is_utf8 = u32::try_from(buffer.len()).is_ok() && std::str::from_utf8(&buffer).is_ok();
        Self { reader: None, buffer, at: 0, is_last: true, is_utf8, needs_text: false }
    }

    fn text(&self) -> Text<'_> {
        Text { bytes: &self.buffer, is_utf8: self.is_utf8 }
    }

    /// Carries what is not scanned to the start of a new block, and adds text up to `block_bytes` in all.
    fn fill(&mut self, block_bytes: usize, scan: &mut Scan) -> Result<(), Error> {
        /// So much is asked for at a time; also what a block has beside a carried line, however long that is.
        const STEP_BYTES: usize = 1 << 20;
        let max_step = STEP_BYTES.min(block_bytes);
        self.needs_text = false;
        let Some(reader) = &mut self.reader else { return Ok(()) };
        let carried = self.buffer.get(self.at..).unwrap_or_default();
        let wanted = block_bytes.max(carried.len() + max_step);
        let mut block = Vec::with_capacity(wanted.min(BATCH_TEXT_BYTES));
        block.extend_from_slice(carried);
        scan.move_text(self.at, 0);
        self.at = 0;
        while block.len() < wanted && !self.is_last {
            let filled = block.len();
            let step = max_step.min(wanted - filled);
            block.resize(filled + step, 0);
            let count = block.get_mut(filled..).map_or(Ok(0), |rest| reader.read(rest))?;
            block.truncate(filled + count);
            self.is_last = count < step;
        }
        // Only whole lines are looked at; the last one may end inside a character.
        let whole_lines = if self.is_last { block.len() } else { memrchr(b'\n', &block).map_or(0, |at| at + 1) };
        self.is_utf8 = block.get(..whole_lines).is_some_and(|lines| std::str::from_utf8(lines).is_ok());
        self.buffer = Buffer::from(block);
        Ok(())
    }
}
