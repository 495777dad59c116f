//! Records of any format in; rows, rejects and counts out: the meaning of a record is the same for all formats.
//!
//! A record becomes a row if its hour is known; else it is rejected, and the object goes on.

use std::collections::HashSet;

use super::{
    DecodeOptions, MAX_HOURS, ObjectSummary,
    batch::Sink,
    layout::in_force::FieldsInForce,
    moment::Clock,
    rejects::Rejects,
    text::{Cells, Text, as_u32},
};
use crate::{Error, FieldNames};

/// A line, split into cells.
#[derive(Clone, Copy)]
pub(crate) struct Record<'r> {
    /// Line number in the object, from 1.
    pub(crate) line: u64,
    /// Text position of the line.
    pub(crate) start: usize,
    /// Offset of the line in the object's text.
    pub(crate) byte: u64,
    /// The line without its end.
    pub(crate) bytes: &'r [u8],
    /// Ends of its cells, as many as can matter; then leftovers.
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
    last_hour: i64,
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
            last_hour: i64::MIN,
        }
    }

    /// Takes a record under the layout in force.
    ///
    /// # Errors
    /// [`Error::TooManyHours`].
    #[inline]
    pub(crate) fn take(&mut self, text: Text<'_>, record: Record<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
        let Record { line, start, byte, bytes, ends, cells: count, lossy_cells } = record;
        let layout = self.fields.layout();
        let width = layout.width;
        let cells = Cells { start: as_u32(start), ends: &ends[..count.min(width)] };
        let moment = match self.clock.moment(text, cells, layout) {
            Ok(moment) => moment,
            Err(reason) => {
                self.rejects.add(reason, line, byte, bytes, bytes.len() as u64);
                return Ok(());
            }
        };
        let hour = moment.second.div_euclid(3600);
        if hour != self.last_hour {
            self.last_hour = hour;
            self.hours.insert(hour);
            if self.hours.len() > MAX_HOURS {
                return Err(Error::TooManyHours { line, limit: MAX_HOURS });
            }
        }
        self.summary.rows += 1;
        self.summary.padded_rows += u64::from(count < width);
        self.summary.rows_with_extra_cells += u64::from(count > width);
        self.summary.lossy_cells += lossy_cells;
        if let Sink::Batch { batch, .. } = sink {
            batch.push(text, cells, moment, line, layout, &mut self.summary);
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
        sink.drain(text, &mut self.summary);
        unclaimed.extend(self.fields.unclaimed());
        Ok(ObjectSummary { rejected, rejects: self.rejects.take(), ..self.summary })
    }
}
