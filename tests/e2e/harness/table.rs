//! Tables read back: rows as JSON, schema and physical layout as text.

use std::{fmt::Write as _, fs::File, io::Read, path::Path};

use arrow::{
    array::{Array, AsArray},
    datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use parquet::{
    arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
    basic::Compression,
    file::{
        metadata::{PageIndexPolicy, ParquetColumnIndex, ParquetMetaData, ParquetMetaDataReader},
        page_index::column_index::ColumnIndexMetaData,
        statistics::Statistics,
    },
    schema::printer::print_schema,
};
use serde_json::{Value, json};

/// A row: the partition's folder, and the cells by column name, in order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) partition: String,
    pub(crate) cells: Vec<(String, Value)>,
}

impl Row {
    /// Returns the cell of a column.
    pub(crate) fn get(&self, column: &str) -> &Value {
        let found = self.cells.iter().find(|(name, _)| name == column);
        &found.unwrap_or_else(|| panic!("no column `{column}`")).1
    }

    /// Returns the row as a JSON object in the order of the columns.
    pub(crate) fn to_json(&self) -> String {
        let mut text = format!("{{\"partition\":{}", Value::from(self.partition.as_str()));
        for (name, cell) in &self.cells {
            let _ = write!(text, ",{}:{cell}", Value::from(name.as_str()));
        }
        text + "}"
    }
}

/// Returns one column of these rows, as a JSON array.
pub(crate) fn column(rows: &[Row], name: &str) -> Value {
    rows.iter().map(|row| row.get(name).clone()).collect()
}

/// Returns all rows of a data file, like a reader that knows only Parquet.
pub(crate) fn read_rows(table: &Path, name: &str) -> Vec<Row> {
    let file = File::open(table.join(name)).unwrap();
    let partition = name.rsplit_once('/').unwrap().0;
    let mut rows = Vec::new();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let names: Vec<String> = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        for index in 0..batch.num_rows() {
            let cells = batch.columns().iter().map(|array| cell(array, index));
            rows.push(Row { partition: partition.to_owned(), cells: names.iter().cloned().zip(cells).collect() });
        }
    }
    rows
}

#[expect(clippy::wildcard_enum_match_arm, reason = "tables use few of Arrow's types")]
fn cell(array: &dyn Array, index: usize) -> Value {
    if array.is_null(index) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(index).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(index).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(index).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(index).into(),
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(index);
            Timestamp::from_microsecond(micros).unwrap().to_string().into()
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(index);
            let (keys, values) = (entries.column(0), entries.column(1));
            (0..entries.len()).map(|entry| json!([cell(keys, entry), cell(values, entry)])).collect()
        }
        _ => ArrayFormatter::try_new(array, &FormatOptions::new()).unwrap().value(index).to_string().into(),
    }
}

/// Returns the Parquet schema of a data file.
pub(crate) fn schema(file: &Path) -> String {
    let mut text = Vec::new();
    print_schema(&mut text, metadata(file).file_metadata().schema());
    String::from_utf8(text).unwrap()
}

/// Returns the physical layout of a data file: footer, row groups, column chunks. Without sizes in bytes, which depend
/// on the compressor, and without the compression level, which is not in the file.
pub(crate) fn layout(file: &Path) -> String {
    let metadata = metadata(file);
    let footer = metadata.file_metadata();
    let mut text = format!("created by {}\n", footer.created_by().unwrap_or("nobody"));
    for entry in footer.key_value_metadata().into_iter().flatten() {
        let _ = writeln!(text, "{} = {}", entry.key, entry.value.as_deref().unwrap_or("nothing"));
    }
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let _ = writeln!(text, "row group {number}: {} rows", group.num_rows());
        for (place, chunk) in group.columns().iter().enumerate() {
            let encodings: Vec<String> = chunk.encodings().map(|encoding| encoding.to_string()).collect();
            let dictionary = if chunk.dictionary_page_offset().is_some() { "dictionary" } else { "no dictionary" };
            let pages = metadata.offset_index().map_or(0, |index| index[number][place].page_locations().len());
            let index_of = |index: &ParquetColumnIndex| !matches!(index[number][place], ColumnIndexMetaData::NONE);
            let has_index = metadata.column_index().is_some_and(index_of);
            let index = if has_index { "indexed" } else { "not indexed" };
            let _ = writeln!(
                text,
                "  {}: {}, {}, {dictionary}, {pages} pages {index}, {}",
                chunk.column_path().string(),
                codec(chunk.compression()),
                encodings.join(" "),
                chunk.statistics().map_or_else(|| "no statistics".to_owned(), statistics)
            );
        }
    }
    text
}

#[expect(clippy::wildcard_enum_match_arm, reason = "tables use few of Parquet's codecs")]
fn codec(codec: Compression) -> &'static str {
    match codec {
        Compression::ZSTD(_) => "zstd",
        Compression::SNAPPY => "snappy",
        Compression::UNCOMPRESSED => "uncompressed",
        other => panic!("{other} is not used in tables"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all other types are shown as bytes")]
fn statistics(statistics: &Statistics) -> String {
    let nulls = statistics.null_count_opt().map_or_else(|| "?".to_owned(), |count| count.to_string());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let range = match statistics {
        Statistics::Int32(of) => of.min_opt().zip(of.max_opt()).map(|(least, most)| format!("{least} to {most}")),
        Statistics::Int64(of) => of.min_opt().zip(of.max_opt()).map(|(least, most)| format!("{least} to {most}")),
        Statistics::Double(of) => of.min_opt().zip(of.max_opt()).map(|(least, most)| format!("{least} to {most}")),
        of => {
            of.min_bytes_opt().zip(of.max_bytes_opt()).map(|(least, most)| format!("{} to {}", text(least), text(most)))
        }
    };
    format!("{nulls} nulls, {}", range.unwrap_or_else(|| "no range".to_owned()))
}

fn metadata(file: &Path) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse(&File::open(file).unwrap()).unwrap();
    reader.finish().unwrap()
}

/// Returns the JSON lines of a gzip file.
pub(crate) fn gunzip_lines(file: &Path) -> Vec<Value> {
    let mut text = String::new();
    MultiGzDecoder::new(File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
