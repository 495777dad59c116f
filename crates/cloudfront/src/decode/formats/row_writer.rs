//! The cells of a row in, one after another in a text of their own out, each with one byte behind it, as in a TAB-separated
//! text.

use super::object::ObjectLines;
use crate::{
    decode::{
        batch::Sink,
        framing::shared_text::SharedText,
        records::Record,
        text::{Text, as_u32},
    },
    error::Error,
};

/// Writes the rows of one object.
#[derive(Debug, Default)]
pub(super) struct RowWriter {
    /// Ends of the cells of the row at hand.
    ends: Vec<u32>,
}

/// The value of a cell.
#[derive(Clone, Copy)]
pub(super) enum Value<'v> {
    /// The first bytes of these, by their number.
    Short([u8; 16], usize),
    /// The same; what is behind a short value makes copying it faster.
    First(&'v [u8], usize),
}

/// A row whose cells are written.
#[derive(Clone, Copy)]
pub(super) struct WrittenRow<'l> {
    /// Text position of its first cell.
    pub(super) start: usize,
    /// The line that it comes from; `None` if it comes from none: then its written cells are the line.
    pub(super) line: Option<&'l [u8]>,
    /// Number of that line in the object, from 1.
    pub(super) number: u64,
    /// Offset of that line in the object's text.
    pub(super) byte: u64,
    /// Number of cells of that line.
    pub(super) cells: usize,
    /// Number of its cells that are not UTF-8.
    pub(super) lossy_cells: u64,
    /// Whether all written cells are UTF-8.
    pub(super) is_utf8: bool,
}

impl RowWriter {
    /// Writes the cells of a row; a missing one, `None`, ends where the one before it does. Returns the position of the first.
    pub(super) fn write<'v>(
        &mut self,
        values: impl Iterator<Item = Option<Value<'v>>>,
        cells: &mut SharedText,
    ) -> usize {
        cells.push(b"\n");
        let start = cells.len();
        self.ends.clear();
        for value in values {
            match value {
                Some(Value::Short(bytes, length)) => cells.push_cell(&bytes, length),
                Some(Value::First(bytes, length)) => cells.push_cell(bytes, length),
                None => {}
            }
            self.ends.push(as_u32(cells.len() - 1));
        }
        start
    }

    /// Takes the row that was written last. Its text goes away unless it is a row of the sink.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(super) fn take(
        &self,
        object: &mut ObjectLines,
        row: WrittenRow<'_>,
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let WrittenRow { start, line, number, byte, cells: count, lossy_cells, is_utf8 } = row;
        let mut text = Text::new(cells.padded());
        text.is_utf8 = is_utf8;
        let line = line.unwrap_or_else(|| text.bytes().get(start..cells.len() - 1).unwrap_or_default());
        let record = Record { line: number, start, byte, bytes: line, ends: &self.ends, cells: count, lossy_cells };
        let is_row = object.records.take(text, record, sink)?;
        if !is_row || matches!(sink, Sink::Judge) {
            cells.truncate(start - 1);
        }
        Ok(())
    }
}
