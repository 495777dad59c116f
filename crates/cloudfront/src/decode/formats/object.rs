//! The lines of one object in any format: comments, headers, blank and long lines; and what the first line of data says about
//! the format of those after it.

use lakefront_schema::fields;

use super::{
    options::{Delimiter, FormatOptions, LogFormat},
    row_format::RowFormat,
};
use crate::{
    FieldNames, RejectReason,
    decode::{
        DecodeOptions, DecodeSizes, LogDescription, ObjectSummary,
        batch::Sink,
        framing::lines::{LineFraming, LongLine, is_blank},
        layout::layouts::Layouts,
        records::Records,
        text::Text,
    },
    error::{Error, NotCloudFront},
};

const HEADER: &[u8] = b"#Fields:";

/// Kind of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LineKind {
    /// It was handled.
    Done,
    /// A row in this format.
    Row(RowFormat),
    /// Names of fields with this delimiter between them, and nothing before them.
    Names(Delimiter),
}

/// Progress through the lines of one object.
#[derive(Debug)]
pub(crate) struct ObjectLines {
    pub(crate) lines: LineFraming,
    pub(crate) records: Records,
    options: FormatOptions,
    /// Format of the next line of data; `None` if that line is the first, or the first after a `#Fields` line.
    format: Option<RowFormat>,
    /// Whether the header in force is a line of bare names.
    is_header_bare: bool,
    /// Whether the first line of data, without a header, is not text.
    is_binary: bool,
}

impl ObjectLines {
    pub(crate) fn new(options: &DecodeOptions, sizes: DecodeSizes, text_start: usize, keeps_rejects: bool) -> Self {
        Self {
            lines: LineFraming::new(sizes, text_start),
            records: Records::new(options, keeps_rejects),
            options: options.formats,
            format: None,
            is_header_bare: false,
            is_binary: false,
        }
    }

    /// Returns what is known of the log so far.
    pub(crate) fn description(&self) -> LogDescription {
        let (named_by, layout) = self.records.fields.in_force();
        LogDescription::new(self.format, self.is_header_bare, named_by, layout)
    }

    /// Returns the format of the next line of data, if it is known.
    #[inline]
    pub(crate) fn format(&self) -> Option<RowFormat> {
        self.format
    }

    /// Returns the number of rows that the sink still takes.
    #[inline]
    pub(crate) fn room(&self, sink: &Sink<'_>) -> usize {
        sink.room(self.records.rejects.num_kept(), self.records.fields.width())
    }

    /// Looks at the next line, which starts at text position `start`. Comments, blank lines and lines over the limit are counted
    /// and handled here; rows and names are left to the caller.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn look_at(&mut self, layouts: &mut Layouts, start: usize, line: &[u8]) -> Result<LineKind, Error> {
        match line.first() {
            Some(b'#') => {
                self.read_comment(layouts, line)?;
                return Ok(LineKind::Done);
            }
            None | Some(b' ' | b'\t' | b'\r') if is_blank(line) => {
                self.lines.count_line();
                self.records.summary.blanks += 1;
                return Ok(LineKind::Done);
            }
            _ => {}
        }
        if line.len() > self.lines.line_bytes() {
            let byte = self.lines.byte_at(start);
            self.lines.count_line();
            self.reject_long_line(self.lines.kept(line), byte, line.len() as u64)?;
            return Ok(LineKind::Done);
        }
        match self.format {
            // No row has nothing but names: read as one, it would be rejected, and those after it read by the wrong names.
            Some(RowFormat::Delimited(delimiter)) if self.is_names_line(line, delimiter) => {
                Ok(LineKind::Names(delimiter))
            }
            Some(format) => Ok(LineKind::Row(format)),
            None => self.look_at_first(line),
        }
    }

    /// Returns whether a line is a list of names, or repeats the line of names that is in force.
    fn is_names_line(&self, line: &[u8], delimiter: Delimiter) -> bool {
        let is_repeated = || {
            let names = self.records.fields.of_header().map(|layout| layout.names.iter().map(|name| name.as_bytes()));
            self.is_header_bare && names.is_some_and(|names| names.eq(delimiter.cells(line).map(|cell| &line[cell])))
        };
        are_all_names(line, delimiter) && delimiter.cells(line).nth(1).is_some() || is_repeated()
    }

    /// Looks at the first line of data: it decides what the object is, unless a header did.
    fn look_at_first(&mut self, line: &[u8]) -> Result<LineKind, Error> {
        let number = self.lines.lines() + 1;
        let FormatOptions { format, delimiter: given } = self.options;
        let given = given.map(|given| given.or_tab(line));
        if let Some(layout) = self.records.fields.of_header().filter(|_| format != Some(LogFormat::Json)) {
            let delimiter = given.map_or_else(|| Delimiter::under_header(line, layout, number), Ok)?;
            return Ok(LineKind::Row(RowFormat::Delimited(delimiter)));
        }
        if line.contains(&0) {
            return Err(Error::NotCloudFront { line: number, why: NotCloudFront::Binary });
        }
        let rows = LineKind::Row(RowFormat::Delimited(given.unwrap_or(Delimiter::TAB)));
        Ok(match format {
            Some(LogFormat::Json) => LineKind::Row(RowFormat::Json),
            Some(LogFormat::Plain) => {
                LineKind::Names(given.or_else(|| Delimiter::of_names(line)).unwrap_or(Delimiter::TAB))
            }
            Some(LogFormat::W3c | LogFormat::Raw | LogFormat::Parquet) => rows,
            None if line.starts_with(b"{") => LineKind::Row(RowFormat::Json),
            None => {
                let with_given = given.filter(|given| are_all_names(line, *given));
                let names = with_given.or_else(|| Delimiter::of_names(line));
                self.is_binary = names.is_none() && is_binary(line);
                names.map_or(rows, LineKind::Names)
            }
        })
    }

    /// Returns whether the first JSON object has to be a log's, as nobody said that it is one.
    pub(crate) fn is_json_found(&self) -> bool {
        self.options.format.is_none()
    }

    /// Counts a line of data in this format, and returns its number, from 1.
    #[inline]
    pub(crate) fn count_row(&mut self, format: RowFormat) -> u64 {
        if self.format.is_none() {
            self.format = Some(format);
            if self.records.fields.of_header().is_none() {
                self.records.fields.begin_without_header();
            }
        }
        self.lines.count_line()
    }

    /// Takes a line of bare names as header.
    ///
    /// # Errors
    /// The names are not those of a web log.
    pub(crate) fn read_names(&mut self, layouts: &mut Layouts, line: &[u8], delimiter: Delimiter) -> Result<(), Error> {
        let number = self.lines.count_line();
        self.records.summary.comments += 1;
        let names: Vec<&[u8]> = delimiter.cells(line).map(|cell| &line[cell]).collect();
        self.records.fields.read_header(layouts, &names.join(&b' '), number)?;
        self.format = Some(RowFormat::Delimited(delimiter));
        self.is_header_bare = true;
        Ok(())
    }

    fn read_comment(&mut self, layouts: &mut Layouts, line: &[u8]) -> Result<(), Error> {
        self.lines.count_line();
        self.records.summary.comments += 1;
        let Some(names) = line.strip_prefix(HEADER) else { return Ok(()) };
        if line.len() > self.lines.line_bytes() {
            return Err(self.long_header());
        }
        self.format = None;
        self.is_header_bare = false;
        self.records.fields.read_header(layouts, names, self.lines.lines())
    }

    /// Returns an error about a line of data; if that is not text, nothing else is said of it.
    #[cold]
    pub(crate) fn if_text(&self, error: Error) -> Error {
        if let Error::NotCloudFront { line, why: NotCloudFront::CellCount { .. } } = error
            && self.is_binary
        {
            return Error::NotCloudFront { line, why: NotCloudFront::Binary };
        }
        error
    }

    /// Takes a line over the limit that reached over the end of a block.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read_long_line(&mut self, long_line: &LongLine) -> Result<(), Error> {
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
        let number = self.lines.lines();
        if self.records.fields.awaits_header() {
            let why = NotCloudFront::LongLine { limit_bytes: self.lines.line_bytes() };
            return Err(Error::NotCloudFront { line: number, why });
        }
        self.records.rejects.add(RejectReason::LineTooLong, number, byte, kept, line_bytes);
        Ok(())
    }

    fn long_header(&self) -> Error {
        let why = NotCloudFront::LongHeader { limit_bytes: self.lines.line_bytes() };
        Error::NotCloudFront { line: self.lines.lines(), why }
    }

    /// Returns the object's summary after its last line, and adds the fields that no column uses to `unclaimed`. `text_end`
    /// is the end of the object's text, `cells` the text of the last rows' cells.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn finish(
        mut self,
        text_end: usize,
        cells: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
    ) -> Result<ObjectSummary, Error> {
        if let Some(long_line) = self.lines.end() {
            self.read_long_line(&long_line)?;
        }
        let (lines, text_bytes) = (self.lines.lines(), self.lines.byte_at(text_end));
        let summary = self.records.finish(cells, sink, unclaimed, self.is_binary)?;
        Ok(ObjectSummary { text_bytes, lines, ..summary })
    }
}

/// Returns whether every cell of a line is the name of a field.
fn are_all_names(line: &[u8], delimiter: Delimiter) -> bool {
    let is_name = |cell: &[u8]| std::str::from_utf8(cell).is_ok_and(fields::is_known_field);
    delimiter.cells(line).all(|cell| is_name(&line[cell]))
}

/// Returns whether the line cannot be a log's: CloudFront escapes control characters, and all that is not ASCII.
fn is_binary(line: &[u8]) -> bool {
    std::str::from_utf8(line).is_err() || line.iter().any(|&byte| byte < b' ' && !matches!(byte, b'\t' | b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cloudfront_would_escape_is_binary() {
        assert!(is_binary(b"\x01") && is_binary(b"a\xffb") && !is_binary(b"2024-05-17\t/%C3\r"));
    }
}
