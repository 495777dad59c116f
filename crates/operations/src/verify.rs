//! Verifies a table against its state. Reads the whole history, and writes nothing.
//!
//! | | what is checked |
//! |---|---|
//! | I1 | each task's data files have as many rows as its inputs gave; deep: by their footers |
//! | I2 | the log is linear, no object is ahead of it, and each record names the existing record before it; each version of an input is in one plan, or retried; no input is converted twice |
//! | I6 | everything that a commit names is stored, in the recorded size; deep: with the recorded hash, by the store's own checksum if it keeps one |
//! | I7 | lines = rows + rejects + comments + blanks, for each input; the quarantine has every reject and failed object |
//! | I11 | every file of the table is in a commit, or belongs to an open epoch |

mod task_objects;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use lakefront_engine::{
    Stop,
    pool::{Pending, Pool},
    resources::{address_bytes, first_within_addresses},
    settings::Settings,
};
use lakefront_ledger::{
    Destination, create_once,
    finalize::final_records,
    hash::FileHash,
    lookup::Identities,
    open_epoch::{OpenTasks, committed},
    paths,
    plan::Task,
    plan_file::read_plan,
    records::{ClosedRecord, CommitRecord, FileRecord, InputOutcome, LogRecord, OutcomeWord, TableRecord},
    seal::{Record as _, Stored},
    snapshot::{Snapshot, check_before, check_rank, read_closed, read_log},
};
use lakefront_schema::layout::{TaskId, task_of_data_file};
use lakefront_storage::printable_name;
use lakefront_table::footer::{END_BYTES, footer_bytes, rows_of};
use serde::Serialize;

use crate::{Error, table_ddl::partition_values_of};

/// Largest number of faults that are named; all of them are counted.
pub const MAX_NAMED_FAULTS: usize = 1000;
/// Number of data files that are read ahead for each thread.
const FILES_AHEAD: usize = 2;

/// Memory in bytes of a thread that reads data files: 64 MiB.
const READING_BYTES: u64 = 64 << 20;

/// Options of [`verify`].
#[derive(Clone, Debug, Default)]
pub struct VerifyOptions {
    /// Whether the bytes of every data file are compared, too: by the checksum that the store keeps, or by reading them.
    pub deep: bool,
    /// Day, as `2024-05-17`: data files of partitions that end before it may be missing, as they have expired.
    pub since: Option<String>,
    /// Number of threads that read.
    pub threads: usize,
}

/// Returns the number of threads that fit into this process's address space, at most the requested number.
fn threads(options: &VerifyOptions) -> Result<usize, Error> {
    let choices = (1..=options.threads.max(1)).rev();
    let choices = choices.map(|threads| (threads, address_bytes(READING_BYTES * (threads as u64 + 1), threads)));
    Ok(first_within_addresses(choices)?.expect("there is a choice"))
}

/// The result of a verification: counts and faults.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Epochs, including an open one.
    pub epochs: u64,
    /// Number of epochs of earlier versions, whose records have no checksums and were read unchecked.
    pub epochs_without_checksums: u64,
    /// The open epoch, if there is one: its committed tasks count, and are verified.
    pub open: Option<OpenTasks>,
    /// Committed tasks.
    pub tasks: u64,
    /// Inputs of these tasks.
    pub inputs: u64,
    /// Data files that exist.
    pub files: u64,
    /// Rows of these data files, as their commits record them.
    pub rows: u64,
    /// Bytes of these data files.
    pub bytes: u64,
    /// Number of data files that were compared by the checksum that the store keeps, and of which only the footer was
    /// read.
    pub files_by_checksum: u64,
    /// Missing data files of partitions before `since`.
    pub expired_files: u64,
    /// Number of faults, named or not.
    pub num_faults: u64,
    /// The first [`MAX_NAMED_FAULTS`] faults.
    pub faults: Vec<Fault>,
}

/// A broken invariant of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The invariant that is broken.
    pub invariant: &'static str,
    /// The object of the table or state, or the log object, with the fault.
    pub object: String,
    /// Description of the fault.
    pub what: String,
}

/// Verifies a table against its state.
///
/// # Errors
/// The table does not exist, its state is damaged, or an object cannot be read: then there is no result. Faults of the table
/// are not errors, but are in [`Verification::faults`].
pub fn verify(destination: &Destination, options: &VerifyOptions, stop: &Stop) -> Result<Verification, Error> {
    let snapshot = Snapshot::open_existing(destination)?;
    let table = snapshot.table.as_ref().expect("an existing table has a record");
    let entries = destination.table().list("").map_err(Error::storage)?;
    let mut check = Check {
        destination,
        options,
        found: Verification::default(),
        files: entries.into_iter().map(|entry| (entry.name, entry.size_bytes)).collect(),
        lost_commits: BTreeSet::new(),
        quarantines: BTreeMap::new(),
        pool: Pool::try_new(threads(options)?)?,
        reading: VecDeque::new(),
        identities: Identities::new(snapshot.identity()),
        outcomes: Vec::new(),
    };
    let mut before: Option<Stored<ClosedRecord>> = None;
    let mut format = table.format;
    for epoch in 1..=snapshot.last_epoch() {
        stop.check()?;
        let log = read_log(destination.state(), table, epoch)?;
        check_before(destination.state(), &paths::log(epoch), log.closed.as_deref(), before.as_ref())?;
        check_rank(destination.state(), &log, format)?;
        format = log.format;
        check.found.epochs_without_checksums += u64::from(!log.is_sealed());
        let tasks = read_plan(destination.state(), &log)?;
        // Settings that this version does not know are damage, too.
        Settings::of_epoch(destination, table, &log)?;
        let commits = committed(destination.state(), &log, &tasks)?;
        if snapshot.open_epoch().is_some_and(|open| open.epoch == epoch) {
            let (tasks, committed) = (tasks.len() as u64, commits.len() as u64);
            check.found.open = Some(OpenTasks { epoch, tasks, committed });
        }
        let quarantine = destination.state().list(&paths::quarantine_of(epoch)).map_err(Error::storage)?;
        check.quarantines = quarantine.into_iter().map(|entry| (entry.name, entry.size_bytes)).collect();
        for (task, commit) in &commits {
            let task = usize::try_from(*task).ok().and_then(|task| tasks.get(task));
            check.task(&log, task.expect("commits were checked against the plan"), commit, stop)?;
        }
        check.uncommitted(&log, &tasks, &commits)?;
        if epoch <= snapshot.last_closed() {
            before = Some(check.closed(&log, &tasks, &commits, before.as_ref())?);
        }
        check.found.epochs += 1;
    }
    while let Some(file) = check.reading.pop_front() {
        check.finish_file(file)?;
    }
    check.ahead_of_log(snapshot.last_epoch())?;
    check.orphans(snapshot.open_epoch().map(|log| log.epoch));
    check.converted_once(table, snapshot.last_epoch())?;
    Ok(check.found)
}

struct Check<'v> {
    destination: &'v Destination,
    options: &'v VerifyOptions,
    found: Verification,
    /// Sizes of the table's files by name. Files that a commit names are removed.
    files: BTreeMap<String, u64>,
    /// Tasks of closed epochs without a commit.
    lost_commits: BTreeSet<TaskId>,
    /// Sizes of the current epoch's quarantines by name.
    quarantines: BTreeMap<String, u64>,
    pool: Pool,
    reading: VecDeque<(FileRecord, Pending<Result<Read, lakefront_storage::Error>>)>,
    identities: Identities,
    /// The outcome of each input, in the order of epochs.
    outcomes: Vec<VerifiedInput>,
}

/// The contents of a data file.
struct Read {
    bytes: u64,
    hash: FileHash,
    /// Whether size and hash are those that the store keeps, instead of those of bytes that were read.
    is_by_store: bool,
    rows: Option<u64>,
}

/// The outcome of an input. It is small, as ten million of them must fit into memory.
#[derive(Clone, Copy)]
struct VerifiedInput {
    identity: [u64; 2],
    version: u64,
    outcome: OutcomeWord,
    is_retry: bool,
}

impl Check<'_> {
    fn fault(&mut self, invariant: &'static str, object: String, what: String) {
        self.found.num_faults += 1;
        if self.found.faults.len() < MAX_NAMED_FAULTS {
            self.found.faults.push(Fault { invariant, object, what });
        }
    }

    fn task(&mut self, log: &Stored<LogRecord>, task: &Task, commit: &CommitRecord, stop: &Stop) -> Result<(), Error> {
        self.found.tasks += 1;
        self.found.inputs += task.inputs.len() as u64;
        let state = self.destination.state();
        let commit_location = state.location(&paths::commit(task.id));
        let (mut input_rows, mut entries) = (0, 0);
        for (object, outcome) in task.inputs.iter().zip(&commit.inputs) {
            match outcome {
                InputOutcome::Converted { lines, rows, rejects, comments, blanks } => {
                    // A forged record may have any numbers.
                    input_rows = rows.saturating_add(input_rows);
                    entries = rejects.saturating_add(entries);
                    let sum =
                        [rejects, comments, blanks].into_iter().fold(*rows, |sum, count| sum.saturating_add(*count));
                    if *lines != sum {
                        let what = format!(
                            "{lines} lines are not {rows} rows, {rejects} rejects, {comments} comments and {blanks} blanks"
                        );
                        self.fault("I7", object.location(), what);
                    }
                }
                InputOutcome::Failed { .. } => entries += 1,
                InputOutcome::Gone {}
                | InputOutcome::Replaced {}
                | InputOutcome::Changed {}
                | InputOutcome::Unreadable {} => {}
            }
            self.outcomes.push(VerifiedInput {
                identity: self.identities.of(object.source(), object.key()),
                version: self
                    .identities
                    .of_version(&object.version(), Some(object.size_bytes()))
                    .expect("the size of an input is known"),
                // `retry` may still convert it: it has no rows that would be doubled.
                outcome: if outcome.has_only_rejects() { OutcomeWord::Failed } else { outcome.word() },
                is_retry: log.retry,
            });
        }
        let file_rows = commit.files.iter().fold(0_u64, |sum, file| sum.saturating_add(file.rows));
        if file_rows != input_rows {
            self.fault(
                "I1",
                commit_location.clone(),
                format!("its data files have {file_rows} rows, its inputs gave {input_rows}"),
            );
        }
        self.quarantine(task, commit, entries)?;
        if self.options.deep {
            self.gone(log, task, commit)?;
        }
        for file in &commit.files {
            stop.check()?;
            self.file(file)?;
        }
        Ok(())
    }

    /// Checks that a data file of a commit is stored.
    fn file(&mut self, file: &FileRecord) -> Result<(), Error> {
        let location = self.destination.table().location(&file.path);
        let listed = self.files.remove(&file.path);
        let Some(bytes) = listed.map_or_else(|| self.stored_since(file), |bytes| Ok(Some(bytes)))? else {
            if self.options.since.as_ref().is_some_and(|since| is_before(file.partition(), since)) {
                self.found.expired_files += 1;
            } else {
                self.fault("I6", location, "is missing, though a task that stored it is committed".to_owned());
            }
            return Ok(());
        };
        self.found.files += 1;
        self.found.rows = self.found.rows.saturating_add(file.rows);
        self.found.bytes += bytes;
        if bytes != file.bytes {
            self.fault("I6", location, format!("has {bytes} bytes, and {} were stored", file.bytes));
            return Ok(());
        }
        if self.options.deep {
            if self.reading.len() >= FILES_AHEAD * self.options.threads.max(1)
                && let Some(oldest) = self.reading.pop_front()
            {
                self.finish_file(oldest)?;
            }
            let (store, name, like) = (self.destination.table().clone(), file.path.clone(), file.hash.clone());
            let reading = self.pool.start(move || {
                let stored = create_once::stored_hash(&store, &name, &like)?;
                let is_by_store = stored.is_some();
                let (bytes, hash) = match stored {
                    Some(stored) => stored,
                    None => create_once::read_hash(&store, &name, &like)?,
                };
                let end = store.read_tail(&name, END_BYTES)?;
                let rows = match footer_bytes(&end) {
                    Some(footer) => rows_of(&store.read_tail(&name, footer)?),
                    None => None,
                };
                Ok(Read { bytes, hash, is_by_store, rows })
            });
            self.reading.push_back((file.clone(), reading));
        }
        Ok(())
    }

    /// Returns the size of a data file that was not listed: an active run may have stored a file of an open epoch since.
    fn stored_since(&self, file: &FileRecord) -> Result<Option<u64>, Error> {
        if self.found.open.is_none() {
            return Ok(None);
        }
        let entries = self.destination.table().list(&format!("{}/", file.partition())).map_err(Error::storage)?;
        Ok(entries.into_iter().find(|entry| entry.name == file.path).map(|entry| entry.size_bytes))
    }

    fn finish_file(
        &mut self,
        (file, reading): (FileRecord, Pending<Result<Read, lakefront_storage::Error>>),
    ) -> Result<(), Error> {
        let read = reading.wait().map_err(Error::storage)?;
        let location = self.destination.table().location(&file.path);
        self.found.files_by_checksum += u64::from(read.is_by_store);
        if read.bytes != file.bytes || read.hash != file.hash {
            let by = if read.is_by_store { " by the store" } else { "" };
            let what = format!("holds other bytes than were stored: their {}{by} is {}", read.hash.kind(), read.hash);
            self.fault("I6", location, what);
        } else if read.rows != Some(file.rows) {
            let rows = read.rows.map_or_else(|| "no footer".to_owned(), |rows| format!("{rows} rows"));
            self.fault("I1", location, format!("has {rows}, and its commit says {} rows", file.rows));
        }
        Ok(())
    }

    /// Checks that a closed epoch has all its commits, and that `closed` and `seen` match them. Returns the expected record.
    fn closed(
        &mut self,
        log: &Stored<LogRecord>,
        tasks: &[Task],
        commits: &BTreeMap<u32, CommitRecord>,
        before: Option<&Stored<ClosedRecord>>,
    ) -> Result<Stored<ClosedRecord>, Error> {
        let state = self.destination.state();
        let is_complete = commits.len() == tasks.len();
        for task in tasks.iter().filter(|task| !commits.contains_key(&task.id.task)) {
            self.lost_commits.insert(task.id);
            self.fault(
                "I2",
                state.location(&paths::commit(task.id)),
                "is missing, though its epoch is closed".to_owned(),
            );
        }
        let record = read_closed(state, log.epoch)?;
        if !is_complete {
            return Ok(record);
        }
        let expected = final_records(log, tasks, commits.values().collect(), before);
        if record != expected.record {
            let what = "differs from log, plan and commits: `lakefront rebuild-state TABLE` regenerates it".to_owned();
            self.fault("I2", state.location(&paths::closed(log.epoch)), what);
        }
        for (name, bytes) in &expected.seen {
            if !create_once::holds_bytes(state, name, bytes).map_err(Error::storage)? {
                let what =
                    "differs from log, plan and commits: `lakefront rebuild-state TABLE` regenerates it".to_owned();
                self.fault("I2", state.location(name), what);
            }
        }
        Ok(expected.record)
    }

    fn orphans(&mut self, open_epoch: Option<u64>) {
        for name in std::mem::take(&mut self.files).into_keys() {
            match task_of_data_file(&name) {
                Some(task) if Some(task.epoch) == open_epoch => {}
                Some(task) => {
                    let what = if self.lost_commits.contains(&task) {
                        "is in no commit, as its commit is missing: leave it where it is, its rows count"
                    } else {
                        "is in no commit: its rows may be in the table twice"
                    };
                    self.fault("I11", self.destination.table().location(&name), what.to_owned());
                }
                None => self.fault(
                    "I11",
                    self.destination.table().location(&name),
                    format!("`{}` is not a data file of lakefront", printable_name(&name)),
                ),
            }
        }
    }

    /// Checks that no object is converted twice, and that no version is planned twice unless that is allowed.
    fn converted_once(&mut self, table: &Stored<TableRecord>, last_epoch: u64) -> Result<(), Error> {
        // A stable sort keeps the outcomes of an object in the order of epochs.
        self.outcomes.sort_by_key(|seen| seen.identity);
        let mut wrong: HashMap<[u64; 2], &'static str> = HashMap::new();
        for seen in self.outcomes.chunk_by(|a, b| a.identity == b.identity) {
            let converted = seen.iter().filter(|seen| seen.outcome == OutcomeWord::Converted).count();
            let identity = seen.first().expect("a chunk has an element").identity;
            if converted > 1 {
                wrong.insert(identity, "was converted more than once");
            } else if seen.windows(2).any(|pair| matches!(pair, [first, next] if !may_follow(*first, *next))) {
                wrong.insert(identity, "is in two plans in the same version");
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let mut named = BTreeSet::new();
        for epoch in 1..=last_epoch {
            let log = read_log(self.destination.state(), table, epoch)?;
            for object in read_plan(self.destination.state(), &log)?.into_iter().flat_map(|task| task.inputs) {
                if let Some(what) = wrong.get(&self.identities.of(object.source(), object.key()))
                    && named.insert(object.clone())
                {
                    self.fault("I2", object.location(), (*what).to_owned());
                }
            }
        }
        Ok(())
    }
}

/// Returns whether an object with the first outcome may be planned again with the next one.
fn may_follow(first: VerifiedInput, next: VerifiedInput) -> bool {
    match first.outcome {
        OutcomeWord::Gone | OutcomeWord::Replaced | OutcomeWord::Unreadable => true,
        OutcomeWord::Failed => next.is_retry || next.version != first.version,
        OutcomeWord::Empty => next.version != first.version,
        // An object all of whose rows were rejected may have changed before it is retried.
        OutcomeWord::Changed if next.is_retry => true,
        OutcomeWord::Converted | OutcomeWord::Changed => {
            next.outcome == OutcomeWord::Changed && next.version != first.version
        }
    }
}

/// Returns whether a partition ends before a day: `year=2024/month=05` ends before `2024-06-01`, but not before
/// `2024-05-31`.
fn is_before(partition: &str, day: &str) -> bool {
    let values: Vec<&str> = partition_values_of(partition).collect();
    let values = values.get(..3).unwrap_or(&values).join("-");
    day.get(..values.len()).is_some_and(|day| values.as_str() < day)
}

#[cfg(test)]
mod tests {
    use super::is_before;

    #[test]
    fn a_partition_is_before_a_day_only_as_a_whole() {
        assert!(is_before("year=2024/month=05/day=16/hour=23", "2024-05-17"));
        assert!(!is_before("year=2024/month=05/day=17/hour=00", "2024-05-17"));
        assert!(is_before("year=2024/month=05", "2024-06-01"));
        assert!(!is_before("year=2024/month=05", "2024-05-31"));
        assert!(is_before("year=2023", "2024-01-01"));
        assert!(!is_before("year=2024", "2024-12-31"));
    }
}
