//! Lines of any format: the cells of their rows are written one after another into a text of their own, where they are in the
//! layout's order, each with one byte behind it, as in a TAB-separated text.

use std::borrow::Cow;

use memchr::memchr;

use super::{
    Stop, Stretch,
    json::JsonLines,
    object::{LineKind, ObjectLines},
    options::Delimiter,
    row_format::RowFormat,
    row_writer::{RowWriter, Value, WrittenRow},
};
use crate::{
    RejectReason,
    decode::{
        batch::Sink,
        framing::{lines::LineFraming, shared_text::SharedText},
        layout::layouts::Layouts,
    },
    error::{Error, NamedBy},
};

/// Reads lines of one object that are rewritten.
#[derive(Debug, Default)]
pub(crate) struct Rewriter {
    json: JsonLines,
    writer: RowWriter,
}

/// A line of data.
#[derive(Clone, Copy)]
struct Line<'l> {
    bytes: &'l [u8],
    /// Its number in the object, from 1.
    number: u64,
    /// Its offset in the object's text.
    byte: u64,
}

impl Rewriter {
    /// Reads whole lines; see [`super::LogReader::read_rewritten`].
    pub(crate) fn read(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        let Stretch { text, from, until, is_last } = stretch;
        let text_end = text.bytes().len();
        let (mut start, long_line) = object.lines.pass_long_line(text, from);
        if let Some(long_line) = long_line {
            object.read_long_line(&long_line)?;
        }
        while start < text_end {
            let newline = memchr(b'\n', &text.bytes()[start..]).map(|at| start + at);
            if newline.is_none() && !is_last {
                return Ok(Stop::NeedsText { at: object.lines.stop_inside_line(text, start) });
            }
            if start >= until || object.room(sink) == 0 {
                return Ok(Stop::IsFull { at: start });
            }
            let end = newline.map_or(text_end, |newline| LineFraming::line_end(text, start, newline));
            self.read_line(object, layouts, start, &text.bytes()[start..end], cells, sink)?;
            start = newline.map_or(text_end, |newline| newline + 1);
        }
        Ok(Stop::NeedsText { at: text_end })
    }

    fn read_line(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        start: usize,
        bytes: &[u8],
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let format = match object.look_at(layouts, start, bytes)? {
            LineKind::Done => return Ok(()),
            LineKind::Names(delimiter) => return object.read_names(layouts, bytes, delimiter),
            LineKind::Row(format) => format,
        };
        let byte = object.lines.byte_at(start);
        let line = Line { bytes, number: object.count_row(format), byte };
        match format {
            RowFormat::Delimited(delimiter) => self.read_delimited(object, layouts, delimiter, line, cells, sink),
            RowFormat::Json => self.read_json(object, layouts, line, cells, sink),
        }
    }

    fn read_delimited(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        delimiter: Delimiter,
        line: Line<'_>,
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let Line { bytes, number, byte } = line;
        let count = delimiter.cells(bytes).count();
        let in_force = object.records.fields.read_line(layouts, number, count, delimiter.ends(bytes));
        let Some(count) = in_force.map_err(|error| object.if_text(error))? else {
            object.records.rejects.add_misfit(count, number, byte, bytes);
            return Ok(());
        };
        let width = object.records.fields.width();
        // One empty last cell aside, as with TABs.
        let is_era = object.records.fields.named_by() == NamedBy::CellCount;
        let count = if is_era && count == width + 1 && delimiter.ends(bytes) { width } else { count };
        // CloudFront escapes a TAB in a cell, and no other delimiter: then nothing says where the cells of such a row are.
        if delimiter != Delimiter::TAB && count != width {
            let length = bytes.len() as u64;
            object.records.rejects.add(RejectReason::WrongCellCount, number, byte, bytes, length);
            return Ok(());
        }
        let values =
            delimiter.cells(bytes).take(width).map(|cell| Some(Value::First(&bytes[cell.start..], cell.len())));
        let start = self.writer.write(values, cells);
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        let lossy_cells = if is_utf8 { 0 } else { delimiter.lossy_cells(bytes) };
        let row = WrittenRow { start, line: Some(bytes), number, byte, cells: count, lossy_cells, is_utf8 };
        self.writer.take(object, row, cells, sink)
    }

    fn read_json(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        line: Line<'_>,
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let text = String::from_utf8_lossy(line.bytes);
        let Some(record) = self.json.read(layouts, &text, line.number, object.is_json_found())? else {
            let length = line.bytes.len() as u64;
            object.records.rejects.add(RejectReason::BadJson, line.number, line.byte, line.bytes, length);
            return Ok(());
        };
        let is_lossy = |value: &&Option<Cow<'_, str>>| value.as_ref().is_some_and(|value| value.contains('\u{fffd}'));
        let lossy_cells =
            if matches!(text, Cow::Borrowed(_)) { 0 } else { record.values.iter().filter(is_lossy).count() };
        let count = record.values.len();
        object.records.fields.put_keys(record.layout);
        let values =
            record.values.iter().map(|value| value.as_deref().map(|value| Value::First(value.as_bytes(), value.len())));
        let start = self.writer.write(values, cells);
        let Line { bytes, number, byte } = line;
        let lossy_cells = lossy_cells as u64;
        let row = WrittenRow { start, line: Some(bytes), number, byte, cells: count, lossy_cells, is_utf8: true };
        self.writer.take(object, row, cells, sink)
    }
}
