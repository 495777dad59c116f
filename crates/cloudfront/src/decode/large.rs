//! Large objects: read once, block by block, in bounded memory.
//!
//! A block has [`BATCH_TEXT_BYTES`](super::BATCH_TEXT_BYTES) of text, and a batch has rows of one block only. The verdict on an object may come with
//! its last byte, so the caller must be able to drop the rows that it got before. [`Decoder::judge_large`] reads the same
//! blocks and comes to the same verdict, but returns no rows.

use std::{io::BufRead, sync::Arc};

use super::{
    DecodeSizes, DecodedBatch, Decoder, LogDescription, ObjectSummary,
    batch::{BatchBuilder, Mark, Sink},
    formats::{LogReader, Stop, Stretch},
    framing::{blocks::Blocks, shared_text::SharedText},
    text::Text,
};
use crate::{Error, Reject, TextReader};

/// A large object that is being read.
#[derive(Debug)]
pub struct Large<R> {
    sizes: DecodeSizes,
    /// `None` if the object is only judged.
    output: Option<Output>,
    blocks: Blocks<R>,
    needs_text: bool,
    /// Whether the cells of lines are written into a text of their own.
    is_rewritten: bool,
    /// `None` after the last step, when `summary` is there, and after an error.
    object: Option<LogReader>,
    rejects: Vec<Reject>,
    summary: Option<ObjectSummary>,
    description: LogDescription,
}

#[derive(Debug)]
struct Output {
    name: Arc<str>,
    batch: BatchBuilder,
}

/// Result of a step through an object.
#[derive(Debug)]
pub enum Step {
    /// A batch with rows.
    Rows(Box<DecodedBatch>),
    /// No rows: the object is only judged, the block has only comments, or there are very many rejects, which should be
    /// [taken](Large::take_rejects) now.
    NoRows,
}

impl Decoder {
    /// Begins to read the rows of an object of `object_bytes` bytes. Rows of small objects before this one stay in the
    /// decoder until [`Decoder::flush`].
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn read_large<R: BufRead>(&self, name: &str, object: R, object_bytes: u64) -> Result<Large<R>, Error> {
        let batch = BatchBuilder::new(Arc::clone(&self.options.schema));
        self.open_large(object, object_bytes, Some(Output { name: name.into(), batch }))
    }

    /// Begins to read such an object for its verdict only.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn judge_large<R: BufRead>(&self, object: R, object_bytes: u64) -> Result<Large<R>, Error> {
        self.open_large(object, object_bytes, None)
    }

    fn open_large<R: BufRead>(&self, object: R, object_bytes: u64, output: Option<Output>) -> Result<Large<R>, Error> {
        let reader = TextReader::try_new(object, object_bytes, self.options.text_limits)?;
        let object = LogReader::new(&self.options, self.sizes, Blocks::<R>::TEXT_START, output.is_some());
        Ok(Large {
            sizes: self.sizes,
            description: object.description(),
            object: Some(object),
            output,
            blocks: Blocks::new(reader),
            needs_text: true,
            is_rewritten: false,
            rejects: Vec::new(),
            summary: None,
        })
    }
}

impl<R: BufRead> Large<R> {
    /// Goes on by a batch, or by a block without rows. Returns `None` after the object was read to its end, and is good.
    ///
    /// # Errors
    /// The verdict on the object, whose rows are then to be dropped; [`Error::Read`].
    pub fn step(&mut self, decoder: &mut Decoder) -> Result<Option<Step>, Error> {
        let Some(mut object) = self.object.take() else { return Ok(None) };
        let DecodeSizes { batch_text_bytes, batch_rows, .. } = self.sizes;
        if self.needs_text {
            let [from, to] = self.blocks.advance(batch_text_bytes, &mut decoder.pool)?;
            object.move_text(from, to);
            self.needs_text = false;
        }
        let (block, from, is_last) = (self.blocks.text().clone(), self.blocks.at, self.blocks.is_last());
        let text = Text::new(block.padded());
        let text_end = text.bytes().len();
        let mut sink = match &mut self.output {
            Some(Output { name, batch }) => {
                batch.begin_object(name);
                Sink::Batch { batch, mark: Mark::default(), row_limit: batch_rows }
            }
            None => Sink::Judge,
        };
        let stretch = Stretch { text, from, until: from + batch_text_bytes, is_last };
        let is_rewritten = self.is_rewritten;
        let (stop, cells) = if is_rewritten {
            let mut cells = SharedText::from_pool(&mut decoder.pool);
            cells.push(b"\n");
            let stop = object.read_rewritten(&mut decoder.layouts, stretch, &mut cells, &mut sink);
            (stop, cells.take())
        } else {
            (object.read(&mut decoder.layouts, stretch, &mut sink), block)
        };
        // Of an object that fails, too.
        self.description = object.description();
        let stop = stop?;
        let text_of_cells = Text::new(cells.padded());
        object.drain(text_of_cells, &mut sink);
        self.rejects.append(&mut object.take_rejects());
        match stop {
            Stop::NeedsText { .. } if is_last => {
                let mut summary = object.finish(text_end, text_of_cells, &mut sink, &mut decoder.unclaimed)?;
                self.rejects.append(&mut summary.rejects);
                self.summary = Some(summary);
            }
            Stop::NeedsText { at } => {
                self.blocks.at = at;
                self.needs_text = true;
                self.object = Some(object);
            }
            Stop::IsFull { at } => {
                self.blocks.at = at;
                self.object = Some(object);
            }
            Stop::IsRewritten { at } => {
                self.blocks.at = at;
                self.is_rewritten = true;
                self.object = Some(object);
            }
        }
        let batch = self.output.as_mut().map(|output| output.batch.take(&cells));
        if is_rewritten {
            decoder.pool.keep(cells);
        }
        let rows = batch.filter(|batch| batch.num_rows() > 0);
        Ok(Some(rows.map_or(Step::NoRows, |batch| Step::Rows(Box::new(batch)))))
    }

    /// Returns what is known so far of the log's format and fields.
    pub fn description(&self) -> &LogDescription {
        &self.description
    }

    /// Returns whether the object is compressed.
    pub fn is_gzip(&self) -> bool {
        self.blocks.is_gzip()
    }

    /// Returns the lines that were rejected since the last call, in order; none if the object is only judged.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    /// Returns the object's counts, once; `None` before its last step.
    pub fn summary(&mut self) -> Option<ObjectSummary> {
        self.summary.take()
    }
}
