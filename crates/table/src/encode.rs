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

mod chunk;
mod data_file;
mod partition_writer;
pub mod properties;
mod row_group;

use std::{collections::BTreeMap, io, sync::Arc};

use arrow::array::RecordBatch;
pub use parquet::errors::ParquetError;

use self::partition_writer::{PartitionWriter, Shared};
use self::row_group::RowGroupFactory;
pub use self::{
    properties::{
        Compression, DEFAULT_MAX_FILE_BYTES, EncodeOptions, MAX_ROW_GROUP_BYTES, MAX_ROW_GROUP_ROWS, MIN_MAX_FILE_BYTES,
    },
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
/// Data files of a task that are not finished have at most so many row groups, whose metadata takes 50 to 100 KiB each.
/// Past it the file with the most is finished, and later rows of its partition go into another.
pub const MAX_UNFINISHED_ROW_GROUPS: usize = 128;

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
    partition_by: PartitionBy,
    shared: Shared<D>,
    partitions: BTreeMap<PartitionKey, PartitionWriter<D::File>>,
    open_row_groups: usize,
}

impl<D: DataFiles> TaskEncoder<D> {
    /// An encoder for a task without rows yet.
    ///
    /// # Errors
    /// [`Error::Compression`], [`Error::DataFile`]: the settings are not Parquet's.
    pub fn try_new(
        options: Arc<EncodeOptions>,
        partition_by: PartitionBy,
        task: TaskId,
        data_files: D,
    ) -> Result<Self, Error> {
        let factory = RowGroupFactory::try_new(&options, task)?;
        let shared = Shared { options, task, factory, data_files };
        Ok(Self { partition_by, shared, partitions: BTreeMap::new(), open_row_groups: 0 })
    }

    /// Adds rows; `hours` has one entry per row, in hours since 1970-01-01T00 UTC.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn write(&mut self, batch: &RecordBatch, hours: &[i32], runner: &impl ColumnRunner) -> Result<(), Error> {
        for (key, rows) in partition::split(hours, self.partition_by) {
            let may_open = self.open_row_groups < MAX_OPEN_ROW_GROUPS;
            self.change(key, |partition, shared| {
                let is_large = partition.waiting_rows() + rows.len() >= ROWS_TO_OPEN;
                if partition.is_open() || (may_open && is_large) {
                    partition.write_waiting(shared, runner)?;
                    partition.write(shared, batch, rows.selection(), runner)
                } else {
                    partition.wait(&rows.take(batch)?)
                }
            })?;
        }
        while self.held_bytes() > MAX_HELD_BYTES {
            let Some((&largest, _)) = self.partitions.iter().max_by_key(|(_, partition)| partition.held_bytes()) else {
                break;
            };
            self.change(largest, |partition, shared| {
                partition.write_waiting(shared, runner)?;
                partition.close_row_group(shared, runner)
            })?;
        }
        self.finish_files()
    }

    /// The data files, by partition and number, when all rows are written.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn finish(self, runner: &impl ColumnRunner) -> Result<Vec<FinishedFile<D::File>>, Error> {
        let Self { mut shared, partitions, .. } = self;
        let mut finished = Vec::with_capacity(partitions.len());
        for mut partition in partitions.into_values() {
            partition.write_waiting(&mut shared, runner)?;
            partition.close_row_group(&mut shared, runner)?;
            finished.append(&mut partition.finish(shared.task)?);
        }
        Ok(finished)
    }

    /// Memory that open row groups and waiting batches take, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.partitions.values().map(PartitionWriter::held_bytes).sum()
    }

    /// Finishes data files until the row groups of unfinished ones are few enough.
    fn finish_files(&mut self) -> Result<(), Error> {
        let row_groups = |partition: &PartitionWriter<D::File>| partition.unfinished_row_groups();
        let mut unfinished: usize = self.partitions.values().map(row_groups).sum();
        while unfinished > MAX_UNFINISHED_ROW_GROUPS {
            let most = self.partitions.values_mut().max_by_key(|partition| partition.unfinished_row_groups());
            let Some(partition) = most else { break };
            unfinished -= partition.unfinished_row_groups();
            partition.close_file(self.shared.task)?;
        }
        Ok(())
    }

    /// Changes a partition, and keeps count of the open row groups.
    fn change(
        &mut self,
        key: PartitionKey,
        change: impl FnOnce(&mut PartitionWriter<D::File>, &mut Shared<D>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let partition = self.partitions.entry(key).or_insert_with(|| PartitionWriter::new(key));
        self.open_row_groups -= usize::from(partition.is_open());
        let changed = change(partition, &mut self.shared);
        self.open_row_groups += usize::from(partition.is_open());
        changed
    }
}

#[cfg(test)]
mod tests;
