//! Reads data files like a reader that knows only Parquet.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use arrow::{
    array::{AsArray, RecordBatch},
    compute::concat_batches,
    datatypes::{Date32Type, Int64Type},
    error::ArrowError,
};
use bytes::Bytes;
use parquet::arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder};

use super::{Files, sha256};
use crate::logs::Row;

/// Rows of a data file.
type Rows = Arc<Vec<Row>>;

/// Rows of files that were read before, by partition and hash: thousands of runs write the same files.
static READ: LazyLock<Mutex<HashMap<(String, String), Rows>>> = LazyLock::new(Mutex::default);
/// Largest number of remembered files.
const MAX_READ: usize = 20_000;

/// Returns the rows of a data file.
pub(super) fn read(name: &str, bytes: &Bytes) -> Result<Rows, String> {
    let (partition, _) = name.rsplit_once('/').ok_or("it is not in a partition")?;
    let place = (partition.to_owned(), sha256(bytes));
    if let Some(rows) = READ.lock().unwrap().get(&place) {
        return Ok(Arc::clone(rows));
    }
    let batch = read_batch(bytes).map_err(|error| error.to_string())?;
    let rows = Arc::new(rows_of(&batch, partition)?);
    let mut read = READ.lock().unwrap();
    if read.len() >= MAX_READ {
        read.clear();
    }
    read.insert(place, Arc::clone(&rows));
    Ok(rows)
}

/// Returns the rows of all data files, in order.
pub(crate) fn rows_of_table(files: &Files) -> Vec<Row> {
    let mut rows: Vec<Row> = files.iter().flat_map(|(name, bytes)| read(name, bytes).unwrap().to_vec()).collect();
    rows.sort();
    rows
}

fn rows_of(batch: &RecordBatch, partition: &str) -> Result<Vec<Row>, String> {
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column `{name}`"));
    let text =
        |name: &str| column(name)?.as_string_opt::<i32>().cloned().ok_or_else(|| format!("`{name}` is not text"));
    let dates = column("logdate")?.as_primitive_opt::<Date32Type>().ok_or("`logdate` is not a date")?;
    let lines = column("line")?.as_primitive_opt::<Int64Type>().ok_or("`line` is not a number")?;
    let (times, ips) = (text("logtime")?, text("requestip")?);
    let (uris, filenames) = (text("uri")?, text("filename")?);
    let row = |index| Row {
        filename: filenames.value(index).to_owned(),
        line: lines.value(index),
        partition: partition.to_owned(),
        date: dates.value(index),
        time: times.value(index).to_owned(),
        ip: ips.value(index).to_owned(),
        uri: uris.value(index).to_owned(),
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// Returns all rows of a data file as one batch.
pub(crate) fn read_batch(bytes: &Bytes) -> Result<RecordBatch, ArrowError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone())?;
    let schema = Arc::clone(builder.schema());
    let batches: Vec<RecordBatch> = builder.build()?.collect::<Result<_, _>>()?;
    concat_batches(&schema, &batches)
}

/// Returns a data file with these rows.
pub(crate) fn write_batch(batch: &RecordBatch) -> Bytes {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap().into()
}
