//! Looks into one log: what it is made into, and why; nothing is written.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{BufRead, BufReader, Read},
    sync::Arc,
};

use jiff::Timestamp;
use lakefront_cloudfront::{
    DecodeOptions, Decoder, Enricher, Error as LogError, FormatOptions, LogDescription, LogFormat, NamedBy,
    ObjectSummary, Reject, TextLimits, decode::large::Step,
};
use lakefront_engine::{Advise, message, settings::LATEST_AFTER_PLAN_SECONDS};
use lakefront_schema::{ColumnSource, TableSchema};
use lakefront_storage::{Connections, Everything, Object, Source, list, open};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use crate::{Error, options::ReadingOptions};

/// Largest number of rejected lines that are shown.
const MAX_REJECTS: usize = 5;
/// Largest number of bytes of a rejected line that are shown.
const MAX_REJECT_BYTES: usize = 200;
const BUFFER_BYTES: usize = 256 * 1024;

/// The log to look into.
pub enum InspectInput<'i> {
    /// The object that this source is, or the only one in it.
    Object {
        /// The source.
        source: &'i Source,
        /// Connections to buckets.
        connections: &'i Connections,
    },
    /// Bytes, such as the standard input.
    Bytes {
        /// Name to show for them, and in derived columns.
        name: &'i str,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

/// Options of a look into a log.
#[derive(Clone, Debug)]
pub struct InspectOptions {
    /// The columns that the log would have in a table.
    pub schema: Arc<TableSchema>,
    /// Options for reading it.
    pub reading: ReadingOptions,
    /// The clock.
    pub now: Timestamp,
    /// Number of rows to return.
    pub rows: usize,
    /// Function that gives the hint for an error.
    pub advise: Advise,
}

/// The look into a log: what it is made into, and why.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Inspection {
    /// The object.
    pub object: String,
    /// Its size in bytes; `None` if it is not known.
    pub bytes: Option<u64>,
    /// `gzip`, or `none`.
    pub compression: &'static str,
    /// Bytes of text.
    pub text_bytes: u64,
    /// Format of its lines of data; `None` if it has none.
    pub format: Option<&'static str>,
    /// Delimiter of its cells.
    pub delimiter: Option<String>,
    /// Reason for taking it for that, in words.
    pub why: String,
    /// Its fields, in order.
    pub fields: Vec<InspectedField>,
    /// Columns of the table that come from no single field.
    pub derived: Vec<InspectedField>,
    /// Number of lines.
    pub lines: u64,
    /// Number of rows.
    pub rows: u64,
    /// Number of header lines and other comments.
    pub comments: u64,
    /// Number of blank lines.
    pub blanks: u64,
    /// Number of rows with fewer cells than names.
    pub padded_rows: u64,
    /// Number of rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Number of cells that are not UTF-8.
    pub lossy_cells: u64,
    /// Number of rejected lines by reason.
    pub rejects: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub first_rejects: Vec<InspectedReject>,
    /// Number of cells that are not a number, by column.
    pub nulled_cells: BTreeMap<String, u64>,
    /// Names in headers that CloudFront is not known to have.
    pub unknown_fields: Vec<String>,
    /// The first rows.
    pub first_rows: Vec<InspectedRow>,
    /// The reason why it cannot be converted.
    pub error: Option<InspectedError>,
}

/// A field of a log, or a derived column.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedField {
    /// Name of the field; `None` for a derived column.
    pub field: Option<String>,
    /// Names of the columns that take it.
    pub columns: Vec<String>,
    /// Value of the first of these columns in the first row.
    pub example: Option<String>,
}

/// A rejected line.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedReject {
    /// Its number, from 1.
    pub line: u64,
    /// Its offset in the text.
    pub byte: u64,
    /// The reason.
    pub reason: &'static str,
    /// Its beginning.
    pub text: String,
}

/// The reason why a log cannot be converted.
#[derive(Clone, Debug, Serialize)]
pub struct InspectedError {
    /// The word for it.
    pub reason: &'static str,
    /// Message and hints.
    pub message: String,
}

/// A row: its cells by column.
#[derive(Clone, Debug)]
pub struct InspectedRow {
    schema: Arc<TableSchema>,
    /// Cells as text; `None` for NULL.
    pub cells: Vec<Option<String>>,
}

impl InspectedRow {
    /// Returns the cell of a column; `None` for NULL, and for a column that there is not.
    pub fn cell(&self, column: &str) -> Option<&str> {
        let index = self.schema.columns().iter().position(|found| found.name == column)?;
        self.cells[index].as_deref()
    }
}

impl Serialize for InspectedRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.schema.columns().iter().zip(&self.cells) {
            row.serialize_entry(&column.name, cell)?;
        }
        row.end()
    }
}

/// Reads a log, and returns a description of it. For a log that cannot be converted, [`Inspection::error`] is set.
///
/// # Errors
/// The object does not exist, the source has several objects, or the object cannot be read.
pub fn inspect(input: InspectInput<'_>, options: &InspectOptions) -> Result<Inspection, Error> {
    match input {
        InspectInput::Object { source, connections } => {
            let object = only_object(source, connections)?;
            let mut reader = open(connections, &object).map_err(Error::storage)?;
            let (size, buffered) = (object.size_bytes(), BufReader::with_capacity(BUFFER_BYTES, &mut reader));
            let mut inspection = read(object.name(), buffered, size, options)?;
            reader.finish().map_err(Error::storage)?;
            (inspection.object, inspection.bytes) = (object.location(), Some(size));
            Ok(inspection)
        }
        InspectInput::Bytes { name, reader } => {
            let reader = BufReader::with_capacity(BUFFER_BYTES, reader);
            // The size only limits what is compressed to nearly nothing, and is not known.
            let mut inspection = read(name, reader, u64::MAX, options)?;
            name.clone_into(&mut inspection.object);
            Ok(inspection)
        }
    }
}

/// Returns the only object of a source.
fn only_object(source: &Source, connections: &Connections) -> Result<Object, Error> {
    let (mut first, is_several) = (None, Cell::new(false));
    let mut take = |object| match first {
        None => first = Some(object),
        Some(_) => is_several.set(true),
    };
    let sources = std::slice::from_ref(source);
    let listed = list(sources, connections, &Everything, &mut take, &mut |_count| {}, &|| is_several.get());
    if is_several.get() {
        return Err(Error::NotOneObject { location: source.to_string(), objects: "several objects" });
    }
    listed.map_err(Error::storage)?;
    first.ok_or_else(|| Error::NotOneObject { location: source.to_string(), objects: "no object" })
}

fn read(name: &str, bytes: impl BufRead, size: u64, options: &InspectOptions) -> Result<Inspection, Error> {
    let ReadingOptions { fields, format, delimiter, max_text_bytes, max_ratio, .. } = &options.reading;
    let limits = TextLimits::default();
    let decode_options = DecodeOptions {
        schema: Arc::clone(&options.schema),
        fields: fields.clone().unwrap_or_default(),
        formats: FormatOptions { format: format.over(None), delimiter: delimiter.over(None) },
        latest_second: options.now.as_second() + LATEST_AFTER_PLAN_SECONDS,
        text_limits: TextLimits {
            text_bytes: max_text_bytes.unwrap_or(limits.text_bytes),
            ratio: max_ratio.unwrap_or(limits.ratio),
        },
    };
    let mut decoder = Decoder::new(Arc::new(decode_options));
    let schema = &options.schema;
    let mut enricher = Enricher::new(Arc::clone(schema));
    // One for the examples, even if none is to be returned.
    let wanted_rows = options.rows.max(1);
    let mut inspection = Inspection::default();
    let mut large = decoder.read_large(name, bytes, size);
    let verdict = loop {
        let step = large.step(&mut decoder);
        for reject in large.take_rejects() {
            inspection.add_reject(&reject);
        }
        match step {
            Ok(Some(Step::Rows(batch))) => {
                let missing = wanted_rows - inspection.first_rows.len();
                if missing > 0 {
                    let blocks = enricher.enrich(*batch);
                    let rows = blocks.iter().flat_map(|block| block.row_texts(schema)).take(missing);
                    let rows = rows.map(|cells| InspectedRow { schema: Arc::clone(schema), cells });
                    inspection.first_rows.extend(rows);
                }
            }
            Ok(Some(Step::NoRows)) => {}
            Ok(None) => break None,
            Err(error) => match not_read(error) {
                Ok(error) => return Err(error),
                Err(verdict) => break Some(verdict),
            },
        }
    };
    inspection.compression = if large.is_gzip() { "gzip" } else { "none" };
    inspection.describe(large.description(), schema);
    if let Some(summary) = large.summary() {
        inspection.count(&summary, schema);
    }
    inspection.unknown_fields = decoder.take_unknown_names().iter().map(str::to_owned).collect();
    inspection.first_rows.truncate(options.rows);
    if let Some(verdict) = verdict {
        let reason = verdict.reason().unwrap_or("unreadable");
        inspection.error = Some(InspectedError { reason, message: message(&verdict, options.advise) });
    }
    Ok(inspection)
}

/// Returns the error of a store that ended the reading.
///
/// # Errors
/// It is a verdict on the log instead, or bytes that come from no store cannot be read.
fn not_read(error: LogError) -> Result<Error, LogError> {
    if let LogError::Read(error) = error {
        lakefront_storage::Error::from_read(error).map(Error::storage).map_err(LogError::Read)
    } else {
        Err(error)
    }
}

impl Inspection {
    fn add_reject(&mut self, reject: &Reject) {
        *self.rejects.entry(reject.reason.as_str()).or_default() += 1;
        if self.first_rejects.len() < MAX_REJECTS {
            let shown = reject.text.get(..MAX_REJECT_BYTES).unwrap_or(&reject.text);
            let text = String::from_utf8_lossy(shown).into_owned();
            let Reject { line, byte, reason, .. } = *reject;
            self.first_rejects.push(InspectedReject { line, byte, reason: reason.as_str(), text });
        }
    }

    fn count(&mut self, summary: &ObjectSummary, schema: &TableSchema) {
        self.text_bytes = summary.text_bytes;
        (self.lines, self.rows) = (summary.lines, summary.rows);
        (self.comments, self.blanks) = (summary.comments, summary.blanks);
        self.padded_rows = summary.padded_rows;
        self.rows_with_extra_cells = summary.rows_with_extra_cells;
        self.lossy_cells = summary.lossy_cells;
        let nulled = schema.columns().iter().zip(&summary.nulled_cells).filter(|(_, count)| **count > 0);
        self.nulled_cells = nulled.map(|(column, count)| (column.name.clone(), *count)).collect();
    }

    fn describe(&mut self, log: &LogDescription, schema: &TableSchema) {
        self.format = log.format.map(LogFormat::as_str);
        self.delimiter = log.delimiter.map(|delimiter| delimiter.as_str().to_owned());
        self.why = why(log);
        let first = self.first_rows.first();
        let example = |column: usize| first.and_then(|row| row.cells[column].clone());
        let taken: Vec<Option<usize>> = log.columns().collect();
        self.fields = log
            .fields()
            .enumerate()
            .map(|(position, field)| {
                let columns: Vec<usize> = taken
                    .iter()
                    .enumerate()
                    .filter(|(_, from)| **from == Some(position))
                    .map(|(column, _)| column)
                    .collect();
                InspectedField {
                    field: Some(field.to_owned()),
                    example: columns.first().and_then(|column| example(*column)),
                    columns: columns.iter().map(|column| schema.columns()[*column].name.clone()).collect(),
                }
            })
            .collect();
        let derived = schema.columns().iter().enumerate();
        let derived = derived.filter(|(_, column)| matches!(column.source, ColumnSource::Derived(_)));
        self.derived = derived
            .map(|(index, column)| InspectedField {
                field: None,
                columns: vec![column.name.clone()],
                example: example(index),
            })
            .collect();
    }
}

/// Returns the reason for taking a log for what it is taken for.
fn why(log: &LogDescription) -> String {
    let names = log.fields().count();
    match (log.format, log.named_by) {
        (Some(LogFormat::Parquet), _) => format!("it begins with `PAR1`; it has {names} columns"),
        (Some(LogFormat::Json), _) => format!("its lines of data begin with `{{`; its objects have {names} keys"),
        (Some(LogFormat::Plain), _) => format!("its first line of data is a list of {names} names"),
        (_, Some(NamedBy::Header)) => format!("a `#Fields` line names {names} fields"),
        (Some(_), Some(NamedBy::List)) => {
            format!("it has no header, and a list of `--fields` has {names} names, as many as the last line has cells")
        }
        (Some(_), Some(NamedBy::CellCount)) if names > 0 => {
            format!("it has no header, and {names} cells, as a standard log of that many fields")
        }
        (Some(_), _) => "it has no header".to_owned(),
        (None, _) => "it has no line of data".to_owned(),
    }
}
