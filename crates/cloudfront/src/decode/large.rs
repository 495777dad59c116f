//! Large objects: read once, block by block, in bounded memory.
//!
//! A block is [`BATCH_TEXT_BYTES`] of text, with the unfinished line of the one before it carried over; no batch is of two
//! blocks. The verdict on an object may come with its last byte, so whoever takes its rows has to be ready to throw them
//! away. [`Decoder::judge_large`] reads the same blocks and comes to the same verdict, but gives no rows.
//!
//! **Not here**: how lines become rows (`scan`).

use std::{collections::VecDeque, io::BufRead, sync::Arc};

use arrow::buffer::Buffer;
use memchr::memrchr;

use super::{
    BATCH_TEXT_BYTES, DecodeSizes, DecodedBatch, Decoder, ObjectSummary,
    batch::{BatchBuilder, Mark},
    scan::{Scan, ScanEnd, Sink},
    views::Text,
};
use crate::{Error, Reject, TextReader};

/// A large object that is being read.
#[derive(Debug)]
pub struct Large<R> {
    sizes: DecodeSizes,
    /// None where the object is only judged.
    rows: Option<Rows>,
    blocks: Blocks<R>,
    // None behind the last step, when `summary` is there, and after an error.
    scan: Option<Scan>,
    rejects: Vec<Reject>,
    summary: Option<ObjectSummary>,
}

#[derive(Debug)]
struct Rows {
    name: Arc<str>,
    batch: BatchBuilder,
}

/// What a step through an object gave.
#[derive(Debug)]
pub enum Step {
    /// A batch with rows.
    Rows(Box<DecodedBatch>),
    /// None: the object is only judged, its block is all comments, or lines are refused in masses, and then it is time to
    /// [take](Large::take_rejects) them.
    NoRows,
}

impl Decoder {
    /// Reads the rows of an object of `object_bytes` bytes. Rows of small objects before this one wait in the decoder:
    /// see [`Decoder::flush`].
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn read_large<R: BufRead>(&self, name: &str, object: R, object_bytes: u64) -> Result<Large<R>, Error> {
        let batch = BatchBuilder::new(Arc::clone(&self.options.schema));
        self.open_large(object, object_bytes, Some(Rows { name: name.into(), batch }))
    }

    /// Reads such an object for its verdict only.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn judge_large<R: BufRead>(&self, object: R, object_bytes: u64) -> Result<Large<R>, Error> {
        self.open_large(object, object_bytes, None)
    }

    fn open_large<R: BufRead>(&self, object: R, object_bytes: u64, rows: Option<Rows>) -> Result<Large<R>, Error> {
        let reader = TextReader::try_new(object, object_bytes, self.options.text_limits)?;
        Ok(Large {
            sizes: self.sizes,
            scan: Some(Scan::new(&self.options, self.sizes, 0, rows.is_some())),
            rows,
            blocks: Blocks::new(reader),
            rejects: Vec::new(),
            summary: None,
        })
    }
}

impl<R: BufRead> Large<R> {
    /// Goes on by a batch, or by a block without rows; none when the object was read to its end, and is good.
    ///
    /// # Errors
    /// The verdict on the object, whose rows are then worth nothing; [`Error::Read`].
    pub fn step(&mut self, decoder: &mut Decoder) -> Result<Option<Step>, Error> {
        let Some(mut scan) = self.scan.take() else { return Ok(None) };
        if self.blocks.needs_text {
            self.blocks.fill(self.sizes.batch_text_bytes, &mut scan, &mut decoder.spares)?;
        }
        let row_limit = self.sizes.batch_rows;
        let text = self.blocks.text();
        if let Some(Rows { name, batch }) = &mut self.rows {
            batch.begin_object(name);
        }
        let mut sink = match &mut self.rows {
            Some(Rows { batch, .. }) => Sink::Batch { batch, mark: Mark::default(), row_limit },
            None => Sink::Judge,
        };
        let until = self.blocks.at + self.sizes.batch_text_bytes;
        let end = scan.scan(&mut decoder.layouts, text, self.blocks.at, until, self.blocks.is_last, &mut sink)?;
        scan.drain(text, &mut sink);
        self.rejects.append(&mut scan.take_rejects());
        match end {
            ScanEnd::NeedsText { .. } if self.blocks.is_last => {
                let mut summary = scan.finish(text, &mut sink, &mut decoder.unclaimed)?;
                self.rejects.append(&mut summary.rejects);
                self.summary = Some(summary);
            }
            ScanEnd::NeedsText { at } => {
                self.blocks.at = at;
                self.blocks.needs_text = true;
                self.scan = Some(scan);
            }
            ScanEnd::Full { at } => {
                self.blocks.at = at;
                self.scan = Some(scan);
            }
        }
        let batch = self.rows.as_mut().map(|rows| rows.batch.take(&self.blocks.buffer));
        Ok(Some(
            batch.filter(|batch| !batch.seconds.is_empty()).map_or(Step::NoRows, |batch| Step::Rows(Box::new(batch))),
        ))
    }

    /// The lines refused since the last call, in order; none where the object is only judged.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    /// What the object gave; none before its last step.
    pub fn summary(&mut self) -> Option<ObjectSummary> {
        self.summary.take()
    }
}

/// The text, block by block.
#[derive(Debug)]
struct Blocks<R> {
    reader: TextReader<R>,
    buffer: Buffer,
    /// Where the next line starts in `buffer`.
    at: usize,
    is_last: bool,
    is_utf8: bool,
    needs_text: bool,
}

impl<R: BufRead> Blocks<R> {
    fn new(reader: TextReader<R>) -> Self {
        let buffer = Buffer::from(Vec::<u8>::new());
        Self { reader, buffer, at: 0, is_last: false, is_utf8: true, needs_text: true }
    }

    fn text(&self) -> Text<'_> {
        Text { bytes: &self.buffer, is_utf8: self.is_utf8 }
    }

    /// Carries what is not scanned to the start of a new block, and adds text up to `block_bytes` in all.
    fn fill(&mut self, block_bytes: usize, scan: &mut Scan, spares: &mut Spares) -> Result<(), Error> {
        /// So much is asked for at a time; also what a block has beside a carried line, however long that is.
        const STEP_BYTES: usize = 1 << 20;
        let max_step = STEP_BYTES.min(block_bytes);
        self.needs_text = false;
        let carried = self.buffer.get(self.at..).unwrap_or_default();
        let wanted = block_bytes.max(carried.len() + max_step);
        // What an old block holds is written over, not cleared: clearing would take as long as scanning for line ends.
        let mut block = spares.take();
        block.reserve_exact(wanted.min(BATCH_TEXT_BYTES).saturating_sub(block.len()));
        let mut filled = carried.len();
        block.resize(block.len().max(filled), 0);
        if let Some(start) = block.get_mut(..filled) {
            start.copy_from_slice(carried);
        }
        scan.move_text(self.at, 0);
        self.at = 0;
        while filled < wanted && !self.is_last {
            let step = max_step.min(wanted - filled);
            block.resize(block.len().max(filled + step), 0);
            let room = block.get_mut(filled..filled + step);
            let count = room.map_or(Ok(0), |room| self.reader.read(room))?;
            filled += count;
            self.is_last = count < step;
        }
        block.truncate(filled);
        // Only whole lines are looked at; the last one may end inside a character.
        let whole_lines = if self.is_last { block.len() } else { memrchr(b'\n', &block).map_or(0, |at| at + 1) };
        self.is_utf8 = block.get(..whole_lines).is_some_and(|lines| std::str::from_utf8(lines).is_ok());
        spares.keep(std::mem::replace(&mut self.buffer, Buffer::from(block)));
        Ok(())
    }
}

/// Texts that were decoded, kept to be written over as soon as no batch is a view into them any more: memory that is new
/// to the process costs a page fault for every 4 KiB.
#[derive(Debug, Default)]
pub(super) struct Spares {
    texts: VecDeque<Buffer>,
}

impl Spares {
    /// As many as there are at work: while one is decoded, a batch of another one is encoded.
    const MAX_TEXTS: usize = 2;

    /// A text that nobody looks at any more, as it is; an empty one where there is none.
    pub(super) fn take(&mut self) -> Vec<u8> {
        for _ in 0..self.texts.len() {
            match self.texts.pop_front().map(Buffer::into_vec) {
                Some(Ok(text)) => return text,
                Some(Err(in_use)) => self.texts.push_back(in_use),
                None => break,
            }
        }
        Vec::new()
    }

    pub(super) fn keep(&mut self, text: Buffer) {
        if text.capacity() > 0 {
            self.texts.push_back(text);
        }
        if self.texts.len() > Self::MAX_TEXTS {
            self.texts.pop_front();
        }
    }
}
