//! Stage 8. Blocks of rows of one task in, data file bytes out.
//!
//! ```text
//!                    +- hour=09  waiting rows (copied)                            few rows: wait
//!   block -> split --+- hour=10  open row group -> row group -> row group         many rows: encoded as they come
//!                    +- hour=11  waiting rows                   \___ data file 000 ___/ \__ 001 ...
//! ```
//!
//! **Invariants**
//! - Names and bytes of data files are a function of the blocks, in order: thresholds count the task's own rows only.
//! - Rows of a partition keep their order.
//! - At most [`MAX_OPEN_ROW_GROUPS`] row groups are open; they, the waiting rows and the metadata of unfinished data
//!   files take at most [`MAX_HELD_BYTES`], regardless of the number of partitions and columns.
//! - Files carry no embedded Arrow schema, so that readers see plain Parquet strings.

mod active;
mod chunk;
mod data_file;
mod partition_writer;
pub mod properties;
mod row_group;

use std::{collections::BTreeMap, io, sync::Arc};

use lakefront_schema::row_block::RowBlock;
pub use parquet::errors::ParquetError;

use self::active::ActivePartitions;
use self::partition_writer::{PartitionWriter, Shared, Written};
use self::row_group::RowGroupFactory;
pub use self::{
    properties::{
        Compression, DEFAULT_MAX_FILE_BYTES, EncodeOptions, MAX_ROW_GROUP_BYTES, MAX_ROW_GROUP_ROWS, MIN_MAX_FILE_BYTES,
    },
    row_group::{ColumnEncoder, ColumnRunner, OneByOne},
};
use crate::{
    Error, PartitionBy, PartitionKey,
    partition::{self, Rows},
};
use lakefront_schema::layout::TaskId;

/// Version of data files, raised with every change that gives other data files for the same inputs: other bytes under the same
/// name would be refused.
///
/// 1: delta encodings for columns without a dictionary. 2: `PLAIN` for these. 3: row groups and data files end by the
/// memory of all of a task's partitions and columns. 4: other settings of zstd for request ids and numbers; other hashes
/// and other blocks of rows, which decide where a crowded dictionary or a row group of a crowded task ends. 5: logs with other
/// delimiters, bare names, JSON and Parquet are converted; other texts in the quarantine.
pub const LAYOUT_VERSION: u32 = 5;

/// Number of partitions of a task that are encoded as their rows come; rows of others wait.
pub const MAX_OPEN_ROW_GROUPS: usize = 4;
/// Number of waiting rows with which a partition gets an open row group, if one is left.
const ROWS_TO_OPEN: usize = 4096;
/// Memory in bytes for the rows and the metadata of unfinished data files of all partitions of a task: 64 MiB. If it is
/// exceeded, rows are written as row groups, data files are finished, and partitions are put off to another pass.
pub const MAX_HELD_BYTES: usize = 64 << 20;
/// Least memory in bytes of rows that are written as a row group before their partition is complete: 1 MiB.
pub const MIN_ROW_GROUP_HELD_BYTES: usize = 1 << 20;

/// Creates data files.
pub trait DataFiles {
    /// A data file, which is written from start to end and flushed.
    type File: io::Write + Send;

    /// Creates a data file.
    ///
    /// # Errors
    /// It cannot be created.
    fn create(&mut self) -> io::Result<Self::File>;
}

/// A complete data file.
#[derive(Debug)]
pub struct FinishedFile<F> {
    /// Its partition.
    pub partition: PartitionKey,
    /// Number of the file among those of its task and partition, from 0.
    pub number: u32,
    /// Number of its rows.
    pub rows: u64,
    /// Number of its bytes.
    pub bytes: u64,
    /// The file that [`DataFiles::create`] returned.
    pub file: F,
}

impl<F> FinishedFile<F> {
    /// Returns its name below the table. It is made on demand, as a task may have a hundred thousand files.
    pub fn name(&self, task: TaskId) -> String {
        task.data_file(&self.partition, self.number)
    }
}

/// Encodes one task: a fan-out writer over partitions.
///
/// A task may have rows of any hour since 2008, in any order, and its memory is bounded. If memory is short, the least
/// recently written partition is flushed to a data file first. If it gets more rows, and has to be flushed again before
/// it has enough of them for a row group, it is put off: the rest of its rows is dropped, and written in another pass.
#[derive(Debug)]
pub struct TaskEncoder<D: DataFiles> {
    partition_by: PartitionBy,
    shared: Shared<D>,
    /// Partitions with rows in memory, or with an unfinished data file.
    active: ActivePartitions<D::File>,
    /// Partitions that are not in memory any more.
    left: BTreeMap<PartitionKey, LeftPartition>,
    is_first_pass: bool,
}

/// Result of a pass over a task's rows.
#[derive(Debug)]
pub enum PassEnd<D: DataFiles> {
    /// All rows are in these data files, sorted by partition and number.
    Complete(Vec<FinishedFile<D::File>>),
    /// Partitions were put off: write all rows of the task to this encoder again, in the same batches.
    Again(Box<TaskEncoder<D>>),
}

/// A partition that was flushed or put off.
#[derive(Clone, Copy, Debug, Default)]
struct LeftPartition {
    /// Rows and files that are complete: always the partition's first rows.
    written: Written,
    /// Number of rows to skip in this pass, as earlier passes wrote them.
    rows_to_skip: u64,
    state: LeftState,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeftState {
    /// More rows may come.
    #[default]
    Open,
    /// Further rows are dropped, and written in the next pass.
    PutOff,
    /// An earlier pass wrote all of its rows.
    Complete,
}

impl<D: DataFiles> TaskEncoder<D> {
    /// Returns an encoder for a task, without rows.
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
        let shared = Shared { options, factory, data_files, finished: Vec::new() };
        let (active, left) = (ActivePartitions::default(), BTreeMap::new());
        Ok(Self { partition_by, shared, active, left, is_first_pass: true })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn write(&mut self, block: &RowBlock, runner: &impl ColumnRunner) -> Result<(), Error> {
        for (key, rows) in partition::split(block.hours(), self.partition_by) {
            let Some((mut partition, rows)) = self.take(key, rows) else { continue };
            let may_open = self.active.open_row_groups() < MAX_OPEN_ROW_GROUPS;
            let is_large = partition.waiting_rows() + rows.len() >= ROWS_TO_OPEN;
            if partition.is_open() || (may_open && is_large) {
                partition.write_waiting(&mut self.shared, runner)?;
                partition.write(&mut self.shared, block, rows.selection(), runner)?;
            } else {
                partition.wait(block, rows.selection());
            }
            self.active.put(partition);
            // Not only after the block: its rows may be of thousands of partitions.
            self.make_room(runner)?;
        }
        Ok(())
    }

    /// Ends a pass, after all rows of the task were written.
    ///
    /// # Errors
    /// The run must stop: a data file could not be written.
    pub fn end_pass(mut self, runner: &impl ColumnRunner) -> Result<PassEnd<D>, Error> {
        while let Some(partition) = self.active.take_first() {
            self.finish_partition(partition, runner)?;
        }
        let mut is_complete = true;
        for partition in self.left.values_mut() {
            if partition.state == LeftState::PutOff {
                is_complete = false;
                partition.rows_to_skip = partition.written.rows;
                partition.state = LeftState::Open;
            } else {
                partition.state = LeftState::Complete;
            }
        }
        if !is_complete {
            self.is_first_pass = false;
            return Ok(PassEnd::Again(Box::new(self)));
        }
        let mut finished = self.shared.finished;
        finished.sort_unstable_by_key(|file| (file.partition, file.number));
        Ok(PassEnd::Complete(finished))
    }

    /// Returns the memory that rows and the metadata of unfinished data files take, in bytes.
    pub fn held_bytes(&self) -> usize {
        self.active.held_bytes()
    }

    /// Returns the partition and those of the rows that this pass writes; `None` if it writes none of them.
    fn take(&mut self, key: PartitionKey, rows: Rows) -> Option<(PartitionWriter<D::File>, Rows)> {
        if let Some(partition) = self.active.take(key) {
            return Some((partition, rows));
        }
        let Some(left) = self.left.get_mut(&key) else {
            return self.is_first_pass.then(|| (PartitionWriter::new(key, Written::default()), rows));
        };
        if left.state != LeftState::Open {
            return None;
        }
        let skipped = left.rows_to_skip.min(rows.len() as u64);
        left.rows_to_skip -= skipped;
        let rows = rows.without_first(usize::try_from(skipped).expect("not more than the rows of a block are skipped"));
        (rows.len() > 0).then(|| (PartitionWriter::new(key, left.written), rows))
    }

    /// Frees memory until partitions hold at most [`MAX_HELD_BYTES`]. The choice of partitions depends on the rows
    /// alone.
    fn make_room(&mut self, runner: &impl ColumnRunner) -> Result<(), Error> {
        while self.active.held_bytes() > MAX_HELD_BYTES {
            if let Some(mut partition) = self.active.take_largest(MIN_ROW_GROUP_HELD_BYTES) {
                partition.write_waiting(&mut self.shared, runner)?;
                partition.close_row_group(&mut self.shared, runner)?;
                self.active.put(partition);
                continue;
            }
            let Some(oldest) = self.active.take_oldest() else { break };
            if oldest.is_worth_a_file() {
                self.finish_partition(oldest, runner)?;
            } else {
                self.left.entry(oldest.key()).or_default().state = LeftState::PutOff;
            }
        }
        Ok(())
    }

    /// Finishes a partition's data file with all rows that it has in memory.
    fn finish_partition(
        &mut self,
        mut partition: PartitionWriter<D::File>,
        runner: &impl ColumnRunner,
    ) -> Result<(), Error> {
        partition.write_waiting(&mut self.shared, runner)?;
        partition.close_row_group(&mut self.shared, runner)?;
        partition.close_file(&mut self.shared)?;
        self.left.entry(partition.key()).or_default().written = partition.written();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
