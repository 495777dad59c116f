//! One row group of one partition: a column encoder per column, which can run in parallel.

use std::{collections::BTreeMap, io, sync::Arc};

use arrow::{
    array::new_null_array,
    datatypes::{FieldRef, Schema, SchemaRef},
};
use lakefront_schema::{
    ColumnSource, Derivation, TableSchema,
    row_block::{BlockColumn, Derive},
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
    chunk::{ChunkSettings, EncodedChunk, NumberChunk, StringChunk},
    properties::{EncodeOptions, writer_properties},
};
use crate::{Error, PartitionKey, partition::Part};
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

/// Encodes one column of a row group, and the columns that follow from it.
#[derive(Debug)]
pub struct ColumnEncoder {
    field: FieldRef,
    /// Index of the column in the table schema.
    index: usize,
    /// Indexes of the columns that follow from it.
    derived: Arc<[usize]>,
    writer: Writer,
}

#[derive(Debug)]
enum Writer {
    Strings(Box<StringChunk>),
    Numbers(Box<NumberChunk>),
    /// A map: `parquet`'s own writers, one for keys and one for values.
    Nested(Vec<ArrowColumnWriter>),
    /// The chunks of each column.
    Closed(Vec<Vec<Chunk>>),
}

/// A complete column chunk.
#[derive(Debug)]
enum Chunk {
    Flat(EncodedChunk),
    Nested(ArrowColumnChunk),
}

impl ColumnEncoder {
    fn write(&mut self, part: &Part<'_>) -> Result<(), ParquetError> {
        let columns = part.block().columns();
        let column = &columns[self.index];
        match &mut self.writer {
            Writer::Strings(chunk) => chunk.write(part, column, derive_of(columns, &self.derived)?),
            Writer::Numbers(chunk) => chunk.write(part, column),
            Writer::Nested(leaves) => {
                let array = match column {
                    BlockColumn::Array(array) => part.rows().take(array)?,
                    BlockColumn::Nulls => new_null_array(self.field.data_type(), part.rows().len()),
                    BlockColumn::Cells(_) | BlockColumn::Days(_) | BlockColumn::Strings(_) | BlockColumn::Of(_) => {
                        return Err(ParquetError::General(format!("unexpected column of {column:?}")));
                    }
                };
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
            Writer::Strings(chunk) => chunk.close()?.into_iter().map(|chunk| vec![Chunk::Flat(chunk)]).collect(),
            Writer::Numbers(chunk) => vec![vec![Chunk::Flat(chunk.close()?)]],
            Writer::Nested(leaves) => {
                vec![leaves.into_iter().map(|leaf| leaf.close().map(Chunk::Nested)).collect::<Result<_, _>>()?]
            }
            Writer::Closed(chunks) => chunks,
        };
        self.writer = Writer::Closed(chunks);
        Ok(())
    }

    fn encoded_bytes(&self) -> usize {
        match &self.writer {
            Writer::Strings(chunk) => chunk.encoded_bytes(),
            Writer::Numbers(chunk) => chunk.encoded_bytes(),
            Writer::Nested(leaves) => leaves.iter().map(ArrowColumnWriter::get_estimated_total_bytes).sum(),
            Writer::Closed(_) => 0,
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.writer {
            Writer::Strings(chunk) => chunk.memory_bytes() + self.derived.len() * COLUMN_ENCODER_BYTES,
            Writer::Numbers(chunk) => chunk.memory_bytes(),
            Writer::Nested(leaves) => leaves.iter().map(ArrowColumnWriter::memory_size).sum(),
            Writer::Closed(_) => 0,
        }
    }
}

/// Returns the function by which columns follow from another one; `None` if there are none.
///
/// # Errors
/// Not all of these columns follow by the same function.
fn derive_of<'b>(columns: &'b [BlockColumn], derived: &[usize]) -> Result<Option<&'b dyn Derive>, ParquetError> {
    let mut by = None;
    for index in derived {
        let BlockColumn::Of(column) = &columns[*index] else {
            return Err(ParquetError::General(format!("column {index} does not follow from another one")));
        };
        by = Some(&*column.by);
    }
    Ok(by)
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

    pub(crate) fn write(&mut self, part: &Part<'_>, runner: &impl ColumnRunner) -> Result<(), Error> {
        self.rows += part.rows().len();
        let partition = self.partition;
        runner.run(&mut self.columns, &|_, column| {
            column.write(part).map_err(|source| column_error(partition, column, source))
        })
    }

    pub(crate) fn close(mut self, runner: &impl ColumnRunner) -> Result<EncodedRowGroup, Error> {
        let partition = self.partition;
        runner.run(&mut self.columns, &|_, column| {
            column.close().map_err(|source| column_error(partition, column, source))
        })?;
        let mut chunks = BTreeMap::new();
        for column in self.columns {
            let Writer::Closed(of_columns) = column.writer else { unreachable!("the runner closes every column") };
            let indexes = std::iter::once(column.index).chain(column.derived.iter().copied());
            chunks.extend(indexes.zip(of_columns));
        }
        // In the order of the table schema.
        Ok(EncodedRowGroup { chunks: chunks.into_values().flatten().collect(), rows: self.rows })
    }
}

fn column_error(partition: PartitionKey, column: &ColumnEncoder, source: ParquetError) -> Error {
    Error::Column { partition: partition.to_string(), column: column.field.name().clone(), source }
}

/// Settings of a column, and of those that follow from it.
#[derive(Debug)]
struct ColumnPlan {
    index: usize,
    /// `None` for a nested column.
    settings: Option<Arc<ChunkSettings>>,
    derived: Arc<[usize]>,
    /// The places of these in the results of the function by which they follow, and their settings.
    derived_settings: Vec<(usize, Arc<ChunkSettings>)>,
}

/// Creates row groups and data files of one task.
#[derive(Debug)]
pub(crate) struct RowGroupFactory {
    arrow_schema: SchemaRef,
    pub(crate) parquet_schema: TypePtr,
    leaves: usize,
    pub(crate) properties: WriterPropertiesPtr,
    /// The columns that are not derived from another one.
    columns: Vec<ColumnPlan>,
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
        let columns = plan_of(&options.schema, &flat);
        Ok(Self { arrow_schema, parquet_schema: descriptor.root_schema_ptr(), leaves, properties, columns, nested })
    }

    /// Returns the number of leaf columns of a data file: keys and values of maps count as two.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    pub(crate) fn create(&self, partition: PartitionKey) -> Result<RowGroup, Error> {
        let failed = |source| Error::DataFile { partition: partition.to_string(), source };
        let nested = self.nested.as_ref().map(|nested| nested.create_column_writers(0)).transpose().map_err(failed)?;
        let mut nested = nested.unwrap_or_default().into_iter();
        let columns = self.columns.iter().map(|plan| {
            let writer = match &plan.settings {
                Some(settings) if settings.has_numbers() => Writer::Numbers(Box::new(NumberChunk::new(settings))),
                Some(settings) => Writer::Strings(Box::new(StringChunk::new(settings, &plan.derived_settings))),
                None => Writer::Nested(nested.by_ref().take(LEAVES_OF_A_MAP).collect()),
            };
            let field = Arc::clone(&self.arrow_schema.fields()[plan.index]);
            ColumnEncoder { field, index: plan.index, derived: Arc::clone(&plan.derived), writer }
        });
        Ok(RowGroup { partition, columns: columns.collect(), rows: 0 })
    }
}

/// Returns the columns that are not derived from the column of user agents, and with that one those that are.
fn plan_of(schema: &TableSchema, flat: &[Option<Arc<ChunkSettings>>]) -> Vec<ColumnPlan> {
    let source = schema.user_agents();
    let place_of = |index: usize| {
        let column = &schema.columns()[index];
        let ColumnSource::Derived(derivation) = column.source else { return None };
        if !column.dictionary {
            return None;
        }
        Derivation::OF_USER_AGENT.iter().position(|of| *of == derivation).filter(|_| source.is_some())
    };
    let derived: Vec<(usize, usize)> = (0..flat.len()).filter_map(|index| Some((index, place_of(index)?))).collect();
    let of_source = |index: usize| if source == Some(index) { derived.as_slice() } else { &[] };
    let is_derived = |index: &usize| derived.iter().any(|(of, _)| of == index);
    let plan = |index: usize| ColumnPlan {
        index,
        settings: flat[index].clone(),
        derived: of_source(index).iter().map(|(index, _)| *index).collect(),
        derived_settings: of_source(index)
            .iter()
            .map(|(index, place)| (*place, Arc::clone(flat[*index].as_ref().expect("families are strings"))))
            .collect(),
    };
    (0..flat.len()).filter(|index| !is_derived(index)).map(plan).collect()
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
