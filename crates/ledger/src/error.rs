//! Failures of the commit protocol: each names the object of the state, the table or the epoch that it concerns.

use std::{fmt, sync::Arc};

use lakefront_storage::{Source, printable_name};

use crate::paths;

/// A failure that stops the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A record, a plan or another object of the state is missing, damaged or of another table.
    #[error("commit: {location}: {what}")]
    Damaged {
        /// The object.
        location: String,
        /// Its kind, which decides how its content can be restored.
        kind: RecordKind,
        /// The fault, as a predicate: "is missing".
        what: String,
    },
    /// A newer version of the program wrote an object of the state.
    #[error("commit: {location}: has format {format}, and this version reads formats up to {newest}")]
    NewerFormat {
        /// The object.
        location: String,
        /// Its format.
        format: u32,
        /// The newest format that this version reads.
        newest: u32,
    },
    /// A file in the state folder has a name that this program never uses.
    #[error("commit: {location}: {FOREIGN}")]
    Foreign {
        /// The file.
        location: String,
    },
    /// A state has no `table.json`, but has other objects.
    #[error("commit: {location}: is missing, but the state has `{other}`")]
    NoTableRecord {
        /// Location at which `table.json` should be.
        location: String,
        /// One of the other objects, printable.
        other: String,
    },
    /// A table has data files, but its state has no epoch.
    #[error("commit: {table}: is not empty, but its state has no epoch")]
    NoEpochs {
        /// The table.
        table: String,
    },
    /// A table's folder is gone, although rows were written to it.
    #[error("commit: {table}: is gone, but its state says that rows were written to it")]
    TableGone {
        /// The table.
        table: String,
    },
    /// The `seen` objects are not those that existed when the last complete epoch ended.
    #[error("commit: {location}: does not have exactly the {objects} objects that it had at the end of epoch {epoch}")]
    OtherProcessed {
        /// The folder of the `seen` objects.
        location: String,
        /// Number of objects that should be there.
        objects: u64,
        /// The last complete epoch.
        epoch: u64,
    },
    /// The destination is not empty, and has no state.
    #[error("store: {location}: is not empty, and has no state at `{state}`")]
    NotEmpty {
        /// The table.
        location: String,
        /// Location at which its state should be.
        state: String,
    },
    /// The table does not exist.
    #[error("table: {location}: no such table")]
    NoTable {
        /// Location at which it should be.
        location: String,
    },
    /// A table at the root of the local disk.
    #[error("table: `/` cannot be a table: its state is in a folder next to it")]
    TableIsRoot,
    /// A state at the root of the local disk.
    #[error("state: `/`: the root folder cannot be a state")]
    StateIsRoot,
    /// A table that is a whole bucket: there is no place next to it for its state.
    #[error("table: {bucket}: a whole bucket has no place next to it for the state")]
    TableIsBucket {
        /// The bucket.
        bucket: String,
    },
    /// A table and its state are in different stores.
    #[error("state: `{state}`: must be in the table's bucket, or on the local disk if the table is")]
    StateElsewhere {
        /// The state.
        state: String,
    },
    /// A table is inside its state, or the state inside the table.
    #[error("store: the table {table} and its state {state} overlap")]
    StateInTable {
        /// The table.
        table: String,
        /// The state.
        state: String,
    },
    /// Another run works on the table.
    #[error("commit: {holder} is working on the table: {until}")]
    Active {
        /// The open epoch.
        epoch: u64,
        /// The run that works on it.
        holder: String,
        /// The time until which that run counts as active.
        until: ActiveUntil,
    },
    /// The store overwrites an existing name although it was requested not to.
    #[error("commit: {location}: this store ignores put-if-absent, so two runs could write at the same time")]
    NoConditions {
        /// The state.
        location: String,
    },
    /// An object exists, but its bytes are not the expected ones.
    #[error("commit: {location}: already exists with other bytes")]
    Unequal {
        /// The object.
        location: String,
        /// Its kind, which decides how its content can be restored.
        kind: RecordKind,
    },
    /// Inputs vanished after an earlier run of the same task may have stored rows of them: only an operator may decide.
    #[error(
        "commit: {table}: epoch {epoch} is open, and {inputs} vanished, changed or became unreadable since an earlier run began to store the rows of task {task}: was the folder moved or unmounted, or is access to it denied? Restore these logs if you can, because `resolve` deletes their rows"
    )]
    MissedInputs {
        /// The table.
        table: String,
        /// The epoch.
        epoch: u64,
        /// The task.
        task: u32,
        /// The first of the inputs.
        inputs: String,
    },
    /// A table knows a source by an identity that differs from the one of this run.
    #[error(
        "list: {source_location} {}: the table {table} knows {}, so every log in it would be new, and all its rows would be in the table twice",
        named(source_location),
        known_text(known, source_location)
    )]
    OtherIdentity {
        /// The source as this run names it.
        source_location: Box<Source>,
        /// The source that the table knows.
        known: Box<Source>,
        /// The table.
        table: String,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(Arc<lakefront_storage::Error>),
}

/// Text about a file in the state folder that does not belong to the state.
pub const FOREIGN: &str = "is not an object that lakefront writes";

/// Kind of an object of the state, by how its content can be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// It can be regenerated from the log, the plans and the commits: `seen` and `closed`.
    Derived,
    /// It belongs to a task that can be executed again: `gone`.
    OfTask,
    /// No other object has its content.
    Unique,
}

impl RecordKind {
    /// Returns the kind of the object of a state that has this name.
    pub fn of(name: &str) -> Self {
        match paths::folder_of(name) {
            "seen" | "closed" => Self::Derived,
            "gone" => Self::OfTask,
            _ => Self::Unique,
        }
    }
}

/// The time until which another run counts as active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActiveUntil {
    /// Until its lease expires, if it is not renewed.
    LeaseEnds {
        /// Seconds left.
        seconds: u64,
    },
    /// Until it releases this lock.
    Unlocked {
        /// Location of the lock.
        lock: String,
    },
}

impl fmt::Display for ActiveUntil {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaseEnds { seconds } => write!(out, "its lease expires in {seconds} s unless it is renewed"),
            Self::Unlocked { lock } => write!(out, "it has the lock {lock}"),
        }
    }
}

fn named(source: &Source) -> String {
    source
        .id()
        .map_or_else(|| "without a source id".to_owned(), |id| format!("as `--source-id {}`", printable_name(id)))
}

fn known_text(known: &Source, source: &Source) -> String {
    if known.place_text() == source.place_text() {
        format!("it {}", named(known))
    } else {
        format!("{known} {}", named(known))
    }
}

impl Error {
    /// Returns whether another run works on the table.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// Returns whether the command line was wrong, so that nothing was changed.
    pub fn is_usage(&self) -> bool {
        if let Self::Storage(error) = self { error.is_usage() } else { matches!(self, Self::OtherIdentity { .. }) }
    }

    /// Returns the fault of an object of the state, or of the table, that is not as this program left it; `None` for
    /// other errors. Reading the state again may help, because another run may have changed it in between.
    pub fn fault(&self) -> Option<String> {
        let (Self::Damaged { location: place, .. }
        | Self::NewerFormat { location: place, .. }
        | Self::Foreign { location: place }
        | Self::NoTableRecord { location: place, .. }
        | Self::OtherProcessed { location: place, .. }
        | Self::NoEpochs { table: place }
        | Self::TableGone { table: place }) = self
        else {
            return None;
        };
        let text = self.to_string();
        let (_, what) = text.split_once(&format!("{place}: ")).expect("the text names the place");
        Some(what.to_owned())
    }

    /// Returns whether the state, or the table, is not as this program left it.
    pub fn is_state_fault(&self) -> bool {
        self.fault().is_some()
    }

    /// Wraps an error of `storage`, which names the object itself.
    pub fn storage(error: lakefront_storage::Error) -> Self {
        Self::Storage(Arc::new(error))
    }
}
