//! A worker's bench: the decoder, what it remembers, and the encoder of the task at hand, handed from job to job on the pool.

use std::{collections::VecDeque, sync::Arc};

use arrow::error::ArrowError;
use bytes::Bytes;
use lakefront_cloudfront::{
    DecodeOptions, Decoder, EnrichedBatch, Enricher, FieldNames, ObjectSummary, Reject,
    decode::large::{self, Step},
};
use lakefront_storage::{Connections, Object};
use lakefront_table::encode::{OneByOne, TaskEncoder};

use crate::{
    outcome::Outcome,
    staged_file::StagedFiles,
    task::object_bytes::{ObjectBytes, Reader},
};

/// Decoder and enricher of one worker.
pub(crate) struct TaskDecoder {
    /// How objects are reached.
    connections: Connections,
    decoder: Decoder,
    enricher: Enricher,
}

/// What a job takes along and brings back. Data files do not depend on whether the encoder goes along.
pub(super) struct Tools {
    pub(super) decoder: TaskDecoder,
    /// There: a batch is encoded by the job that decoded it, while its text is in that processor's cache, and other tasks
    /// keep the other threads busy. None: there are fewer tasks than threads, so a batch's columns are jobs of their own,
    /// done while the next batch is decoded.
    pub(super) encoder: Option<Box<TaskEncoder<StagedFiles>>>,
    /// The job encoded rows.
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
    /// All of them; a clone shares them.
    Whole(Bytes),
    /// Too many to hold: they are read as they are needed.
    Streamed,
    /// None, as an earlier attempt found out what becomes of the object.
    Judged(Outcome),
}

/// What a group gave.
pub(super) struct Decoded {
    pub(super) tools: Tools,
    /// What each object gave, or its verdict.
    pub(super) results: Vec<(Object, Result<ObjectSummary, lakefront_cloudfront::Error>)>,
    /// Their rows, if they are to be encoded apart; none if there are none.
    pub(super) batch: Result<Option<EnrichedBatch>, RowsError>,
    /// The object that the group stopped at, as it is not small.
    pub(super) large: Option<(Object, Fetched)>,
    /// What was not decoded yet: a group may hold far more text than its bytes let expect.
    pub(super) rest: VecDeque<(Object, Fetched)>,
}

/// A large object that is being read.
pub(super) struct Large {
    read: large::Large<Reader>,
    source: ObjectBytes,
}

/// A step through a large object.
pub(super) struct LargeStep {
    /// None where it gave no rows, or these are encoded already.
    pub(super) batch: Option<EnrichedBatch>,
    /// How many rows it gave.
    pub(super) rows: u64,
    pub(super) rejects: Vec<Reject>,
    /// How many of the object's bytes were read so far, as far as that is known.
    pub(super) read_bytes: u64,
    /// What the object gave, once it was read to its end as it was listed, and is good.
    pub(super) summary: Option<ObjectSummary>,
}

/// What a large object is read for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Rows,
    Verdict,
}

/// Why a large object was not read to a good end.
#[derive(Debug)]
pub(super) enum LargeError {
    /// It is bad.
    Verdict(lakefront_cloudfront::Error),
    /// It could not be read.
    Storage(lakefront_storage::Error),
    /// Its rows cannot go on.
    Rows(RowsError),
}

/// Why rows that were decoded do not get into a data file.
#[derive(Debug)]
pub(super) enum RowsError {
    /// Their columns do not fit the table.
    Columns(ArrowError),
    /// They cannot be encoded, or the data file cannot be written.
    Encode(lakefront_table::Error),
}

/// So many blocks of a large object are a job, where their columns are encoded in it.
const BLOCKS_OF_A_JOB: usize = 8;

impl TaskDecoder {
    pub(super) fn new(options: &Arc<DecodeOptions>, connections: &Connections) -> Self {
        Self {
            connections: connections.clone(),
            decoder: Decoder::new(Arc::clone(options)),
            enricher: Enricher::new(Arc::clone(&options.schema)),
        }
    }

    /// As new, but for the user agents that it knows: an attempt that was given up may have left rows behind.
    pub(super) fn cleared(mut self, options: &Arc<DecodeOptions>) -> Self {
        self.decoder = Decoder::new(Arc::clone(options));
        self
    }

    /// Returns the names in headers since the last call that CloudFront is not known to have.
    pub(super) fn take_unknown_names(&mut self) -> FieldNames {
        self.decoder.take_unknown_names()
    }

    /// Returns the fields of good objects since the last call that no column uses.
    pub(super) fn take_unclaimed_fields(&mut self) -> FieldNames {
        self.decoder.take_unclaimed_fields()
    }

    fn flush(&mut self) -> Result<Option<EnrichedBatch>, RowsError> {
        let batch = self.decoder.flush().map(|batch| self.enricher.enrich(batch));
        batch.transpose().map_err(RowsError::Columns)
    }

    /// Begins to read a large object.
    pub(super) fn open(&self, object: &Object, fetched: Fetched, purpose: Purpose) -> Result<Large, LargeError> {
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
        match read {
            Ok(read) => Ok(Large { read, source }),
            Err(error) => Err(LargeError::from_decode(error, &source)),
        }
    }

    /// Goes on with a large object by a block.
    fn step(&mut self, large: &mut Large) -> Result<LargeStep, LargeError> {
        let Large { read, source } = large;
        let step = read.step(&mut self.decoder).map_err(|error| LargeError::from_decode(error, source))?;
        let mut summary = None;
        if step.is_none() {
            source.finish().map_err(LargeError::Storage)?;
            summary = Some(read.summary().unwrap_or_default());
        }
        let batch = match step {
            Some(Step::Rows(batch)) => {
                let enriched = self.enricher.enrich(*batch);
                Some(enriched.map_err(|error| LargeError::Rows(RowsError::Columns(error)))?)
            }
            Some(Step::NoRows) | None => None,
        };
        let rows = batch.as_ref().map_or(0, |batch| batch.hours.len() as u64);
        Ok(LargeStep { batch, rows, rejects: read.take_rejects(), read_bytes: source.read_bytes(), summary })
    }
}

impl Tools {
    /// Decodes small objects until one comes that is not small, or until a batch is full that is to be encoded apart.
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

    /// The open batch, if it is to be encoded apart.
    fn flush(&mut self) -> Result<Option<EnrichedBatch>, RowsError> {
        let batch = self.decoder.flush()?;
        self.encode(batch)
    }

    /// Encodes a batch, or hands it back if it is to be encoded apart.
    fn encode(&mut self, batch: Option<EnrichedBatch>) -> Result<Option<EnrichedBatch>, RowsError> {
        let (Some(encoder), Some(EnrichedBatch { batch, hours })) = (&mut self.encoder, &batch) else {
            return Ok(batch);
        };
        self.has_encoded = true;
        encoder.write(batch, hours, &OneByOne).map_err(RowsError::Encode)?;
        Ok(None)
    }

    /// Goes on with a large object: by a block whose rows are to be encoded apart, or by several.
    pub(super) fn read_on(&mut self, large: &mut Large) -> Result<LargeStep, LargeError> {
        let (mut blocks, mut rows) = (0, 0);
        loop {
            let mut step = self.decoder.step(large)?;
            blocks += 1;
            rows += step.rows;
            step.batch = self.encode(step.batch).map_err(LargeError::Rows)?;
            // Rejects are kept before there are more.
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
