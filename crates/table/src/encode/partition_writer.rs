//! One partition of a task: rows that wait, the row group they go into, the data file that takes row groups.

use std::{io, sync::Arc};

use lakefront_schema::row_block::RowBlock;

use super::{
    DataFiles, EncodeOptions, FinishedFile, MAX_ROW_GROUP_BYTES, MAX_ROW_GROUP_ROWS,
    data_file::DataFile,
    row_group::{ColumnRunner, RowGroup, RowGroupFactory},
};
use crate::{
    Error, PartitionKey,
    partition::{Part, Selection},
};

/// Number of small waiting pieces that are joined into one: a block of a few rows takes far more memory than its rows.
const MAX_SMALL_PIECES: usize = 16;
/// Size in bytes below which a piece is small: 256 KiB. Joining larger ones would save little, and needs their memory twice.
const SMALL_PIECE_BYTES: usize = 256 << 10;
/// Overhead of a partition in bytes, without its rows and its data file.
const PARTITION_BYTES: usize = 1 << 10;

/// State that all partitions of a task share.
#[derive(Debug)]
pub(crate) struct Shared<D: DataFiles> {
    pub(crate) options: Arc<EncodeOptions>,
    pub(crate) factory: RowGroupFactory,
    pub(crate) data_files: D,
    /// Complete data files, in the order in which they were finished.
    pub(crate) finished: Vec<FinishedFile<D::File>>,
}

/// Rows and files of a partition that are complete.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Written {
    pub(crate) rows: u64,
    pub(crate) files: u32,
}

#[derive(Debug)]
pub(crate) struct PartitionWriter<F: io::Write> {
    key: PartitionKey,
    waiting: Vec<RowBlock>,
    /// Number of the last ones that are small.
    small_pieces: usize,
    waiting_rows: usize,
    waiting_bytes: usize,
    open: Option<RowGroup>,
    /// The data file that takes the next row group if it is not full.
    file: Option<DataFile<F>>,
    written: Written,
}

impl<F: io::Write + Send> PartitionWriter<F> {
    /// Returns a writer for a partition of which this much is written already.
    pub(crate) fn new(key: PartitionKey, written: Written) -> Self {
        Self {
            key,
            waiting: Vec::new(),
            small_pieces: 0,
            waiting_rows: 0,
            waiting_bytes: 0,
            open: None,
            file: None,
            written,
        }
    }

    pub(crate) fn key(&self) -> PartitionKey {
        self.key
    }

    /// Returns the rows and data files that are complete.
    pub(crate) fn written(&self) -> Written {
        self.written
    }

    /// Returns whether its rows may be flushed to a data file before the partition is complete: if it has no file yet,
    /// or has enough rows. Otherwise a partition whose rows come one by one would become as many files.
    pub(crate) fn is_worth_a_file(&self) -> bool {
        self.written.files == 0 || self.file.is_some() || self.open.is_some()
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(crate) fn waiting_rows(&self) -> usize {
        self.waiting_rows
    }

    /// Returns the memory of its open row group and its waiting rows, in bytes.
    pub(crate) fn row_bytes(&self) -> usize {
        self.waiting_bytes + self.open.as_ref().map_or(0, RowGroup::memory_bytes)
    }

    /// Returns the memory of the partition in bytes, including the metadata of its unfinished data file.
    pub(crate) fn held_bytes(&self) -> usize {
        PARTITION_BYTES + self.row_bytes() + self.file.as_ref().map_or(0, DataFile::memory_bytes)
    }

    /// Keeps a copy of rows for later.
    pub(crate) fn wait(&mut self, block: &RowBlock, rows: Selection<'_>) {
        let rows: Vec<u32> = rows.iter().map(|row| u32::try_from(row).expect("a block has few rows")).collect();
        self.waiting_rows += rows.len();
        self.keep(block.copy_rows(&rows));
        if self.small_pieces >= MAX_SMALL_PIECES {
            let small = self.waiting.split_off(self.waiting.len() - self.small_pieces);
            self.small_pieces = 0;
            self.waiting_bytes -= small.iter().map(RowBlock::memory_bytes).sum::<usize>();
            for joined in RowBlock::join(&small) {
                self.keep(joined);
            }
        }
    }

    fn keep(&mut self, piece: RowBlock) {
        let bytes = piece.memory_bytes();
        self.small_pieces = if bytes < SMALL_PIECE_BYTES { self.small_pieces + 1 } else { 0 };
        self.waiting_bytes += bytes;
        self.waiting.push(piece);
    }

    /// Encodes the rows that wait, if any.
    pub(crate) fn write_waiting<D: DataFiles<File = F>>(
        &mut self,
        shared: &mut Shared<D>,
        runner: &impl ColumnRunner,
    ) -> Result<(), Error> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.small_pieces, self.waiting_rows, self.waiting_bytes) = (0, 0, 0);
        for piece in waiting {
            self.write(shared, &piece, Selection::From(0, piece.num_rows()), runner)?;
        }
        Ok(())
    }

    /// Encodes rows into the open row group, slice by slice, closing it whenever it is full.
    pub(crate) fn write<D: DataFiles<File = F>>(
        &mut self,
        shared: &mut Shared<D>,
        block: &RowBlock,
        selected: Selection<'_>,
        runner: &impl ColumnRunner,
    ) -> Result<(), Error> {
        let row_group_bytes = row_group_bytes(&shared.options);
        // Few enough rows at once that a row group does not grow far past its limit: a large one has room for any block.
        let slice_rows = if row_group_bytes == MAX_ROW_GROUP_BYTES {
            MAX_ROW_GROUP_ROWS
        } else {
            let bytes_per_row = block.cell_bytes() / block.num_rows().max(1) + 1;
            (row_group_bytes / 8 / bytes_per_row).clamp(64, MAX_ROW_GROUP_ROWS)
        };
        let mut start = 0;
        while start < selected.len() {
            let mut row_group = self.open.take().map_or_else(|| shared.factory.create(self.key), Ok)?;
            let rows = slice_rows.min(selected.len() - start).min(MAX_ROW_GROUP_ROWS - row_group.rows());
            row_group.write(&Part::new(block, selected.slice(start, rows)), runner)?;
            start += rows;
            let is_full = row_group.rows() >= MAX_ROW_GROUP_ROWS || row_group.encoded_bytes() >= row_group_bytes;
            self.open = Some(row_group);
            if is_full {
                self.close_row_group(shared, runner)?;
            }
        }
        Ok(())
    }

    /// Moves the open row group, if there is one, into a data file.
    pub(crate) fn close_row_group<D: DataFiles<File = F>>(
        &mut self,
        shared: &mut Shared<D>,
        runner: &impl ColumnRunner,
    ) -> Result<(), Error> {
        let Some(row_group) = self.open.take() else { return Ok(()) };
        let encoded = row_group.close(runner)?;
        if self.file.as_ref().is_some_and(|file| file.bytes_with(&encoded) > shared.options.max_file_bytes) {
            self.close_file(shared)?;
        }
        let new_file = || DataFile::try_new(&shared.factory, self.key, shared.data_files.create());
        let mut file = self.file.take().map_or_else(new_file, Ok)?;
        file.append(encoded)?;
        self.file = Some(file);
        Ok(())
    }

    /// Finishes the data file, if there is one: later rows go into another.
    pub(crate) fn close_file<D: DataFiles<File = F>>(&mut self, shared: &mut Shared<D>) -> Result<(), Error> {
        if let Some(file) = self.file.take() {
            let file = file.finish(self.written.files)?;
            self.written.rows += file.rows;
            self.written.files += 1;
            shared.finished.push(file);
        }
        Ok(())
    }
}

/// Returns the largest size of a row group in bytes, so that a data file of at least one row group stays within its limit.
fn row_group_bytes(options: &EncodeOptions) -> usize {
    // The encoded size is an estimate until pages are compressed; and the footer needs space.
    let of_file = options.max_file_bytes / 4 * 3;
    usize::try_from(of_file).expect("a usize has 64 bits").min(MAX_ROW_GROUP_BYTES)
}
