//! Standard logs that CloudFront delivers as Parquet files: columns of strings with the names of fields in lower case, as
//! `cs_user_agent`; or the same from another program, with types.
//!
//! A file is read column by column, a thousand rows at a time, and its rows are written as if they were lines of text: what they
//! mean is the same as in all formats. A file is held in memory.

use std::{fmt, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringViewArray},
    datatypes::{
        BinaryViewType, DataType, Date32Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
        TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use bytes::Bytes;
use lakefront_schema::fields;
use parquet::{
    arrow::arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
    errors::ParquetError,
};

use self::check::{OWN_KEY, check_footer, check_pages, damaged};
use super::{
    Stop,
    object::ObjectLines,
    row_writer::{RowWriter, Value, WrittenRow},
};
use crate::{
    FieldNames, Reject, RejectReason, TextLimits,
    decode::{
        DecodeOptions, DecodeSizes, LogDescription, ObjectSummary,
        batch::Sink,
        framing::shared_text::SharedText,
        layout::{Layout, layouts::Layouts},
        text::Text,
        time::time_of_second,
    },
    error::{Error, NotCloudFront},
    guard::guarded,
};

mod check;
mod compact;

/// Number of rows that are read at a time; fewer if there are very many columns.
const BATCH_ROWS: usize = 1024;
/// Number of values that are read at a time, at most.
const BATCH_VALUES: usize = 64 * BATCH_ROWS;

/// Values of a column.
struct Column {
    values: StringViewArray,
    /// For each value whether it is no UTF-8; `None` if all are.
    lossy: Option<Vec<bool>>,
}

/// Reads one file.
pub(crate) struct ParquetReader {
    object: ObjectLines,
    reader: ParquetRecordBatchReader,
    names: Vec<String>,
    layout: Arc<Layout>,
    /// The columns of the rows at hand.
    columns: Vec<Column>,
    /// The next row in them.
    row: usize,
    rows_left: u64,
    writer: RowWriter,
    /// Bytes of all rows so far, as text.
    text_bytes: u64,
    limits: TextLimits,
    object_bytes: u64,
}

impl fmt::Debug for ParquetReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParquetReader").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ParquetReader {
    /// Begins to read a file.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn try_new(
        options: &DecodeOptions,
        sizes: DecodeSizes,
        file: &Bytes,
        keeps_rejects: bool,
        layouts: &mut Layouts,
    ) -> Result<Self, Error> {
        check_footer(file)?;
        // Only what is of Parquet itself: the writer's own types would be many more.
        let plain = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let as_written = read(|| ArrowReaderMetadata::load(file, plain()))?;
        let metadata = Arc::clone(as_written.metadata());
        let entries = metadata.file_metadata().key_value_metadata();
        if entries.is_some_and(|entries| entries.iter().any(|entry| entry.key == OWN_KEY)) {
            return Err(Error::OwnDataFile);
        }
        check_pages(file, &metadata, options.text_limits)?;
        let field_of = |column: &String| fields::of_parquet_column(column).unwrap_or(column).to_owned();
        let names: Vec<String> = as_written.schema().fields().iter().map(|field| field_of(field.name())).collect();
        let keys: Vec<Box<str>> = names.iter().map(|name| Box::from(name.as_str())).collect();
        let layout = layouts.of_keys(&keys);
        if !layout.has_known_field {
            return Err(Error::NotCloudFront { line: 1, why: NotCloudFront::NoKnownField });
        }
        let rows = u64::try_from(metadata.file_metadata().num_rows()).map_err(|_| damaged("the footer is damaged"))?;
        let mut object = ObjectLines::new(options, sizes, 0, keeps_rejects);
        object.records.fields.put_keys(Arc::clone(&layout));
        Ok(Self {
            object,
            reader: read(|| {
                let with_views = plain().with_schema(with_views(as_written.schema()));
                let as_views = ArrowReaderMetadata::try_new(metadata, with_views)?;
                let batch_rows = BATCH_ROWS.min((BATCH_VALUES / names.len().max(1)).max(1));
                let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), as_views);
                builder.with_batch_size(batch_rows).build()
            })?,
            names,
            layout,
            columns: Vec::new(),
            row: 0,
            rows_left: rows,
            writer: RowWriter::default(),
            text_bytes: 0,
            limits: options.text_limits,
            object_bytes: file.len() as u64,
        })
    }

    /// Reads rows, and writes their cells to the end of `cells`, until they have `most_bytes` as text.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read(
        &mut self,
        cells: &mut SharedText,
        most_bytes: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        let started = self.text_bytes;
        loop {
            if self.row == self.rows() && !self.next_columns()? {
                return Ok(Stop::NeedsText { at: 0 });
            }
            while self.row < self.rows() {
                if self.object.room(sink) == 0 || self.text_bytes - started >= most_bytes as u64 {
                    return Ok(Stop::IsFull { at: 0 });
                }
                self.read_row(cells, sink)?;
                self.row += 1;
            }
        }
    }

    /// Returns the number of rows in the columns at hand.
    fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    fn read_row(&mut self, cells: &mut SharedText, sink: &mut Sink<'_>) -> Result<(), Error> {
        let row = self.row;
        let (number, byte) = (self.object.lines.count_line(), self.text_bytes);
        let bytes = self.columns.iter().map(|column| column.length(row) + 1).sum::<usize>().saturating_sub(1);
        self.text_bytes += bytes as u64 + 1;
        self.limits.check(self.text_bytes, self.object_bytes)?;
        if bytes > self.object.lines.line_bytes() {
            let kept = self.line(self.object.lines.kept_bytes());
            self.object.records.rejects.add(RejectReason::LineTooLong, number, byte, &kept, bytes as u64);
            return Ok(());
        }
        // A missing cell would be missing in the line, too, by which people find their way.
        let has_null = self.columns.iter().any(|column| column.values.is_null(row));
        let line = has_null.then(|| self.line(bytes));
        let start = self.writer.write(self.columns.iter().map(|column| column.value(row)), cells);
        let is_lossy = |column: &&Column| column.lossy.as_ref().is_some_and(|lossy| lossy[row]);
        let lossy_cells = self.columns.iter().filter(is_lossy).count() as u64;
        let (line, cell_count) = (line.as_deref(), self.columns.len());
        let written = WrittenRow { start, line, number, byte, cells: cell_count, lossy_cells, is_utf8: true };
        self.writer.take(&mut self.object, written, cells, sink)
    }

    /// Returns the row at hand as a line with TABs, its first bytes if it is longer.
    fn line(&self, most: usize) -> Vec<u8> {
        let mut line = Vec::new();
        for (place, column) in self.columns.iter().enumerate() {
            if place > 0 {
                line.push(b'\t');
            }
            if line.len() >= most {
                break;
            }
            let value = if column.values.is_valid(self.row) { column.values.value(self.row).as_bytes() } else { &[] };
            line.extend_from_slice(&value[..value.len().min(most - line.len())]);
        }
        line.truncate(most);
        line
    }

    /// Reads the next rows; returns false at the end.
    fn next_columns(&mut self) -> Result<bool, Error> {
        (self.columns, self.row) = (Vec::new(), 0);
        let Some(batch) = guarded(|| self.reader.next()).ok_or_else(|| damaged("a page is damaged"))? else {
            let is_whole = self.rows_left == 0;
            return if is_whole { Ok(false) } else { Err(damaged("rows are missing")) };
        };
        let batch = batch.map_err(|error| damaged(&error.to_string()))?;
        let rows = batch.num_rows() as u64;
        self.rows_left = self.rows_left.checked_sub(rows).ok_or_else(|| damaged("there are too many rows"))?;
        let texts = guarded(|| texts(&batch, &self.names)).ok_or_else(|| damaged("a value is damaged"))?;
        self.columns = texts;
        Ok(true)
    }

    /// Moves rows that wait in the sink to its columns, before the text of their cells goes away.
    pub(crate) fn drain(&mut self, cells: Text<'_>, sink: &mut Sink<'_>) {
        sink.drain(cells.padded(), &mut self.object.records.summary);
    }

    /// Returns the rejected rows since the last call.
    pub(crate) fn take_rejects(&mut self) -> Vec<Reject> {
        self.object.records.rejects.take()
    }

    /// Returns what is known of the log.
    pub(crate) fn description(&self) -> LogDescription {
        LogDescription::of_parquet(&self.layout)
    }

    /// Returns the object's summary after its last row, as [`super::LogReader::finish`].
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn finish(
        self,
        cells: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
    ) -> Result<ObjectSummary, Error> {
        let text_end =
            usize::try_from(self.text_bytes).expect("the text of a file that is held in memory is countable");
        self.object.finish(text_end, cells, sink, unclaimed)
    }
}

/// Calls the reader of Parquet files, which may not be ready for every damage.
fn read<T>(work: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Error> {
    match guarded(work) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(damaged(&error.to_string())),
        None => Err(damaged("its structure is damaged")),
    }
}

/// Returns the schema in which values stay where they are in pages and dictionaries: a dictionary's value may be long, and may be
/// that of a thousand rows.
fn with_views(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let is = field.data_type();
        let as_view = if matches!(is, DataType::Utf8 | DataType::LargeUtf8) {
            DataType::Utf8View
        } else if matches!(is, DataType::Binary | DataType::LargeBinary) {
            DataType::BinaryView
        } else {
            is.clone()
        };
        field.as_ref().clone().with_data_type(as_view)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Column {
    fn new(values: StringViewArray) -> Self {
        Self { values, lossy: None }
    }

    /// Returns the column of values that may not be UTF-8: they are decoded lossily.
    fn of_bytes<'b>(bytes: impl Iterator<Item = Option<&'b [u8]>> + Clone) -> Self {
        let is_lossy = |value: Option<&[u8]>| value.is_some_and(|value| std::str::from_utf8(value).is_err());
        let lossy = bytes.clone().map(is_lossy).collect();
        Self { values: bytes.map(|value| value.map(String::from_utf8_lossy)).collect(), lossy: Some(lossy) }
    }

    /// Returns the length of a row's value in bytes.
    #[inline]
    fn length(&self, row: usize) -> usize {
        if self.values.is_valid(row) { view_length(self.values.views()[row]) } else { 0 }
    }

    #[inline]
    fn value(&self, row: usize) -> Option<Value<'_>> {
        if self.values.is_null(row) {
            return None;
        }
        let view = self.values.views()[row];
        let length = view_length(view);
        // A short value is in its view, behind the length.
        let is_short = length <= MAX_SHORT_BYTES;
        Some(if is_short {
            Value::Short((view >> u32::BITS).to_le_bytes(), length)
        } else {
            Value::First(self.values.value(row).as_bytes(), length)
        })
    }
}

/// Longest value that a view holds itself, in bytes.
const MAX_SHORT_BYTES: usize = 12;

#[inline]
fn view_length(view: u128) -> usize {
    usize::try_from(view & u128::from(u32::MAX)).expect("32 bits are a length")
}

/// Returns the values of all columns.
fn texts(batch: &RecordBatch, names: &[String]) -> Vec<Column> {
    batch.columns().iter().zip(names).map(|(column, name)| text_of(column, name)).collect()
}

fn text_of(column: &ArrayRef, name: &str) -> Column {
    if let Some(strings) = column.as_string_view_opt() {
        return Column::new(strings.clone());
    }
    if let Some(bytes) = column.as_byte_view_opt::<BinaryViewType>() {
        return Column::of_bytes(bytes.iter());
    }
    if let Some(bytes) = column.as_fixed_size_binary_opt() {
        return Column::of_bytes(bytes.iter());
    }
    if let DataType::Timestamp(unit, _) = column.data_type() {
        return Column::new(text_of_times(column, *unit, name));
    }
    if *column.data_type() == DataType::Null {
        return Column::new(StringViewArray::new_null(column.len()));
    }
    let options = FormatOptions::default();
    let Ok(formatter) = ArrayFormatter::try_new(column, &options) else {
        return Column::new(StringViewArray::new_null(column.len()));
    };
    let text = |row| {
        column.is_valid(row).then(|| {
            let mut text = formatter.value(row).to_string();
            // A log's time has whole seconds.
            if name == fields::TIME
                && let Some(point) = text.find('.')
            {
                text.truncate(point);
            }
            text
        })
    };
    Column::new((0..column.len()).map(text).collect())
}

/// Returns moments as texts: as the field `name` has them, or else in seconds since 1970 with a fraction.
fn text_of_times(column: &ArrayRef, unit: TimeUnit, name: &str) -> StringViewArray {
    let numbers: Vec<Option<i64>> = match unit {
        TimeUnit::Second => column.as_primitive::<TimestampSecondType>().iter().collect(),
        TimeUnit::Millisecond => column.as_primitive::<TimestampMillisecondType>().iter().collect(),
        TimeUnit::Microsecond => column.as_primitive::<TimestampMicrosecondType>().iter().collect(),
        TimeUnit::Nanosecond => column.as_primitive::<TimestampNanosecondType>().iter().collect(),
    };
    let text = |number: i64| {
        let nanos = i128::from(number)
            * match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
        let (seconds, of_second) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        match name {
            fields::DATE => {
                let day = i32::try_from(seconds.div_euclid(86_400)).ok()?;
                Some(Date32Type::to_naive_date_opt(day)?.to_string())
            }
            fields::TIME => {
                let time = time_of_second(i64::try_from(seconds).ok()?);
                Some(std::str::from_utf8(&time).expect("digits and colons are ASCII").to_owned())
            }
            fields::TIMESTAMP_MS => Some(nanos.div_euclid(1_000_000).to_string()),
            _ => Some(format!("{seconds}.{:06}", of_second / 1000)),
        }
    };
    numbers.into_iter().map(|number| number.and_then(text)).collect()
}
