//! Decodes objects in jobs on the pool. The decoder and the task's encoder are passed from job to job.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use lakefront_cloudfront::{
    DecodeOptions, Decoder, Enricher, FieldNames, ObjectSummary, Reject,
    decode::large::{self, Step},
};
use lakefront_schema::row_block::RowBlock;
use lakefront_storage::{Connections, Object};
use lakefront_table::encode::{OneByOne, TaskEncoder};

use crate::{
    outcome::Outcome,
    staged_file::StagedFiles,
    task::object_bytes::{ObjectBytes, Reader},
};

/// Decoder and enricher of one slot.
pub(crate) struct TaskDecoder {
    /// Connections to the buckets with objects.
    connections: Connections,
    decoder: Decoder,
    enricher: Enricher,
}

/// Decoder and encoder that a job takes and returns. Data files do not depend on whether the encoder is among them.
pub(super) struct Tools {
    pub(super) decoder: TaskDecoder,
    /// With an encoder, a batch is encoded by the job that decoded it, while its text is in that processor's cache, and
    /// other tasks keep the other threads busy. Without, there are fewer tasks than threads, so the columns of a batch
    /// are separate jobs, which run while the next batch is decoded.
    pub(super) encoder: Option<Box<TaskEncoder<StagedFiles>>>,
    /// Whether the job encoded rows.
    pub(super) has_encoded: bool,
}

/// Objects that are decoded together, in order.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) objects: VecDeque<(Object, Fetched)>,
}

/// An object's compressed bytes.
#[derive(Clone, Debug)]
pub(super) enum Fetched {
    /// All bytes; clones share them.
    Whole(Bytes),
    /// No bytes yet: the object is too large to hold, and is read in pieces.
    Streamed,
    /// No bytes, because an earlier attempt found the outcome of the object.
    Judged(Outcome),
}

/// Results of decoding a group.
pub(super) struct Decoded {
    pub(super) tools: Tools,
    /// The summary of each object, or its verdict.
    pub(super) results: Vec<(Object, Result<ObjectSummary, lakefront_cloudfront::Error>)>,
    /// Their rows, if the caller must encode them; `None` if there are none.
    pub(super) batch: Result<Option<Vec<RowBlock>>, lakefront_table::Error>,
    /// The object at which decoding stopped, because it is not small.
    pub(super) large: Option<(Object, Fetched)>,
    /// Objects that are not decoded yet: a group may have far more text than its compressed size suggests.
    pub(super) rest: VecDeque<(Object, Fetched)>,
}

/// A large object that is being read.
pub(super) struct OpenLarge {
    read: large::Large<Reader>,
    source: ObjectBytes,
}

/// Results of a step through a large object.
pub(super) struct LargeStep {
    /// The rows; `None` if there are none, or they are already encoded.
    pub(super) batch: Option<Vec<RowBlock>>,
    /// Number of rows.
    pub(super) rows: u64,
    pub(super) rejects: Vec<Reject>,
    /// Number of the object's bytes that were read so far; 0 if it was fetched whole.
    pub(super) read_bytes: u64,
    /// The object's summary, once the listed version was read to its end and is good.
    pub(super) summary: Option<ObjectSummary>,
}

/// Purpose of reading a large object.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Rows,
    Verdict,
}

/// Reason why reading a large object failed.
#[derive(Debug)]
pub(super) enum LargeError {
    /// Its bytes are bad.
    Verdict(lakefront_cloudfront::Error),
    /// It could not be read.
    Storage(lakefront_storage::Error),
    /// Its rows cannot be encoded, or a data file cannot be written.
    Encode(lakefront_table::Error),
}

/// Largest number of blocks of a large object that a job reads, if it also encodes their columns.
const BLOCKS_OF_A_JOB: usize = 8;

impl TaskDecoder {
    pub(super) fn new(options: &Arc<DecodeOptions>, connections: &Connections) -> Self {
        Self {
            connections: connections.clone(),
            decoder: Decoder::new(Arc::clone(options)),
            enricher: Enricher::new(Arc::clone(&options.schema)),
        }
    }

    /// Returns a decoder without rows, because an abandoned attempt may have left some. Keeps the cache of user agents.
    pub(super) fn cleared(mut self, options: &Arc<DecodeOptions>) -> Self {
        self.decoder = Decoder::new(Arc::clone(options));
        self
    }

    /// Returns the field names in headers since the last call that CloudFront is not known to use.
    pub(super) fn take_unknown_names(&mut self) -> FieldNames {
        self.decoder.take_unknown_names()
    }

    /// Returns the fields of good objects since the last call that no column uses.
    pub(super) fn take_unclaimed_fields(&mut self) -> FieldNames {
        self.decoder.take_unclaimed_fields()
    }

    fn flush(&mut self) -> Option<Vec<RowBlock>> {
        self.decoder.flush().map(|batch| self.enricher.enrich(batch))
    }

    /// Opens a large object.
    pub(super) fn open(&self, object: &Object, fetched: Fetched, purpose: Purpose) -> Result<OpenLarge, LargeError> {
        let (source, bytes) = match fetched {
            Fetched::Whole(content) => ObjectBytes::of_memory(content),
            Fetched::Streamed | Fetched::Judged(_) => {
                ObjectBytes::open(&self.connections, object).map_err(LargeError::Storage)?
            }
        };
        let read = match purpose {
            Purpose::Rows => self.decoder.read_large(object.name(), bytes, object.size_bytes()),
            Purpose::Verdict => self.decoder.judge_large(bytes, object.size_bytes()),
        };
        Ok(OpenLarge { read, source })
    }

    /// Reads the next block of a large object.
    fn step(&mut self, large: &mut OpenLarge) -> Result<LargeStep, LargeError> {
        let OpenLarge { read, source } = large;
        let step = read.step(&mut self.decoder).map_err(|error| LargeError::from_decode(error, source))?;
        let mut summary = None;
        if step.is_none() {
            source.finish().map_err(LargeError::Storage)?;
            summary = Some(read.summary().expect("an object that was read to its end has counts"));
        }
        let batch = match step {
            Some(Step::Rows(batch)) => Some(self.enricher.enrich(*batch)),
            Some(Step::NoRows) | None => None,
        };
        let rows = batch.iter().flatten().map(|block| block.num_rows() as u64).sum();
        Ok(LargeStep { batch, rows, rejects: read.take_rejects(), read_bytes: source.read_bytes(), summary })
    }
}

impl Tools {
    /// Decodes small objects until one is not small, or until a batch is full that the caller must encode.
    pub(super) fn decode_group(mut self, mut group: Group) -> Decoded {
        let mut results = Vec::with_capacity(group.objects.len());
        let mut large = None;
        while let Some((object, fetched)) = group.objects.pop_front() {
            let small = match &fetched {
                Fetched::Whole(bytes) => self.decoder.decoder.decode_small(object.name(), bytes.as_ref()),
                Fetched::Streamed | Fetched::Judged(_) => None,
            };
            let Some(result) = small else {
                large = Some((object, fetched));
                break;
            };
            results.push((object, result));
            if self.decoder.decoder.is_full() && !group.objects.is_empty() {
                let batch = self.flush();
                if !matches!(batch, Ok(None)) {
                    return Decoded { tools: self, results, batch, large, rest: group.objects };
                }
            }
        }
        let batch = self.flush();
        Decoded { tools: self, results, batch, large, rest: group.objects }
    }

    /// Ends the open batch. Returns it if the caller must encode it.
    fn flush(&mut self) -> Result<Option<Vec<RowBlock>>, lakefront_table::Error> {
        let batch = self.decoder.flush();
        self.encode(batch)
    }

    /// Encodes a batch, or returns it if the caller must encode it.
    fn encode(&mut self, batch: Option<Vec<RowBlock>>) -> Result<Option<Vec<RowBlock>>, lakefront_table::Error> {
        let (Some(encoder), Some(blocks)) = (&mut self.encoder, &batch) else {
            return Ok(batch);
        };
        self.has_encoded = true;
        blocks.iter().try_for_each(|block| encoder.write(block, &OneByOne))?;
        Ok(None)
    }

    /// Reads on in a large object: one block if the caller must encode its rows, otherwise several.
    pub(super) fn read_on(&mut self, large: &mut OpenLarge) -> Result<LargeStep, LargeError> {
        let (mut blocks, mut rows) = (0, 0);
        loop {
            let mut step = self.decoder.step(large)?;
            blocks += 1;
            rows += step.rows;
            step.batch = self.encode(step.batch).map_err(LargeError::Encode)?;
            // Rejects are returned before there are more.
            let is_due = step.batch.is_some() || step.summary.is_some() || !step.rejects.is_empty();
            if is_due || blocks >= BLOCKS_OF_A_JOB {
                return Ok(LargeStep { rows, ..step });
            }
        }
    }
}

impl LargeError {
    fn from_decode(error: lakefront_cloudfront::Error, source: &ObjectBytes) -> Self {
        let verdict = if let lakefront_cloudfront::Error::Read(error) = error {
            match lakefront_storage::Error::from_read(error) {
                Ok(error) => return Self::Storage(error),
                Err(error) => lakefront_cloudfront::Error::Read(error),
            }
        } else {
            error
        };
        source.finish().map_or_else(Self::Storage, |()| Self::Verdict(verdict))
    }
}
