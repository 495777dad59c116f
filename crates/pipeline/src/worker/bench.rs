//! A worker's bench: the decoder and what it remembers, handed from job to job on the pool.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Cursor},
    sync::Arc,
};

use arrow::error::ArrowError;
use lakefront_cloudfront::{
    DecodeOptions, Decoder, EnrichedBatch, Enricher, ObjectSummary, Reject,
    decode::large::{Judged, LargeRows},
};
use lakefront_storage::{Object, ObjectReader, open};

/// Decoder and enricher of one worker.
pub(crate) struct Bench {
    options: Arc<DecodeOptions>,
    decoder: Decoder,
    enricher: Enricher,
}

/// Objects that are decoded together, in order.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) objects: VecDeque<(Object, Fetched)>,
}

/// An object's compressed bytes.
#[derive(Clone, Debug)]
pub(crate) enum Fetched {
    /// All of them; a clone shares them.
    Whole(SharedBytes),
    /// Too many to hold: they are read as they are needed.
    Streamed,
}

/// Bytes that a clone shares.
#[derive(Clone, Debug)]
pub(crate) struct SharedBytes(Arc<Vec<u8>>);

impl From<Vec<u8>> for SharedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// What a group gave.
pub(crate) struct Decoded {
    pub(crate) bench: Bench,
    /// What each object gave, or its verdict.
    pub(crate) results: Vec<(Object, Result<ObjectSummary, lakefront_cloudfront::Error>)>,
    /// Their rows; none if there are none.
    pub(crate) batch: Result<Option<EnrichedBatch>, ArrowError>,
    /// The object that the group stopped at, as it is not small.
    pub(crate) large: Option<(Object, Fetched)>,
    /// What was not decoded yet: a group may hold far more text than its bytes let expect.
    pub(crate) rest: VecDeque<(Object, Fetched)>,
}

/// A large object that was judged good.
pub(crate) struct Large {
    rows: LargeRows<Bytes>,
    /// It is read a second time: its version is checked once more at the end.
    is_streamed: bool,
    object: Object,
}

/// Why a large object gave no rows.
#[derive(Debug)]
pub(crate) enum LargeError {
    /// It was judged bad.
    Verdict(lakefront_cloudfront::Error),
    /// It could not be read.
    Storage(lakefront_storage::Error),
}

type Bytes = Box<dyn BufRead + Send>;
type Step = (Large, Option<Result<EnrichedBatch, ArrowError>>, Vec<Reject>);

impl Bench {
    pub(crate) fn new(options: &Arc<DecodeOptions>) -> Self {
        Self {
            options: Arc::clone(options),
            decoder: Decoder::new(Arc::clone(options)),
            enricher: Enricher::new(Arc::clone(&options.schema)),
        }
    }

    /// As new, but for the user agents that it knows: an attempt that was given up may have left rows behind.
    pub(crate) fn cleared(mut self) -> Self {
        self.decoder = Decoder::new(Arc::clone(&self.options));
        self
    }

    /// Decodes small objects until a batch is full or one comes that is not small.
    pub(crate) fn decode_group(mut self, mut group: Group) -> Decoded {
        let mut results = Vec::with_capacity(group.objects.len());
        let mut large = None;
        while let Some((object, fetched)) = group.objects.pop_front() {
            let small = match &fetched {
                Fetched::Whole(bytes) => self.decoder.decode_small(object.name(), bytes.as_ref()),
                Fetched::Streamed => None,
            };
            let Some(result) = small else {
                large = Some((object, fetched));
                break;
            };
            results.push((object, result));
            if self.decoder.is_full() {
                break;
            }
        }
        let batch = self.flush().transpose();
        Decoded { bench: self, results, batch, large, rest: group.objects }
    }

    fn flush(&mut self) -> Option<Result<EnrichedBatch, ArrowError>> {
        self.decoder.flush().map(|batch| self.enricher.enrich(batch))
    }

    /// Reads a large object to its end and judges it.
    pub(crate) fn judge(mut self, object: &Object, fetched: Fetched) -> (Self, Result<Large, LargeError>) {
        let judged = self.try_judge(object, fetched);
        (self, judged)
    }

    fn try_judge(&mut self, object: &Object, fetched: Fetched) -> Result<Large, LargeError> {
        let bytes = object.size_bytes();
        let judged = match &fetched {
            Fetched::Whole(content) => {
                self.decoder.judge_large(content.as_ref(), bytes).map_err(LargeError::from_decode)?
            }
            Fetched::Streamed => {
                let mut reader = buffered(open(object).map_err(LargeError::Storage)?);
                let judged = self.decoder.judge_large(&mut reader, bytes).map_err(LargeError::from_decode);
                // A verdict on bytes of two versions would be worth nothing.
                reader.into_inner().finish().map_err(LargeError::Storage)?;
                judged?
            }
        };
        let (rows, is_streamed) = match (judged, fetched) {
            (Judged::Whole(text), _) => (self.decoder.rows_of_whole(object.name(), text), false),
            (Judged::Streamed, Fetched::Whole(content)) => {
                let reader: Bytes = Box::new(Cursor::new(content));
                (self.decoder.rows_of_streamed(object.name(), reader, bytes).map_err(LargeError::from_decode)?, false)
            }
            (Judged::Streamed, Fetched::Streamed) => {
                let reader: Bytes = Box::new(buffered(open(object).map_err(LargeError::Storage)?));
                (self.decoder.rows_of_streamed(object.name(), reader, bytes).map_err(LargeError::from_decode)?, true)
            }
        };
        Ok(Large { rows, is_streamed, object: object.clone() })
    }

    /// The next batch of a large object, none behind the last.
    pub(crate) fn next_batch(mut self, mut large: Large) -> (Self, Result<Step, LargeError>) {
        match large.rows.next_batch(&mut self.decoder) {
            Ok(batch) => {
                let enriched = batch.map(|batch| self.enricher.enrich(batch));
                let rejects = large.rows.take_rejects();
                (self, Ok((large, enriched, rejects)))
            }
            Err(error) => (self, Err(LargeError::from_decode(error))),
        }
    }
}

impl Large {
    /// What the object gave, behind its last batch.
    pub(crate) fn finish(mut large: Self) -> Result<ObjectSummary, LargeError> {
        if large.is_streamed {
            open(&large.object).and_then(ObjectReader::finish).map_err(LargeError::Storage)?;
        }
        Ok(large.rows.summary().unwrap_or_default())
    }
}

impl LargeError {
    fn from_decode(error: lakefront_cloudfront::Error) -> Self {
        let lakefront_cloudfront::Error::Read(error) = error else { return Self::Verdict(error) };
        match lakefront_storage::Error::from_read(error) {
            Ok(error) => Self::Storage(error),
            Err(error) => Self::Verdict(lakefront_cloudfront::Error::Read(error)),
        }
    }
}

fn buffered(reader: ObjectReader) -> BufReader<ObjectReader> {
    const BUFFER_BYTES: usize = 256 * 1024;
    BufReader::with_capacity(BUFFER_BYTES, reader)
}
