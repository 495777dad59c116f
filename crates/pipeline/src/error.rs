//! Why a run stops. What concerns one row is a reject, what concerns one object an outcome: neither is here.

use std::sync::Arc;

/// A failure that stops the run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Someone asked for it: Ctrl-C, SIGTERM.
    #[error("stopped before the end; the next run goes on where this one stopped")]
    Stopped,
    /// A glob that is none.
    #[error("`{flag} {glob}`: not a glob: {why}")]
    Glob {
        /// The flag it was given with.
        flag: &'static str,
        /// The pattern, escaped.
        glob: String,
        /// Why it is not valid, escaped.
        why: String,
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
    /// A source is a table, or a state.
    #[error(
        "list: the source {source_location} {what}\nhint: name the folder of the raw logs; the table to write comes last: `lakefront convert SOURCE TABLE`"
    )]
    SourceIsTable {
        /// The source.
        source_location: String,
        /// What it is, or lies in.
        what: String,
    },
    /// Sources with ids share objects.
    #[error(
        "list: the sources {one} and {other} overlap, and have different ids\nhint: a log that is in both would be converted twice: leave one of them out"
    )]
    SourcesOverlap {
        /// One of them.
        one: String,
        /// The other.
        other: String,
    },
    /// A new table or its state is inside another table or state.
    #[error(
        "store: {inner}: lies in {what} {around}\nhint: keep tables and states in folders beside each other: readers list all of a table"
    )]
    TableInTable {
        /// `the table` or `the state`.
        inner: String,
        /// The table or the state of a table.
        what: &'static str,
        /// The folder around it.
        around: String,
    },
    /// There is something at the destination already, and no state that knows of it.
    #[error(
        "store: {location}: not empty, and no state at `{state}` says what is in it\nhint: name a new folder, or give the table's state as `--state`"
    )]
    NotEmpty {
        /// The table.
        location: String,
        /// Where its state should be.
        state: String,
    },
    /// The table and its state lie in each other.
    #[error(
        "store: the table {table} and its state {state} overlap\nhint: keep the state outside of the table: readers list all of it"
    )]
    StateInTable {
        /// The table.
        table: String,
        /// The state.
        state: String,
    },
    /// The state is not what this program left there.
    #[error("commit: {location}: {what}\nhint: {hint}")]
    State {
        /// Which of its objects.
        location: String,
        /// What is wrong with it.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// Another run is at work on the table.
    #[error(
        "commit: {holder} is at work on the table: {left}\nhint: run again later; if it is dead for certain, `--take-over`"
    )]
    Active {
        /// The epoch that is open.
        epoch: u64,
        /// Who works on it.
        holder: String,
        /// When that ends.
        left: String,
    },
    /// The store writes a name although it exists.
    #[error(
        "commit: {location}: this store ignores put-if-absent, so that two runs at once could both write\nhint: use another store; or `--single-writer`, if you make sure that only one run at a time writes to this table"
    )]
    NoConditions {
        /// The state.
        location: String,
    },
    /// The table was made for one writer at a time.
    #[error(
        "commit: {table}: made with `--single-writer`, as its store ignores put-if-absent\nhint: pass `--single-writer`, and make sure that no other run is active"
    )]
    SingleWriter {
        /// The table.
        table: String,
    },
    /// A name holds other bytes than it should.
    #[error("commit: {location}: exists already with other bytes\nhint: {hint}")]
    Unequal {
        /// The name's place.
        location: String,
        /// What to do.
        hint: &'static str,
    },
    /// An open epoch that only an operator may decide about.
    #[error(
        "commit: {table}: epoch {epoch} is open, and {why}\nhint: make sure that no other run is active, then `lakefront resolve TABLE` does what is left of it again"
    )]
    NeedsResolve {
        /// The table.
        table: String,
        /// The epoch.
        epoch: u64,
        /// Why it cannot just be finished.
        why: String,
    },
    /// The table cannot become what was asked for.
    #[error(
        "plan: `{flag}`: the table {table} is made with {is}\nhint: leave the flag out, or convert into a new table{}",
        if *flag == "--schema" { "; columns can only be appended, with `--extend-schema`" } else { "" }
    )]
    OtherSettings {
        /// The flag.
        flag: &'static str,
        /// The table.
        table: String,
        /// What the table has.
        is: String,
    },
    /// A report would be written over a log, or into the table or its state.
    #[error("report: {report}: lies in {what}\nhint: name a file outside of it")]
    ReportPlace {
        /// The report's file.
        report: String,
        /// What it lies in.
        what: String,
    },
    /// A source is known by another identity than the one it was given now.
    #[error(
        "list: {source_location} {given}: the table {table} knows {known}, so that every log in it would be new, and all rows twice in the table\nhint: {hint}; or, if that is fine, `--new-identity`"
    )]
    OtherIdentity {
        /// The source.
        source_location: String,
        /// How it would be known.
        given: String,
        /// The table.
        table: String,
        /// What it is known as.
        known: String,
        /// What to do.
        hint: String,
    },
    /// The table schema has more columns than the table.
    #[error(
        "plan: `--schema`: the table {table} is made with `{is}`, and `{asked}` as given has {columns} columns more, the first of them `{first}`\nhint: a new table with the same `--schema` keeps them; `--extend-schema` appends them to this table for good, and readers must be told of that: see docs/operations.md"
    )]
    LongerSchema {
        /// The table.
        table: String,
        /// The name in the schema that was asked for.
        asked: String,
        /// The name of the table's schema.
        is: String,
        /// How many columns it has more.
        columns: usize,
        /// The first of them.
        first: String,
    },
    /// No object was found.
    #[error("list: no log object below {below}\nhint: check the source, or pass `--allow-empty` if that is fine")]
    NoObjects {
        /// The sources.
        below: String,
    },
    /// Objects were found, and the selection takes none of them.
    #[error(
        "list: no log is selected: {objects} logs found below {below}; {why}\nhint: check the selection, or pass `--allow-empty` if that is fine"
    )]
    NoneSelected {
        /// How many there are.
        objects: u64,
        /// The sources.
        below: String,
        /// What leaves them out.
        why: String,
    },
    /// More rejects than `--max-rejects`.
    #[error(
        "decode: {rejects} rows were rejected beside {rows} good ones, more than `--max-rejects` allows\nhint: they stand in `{quarantine}`; if they are in order, run again with a larger `--max-rejects`, or once without"
    )]
    TooManyRejects {
        /// Rows so far.
        rows: u64,
        /// Rejects so far.
        rejects: u64,
        /// Where to look.
        quarantine: String,
    },
    /// Too many objects could not be read, so that the fault is not with one of them.
    #[error(
        "fetch: {}; the last is {object}: {reason}\nhint: {}",
        how_many_unreadable(*unreadable, *is_all),
        if *is_all {
            "check the permissions of the user or role that lakefront runs as: to read the logs, and to use their keys; `--max-unreadable N` goes on without these logs"
        } else {
            "let lakefront read them, or go on without them by a larger `--max-unreadable N`; `--exclude` leaves them out of later plans"
        }
    )]
    TooManyUnreadable {
        /// Objects that this run could not read.
        unreadable: u64,
        /// Whether no object could be read.
        is_all: bool,
        /// The last of them.
        object: String,
        /// Why it could not.
        reason: String,
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
    /// Too little address space for a single thread: allocations would fail later.
    #[error(
        "plan: `ulimit -v` allows {limit_kib} KiB of address space, and one thread needs {least_kib}\nhint: raise it with `ulimit -v {least_kib}` or more; `--memory-bytes` alone limits memory"
    )]
    Addresses {
        /// The limit of this process.
        limit_kib: u64,
        /// Address space that one thread needs.
        least_kib: u64,
    },
    /// Not even one thread could be started.
    #[error("plan: cannot start a thread\nhint: raise what limits them: {limits}")]
    Threads {
        /// The limits that may apply to threads.
        limits: String,
        /// Why.
        #[source]
        source: rayon::ThreadPoolBuildError,
    },
    /// The clock stands before the last run's.
    #[error(
        "plan: it is {now} by this machine's clock, and the table's last epoch was planned at {last}\nhint: set the clock; or, if it was that run whose clock was wrong, run once with the right time as `--now` where there is something new"
    )]
    ClockBehind {
        /// The clock of this run.
        now: String,
        /// The clock of the run that planned the last epoch.
        last: String,
    },
    /// A worker died over a task: a fault of this program.
    #[error(
        "a worker died over task {task} of epoch {epoch}, whose first object is {object}\nhint: please report this, with the message above; the table waits for this task, so move the object away if it does it again"
    )]
    TaskDied {
        /// The epoch.
        epoch: u64,
        /// The task.
        task: u32,
        /// Its first object.
        object: String,
    },
    /// A worker died: a fault of this program.
    #[error("a worker died\nhint: please report this, with the message above")]
    Worker,
    /// There is no table.
    #[error(
        "table: {location}: no such table\nhint: name the folder that `lakefront convert` wrote; its state may be elsewhere: `--state`"
    )]
    NoTable {
        /// Where it should be.
        location: String,
    },
    /// There is no such epoch.
    #[error(
        "ddl: there is no epoch {epoch}: the last that is closed is {last}\nhint: `lakefront status TABLE` names it"
    )]
    NoEpoch {
        /// What was asked for.
        epoch: u64,
        /// The last one.
        last: u64,
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

fn how_many_unreadable(objects: u64, is_all: bool) -> String {
    if is_all {
        format!("none of the first {objects} objects can be read")
    } else {
        format!("{objects} objects could not be read, and `--max-unreadable` stops the run there")
    }
}

impl Error {
    /// Is another run at work?
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }

    /// Was the wrong thing asked for?
    pub fn is_usage(&self) -> bool {
        if let Self::Storage(error) = self {
            return error.is_usage();
        }
        matches!(
            self,
            Self::Memory { .. }
                | Self::OtherSettings { .. }
                | Self::LongerSchema { .. }
                | Self::SourceIsTable { .. }
                | Self::OtherIdentity { .. }
                | Self::ReportPlace { .. }
        )
    }

    /// For `map_err`: an error of `storage`, which names the object itself.
    pub(crate) fn storage(error: lakefront_storage::Error) -> Self {
        if error.is_stopped() { Self::Stopped } else { Self::Storage(Arc::new(error)) }
    }
}

/// Returns advice for an operator about an error of one of the libraries; none if there is nothing to say. Advice names
/// flags and commands, which only the program around the libraries knows.
pub type Advise = fn(&(dyn std::error::Error + 'static)) -> Option<String>;

/// Returns an error and its causes in one line, and below it the hints about them, each on a line of its own.
pub fn message(error: &(dyn std::error::Error + 'static), advise: Advise) -> String {
    let mut facts: Vec<String> = Vec::new();
    let mut hints: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        let mut lines = text.lines();
        facts.extend(lines.next().map(str::to_owned));
        hints.extend(lines.map(str::to_owned));
        hints.extend(advise(error).map(|hint| format!("hint: {hint}")));
        next = error.source();
    }
    facts.dedup();
    std::iter::once(facts.join(": ")).chain(hints).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_in_one_line_and_hints_below() {
        #[derive(Debug, thiserror::Error)]
        #[error("disk on fire\nhint: water")]
        struct Fire;
        #[derive(Debug, thiserror::Error)]
        #[error("store: cannot write")]
        struct CannotWrite(#[source] Fire);
        assert_eq!(message(&CannotWrite(Fire), |_| None), "store: cannot write: disk on fire\nhint: water");
    }
}
