//! How far a run is: events for whoever draws them. Nothing here knows a terminal.

/// Something happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// So many objects are listed.
    Listed {
        /// Objects so far.
        objects: u64,
    },
    /// The plan is made.
    Planned {
        /// Objects to read.
        objects: u64,
        /// Compressed bytes to read.
        bytes: u64,
        /// Tasks to work on.
        tasks: u64,
    },
    /// So much was read since the last event. The bytes and rows of a large object are told as it is read.
    Read {
        /// Objects that are done: converted, failed or gone.
        objects: u64,
        /// Compressed bytes.
        bytes: u64,
        /// Rows.
        rows: u64,
    },
    /// A task begins again: of what was read, so much will be read and told once more.
    TakenBack {
        /// Objects.
        objects: u64,
        /// Compressed bytes.
        bytes: u64,
        /// Rows.
        rows: u64,
    },
    /// An object was not converted.
    ObjectFailed {
        /// Which one, printable.
        object: String,
        /// Why.
        message: String,
    },
    /// A task's data files are stored.
    TaskDone,
}

/// Takes events, from any thread.
pub trait Progress: Sync {
    /// Takes one.
    fn on(&self, event: Event);
}

/// Draws nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn on(&self, _event: Event) {}
}
