//! Tab-separated logs: W3C standard logs with their `#Fields` header, and standard or real-time logs without one.
//!
//! ```text
//!   #Version: 1.0                                   comment
//!   #Fields: date time x-edge-location sc-bytes     header: puts a layout in force
//!   2024-05-17 <TAB> 10:00:00 <TAB> DFW3 <TAB> 512  record
//! ```

use super::{Stop, Stretch, is_binary, refuse_commas, refuse_other_formats};
use crate::{
    FieldNames, Reject, RejectReason,
    decode::{
        DecodeOptions, DecodeSizes, ObjectSummary,
        batch::Sink,
        framing::{
            lines::{LineFraming, LongLine, is_blank},
            separators::Separators,
        },
        layout::layouts::Layouts,
        moment::Moment,
        records::{Record, Records},
        text::{Cells, Text, as_u32},
    },
    error::{Error, NotCloudFront},
};

const HEADER: &[u8] = b"#Fields:";
/// Text that is split at a time, in bytes: 64 KiB; more if a line is longer. What is found in it stays in a near cache.
const WINDOW_BYTES: usize = 64 * 1024;

/// Reads one object.
#[derive(Debug)]
pub(crate) struct W3c {
    lines: LineFraming,
    records: Records,
    has_data: bool,
    /// Whether the first line of data, without a header, is not text.
    is_binary: bool,
    separators: Separators,
    /// Ends of the cells of the line at hand, as many as can matter.
    ends: Vec<u32>,
    /// Moments of the regular lines at hand.
    moments: Vec<Moment>,
}

/// Whole lines of a text, and the position of the last one's end.
#[derive(Clone, Copy)]
struct Window<'w> {
    text: Text<'w>,
    separators: &'w Separators,
}

/// The next line in a window.
#[derive(Clone, Copy, Debug)]
struct NextLine {
    /// Its number among the line ends of the window.
    index: usize,
    /// Index of the bound before its first cell.
    first: usize,
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
            separators: Separators::default(),
            ends: Vec::new(),
            moments: Vec::new(),
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
        sink.drain(text.padded(), &mut self.records.summary);
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
        let Stretch { text, from, .. } = stretch;
        let start = self.lines.skip_byte_order_mark(text, from);
        let (mut start, long_line) = self.lines.pass_long_line(text, start);
        if let Some(long_line) = long_line {
            self.read_long_line(&long_line)?;
        }
        // Taken out of `self`, as reading a line changes the rest of it.
        let mut separators = std::mem::take(&mut self.separators);
        let stop = loop {
            match self.read_window(layouts, stretch, start, &mut separators, sink) {
                Ok(Ok(next)) => start = next,
                Ok(Err(stop)) => break Ok(stop),
                Err(error) => break Err(error),
            }
        };
        self.separators = separators;
        stop
    }

    /// Reads the lines of the window that starts at `start`. Returns the start of the next window, or why there is none.
    fn read_window(
        &mut self,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        start: usize,
        separators: &mut Separators,
        sink: &mut Sink<'_>,
    ) -> Result<Result<usize, Stop>, Error> {
        let Stretch { mut text, until, is_last, .. } = stretch;
        let text_end = text.bytes().len();
        let window_end = split(separators, text, start);
        let whole_lines =
            separators.line_ends().last().map_or(start, |last| separators.bounds()[*last as usize] as usize + 1);
        let read_end = if is_last && window_end == text_end { text_end } else { whole_lines };
        text.is_utf8 = separators.is_ascii() || std::str::from_utf8(&text.bytes()[start..read_end]).is_ok();
        let window = Window { text, separators };
        let mut line = NextLine { index: 0, first: 0 };
        loop {
            let line_start = separators.bounds()[line.first] as usize + 1;
            if line_start >= text_end {
                return Ok(Err(Stop::NeedsText { at: text_end }));
            }
            let Some(&line_end) = separators.line_ends().get(line.index) else {
                if window_end < text_end {
                    return Ok(Ok(line_start));
                }
                if line_start < until && self.room(sink) > 0 {
                    break;
                }
                return Ok(Err(Stop::IsFull { at: line_start }));
            };
            let room = if line_start < until { self.room(sink) } else { 0 };
            if room == 0 {
                return Ok(Err(Stop::IsFull { at: line_start }));
            }
            let regular = self.read_regular(window, line, until, room, sink);
            if let Some(next) = regular {
                line = next;
                continue;
            }
            let newline = separators.bounds()[line_end as usize] as usize;
            let end = LineFraming::line_end(text, line_start, newline);
            let ends = &separators.bounds()[line.first + 1..=line_end as usize];
            self.read_line(layouts, text, line_start, end, ends, sink)?;
            line = NextLine { index: line.index + 1, first: line_end as usize };
        }
        // The text ends inside a line, or its last line has no end.
        let line_start = separators.bounds()[line.first] as usize + 1;
        if !is_last {
            return Ok(Err(Stop::NeedsText { at: self.lines.stop_inside_line(text, line_start) }));
        }
        let mut ends = separators.bounds()[line.first + 1..].to_vec();
        ends.push(as_u32(text_end));
        self.read_line(layouts, text, line_start, text_end, &ends, sink)?;
        Ok(Err(Stop::NeedsText { at: text_end }))
    }

    /// Returns the number of rows that the sink still takes.
    fn room(&self, sink: &Sink<'_>) -> usize {
        sink.room(self.records.rejects.num_kept(), self.records.fields.width())
    }

    /// Reads neighbouring lines that are regular: each is a row with as many cells as the layout in force has names, and no
    /// CR at its end. Returns the line after them; `None` if the first one is not regular.
    fn read_regular(
        &mut self,
        window: Window<'_>,
        from: NextLine,
        until: usize,
        room: usize,
        sink: &mut Sink<'_>,
    ) -> Option<NextLine> {
        let Window { text, separators } = window;
        if !self.has_data || !text.is_utf8 {
            return None;
        }
        let width = self.records.fields.regular_cells()?;
        let (bytes, bounds) = (text.bytes(), separators.bounds());
        let mut first = from.first;
        self.moments.clear();
        for &line_end in separators.line_ends().iter().skip(from.index).take(room) {
            let line_end = line_end as usize;
            let (start, end) = (bounds[first] as usize + 1, bounds[line_end] as usize);
            let is_data = bytes[start] > b' ' && bytes[start] != b'#';
            let is_regular = line_end - first == width && is_data && bytes[end - 1] != b'\r';
            if !is_regular || start >= until || end - start > self.lines.line_bytes() {
                break;
            }
            let cells = Cells { start: as_u32(start), ends: &bounds[first + 1..=line_end] };
            let Some(moment) = self.records.regular_moment(text, cells) else { break };
            self.moments.push(moment);
            first = line_end;
        }
        if self.moments.is_empty() {
            return None;
        }
        let first_line = self.lines.count_lines(self.moments.len());
        self.records.take_regular(text, &bounds[from.first..=first], &self.moments, first_line, sink);
        Some(NextLine { index: from.index + self.moments.len(), first })
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
        let (lines, text_bytes) = (self.lines.lines(), self.lines.byte_at(text.bytes().len()));
        let summary = self.records.finish(text, sink, unclaimed, self.is_binary)?;
        Ok(ObjectSummary { text_bytes, lines, ..summary })
    }

    /// Reads a line of any kind. `end` is without its CR LF or LF; `ends` are the ends of its cells, but for the last one.
    fn read_line(
        &mut self,
        layouts: &mut Layouts,
        text: Text<'_>,
        start: usize,
        end: usize,
        ends: &[u32],
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        let number = self.lines.count_line();
        let line = &text.bytes()[start..end];
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
        let cells = ends.len();
        self.ends.clear();
        self.ends.extend(ends.iter().take(self.records.fields.most_cells()));
        // Of a line with more cells than matter, the last one does not.
        if let Some(last) = self.ends.get_mut(cells - 1) {
            *last = as_u32(end);
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

/// Splits the text from `start` on, up to the end of a window that has a whole line, or of the text. Returns that end.
fn split(separators: &mut Separators, text: Text<'_>, start: usize) -> usize {
    let text_end = text.bytes().len();
    separators.begin(start);
    let mut end = start;
    while separators.line_ends().is_empty() && end < text_end {
        // A long line is split piece by piece, each twice as long as the one before.
        let next = (end + WINDOW_BYTES.max(end - start)).min(text_end);
        separators.extend(text.padded(), end, next);
        end = next;
    }
    end
}

fn lossy_cells(line: &[u8]) -> u64 {
    line.split(|&byte| byte == b'\t').filter(|cell| std::str::from_utf8(cell).is_err()).count() as u64
}
