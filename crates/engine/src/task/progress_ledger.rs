//! Counts the progress that was reported for a task, so that it can be taken back if an attempt is abandoned.

use std::collections::BTreeSet;

use lakefront_storage::Object;

use crate::progress::{Event, Progress};

/// Progress that was reported for a task, by all attempts at it.
#[derive(Debug, Default)]
pub(super) struct ProgressLedger {
    /// Number of objects that the current attempt read; bytes and rows likewise.
    objects: u64,
    bytes: u64,
    rows: u64,
    /// Objects that were not converted.
    failures: BTreeSet<Object>,
}

impl ProgressLedger {
    /// Reports that objects, bytes and rows were read.
    pub(super) fn read(&mut self, progress: &dyn Progress, objects: u64, bytes: u64, rows: u64) {
        self.objects += objects;
        self.bytes += bytes;
        self.rows += rows;
        progress.on(Event::Read { objects, bytes, rows });
    }

    /// Reports that an object was not converted, unless an earlier attempt reported it. Returns whether it did.
    pub(super) fn failed(&mut self, progress: &dyn Progress, object: &Object, message: &str) -> bool {
        let is_new = self.failures.insert(object.clone());
        if is_new {
            progress.on(Event::ObjectFailed { object: object.location(), message: message.to_owned() });
        }
        is_new
    }

    /// Takes back the progress of the current attempt, because the task begins again.
    pub(super) fn take_back(&mut self, progress: &dyn Progress) {
        let (objects, bytes, rows) = (self.objects, self.bytes, self.rows);
        (self.objects, self.bytes, self.rows) = (0, 0, 0);
        progress.on(Event::TakenBack { objects, bytes, rows });
    }
}
