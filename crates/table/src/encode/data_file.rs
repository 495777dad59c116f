//! One data file: row groups one after another, then the footer.

use std::{io, io::Write, sync::Arc};

use parquet::{errors::ParquetError, file::writer::SerializedFileWriter};

use super::{
    FinishedFile,
    row_group::{EncodedRowGroup, RowGroupFactory},
};
use crate::{Error, PartitionKey};

/// Bytes of footer and page index for each row group and column: more than they take, so that a file stays within its limit.
const FOOTER_BYTES_PER_COLUMN: u64 = 1024;
/// Memory of a file writer in bytes: its buffer, and its state for each column.
const WRITER_BYTES: usize = 12 << 10;
const WRITER_BYTES_PER_COLUMN: usize = 512;

/// A data file under construction.
pub(crate) struct DataFile<F: Write> {
    partition: PartitionKey,
    writer: SerializedFileWriter<CountingWriter<F>>,
    rows: u64,
    footer_bytes: u64,
    memory_bytes: usize,
}

impl<F: Write> std::fmt::Debug for DataFile<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFile").field("partition", &self.partition).field("rows", &self.rows).finish_non_exhaustive()
    }
}

impl<F: Write + Send> DataFile<F> {
    pub(crate) fn try_new(
        factory: &RowGroupFactory,
        partition: PartitionKey,
        target: io::Result<F>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::DataFile { partition: partition.to_string(), source };
        let target = CountingWriter { inner: target.map_err(|error| failed(error.into()))?, bytes: 0 };
        let writer =
            SerializedFileWriter::new(target, Arc::clone(&factory.parquet_schema), Arc::clone(&factory.properties));
        let memory_bytes = WRITER_BYTES + factory.leaves() * WRITER_BYTES_PER_COLUMN;
        Ok(Self { partition, writer: writer.map_err(failed)?, rows: 0, footer_bytes: 0, memory_bytes })
    }

    /// Returns the size of the file with one more row group, in bytes; a little more than it will be.
    pub(crate) fn bytes_with(&self, row_group: &EncodedRowGroup) -> u64 {
        self.writer.bytes_written() as u64 + self.footer_bytes + row_group.bytes() + footer_bytes(row_group)
    }

    /// Returns the memory that the file takes until it is finished, in bytes: mostly the metadata of its row groups.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    pub(crate) fn append(&mut self, row_group: EncodedRowGroup) -> Result<(), Error> {
        self.rows += row_group.rows as u64;
        self.footer_bytes += footer_bytes(&row_group);
        self.memory_bytes += row_group.metadata_bytes();
        let partition = self.partition;
        self.try_append(row_group).map_err(|source| Error::DataFile { partition: partition.to_string(), source })
    }

    fn try_append(&mut self, row_group: EncodedRowGroup) -> Result<(), ParquetError> {
        let mut writer = self.writer.next_row_group()?;
        row_group.append_to(&mut writer)?;
        writer.close()?;
        // Encoded pages leave memory at once.
        Ok(self.writer.flush()?)
    }

    /// Finishes the file, as the `number`-th of its task and partition.
    pub(crate) fn finish(self, number: u32) -> Result<FinishedFile<F>, Error> {
        let Self { partition, writer, rows, .. } = self;
        let failed = |source| Error::DataFile { partition: partition.to_string(), source };
        // This writes the footer.
        let mut target = writer.into_inner().map_err(failed)?;
        target.flush().map_err(|error| failed(error.into()))?;
        Ok(FinishedFile { partition, number, rows, bytes: target.bytes, file: target.inner })
    }
}

fn footer_bytes(row_group: &EncodedRowGroup) -> u64 {
    row_group.columns() as u64 * FOOTER_BYTES_PER_COLUMN
}

/// Counts the bytes that reach a data file.
struct CountingWriter<F> {
    inner: F,
    bytes: u64,
}

impl<F: Write> Write for CountingWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
