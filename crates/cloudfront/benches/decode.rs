//! Measures bytes of text and rows per second on one core: decompressing, decoding, enriching.
//!
//! `crates/operations/benches/stages.rs` has the later stages, and all of them together.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot run should stop")]

use std::{hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lakefront_cloudfront::{DecodeOptions, DecodedBatch, Decoder, Enricher, FormatOptions, TextLimits, TextReader};
use lakefront_loggen::{Options, objects};
use lakefront_schema::{FieldLists, TableSchema};

/// Number of files. A row has about half a kilobyte, so 33 files of 1,000 rows are 16 MiB of text.
const FILES: u32 = 33;
const ROWS_PER_FILE: u32 = 1000;

struct Log {
    name: String,
    text: Vec<u8>,
    gzip: Vec<u8>,
}

fn logs() -> Vec<Log> {
    let options = Options { files_per_hour: FILES, rows_per_file: ROWS_PER_FILE, ..Options::default() };
    let log = |object: lakefront_loggen::LogObject| Log {
        name: object.key.clone(),
        gzip: object.gzip().unwrap(),
        text: object.text.into_bytes(),
    };
    objects(&options).map(log).collect()
}

fn decoder(schema: &Arc<TableSchema>) -> Decoder {
    let options = DecodeOptions {
        schema: Arc::clone(schema),
        fields: FieldLists::default(),
        formats: FormatOptions::default(),
        latest_second: i64::MAX,
        text_limits: TextLimits::default(),
    };
    Decoder::new(Arc::new(options))
}

/// Decodes all logs as small objects and hands each full batch to `take`.
fn decode(decoder: &mut Decoder, logs: &[Log], mut take: impl FnMut(DecodedBatch)) {
    for log in logs {
        decoder.decode_small(&log.name, &log.text).unwrap().unwrap();
        if decoder.is_full() {
            decoder.flush().into_iter().for_each(&mut take);
        }
    }
    decoder.flush().into_iter().for_each(take);
}

fn benches(criterion: &mut Criterion) {
    let logs = logs();
    let bytes = logs.iter().map(|log| log.text.len() as u64).sum();
    let elements = u64::from(FILES * ROWS_PER_FILE);
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::ElementsAndBytes { elements, bytes }).sample_size(20);

    group.bench_function("decompress", |bencher| {
        let mut block = vec![0; 1 << 20];
        bencher.iter(|| {
            for log in &logs {
                let mut reader =
                    TextReader::try_new(&log.gzip[..], log.gzip.len() as u64, TextLimits::default()).unwrap();
                while reader.read(&mut block).unwrap() > 0 {
                    black_box(&block);
                }
            }
        });
    });
    for name in TableSchema::EMBEDDED_NAMES {
        let schema = Arc::new(TableSchema::embedded(name).unwrap());
        group.bench_function(format!("decode {name}"), |bencher| {
            let mut decoder = decoder(&schema);
            bencher.iter(|| decode(&mut decoder, &logs, |batch| _ = black_box(batch)));
        });
        group.bench_function(format!("enrich {name}"), |bencher| {
            let (mut decoder, mut enricher) = (decoder(&schema), Enricher::new(Arc::clone(&schema)));
            let batches_of_logs = || {
                let mut batches = Vec::new();
                decode(&mut decoder, &logs, |batch| batches.push(batch));
                batches
            };
            let enrich = |batches: Vec<DecodedBatch>| -> Vec<_> {
                batches.into_iter().map(|batch| enricher.enrich(batch)).collect()
            };
            bencher.iter_batched(batches_of_logs, enrich, BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
