//! Page headers of data files: encodings and versions that every reader knows, and no others.

use arrow::array::{Float64Array, Int32Array, MapArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;
use parquet::basic::Type;
use parquet::column::page::Page;
use parquet::file::properties::WriterVersion;

use super::round_trip::{Random, encode, random_rows_of};
use super::*;

/// Kinds of pages of a column chunk.
#[derive(Debug, Default)]
struct Seen {
    has_dictionary: bool,
    has_ids: bool,
    has_plain: bool,
}

/// Returns the kinds of pages of each column chunk, with the column and its type. A page that some reader does not know fails
/// the test.
fn check_pages(file: &[u8]) -> Vec<(String, Type, Seen)> {
    let reader = SerializedFileReader::new(bytes_of(file)).unwrap();
    assert_eq!(reader.metadata().file_metadata().version(), WriterVersion::PARQUET_1_0.as_num());
    let mut chunks = Vec::new();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for place in 0..group.num_columns() {
            let chunk = group.metadata().column(place);
            let column = chunk.column_path().string();
            let allowed = [Encoding::PLAIN, Encoding::RLE_DICTIONARY, Encoding::RLE];
            assert!(chunk.encodings().all(|encoding| allowed.contains(&encoding)), "{column}");
            let mut seen = Seen::default();
            for page in group.get_column_page_reader(place).unwrap() {
                match page.unwrap() {
                    Page::DictionaryPage { encoding, .. } => {
                        assert_eq!(encoding, Encoding::PLAIN, "{column}");
                        seen.has_dictionary = true;
                    }
                    Page::DataPage { encoding, def_level_encoding, rep_level_encoding, .. } => {
                        assert_eq!([def_level_encoding, rep_level_encoding], [Encoding::RLE; 2], "{column}");
                        assert!(
                            [Encoding::PLAIN, Encoding::RLE_DICTIONARY].contains(&encoding),
                            "{column}: {encoding}"
                        );
                        seen.has_ids |= encoding == Encoding::RLE_DICTIONARY;
                        seen.has_plain |= encoding == Encoding::PLAIN;
                    }
                    Page::DataPageV2 { .. } => panic!("{column} has a data page of version 2"),
                }
            }
            assert_eq!(seen.has_dictionary, seen.has_ids, "{column}");
            chunks.push((column, chunk.column_type(), seen));
        }
    }
    chunks
}

/// Returns the kinds of pages of random rows in a table schema. There are rows for which dictionaries pay, do not pay, and fill
/// up.
fn pages_of(schema: &Arc<TableSchema>, rows: usize) -> Vec<(String, Type, Seen)> {
    let mut chunks = Vec::new();
    for (seed, compression) in [(1, Compression::Zstd(3)), (2, Compression::Snappy), (3, Compression::None)] {
        let mut random = Random::of_seed(seed);
        let (rows, hours) = random_rows_of(schema, &mut random, rows);
        let options = EncodeOptions {
            schema: Arc::clone(schema),
            compression,
            max_file_bytes: random.one_of(&[4 << 20, DEFAULT_MAX_FILE_BYTES]),
            program_version: "1.2.3".to_owned(),
        };
        for file in encode(&rows, &hours, &Arc::new(options), &mut random) {
            chunks.extend(check_pages(&file.file));
        }
    }
    chunks
}

/// Returns a table schema with a column of each type, all with or without a dictionary.
fn every_type(has_dictionary: bool) -> Arc<TableSchema> {
    let columns = [
        ("logdate", "date", "derive = \"date\""),
        ("moment", "timestamp", "derive = \"requesttime\""),
        ("status", "int", "field = \"sc-status\""),
        ("bytes", "bigint", "field = \"sc-bytes\""),
        ("seconds", "double", "field = \"time-taken\""),
        ("agent", "string", "field = \"cs(User-Agent)\""),
        ("rest", "map<string,string>", "derive = \"extra\""),
    ];
    let columns = columns.map(|(name, kind, source)| {
        format!("[[column]]\nname = \"{name}\"\ntype = \"{kind}\"\n{source}\ndictionary = {has_dictionary}\n")
    });
    let toml = format!("name = \"every_type\"\n{}", columns.concat());
    Arc::new(TableSchema::from_toml(&toml, "every_type.toml").unwrap())
}

#[test]
fn embedded_table_schemas_have_encodings_that_every_reader_knows() {
    for name in TableSchema::EMBEDDED_NAMES {
        let schema = Arc::new(TableSchema::embedded(name).unwrap());
        let chunks = pages_of(&schema, 30_000);
        assert!(chunks.iter().any(|(.., seen)| seen.has_ids), "{name} has no dictionary");
        assert!(chunks.iter().any(|(.., seen)| seen.has_plain), "{name} has nothing but dictionaries");
    }
}

/// Returns rows whose first page repeats, so that dictionaries pay, and whose later cells are all different, so that
/// dictionaries fill up.
#[expect(clippy::wildcard_enum_match_arm, reason = "tables have only these types")]
fn rows_that_fill_dictionaries(schema: &TableSchema) -> RecordBatch {
    const ROWS: i32 = 300_000;
    let numbers = || (0..ROWS).map(|row| if row < 21_000 { row % 5 } else { row });
    let strings = || Arc::new(StringViewArray::from_iter_values(numbers().map(|number| format!("{number:013}"))));
    let column = |field: &arrow::datatypes::FieldRef| -> ArrayRef {
        match field.data_type() {
            DataType::Date32 => Arc::new(Date32Array::from_iter_values(numbers())),
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(numbers())),
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(numbers().map(i64::from))),
            DataType::Float64 => Arc::new(Float64Array::from_iter_values(numbers().map(f64::from))),
            DataType::Utf8View => strings(),
            DataType::Timestamp(_, _) => {
                let micros = TimestampMicrosecondArray::from_iter_values(numbers().map(i64::from));
                Arc::new(micros.with_data_type(field.data_type().clone()))
            }
            nested => {
                let DataType::Map(entries_field, is_sorted) = nested else { panic!("{nested}") };
                let DataType::Struct(fields) = entries_field.data_type() else { panic!("{nested}") };
                let entries = StructArray::try_new(fields.clone(), vec![strings(), strings()], None).unwrap();
                let offsets = OffsetBuffer::from_lengths(numbers().map(|_| 1));
                Arc::new(MapArray::try_new(Arc::clone(entries_field), offsets, entries, None, *is_sorted).unwrap())
            }
        }
    };
    let schema = schema.arrow_schema();
    RecordBatch::try_new(Arc::clone(&schema), schema.fields().iter().map(column).collect()).unwrap()
}

#[test]
fn columns_of_every_type_have_such_encodings_with_and_without_dictionary() {
    let chunks = pages_of(&every_type(true), 60_000);
    for kind in [Type::INT32, Type::INT64, Type::DOUBLE, Type::BYTE_ARRAY] {
        let are = |has_ids: bool| {
            let is = |seen: &Seen| (seen.has_ids, seen.has_plain) == (has_ids, !has_ids);
            chunks.iter().any(|(_, of, seen)| *of == kind && is(seen))
        };
        assert!(are(true), "{kind}: no chunk has only ids");
        assert!(are(false), "{kind}: no chunk has only cells");
    }
}

#[test]
fn columns_of_every_type_have_such_encodings_with_a_full_dictionary() {
    let schema = every_type(true);
    let rows = rows_that_fill_dictionaries(&schema);
    let options = EncodeOptions { schema, ..options(DEFAULT_MAX_FILE_BYTES).as_ref().clone() };
    let hours = vec![HOUR; rows.num_rows()];
    let files = encode(&rows, &hours, &Arc::new(options), &mut Random::of_seed(1));
    let chunks: Vec<_> = files.iter().flat_map(|file| check_pages(&file.file)).collect();
    assert_eq!(chunks.len(), 8, "a map has keys and values");
    let other = chunks.iter().find(|(.., seen)| !seen.has_ids || !seen.has_plain);
    assert!(other.is_none(), "{other:?}");
}

#[test]
fn columns_without_dictionary_have_plain_pages_only() {
    let chunks = pages_of(&every_type(false), 30_000);
    let columns: std::collections::BTreeSet<&str> = chunks.iter().map(|(column, ..)| column.as_str()).collect();
    assert_eq!(columns.len(), 8, "a map has keys and values: {columns:?}");
    let with_dictionary = chunks.iter().find(|(.., seen)| seen.has_dictionary || !seen.has_plain);
    assert!(with_dictionary.is_none(), "{with_dictionary:?}");
}
