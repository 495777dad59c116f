//! String columns without copies: each cell is a 16-byte view into the text that holds it.
//!
//! ```text
//! view of 12 bytes or fewer:  length (4 bytes) | the bytes themselves, zero-padded
//! view of a longer cell:      length (4) | first 4 bytes | buffer (4): 0 = text, 1 = side | offset (4)
//! ```
//!
//! The text is the object's own; values that are not in it (decoded cells, derived values) go into the column's side
//! buffer.
//!
//! **Invariant**, which the one `unsafe` of the project rests on: every view of a [`ViewColumn`] was made by a `push`, from
//! bytes that are UTF-8 and are at the place that it has, in the text or in the side buffer.

use std::collections::HashMap;

use ahash::RandomState;
use arrow::{
    array::{ByteView, NullBufferBuilder, StringViewArray, make_view},
    buffer::{Buffer, NullBuffer, ScalarBuffer},
};

use super::{
    row_block::RowBlock,
    text::{Text, as_u32},
};

/// Longest cell that a view holds itself, in bytes.
const INLINE_BYTES: usize = 12;
const TEXT: u32 = 0;
const SIDE: u32 = 1;

/// A string column under construction.
#[derive(Debug)]
pub(crate) struct ViewColumn {
    views: Vec<u128>,
    nulls: NullBufferBuilder,
    side: Vec<u8>,
    /// No view into the text ends after this position.
    text_end: usize,
}

impl ViewColumn {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { views: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows), side: Vec::new(), text_end: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// Adds the cells of a block at one position as they are in the text; NULL for a row without such a cell. A cell that is
    /// not UTF-8 is decoded lossily.
    pub(crate) fn push_cells(&mut self, block: &RowBlock, position: usize, text: Text<'_>) {
        let cells = block.cells(position);
        if !text.is_utf8 {
            return cells.for_each(|cell| match cell {
                Some((start, end)) => self.push_cell(text, start, end),
                None => self.push_null(),
            });
        }
        let rows = self.views.len();
        if let Some(cells) = block.uniform_cells(position) {
            self.views.extend(cells.map(|(start, end)| view_in_text(text.bytes, start, end)));
            self.text_end = text.bytes.len();
            return self.nulls.append_n_non_nulls(block.len());
        }
        let mut has_nulls = false;
        self.views.extend(cells.clone().map(|cell| {
            has_nulls |= cell.is_none();
            cell.map_or(0, |(start, end)| view_in_text(text.bytes, start, end))
        }));
        self.text_end = text.bytes.len();
        if has_nulls {
            cells.for_each(|cell| self.nulls.append(cell.is_some()));
        } else {
            self.nulls.append_n_non_nulls(self.views.len() - rows);
        }
    }

    /// Adds a cell as it is in the text; one that is not UTF-8 is decoded lossily.
    #[inline]
    pub(crate) fn push_cell(&mut self, text: Text<'_>, start: u32, end: u32) {
        if !text.is_utf8
            && let decoded @ std::borrow::Cow::Owned(_) = String::from_utf8_lossy(text.cell(start, end))
        {
            return self.push_str(&decoded);
        }
        self.views.push(view_in_text(text.bytes, start, end));
        self.text_end = text.bytes.len();
        self.nulls.append_non_null();
    }

    pub(crate) fn push_nulls(&mut self, rows: usize) {
        self.views.resize(self.views.len() + rows, 0);
        self.nulls.append_n_nulls(rows);
    }

    pub(crate) fn push_null(&mut self) {
        self.views.push(0);
        self.nulls.append_null();
    }

    /// Adds a value that is not in the text.
    pub(crate) fn push_str(&mut self, value: &str) {
        self.push_repeated(value, 1);
    }

    /// Adds the same value for many rows; it is kept once.
    pub(crate) fn push_repeated(&mut self, value: &str, rows: usize) {
        let view = self.keep(value);
        self.views.resize(self.views.len() + rows, view);
        self.nulls.append_n_non_nulls(rows);
    }

    /// Adds for each row one of `values`, by its index; the same value is kept once.
    pub(crate) fn push_places<'v>(&mut self, values: impl Iterator<Item = &'v str>, places: &[u32]) {
        let mut kept = HashMap::with_hasher(RandomState::with_seed(0));
        let views: Vec<u128> = values.map(|value| *kept.entry(value).or_insert_with(|| self.keep(value))).collect();
        let view = |place: &u32| views[*place as usize];
        self.views.extend(places.iter().map(view));
        self.nulls.append_n_non_nulls(places.len());
    }

    /// Returns a view of a value, and puts the value into the side buffer if the view cannot hold it.
    fn keep(&mut self, value: &str) -> u128 {
        let offset = as_u32(self.side.len());
        if value.len() > INLINE_BYTES {
            self.side.extend_from_slice(value.as_bytes());
        }
        make_view(value.as_bytes(), SIDE, offset)
    }

    /// Calls `take` with every row's bytes, of NULL with none; `text` is the text that all cells were pushed from.
    pub(crate) fn for_each(&self, text: &[u8], mut take: impl FnMut(&[u8])) {
        for &view in &self.views {
            let ByteView { length, buffer_index, offset, .. } = view.into();
            let (length, offset) = (length as usize, offset as usize);
            if length > INLINE_BYTES {
                let buffer = if buffer_index == TEXT { text } else { &self.side };
                take(&buffer[offset..offset + length]);
            } else {
                take(&view.to_le_bytes()[LENGTH_BYTES..LENGTH_BYTES + length]);
            }
        }
    }

    /// Gives each row the view of the first row that has its value: `places` are indexes into `first_rows`. So values of
    /// equal views are known to be equal without a look at them.
    pub(crate) fn share(&mut self, first_rows: impl Iterator<Item = usize>, places: &[u32]) {
        // A view of this column is as good for another row of it.
        let firsts: Vec<u128> = first_rows.map(|row| self.views[row]).collect();
        for (view, place) in self.views.iter_mut().zip(places) {
            *view = firsts[*place as usize];
        }
    }

    /// Adds the value of an earlier row, which must not be NULL; it is kept once.
    pub(crate) fn push_again(&mut self, row: usize) {
        // The view of a row is as good for another row.
        self.views.push(self.views[row]);
        self.nulls.append_non_null();
    }

    /// Takes back all rows from `rows` on, and the part of text and side buffer that only they needed.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows >= self.views.len() {
            return;
        }
        self.views.truncate(rows);
        self.nulls.truncate(rows);
        self.text_end = 0;
        let mut side_end = 0;
        for &view in &self.views {
            let ByteView { length, buffer_index, offset, .. } = view.into();
            let end = if length as usize > INLINE_BYTES { offset as usize + length as usize } else { 0 };
            let furthest = if buffer_index == TEXT { &mut self.text_end } else { &mut side_end };
            *furthest = end.max(*furthest);
        }
        self.side.truncate(side_end);
    }

    /// Returns the array over `text`, the buffer that all cells were pushed from.
    pub(crate) fn finish(mut self, text: &Buffer) -> StringViewArray {
        assert!(self.text_end <= text.len(), "views must lie in the text");
        assert!(u32::try_from(self.side.len()).is_ok(), "offsets into the side buffer are 32 bits wide");
        let nulls: Option<NullBuffer> = self.nulls.finish();
        let views = ScalarBuffer::from(self.views);
        let buffers = vec![text.clone(), Buffer::from(self.side)];
        debug_assert!(
            StringViewArray::try_new(views.clone(), buffers.clone(), nulls.clone()).is_ok(),
            "views are valid"
        );
        #[expect(
            unsafe_code,
            reason = "checking every cell's UTF-8 once more would cost a tenth of the whole decoding"
        )]
        // SAFETY: each view was made by `push_cell`, from a cell that is UTF-8 (the whole text is, or this cell was looked
        // at) and lies in the text, whose length covers `text_end`; or by `keep`, from a `&str` that was put whole into the
        // side buffer at the view's offset; or it is the empty view of a NULL, or a copy by `push_again`, `push_places` or
        // `share` of one of these. `truncate` leaves text and side buffer as long as the views that stay need them. Lengths, prefixes and padding are
        // those of `make_view` or of `view_in_text`, which a test compares with it.
        unsafe {
            StringViewArray::new_unchecked(views, buffers, nulls)
        }
    }
}

/// Does what `make_view` does, for a cell of the text: one 16-byte load instead of a copy by length. A cell outside of the
/// text is empty.
#[inline]
fn view_in_text(text: &[u8], start: u32, end: u32) -> u128 {
    let (from, to) = (start as usize, end as usize);
    // The four bytes before the cell are at the place of the length.
    let before = from.wrapping_sub(LENGTH_BYTES);
    let around = text.get(before..).and_then(<[u8]>::first_chunk::<VIEW_BYTES>);
    let Some(around) = around else { return make_view(text.get(from..to).unwrap_or_default(), TEXT, start) };
    let word = u128::from_le_bytes(*around);
    // Where the end is before the start, that is longer than any text.
    let length = to.wrapping_sub(from);
    match KEPT_BITS.get(length) {
        // The 16 bytes lie in the text, and so does the cell.
        Some(kept) => word & kept | length as u128,
        None if length > text.len() - from => 0,
        None => word & PREFIX_BITS | length as u128 | u128::from(start) << 96 | u128::from(TEXT) << 64,
    }
}

const VIEW_BYTES: usize = size_of::<u128>();
const LENGTH_BYTES: usize = size_of::<u32>();
/// Bits of a view that hold the first four bytes of a longer cell.
const PREFIX_BITS: u128 = 0xffff_ffff << 32;

/// Bits of a view that the bytes of a cell take, by its length of 12 bytes or fewer.
const KEPT_BITS: [u128; INLINE_BYTES + 1] = {
    let mut kept = [0; INLINE_BYTES + 1];
    let mut length = 0;
    while length <= INLINE_BYTES {
        kept[length] = ((1 << (length * 8)) - 1) << 32;
        length += 1;
    }
    kept
};

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;

    #[test]
    fn a_view_in_the_text_is_the_view_that_arrow_makes() {
        let text: Vec<u8> = (0..64).map(|byte| b'0' + byte).collect();
        for start in 0..64 {
            for end in start..=64 {
                let cell = &text[start as usize..end as usize];
                assert_eq!(view_in_text(&text, start, end), make_view(cell, TEXT, start), "{start}..{end}");
            }
            assert_eq!(view_in_text(&text, start, 65), 0, "{start}..65");
        }
    }

    #[test]
    fn cells_values_and_nulls_come_out_in_order() {
        let bytes = b"short\ta cell of more than twelve bytes\t\xffbad";
        let text = Text { bytes, is_utf8: false };
        let mut column = ViewColumn::with_capacity(8);
        column.push_cell(text, 0, 5);
        column.push_cell(text, 6, 38);
        column.push_null();
        column.push_cell(text, 39, 43);
        column.push_repeated("a value of more than twelve bytes", 2);
        column.push_again(1);
        column.push_again(4);
        column.push_str("taken back, as it was too much");
        column.truncate(8);
        let array = column.finish(&Buffer::from(&bytes[..]));
        let values: Vec<Option<&str>> = array.iter().collect();
        let [cell, long] = ["a cell of more than twelve bytes", "a value of more than twelve bytes"].map(Some);
        assert_eq!(values, [Some("short"), cell, None, Some("\u{fffd}bad"), long, long, cell, long]);
        assert_eq!(array.null_count(), 1);
    }

    #[test]
    fn rows_that_are_taken_back_need_neither_text_nor_side_buffer() {
        let long = Text { bytes: b"kept\ta cell of more than twelve bytes", is_utf8: true };
        let mut column = ViewColumn::with_capacity(8);
        column.push_cell(long, 0, 4);
        column.push_str("kept, and more than twelve bytes");
        column.push_cell(long, 5, 37);
        column.push_str("not kept, and more than twelve bytes");
        column.truncate(2);
        assert_eq!(column.side.len(), "kept, and more than twelve bytes".len());
        column.push_str("new, and more than twelve bytes");
        let array = column.finish(&Buffer::from(&b"kept"[..]));
        let values: Vec<Option<&str>> = array.iter().collect();
        assert_eq!(values, ["kept", "kept, and more than twelve bytes", "new, and more than twelve bytes"].map(Some));
    }
}
