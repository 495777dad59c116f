//! Why a run stops. What concerns one row is a reject, what concerns one object an outcome: neither is here.

use std::sync::Arc;

/// A failure that stops the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Someone asked for it: Ctrl-C, SIGTERM.
    #[error("stopped before the end; what is stored is whole, but the table is incomplete")]
    Stopped,
    /// A glob that is none.
    #[error("`{flag} {glob}`: no glob")]
    Glob {
        /// The flag it was given with.
        flag: &'static str,
        /// What was given.
        glob: String,
        /// Why.
        #[source]
        source: globset::Error,
    },
    /// Less memory than a task needs.
    #[error("plan: {memory_bytes} bytes of memory are too few\nhint: `--memory-bytes` must be at least {least_bytes}")]
    Memory {
        /// What was given.
        memory_bytes: u64,
        /// What is needed.
        least_bytes: u64,
    },
    /// A source and the table share objects.
    #[error(
        "list: the source {source_location} and the table {table} overlap\nhint: keep logs and table in folders of their own"
    )]
    Overlap {
        /// The source.
        source_location: String,
        /// The table.
        table: String,
    },
    /// There is something at the destination already.
    #[error(
        "store: {location}: not empty\nhint: this version converts into a new table only: choose another folder, or remove this one and `{state}`"
    )]
    NotEmpty {
        /// The folder that is not empty.
        location: String,
        /// The state folder.
        state: String,
    },
    /// No object was found.
    #[error(
        "list: no log object {what}\nhint: check the source and the selection, or pass `--allow-empty` if that is fine"
    )]
    NoObjects {
        /// Below which sources, and under which selection.
        what: String,
    },
    /// More rejects than `--max-rejects`.
    #[error(
        "decode: {rejects} rows were rejected beside {rows} good ones, more than `--max-rejects` allows\nhint: they stand in `{quarantine}`"
    )]
    TooManyRejects {
        /// Rows so far.
        rows: u64,
        /// Rejects so far.
        rejects: u64,
        /// Where to look.
        quarantine: String,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(Arc<lakefront_storage::Error>),
    /// Encoding failed.
    #[error(transparent)]
    Table(lakefront_table::Error),
    /// SQL text could not be made.
    #[error(transparent)]
    Ddl(lakefront_table::ddl::DdlError),
    /// Columns do not fit together: a fault of this program.
    #[error("{object}: columns do not fit the table schema\nhint: please report this")]
    Columns {
        /// The task's first object.
        object: String,
        /// What Arrow says.
        #[source]
        source: arrow::error::ArrowError,
    },
    /// Threads could not be started.
    #[error("plan: cannot start {threads} threads\nhint: lower `--threads`")]
    Threads {
        /// How many.
        threads: usize,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// A worker died: a fault of this program.
    #[error("a worker died\nhint: please report this, with the message above")]
    Worker,
    /// There is no table.
    #[error("ddl: {location}: no such table\nhint: name the folder that `lakefront convert` wrote")]
    NoTable {
        /// Where it should be.
        location: String,
    },
    /// Partition folders of different depths, or names that are not this program's.
    #[error(
        "ddl: {location}: `{name}` is not a data file of one table with the others\nhint: name the root of a table that lakefront wrote"
    )]
    ForeignFile {
        /// The table.
        location: String,
        /// The file's name below it.
        name: String,
    },
    /// The table was written with another table schema than the one given, or one that is not known.
    #[error(
        "ddl: {location}: written with table schema `{written}`, not `{given}`\nhint: pass the schema file it was made with as `--schema`"
    )]
    OtherSchema {
        /// The table.
        location: String,
        /// Name and fingerprint in the data file.
        written: String,
        /// Name and fingerprint of the schema at hand.
        given: String,
    },
}

impl Error {
    /// For `map_err`: an error of `storage`, which names the object itself.
    pub(crate) fn storage(error: lakefront_storage::Error) -> Self {
        if error.is_stopped() { Self::Stopped } else { Self::Storage(Arc::new(error)) }
    }
}
