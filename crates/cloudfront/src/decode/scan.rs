//! Lines to rows: which lines are rows, which layout they have, which are refused.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Range,
    sync::Arc,
};

use memchr::memchr;

use super::{
    DecodeOptions, DecodeSizes, MAX_HOURS, ObjectSummary,
    batch::{BatchBuilder, Mark},
    delimiters::{Delimiters, Line, SPARE_PLACES},
    rows::{Cells, Clock},
    sniff,
    views::Text,
};
use crate::{
    Error, FieldNames, Reject, RejectReason,
    header::{Layout, Layouts},
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Where rows go.
pub(crate) enum Sink<'b> {
    /// Nowhere: the object is only judged.
    Judge,
    /// Into a batch, up to so many rows and rejects since `mark`.
    Batch { batch: &'b mut BatchBuilder, mark: Mark, row_limit: usize },
}

/// Why a scan stopped, and at which text position the next line starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ScanEnd {
    /// All whole lines are scanned.
    NeedsText { at: usize },
    /// The sink has as many rows and rejects or as much text as it takes.
    Full { at: usize },
}

/// One object being scanned.
#[derive(Debug)]
pub(crate) struct Scan {
    summary: ObjectSummary,
    unclaimed: FieldNames,
    sizes: DecodeSizes,
    mode: Mode,
    layout: Option<Arc<Layout>>,
    /// How an object without header is read: by its era, unless there are lists of names for it.
    headerless: Mode,
    /// Number of cells of a line that can matter before its layout is known.
    most_cells: usize,
    clock: Clock,
    hours: HashSet<i64>,
    last_hour: i64,
    has_rows: bool,
    keeps_rejects: bool,
    /// Refused lines by reason.
    rejects: BTreeMap<RejectReason, u64>,
    /// Number of the first line that fits no given list, and how many cells it has.
    first_misfit: Option<(u64, usize)>,
    /// The first line of data is no text.
    is_binary: bool,
    /// What to add to a text position to get the offset in the object's text.
    byte_shift: i64,
    long_line: Option<LongLine>,
    /// Ends of the cells of the line at hand, as many as matter, then leftovers of lines before.
    ends: Vec<u32>,
}

/// How the object says which cell is which field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Not known before the first row or header.
    Unknown,
    /// By `#Fields`.
    Named,
    /// By the list of `--fields` with as many names as a line has cells.
    Given,
    /// By the count of cells.
    Era,
}

/// A line over the limit whose end has not been seen.
#[derive(Debug)]
struct LongLine {
    head: Vec<u8>,
    byte: u64,
    bytes: u64,
    is_blank: bool,
    ends_in_cr: bool,
}

impl Scan {
    /// A scan of an object whose text starts at position `text_start`. `keeps_rejects`: refused lines are kept, not only
    /// counted.
    pub(crate) fn new(options: &DecodeOptions, sizes: DecodeSizes, text_start: usize, keeps_rejects: bool) -> Self {
        let summary =
            ObjectSummary { nulled_cells: vec![0; options.schema.columns().len()], ..ObjectSummary::default() };
        Self {
            summary,
            unclaimed: FieldNames::default(),
            sizes,
            mode: Mode::Unknown,
            layout: None,
            headerless: if options.fields.is_empty() { Mode::Era } else { Mode::Given },
            most_cells: options.fields.widths().max().unwrap_or(0).max(ERA_CELLS),
            clock: Clock::new(options.latest_second),
            hours: HashSet::new(),
            last_hour: i64::MIN,
            has_rows: false,
            keeps_rejects,
            rejects: BTreeMap::new(),
            first_misfit: None,
            is_binary: false,
            byte_shift: -as_i64(text_start),
            long_line: None,
            ends: Vec::new(),
        }
    }

    /// Tells that what stood at text position `from` now stands at `to`.
    pub(crate) fn move_text(&mut self, from: usize, to: usize) {
        self.byte_shift += as_i64(from) - as_i64(to);
    }

    /// The refused lines since the last call.
    pub(crate) fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.summary.rejects)
    }

    /// Scans whole lines from `from` on, and past `until` none but the one that reaches over it. `is_last`: the text ends
    /// here, so its last line needs no end.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn scan(
        &mut self,
        layouts: &mut Layouts,
        text: Text<'_>,
        from: usize,
        until: usize,
        is_last: bool,
        sink: &mut Sink<'_>,
    ) -> Result<ScanEnd, Error> {
        let mut start = self.skip_byte_order_mark(text, from);
        if self.long_line.is_some() {
            start = self.continue_long_line(text, start)?;
        }
        let mut delimiters = Delimiters::new(text.bytes, start);
        while start < text.bytes.len() {
            if start >= until || sink.is_full(self.summary.rejects.len()) {
                return Ok(ScanEnd::Full { at: start });
            }
            let named = self.layout.as_ref().filter(|_| self.mode == Mode::Named);
            let keep = named.map_or(self.most_cells, |layout| layout.width);
            if self.ends.len() != keep + SPARE_PLACES {
                self.ends.resize(keep + SPARE_PLACES, 0);
            }
            let judged_cells = self.judged_cells(sink);
            let kept_cells = judged_cells.map_or(keep, |cells| cells.min(keep));
            let places = self.ends.get_mut(..kept_cells + SPARE_PLACES).unwrap_or_default();
            let Line { tabs, newline } = delimiters.line(start, places, judged_cells.is_some());
            let end = match newline {
                Some(at) => at,
                None if is_last => text.bytes.len(),
                None => return self.stop_inside_line(text, start),
            };
            let has_cr = newline.is_some() && end > start && text.bytes.get(end - 1) == Some(&b'\r');
            let line_end = end - usize::from(has_cr);
            if let Some(end) = places.get_mut(tabs) {
                *end = as_u32(line_end);
            }
            self.line(layouts, text, start..line_end, tabs + 1, sink)?;
            start = newline.map_or(end, |at| at + 1);
        }
        Ok(ScanEnd::NeedsText { at: start })
    }

    /// Returns the object's summary after its last line, and adds the fields that no column uses to `unclaimed`. An
    /// object all of whose data lines were rejected is an error: it was not understood.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn finish(
        mut self,
        text: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
    ) -> Result<ObjectSummary, Error> {
        if let Some(long_line) = self.long_line.take() {
            self.close_long_line(long_line, false)?;
        }
        if self.summary.rows == 0 && self.summary.rejected > 0 {
            return Err(self.all_rejected());
        }
        sink.drain(text, &mut self.summary);
        self.summary.text_bytes = self.byte_at(text.bytes.len());
        unclaimed.extend(&self.unclaimed);
        Ok(self.summary)
    }

    /// Hands rows that wait in the sink to its columns, before `text` goes away.
    pub(crate) fn drain(&mut self, text: Text<'_>, sink: &mut Sink<'_>) {
        sink.drain(text, &mut self.summary);
    }

    /// How many cells of a row matter where the object is only judged: those that say when it happened. None where all
    /// do.
    fn judged_cells(&self, sink: &Sink<'_>) -> Option<usize> {
        let is_named = matches!(sink, Sink::Judge) && self.mode == Mode::Named;
        self.layout.as_ref().filter(|_| is_named).map(|layout| layout.moment_cells())
    }

    fn byte_at(&self, position: usize) -> u64 {
        u64::try_from(as_i64(position) + self.byte_shift).unwrap_or(0)
    }

    fn skip_byte_order_mark(&self, text: Text<'_>, from: usize) -> usize {
        let is_start = self.summary.lines == 0 && self.byte_at(from) == 0 && self.long_line.is_none();
        let has_mark = text.bytes.get(from..).is_some_and(|rest| rest.starts_with(BYTE_ORDER_MARK));
        if is_start && has_mark { from + BYTE_ORDER_MARK.len() } else { from }
    }

    /// A whole line of `count` cells, without its end.
    fn line(
        &mut self,
        layouts: &mut Layouts,
        text: Text<'_>,
        range: Range<usize>,
        count: usize,
        sink: &mut Sink<'_>,
    ) -> Result<(), Error> {
        self.summary.lines += 1;
        let number = self.summary.lines;
        let line = text.bytes.get(range.clone()).unwrap_or_default();
        match line.first() {
            Some(b'#') => return self.comment(layouts, line),
            None | Some(b' ' | b'\t' | b'\r') if line.iter().all(|byte| is_blank(*byte)) => {
                self.summary.blanks += 1;
                return Ok(());
            }
            _ => {}
        }
        if line.len() > self.sizes.line_bytes {
            let byte = self.byte_at(range.start);
            return self.reject_long_line(line, byte, line.len() as u64);
        }
        if !self.has_rows {
            self.begin_rows(line)?;
        }
        let count = match self.mode {
            Mode::Named | Mode::Unknown => count,
            Mode::Era => self.use_era(layouts, line, count)?,
            Mode::Given => {
                let Some(width) = self.use_given(layouts, line, count)? else {
                    let byte = self.byte_at(range.start);
                    self.first_misfit.get_or_insert((number, count));
                    self.reject(RejectReason::WrongCellCount, line, byte, line.len() as u64);
                    return Ok(());
                };
                width
            }
        };
        // A layout is always there: named, given, or of an era.
        let Some(layout) = &self.layout else { return Ok(()) };
        let width = layout.width;
        let ends = self.ends.get(..count.min(width)).unwrap_or(&self.ends);
        let cells = Cells { start: as_u32(range.start), ends };
        match self.clock.moment(text, cells, layout) {
            Ok(moment) => {
                let hour = moment.second.div_euclid(3600);
                if hour != self.last_hour {
                    self.last_hour = hour;
                    self.hours.insert(hour);
                    if self.hours.len() > MAX_HOURS {
                        return Err(Error::TooManyHours { line: number, limit: MAX_HOURS });
                    }
                }
                self.summary.rows += 1;
                self.summary.padded_rows += u64::from(count < width);
                self.summary.rows_with_extra_cells += u64::from(count > width);
                if !text.is_utf8 {
                    let lossy =
                        line.split(|&byte| byte == b'\t').filter(|cell| std::str::from_utf8(cell).is_err()).count();
                    self.summary.lossy_cells += lossy as u64;
                }
                if let Sink::Batch { batch, .. } = sink {
                    batch.push(text, cells, moment, number, layout, &mut self.summary);
                }
            }
            Err(reason) => {
                let byte = self.byte_at(range.start);
                self.reject(reason, line, byte, line.len() as u64);
            }
        }
        Ok(())
    }

    fn comment(&mut self, layouts: &mut Layouts, line: &[u8]) -> Result<(), Error> {
        self.summary.comments += 1;
        let Some(names) = line.strip_prefix(b"#Fields:") else { return Ok(()) };
        let number = self.summary.lines;
        if line.len() > self.sizes.line_bytes {
            return Err(self.too_long_header());
        }
        let layout = layouts.of_header(names, number)?;
        self.use_layout(layout);
        self.mode = Mode::Named;
        Ok(())
    }

    /// The first row settles what the object is, unless a header did.
    fn begin_rows(&mut self, line: &[u8]) -> Result<(), Error> {
        self.has_rows = true;
        let number = self.summary.lines;
        if let Some(layout) = self.layout.as_ref().filter(|_| self.mode == Mode::Named) {
            return sniff::refuse_commas(line, layout.width, number);
        }
        sniff::refuse_other_formats(line, number)?;
        self.is_binary = sniff::is_binary(line);
        self.mode = self.headerless;
        Ok(())
    }

    /// Reads a line of `count` cells by its era, or like the line before. Returns how many cells it has.
    fn use_era(&mut self, layouts: &mut Layouts, line: &[u8], count: usize) -> Result<usize, Error> {
        let last_is_empty = line.last() == Some(&b'\t');
        let era = layouts.of_era(count).or_else(|| if last_is_empty { layouts.of_era(count - 1) } else { None });
        match era {
            Some(era) => self.use_layout(era),
            None if self.layout.is_none() => {
                let why = if self.is_binary {
                    sniff::BINARY.to_owned()
                } else {
                    format!(
                        "no `#Fields` header, and {count} tab-separated cells are no era's\nhint: name the fields with `--fields`"
                    )
                };
                return Err(Error::NotCloudFront { line: self.summary.lines, why });
            }
            None => {}
        }
        Ok(count)
    }

    /// Reads a line of `count` cells by the given list of that length. Returns how many cells it has, without an empty
    /// last one that no list names; none where no list fits: then nothing says what its cells mean.
    fn use_given(&mut self, layouts: &mut Layouts, line: &[u8], count: usize) -> Result<Option<usize>, Error> {
        let number = self.summary.lines;
        let mut given = layouts.of_given(count, number)?;
        if given.is_none() && line.last() == Some(&b'\t') {
            given = layouts.of_given(count - 1, number)?;
        }
        let width = given.as_ref().map(|layout| layout.width);
        if let Some(layout) = given {
            self.use_layout(layout);
        }
        Ok(width)
    }

    fn all_rejected(&self) -> Error {
        let reasons: BTreeMap<&str, u64> =
            self.rejects.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
        let reasons: Vec<String> = reasons.into_iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        let hint = match (self.mode, self.first_misfit) {
            _ if self.is_binary => String::new(),
            (Mode::Given, Some((line, cells))) => format!(
                "\nhint: line {line} has {cells} tab-separated cells, which is no list's number in `--fields`; `lakefront retry TABLE --fields LIST` tries the object again"
            ),
            (Mode::Given | Mode::Unknown, _) => "\nhint: compare the names in `--fields` with the cells of a line; `lakefront retry TABLE --fields LIST` tries the object again".to_owned(),
            (Mode::Era, _) => "\nhint: name the fields with `--fields`: it is read as a standard log by its count of cells alone".to_owned(),
            (Mode::Named, _) => "\nhint: rows need TABs between their cells, and a date and time, or a timestamp, that the `#Fields` line names".to_owned(),
        };
        Error::AllRowsRejected { reasons: reasons.join(", "), hint }
    }

    fn too_long_header(&self) -> Error {
        let why = format!("the `#Fields` line is longer than {} bytes", self.sizes.line_bytes);
        Error::NotCloudFront { line: self.summary.lines, why }
    }

    fn use_layout(&mut self, layout: Arc<Layout>) {
        if self.layout.as_ref().is_some_and(|current| Arc::ptr_eq(current, &layout)) {
            return;
        }
        for (name, _) in &layout.unclaimed {
            self.unclaimed.insert(name);
        }
        self.layout = Some(layout);
    }

    fn reject(&mut self, reason: RejectReason, kept: &[u8], byte: u64, line_bytes: u64) {
        self.summary.rejected += 1;
        *self.rejects.entry(reason).or_default() += 1;
        if self.keeps_rejects {
            let line = self.summary.lines;
            self.summary.rejects.push(Reject { line, byte, reason, text: kept.to_vec(), line_bytes });
        }
    }

    fn reject_long_line(&mut self, line: &[u8], byte: u64, line_bytes: u64) -> Result<(), Error> {
        if self.mode == Mode::Unknown && self.headerless == Mode::Era {
            let why = format!("no `#Fields` header, and a line of more than {} bytes", self.sizes.line_bytes);
            return Err(Error::NotCloudFront { line: self.summary.lines, why });
        }
        let kept = line.get(..self.sizes.kept_line_bytes).unwrap_or(line);
        self.reject(RejectReason::LineTooLong, kept, byte, line_bytes);
        Ok(())
    }

    /// The text ends inside a line. One that is over the limit already is not kept until its end comes.
    fn stop_inside_line(&mut self, text: Text<'_>, start: usize) -> Result<ScanEnd, Error> {
        let line = text.bytes.get(start..).unwrap_or_default();
        // The last byte may be the CR of the line's end.
        if line.len() <= self.sizes.line_bytes + 1 {
            return Ok(ScanEnd::NeedsText { at: start });
        }
        let head = line.get(..self.sizes.kept_line_bytes).unwrap_or(line).to_vec();
        let byte = self.byte_at(start);
        self.long_line = Some(LongLine { head, byte, bytes: 0, is_blank: true, ends_in_cr: false });
        let at = self.continue_long_line(text, start)?;
        Ok(ScanEnd::NeedsText { at })
    }

    /// Goes on to the end of a line over the limit, as far as there is text.
    fn continue_long_line(&mut self, text: Text<'_>, from: usize) -> Result<usize, Error> {
        let rest = text.bytes.get(from..).unwrap_or_default();
        let newline = memchr(b'\n', rest);
        let piece = rest.get(..newline.unwrap_or(rest.len())).unwrap_or_default();
        let Some(mut long_line) = self.long_line.take() else { return Ok(from) };
        long_line.bytes += piece.len() as u64;
        long_line.is_blank &= piece.iter().all(|byte| is_blank(*byte));
        if let Some(last) = piece.last() {
            long_line.ends_in_cr = *last == b'\r';
        }
        match newline {
            None => {
                self.long_line = Some(long_line);
                Ok(text.bytes.len())
            }
            Some(at) => {
                self.close_long_line(long_line, true)?;
                Ok(from + at + 1)
            }
        }
    }

    /// A line over the limit, now that it has been seen whole.
    fn close_long_line(&mut self, long_line: LongLine, has_newline: bool) -> Result<(), Error> {
        let LongLine { head, byte, bytes, is_blank, ends_in_cr } = long_line;
        self.summary.lines += 1;
        if head.starts_with(b"#") {
            self.summary.comments += 1;
            if head.starts_with(b"#Fields:") {
                return Err(self.too_long_header());
            }
            return Ok(());
        }
        if is_blank {
            self.summary.blanks += 1;
            return Ok(());
        }
        self.reject_long_line(&head, byte, bytes - u64::from(has_newline && ends_in_cr))
    }
}

/// Before its layout is known, a line is split into as many cells as any era has, and one more for a TAB at its end.
const ERA_CELLS: usize = 34;

impl Sink<'_> {
    fn is_full(&self, rejects: usize) -> bool {
        match self {
            Self::Judge => false,
            Self::Batch { batch, mark, row_limit } => batch.is_full(*mark, rejects, *row_limit),
        }
    }

    fn drain(&mut self, text: Text<'_>, summary: &mut ObjectSummary) {
        if let Self::Batch { batch, .. } = self {
            batch.drain_block(text, summary);
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn as_i64(position: usize) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

/// Text positions fit 32 bits: no text buffer is as large as 4 GiB.
fn as_u32(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
