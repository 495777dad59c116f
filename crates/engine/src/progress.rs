//! Progress of a run, as events. This module does not know terminals.

/// A progress event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Objects were listed.
    Listed {
        /// Number of objects so far.
        objects: u64,
    },
    /// The plan is made.
    Planned {
        /// Number of objects to read.
        objects: u64,
        /// Number of compressed bytes to read.
        bytes: u64,
        /// Number of tasks to execute.
        tasks: u64,
    },
    /// Data was read since the last event. The bytes and rows of a large object are reported while it is read.
    Read {
        /// Number of objects that are done: converted, failed or gone.
        objects: u64,
        /// Number of compressed bytes.
        bytes: u64,
        /// Number of rows.
        rows: u64,
    },
    /// A task begins again: this part of the data that was read will be read and reported again.
    TakenBack {
        /// Number of objects.
        objects: u64,
        /// Number of compressed bytes.
        bytes: u64,
        /// Number of rows.
        rows: u64,
    },
    /// An object was not converted.
    ObjectFailed {
        /// The location of the object, printable.
        object: String,
        /// The reason.
        message: String,
    },
    /// A task's data files are stored.
    TaskDone,
}

/// Receiver of events, called from any thread.
pub trait Progress: Sync {
    /// Called with an event.
    fn on(&self, event: Event);
}

/// A receiver that ignores all events.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _event: Event) {}
}
