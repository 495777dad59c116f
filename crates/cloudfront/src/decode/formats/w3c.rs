//! Tab-separated logs: W3C standard logs with their `#Fields` header, and standard or real-time logs without one.
//!
//! ```text
//!   #Version: 1.0                                   comment
//!   #Fields: date time x-edge-location sc-bytes     header: puts a layout in force
//!   2024-05-17 <TAB> 10:00:00 <TAB> DFW3 <TAB> 512  record
//! ```

use super::{
    Stop, Stretch,
    delimiters::{Delimiters, SPARE_PLACES, Split},
    is_binary, refuse_commas, refuse_other_formats,
};
use crate::{
    FieldNames, Reject, RejectReason,
    decode::{
        DecodeOptions, DecodeSizes, ObjectSummary,
        batch::Sink,
        framing::lines::{LineFraming, LongLine, is_blank},
        layout::{Layout, layouts::Layouts},
        records::{Record, Records},
        text::{Text, as_u32},
    },
    error::{Error, NotCloudFront},
};

const HEADER: &[u8] = b"#Fields:";

/// Reads one object.
#[derive(Debug)]
pub(crate) struct W3c {
    lines: LineFraming,
    records: Records,
    has_data: bool,
    /// Whether the first line of data, without a header, is not text.
    is_binary: bool,
    /// Ends of the cells of the line at hand, as many as can matter; then leftovers of lines before.
    ends: Vec<u32>,
}

impl W3c {
    /// Begins an object whose text starts at position `text_start`. `keeps_rejects`: rejected lines are kept, and not only
    /// counted.
    pub(crate) fn new(options: &DecodeOptions, sizes: DecodeSizes, text_start: usize, keeps_rejects: bool) -> Self {
        Self {
            lines: LineFraming::new(sizes, text_start),
            records: Records::new(options, keeps_rejects),
            has_data: false,
            is_binary: false,
            ends: Vec::new(),
        }
    }

    /// Takes note that the text at position `from` was moved to position `to`.
    pub(crate) fn move_text(&mut self, from: usize, to: usize) {
        self.lines.move_text(from, to);
    }

    /// Returns the rejected lines since the last call.
    pub(crate) fn take_rejects(&mut self) -> Vec<Reject> {
        self.records.rejects.take()
    }

    /// Moves rows that wait in the sink to its columns, before `text` goes away.
    pub(crate) fn drain(&mut self, text: Text<'_>, sink: &mut Sink<'_>) {
        sink.drain(text, &mut self.records.summary);
    }

    /// Reads whole lines.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read(
        &mut self,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        let Stretch { text, from, until, is_last } = stretch;
        let start = self.lines.skip_byte_order_mark(text, from);
        let (mut start, long_line) = self.lines.pass_long_line(text, start);
        if let Some(long_line) = long_line {
            self.read_long_line(&long_line)?;
        }
        let mut delimiters = Delimiters::new(text.bytes, start);
        while start < text.bytes.len() {
            if start >= until || sink.is_full(self.records.rejects.num_kept()) {
                return Ok(Stop::IsFull { at: start });
            }
            let keep = self.records.fields.most_cells();
            if self.ends.len() != keep + SPARE_PLACES {
                self.ends.resize(keep + SPARE_PLACES, 0);
            }
            let judged_cells = self.judged_cells(sink);
            let kept_cells = judged_cells.map_or(keep, |cells| cells.min(keep));
            let places = &mut self.ends[..kept_cells + SPARE_PLACES];
            let Split { tabs, newline } = delimiters.split_line(start, places, judged_cells.is_some());
            let Some(end) = LineFraming::line_end(text, start, newline, is_last) else {
                return Ok(Stop::NeedsText { at: self.lines.stop_inside_line(text, start) });
            };
            // Of a line with more cells than matter, no place is for the end of the last one.
            if let Some(place) = places.get_mut(tabs) {
                *place = as_u32(end);
            }
            self.read_line(layouts, text, start, end, tabs + 1, sink)?;
            start = newline.map_or(end, |at| at + 1);
        }
        Ok(Stop::NeedsText { at: start })
    }

    /// Returns the object's summary after its last line, and adds the fields that no column uses to `unclaimed`.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn finish(
        mut self,
        text: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
    ) -> Result<ObjectSummary, Error> {
        if let Some(long_line) = self.lines.end() {
            self.read_long_line(&long_line)?;
        }
        let (lines, text_bytes) = (self.lines.lines(), self.lines.byte_at(text.bytes.len()));
        let summary = self.records.finish(text, sink, unclaimed, self.is_binary)?;
        Ok(ObjectSummary { text_bytes, lines, ..summary })
    }

    /// Returns the number of cells of a row that matter if the object is only judged: those that hold its moment. `None` if
    /// all cells do.
    #[inline]
    fn judged_cells(&self, sink: &Sink<'_>) -> Option<usize> {
        if let Sink::Batch { .. } = sink {
            return None;
        }
        self.records.fields.of_header().map(Layout::moment_cells)
    }

    /// Reads a line of `cells` cells, whose end is without its CR LF or LF.
    #[inline]
    fn read_line(
        &mut self,
        layouts: &mut Layouts,
        text: Text<'_>,
        start: usize,
        end: usize,
        cells: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let number = self.lines.count_line();
        let line = &text.bytes[start..end];
        match line.first() {
            Some(b'#') => return self.read_comment(layouts, line),
            None | Some(b' ' | b'\t' | b'\r') if is_blank(line) => {
                self.records.summary.blanks += 1;
                return Ok(());
            }
            _ => {}
        }
        let byte = self.lines.byte_at(start);
        if line.len() > self.lines.line_bytes() {
            return self.reject_long_line(self.lines.kept(line), byte, line.len() as u64);
        }
        if !self.has_data {
            self.begin_data(line)?;
        }
        let last_is_empty = line.last() == Some(&b'\t');
        let in_force = self.records.fields.read_line(layouts, number, cells, last_is_empty);
        let Some(cells) = in_force.map_err(|error| self.if_text(error))? else {
            self.records.rejects.add_misfit(cells, number, byte, line);
            return Ok(());
        };
        let lossy_cells = if text.is_utf8 { 0 } else { lossy_cells(line) };
        let record = Record { line: number, start, byte, bytes: line, ends: &self.ends, cells, lossy_cells };
        self.records.take(text, record, sink)
    }

    fn read_comment(&mut self, layouts: &mut Layouts, line: &[u8]) -> Result<(), Error> {
        self.records.summary.comments += 1;
        let Some(names) = line.strip_prefix(HEADER) else { return Ok(()) };
        if line.len() > self.lines.line_bytes() {
            return Err(self.long_header());
        }
        self.records.fields.read_header(layouts, names, self.lines.lines())
    }

    /// Looks at the first line of data: it decides what the object is, unless a header did.
    fn begin_data(&mut self, line: &[u8]) -> Result<(), Error> {
        self.has_data = true;
        let number = self.lines.lines();
        if let Some(layout) = self.records.fields.of_header() {
            return refuse_commas(line, layout.width, number);
        }
        refuse_other_formats(line, number)?;
        self.is_binary = is_binary(line);
        self.records.fields.begin_without_header();
        Ok(())
    }

    /// Returns an error about a line of data; if that is not text, nothing else is said of it.
    #[cold]
    fn if_text(&self, error: Error) -> Error {
        if let Error::NotCloudFront { line, why: NotCloudFront::CellCount { .. } } = error
            && self.is_binary
        {
            return Error::NotCloudFront { line, why: NotCloudFront::Binary };
        }
        error
    }

    /// Takes a line over the limit that reached over the end of a block.
    fn read_long_line(&mut self, long_line: &LongLine) -> Result<(), Error> {
        let LongLine { head, byte, bytes, is_blank, .. } = long_line;
        self.lines.count_line();
        if head.starts_with(b"#") {
            self.records.summary.comments += 1;
            return if head.starts_with(HEADER) { Err(self.long_header()) } else { Ok(()) };
        }
        if *is_blank {
            self.records.summary.blanks += 1;
            return Ok(());
        }
        self.reject_long_line(head, *byte, *bytes)
    }

    fn reject_long_line(&mut self, kept: &[u8], byte: u64, line_bytes: u64) -> Result<(), Error> {
        let line = self.lines.lines();
        if self.records.fields.awaits_header() {
            let why = NotCloudFront::LongLine { limit_bytes: self.lines.line_bytes() };
            return Err(Error::NotCloudFront { line, why });
        }
        self.records.rejects.add(RejectReason::LineTooLong, line, byte, kept, line_bytes);
        Ok(())
    }

    fn long_header(&self) -> Error {
        let why = NotCloudFront::LongHeader { limit_bytes: self.lines.line_bytes() };
        Error::NotCloudFront { line: self.lines.lines(), why }
    }
}

fn lossy_cells(line: &[u8]) -> u64 {
    line.split(|&byte| byte == b'\t').filter(|cell| std::str::from_utf8(cell).is_err()).count() as u64
}
