//! The work of single stages on logs: the bench of this crate measures its time, and the example counts its instructions.

use std::{
    hint::black_box,
    io::{Sink, sink},
    sync::Arc,
};

use lakefront_cloudfront::{DecodeOptions, DecodedBatch, Decoder, Enricher, FormatOptions, TextLimits, TextReader};
use lakefront_loggen::{LogObject, Options, objects};
use lakefront_schema::{FieldLists, TableSchema, layout::TaskId, row_block::RowBlock};
use lakefront_table::{
    PartitionBy,
    encode::{Compression, DEFAULT_MAX_FILE_BYTES, DataFiles, EncodeOptions, OneByOne, PassEnd, TaskEncoder},
};

/// A log object.
pub(crate) struct Log {
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    pub(crate) gzip: Vec<u8>,
}

/// Returns a number of logs of one hour with a thousand rows each, about half a megabyte of text; always the same.
pub(crate) fn logs(files: u32) -> Vec<Log> {
    let options = Options { files_per_hour: files, rows_per_file: 1000, ..Options::default() };
    let log = |object: LogObject| Log {
        name: object.key.clone(),
        gzip: object.gzip().unwrap(),
        text: object.text.into_bytes(),
    };
    objects(&options).map(log).collect()
}

/// Returns the default table schema.
pub(crate) fn schema() -> Arc<TableSchema> {
    Arc::new(TableSchema::embedded("cf_logs").unwrap())
}

/// Runs stage 4: decompresses all logs into one buffer.
pub(crate) fn decompress(logs: &[Log], buffer: &mut [u8]) {
    for log in logs {
        let mut reader = TextReader::try_new(&log.gzip[..], log.gzip.len() as u64, TextLimits::default()).unwrap();
        while reader.read(buffer).unwrap() > 0 {
            black_box(&*buffer);
        }
    }
}

/// Returns a decoder of stage 5.
pub(crate) fn decoder(schema: &Arc<TableSchema>) -> Decoder {
    let (schema, text_limits) = (Arc::clone(schema), TextLimits::default());
    Decoder::new(Arc::new(DecodeOptions {
        schema,
        fields: FieldLists::default(),
        formats: FormatOptions::default(),
        latest_second: i64::MAX,
        text_limits,
    }))
}

/// Runs stage 5 on the text of logs, several to a batch.
pub(crate) fn decode(decoder: &mut Decoder, logs: &[Log]) -> Vec<DecodedBatch> {
    let mut batches = Vec::new();
    decode_each(decoder, logs, |batch| batches.push(batch));
    batches
}

/// Does the same, and calls `take` with each batch.
pub(crate) fn decode_each(decoder: &mut Decoder, logs: &[Log], mut take: impl FnMut(DecodedBatch)) {
    for log in logs {
        decoder.decode_small(&log.name, &log.text).unwrap().unwrap();
        if decoder.is_full() {
            decoder.flush().into_iter().for_each(&mut take);
        }
    }
    decoder.flush().into_iter().for_each(take);
}

/// Runs stage 6.
pub(crate) fn enrich(enricher: &mut Enricher, batches: Vec<DecodedBatch>) -> Vec<RowBlock> {
    batches.into_iter().flat_map(|batch| enricher.enrich(batch)).collect()
}

/// Data files that are discarded.
struct Nowhere;

impl DataFiles for Nowhere {
    type File = Sink;

    fn create(&mut self) -> std::io::Result<Sink> {
        Ok(sink())
    }
}

/// Runs stages 7 and 8 as one task, and returns the number of bytes of its data files.
pub(crate) fn encode(schema: &Arc<TableSchema>, compression: Compression, blocks: &[RowBlock]) -> u64 {
    let options = EncodeOptions {
        schema: Arc::clone(schema),
        compression,
        max_file_bytes: DEFAULT_MAX_FILE_BYTES,
        program_version: "0.0.0".to_owned(),
    };
    let task = TaskId { epoch: 1, task: 0 };
    let mut encoder = TaskEncoder::try_new(Arc::new(options), PartitionBy::Hour, task, Nowhere).unwrap();
    for block in blocks {
        encoder.write(block, &OneByOne).unwrap();
    }
    let files = match encoder.end_pass(&OneByOne).unwrap() {
        PassEnd::Complete(files) => Some(files),
        PassEnd::Again(_) => None,
    };
    files.unwrap().iter().map(|file| file.bytes).sum()
}
