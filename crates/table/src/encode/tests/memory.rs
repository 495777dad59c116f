//! Rows of very many partitions or columns: bounded memory, few files, and every row once.

use std::collections::BTreeMap;

use super::*;

/// Writes the same batches in each pass until all rows are in files. Returns the files and the number of passes.
pub(super) fn in_passes(
    mut encoder: TaskEncoder<InMemory>,
    batches: &[(RecordBatch, Vec<i32>)],
) -> (Vec<FinishedFile<Vec<u8>>>, usize) {
    for pass in 1.. {
        for (batch, hours) in batches {
            encoder.write(&RowBlock::of_arrays(batch, hours), &OneByOne).unwrap();
            assert!(encoder.held_bytes() <= MAX_HELD_BYTES, "{}", encoder.held_bytes());
        }
        match encoder.end_pass(&OneByOne).unwrap() {
            PassEnd::Complete(files) => return (files, pass),
            PassEnd::Again(again) => encoder = *again,
        }
    }
    unreachable!()
}

/// Checks that each partition's files have its rows, in order.
fn check(files: &[FinishedFile<Vec<u8>>], batches: &[(RecordBatch, Vec<i32>)]) {
    let mut expected: BTreeMap<PartitionKey, Vec<i64>> = BTreeMap::new();
    for (batch, hours) in batches {
        let numbers = batch.column(1).as_primitive::<Int64Type>().values();
        for (number, hour) in numbers.iter().zip(hours) {
            expected.entry(PartitionKey::of_hour(*hour, PartitionBy::Hour)).or_default().push(*number);
        }
    }
    let mut found: BTreeMap<PartitionKey, Vec<i64>> = BTreeMap::new();
    for file in files {
        assert_eq!(file.rows, numbers(&file.file).len() as u64);
        found.entry(file.partition).or_default().append(&mut numbers(&file.file));
    }
    assert!(found == expected, "{} and {} partitions", found.len(), expected.len());
    for files in files.chunk_by(|a, b| a.partition == b.partition) {
        assert!(files.iter().map(|file| file.number).eq(0..u32::try_from(files.len()).unwrap()));
    }
}

/// Returns rows of which about a thousand fit into memory, each of the hour that a function gives.
fn long_rows(count: i32, hour_of: impl Fn(i32) -> i32) -> Vec<(RecordBatch, Vec<i32>)> {
    const AT_ONCE: i32 = 500;
    let batch = |first: i32| {
        let batch = rows(i64::from(first), i64::from(AT_ONCE));
        let mut columns = batch.columns().to_vec();
        let long = "x".repeat(60_000);
        columns[3] = Arc::new(StringViewArray::from_iter_values((0..AT_ONCE).map(|_| &long)));
        let batch = RecordBatch::try_new(batch.schema(), columns).unwrap();
        (batch, (first..first + AT_ONCE).map(|row| HOUR + hour_of(row)).collect())
    };
    (0..count).step_by(AT_ONCE.unsigned_abs() as usize).map(batch).collect()
}

#[test]
fn hours_in_order_are_one_file_each_in_one_pass() {
    let batches = long_rows(3000, |row| row / 2);
    let (files, passes) = in_passes(encoder(DEFAULT_MAX_FILE_BYTES), &batches);
    assert_eq!((files.len(), passes), (1500, 1));
    check(&files, &batches);
}

#[test]
fn hours_that_repeat_take_more_passes_and_few_files() {
    const HOURS: i32 = 1500;
    let batches = long_rows(3 * HOURS, |row| row % HOURS);
    let (files, passes) = in_passes(encoder(DEFAULT_MAX_FILE_BYTES), &batches);
    assert!(passes > 1, "all fitted into memory: the test shows nothing");
    assert!(files.len() <= 2 * usize::try_from(HOURS).unwrap(), "{} files", files.len());
    check(&files, &batches);
    // A second run gives the same: the result depends on the rows alone.
    let (again, _) = in_passes(encoder(DEFAULT_MAX_FILE_BYTES), &batches);
    assert!(files.iter().zip(&again).all(|(one, other)| one.number == other.number && one.file == other.file));
}

#[test]
fn a_partition_that_grows_while_others_come_and_go_stays_one_file() {
    // Every second row is of one hour, the others are of all hours in turn.
    let batches = long_rows(5000, |row| if row % 2 == 0 { 0 } else { 1 + row / 2 % 1200 });
    let (files, _) = in_passes(encoder(DEFAULT_MAX_FILE_BYTES), &batches);
    check(&files, &batches);
    let of_one = PartitionKey::of_hour(HOUR, PartitionBy::Hour);
    assert_eq!(files.iter().filter(|file| file.partition == of_one).count(), 1);
}

#[test]
fn metadata_of_unfinished_files_counts() {
    // A thousand columns, hours in turn: the metadata of each hour's row group takes two megabytes.
    let column =
        |number: usize| format!("[[column]]\nname = \"c{number}\"\ntype = \"string\"\nfield = \"x-{number}\"\n");
    let toml: String = (0..1000).map(column).collect();
    let schema = Arc::new(TableSchema::from_toml(&format!("name = \"wide\"\n{toml}"), "wide.toml").unwrap());
    let options = Arc::new(EncodeOptions { schema: Arc::clone(&schema), ..(*options(DEFAULT_MAX_FILE_BYTES)).clone() });
    let cells: ArrayRef = Arc::new(StringViewArray::from_iter_values((0..200).map(|row| format!("{row:012}"))));
    let batch = RecordBatch::try_new(schema.arrow_schema(), vec![cells; 1000]).unwrap();
    let mut encoder = TaskEncoder::try_new(options, PartitionBy::Hour, TASK, InMemory).unwrap();
    for hour in 0..30 {
        encoder.write(&RowBlock::of_arrays(&batch, &[HOUR + hour; 200]), &OneByOne).unwrap();
        assert!(encoder.held_bytes() <= MAX_HELD_BYTES, "{}", encoder.held_bytes());
    }
    let files = finish(encoder);
    assert_eq!(files.iter().map(|file| file.rows).sum::<u64>(), 6000);
    assert_eq!(files.len(), 30);
}
