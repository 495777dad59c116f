//! Standard logs that CloudFront delivers as Parquet files: columns of strings with the names of fields in lower case, as
//! `cs_user_agent`; or the same from another program, with types.
//!
//! A file is read column by column, a thousand rows at a time, and its rows are written as if they were lines of text: what they
//! mean is the same as in all formats. A file is held in memory.

use std::{fmt, sync::Arc};

use arrow::{
    array::{Array as _, ArrayRef, AsArray as _, Date32Array, RecordBatch, StringArray},
    datatypes::{
        DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
    util::display::{ArrayFormatter, FormatOptions},
};
use bytes::Bytes;
use lakefront_schema::fields;
use parquet::{
    arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};

use self::check::{check_footer, check_pages, damaged};
use super::{
    Stop,
    object::ObjectLines,
    row_writer::{RowWriter, WrittenRow},
};
use crate::{
    FieldNames, Reject,
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

/// Number of rows that are read at a time.
const BATCH_ROWS: usize = 1024;
/// Beginning of the keys that lakefront writes into the footers of its own data files.
const OWN_KEYS: &str = "lakefront";

/// Reads one file.
pub(crate) struct ParquetReader {
    object: ObjectLines,
    reader: ParquetRecordBatchReader,
    names: Vec<String>,
    layout: Arc<Layout>,
    /// The columns of the rows at hand.
    columns: Vec<StringArray>,
    /// The next row in them.
    row: usize,
    rows_left: u64,
    writer: RowWriter,
    /// Bytes of all rows so far, as text.
    text_bytes: u64,
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
        let builder = read(|| ParquetRecordBatchReaderBuilder::try_new(file.clone()))?;
        let metadata = Arc::clone(builder.metadata());
        let entries = metadata.file_metadata().key_value_metadata();
        if entries.is_some_and(|entries| entries.iter().any(|entry| entry.key.starts_with(OWN_KEYS))) {
            return Err(Error::OwnDataFile);
        }
        check_pages(file, &metadata, options.text_limits)?;
        let names: Vec<String> = builder.schema().fields().iter().map(|field| field_of(field.name())).collect();
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
            reader: read(|| builder.with_batch_size(BATCH_ROWS).build())?,
            names,
            layout,
            columns: Vec::new(),
            row: 0,
            rows_left: rows,
            writer: RowWriter::default(),
            text_bytes: 0,
        })
    }

    /// Reads rows, and writes their cells to the end of `cells`, up to `most_bytes` of these.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read(
        &mut self,
        cells: &mut SharedText,
        most_bytes: usize,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        loop {
            if self.row == self.rows() && !self.next_columns()? {
                return Ok(Stop::NeedsText { at: 0 });
            }
            while self.row < self.rows() {
                if self.object.room(sink) == 0 || cells.len() >= most_bytes {
                    return Ok(Stop::IsFull { at: 0 });
                }
                self.read_row(cells, sink)?;
                self.row += 1;
            }
        }
    }

    /// Returns the number of rows in the columns at hand.
    fn rows(&self) -> usize {
        self.columns.first().map_or(0, StringArray::len)
    }

    fn read_row(&mut self, cells: &mut SharedText, sink: &mut Sink<'_>) -> Result<(), Error> {
        let row = self.row;
        let values = self.columns.iter().map(|column| column.is_valid(row).then(|| value_and_others(column, row)));
        let start = self.writer.write(values, cells);
        let written = WrittenRow {
            start,
            line: None,
            number: self.object.lines.count_line(),
            byte: self.text_bytes,
            cells: self.columns.len(),
            lossy_cells: 0,
            is_utf8: true,
        };
        self.text_bytes += (cells.len() - start) as u64;
        self.object.records.fields.put_keys(Arc::clone(&self.layout));
        self.writer.take(&mut self.object, written, cells, sink)
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

/// Returns the field of a column: CloudFront writes its name in lower case, with `_` for all other symbols.
fn field_of(column: &str) -> String {
    let plain = |name: &str| {
        let parts = name.split(|symbol: char| !symbol.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
        parts.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
    };
    if fields::is_known_field(column) {
        return column.to_owned();
    }
    // Athena's documentation spells this header right.
    let wanted = if column == "cs_referrer" { "cs_referer" } else { column };
    fields::all_fields().find(|field| plain(field) == wanted).unwrap_or(column).to_owned()
}

/// Returns a value with what is behind it, and its length.
#[inline]
fn value_and_others(column: &StringArray, row: usize) -> (&[u8], usize) {
    let start = usize::try_from(column.value_offsets()[row]).expect("an offset of an array is not negative");
    (&column.value_data()[start..], column.value(row).len())
}

/// Returns the values of all columns as texts.
fn texts(batch: &RecordBatch, names: &[String]) -> Vec<StringArray> {
    batch.columns().iter().zip(names).map(|(column, name)| text_of(column, name)).collect()
}

fn text_of(column: &ArrayRef, name: &str) -> StringArray {
    if let Some(strings) = column.as_string_opt::<i32>() {
        return strings.clone();
    }
    if let DataType::Timestamp(unit, _) = column.data_type() {
        return text_of_times(column, *unit, name);
    }
    if let Some(strings) = column.as_string_opt::<i64>() {
        return strings.iter().collect();
    }
    if let Some(strings) = column.as_string_view_opt() {
        return strings.iter().collect();
    }
    if let Some(bytes) = column.as_binary_opt::<i32>() {
        return bytes.iter().map(|value| value.map(|value| String::from_utf8_lossy(value).into_owned())).collect();
    }
    let options = FormatOptions::default();
    let Ok(formatter) = ArrayFormatter::try_new(column, &options) else { return StringArray::new_null(column.len()) };
    (0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect()
}

/// Returns moments as texts: as the field `name` has them, or else in seconds since 1970 with a fraction.
fn text_of_times(column: &ArrayRef, unit: TimeUnit, name: &str) -> StringArray {
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
            fields::DATE => date_of_day(i32::try_from(seconds.div_euclid(86_400)).ok()?),
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

/// Returns a day as text, `YYYY-MM-DD`.
fn date_of_day(day: i32) -> Option<String> {
    let days = Date32Array::from(vec![day]);
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(&days, &options).ok()?;
    Some(formatter.value(0).to_string())
}
