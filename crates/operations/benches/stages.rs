//! Bytes of text and rows per second on one core: encoding, and a whole conversion from log objects to a table.
//!
//! `crates/cloudfront/benches/decode.rs` measures the earlier stages.

#![expect(clippy::disallowed_methods, reason = "the logs have to be on disk to be converted")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should stop")]

#[path = "stages/conversion.rs"]
mod conversion;
#[path = "stages/stage_work.rs"]
mod stage_work;

use std::{fs, hint::black_box, sync::Arc};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lakefront_cloudfront::Enricher;
use lakefront_operations::{Connections, Stop, convert, progress::Silent};
use lakefront_schema::row_block::RowBlock;
use lakefront_table::{PartitionBy, encode::Compression, partition};

use self::conversion::options;
use self::stage_work::{Log, decode, decoder, decompress, encode, enrich, logs, schema};

/// Number of logs of a thousand rows each: 16 MiB of text.
const FILES: u32 = 33;

fn benches(criterion: &mut Criterion) {
    let (logs, schema) = (logs(FILES), schema());
    let bytes = logs.iter().map(|log: &Log| log.text.len() as u64).sum();
    let elements = u64::from(FILES) * 1000;
    let mut group = criterion.benchmark_group("table");
    group.throughput(Throughput::ElementsAndBytes { elements, bytes }).sample_size(20);

    let batches = enrich(&mut Enricher::new(Arc::clone(&schema)), decode(&mut decoder(&schema), &logs));
    group.bench_function("partition", |bencher| {
        let split = |block: &RowBlock| black_box(partition::split(block.hours(), PartitionBy::Hour)).len();
        bencher.iter(|| batches.iter().map(split).sum::<usize>());
    });
    for compression in [Compression::None, Compression::Zstd(1), Compression::Zstd(3)] {
        group.bench_function(format!("partition and encode {compression}"), |bencher| {
            bencher.iter(|| black_box(encode(&schema, compression, &batches)));
        });
    }
    drop(batches);

    group.bench_function("all stages in memory", |bencher| {
        let (mut decoder, mut enricher) = (decoder(&schema), Enricher::new(Arc::clone(&schema)));
        let mut buffer = vec![0; 1 << 20];
        bencher.iter(|| {
            decompress(&logs, &mut buffer);
            let batches = enrich(&mut enricher, decode(&mut decoder, &logs));
            black_box(encode(&schema, Compression::default(), &batches))
        });
    });
    group.bench_function("convert, with state and fsync", |bencher| {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("logs");
        fs::create_dir(&source).unwrap();
        for log in &logs {
            fs::write(source.join(&log.name), &log.gzip).unwrap();
        }
        let lake = || tempfile::tempdir_in(folder.path()).unwrap();
        bencher.iter_batched(
            lake,
            |lake| {
                let table = lake.path().join("cf_logs");
                let [source, table] = [source.to_str().unwrap(), table.to_str().unwrap()];
                let run = convert(&options(source, table, &Connections::default(), 1), &Stop::default(), &Silent);
                assert!(run.error.is_none(), "{:?}", run.error);
                assert_eq!(run.report.rows, elements);
                lake
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
