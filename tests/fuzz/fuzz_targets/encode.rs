//! Encodes any cells twice: read from a text, many at a time, and as Arrow arrays, one by one. Both give the same data file.

#![no_main]

use std::{
    io,
    sync::{Arc, LazyLock},
};

use arrow::array::{ArrayRef, RecordBatch, StringViewArray};
use lakefront_schema::{
    TableSchema,
    layout::TaskId,
    row_block::{BlockColumn, BlockText, CellBounds, RowBlock, TEXT_PADDING},
};
use lakefront_table::{
    PartitionBy,
    encode::{Compression, DataFiles, EncodeOptions, MIN_MAX_FILE_BYTES, OneByOne, PassEnd, TaskEncoder},
};
use libfuzzer_sys::fuzz_target;

/// Number of columns, and of cells of a row.
const COLUMNS: usize = 3;

static SCHEMA: LazyLock<Arc<TableSchema>> = LazyLock::new(|| {
    let column = |number: usize| format!("[[column]]\nname = \"c{number}\"\ntype = \"string\"\nfield = \"x-{number}\"\n");
    let columns: String = (0..COLUMNS).map(column).collect();
    Arc::new(TableSchema::from_toml(&format!("name = \"fuzz\"\n{columns}"), "fuzz").unwrap())
});

struct InMemory;

impl DataFiles for InMemory {
    type File = Vec<u8>;

    fn create(&mut self) -> io::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn encode(blocks: &[RowBlock]) -> Vec<Vec<u8>> {
    let options = EncodeOptions {
        schema: Arc::clone(&SCHEMA),
        compression: Compression::None,
        max_file_bytes: MIN_MAX_FILE_BYTES,
        program_version: "0.0.0".to_owned(),
    };
    let task = TaskId { epoch: 1, task: 0 };
    let mut encoder = TaskEncoder::try_new(Arc::new(options), PartitionBy::Hour, task, InMemory).unwrap();
    for block in blocks {
        encoder.write(block, &OneByOne).unwrap();
    }
    let PassEnd::Complete(files) = encoder.end_pass(&OneByOne).unwrap() else { panic!("few rows need one pass") };
    files.into_iter().map(|file| file.file).collect()
}

/// Returns rows of these cells, in a text that ends with the last of them.
fn in_text(rows: &[[&str; COLUMNS]]) -> RowBlock {
    let mut text = b"\n".to_vec();
    let mut bounds = CellBounds { bounds: vec![0], cells: COLUMNS, ..CellBounds::default() };
    for row in rows {
        bounds.rows.push(u32::try_from(bounds.bounds.len() - 1).unwrap());
        for cell in row {
            text.extend_from_slice(cell.as_bytes());
            bounds.bounds.push(u32::try_from(text.len()).unwrap());
            text.push(b'\t');
        }
    }
    if !rows.is_empty() {
        text.pop();
    }
    text.resize(text.len() + TEXT_PADDING, b'x');
    let columns = (0..COLUMNS).map(BlockColumn::Cells).collect();
    RowBlock::new(BlockText::new(text), bounds, vec![476_650; rows.len()], columns)
}

fn in_arrays(rows: &[[&str; COLUMNS]]) -> RowBlock {
    let column = |place: usize| Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| row[place]))) as ArrayRef;
    let batch = RecordBatch::try_new(SCHEMA.arrow_schema(), (0..COLUMNS).map(column).collect()).unwrap();
    RowBlock::of_arrays(&batch, &vec![476_650; rows.len()])
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, rest)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(rest);
    let cells: Vec<&str> = text.split('\n').collect();
    let (rows, _) = cells.as_chunks::<COLUMNS>();
    // The same rows a few times over, so that there are stretches of equal cells, and cells that were seen before.
    let rows: Vec<[&str; COLUMNS]> =
        rows.iter().flat_map(|row| vec![*row; 1 + usize::from(choice % 40)]).chain(rows.iter().copied()).collect();
    let at_once = 1 + usize::from(choice);
    let of = |block: &dyn Fn(&[[&str; COLUMNS]]) -> RowBlock| encode(&rows.chunks(at_once).map(block).collect::<Vec<_>>());
    assert!(of(&in_text) == of(&in_arrays));
});
