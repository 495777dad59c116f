//! Decoding through the crate's interface: text in; rows, rejects and counts out.

use std::sync::Arc;

use arrow::{
    array::{AsArray, RecordBatch},
    datatypes::{SchemaRef, TimestampMicrosecondType},
    util::display::array_value_to_string,
};
use lakefront_schema::{FieldLists, TableSchema};

use super::{large::Step, *};
use crate::{Enricher, RejectReason};

mod batches;
mod cells;
mod equality;
mod formats;
mod lines;
mod objects;
mod parquet_files;
mod seeds;

const NAME: &str = "logs/E1EXAMPLE.2024-05-17-10.0a1b2c3d.gz";
/// 2024-06-01.
const LATEST_SECOND: i64 = 1_717_200_000;

/// One object, decoded.
#[derive(Debug, PartialEq)]
struct Decoded {
    summary: ObjectSummary,
    rows: Rows,
    unclaimed: FieldNames,
}

/// Rows as text: column names, and the cells of each row; none is NULL.
#[derive(Debug, PartialEq)]
struct Rows {
    schema: SchemaRef,
    names: Vec<String>,
    cells: Vec<Vec<Option<String>>>,
}

impl Rows {
    fn new(schema: &TableSchema) -> Self {
        Self {
            schema: schema.arrow_schema(),
            names: schema.columns().iter().map(|column| column.name.clone()).collect(),
            cells: Vec::new(),
        }
    }

    fn take(&mut self, enricher: &mut Enricher, batch: DecodedBatch) {
        for block in enricher.enrich(batch) {
            self.take_block(&block.to_arrow(&self.schema));
        }
    }

    fn take_block(&mut self, batch: &RecordBatch) {
        for row in 0..batch.num_rows() {
            let cell = |column: &arrow::array::ArrayRef| {
                let text = || match column.as_primitive_opt::<TimestampMicrosecondType>() {
                    Some(times) => format!("{} us", times.value(row)),
                    None => array_value_to_string(column, row).unwrap(),
                };
                column.is_valid(row).then(text)
            };
            self.cells.push(batch.columns().iter().map(cell).collect());
        }
    }

    fn column(&self, name: &str) -> Vec<Option<&str>> {
        let index = self.names.iter().position(|found| found == name).unwrap();
        self.cells.iter().map(|row| row[index].as_deref()).collect()
    }
}

impl Decoded {
    /// Returns the column's only cell.
    fn cell(&self, column: &str) -> Option<&str> {
        let cells = self.rows.column(column);
        assert_eq!(cells.len(), 1, "one row");
        cells[0]
    }

    fn nulled(&self, column: &str) -> u64 {
        let index = self.rows.names.iter().position(|found| found == column).unwrap();
        self.summary.nulled_cells[index]
    }

    /// Returns line, byte and reason of each reject.
    fn rejects(&self) -> Vec<(u64, u64, RejectReason)> {
        self.summary.rejects.iter().map(|reject| (reject.line, reject.byte, reject.reason)).collect()
    }
}

fn options<'f>(schema: &str, fields: impl IntoIterator<Item = &'f str>) -> Arc<DecodeOptions> {
    Arc::new(DecodeOptions {
        schema: Arc::new(TableSchema::embedded(schema).unwrap()),
        fields: FieldLists::try_new(fields).unwrap(),
        formats: FormatOptions::default(),
        latest_second: LATEST_SECOND,
        text_limits: TextLimits::default(),
    })
}

fn decode_as(options: &Arc<DecodeOptions>, object: impl AsRef<[u8]>) -> Result<Decoded, Error> {
    decode_small(options, all_small(), object.as_ref())
}

/// Returns sizes with which every object of the tests is small.
fn all_small() -> DecodeSizes {
    DecodeSizes { small_text_bytes: 8 << 20, batch_rows: 1 << 20, ..DecodeSizes::default() }
}

/// Decodes an object with the schema `cf_logs_wide`.
fn decode(object: impl AsRef<[u8]>) -> Decoded {
    decode_as(&options("cf_logs_wide", None), object).unwrap()
}

fn reason(object: impl AsRef<[u8]>) -> &'static str {
    decode_as(&options("cf_logs", None), object).unwrap_err().reason().unwrap()
}

fn decode_small(options: &Arc<DecodeOptions>, sizes: DecodeSizes, object: &[u8]) -> Result<Decoded, Error> {
    let mut decoder = Decoder::with_sizes(Arc::clone(options), sizes);
    let summary = decoder.decode_small(NAME, object).expect("small")?;
    let mut rows = Rows::new(&options.schema);
    let mut enricher = Enricher::new(Arc::clone(&options.schema));
    decoder.flush().into_iter().for_each(|batch| rows.take(&mut enricher, batch));
    let unclaimed = decoder.take_unclaimed_fields();
    Ok(Decoded { summary, rows, unclaimed })
}

/// Decodes a large object; returns it and the number of its batches. Checks that judging it gives the same.
fn decode_large(options: &Arc<DecodeOptions>, sizes: DecodeSizes, object: &[u8]) -> Result<(Decoded, usize), Error> {
    let decoded = read_large(options, sizes, object);
    let judged = judge_large(options, sizes, object);
    match (&decoded, judged) {
        (Ok((decoded, _)), Ok(judged)) => {
            let ObjectSummary { lines, rows, rejected, comments, blanks, text_bytes, .. } = decoded.summary;
            let counts =
                (judged.lines, judged.rows, judged.rejected, judged.comments, judged.blanks, judged.text_bytes);
            assert_eq!(counts, (lines, rows, rejected, comments, blanks, text_bytes));
        }
        (Err(error), Err(judged)) => assert_eq!(error.to_string(), judged.to_string()),
        (decoded, judged) => panic!("{decoded:?}\n{judged:?}"),
    }
    decoded
}

fn read_large(options: &Arc<DecodeOptions>, sizes: DecodeSizes, object: &[u8]) -> Result<(Decoded, usize), Error> {
    let mut decoder = Decoder::with_sizes(Arc::clone(options), sizes);
    let mut large = decoder.read_large(NAME, object, object.len() as u64);
    let mut enricher = Enricher::new(Arc::clone(&options.schema));
    let (mut rows, mut rejects, mut batches) = (Rows::new(&options.schema), Vec::new(), 0);
    while let Some(step) = large.step(&mut decoder)? {
        if let Step::Rows(batch) = step {
            assert!((1..=sizes.batch_rows).contains(&batch.num_rows()));
            rows.take(&mut enricher, *batch);
            batches += 1;
        }
        rejects.append(&mut large.take_rejects());
    }
    let mut summary = large.summary().unwrap();
    assert!(summary.rejects.is_empty());
    summary.rejects = rejects;
    let unclaimed = decoder.take_unclaimed_fields();
    Ok((Decoded { summary, rows, unclaimed }, batches))
}

fn judge_large(options: &Arc<DecodeOptions>, sizes: DecodeSizes, object: &[u8]) -> Result<ObjectSummary, Error> {
    let mut decoder = Decoder::with_sizes(Arc::clone(options), sizes);
    let mut large = decoder.judge_large(object, object.len() as u64);
    while let Some(step) = large.step(&mut decoder)? {
        assert!(matches!(step, Step::NoRows));
    }
    assert!(large.take_rejects().is_empty());
    Ok(large.summary().unwrap())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
