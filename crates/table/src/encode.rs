//! Stage 8. Batches of one task in, data file bytes out.
//!
//! ```text
//!                    +- hour=09  waiting batches (compacted)                      few rows: wait
//!   batch -> split --+- hour=10  open row group -> row group -> row group         many rows: encoded as they come
//!                    +- hour=11  waiting batches                \___ data file 000 ___/ \__ 001 ...
//! ```
//!
//! **Invariants**
//! - Names and bytes of data files are a function of the batches, in order: thresholds count the task's own rows only.
//! - Rows of a partition keep their order.
//! - At most [`MAX_OPEN_ROW_GROUPS`] row groups are open; they and the waiting batches take about [`MAX_HELD_BYTES`].
//! - Files carry no embedded Arrow schema, so that readers see plain Parquet strings.

mod data_file;
pub mod properties;
mod row_group;

use std::{collections::BTreeMap, io, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, MapArray, RecordBatch, StructArray},
    datatypes::DataType,
};

use self::{data_file::DataFile, row_group::RowGroup, row_group::RowGroupFactory};
pub use parquet::errors::ParquetError;

pub use self::{
    properties::{Compression, DEFAULT_MAX_FILE_BYTES, EncodeOptions, MAX_ROW_GROUP_BYTES, MAX_ROW_GROUP_ROWS, MIN_MAX_FILE_BYTES},
    row_group::{ColumnEncoder, ColumnRunner, OneByOne},
};
use crate::{Error, PartitionBy, PartitionKey, layout::TaskId, partition};

/// So many partitions of a task are encoded as their rows come; rows of others wait.
pub const MAX_OPEN_ROW_GROUPS: usize = 4;
/// A partition with so many rows waiting gets an open row group, if there is one left.
const ROWS_TO_OPEN: usize = 4096;
/// Open row groups and waiting batches of a task take at most about this much memory: 64 MiB. Past it the largest
/// partition's rows become a row group.
pub const MAX_HELD_BYTES: usize = 64 << 20;

/// Where data files go while they are written.
pub trait DataFiles {
    /// A data file's bytes, written from start to end and flushed.
    type File: io::Write + Send;

    /// A new data file.
    ///
    /// # Errors
    /// Whatever keeps it from being made.
    fn create(&mut self) -> io::Result<Self::File>;
}

/// A complete data file.
#[derive(Debug)]
pub struct FinishedFile<F> {
    /// Its name below the table.
    pub name: String,
    /// Its partition.
    pub partition: PartitionKey,
    /// How many rows it has.
    pub rows: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// What [`DataFiles::create`] made.
    pub file: F,
}

/// Encodes one task: a fan-out writer over partitions.
#[derive(Debug)]
pub struct TaskEncoder<D: DataFiles> {
    options: Arc<EncodeOptions>,
    partition_by: PartitionBy,
    task: TaskId,
    factory: RowGroupFactory,
    partitions: BTreeMap<PartitionKey, Partition<D::File>>,
    open_row_groups: usize,
    finished: Vec<FinishedFile<D::File>>,
    data_files: D,
}

#[derive(Debug)]
struct Partition<F: io::Write> {
    waiting: Vec<RecordBatch>,
    waiting_rows: usize,
    waiting_bytes: usize,
    open: Option<RowGroup>,
    /// The data file that takes the next row group, unless it is full.
    file: Option<DataFile<F>>,
    /// How many data files there are already.
    files: u32,
}

impl<F: io::Write> Default for Partition<F> {
    fn default() -> Self {
        Self { waiting: Vec::new(), waiting_rows: 0, waiting_bytes: 0, open: None, file: None, files: 0 }
    }
}

impl<F: io::Write> Partition<F> {
    fn held_bytes(&self) -> usize {
        self.waiting_bytes + self.open.as_ref().map_or(0, RowGroup::memory_bytes)
    }
}

impl<D: DataFiles> TaskEncoder<D> {
    /// An encoder for a task without rows yet.
    ///
    /// # Errors
    /// [`Error::Compression`], [`Error::DataFile`]: the settings are not Parquet's.
    pub fn try_new(options: Arc<EncodeOptions>, partition_by: PartitionBy, task: TaskId, data_files: D) -> Result<Self, Error> {
        let factory = RowGroupFactory::try_new(&options, task)?;
        Ok(Self { options, partition_by, task, factory, partitions: BTreeMap::new(), open_row_groups: 0, finished: Vec::new(), data_files })
    }

    /// Adds rows; `hours` has one entry per row, in hours since 1970-01-01T00 UTC.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn write(&mut self, batch: RecordBatch, hours: &[i32], runner: &impl ColumnRunner) -> Result<(), Error> {
        for (key, piece) in partition::split(batch, hours, self.partition_by)? {
            self.write_piece(key, piece, runner)?;
        }
        while self.held_bytes() > MAX_HELD_BYTES {
            let largest = self.partitions.iter().max_by_key(|(_, partition)| partition.held_bytes()).map(|(key, _)| *key);
            let Some(largest) = largest else { break };
            self.write_waiting(largest, runner)?;
            self.close_row_group(largest, runner)?;
        }
        Ok(())
    }

    /// The data files, by partition and number, when all rows are written.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn finish(mut self, runner: &impl ColumnRunner) -> Result<Vec<FinishedFile<D::File>>, Error> {
        let keys: Vec<PartitionKey> = self.partitions.keys().copied().collect();
        for key in keys {
            self.write_waiting(key, runner)?;
            self.close_row_group(key, runner)?;
            self.close_file(key)?;
            self.partitions.remove(&key);
        }
        self.finished.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(self.finished)
    }

    /// Memory that open row groups and waiting batches take, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.partitions.values().map(Partition::held_bytes).sum()
    }

    fn write_piece(&mut self, key: PartitionKey, piece: RecordBatch, runner: &impl ColumnRunner) -> Result<(), Error> {
        let may_open = self.open_row_groups < MAX_OPEN_ROW_GROUPS;
        let partition = self.partitions.entry(key).or_default();
        let is_large = partition.waiting_rows + piece.num_rows() >= ROWS_TO_OPEN;
        if partition.open.is_none() && !(may_open && is_large) {
            let piece = compact(&piece).map_err(Error::Partition)?;
            partition.waiting_rows += piece.num_rows();
            partition.waiting_bytes += piece.get_array_memory_size();
            partition.waiting.push(piece);
            return Ok(());
        }
        self.write_waiting(key, runner)?;
        self.encode(key, &piece, runner)
    }

    /// Encodes the rows of a partition that wait.
    fn write_waiting(&mut self, key: PartitionKey, runner: &impl ColumnRunner) -> Result<(), Error> {
        let Some(partition) = self.partitions.get_mut(&key) else { return Ok(()) };
        let waiting = std::mem::take(&mut partition.waiting);
        (partition.waiting_rows, partition.waiting_bytes) = (0, 0);
        if waiting.is_empty() {
            return Ok(());
        }
        // One batch for the column writers, however many pieces there were.
        let schema = waiting.first().map(RecordBatch::schema).unwrap_or_else(|| self.options.schema.arrow_schema());
        let batch = arrow::compute::concat_batches(&schema, &waiting).map_err(Error::Partition)?;
        drop(waiting);
        self.encode(key, &batch, runner)
    }

    /// Encodes rows into the partition's row group, slice by slice, closing it whenever it is full.
    fn encode(&mut self, key: PartitionKey, batch: &RecordBatch, runner: &impl ColumnRunner) -> Result<(), Error> {
        let row_group_bytes = self.row_group_bytes();
        // So few rows at once that a row group does not grow far past its limit.
        let bytes_per_row = batch.get_array_memory_size() / batch.num_rows().max(1) + 1;
        let slice_rows = (row_group_bytes / 8 / bytes_per_row).clamp(64, MAX_ROW_GROUP_ROWS);
        let mut start = 0;
        while start < batch.num_rows() {
            let Some(partition) = self.partitions.get_mut(&key) else { return Ok(()) };
            let row_group = match &mut partition.open {
                Some(row_group) => row_group,
                None => {
                    self.open_row_groups += 1;
                    partition.open.insert(self.factory.create(key)?)
                }
            };
            let rows = slice_rows.min(batch.num_rows() - start).min(MAX_ROW_GROUP_ROWS - row_group.rows());
            row_group.write(&batch.slice(start, rows), runner)?;
            start += rows;
            if row_group.rows() >= MAX_ROW_GROUP_ROWS || row_group.encoded_bytes() >= row_group_bytes {
                self.close_row_group(key, runner)?;
            }
        }
        Ok(())
    }

    fn close_row_group(&mut self, key: PartitionKey, runner: &impl ColumnRunner) -> Result<(), Error> {
        let Some(partition) = self.partitions.get_mut(&key) else { return Ok(()) };
        let Some(row_group) = partition.open.take() else { return Ok(()) };
        self.open_row_groups -= 1;
        let encoded = row_group.close(runner)?;
        let is_over = |file: &DataFile<D::File>| file.bytes_with(&encoded) > self.options.max_file_bytes;
        if partition.file.as_ref().is_some_and(is_over) {
            self.close_file(key)?;
        }
        let Some(partition) = self.partitions.get_mut(&key) else { return Ok(()) };
        let file = match &mut partition.file {
            Some(file) => file,
            None => {
                let target = self.data_files.create();
                partition.file.insert(DataFile::try_new(&self.factory, key, target)?)
            }
        };
        file.append(encoded)
    }

    fn close_file(&mut self, key: PartitionKey) -> Result<(), Error> {
        let Some(partition) = self.partitions.get_mut(&key) else { return Ok(()) };
        if let Some(file) = partition.file.take() {
            let name = self.task.data_file(&key, partition.files);
            partition.files += 1;
            self.finished.push(file.finish(name)?);
        }
        Ok(())
    }

    /// What a row group may take, so that a data file of at least one row group stays within its limit.
    fn row_group_bytes(&self) -> usize {
        // An encoded size is an estimate until pages are compressed; and the footer needs room.
        let of_file = self.options.max_file_bytes / 4 * 3;
        usize::try_from(of_file).unwrap_or(usize::MAX).min(MAX_ROW_GROUP_BYTES)
    }
}

/// Copies a batch that is kept, so that its strings do not pin the whole text that they were cut from.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let columns = batch.columns().iter().map(compact_array).collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(batch.schema(), columns)
}

fn compact_array(array: &ArrayRef) -> Result<ArrayRef, arrow::error::ArrowError> {
    Ok(match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::Map(entries_field, is_sorted) => {
            let map = array.as_map();
            let columns = map.entries().columns().iter().map(compact_array).collect::<Result<Vec<_>, _>>()?;
            let entries = StructArray::try_new(map.entries().fields().clone(), columns, None)?;
            let map = MapArray::try_new(Arc::clone(entries_field), map.offsets().clone(), entries, map.nulls().cloned(), *is_sorted)?;
            Arc::new(map)
        }
        _ => Arc::clone(array),
    })
}

#[cfg(test)]
mod tests;
