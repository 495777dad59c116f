//! Blocks as arrays, copies, joined blocks, and blocks that are refused.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::{
    array::{Int64Array, StringViewArray},
    util::display::array_value_to_string,
};

use super::*;
use crate::TableSchema;

/// Gives the length of a string, and its first letter.
#[derive(Debug)]
struct LengthAndLetter;

impl Derive for LengthAndLetter {
    fn derive(&self, value: Option<&str>) -> Arc<[Box<str>]> {
        let value = value.unwrap_or("?");
        Arc::from([value.len().to_string().into_boxed_str(), value[..1].into()])
    }
}

fn schema() -> SchemaRef {
    let column = |name: &str, source: &str| format!("[[column]]\nname = \"{name}\"\n{source}\n");
    let columns = [
        column("logdate", "type = \"date\"\nderive = \"date\""),
        column("uri", "type = \"string\"\nfield = \"cs-uri-stem\""),
        column("family", "type = \"string\"\nderive = \"browserfamily\""),
        column("bytes", "type = \"bigint\"\nfield = \"sc-bytes\""),
        column("file", "type = \"string\"\nderive = \"filename\""),
        column("referrer", "type = \"string\"\nfield = \"cs(Referer)\""),
    ];
    TableSchema::from_toml(&format!("name = \"six\"\n{}", columns.concat()), "six.toml").unwrap().arrow_schema()
}

/// Returns rows whose second cell is their URI, in this file.
fn block(uris: &[&str], file: &str) -> RowBlock {
    let mut text = b"#Version\n".to_vec();
    let mut bounds = CellBounds { cells: 2, ..CellBounds::default() };
    for uri in uris {
        bounds.rows.push(as_u32(bounds.bounds.len()));
        bounds.bounds.push(as_u32(text.len() - 1));
        for (cell, end) in [("GET", b'\t'), (*uri, b'\r')] {
            text.extend_from_slice(cell.as_bytes());
            bounds.bounds.push(as_u32(text.len()));
            text.push(end);
        }
        text.push(b'\n');
    }
    text.resize(text.len() + TEXT_PADDING, b'x');
    let rows = uris.len();
    let numbers: Int64Array = (0_i64..).take(rows).map(|row| (row % 3 > 0).then_some(row)).collect();
    let columns = vec![
        BlockColumn::Days(vec![Run { value: 19_860, rows: 1 }, Run { value: 19_861, rows: rows - 1 }]),
        BlockColumn::Cells(1),
        BlockColumn::Of(DerivedColumn { source: 1, by: Arc::new(LengthAndLetter), place: 1 }),
        BlockColumn::Array(Arc::new(numbers)),
        BlockColumn::Strings(vec![Run { value: file.into(), rows }]),
        BlockColumn::Nulls,
    ];
    RowBlock::new(BlockText::new(text), bounds, (0..).take(rows).collect(), columns)
}

/// Returns each row as a line of text.
fn shown(blocks: &[RowBlock]) -> Vec<String> {
    let mut lines = Vec::new();
    for block in blocks {
        let batch = block.to_arrow(&schema());
        for row in 0..batch.num_rows() {
            let cell = |array: &ArrayRef| {
                if array.is_null(row) { "NULL".to_owned() } else { array_value_to_string(array, row).unwrap() }
            };
            lines.push(batch.columns().iter().map(cell).collect::<Vec<_>>().join("|"));
        }
    }
    lines
}

const URIS: [&str; 5] = ["/a", "x", "/a/longer/uri/than/twelve", "é", "/a"];

#[test]
fn columns_of_every_kind_become_arrays() {
    let expected = [
        "2024-05-17|/a|/|NULL|f.gz|NULL",
        "2024-05-18|x|x|1|f.gz|NULL",
        "2024-05-18|/a/longer/uri/than/twelve|/|2|f.gz|NULL",
    ];
    assert_eq!(shown(&[block(&URIS[..3], "f.gz")]), expected);
}

#[test]
fn copied_rows_are_those_rows_with_a_text_of_their_own() {
    let uris: Vec<&str> = URIS.iter().copied().filter(|uri| uri.is_ascii()).collect();
    let whole = block(&uris, "f.gz");
    let arrays = whole.to_arrow(&schema());
    for rows in [vec![], vec![0], vec![3], vec![0, 2, 3], vec![0, 1, 2, 3]] {
        let copy = whole.copy_rows(&rows);
        let wanted = UInt32Array::from(rows.clone());
        let expected = arrow::compute::take_record_batch(&arrays, &wanted).unwrap();
        assert_eq!(copy.to_arrow(&schema()), expected, "{rows:?}");
        assert!(copy.hours().iter().copied().eq(rows.iter().map(|row| row.cast_signed())));
        let text: usize = rows.iter().map(|row| uris[*row as usize].len() + "\nGET\t".len()).sum();
        assert_eq!(copy.text().bytes().len(), text, "no other row's text is kept");
    }
}

#[test]
fn joined_blocks_have_all_rows_in_order() {
    let uris: Vec<&str> = URIS.iter().copied().filter(|uri| uri.is_ascii()).collect();
    let blocks = [block(&uris, "1.gz"), block(&uris[..2], "2.gz"), block(&uris[1..], "2.gz").copy_rows(&[1, 2])];
    let joined = RowBlock::join(&blocks);
    assert_eq!(joined.len(), 1);
    assert_eq!(shown(&joined), shown(&blocks));
    assert_eq!(joined[0].num_rows(), 4 + 2 + 2);
    let BlockColumn::Strings(files) = &joined[0].columns()[4] else { panic!("{:?}", joined[0].columns()[4]) };
    assert_eq!(files.iter().map(|run| run.rows).collect::<Vec<_>>(), [4, 4], "equal neighbours are one run");
}

#[test]
fn blocks_whose_columns_are_given_in_other_ways_are_not_joined() {
    let in_text = block(&["/a", "/b"], "f.gz");
    let as_arrays = RowBlock::of_arrays(&in_text.to_arrow(&schema()), &[0, 0]);
    let blocks = [in_text, as_arrays.clone(), as_arrays];
    let joined = RowBlock::join(&blocks);
    assert_eq!(joined.iter().map(RowBlock::num_rows).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(shown(&joined), shown(&blocks));
}

#[test]
fn a_block_of_arrays_has_their_rows() {
    let arrays = block(&["/a", "/b"], "f.gz").to_arrow(&schema());
    let block = RowBlock::of_arrays(&arrays, &[7, 8]);
    assert_eq!(block.to_arrow(&schema()), arrays);
    assert_eq!(block.copy_rows(&[1]).to_arrow(&schema()), arrays.slice(1, 1));
    assert_eq!(block.hours(), [7, 8]);
}

/// Returns whether such a block, of one row with two cells, is refused.
fn is_refused(bounds: &[u32], cells: usize, column: BlockColumn) -> bool {
    let text = BlockText::new([b"\na\tbc\n".to_vec(), vec![0; TEXT_PADDING]].concat());
    let bounds = CellBounds { bounds: bounds.to_vec(), rows: vec![0], cells };
    catch_unwind(AssertUnwindSafe(|| RowBlock::new(text, bounds, vec![0], vec![column]))).is_err()
}

#[test]
fn a_block_that_breaks_an_invariant_is_refused() {
    let refused = |bounds: &[u32], cells| is_refused(bounds, cells, BlockColumn::Cells(1));
    assert!(!refused(&[0, 2, 5], 2));
    assert!(refused(&[0, 2], 2), "a row without its last cell");
    assert!(refused(&[0, 2, 2], 2), "a cell that ends before it starts");
    assert!(refused(&[2, 0, 5], 2), "a cell before the one before it");
    assert!(refused(&[0, 2, 7], 2), "a cell that ends after the text");
    assert!(refused(&[0, 2, 5], 1), "a column of a cell that rows do not have");
    let other = |column| is_refused(&[0, 2, 5], 2, column);
    assert!(other(BlockColumn::Days(vec![Run { value: 1, rows: 2 }])));
    assert!(other(BlockColumn::Strings(Vec::new())));
    assert!(other(BlockColumn::Array(Arc::new(StringViewArray::from(vec!["a", "b"])))));
    assert!(other(BlockColumn::Of(DerivedColumn { source: 0, by: Arc::new(LengthAndLetter), place: 0 })), "of itself");
    assert!(catch_unwind(|| BlockText::new(vec![0; TEXT_PADDING - 1])).is_err());
}
