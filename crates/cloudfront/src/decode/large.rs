//! Large objects: read once, block by block, in bounded memory.
//!
//! A block has [`BATCH_TEXT_BYTES`](super::BATCH_TEXT_BYTES) of text, and a batch has rows of one block only. The verdict on an object may come with
//! its last byte, so the caller must be able to drop the rows that it got before. [`Decoder::judge_large`] reads the same
//! blocks and comes to the same verdict, but returns no rows.

use std::{
    io::{BufRead, Chain, Cursor, Read as _},
    sync::Arc,
};

use lakefront_schema::row_block::BlockText;

use super::{
    DecodeSizes, DecodedBatch, Decoder, LogDescription, MAX_PARQUET_BYTES, ObjectSummary,
    batch::{BatchBuilder, Mark, Sink},
    formats::{LogReader, Stop, Stretch, parquet::ParquetReader},
    framing::{blocks::Blocks, shared_text::SharedText},
    text::Text,
};
use crate::{
    Error, Reject, TextReader,
    decompress::{HEAD_BYTES, is_parquet},
};

/// A large object that is being read.
#[derive(Debug)]
pub struct Large<R> {
    sizes: DecodeSizes,
    /// `None` if the object is only judged.
    output: Option<Output>,
    state: State<R>,
    is_gzip: bool,
    rejects: Vec<Reject>,
    summary: Option<ObjectSummary>,
    description: LogDescription,
}

/// Progress through an object.
#[derive(Debug)]
enum State<R> {
    /// Nothing is read yet.
    Start {
        object: R,
        object_bytes: u64,
    },
    Text(Box<TextState<Chain<Cursor<Vec<u8>>, R>>>),
    Parquet(Box<ParquetReader>),
    /// The last step is done, and there is the summary; or there was an error.
    End,
}

#[derive(Debug)]
struct TextState<R> {
    blocks: Blocks<R>,
    needs_text: bool,
    /// Whether the cells of lines are written into a text of their own.
    is_rewritten: bool,
    object: LogReader,
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
    pub fn read_large<R: BufRead>(&self, name: &str, object: R, object_bytes: u64) -> Large<R> {
        let batch = BatchBuilder::new(Arc::clone(&self.options.schema));
        self.open_large(object, object_bytes, Some(Output { name: name.into(), batch }))
    }

    /// Begins to read such an object for its verdict only.
    pub fn judge_large<R: BufRead>(&self, object: R, object_bytes: u64) -> Large<R> {
        self.open_large(object, object_bytes, None)
    }

    fn open_large<R: BufRead>(&self, object: R, object_bytes: u64, output: Option<Output>) -> Large<R> {
        Large {
            sizes: self.sizes,
            output,
            state: State::Start { object, object_bytes },
            is_gzip: false,
            rejects: Vec::new(),
            summary: None,
            description: LogDescription::default(),
        }
    }
}

impl<R: BufRead> Large<R> {
    /// Goes on by a batch, or by a block without rows. Returns `None` after the object was read to its end, and is good.
    ///
    /// # Errors
    /// The verdict on the object, whose rows are then to be dropped; [`Error::Read`].
    pub fn step(&mut self, decoder: &mut Decoder) -> Result<Option<Step>, Error> {
        let mut state = std::mem::replace(&mut self.state, State::End);
        if let State::Start { object, object_bytes } = state {
            state = self.open(object, object_bytes, decoder)?;
        }
        match state {
            State::Text(state) => self.step_text(*state, decoder).map(Some),
            State::Parquet(reader) => self.step_parquet(*reader, decoder).map(Some),
            State::Start { .. } | State::End => Ok(None),
        }
    }

    /// Reads the first bytes of an object, which say how to go on; all of a Parquet file.
    fn open(&mut self, mut object: R, object_bytes: u64, decoder: &mut Decoder) -> Result<State<R>, Error> {
        let keeps_rejects = self.output.is_some();
        let mut head = Vec::with_capacity(HEAD_BYTES);
        object.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head).map_err(Error::Read)?;
        if is_parquet(&head) {
            let more = MAX_PARQUET_BYTES + 1 - head.len() as u64;
            // All at once: a vector that grows step by step takes twice as much.
            head.reserve_exact(usize::try_from(more.min(object_bytes)).expect("it is at most the limit"));
            object.take(more).read_to_end(&mut head).map_err(Error::Read)?;
            if head.len() as u64 > MAX_PARQUET_BYTES {
                return Err(Error::LargeParquet { limit_bytes: MAX_PARQUET_BYTES });
            }
            let options = Arc::clone(&decoder.options);
            let reader =
                ParquetReader::try_new(&options, self.sizes, &head.into(), keeps_rejects, &mut decoder.layouts)?;
            self.description = reader.description();
            return Ok(State::Parquet(Box::new(reader)));
        }
        let object = Cursor::new(head).chain(object);
        let reader = TextReader::try_new(object, object_bytes, decoder.options.text_limits)?;
        self.is_gzip = reader.is_gzip();
        let text_start = Blocks::<Chain<Cursor<Vec<u8>>, R>>::TEXT_START;
        Ok(State::Text(Box::new(TextState {
            object: LogReader::new(&decoder.options, self.sizes, text_start, keeps_rejects),
            blocks: Blocks::new(reader),
            needs_text: true,
            is_rewritten: false,
        })))
    }

    fn step_text(
        &mut self,
        mut state: TextState<Chain<Cursor<Vec<u8>>, R>>,
        decoder: &mut Decoder,
    ) -> Result<Step, Error> {
        let DecodeSizes { batch_text_bytes, batch_rows, .. } = self.sizes;
        let TextState { blocks, needs_text, is_rewritten, object } = &mut state;
        if *needs_text {
            let [from, to] = blocks.advance(batch_text_bytes, &mut decoder.pool)?;
            object.move_text(from, to);
            *needs_text = false;
        }
        let (block, from, is_last) = (blocks.text().clone(), blocks.at, blocks.is_last());
        let text = Text::new(block.padded());
        let text_end = text.bytes().len();
        let mut sink = sink(&mut self.output, batch_rows);
        let stretch = Stretch { text, from, until: from + batch_text_bytes, is_last };
        let was_rewritten = *is_rewritten;
        let (stop, cells) = if was_rewritten {
            let mut cells = cells_of(decoder);
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
                let mut summary = state.object.finish(text_end, text_of_cells, &mut sink, &mut decoder.unclaimed)?;
                self.rejects.append(&mut summary.rejects);
                self.summary = Some(summary);
            }
            Stop::NeedsText { at } => {
                (blocks.at, *needs_text) = (at, true);
                self.state = State::Text(Box::new(state));
            }
            Stop::IsFull { at } => {
                blocks.at = at;
                self.state = State::Text(Box::new(state));
            }
            Stop::IsRewritten { at } => {
                (blocks.at, *is_rewritten) = (at, true);
                self.state = State::Text(Box::new(state));
            }
        }
        let rows = self.take_batch(&cells);
        if was_rewritten {
            decoder.pool.keep(cells);
        }
        Ok(rows)
    }

    fn step_parquet(&mut self, mut reader: ParquetReader, decoder: &mut Decoder) -> Result<Step, Error> {
        let DecodeSizes { batch_text_bytes, batch_rows, .. } = self.sizes;
        let mut sink = sink(&mut self.output, batch_rows);
        let mut cells = cells_of(decoder);
        let stop = reader.read(&mut cells, batch_text_bytes, &mut sink)?;
        let cells = cells.take();
        let text_of_cells = Text::new(cells.padded());
        reader.drain(text_of_cells, &mut sink);
        self.rejects.append(&mut reader.take_rejects());
        if matches!(stop, Stop::NeedsText { .. }) {
            let mut summary = reader.finish(text_of_cells, &mut sink, &mut decoder.unclaimed)?;
            self.rejects.append(&mut summary.rejects);
            self.summary = Some(summary);
        } else {
            self.state = State::Parquet(Box::new(reader));
        }
        let rows = self.take_batch(&cells);
        decoder.pool.keep(cells);
        Ok(rows)
    }

    /// Takes out the rows since the last call; `cells` is the text of their cells.
    fn take_batch(&mut self, cells: &BlockText) -> Step {
        let batch = self.output.as_mut().map(|output| output.batch.take(cells));
        let rows = batch.filter(|batch| batch.num_rows() > 0);
        rows.map_or(Step::NoRows, |batch| Step::Rows(Box::new(batch)))
    }

    /// Returns what is known so far of the log's format and fields.
    pub fn description(&self) -> &LogDescription {
        &self.description
    }

    /// Returns whether the object is compressed, once its first bytes are read.
    pub fn is_gzip(&self) -> bool {
        self.is_gzip
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

fn sink(output: &mut Option<Output>, batch_rows: usize) -> Sink<'_> {
    match output {
        Some(Output { name, batch }) => {
            batch.begin_object(name);
            Sink::Batch { batch, mark: Mark::default(), row_limit: batch_rows }
        }
        None => Sink::Judge,
    }
}

/// Returns an empty text for cells, which begins with a line end, so that there is a byte before each cell.
fn cells_of(decoder: &mut Decoder) -> SharedText {
    let mut cells = SharedText::from_pool(&mut decoder.pool);
    cells.push(b"\n");
    cells
}
