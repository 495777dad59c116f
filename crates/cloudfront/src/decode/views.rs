//! String columns without copies: each cell is a 16-byte view into the text that holds it.
//!
//! ```text
//! view of 12 bytes or fewer:  length (4 bytes) | the bytes themselves, zero-padded
//! view of a longer cell:      length (4) | first 4 bytes | buffer (4): 0 = text, 1 = side | offset (4)
//! ```
//!
//! The text is the object's own; values that are not in it (decoded cells, derived values) go into the column's side
//! buffer.

use std::borrow::Cow;

use arrow::{
    array::{ByteView, NullBufferBuilder, StringViewArray, make_view},
    buffer::{Buffer, ScalarBuffer},
};

use super::text::as_u32;

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
}

impl ViewColumn {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { views: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows), side: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.views.len()
    }

    /// Adds a cell as it is in the text, or NULL; a cell that is not UTF-8 is decoded lossily.
    pub(crate) fn push_option(&mut self, text: &[u8], cell: Option<(u32, u32)>) {
        let Some((start, end)) = cell else { return self.push_null() };
        let bytes = &text[start as usize..end as usize];
        if let decoded @ Cow::Owned(_) = String::from_utf8_lossy(bytes) {
            return self.push_str(&decoded);
        }
        self.views.push(make_view(bytes, TEXT, start));
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

    /// Returns a view of a value, and puts the value into the side buffer if the view cannot hold it.
    fn keep(&mut self, value: &str) -> u128 {
        let offset = as_u32(self.side.len());
        if value.len() > INLINE_BYTES {
            self.side.extend_from_slice(value.as_bytes());
        }
        make_view(value.as_bytes(), SIDE, offset)
    }

    /// Adds the value of an earlier row, which must not be NULL; it is kept once.
    pub(crate) fn push_again(&mut self, row: usize) {
        // The view of a row is as good for another row.
        self.views.push(self.views[row]);
        self.nulls.append_non_null();
    }

    /// Takes back all rows from `rows` on, and the part of the side buffer that only they needed.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if rows >= self.views.len() {
            return;
        }
        self.views.truncate(rows);
        self.nulls.truncate(rows);
        let mut side_end = 0;
        for &view in &self.views {
            let ByteView { length, buffer_index, offset, .. } = view.into();
            if length as usize > INLINE_BYTES && buffer_index == SIDE {
                side_end = side_end.max(offset as usize + length as usize);
            }
        }
        self.side.truncate(side_end);
    }

    /// Returns the array if no cell of a text was pushed.
    pub(crate) fn finish_without_text(self) -> StringViewArray {
        self.finish(&Buffer::from(Vec::<u8>::new()))
    }

    /// Returns the array over `text`, the buffer that all cells were pushed from.
    pub(crate) fn finish(mut self, text: &Buffer) -> StringViewArray {
        let views = ScalarBuffer::from(self.views);
        let buffers = vec![text.clone(), Buffer::from(self.side)];
        StringViewArray::try_new(views, buffers, self.nulls.finish())
            .expect("each view was made from UTF-8 in its buffer")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;

    #[test]
    fn cells_values_and_nulls_come_out_in_order() {
        let bytes = b"short\ta cell of more than twelve bytes\t\xffbad";
        let mut column = ViewColumn::with_capacity(8);
        column.push_option(bytes, Some((0, 5)));
        column.push_option(bytes, Some((6, 38)));
        column.push_option(bytes, None);
        column.push_option(bytes, Some((39, 43)));
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
        let long = b"kept\ta cell of more than twelve bytes";
        let mut column = ViewColumn::with_capacity(8);
        column.push_option(long, Some((0, 4)));
        column.push_str("kept, and more than twelve bytes");
        column.push_option(long, Some((5, 37)));
        column.push_str("not kept, and more than twelve bytes");
        column.truncate(2);
        assert_eq!(column.side.len(), "kept, and more than twelve bytes".len());
        column.push_str("new, and more than twelve bytes");
        let array = column.finish(&Buffer::from(&b"kept"[..]));
        let values: Vec<Option<&str>> = array.iter().collect();
        assert_eq!(values, ["kept", "kept, and more than twelve bytes", "new, and more than twelve bytes"].map(Some));
    }
}
