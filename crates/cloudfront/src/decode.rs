//! Stage 5. Text bytes in, record batches and rejects out.
//!
//! ```text
//!   bytes -> framing -> lines -> formats -> records -> rows -> open_block -> columns -> batch
//!                                layout: names of cells    rejects: lines that are not rows
//! ```
//!
//! Small objects share a batch ([`Decoder::decode_small`]); the rows of one that fails are taken back. The rows of large
//! ones ([`large`]) leave before their objects are read to the end: if the object fails then, the caller drops them.
//!
//! **Invariants**
//! - Batches are a function of the objects' names and texts, in order: never of timing or memory.
//! - lines = rows + rejects + comments + blanks, for each object.
//!
//! **Units**: offsets are bytes of text, from 0; lines count from 1.
//!
//! **Not here**: derived columns that need no cell of their own ([`crate::enrich`]), partitions (crate `table`).

// Bytes to lines.
mod framing;

// Which cell of a line is which field.
mod layout;

// Lines to records: one file a format.
mod formats;
mod text;

// Records to rows, or rejects.
mod moment;
mod numbers;
mod records;
mod rejects;
pub(crate) mod time;

// Rows to columns.
mod batch;
mod columns;
mod open_block;
pub(crate) mod views;

// Large objects: the same, block by block.
pub mod large;

// For people.
mod description;

use std::sync::Arc;

use lakefront_schema::{FieldLists, TableSchema};

pub use batch::DecodedBatch;
pub(crate) use batch::DecodedBlock;
pub use description::LogDescription;
pub use formats::options::{Delimiter, DelimiterError, FormatError, FormatOptions, LogFormat};

use self::{
    batch::{BatchBuilder, Mark, Sink},
    formats::{LogReader, Stop, Stretch},
    framing::{TextPool, shared_text::SharedText},
    layout::layouts::Layouts,
    text::Text,
};
use crate::{
    Error, FieldNames, Reject, TextLimits,
    decompress::{HEAD_BYTES, is_parquet},
    reject::KEPT_BYTES_OF_A_LONG_LINE,
};

/// Longest line in bytes, without its end: 1 MiB.
pub const MAX_LINE_BYTES: usize = 1 << 20;
/// Largest number of different hours that the rows of an object may have.
pub const MAX_HOURS: usize = 10_000;
/// Largest text of a small object, in bytes: 1 MiB. Small objects share batches.
pub const SMALL_TEXT_BYTES: usize = 1 << 20;
/// Number of rows of a full batch, and largest number of rows of a small object.
pub const BATCH_ROWS: usize = 8 * 1024;
/// Largest Parquet file, in bytes: 64 MiB. It is held in memory.
pub const MAX_PARQUET_BYTES: u64 = 64 << 20;
/// Text of a full batch, in bytes: 512 KiB. It stays in a processor's own cache while its columns are built and encoded.
pub const BATCH_TEXT_BYTES: usize = 1 << 19;

/// Settings of a decoder.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    /// The columns of the table.
    pub schema: Arc<TableSchema>,
    /// Names of the fields in objects without a header. A line is read by the list with as many names as it has cells, not
    /// counting an empty last cell.
    pub fields: FieldLists,
    /// Format and delimiter, where they are not found out.
    pub formats: FormatOptions,
    /// Last second (since 1970 UTC) in which a request can have happened.
    pub latest_second: i64,
    /// Limits of an object's text.
    pub text_limits: TextLimits,
}

/// Amounts that decoding holds at a time. The defaults are for use, smaller ones for tests: they change how rows are spread
/// over batches, and which lines are too long, and nothing else.
#[derive(Clone, Copy, Debug)]
pub struct DecodeSizes {
    /// Longest line without its end, in bytes. Default [`MAX_LINE_BYTES`].
    pub line_bytes: usize,
    /// Number of bytes that are kept of a longer line; at most `line_bytes`. Default [`KEPT_BYTES_OF_A_LONG_LINE`].
    pub kept_line_bytes: usize,
    /// Largest text of a small object, in bytes. Default [`SMALL_TEXT_BYTES`].
    pub small_text_bytes: usize,
    /// Number of rows of a full batch. Default [`BATCH_ROWS`].
    pub batch_rows: usize,
    /// Text of a full batch, in bytes. Default [`BATCH_TEXT_BYTES`].
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

/// Counts and rejects of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Number of bytes of text.
    pub text_bytes: u64,
    /// Number of lines of text.
    pub lines: u64,
    /// Number of lines that became rows.
    pub rows: u64,
    /// Number of lines that start with `#`.
    pub comments: u64,
    /// Number of lines of nothing but blanks, TABs and CRs.
    pub blanks: u64,
    /// Number of lines that were rejected.
    pub rejected: u64,
    /// Number of rows with fewer cells than names.
    pub padded_rows: u64,
    /// Number of rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Number of cells that were decoded lossily, as they are not UTF-8.
    pub lossy_cells: u64,
    /// Number of cells that are not a number of their column's type, for each column of the table schema.
    pub nulled_cells: Vec<u64>,
    /// The rejected lines, in order. Those of a large object come with its batches instead.
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
    /// The texts of the objects in `batch`.
    text: SharedText,
    /// A text that is being rewritten, and padding.
    rewritten: Vec<u8>,
    pool: TextPool,
}

impl Decoder {
    /// Returns a decoder with an empty batch.
    pub fn new(options: Arc<DecodeOptions>) -> Self {
        Self::with_sizes(options, DecodeSizes::default())
    }

    /// Returns the same with other sizes.
    pub fn with_sizes(options: Arc<DecodeOptions>, sizes: DecodeSizes) -> Self {
        let layouts = Layouts::new(Arc::clone(&options.schema), options.fields.clone(), options.formats.delimiter);
        let batch = BatchBuilder::new(Arc::clone(&options.schema));
        let (unclaimed, text, pool) = (FieldNames::default(), SharedText::default(), TextPool::default());
        Self { options, sizes, layouts, unclaimed, batch, text, rewritten: Vec::new(), pool }
    }

    /// Adds a small object's rows to the open batch. Returns `None`, and adds nothing, if the object is not small; see
    /// [`large`].
    ///
    /// # Errors
    /// The verdict on the object; nothing is added then.
    pub fn decode_small(&mut self, name: &str, object: &[u8]) -> Option<Result<ObjectSummary, Error>> {
        if is_parquet(object.get(..HEAD_BYTES).unwrap_or(object)) {
            return None;
        }
        let (text_end, mark) = (self.text.len(), self.batch.mark());
        let limits = self.options.text_limits;
        let appended = self.text.append(object, limits, self.sizes.small_text_bytes, &mut self.pool);
        let read = |text_start: Option<usize>| text_start.map_or(Ok(None), |start| self.read_small(name, start));
        let result = appended.and_then(read);
        match result {
            Ok(Some(summary)) => Some(Ok(summary)),
            taken_back => {
                self.text.truncate(text_end);
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

    /// Returns whether the open batch is full, so that [`Self::flush`] is due before another object.
    pub fn is_full(&self) -> bool {
        self.batch.room(Mark::default(), 0, self.sizes.batch_rows, 1) == 0
            || self.text.len() >= self.sizes.batch_text_bytes
    }

    /// Returns the open batch, and begins a new one; `None` if it has no row.
    pub fn flush(&mut self) -> Option<DecodedBatch> {
        let text = self.text.take();
        let batch = (self.batch.rows() > 0).then(|| self.batch.take(&text));
        self.pool.keep(text);
        batch
    }

    /// Reads the text from `text_start` on as one object; `None` if it has more rows or rejects than a small object has.
    fn read_small(&mut self, name: &str, text_start: usize) -> Result<Option<ObjectSummary>, Error> {
        let Self { options, sizes, layouts, unclaimed, batch, text, rewritten, .. } = self;
        batch.begin_object(&name.into());
        let mark = batch.mark();
        let mut sink = Sink::Batch { batch, mark, row_limit: sizes.batch_rows };
        let mut object = LogReader::new(options, *sizes, text_start, true);
        let mut text_end = text.len();
        let mut stop = object.read(layouts, Stretch::rest(Text::new(text.padded()), text_start), &mut sink)?;
        if let Stop::IsRewritten { at } = stop {
            // From there on, cells are written over the text that they come from, so that is moved away first.
            object.drain(Text::new(text.padded()), &mut sink);
            rewritten.clear();
            rewritten.extend_from_slice(&text.padded()[at..]);
            object.move_text(at, 0);
            text.truncate(at);
            text_end -= at;
            stop = object.read_rewritten(layouts, Stretch::rest(Text::new(rewritten), 0), text, &mut sink)?;
        }
        match stop {
            Stop::NeedsText { .. } => object.finish(text_end, Text::new(text.padded()), &mut sink, unclaimed).map(Some),
            Stop::IsFull { .. } | Stop::IsRewritten { .. } => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
