//! Random batches in, data files read back by `parquet` out: the same rows, with right metadata.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use arrow::array::{
    Array, Float64Array, Int32Array, MapArray, NullBufferBuilder, StructArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, SchemaRef, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::basic::{BoundaryOrder, Encoding, EncodingMask};
use parquet::file::metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::OffsetIndexMetaData;

use super::{in_text::in_text, *};

/// Columns of every type, required and not, with dictionary and without.
const SCHEMA: &str = r#"
name = "every_type"
[[column]]
name = "logdate"
type = "date"
derive = "date"
[[column]]
name = "clock"
type = "string"
derive = "time"
[[column]]
name = "moment"
type = "timestamp"
derive = "requesttime"
[[column]]
name = "bytes"
type = "bigint"
field = "sc-bytes"
[[column]]
name = "status"
type = "int"
field = "sc-status"
[[column]]
name = "seconds"
type = "double"
field = "time-taken"
[[column]]
name = "agent"
type = "string"
field = "cs(User-Agent)"
[[column]]
name = "requestid"
type = "string"
field = "x-edge-request-id"
dictionary = false
[[column]]
name = "unlike_bytes"
type = "bigint"
field = "sc-bytes"
dictionary = false
[[column]]
name = "unlike_status"
type = "int"
field = "sc-status"
dictionary = false
[[column]]
name = "unlike_seconds"
type = "double"
field = "time-taken"
dictionary = false
[[column]]
name = "extra"
type = "map<string,string>"
derive = "extra"
"#;

/// Columns of this schema without minimum and maximum.
const WITHOUT_BOUNDS: &str = "requestid";

fn schema() -> Arc<TableSchema> {
    Arc::new(TableSchema::from_toml(SCHEMA, "every_type.toml").unwrap())
}

/// Random numbers, always the same from the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn of_seed(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Kind of the cells of a stretch of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Few,
    Many,
    Unique,
    Extreme,
}

/// Returns a column's cells, stretch by stretch: with dictionaries that pay at first and not later, and pages of NULLs only.
fn cells<T>(
    random: &mut Random,
    rows: usize,
    may_be_null: bool,
    mut cell: impl FnMut(&mut Random, Kind) -> T,
) -> Vec<Option<T>> {
    let mut cells = Vec::with_capacity(rows);
    while cells.len() < rows {
        let length = random.one_of(&[100, 5_000, 30_000, 60_000]);
        let kind = random.one_of(&[Kind::Few, Kind::Many, Kind::Unique, Kind::Extreme]);
        // One of this many cells is NULL.
        let nulls = random.one_of(&[usize::MAX, usize::MAX, 100, 2, 1]);
        for _ in 0..length.min(rows - cells.len()) {
            let is_null = may_be_null && random.below(nulls) == 0;
            cells.push(if is_null { None } else { Some(cell(random, kind)) });
        }
    }
    cells
}

pub(super) fn string(random: &mut Random, kind: Kind) -> String {
    match kind {
        Kind::Few => {
            random.one_of(&["", "DFW3-C1", "-", "twelve bytes", "thirteen byte", "Grüße, Jürgen ☂"]).to_owned()
        }
        Kind::Many => {
            let number = random.below(3000);
            format!("{number}{}", "/some/path".repeat(number % 5))
        }
        Kind::Unique => {
            let width = random.below(40);
            format!("{:x}{:0width$}", random.next(), random.below(1000))
        }
        Kind::Extreme => {
            // Lengths near those at which views and bounds change.
            let length = random.one_of(&[11, 12, 13, 62, 63, 64, 65, 66, 500]);
            let mut text = "a".repeat(random.below(length));
            while text.len() < length {
                text.push(random.one_of(&['a', '\u{7f}', 'é', '\u{7ff}', '\u{ffff}', '\u{10ffff}', '\0']));
            }
            text
        }
    }
}

fn number(random: &mut Random, kind: Kind) -> i64 {
    match kind {
        Kind::Few => random.one_of(&[-2, -1, 0, 1, 200]),
        Kind::Many => i64::try_from(random.below(5000)).unwrap() - 1000,
        Kind::Unique => random.next().cast_signed() >> random.below(64),
        Kind::Extreme => random.one_of(&[i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]),
    }
}

fn narrow(random: &mut Random, kind: Kind) -> i32 {
    match kind {
        Kind::Extreme => random.one_of(&[i32::MIN, i32::MIN + 1, -1, 0, 1, i32::MAX - 1, i32::MAX]),
        Kind::Few | Kind::Many | Kind::Unique => i32::try_from(number(random, kind) % (1 << 31)).unwrap(),
    }
}

fn double(random: &mut Random, kind: Kind) -> f64 {
    match kind {
        Kind::Few => random.one_of(&[0.0, -0.0, 0.001, 1.5]),
        Kind::Many => f64::from(u32::try_from(random.below(5000)).unwrap()) / 1000.0,
        Kind::Unique => Some(f64::from_bits(random.next())).filter(|double| double.is_finite()).unwrap_or(0.1),
        Kind::Extreme => {
            let least = f64::from_bits(1);
            random.one_of(&[f64::MIN, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, least, -least])
        }
    }
}

fn strings(random: &mut Random, rows: usize, may_be_null: bool) -> ArrayRef {
    Arc::new(cells(random, rows, may_be_null, string).into_iter().collect::<StringViewArray>())
}

fn map(random: &mut Random, rows: usize, data_type: &DataType) -> ArrayRef {
    let DataType::Map(entries_field, is_sorted) = data_type else { panic!("{data_type}") };
    let DataType::Struct(fields) = entries_field.data_type() else { panic!("{data_type}") };
    let lengths: Vec<usize> = (0..rows).map(|_| random.one_of(&[0, 0, 1, 3])).collect();
    let num_entries = lengths.iter().sum();
    let columns = vec![strings(random, num_entries, false), strings(random, num_entries, true)];
    let entries = StructArray::try_new(fields.clone(), columns, None).unwrap();
    let mut nulls = NullBufferBuilder::new(rows);
    for length in &lengths {
        nulls.append(*length > 0 || random.below(2) == 0);
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    Arc::new(MapArray::try_new(Arc::clone(entries_field), offsets, entries, nulls.finish(), *is_sorted).unwrap())
}

/// Returns random rows and their hours: most of one hour, some of others, at times a few of the same one together.
fn random_rows(random: &mut Random, rows: usize) -> (RecordBatch, Vec<i32>) {
    random_rows_of(&schema(), random, rows)
}

/// Returns the same for another table schema.
#[expect(clippy::wildcard_enum_match_arm, reason = "tables have these types alone")]
pub(super) fn random_rows_of(schema: &TableSchema, random: &mut Random, rows: usize) -> (RecordBatch, Vec<i32>) {
    let schema = schema.arrow_schema();
    let column = |field: &arrow::datatypes::FieldRef| -> ArrayRef {
        let may_be_null = field.is_nullable();
        match field.data_type() {
            DataType::Utf8View => strings(random, rows, may_be_null),
            DataType::Date32 => Arc::new(Date32Array::from(cells(random, rows, may_be_null, narrow))),
            DataType::Int32 => Arc::new(Int32Array::from(cells(random, rows, may_be_null, narrow))),
            DataType::Int64 => Arc::new(Int64Array::from(cells(random, rows, may_be_null, number))),
            DataType::Float64 => Arc::new(Float64Array::from(cells(random, rows, may_be_null, double))),
            DataType::Timestamp(_, _) => {
                let micros = TimestampMicrosecondArray::from(cells(random, rows, may_be_null, number));
                Arc::new(micros.with_data_type(field.data_type().clone()))
            }
            nested => map(random, rows, nested),
        }
    };
    let columns = schema.fields().iter().map(column).collect();
    let mut hours = Vec::with_capacity(rows);
    while hours.len() < rows {
        let hour = HOUR + random.one_of(&[0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]);
        let run = random.one_of(&[1, 2, 7, 3000]).min(rows - hours.len());
        hours.extend(std::iter::repeat_n(hour, run));
    }
    (RecordBatch::try_new(schema, columns).unwrap(), hours)
}

/// Encodes rows in blocks of random sizes: some are arrays that share the memory of all rows, some are copies, some have their
/// strings in a text.
pub(super) fn encode(
    rows: &RecordBatch,
    hours: &[i32],
    options: &Arc<EncodeOptions>,
    random: &mut Random,
) -> Vec<FinishedFile<Vec<u8>>> {
    let task = TaskId { epoch: 1, task: 7 };
    let mut encoder = TaskEncoder::try_new(Arc::clone(options), PartitionBy::Hour, task, InMemory).unwrap();
    let mut start = 0;
    while start < rows.num_rows() {
        let count = random.one_of(&[1, 63, 1_000, 8_192, 8_193, 50_000]).min(rows.num_rows() - start);
        let hours = &hours[start..start + count];
        let block = match random.below(4) {
            0 => RowBlock::of_arrays(&rows.slice(start, count), hours),
            1 => RowBlock::of_arrays(&rows_of(rows, start..start + count), hours),
            _ => in_text(&rows.slice(start, count), hours),
        };
        encoder.write(&derived::with_derived(block, &options.schema), &OneByOne).unwrap();
        start += count;
    }
    finish(encoder)
}

fn rows_of(rows: &RecordBatch, wanted: impl Iterator<Item = usize>) -> RecordBatch {
    let wanted = UInt32Array::from_iter_values(wanted.map(|row| u32::try_from(row).unwrap()));
    take_record_batch(rows, &wanted).unwrap()
}

fn options(compression: Compression, max_file_bytes: u64) -> Arc<EncodeOptions> {
    Arc::new(EncodeOptions { schema: schema(), compression, max_file_bytes, program_version: "1.2.3".to_owned() })
}

pub(super) fn read(file: &[u8], schema: &SchemaRef) -> RecordBatch {
    let options = ArrowReaderOptions::new().with_schema(Arc::clone(schema));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes_of(file), options).unwrap();
    let batches: Vec<_> = reader.build().unwrap().map(Result::unwrap).collect();
    concat_batches(schema, &batches).unwrap()
}

fn metadata_with_indexes(file: &[u8]) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse(&bytes_of(file)).unwrap();
    reader.finish().unwrap()
}

/// Columns must be equal to the bit; if they are not, the message has the first difference, not all rows.
fn assert_equal(read: &RecordBatch, wanted: &RecordBatch, what: &str) {
    assert_eq!(read.num_rows(), wanted.num_rows(), "{what}");
    for ((read, wanted), field) in read.columns().iter().zip(wanted.columns()).zip(wanted.schema().fields()) {
        if read.to_data() != wanted.to_data() {
            let row = (0..read.len()).find(|row| read.slice(*row, 1).to_data() != wanted.slice(*row, 1).to_data());
            let at = |array: &ArrayRef| row.map(|row| array.slice(row, 1));
            panic!("{what}: {} differs in row {row:?}: {:?}, not {:?}", field.name(), at(read), at(wanted));
        }
    }
}

/// A cell or a bound in the order of its column.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(i64),
    Double(f64),
    Text(Vec<u8>),
}

#[expect(clippy::wildcard_enum_match_arm, reason = "tables have these types alone")]
impl Value {
    fn of_row(array: &dyn Array, row: usize) -> Option<Self> {
        array.is_valid(row).then(|| match array.data_type() {
            DataType::Utf8View => Self::Text(array.as_string_view().value(row).as_bytes().to_vec()),
            DataType::Date32 => Self::Number(array.as_primitive::<Date32Type>().value(row).into()),
            DataType::Int32 => Self::Number(array.as_primitive::<Int32Type>().value(row).into()),
            DataType::Int64 => Self::Number(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float64 => Self::Double(array.as_primitive::<Float64Type>().value(row)),
            _ => Self::Number(array.as_primitive::<TimestampMicrosecondType>().value(row)),
        })
    }

    fn of_bytes(bytes: &[u8], data_type: &DataType) -> Self {
        match data_type {
            DataType::Utf8View => Self::Text(bytes.to_vec()),
            DataType::Date32 | DataType::Int32 => Self::Number(i32::from_le_bytes(bytes.try_into().unwrap()).into()),
            DataType::Float64 => Self::Double(f64::from_le_bytes(bytes.try_into().unwrap())),
            _ => Self::Number(i64::from_le_bytes(bytes.try_into().unwrap())),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.cmp(b),
            (Self::Double(a), Self::Double(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => panic!("{self:?} and {other:?} are of different columns"),
        }
    }
}

/// Returns the minimum and maximum of the cells; `None` if all are NULL.
fn ends(array: &dyn Array) -> Option<[Value; 2]> {
    let values = || (0..array.len()).filter_map(|row| Value::of_row(array, row));
    Some([values().min_by(Value::order)?, values().max_by(Value::order)?])
}

/// Bounds must enclose all cells, and be cells themselves unless strings are long.
fn assert_enclose(bounds: [Value; 2], array: &dyn Array, what: &str) {
    let [low, high] = bounds;
    let [least, largest] = ends(array).unwrap();
    assert!(
        low.order(&least).is_le() && high.order(&largest).is_ge(),
        "{what}: {low:?} {least:?} {largest:?} {high:?}"
    );
    for (bound, end) in [(low, least), (high, largest)] {
        let is_long = matches!(&end, Value::Text(text) if text.len() > 64);
        assert!(is_long || bound == end, "{what}: {bound:?} is not {end:?}");
    }
}

/// The metadata of a chunk must be right.
fn check_chunk(
    chunk: &ColumnChunkMetaData,
    index: &ColumnIndexMetaData,
    offsets: &OffsetIndexMetaData,
    array: &ArrayRef,
    what: &str,
) {
    let keeps_bounds = chunk.column_descr().name() != WITHOUT_BOUNDS;
    let statistics = chunk.statistics().unwrap();
    assert_eq!(statistics.null_count_opt(), Some(array.null_count() as u64), "{what}");
    let has_bounds = keeps_bounds && array.null_count() < array.len();
    assert_eq!(statistics.min_bytes_opt().is_some(), has_bounds, "{what}");
    let of_bytes = |bytes: &[u8]| Value::of_bytes(bytes, array.data_type());
    if let (Some(low), Some(high)) = (statistics.min_bytes_opt(), statistics.max_bytes_opt()) {
        assert_enclose([low, high].map(of_bytes), array, what);
        let [least, largest] = ends(array).unwrap();
        assert_eq!(statistics.min_is_exact(), of_bytes(low) == least, "{what}");
        assert_eq!(statistics.max_is_exact(), of_bytes(high) == largest, "{what}");
    }
    let locations = offsets.page_locations();
    assert_eq!(matches!(index, ColumnIndexMetaData::NONE), !keeps_bounds, "{what}");
    let starts: Vec<usize> = locations.iter().map(|page| usize::try_from(page.first_row_index).unwrap()).collect();
    assert!(starts[0] == 0 && starts.is_sorted(), "{what}: {starts:?}");
    if !keeps_bounds {
        return;
    }
    assert_eq!(index.num_pages(), locations.len() as u64, "{what}");
    for (page, &start) in starts.iter().enumerate() {
        let what = format!("{what}, page {page}");
        let end = starts.get(page + 1).copied().unwrap_or(array.len());
        let cells = array.slice(start, end - start);
        assert_eq!(index.null_count(page), Some(i64::try_from(cells.null_count()).unwrap()), "{what}");
        assert_eq!(index.is_null_page(page), cells.null_count() == cells.len(), "{what}");
        if let Some(bounds) = bounds_of_page(index, page) {
            assert_enclose(bounds, &cells, &what);
        }
    }
    let bounds: Vec<[Value; 2]> = (0..starts.len()).filter_map(|page| bounds_of_page(index, page)).collect();
    let are = |wrong: Ordering| {
        bounds
            .array_windows()
            .all(|[[low, high], [next_low, next_high]]| low.order(next_low) != wrong && high.order(next_high) != wrong)
    };
    match index.get_boundary_order().unwrap() {
        BoundaryOrder::ASCENDING => assert!(are(Ordering::Greater), "{what}: {bounds:?}"),
        BoundaryOrder::DESCENDING => assert!(are(Ordering::Less), "{what}: {bounds:?}"),
        BoundaryOrder::UNORDERED => {}
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "tables have these types alone")]
fn bounds_of_page(index: &ColumnIndexMetaData, page: usize) -> Option<[Value; 2]> {
    Some(match index {
        ColumnIndexMetaData::INT32(index) => {
            [index.min_value(page)?, index.max_value(page)?].map(|bound| Value::Number((*bound).into()))
        }
        ColumnIndexMetaData::INT64(index) => {
            [index.min_value(page)?, index.max_value(page)?].map(|bound| Value::Number(*bound))
        }
        ColumnIndexMetaData::DOUBLE(index) => {
            [index.min_value(page)?, index.max_value(page)?].map(|bound| Value::Double(*bound))
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            [index.min_value(page)?, index.max_value(page)?].map(|bound| Value::Text(bound.to_vec()))
        }
        index => panic!("{index:?}"),
    })
}

/// Checks every flat column of every row group of a file with these rows.
fn check_footer(file: &[u8], rows: &RecordBatch, what: &str) {
    let metadata = metadata_with_indexes(file);
    let (column_index, offset_index) = (metadata.column_index().unwrap(), metadata.offset_index().unwrap());
    let mut start = 0;
    for (number, row_group) in metadata.row_groups().iter().enumerate() {
        let count = usize::try_from(row_group.num_rows()).unwrap();
        // The map is the last column, if there is one: each column before it has one chunk.
        let is_flat = |column: &ArrayRef| !matches!(column.data_type(), DataType::Map(_, _));
        for (place, column) in rows.columns().iter().enumerate().filter(|(_, column)| is_flat(column)) {
            let chunk = row_group.column(place);
            let what = format!("{what}, row group {number}, {}", chunk.column_path());
            let (index, offsets) = (&column_index[number][place], &offset_index[number][place]);
            check_chunk(chunk, index, offsets, &column.slice(start, count), &what);
        }
        start += count;
    }
    assert_eq!(start, rows.num_rows(), "{what}");
}

/// Returns the rows of each hour, in order.
fn rows_by_hour(rows: &RecordBatch, hours: &[i32]) -> Vec<(PartitionKey, RecordBatch)> {
    let distinct: BTreeSet<i32> = hours.iter().copied().collect();
    let of_hour = |hour| {
        let wanted = hours.iter().enumerate().filter(|(_, own)| **own == hour).map(|(row, _)| row);
        (PartitionKey::of_hour(hour, PartitionBy::Hour), rows_of(rows, wanted))
    };
    distinct.into_iter().map(of_hour).collect()
}

#[test]
fn any_rows_are_read_back_and_metadata_is_right() {
    let mut seen = BTreeSet::new();
    let (mut most_row_groups, mut most_pages) = (0, 0);
    for seed in 0..12 {
        let mut random = Random::of_seed(seed);
        let (rows, hours) = random_rows(&mut random, 60_000);
        let compression = random.one_of(&[Compression::Zstd(3), Compression::Snappy, Compression::None]);
        let options = options(compression, random.one_of(&[MIN_MAX_FILE_BYTES, 4 << 20, DEFAULT_MAX_FILE_BYTES]));
        let files = encode(&rows, &hours, &options, &mut random);
        let by_hour = rows_by_hour(&rows, &hours);
        let partitions: BTreeSet<PartitionKey> = files.iter().map(|file| file.partition).collect();
        assert!(partitions.iter().eq(by_hour.iter().map(|(partition, _)| partition)), "seed {seed}");
        for (partition, wanted) in by_hour {
            let what = format!("seed {seed}, {partition}");
            let mut start = 0;
            for file in files.iter().filter(|file| file.partition == partition) {
                let count = usize::try_from(file.rows).unwrap();
                let wanted = wanted.slice(start, count);
                assert_equal(&read(&file.file, &rows.schema()), &wanted, &what);
                check_footer(&file.file, &wanted, &what);
                start += count;
                let metadata = metadata_with_indexes(&file.file);
                most_row_groups = most_row_groups.max(metadata.num_row_groups());
                for (group, pages) in metadata.row_groups().iter().zip(metadata.offset_index().unwrap()) {
                    let longest = pages.iter().map(|pages| pages.page_locations().len()).max();
                    most_pages = most_pages.max(longest.unwrap_or(0));
                    let flat = group.columns().iter().filter(|chunk| chunk.column_path().parts().len() == 1);
                    seen.extend(flat.map(|chunk| chunk.encodings().collect::<Vec<_>>()));
                }
            }
            assert_eq!(start, wanted.num_rows(), "{what}");
        }
    }
    // The rows were as different as they are meant to be.
    assert!(most_row_groups > 2 && most_pages > 2, "{most_row_groups} row groups, {most_pages} pages");
    let has_dictionary = |seen: &Vec<Encoding>| seen.contains(&Encoding::RLE_DICTIONARY);
    assert!(seen.iter().any(has_dictionary), "no dictionary: {seen:?}");
    assert!(!seen.iter().all(has_dictionary), "nothing but dictionaries: {seen:?}");
}

#[test]
fn full_dictionaries_are_closed() {
    const ROWS: usize = 200_000;
    let columns =
        [("agent", "string", "cs(User-Agent)"), ("bytes", "bigint", "sc-bytes"), ("seconds", "double", "time-taken")];
    let columns = columns
        .map(|(name, kind, field)| format!("[[column]]\nname = \"{name}\"\ntype = \"{kind}\"\nfield = \"{field}\"\n"));
    let toml = format!("name = \"three\"\n{}", columns.concat());
    let schema = Arc::new(TableSchema::from_toml(&toml, "three.toml").unwrap());
    let mut random = Random::of_seed(9);
    // The first page repeats, so that its dictionary pays.
    let kind = |row: usize| if row < 21_000 { Kind::Few } else { Kind::Unique };
    let strings = (0..ROWS).map(|row| (row % 5 != 0).then(|| string(&mut random, kind(row))));
    let strings: ArrayRef = Arc::new(strings.collect::<StringViewArray>());
    let numbers: ArrayRef = Arc::new((0..ROWS).map(|row| Some(number(&mut random, kind(row)))).collect::<Int64Array>());
    let doubles: ArrayRef =
        Arc::new((0..ROWS).map(|row| Some(double(&mut random, kind(row)))).collect::<Float64Array>());
    let rows = RecordBatch::try_new(schema.arrow_schema(), vec![strings, numbers, doubles]).unwrap();
    let options = EncodeOptions { schema, ..options(Compression::default(), DEFAULT_MAX_FILE_BYTES).as_ref().clone() };
    let files = encode(&rows, &vec![HOUR; ROWS], &Arc::new(options), &mut random);
    let [file] = files.as_slice() else { panic!("{} files", files.len()) };
    assert_equal(&read(&file.file, &rows.schema()), &rows, "three");
    check_footer(&file.file, &rows, "three");
    let metadata = metadata_with_indexes(&file.file);
    for chunk in metadata.row_group(0).columns() {
        let mask = EncodingMask::new_from_encodings([Encoding::RLE_DICTIONARY, Encoding::PLAIN].iter());
        assert_eq!(chunk.page_encoding_stats_mask(), Some(&mask), "{}", chunk.column_path());
    }
}

#[test]
fn chunks_do_not_depend_on_batches() {
    for seed in 100..104 {
        let mut random = Random::of_seed(seed);
        let (rows, hours) = random_rows(&mut random, 50_000);
        let options = options(Compression::default(), DEFAULT_MAX_FILE_BYTES);
        let [one, other] = [(); 2].map(|()| encode(&rows, &hours, &options, &mut random));
        assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            assert_eq!((one.partition, one.number), (other.partition, other.number));
            let [of_one, of_other] = [one, other].map(|file| metadata_with_indexes(&file.file));
            assert_eq!((of_one.num_row_groups(), of_other.num_row_groups()), (1, 1), "seed {seed}");
            // `parquet` itself writes the map: its pages end where calls do.
            for place in 0..rows.num_columns() - 1 {
                let what = format!("seed {seed}, {}, column {place}", one.partition);
                let chunk = |file: &FinishedFile<Vec<u8>>, metadata: &ParquetMetaData| {
                    let chunk = metadata.row_group(0).column(place);
                    let (start, length) = chunk.byte_range();
                    let [start, end] = [start, start + length].map(|at| usize::try_from(at).unwrap());
                    (file.file[start..end].to_vec(), chunk.statistics().cloned())
                };
                assert!(chunk(one, &of_one) == chunk(other, &of_other), "{what}");
                let index = |metadata: &ParquetMetaData| metadata.column_index().unwrap()[0][place].clone();
                assert_eq!(index(&of_one), index(&of_other), "{what}");
            }
        }
    }
}

#[test]
fn strings_larger_than_pages_and_dictionaries_are_read_back() {
    let (schema, mut random) = (schema().arrow_schema(), Random::of_seed(1));
    let long = |letter: &str| letter.repeat((MIB + MIB / 2) / letter.len());
    let texts = [long("x"), "short".to_owned(), long("ü"), String::new(), long("x"), "\u{10ffff}".repeat(MIB / 4 + 1)];
    let (rows, hours) = random_rows(&mut random, 3000);
    let cells = (0..3000).map(|row| (row % 7 != 6).then(|| &texts[if row % 200 == 0 { row / 200 % 6 } else { 1 }]));
    let cells: ArrayRef = Arc::new(cells.collect::<StringViewArray>());
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let is_text = ["agent", "requestid"].contains(&field.name().as_str());
        Arc::clone(if is_text { &cells } else { column })
    });
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap();
    let options = options(Compression::default(), DEFAULT_MAX_FILE_BYTES);
    let files = encode(&rows, &hours, &options, &mut random);
    let by_hour = rows_by_hour(&rows, &hours);
    assert_eq!(files.len(), by_hour.len());
    for (file, (partition, wanted)) in files.iter().zip(by_hour) {
        assert_equal(&read(&file.file, &schema), &wanted, &partition.to_string());
        check_footer(&file.file, &wanted, &partition.to_string());
    }
}

const MIB: usize = 1 << 20;
