//! One row group of one partition: a column encoder per column, which can run in parallel.

use std::{io, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    datatypes::{FieldRef, Schema, SchemaRef},
};
use parquet::{
    arrow::{
        ArrowSchemaConverter,
        arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves},
    },
    errors::ParquetError,
    file::{
        properties::WriterPropertiesPtr,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::types::{ColumnPath, TypePtr},
};

use super::{
    chunk::{ChunkSettings, ChunkWriter, EncodedChunk},
    properties::{EncodeOptions, writer_properties},
};
use crate::{Error, PartitionKey, partition::Selection};
use lakefront_schema::layout::TaskId;

/// Memory in bytes that an unfinished data file takes for each column chunk: footer and statistics.
const CHUNK_METADATA_BYTES: usize = 1536;
/// Memory in bytes that an unfinished data file takes for each page: its page index entries, with bounds of up to 64 bytes.
const PAGE_METADATA_BYTES: usize = 256;
/// Memory in bytes that a column of an open row group takes without any cells.
const COLUMN_ENCODER_BYTES: usize = 2 << 10;

/// Runs one job per column encoder, one after another or in parallel. The result does not depend on that.
pub trait ColumnRunner {
    /// Runs `job` once for each of `columns` and returns the first error in column order.
    ///
    /// # Errors
    /// The error of a job.
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
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Flat(Box<ChunkWriter>),
    /// A map: `parquet`'s own writers, one for keys and one for values.
    Nested(Vec<ArrowColumnWriter>),
    Closed(Vec<Chunk>),
}

/// A complete column chunk.
#[derive(Debug)]
enum Chunk {
    Flat(EncodedChunk),
    Nested(ArrowColumnChunk),
}

impl ColumnEncoder {
    fn write(&mut self, array: &ArrayRef, rows: Selection<'_>) -> Result<(), ParquetError> {
        match &mut self.writer {
            Writer::Flat(chunk) => chunk.write(array, rows),
            Writer::Nested(leaves) => {
                let array = rows.take(array)?;
                for (writer, leaf) in leaves.iter_mut().zip(compute_leaves(&self.field, &array)?) {
                    writer.write(&leaf)?;
                }
                Ok(())
            }
            Writer::Closed(_) => unreachable!("a row group gets no rows after it is closed"),
        }
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        let chunks = match std::mem::replace(&mut self.writer, Writer::Closed(Vec::new())) {
            Writer::Flat(chunk) => vec![Chunk::Flat(chunk.close()?)],
            Writer::Nested(leaves) => {
                leaves.into_iter().map(|leaf| leaf.close().map(Chunk::Nested)).collect::<Result<_, _>>()?
            }
            Writer::Closed(chunks) => chunks,
        };
        self.writer = Writer::Closed(chunks);
        Ok(())
    }

    fn encoded_bytes(&self) -> usize {
        match &self.writer {
            Writer::Flat(chunk) => chunk.encoded_bytes(),
            Writer::Nested(leaves) => leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum(),
            Writer::Closed(_) => 0,
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.writer {
            Writer::Flat(chunk) => chunk.memory_bytes(),
            Writer::Nested(leaves) => leaves.iter().map(ArrowColumnWriter::memory_size).sum(),
            Writer::Closed(_) => 0,
        }
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
    chunks: Vec<Chunk>,
    pub(crate) rows: usize,
}

impl EncodedRowGroup {
    /// Returns the size of its pages in the data file, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let bytes_of = |chunk: &Chunk| match chunk {
            Chunk::Flat(chunk) => chunk.bytes(),
            Chunk::Nested(chunk) => chunk.close().bytes_written,
        };
        self.chunks.iter().map(bytes_of).sum()
    }

    /// Returns the memory that a data file takes for this row group until its footer is written, in bytes.
    pub(crate) fn metadata_bytes(&self) -> usize {
        let pages_of = |chunk: &Chunk| match chunk {
            Chunk::Flat(chunk) => chunk.pages(),
            Chunk::Nested(chunk) => chunk.close().offset_index.as_ref().map_or(1, |index| index.page_locations.len()),
        };
        self.chunks.iter().map(|chunk| CHUNK_METADATA_BYTES + pages_of(chunk) * PAGE_METADATA_BYTES).sum()
    }

    /// Returns the number of its column chunks.
    pub(crate) fn columns(&self) -> usize {
        self.chunks.len()
    }

    /// Moves its chunks into a data file.
    pub(crate) fn append_to<W: io::Write + Send>(
        self,
        file: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        for chunk in self.chunks {
            match chunk {
                Chunk::Flat(chunk) => {
                    let (bytes, footer) = chunk.into_parts();
                    file.append_column(&bytes, footer)?;
                }
                Chunk::Nested(chunk) => chunk.append_to_row_group(file)?,
            }
        }
        Ok(())
    }
}

impl RowGroup {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the size that its pages will have, in bytes; an estimate.
    pub(crate) fn encoded_bytes(&self) -> usize {
        self.columns.iter().map(ColumnEncoder::encoded_bytes).sum()
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.columns.iter().map(|column| COLUMN_ENCODER_BYTES + column.memory_bytes()).sum()
    }

    pub(crate) fn write(
        &mut self,
        batch: &RecordBatch,
        rows: Selection<'_>,
        runner: &impl ColumnRunner,
    ) -> Result<(), Error> {
        self.rows += rows.len();
        let partition = self.partition;
        runner.run(&mut self.columns, &|index, column| {
            column.write(batch.column(index), rows).map_err(|source| column_error(partition, column, source))
        })
    }

    pub(crate) fn close(mut self, runner: &impl ColumnRunner) -> Result<EncodedRowGroup, Error> {
        let partition = self.partition;
        runner.run(&mut self.columns, &|_, column| {
            column.close().map_err(|source| column_error(partition, column, source))
        })?;
        let chunks_of = |column: ColumnEncoder| {
            let Writer::Closed(chunks) = column.writer else { unreachable!("the runner closes every column") };
            chunks
        };
        let chunks = self.columns.into_iter().flat_map(chunks_of).collect();
        Ok(EncodedRowGroup { chunks, rows: self.rows })
    }
}

fn column_error(partition: PartitionKey, column: &ColumnEncoder, source: ParquetError) -> Error {
    Error::Column { partition: partition.to_string(), column: column.field.name().clone(), source }
}

/// Creates row groups and data files of one task.
#[derive(Debug)]
pub(crate) struct RowGroupFactory {
    arrow_schema: SchemaRef,
    pub(crate) parquet_schema: TypePtr,
    leaves: usize,
    pub(crate) properties: WriterPropertiesPtr,
    /// Settings for each column; `None` for a nested one.
    flat: Vec<Option<Arc<ChunkSettings>>>,
    /// Creates writers of the nested columns, if there are any.
    nested: Option<ArrowRowGroupWriterFactory>,
}

impl RowGroupFactory {
    pub(crate) fn try_new(options: &EncodeOptions, task: TaskId) -> Result<Self, Error> {
        let arrow_schema = options.schema.arrow_schema();
        let no_partition = |source| Error::DataFile { partition: String::new(), source };
        let descriptor =
            ArrowSchemaConverter::new().schema_root("schema").convert(&arrow_schema).map_err(no_partition)?;
        let properties = Arc::new(writer_properties(options, &descriptor, task)?);
        let columns = options.schema.columns();
        let flat: Vec<_> = (arrow_schema.fields().iter().zip(columns))
            .map(|(field, column)| {
                let leaf =
                    descriptor.columns().iter().find(|leaf| *leaf.path() == ColumnPath::from(field.name().as_str()));
                let settings = ChunkSettings::of(field, leaf?, column.dictionary, options.compression)?;
                Some(Arc::new(settings.with_columns(columns.len())))
            })
            .collect();
        let is_nested = |place: usize| flat.get(place).is_some_and(Option::is_none);
        let nested_fields: Vec<FieldRef> = (arrow_schema.fields().iter().enumerate())
            .filter(|(place, _)| is_nested(*place))
            .map(|(_, field)| Arc::clone(field))
            .collect();
        let nested = if nested_fields.is_empty() {
            None
        } else {
            Some(nested_writers(nested_fields, &properties).map_err(no_partition)?)
        };
        let leaves = descriptor.num_columns();
        Ok(Self { arrow_schema, parquet_schema: descriptor.root_schema_ptr(), leaves, properties, flat, nested })
    }

    /// Returns the number of leaf columns of a data file: keys and values of maps count as two.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    pub(crate) fn create(&self, partition: PartitionKey) -> Result<RowGroup, Error> {
        let failed = |source| Error::DataFile { partition: partition.to_string(), source };
        let nested = self.nested.as_ref().map(|nested| nested.create_column_writers(0)).transpose().map_err(failed)?;
        let mut nested = nested.unwrap_or_default().into_iter();
        let columns = self.arrow_schema.fields().iter().zip(&self.flat).map(|(field, flat)| {
            let writer = match flat {
                Some(settings) => Writer::Flat(Box::new(ChunkWriter::new(settings))),
                None => Writer::Nested(nested.by_ref().take(LEAVES_OF_A_MAP).collect()),
            };
            ColumnEncoder { field: Arc::clone(field), writer }
        });
        Ok(RowGroup { partition, columns: columns.collect(), rows: 0 })
    }
}

/// Number of leaf columns of a map: keys and values.
const LEAVES_OF_A_MAP: usize = 2;

fn nested_writers(
    fields: Vec<FieldRef>,
    properties: &WriterPropertiesPtr,
) -> Result<ArrowRowGroupWriterFactory, ParquetError> {
    let schema = Arc::new(Schema::new(fields));
    let descriptor = ArrowSchemaConverter::new().schema_root("schema").convert(&schema)?;
    // Column writers come from the settings alone; this writer's file is never used.
    let file = SerializedFileWriter::new(Vec::new(), descriptor.root_schema_ptr(), Arc::clone(properties))?;
    Ok(ArrowRowGroupWriterFactory::new(&file, schema))
}
