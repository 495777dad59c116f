//! Rows as decoding gives them: most cells are in a text.

use arrow::{array::Array as _, datatypes::Date32Type};
use lakefront_schema::row_block::{BlockText, CellBounds, Run, TEXT_PADDING};

use super::*;

/// Returns the rows as a block with a text: strings without NULL are cells of it, what is constant is given as a run.
pub(super) fn in_text(rows: &RecordBatch, hours: &[i32]) -> RowBlock {
    let mut text = b"\nanything that is before".to_vec();
    let mut bounds = CellBounds::default();
    let is_in_text = |array: &ArrayRef| array.as_string_view_opt().is_some() && array.null_count() == 0;
    let in_text: Vec<&StringViewArray> =
        rows.columns().iter().filter(|array| is_in_text(array)).map(AsArray::as_string_view).collect();
    bounds.cells = in_text.len();
    for row in 0..rows.num_rows() {
        text.push(b'\n');
        bounds.rows.push(u32::try_from(bounds.bounds.len()).unwrap());
        bounds.bounds.push(u32::try_from(text.len() - 1).unwrap());
        for cells in &in_text {
            text.extend_from_slice(cells.value(row).as_bytes());
            bounds.bounds.push(u32::try_from(text.len()).unwrap());
            text.push(b'\t');
        }
    }
    text.extend([b'x'; TEXT_PADDING]);
    let mut position = 0;
    let columns = rows.columns().iter().map(|array| {
        if is_in_text(array) {
            position += 1;
            return BlockColumn::Cells(position - 1);
        }
        match array.as_primitive_opt::<Date32Type>() {
            Some(days) if days.null_count() == 0 => {
                let mut runs = Vec::new();
                days.values().iter().for_each(|day| Run::add(&mut runs, day, 1));
                BlockColumn::Days(runs)
            }
            _ if array.null_count() == array.len() => BlockColumn::Nulls,
            _ => BlockColumn::Array(Arc::clone(array)),
        }
    });
    RowBlock::new(BlockText::new(text), bounds, hours.to_vec(), columns.collect())
}
