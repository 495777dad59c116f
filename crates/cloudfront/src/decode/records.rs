//! Records of any format in; rows, rejects and counts out: the meaning of a record is the same for all formats.
//!
//! A record becomes a row if its hour is known; else it is rejected, and the object goes on.

use std::{collections::HashSet, sync::Arc};

use super::{
    DecodeOptions, MAX_HOURS, ObjectSummary,
    batch::{Row, Sink},
    layout::in_force::FieldsInForce,
    moment::{Clock, Moment},
    rejects::Rejects,
    text::{Cells, Text, as_u32},
};
use crate::{Error, FieldNames};

/// A line, split into cells.
#[derive(Clone, Copy)]
pub(crate) struct Record<'r> {
    /// Line number in the object, from 1.
    pub(crate) line: u64,
    /// Text position of the first cell.
    pub(crate) start: usize,
    /// Offset of the line in the object's text.
    pub(crate) byte: u64,
    /// The line without its end.
    pub(crate) bytes: &'r [u8],
    /// Ends of its cells, as many as can matter; then leftovers. A missing cell ends where the one before it does.
    pub(crate) ends: &'r [u32],
    /// Number of its cells.
    pub(crate) cells: usize,
    /// Number of its cells that are not UTF-8.
    pub(crate) lossy_cells: u64,
}

/// The records of one object so far.
#[derive(Debug)]
pub(crate) struct Records {
    pub(crate) summary: ObjectSummary,
    pub(crate) fields: FieldsInForce,
    pub(crate) rejects: Rejects,
    clock: Clock,
    hours: HashSet<i64>,
    /// First second of the last record's hour.
    hour_start: i64,
}

impl Records {
    /// Begins an object. `keeps_rejects`: rejected lines are kept, and not only counted.
    pub(crate) fn new(options: &DecodeOptions, keeps_rejects: bool) -> Self {
        let nulled_cells = vec![0; options.schema.columns().len()];
        Self {
            summary: ObjectSummary { nulled_cells, ..ObjectSummary::default() },
            fields: FieldsInForce::new(&options.fields),
            rejects: Rejects::new(keeps_rejects),
            clock: Clock::new(options.latest_second),
            hours: HashSet::new(),
            hour_start: i64::MAX,
        }
    }

    /// Takes a record under the layout in force. Returns whether it is a row, and not rejected.
    ///
    /// # Errors
    /// [`Error::TooManyHours`].
    #[inline]
    pub(crate) fn take(&mut self, text: Text<'_>, record: Record<'_>, sink: &mut Sink<'_>) -> Result<bool, Error> {
        let Record { line, start, byte, bytes, ends, cells: count, lossy_cells } = record;
        let layout = Arc::clone(self.fields.layout());
        let width = layout.width;
        let cells = Cells { start: as_u32(start), ends: &ends[..count.min(width)] };
        let moment = match self.clock.moment(text, cells, &layout) {
            Ok(moment) => moment,
            Err(reason) => {
                self.rejects.add(reason, line, byte, bytes, bytes.len() as u64);
                return Ok(false);
            }
        };
        if !self.has_seen(moment) {
            self.see(moment, line)?;
        }
        self.summary.rows += 1;
        self.summary.padded_rows += u64::from(count < width);
        self.summary.rows_with_extra_cells += u64::from(count > width);
        self.summary.lossy_cells += lossy_cells;
        if let Sink::Batch { batch, .. } = sink {
            batch.push(text.padded(), Row { cells, moment, line }, &layout, text.is_utf8, &mut self.summary);
        }
        Ok(true)
    }

    /// Takes regular records under the layout in force, from line `first_line` on: neighbours in a text that is UTF-8, each
    /// with as many cells as the layout has names, and with a moment whose hour was [seen](Self::see). `bounds` are the text
    /// position before the first record, and the ends of all cells.
    pub(crate) fn take_regular(
        &mut self,
        text: Text<'_>,
        bounds: &[u32],
        moments: &[Moment],
        first_line: u64,
        sink: &mut Sink<'_>,
    ) {
        self.summary.rows += moments.len() as u64;
        if let Sink::Batch { batch, .. } = sink {
            let layout = self.fields.layout();
            batch.push_regular(text.padded(), bounds, moments, first_line, layout, &mut self.summary);
        }
    }

    /// Returns the moment of a record if it is possible and its hour is known already; `None` says nothing.
    #[inline]
    pub(crate) fn regular_moment(&mut self, text: Text<'_>, cells: Cells<'_>) -> Option<Moment> {
        let layout = self.fields.layout();
        let moment = match layout.plain_moment {
            Some((date, time)) => {
                let date = cells.get(text, Some(date))?.first_chunk().filter(|_| cells.len(date) == 10)?;
                let time = cells.get(text, Some(time))?.first_chunk().filter(|_| cells.len(time) == 8)?;
                self.clock.plain_moment(date, *time)?
            }
            None => self.clock.moment(text, cells, layout).ok()?,
        };
        self.has_seen(moment).then_some(moment)
    }

    #[inline]
    fn has_seen(&self, moment: Moment) -> bool {
        moment.second >= self.hour_start && moment.second - self.hour_start < 3600
    }

    /// Takes note of the hour of a record in `line`.
    ///
    /// # Errors
    /// [`Error::TooManyHours`].
    fn see(&mut self, moment: Moment, line: u64) -> Result<(), Error> {
        let hour = moment.second.div_euclid(3600);
        self.hour_start = hour * 3600;
        self.hours.insert(hour);
        if self.hours.len() > MAX_HOURS {
            return Err(Error::TooManyHours { line, limit: MAX_HOURS });
        }
        Ok(())
    }

    /// Returns the object's summary, without the counts of its lines, and adds the fields that no column uses to
    /// `unclaimed`.
    ///
    /// # Errors
    /// [`Error::AllRowsRejected`]: the object was not understood.
    pub(crate) fn finish(
        mut self,
        text: Text<'_>,
        sink: &mut Sink<'_>,
        unclaimed: &mut FieldNames,
        is_binary: bool,
    ) -> Result<ObjectSummary, Error> {
        let rejected = self.rejects.count();
        if self.summary.rows == 0 && rejected > 0 {
            return Err(self.rejects.all_rejected(self.fields.named_by(), is_binary));
        }
        sink.drain(text.padded(), &mut self.summary);
        unclaimed.extend(self.fields.unclaimed());
        Ok(ObjectSummary { rejected, rejects: self.rejects.take(), ..self.summary })
    }
}
