//! One row group of one partition: a column encoder per column, which can be driven in parallel.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{DataType, FieldRef, SchemaRef},
};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    errors::ParquetError,
    file::{properties::WriterPropertiesPtr, writer::SerializedFileWriter},
    schema::types::TypePtr,
};

use super::properties::{EncodeOptions, writer_properties};
use crate::{Error, PartitionKey, layout::TaskId};

/// Runs one job per column encoder: one after another or in parallel. What comes out does not depend on it.
pub trait ColumnRunner {
    /// Runs `job` once for each of `columns` and returns the first error in column order.
    ///
    /// # Errors
    /// What a job returned.
    fn run(
        &self,
        columns: &mut [ColumnEncoder],
        job: &(dyn Fn(usize, &mut ColumnEncoder) -> Result<(), Error> + Sync),
    ) -> Result<(), Error>;
}

/// Runs the columns one after another, on the caller's thread.
#[derive(Clone, Copy, Debug)]
pub struct OneByOne;

impl ColumnRunner for OneByOne {
    fn run(
        &self,
        columns: &mut [ColumnEncoder],
        job: &(dyn Fn(usize, &mut ColumnEncoder) -> Result<(), Error> + Sync),
    ) -> Result<(), Error> {
        columns.iter_mut().enumerate().try_for_each(|(index, column)| job(index, column))
    }
}

/// Encodes one column of a row group.
#[derive(Debug)]
pub struct ColumnEncoder {
    field: FieldRef,
    /// One for each leaf: a map has two.
    leaves: Vec<ArrowColumnWriter>,
    chunks: Vec<ArrowColumnChunk>,
}

impl ColumnEncoder {
    fn write(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        for (writer, leaf) in self.leaves.iter_mut().zip(compute_leaves(&self.field, array)?) {
            writer.write(&leaf)?;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        self.chunks = self.leaves.drain(..).map(ArrowColumnWriter::close).collect::<Result<_, _>>()?;
        Ok(())
    }
}

/// A row group under construction.
#[derive(Debug)]
pub(crate) struct RowGroup {
    partition: PartitionKey,
    columns: Vec<ColumnEncoder>,
    rows: usize,
}

/// A complete row group, not yet in a data file.
#[derive(Debug)]
pub(crate) struct EncodedRowGroup {
    pub(crate) chunks: Vec<ArrowColumnChunk>,
    pub(crate) rows: usize,
}

impl EncodedRowGroup {
    /// How many bytes its pages have in the data file.
    pub(crate) fn bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.close().bytes_written).sum()
    }
}

impl RowGroup {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// About how many bytes its pages will have.
    pub(crate) fn encoded_bytes(&self) -> usize {
        self.columns.iter().flat_map(|column| &column.leaves).map(ArrowColumnWriter::get_estimated_total_bytes).sum()
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.columns.iter().flat_map(|column| &column.leaves).map(ArrowColumnWriter::memory_size).sum()
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch, runner: &impl ColumnRunner) -> Result<(), Error> {
        self.rows += batch.num_rows();
        let partition = self.partition;
        runner.run(&mut self.columns, &|index, column| {
            column.write(batch.column(index)).map_err(|source| column_error(partition, column, source))
        })
    }

    pub(crate) fn close(mut self, runner: &impl ColumnRunner) -> Result<EncodedRowGroup, Error> {
        let partition = self.partition;
        runner.run(&mut self.columns, &|_, column| {
            column.close().map_err(|source| column_error(partition, column, source))
        })?;
        let chunks = self.columns.into_iter().flat_map(|column| column.chunks).collect();
        Ok(EncodedRowGroup { chunks, rows: self.rows })
    }
}

fn column_error(partition: PartitionKey, column: &ColumnEncoder, source: ParquetError) -> Error {
    Error::Column { partition: partition.to_string(), column: column.field.name().clone(), source }
}

/// Makes row groups and data files of one task.
#[derive(Debug)]
pub(crate) struct RowGroupFactory {
    arrow_schema: SchemaRef,
    pub(crate) parquet_schema: TypePtr,
    pub(crate) properties: WriterPropertiesPtr,
    columns: ArrowRowGroupWriterFactory,
}

impl RowGroupFactory {
    pub(crate) fn try_new(options: &EncodeOptions, task: TaskId) -> Result<Self, Error> {
        let arrow_schema = options.schema.arrow_schema();
        let properties = Arc::new(writer_properties(options, task)?);
        let no_partition = |source| Error::DataFile { partition: String::new(), source };
        let parquet_schema = ArrowSchemaConverter::new()
            .schema_root("schema")
            .convert(&arrow_schema)
            .map_err(no_partition)?
            .root_schema_ptr();
        // Column writers come from the settings alone; this writer's file is never used.
        let writer = SerializedFileWriter::new(Vec::new(), Arc::clone(&parquet_schema), Arc::clone(&properties))
            .map_err(no_partition)?;
        let columns = ArrowRowGroupWriterFactory::new(&writer, Arc::clone(&arrow_schema));
        Ok(Self { arrow_schema, parquet_schema, properties, columns })
    }

    pub(crate) fn create(&self, partition: PartitionKey) -> Result<RowGroup, Error> {
        let failed = |source| Error::DataFile { partition: partition.to_string(), source };
        let mut writers = self.columns.create_column_writers(0).map_err(failed)?.into_iter();
        let columns = self.arrow_schema.fields().iter().map(|field| {
            let leaves = leaf_count(field.data_type());
            ColumnEncoder {
                field: Arc::clone(field),
                leaves: writers.by_ref().take(leaves).collect(),
                chunks: Vec::new(),
            }
        });
        Ok(RowGroup { partition, columns: columns.collect(), rows: 0 })
    }
}

/// A map is two columns in Parquet, anything else that we have is one.
fn leaf_count(data_type: &DataType) -> usize {
    if matches!(data_type, DataType::Map(..)) { 2 } else { 1 }
}
