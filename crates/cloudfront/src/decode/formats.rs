//! Formats of logs: text in, records out.
//!
//! - [`w3c`]: TAB-separated lines, whose cells stay where they are in the text. The fast way.
//! - [`rewritten`]: lines of any other format, whose cells are written one after another into a text of their own:
//!   [`delimited`] by another delimiter, or [`json`].
//! - [`parquet`]: files of columns, whose rows are written like lines.
//! - [`options`]: what a caller may say about them.
//! - [`object`]: what is the same for all: lines, comments, headers, and which format the next line of data has.
//!
//! What a record of cells means is the same for all formats, and is in [`super::records`].

use super::{
    DecodeOptions, DecodeSizes, LogDescription, ObjectSummary, batch::Sink, framing::shared_text::SharedText,
    layout::layouts::Layouts, text::Text,
};
use crate::{Error, FieldNames, Reject};

use self::{object::ObjectLines, rewritten::Rewriter, w3c::TabReader};

pub(crate) mod delimited;
mod json;
mod object;
pub(crate) mod options;
pub(crate) mod parquet;
mod rewritten;
pub(crate) mod row_format;
mod row_writer;
mod w3c;

/// A stretch of an object's text.
#[derive(Clone, Copy)]
pub(crate) struct Stretch<'t> {
    pub(crate) text: Text<'t>,
    /// Text position of the first line to read.
    pub(crate) from: usize,
    /// Text position at or after which no line to read starts.
    pub(crate) until: usize,
    /// Whether the object ends with the text, so that its last line needs no end.
    pub(crate) is_last: bool,
}

impl<'t> Stretch<'t> {
    /// Returns all lines from text position `from` to the end of the object.
    pub(crate) fn rest(text: Text<'t>, from: usize) -> Self {
        Self { text, from, until: usize::MAX, is_last: true }
    }
}

/// Reason why a format stopped reading, and the text position of the next line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// All whole lines are read.
    NeedsText { at: usize },
    /// The sink has as many rows and rejects, or as much text, as it takes.
    IsFull { at: usize },
    /// The next lines are to be [rewritten](LogReader::read_rewritten).
    IsRewritten { at: usize },
}

/// Reads one object.
#[derive(Debug)]
pub(crate) struct LogReader {
    object: ObjectLines,
    tabs: TabReader,
    rewriter: Rewriter,
}

impl LogReader {
    /// Begins an object whose text starts at position `text_start`. `keeps_rejects`: rejected lines are kept, and not only
    /// counted.
    pub(crate) fn new(options: &DecodeOptions, sizes: DecodeSizes, text_start: usize, keeps_rejects: bool) -> Self {
        Self {
            object: ObjectLines::new(options, sizes, text_start, keeps_rejects),
            tabs: TabReader::default(),
            rewriter: Rewriter::default(),
        }
    }

    /// Takes note that the text at position `from` was moved to position `to`.
    pub(crate) fn move_text(&mut self, from: usize, to: usize) {
        self.object.lines.move_text(from, to);
    }

    /// Returns what is known of the log so far.
    pub(crate) fn description(&self) -> LogDescription {
        self.object.description()
    }

    /// Returns the rejected lines since the last call.
    pub(crate) fn take_rejects(&mut self) -> Vec<Reject> {
        self.object.records.rejects.take()
    }

    /// Moves rows that wait in the sink to its columns, before the text of their cells goes away.
    pub(crate) fn drain(&mut self, cells: Text<'_>, sink: &mut Sink<'_>) {
        sink.drain(cells.padded(), &mut self.object.records.summary);
    }

    /// Reads whole lines whose cells are used where they are in the text.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read(
        &mut self,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        self.tabs.read(&mut self.object, layouts, stretch, sink)
    }

    /// Reads whole lines of any format, and writes the cells of their rows to the end of `cells`.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn read_rewritten(
        &mut self,
        layouts: &mut Layouts,
        stretch: Stretch<'_>,
        cells: &mut SharedText,
        sink: &mut Sink<'_>,
    ) -> Result<Stop, Error> {
        self.rewriter.read(&mut self.object, layouts, stretch, cells, sink)
    }

    /// Returns the object's summary after its last line, and adds the fields that no column uses to `unclaimed`. `text_end`
    /// is the end of the object's text, `cells` the text of the last rows' cells.
    ///
    /// # Errors
    /// The verdict on the object.
    pub(crate) fn finish(
        self,
        text_end: usize,
        cells: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
    ) -> Result<ObjectSummary, Error> {
        self.object.finish(text_end, cells, sink, unclaimed)
    }
}
