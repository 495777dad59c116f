//! Why an operation stops. What concerns one row is a reject, what concerns one object an outcome: neither is here.

use std::sync::Arc;

use lakefront_ledger::ActiveUntil;

/// A failure that stops an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pattern is not a glob.
    #[error("`{flag} {glob}`: not a glob: {why}")]
    Glob {
        /// The flag it was given with.
        flag: &'static str,
        /// The pattern, escaped.
        glob: String,
        /// Why it is not valid, escaped.
        why: String,
    },
    /// A source and the table share objects.
    #[error("list: the source {source_location} and the table {table} overlap")]
    Overlap {
        /// The source.
        source_location: String,
        /// The table.
        table: String,
    },
    /// A source is a table or a state, or is inside one.
    #[error("list: the source {source_location} {what}")]
    SourceIsTable {
        /// The source.
        source_location: String,
        /// What it is, or is inside of.
        what: String,
    },
    /// Sources with ids share objects.
    #[error("list: the sources {one} and {other} overlap, and have different ids")]
    SourcesOverlap {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// A new table or its state is inside another table or state.
    #[error("store: {inner}: lies in {what} {around}")]
    TableInTable {
        /// `the table` or `the state`.
        inner: String,
        /// The table or the state of a table.
        what: &'static str,
        /// The folder around it.
        around: String,
    },
    /// The table was made for one writer at a time.
    #[error("commit: {table}: made with `--single-writer`, as its store ignores put-if-absent")]
    SingleWriter {
        /// The table.
        table: String,
    },
    /// Another version of the program planned the open epoch: only an operator may decide about it.
    #[error(
        "commit: {table}: epoch {epoch} is open, and version {planned_by} planned it: this one, {program}, would write other bytes under the same names"
    )]
    OtherLayout {
        /// The table.
        table: String,
        /// The epoch.
        epoch: u64,
        /// The version that planned it.
        planned_by: String,
        /// This version.
        program: String,
    },
    /// The data files that were stored last have other bytes than the state says.
    #[error(
        "commit: {table}: holds data files of these names, but with other bytes than the state {state} says were written last"
    )]
    OtherFiles {
        /// The table.
        table: String,
        /// Its state.
        state: String,
    },
    /// The data files that were stored last are missing.
    #[error("commit: {table}: holds none of the data files that the state {state} says were written last")]
    NoFiles {
        /// The table.
        table: String,
        /// Its state.
        state: String,
    },
    /// A table has data files of epochs that its state does not have.
    #[error("commit: {location}: is of an epoch that the log does not have: it ends with {last_epoch}")]
    LaterFile {
        /// The data file.
        location: String,
        /// The last epoch in the log.
        last_epoch: u64,
    },
    /// The table cannot become what was asked for.
    #[error("plan: `{flag}`: the table {table} is made with {is}")]
    OtherSettings {
        /// The flag.
        flag: &'static str,
        /// The table.
        table: String,
        /// The table's own setting.
        is: String,
    },
    /// The table schema has more columns than the table.
    #[error(
        "plan: `--schema`: the table {table} is made with `{is}`, and `{asked}` as given has {columns} columns more, the first of them `{first}`"
    )]
    LongerSchema {
        /// The table.
        table: String,
        /// The name in the schema that was asked for.
        asked: String,
        /// The name of the table's schema.
        is: String,
        /// Number of columns that it has more.
        columns: usize,
        /// The first of them.
        first: String,
    },
    /// A report would be written over a log, or into the table or its state.
    #[error("report: {report}: lies in {what}")]
    ReportPlace {
        /// The report's file.
        report: String,
        /// What it is inside of.
        what: String,
    },
    /// No object was found.
    #[error("list: no log object below {below}")]
    NoObjects {
        /// The sources.
        below: String,
    },
    /// Objects were found, and the selection takes none of them.
    #[error("list: no log is selected: {objects} logs found below {below}; {why}")]
    NoneSelected {
        /// Number of objects.
        objects: u64,
        /// The sources.
        below: String,
        /// Why none is taken.
        why: String,
    },
    /// The clock is before that of the last run.
    #[error("plan: it is {now} by this machine's clock, and the table's last epoch was planned at {last}")]
    ClockBehind {
        /// The clock of this run.
        now: String,
        /// The clock of the run that planned the last epoch.
        last: String,
    },
    /// There is no such epoch.
    #[error("ddl: there is no epoch {epoch}: the last that is closed is {last}")]
    NoEpoch {
        /// The epoch that was asked for.
        epoch: u64,
        /// The last one.
        last: u64,
    },
    /// Partition folders of different depths, or names that are not this program's.
    #[error("ddl: {location}: `{name}` is not a data file of one table with the others")]
    ForeignFile {
        /// The table.
        location: String,
        /// The file's name below it.
        name: String,
    },
    /// The table was written with another table schema than the one given, or one that is not known.
    #[error("ddl: {location}: written with table schema `{written}`, not `{given}`")]
    OtherSchema {
        /// The table.
        location: String,
        /// Name and fingerprint in the data file.
        written: String,
        /// Name and fingerprint of the schema at hand.
        given: String,
    },
    /// Executing tasks failed.
    #[error(transparent)]
    Engine(#[from] lakefront_engine::Error),
    /// The commit protocol failed.
    #[error(transparent)]
    Ledger(#[from] lakefront_ledger::Error),
    /// Reading or writing failed.
    #[error(transparent)]
    Storage(Arc<lakefront_storage::Error>),
    /// SQL text could not be made.
    #[error(transparent)]
    Ddl(lakefront_table::ddl::DdlError),
}

impl Error {
    /// Returns whether another run works on the table.
    pub fn is_active(&self) -> bool {
        self.ledger().is_some_and(lakefront_ledger::Error::is_active)
    }

    /// Returns whether the wrong thing was asked for, so that nothing was touched.
    pub fn is_usage(&self) -> bool {
        self.storage_error().is_some_and(lakefront_storage::Error::is_usage)
            || self.ledger().is_some_and(lakefront_ledger::Error::is_usage)
            || matches!(
                self,
                Self::OtherSettings { .. }
                    | Self::LongerSchema { .. }
                    | Self::SourceIsTable { .. }
                    | Self::ReportPlace { .. }
                    | Self::Engine(lakefront_engine::Error::Memory { .. })
            )
    }

    /// Returns the failure of the commit protocol, wherever it occurred.
    pub fn ledger(&self) -> Option<&lakefront_ledger::Error> {
        if let Self::Ledger(error) | Self::Engine(lakefront_engine::Error::Ledger(error)) = self {
            Some(error)
        } else {
            None
        }
    }

    /// Returns the failure to read or write, wherever it occurred.
    pub fn storage_error(&self) -> Option<&lakefront_storage::Error> {
        if let Self::Storage(error)
        | Self::Ledger(lakefront_ledger::Error::Storage(error))
        | Self::Engine(
            lakefront_engine::Error::Storage(error)
            | lakefront_engine::Error::Ledger(lakefront_ledger::Error::Storage(error)),
        ) = self
        {
            Some(error)
        } else {
            None
        }
    }

    /// Wraps an error of `storage`, which names the object itself.
    pub(crate) fn storage(error: lakefront_storage::Error) -> Self {
        if error.is_stopped() { lakefront_engine::Error::Stopped.into() } else { Self::Storage(Arc::new(error)) }
    }

    /// Returns the error about a table whose lock another process has.
    pub(crate) fn locked(epoch: u64, holder: String, lock: String) -> Self {
        lakefront_ledger::Error::Active { epoch, holder, until: ActiveUntil::Unlocked { lock } }.into()
    }

    /// Returns the error about a table that does not exist.
    pub(crate) fn no_table(destination: &lakefront_ledger::Destination) -> Self {
        lakefront_ledger::Error::NoTable { location: destination.to_string() }.into()
    }
}
