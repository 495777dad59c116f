//! Stage 5. Text bytes in, record batches and rejects out.
//!
//! ```text
//!   #Version: 1.0                                   comment
//!   #Fields: date time x-edge-location sc-bytes     layout: which cell is which column's
//!   2024-05-17 <TAB> 10:00:00 <TAB> DFW3 <TAB> 512  row: split -> block -> columns
//! ```
//!
//! Small objects share a batch ([`Decoder::decode_small`]); a failing one is taken back to its first row. The rows of large
//! ones ([`large`]) leave before their objects were read to the end: a verdict that comes then is the caller's to act on.
//!
//! **Invariants**
//! - Batches are a function of the objects' names and texts, in order: never of timing or memory.
//! - lines = rows + rejects + comments + blanks, for each object.
//!
//! **Units**: offsets are bytes of text, from 0; lines count from 1.
//!
//! **Not here**: derived columns that need no cell of their own ([`crate::enrich`]), partitions (crate `table`).

pub mod large;

mod batch;
mod columns;
mod delimiters;
mod numbers;
mod rows;
mod scan;
mod sniff;
pub(crate) mod time;
pub(crate) mod views;

use std::sync::Arc;

use arrow::buffer::Buffer;
use lakefront_schema::{FieldLists, TableSchema};

pub(crate) use batch::UserAgents;
pub use batch::{DecodedBatch, ObjectRows};

use self::{
    batch::{BatchBuilder, Mark},
    large::Spares,
    scan::{Scan, ScanEnd, Sink},
    views::Text,
};
use crate::{Error, FieldNames, Reject, TextLimits, TextReader, header::Layouts, reject::KEPT_BYTES_OF_A_LONG_LINE};

/// A line may be this long, without its end: 1 MiB.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// An object may name so many different hours.
pub const MAX_HOURS: usize = 10_000;
/// Objects of at most so much text (1 MiB) are small: they share batches.
pub const SMALL_TEXT_BYTES: usize = 1 << 20;
/// A batch is full with so many rows; a small object has at most so many.
pub const BATCH_ROWS: usize = 8 * 1024;
/// A batch is full with so much text, 512 KiB: while its columns are built and encoded it stays in a processor's own cache.
pub const BATCH_TEXT_BYTES: usize = 1 << 19;

/// What decoding depends on besides the bytes.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// The columns wanted.
    pub schema: Arc<TableSchema>,
    /// The names of the fields in objects without a header (`--fields`). A line is read by the list with as many names as
    /// it has cells, one empty last cell aside.
    pub fields: FieldLists,
    /// The latest second (since 1970 UTC) that a request can have happened in.
    pub latest_second: i64,
    /// How much text an object may hold.
    pub text_limits: TextLimits,
}

/// How much decoding holds at a time. The defaults are for use, smaller ones for tests: what comes out differs in how rows
/// are spread over batches, and in which lines are too long.
#[derive(Clone, Copy, Debug)]
pub struct DecodeSizes {
    /// Longest line without its end, in bytes. Default [`MAX_LINE_BYTES`].
    pub line_bytes: usize,
    /// How much is kept of a longer line, in bytes; at most `line_bytes`. Default [`KEPT_BYTES_OF_A_LONG_LINE`].
    pub kept_line_bytes: usize,
    /// Most text of a small object, in bytes. Default [`SMALL_TEXT_BYTES`].
    pub small_text_bytes: usize,
    /// With so many rows a batch is full. Default [`BATCH_ROWS`].
    pub batch_rows: usize,
    /// With so much text, in bytes, a batch is full. Default [`BATCH_TEXT_BYTES`].
    pub batch_text_bytes: usize,
}

impl Default for DecodeSizes {
    fn default() -> Self {
        Self {
            line_bytes: MAX_LINE_BYTES,
            kept_line_bytes: KEPT_BYTES_OF_A_LONG_LINE,
            small_text_bytes: SMALL_TEXT_BYTES,
            batch_rows: BATCH_ROWS,
            batch_text_bytes: BATCH_TEXT_BYTES,
        }
    }
}

/// What one object gave, beside its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Bytes of text.
    pub text_bytes: u64,
    /// Lines of text.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines that start with `#`.
    pub comments: u64,
    /// Lines of nothing but blanks, TABs and CRs.
    pub blanks: u64,
    /// Lines that were refused.
    pub rejected: u64,
    /// Rows with fewer cells than names.
    pub padded_rows: u64,
    /// Rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Cells that were decoded lossily, as they are not UTF-8.
    pub lossy_cells: u64,
    /// Cells of a number column that are no such number, per column of the table schema.
    pub nulled_cells: Vec<u64>,
    /// The refused lines, in order; of a large object they come with its batches.
    pub rejects: Vec<Reject>,
}

/// Decodes objects into batches; one per worker.
#[derive(Debug)]
pub struct Decoder {
    options: Arc<DecodeOptions>,
    sizes: DecodeSizes,
    layouts: Layouts,
    /// Kept for all objects together: a thousand may be decoded at once, each with thousands of names.
    unclaimed: FieldNames,
    batch: BatchBuilder,
    /// The text of the objects in `batch`, and behind `text_end` what an older text left there: it is written over, not
    /// cleared first.
    text: Vec<u8>,
    text_end: usize,
    spares: Spares,
}

impl Decoder {
    /// A decoder with an empty batch.
    pub fn new(options: Arc<DecodeOptions>) -> Self {
        Self::with_sizes(options, DecodeSizes::default())
    }

    /// The same with other sizes.
    pub fn with_sizes(options: Arc<DecodeOptions>, sizes: DecodeSizes) -> Self {
        let layouts = Layouts::new(Arc::clone(&options.schema), options.fields.clone());
        let batch = BatchBuilder::new(Arc::clone(&options.schema));
        let unclaimed = FieldNames::default();
        Self { options, sizes, layouts, unclaimed, batch, text: Vec::new(), text_end: 0, spares: Spares::default() }
    }

    /// Adds a small object's rows to the open batch. `None`: it is not small, and nothing was added; see [`large`].
    ///
    /// # Errors
    /// The verdict on the object, which then has added nothing.
    pub fn decode_small(&mut self, name: &str, object: &[u8]) -> Option<Result<ObjectSummary, Error>> {
        if self.text.capacity() == 0 {
            self.text = self.spares.take();
        }
        let text_start = self.text_end;
        let mark = self.batch.mark();
        let result =
            self.inflate_small(object).and_then(|fits| if fits { self.scan_small(name, text_start) } else { Ok(None) });
        match result {
            Ok(Some(summary)) => Some(Ok(summary)),
            taken_back => {
                self.text_end = text_start;
                self.batch.rewind(mark);
                taken_back.err().map(Err)
            }
        }
    }

    /// Returns the names in headers since the last call that CloudFront does not have and no column asks for.
    pub fn take_unknown_names(&mut self) -> FieldNames {
        self.layouts.take_unknown()
    }

    /// Returns the fields of good objects since the last call that no column of the table schema uses.
    pub fn take_unclaimed_fields(&mut self) -> FieldNames {
        std::mem::take(&mut self.unclaimed)
    }

    /// Should the batch go on its way before another object?
    pub fn is_full(&self) -> bool {
        self.batch.is_full(Mark::default(), 0, self.sizes.batch_rows) || self.text_end >= self.sizes.batch_text_bytes
    }

    /// The open batch; none if it has no row.
    pub fn flush(&mut self) -> Option<DecodedBatch> {
        self.text.truncate(self.text_end);
        self.text_end = 0;
        let text = Buffer::from(std::mem::take(&mut self.text));
        let batch = (self.batch.rows() > 0).then(|| self.batch.take(&text));
        self.spares.keep(text);
        batch
    }

    /// Appends the object's text; false if it is more than a small object has.
    fn inflate_small(&mut self, object: &[u8]) -> Result<bool, Error> {
        const BLOCK_BYTES: usize = 256 * 1024;
        let small_text_bytes = self.sizes.small_text_bytes;
        if guess_text_bytes(object) > small_text_bytes {
            return Ok(false);
        }
        let mut reader = TextReader::try_new(object, object.len() as u64, self.options.text_limits)?;
        let text_start = self.text_end;
        // One byte more than guessed, so that the first read sees the end.
        let mut block_bytes = guess_text_bytes(object) + 1;
        loop {
            let block_end = self.text_end + block_bytes;
            self.text.resize(self.text.len().max(block_end), 0);
            let block = self.text.get_mut(self.text_end..block_end);
            let count = block.map_or(Ok(0), |block| reader.read(block))?;
            self.text_end += count;
            if self.text_end - text_start > small_text_bytes {
                return Ok(false);
            }
            if count < block_bytes {
                return Ok(true);
            }
            block_bytes = BLOCK_BYTES;
        }
    }

    /// Scans the text from `text_start` on as one object; none if it has more rows or rejects than a small object has.
    fn scan_small(&mut self, name: &str, text_start: usize) -> Result<Option<ObjectSummary>, Error> {
        let Self { options, sizes, layouts, unclaimed, batch, text, text_end, .. } = self;
        let text = text.get(..*text_end).unwrap_or_default();
        let is_utf8 = text.get(text_start..).is_some_and(|object| std::str::from_utf8(object).is_ok());
        batch.begin_object(name);
        let mut scan = Scan::new(options, *sizes, text_start, true);
        let text = Text { bytes: text, is_utf8 };
        let mark = batch.mark();
        let mut sink = Sink::Batch { batch, mark, row_limit: sizes.batch_rows };
        match scan.scan(layouts, text, text_start, usize::MAX, true, &mut sink)? {
            ScanEnd::Full { .. } => Ok(None),
            ScanEnd::NeedsText { .. } => scan.finish(text, &mut sink, unclaimed).map(Some),
        }
    }
}

/// How many bytes of text the object holds, going by the last four bytes of gzip data: right for a single member. Only a
/// hint. Capped where it makes no sense.
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

#[cfg(test)]
mod tests;
