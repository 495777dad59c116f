//! Errors that stop an operation. A bad row is a reject and a bad object has an outcome: neither is an error here.

use std::sync::Arc;

use lakefront_ledger::ActiveUntil;

/// A failure that stops an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A pattern is not a glob.
    #[error("`{flag} {glob}`: not a glob: {why}")]
    Glob {
        /// The flag of the pattern.
        flag: &'static str,
        /// The pattern, escaped.
        glob: String,
        /// The reason why it is not a glob, escaped.
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
        /// The table or state that it is, or is inside of, with the verb.
        what: String,
    },
    /// A source that is to be one object is none, or several.
    #[error("list: {location} has {objects}: name a single log")]
    NotOneObject {
        /// The source.
        location: String,
        /// The number of its objects, in words.
        objects: &'static str,
    },
    /// Sources with ids share objects.
    #[error("list: the sources {one} and {other} overlap, and have different ids")]
    SourcesOverlap {
        /// One source.
        one: String,
        /// The other source.
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
    /// Another version of the program planned the open epoch: an operator must decide what to do.
    #[error(
        "commit: {table}: epoch {epoch} is open, and version {planned_by} planned it: this version, {program}, would write other bytes under the same names"
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
    /// The data files that were stored last have other bytes than the state records.
    #[error(
        "commit: {table}: its last data files have the expected names, but with other bytes than the state {state} records"
    )]
    OtherFiles {
        /// The table.
        table: String,
        /// Its state.
        state: String,
    },
    /// The data files that were stored last are missing.
    #[error("commit: {table}: has none of the data files that were written last, as the state {state} records them")]
    NoFiles {
        /// The table.
        table: String,
        /// Its state.
        state: String,
    },
    /// A table has data files of epochs that its state does not have.
    #[error("commit: {location}: is of an epoch that the log does not have: the last epoch there is {last_epoch}")]
    LaterFile {
        /// The data file.
        location: String,
        /// The last epoch in the log.
        last_epoch: u64,
    },
    /// A setting differs from the table's, which cannot change.
    #[error("plan: `{flag}`: the table {table} was made with {is}")]
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
        "plan: `--schema`: the table {table} was made with `{is}`, and the given schema `{given}` has {columns} more columns, the first of them `{first}`"
    )]
    LongerSchema {
        /// The table.
        table: String,
        /// Name of the given schema.
        given: String,
        /// Name of the table's schema.
        is: String,
        /// Number of columns of the given schema that the table does not have.
        columns: usize,
        /// Name of the first of these columns.
        first: String,
    },
    /// A report would be written over a log, or into the table or its state.
    #[error("report: {report}: lies in {what}")]
    ReportPlace {
        /// The report's file.
        report: String,
        /// The table, state or source around it.
        what: String,
    },
    /// No object was found.
    #[error("list: no log object below {below}")]
    NoObjects {
        /// The sources.
        below: String,
    },
    /// Objects were found, but none of them is selected.
    #[error("list: no log is selected: {objects} logs found below {below}; {why}")]
    NoneSelected {
        /// Number of objects.
        objects: u64,
        /// The sources.
        below: String,
        /// The reasons why none is selected.
        why: String,
    },
    /// The clock is before that of the last run.
    #[error("plan: this machine's clock is at {now}, but the table's last epoch was planned at {last}")]
    ClockBehind {
        /// The clock of this run.
        now: String,
        /// The clock of the run that planned the last epoch.
        last: String,
    },
    /// There is no such epoch.
    #[error("ddl: there is no epoch {epoch}: the last closed epoch is {last}")]
    NoEpoch {
        /// The requested epoch.
        epoch: u64,
        /// The last closed epoch.
        last: u64,
    },
    /// Partition folders have different depths, or a name is not one of this program's.
    #[error("ddl: {location}: `{name}` and the other files do not belong to one table")]
    ForeignFile {
        /// The table.
        location: String,
        /// The file's name below the table.
        name: String,
    },
    /// The table was written with another table schema than the given one, or with an unknown one.
    #[error("ddl: {location}: written with table schema `{written}`, not `{given}`")]
    OtherSchema {
        /// The table.
        location: String,
        /// Name and fingerprint in the data file.
        written: String,
        /// Name and fingerprint of the given schema.
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
    /// SQL text could not be generated.
    #[error(transparent)]
    Ddl(lakefront_table::ddl::DdlError),
}

impl Error {
    /// Returns whether another run is active on the table.
    pub fn is_active(&self) -> bool {
        self.ledger().is_some_and(lakefront_ledger::Error::is_active)
    }

    /// Returns whether the usage is wrong; nothing was written then.
    pub fn is_usage(&self) -> bool {
        self.storage_error().is_some_and(lakefront_storage::Error::is_usage)
            || self.ledger().is_some_and(lakefront_ledger::Error::is_usage)
            || matches!(
                self,
                Self::OtherSettings { .. }
                    | Self::LongerSchema { .. }
                    | Self::SourceIsTable { .. }
                    | Self::ReportPlace { .. }
                    | Self::NotOneObject { .. }
                    | Self::Engine(lakefront_engine::Error::Memory { .. })
            )
    }

    /// Returns the failure of the commit protocol, directly or from a lower layer.
    pub fn ledger(&self) -> Option<&lakefront_ledger::Error> {
        if let Self::Ledger(error) | Self::Engine(lakefront_engine::Error::Ledger(error)) = self {
            Some(error)
        } else {
            None
        }
    }

    /// Returns the failure to read or write, directly or from a lower layer.
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

    /// Wraps an error of `storage`, which already names the object.
    pub(crate) fn storage(error: lakefront_storage::Error) -> Self {
        if error.is_stopped() { lakefront_engine::Error::Stopped.into() } else { Self::Storage(Arc::new(error)) }
    }

    /// Returns the error about a table that another process has locked.
    pub(crate) fn locked(epoch: u64, holder: String, lock: String) -> Self {
        lakefront_ledger::Error::Active { epoch, holder, until: ActiveUntil::Unlocked { lock } }.into()
    }

    /// Returns the error about a table that does not exist.
    pub(crate) fn no_table(destination: &lakefront_ledger::Destination) -> Self {
        lakefront_ledger::Error::NoTable { location: destination.to_string() }.into()
    }
}
