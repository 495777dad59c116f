//! TAB-separated lines: W3C standard logs with their `#Fields` header, and standard or real-time logs without one.
//!
//! ```text
//!   #Version: 1.0                                   comment
//!   #Fields: date time x-edge-location sc-bytes     header: puts a layout in force
//!   2024-05-17 <TAB> 10:00:00 <TAB> DFW3 <TAB> 512  record
//! ```

use super::{
    Stop, Stretch,
    object::{LineKind, ObjectLines},
    options::Delimiter,
    row_format::RowFormat,
};
use crate::{
    decode::{
        batch::Sink,
        framing::{lines::LineFraming, separators::Separators},
        layout::layouts::Layouts,
        moment::Moment,
        records::Record,
        text::{Cells, Text, as_u32},
    },
    error::Error,
};

/// Text that is split at a time, in bytes: 64 KiB; more if a line is longer. What is found in it stays in a near cache.
const WINDOW_BYTES: usize = 64 * 1024;

/// Reads TAB-separated lines of one object.
#[derive(Debug, Default)]
pub(crate) struct TabReader {
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

/// The step after a window.
enum Next {
    /// Another one, from this text position on.
    Window { at: usize },
    /// Nothing for now.
    Stop(Stop),
}

/// The next line in a window.
#[derive(Clone, Copy, Debug)]
struct NextLine {
    /// Its number among the line ends of the window.
    index: usize,
    /// Index of the bound before its first cell.
    first: usize,
}

impl TabReader {
    /// Reads whole lines; see [`super::LogReader::read`].
    pub(crate) fn read(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        let Stretch { text, from, .. } = stretch;
        let start = object.lines.skip_byte_order_mark(text, from);
        let (mut start, long_line) = object.lines.pass_long_line(text, start);
        if let Some(long_line) = long_line {
            object.read_long_line(&long_line)?;
        }
        // Taken out of `self`, as reading a line changes the rest of it.
        let mut separators = std::mem::take(&mut self.separators);
        let stop = loop {
            match self.read_window(object, layouts, stretch, start, &mut separators, sink) {
                Ok(Next::Window { at }) => start = at,
                Ok(Next::Stop(stop)) => break Ok(stop),
                Err(error) => break Err(error),
            }
        };
        self.separators = separators;
        stop
    }

    /// Reads the lines of the window that starts at `start`.
    fn read_window(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        start: usize,
        separators: &mut Separators,
        sink: &mut Sink<'_>,
    ) -> Result<Next, Error> {
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
                return Ok(Next::Stop(Stop::NeedsText { at: text_end }));
            }
            let Some(&line_end) = separators.line_ends().get(line.index) else {
                if window_end < text_end {
                    return Ok(Next::Window { at: line_start });
                }
                if line_start < until && object.room(sink) > 0 {
                    break;
                }
                return Ok(Next::Stop(Stop::IsFull { at: line_start }));
            };
            let room = if line_start < until { object.room(sink) } else { 0 };
            if room == 0 {
                return Ok(Next::Stop(Stop::IsFull { at: line_start }));
            }
            let regular = self.read_regular(object, window, line, until, room, sink);
            if let Some(next) = regular {
                line = next;
                continue;
            }
            let newline = separators.bounds()[line_end as usize] as usize;
            let end = LineFraming::line_end(text, line_start, newline);
            let ends = &separators.bounds()[line.first + 1..=line_end as usize];
            if !self.read_line(object, layouts, text, [line_start, end], ends, sink)? {
                return Ok(Next::Stop(Stop::IsRewritten { at: line_start }));
            }
            line = NextLine { index: line.index + 1, first: line_end as usize };
        }
        // The text ends inside a line, or its last line has no end.
        let line_start = separators.bounds()[line.first] as usize + 1;
        if !is_last {
            return Ok(Next::Stop(Stop::NeedsText { at: object.lines.stop_inside_line(text, line_start) }));
        }
        let mut ends = separators.bounds()[line.first + 1..].to_vec();
        ends.push(as_u32(text_end));
        let is_read = self.read_line(object, layouts, text, [line_start, text_end], &ends, sink)?;
        Ok(Next::Stop(if is_read { Stop::NeedsText { at: text_end } } else { Stop::IsRewritten { at: line_start } }))
    }

    /// Reads neighbouring lines that are regular: each is a row with as many cells as the layout in force has names, and no
    /// CR at its end. Returns the line after them; `None` if the first one is not regular.
    fn read_regular(
        &mut self,
        object: &mut ObjectLines,
        window: Window<'_>,
        from: NextLine,
        until: usize,
        room: usize,
        sink: &mut Sink<'_>,
    ) -> Option<NextLine> {
        let Window { text, separators } = window;
        if object.format() != Some(RowFormat::TABS) || !text.is_utf8 {
            return None;
        }
        let width = object.records.fields.regular_cells()?;
        let (bytes, bounds) = (text.bytes(), separators.bounds());
        let mut first = from.first;
        self.moments.clear();
        for &line_end in separators.line_ends().iter().skip(from.index).take(room) {
            let line_end = line_end as usize;
            let (start, end) = (bounds[first] as usize + 1, bounds[line_end] as usize);
            let is_data = bytes[start] > b' ' && bytes[start] != b'#';
            let is_regular = line_end - first == width && is_data && bytes[end - 1] != b'\r';
            if !is_regular || start >= until || end - start > object.lines.line_bytes() {
                break;
            }
            let cells = Cells { start: as_u32(start), ends: &bounds[first + 1..=line_end] };
            let Some(moment) = object.records.regular_moment(text, cells) else { break };
            self.moments.push(moment);
            first = line_end;
        }
        if self.moments.is_empty() {
            return None;
        }
        let first_line = object.lines.count_lines(self.moments.len());
        object.records.take_regular(text, &bounds[from.first..=first], &self.moments, first_line, sink);
        Some(NextLine { index: from.index + self.moments.len(), first })
    }

    /// Reads a line of any kind, between these text positions: without its CR LF or LF. `ends` are the ends of its cells, but for
    /// the last one. Returns whether it was read: not if it is of another format.
    fn read_line(
        &mut self,
        object: &mut ObjectLines,
        layouts: &mut Layouts,
        text: Text<'_>,
        [start, end]: [usize; 2],
        ends: &[u32],
        sink: &mut Sink<'_>,
    ) -> Result<bool, Error> {
        let line = &text.bytes()[start..end];
        match object.look_at(layouts, start, line)? {
            LineKind::Done => return Ok(true),
            LineKind::Names(Delimiter::TAB) => {
                object.read_names(layouts, line, Delimiter::TAB)?;
                return Ok(true);
            }
            LineKind::Row(RowFormat::TABS) => {}
            LineKind::Names(_) | LineKind::Row(_) => return Ok(false),
        }
        let byte = object.lines.byte_at(start);
        let number = object.count_row(RowFormat::TABS);
        let cells = ends.len();
        self.ends.clear();
        self.ends.extend(ends.iter().take(object.records.fields.most_cells()));
        // Of a line with more cells than matter, the last one does not.
        if let Some(last) = self.ends.get_mut(cells - 1) {
            *last = as_u32(end);
        }
        let last_is_empty = line.last() == Some(&b'\t');
        let in_force = object.records.fields.read_line(layouts, number, cells, last_is_empty);
        let Some(cells) = in_force.map_err(|error| object.if_text(error))? else {
            object.records.rejects.add_misfit(cells, number, byte, line);
            return Ok(true);
        };
        let lossy_cells = if text.is_utf8 { 0 } else { Delimiter::TAB.lossy_cells(line) };
        let record = Record { line: number, start, byte, bytes: line, ends: &self.ends, cells, lossy_cells };
        object.records.take(text, record, sink)?;
        Ok(true)
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
