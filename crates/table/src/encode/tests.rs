//! Encoding through the crate's interface: batches in, Parquet files in memory out.

use std::io;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::Int64Type;
use lakefront_schema::{
    ColumnSource, Derivation, TableSchema,
    row_block::{BlockColumn, DerivedColumn},
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::Encoding;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::*;

mod derived;
mod encodings;
mod in_text;
mod memory;
mod round_trip;

/// 2024-05-17T10 UTC.
const HOUR: i32 = 476_650;

/// Data files in memory.
struct InMemory;

impl DataFiles for InMemory {
    type File = Vec<u8>;

    fn create(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// A disk that is full.
struct Full;

impl DataFiles for Full {
    type File = Vec<u8>;

    fn create(&mut self) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

fn options(max_file_bytes: u64) -> Arc<EncodeOptions> {
    let toml = "name = \"small\"\n\
        [[column]]\nname = \"logdate\"\ntype = \"date\"\nderive = \"date\"\n\
        [[column]]\nname = \"bytes\"\ntype = \"bigint\"\nfield = \"sc-bytes\"\n\
        [[column]]\nname = \"requestid\"\ntype = \"string\"\nfield = \"x-edge-request-id\"\ndictionary = false\n\
        [[column]]\nname = \"location\"\ntype = \"string\"\nfield = \"x-edge-location\"\n";
    let schema = Arc::new(TableSchema::from_toml(toml, "small.toml").unwrap());
    let compression = Compression::default();
    Arc::new(EncodeOptions { schema, compression, max_file_bytes, program_version: "1.2.3".to_owned() })
}

fn encoder(max_file_bytes: u64) -> TaskEncoder<InMemory> {
    let task = TaskId { epoch: 1, task: 7 };
    TaskEncoder::try_new(options(max_file_bytes), PartitionBy::Hour, task, InMemory).unwrap()
}

const TASK: TaskId = TaskId { epoch: 1, task: 7 };

/// Returns the files of a task that needs one pass.
fn finish(encoder: TaskEncoder<InMemory>) -> Vec<FinishedFile<Vec<u8>>> {
    match encoder.end_pass(&OneByOne).unwrap() {
        PassEnd::Complete(files) => files,
        PassEnd::Again(_) => panic!("the encoder needs another pass"),
    }
}

/// Returns rows `first..first + count`, whose numbers are in the `bytes` column.
fn rows(first: i64, count: i64) -> RecordBatch {
    let dates: ArrayRef = Arc::new(Date32Array::from_iter_values((0..count).map(|_| 19_860)));
    let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + count));
    // Not compressible, like request ids.
    let id = |row: i64| {
        let mix = |salt: u64| {
            row.cast_unsigned()
                .wrapping_mul(3)
                .wrapping_add(salt)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
                .wrapping_mul(0xbf58_476d_1ce4_e5b9)
        };
        format!("{:016x}{:016x}{:016x}", mix(1), mix(2), mix(3))
    };
    let ids: ArrayRef = Arc::new(StringViewArray::from_iter_values((first..first + count).map(id)));
    let locations: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..count).map(|_| "DFW3")));
    RecordBatch::try_new(options(1 << 30).schema.arrow_schema(), vec![dates, numbers, ids, locations]).unwrap()
}

fn metadata(file: &[u8]) -> ParquetMetaData {
    SerializedFileReader::new(bytes_of(file)).unwrap().metadata().clone()
}

fn numbers(file: &[u8]) -> Vec<i64> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes_of(file)).unwrap().build().unwrap();
    reader.flat_map(|batch| batch.unwrap().column(1).as_primitive::<Int64Type>().values().to_vec()).collect()
}

fn bytes_of(file: &[u8]) -> bytes::Bytes {
    bytes::Bytes::copy_from_slice(file)
}

#[test]
fn each_partition_gets_its_rows_in_order() {
    let mut encoder = encoder(DEFAULT_MAX_FILE_BYTES);
    // Seven hours, one after another in every batch: more than may be open at once.
    for batch in 0..20 {
        let hours: Vec<i32> = (0..7000).map(|row| HOUR + row % 7).collect();
        encoder.write(&RowBlock::of_arrays(&rows(batch * 7000, 7000), &hours), &OneByOne).unwrap();
    }
    let files = finish(encoder);
    let names: Vec<String> = files.iter().map(|file| file.name(TASK)).collect();
    assert_eq!(names.len(), 7);
    assert_eq!(names[0], "year=2024/month=05/day=17/hour=10/part-0000000001-00007-000.parquet");
    for (hour, file) in (0..7).zip(&files) {
        let expected: Vec<i64> = (0..140_000).filter(|row| row % 7 == hour).collect();
        assert_eq!(numbers(&file.file), expected, "hour {hour}");
        assert_eq!((file.rows, file.bytes), (20_000, file.file.len() as u64));
    }
}

#[test]
fn files_stay_within_their_limit_and_are_numbered() {
    const LIMIT: u64 = 1 << 20;
    let mut encoder = encoder(LIMIT);
    for batch in 0..20 {
        encoder.write(&RowBlock::of_arrays(&rows(batch * 10_000, 10_000), &vec![HOUR; 10_000]), &OneByOne).unwrap();
    }
    let files = finish(encoder);
    assert!(files.len() > 1, "{} files", files.len());
    assert!(
        files.iter().all(|file| file.bytes <= LIMIT),
        "{:?}",
        files.iter().map(|file| file.bytes).collect::<Vec<_>>()
    );
    assert!(files.iter().enumerate().all(|(number, file)| file.name(TASK).ends_with(&format!("-{number:03}.parquet"))));
    let all: Vec<i64> = files.iter().flat_map(|file| numbers(&file.file)).collect();
    assert!(all.iter().copied().eq(0..200_000));
}

#[test]
fn row_groups_have_at_most_a_mebi_of_rows() {
    let mut encoder = encoder(DEFAULT_MAX_FILE_BYTES);
    let batch = RowBlock::of_arrays(&rows(0, 100_000), &vec![HOUR; 100_000]);
    for _ in 0..12 {
        encoder.write(&batch, &OneByOne).unwrap();
    }
    let files = finish(encoder);
    let row_groups: Vec<i64> = files
        .iter()
        .flat_map(|file| metadata(&file.file).row_groups().iter().map(RowGroupMetaData::num_rows).collect::<Vec<_>>())
        .collect();
    assert_eq!(row_groups.iter().sum::<i64>(), 1_200_000);
    assert!(row_groups.iter().all(|&rows| rows <= 1 << 20), "{row_groups:?}");
}

#[test]
fn waiting_rows_stay_within_their_memory() {
    // A thousand hours in turn: none of them ever has enough rows to be opened.
    let batch = |batch: i64| {
        let hours = (0..20_000).map(|row| HOUR + (row * 7919 + i32::try_from(batch).unwrap()) % 1000).collect();
        (rows(batch * 20_000, 20_000), hours)
    };
    let batches: Vec<(RecordBatch, Vec<i32>)> = (0..40).map(batch).collect();
    let (files, _) = memory::in_passes(encoder(DEFAULT_MAX_FILE_BYTES), &batches);
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 800_000);
    let partitions: std::collections::BTreeSet<_> = files.iter().map(|file| file.partition).collect();
    assert_eq!(partitions.len(), 1000);
    for (partition, files) in partitions.iter().zip(files.chunk_by(|a, b| a.partition == b.partition)) {
        let all: Vec<i64> = files.iter().flat_map(|file| numbers(&file.file)).collect();
        assert!(all.is_sorted() && all.len() == 800, "{partition}: {} rows", all.len());
    }
}

#[test]
fn the_footer_names_schema_and_task_and_no_arrow_schema() {
    let mut encoder = encoder(DEFAULT_MAX_FILE_BYTES);
    encoder.write(&RowBlock::of_arrays(&rows(0, 10), &[HOUR; 10]), &OneByOne).unwrap();
    let files = finish(encoder);
    let metadata = metadata(&files[0].file);
    let file = metadata.file_metadata();
    assert_eq!(file.created_by(), Some("lakefront version 1.2.3"));
    let fingerprint = options(1 << 30).schema.fingerprint();
    let entries: Vec<(&str, &str)> = file
        .key_value_metadata()
        .unwrap()
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap()))
        .collect();
    let schema = format!("small/{fingerprint}");
    let expected = [
        ("lakefront.schema", schema.as_str()),
        ("lakefront.epoch", "1"),
        ("lakefront.task", "7"),
        ("lakefront.version", "1.2.3"),
    ];
    assert_eq!(entries, expected);
    assert_eq!(crate::footer::schema_of(&files[0].file).unwrap(), schema);
    let types: Vec<String> = file
        .schema_descr()
        .columns()
        .iter()
        .map(|column| format!("{} {:?}", column.name(), column.physical_type()))
        .collect();
    assert_eq!(types, ["logdate INT32", "bytes INT64", "requestid BYTE_ARRAY", "location BYTE_ARRAY"]);
}

#[test]
fn only_columns_that_repeat_have_a_dictionary() {
    let mut encoder = encoder(DEFAULT_MAX_FILE_BYTES);
    encoder.write(&RowBlock::of_arrays(&rows(0, 1000), &[HOUR; 1000]), &OneByOne).unwrap();
    let files = finish(encoder);
    let metadata = metadata(&files[0].file);
    let has_dictionary: Vec<bool> =
        metadata.row_group(0).columns().iter().map(|column| column.dictionary_page_offset().is_some()).collect();
    assert_eq!(has_dictionary, [true, false, false, true]);
}

#[test]
fn a_dictionary_is_given_up_once_the_first_cells_do_not_repeat() {
    // The first 4,096 rows decide, regardless of the number of rows at a time.
    for repeating in [0, 300] {
        let files = [20_480, 4_097, 999].map(|at_once| {
            let mut encoder = encoder(DEFAULT_MAX_FILE_BYTES);
            let all = rows(0, 20_480);
            let number = |row: i64| if row < repeating || row >= 4_096 { 7 } else { row };
            let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values((0..20_480).map(number)));
            let mut columns = all.columns().to_vec();
            columns[1] = numbers;
            let all = RecordBatch::try_new(all.schema(), columns).unwrap();
            for first in (0..all.num_rows()).step_by(at_once) {
                let piece = all.slice(first, at_once.min(all.num_rows() - first));
                encoder.write(&RowBlock::of_arrays(&piece, &vec![HOUR; piece.num_rows()]), &OneByOne).unwrap();
            }
            finish(encoder).remove(0).file
        });
        assert!(files.iter().all(|file| *file == files[0]));
        let has_dictionary = metadata(&files[0]).row_group(0).column(1).dictionary_page_offset().is_some();
        assert_eq!(has_dictionary, repeating > 0);
    }
}

#[test]
fn the_end_of_another_file_has_no_schema() {
    for end in [&b""[..], b"PAR1", b"\xff\xff\xff\xffPAR1", b"not a parquet file at all"] {
        assert_eq!(crate::footer::schema_of(end), None);
    }
}

#[test]
fn an_error_of_creating_a_file_names_its_partition() {
    let task = TaskId { epoch: 1, task: 7 };
    let mut encoder = TaskEncoder::try_new(options(1 << 30), PartitionBy::Day, task, Full).unwrap();
    encoder.write(&RowBlock::of_arrays(&rows(0, 10), &[HOUR; 10]), &OneByOne).unwrap();
    let error = encoder.end_pass(&OneByOne).map(|_end| ()).unwrap_err();
    assert_eq!(error.to_string(), "encode: partition `year=2024/month=05/day=17`: cannot write a data file");
}
