//! A run that writes to a table: claims epochs, executes their tasks and finalizes them, under lock and lease.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use lakefront_cloudfront::FieldNames;
use lakefront_engine::{
    Settings, Stop,
    executor::{Epoch, Executor, LocalExecutor},
    observer::Observer,
    outcome::{Outcome, TaskDone},
    pool::Pool,
    progress::{Event, Progress},
    resources::slots,
};
use lakefront_ledger::{
    Destination,
    claim::{self, Claim, claim, create_table_record, nonce},
    cleanup::remove_leftovers,
    create_once,
    escape::json_text,
    finalize::{self, CommittedTotals, final_records},
    lease::{self, Heartbeat},
    open_epoch::committed,
    paths,
    plan::{ObjectCount, Task},
    plan_file::{plan_bytes, read_plan},
    read_record::missing,
    records::{ClosedRecord, CommitRecord, DecisionKind, Digest, LogRecord, TableRecord, Waiting},
    seal::{NEWEST_FORMAT, Stored},
    snapshot::Snapshot,
};
use lakefront_schema::object_key;
use lakefront_storage::{Lock, Object};

use crate::{
    Error, Report, RunOptions,
    field_names::warn_of_header_names,
    preflight::{refuse_early_clock, refuse_later_files, refuse_nested, refuse_other_table},
    report::ReportBuilder,
    table_ddl::ddl_of_epoch,
};

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// The report, also of a run that stopped.
    pub report: Report,
    /// The reason why the run stopped before the end; `None` if it finished.
    pub error: Option<Error>,
}

/// Runs `work` on a table, and returns its report. `range` is the text about the flags of the range of hours, for messages.
/// Names of fields in `allowed_fields` cause no warning.
pub(crate) fn run(
    options: &RunOptions,
    range: &'static str,
    allowed_fields: &BTreeSet<String>,
    stop: &Stop,
    progress: &dyn Progress,
    work: impl FnOnce(&mut Session<'_>) -> Result<(), Error>,
) -> Run {
    let mut options = options.clone();
    if options.single_writer {
        options.destination = options.destination.checking_first();
    }
    let fits = options.resources.within_limits().map(|resources| options.resources = resources);
    let report = ReportBuilder::start(&options, range);
    let begin = || {
        fits?;
        let slots = slots(options.resources.threads, options.resources.memory_bytes)?;
        refuse_nested(&options.destination)?;
        let pool = Pool::try_new(options.resources.threads.max(1))?;
        let mut session = Session {
            options: &options,
            pool: &pool,
            stop,
            progress,
            report: &report,
            slots,
            lock: None,
            is_unlocked: false,
            claims: 0,
            has_cleaned_up: false,
            own_epochs: BTreeSet::new(),
        };
        work(&mut session)?;
        report.check_rejects_of_run().map_err(Error::Engine)
    };
    let error = begin().err();
    warn_of_header_names(&report.unknown_names(), allowed_fields);
    let report = report.finish(error.as_ref());
    if let Some(epoch) = report.epochs.last()
        && let Err(error) = options.destination.state().put(&paths::report(*epoch), json_text(&report).as_bytes())
    {
        tracing::warn!("the report of epoch {epoch} cannot be kept in the state: {error}");
    }
    Run { report, error }
}

/// A run in progress.
pub(crate) struct Session<'r> {
    pub(crate) options: &'r RunOptions,
    pub(crate) pool: &'r Pool,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) report: &'r ReportBuilder,
    /// Number of tasks that are decoded and encoded at the same time.
    slots: usize,
    lock: Option<Lock>,
    /// Whether the store has no locks, or this run continues without one because of `--take-over`.
    is_unlocked: bool,
    claims: u64,
    has_cleaned_up: bool,
    /// Epochs that this run finalized.
    pub(crate) own_epochs: BTreeSet<u64>,
}

/// The next step after a claim of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another run was faster: this run must read the state again.
    Again,
    /// All tasks that were planned are committed.
    Done,
}

/// An epoch that a run works on.
struct EpochWork<'e> {
    log: &'e Stored<LogRecord>,
    tasks: &'e [Task],
    settings: &'e Settings,
    /// The record that closes the epoch before.
    before: Option<&'e Stored<ClosedRecord>>,
    /// Whether another run may have executed tasks of this epoch.
    is_adopted: bool,
}

impl Session<'_> {
    /// Returns a snapshot without an open epoch: finishes an open one first.
    ///
    /// # Errors
    /// The run must stop: the state is damaged, another run is active, or the open epoch could not be finished.
    pub(crate) fn settled(&mut self, mut snapshot: Snapshot) -> Result<Snapshot, Error> {
        while let Some(log) = snapshot.open_epoch() {
            self.adopt(&snapshot, log)?;
            snapshot = self.snapshot()?;
        }
        Ok(snapshot)
    }

    /// Returns a snapshot of the table, read under the lock if there is one. A new table is not locked yet, as a lock is
    /// written.
    pub(crate) fn snapshot(&mut self) -> Result<Snapshot, Error> {
        let destination = &self.options.destination;
        let snapshot = Snapshot::open(destination)?;
        if snapshot.table.is_none() || !self.lock(snapshot.last.as_ref())? {
            return Ok(snapshot);
        }
        // A snapshot from before the lock may be out of date.
        Ok(Snapshot::open(destination)?)
    }

    /// Locks a state that has locks. Returns whether this call took the lock.
    fn lock(&mut self, last: Option<&Stored<LogRecord>>) -> Result<bool, Error> {
        if self.lock.is_some() || self.is_unlocked {
            return Ok(false);
        }
        let state = self.options.destination.state();
        match state.lock() {
            Ok(lock) => {
                self.is_unlocked = lock.is_none();
                self.lock = lock;
                Ok(self.lock.is_some())
            }
            Err(error) if error.is_locked() && self.options.lease.take_over => {
                tracing::warn!("another process has the lock; continuing without it because of `--take-over`");
                self.is_unlocked = true;
                Ok(false)
            }
            Err(error) if error.is_locked() => {
                let epoch = last.map_or(0, |last| last.epoch);
                Err(Error::locked(epoch, lease::holder(state, epoch), state.location("lock")))
            }
            Err(error) => Err(Error::storage(error)),
        }
    }

    /// Returns whether this run has the lock of the state.
    fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Checks that this run may execute an epoch that another run left open.
    ///
    /// # Errors
    /// The table has a single writer, or another run is active.
    fn check_open_epoch(&self, table: &TableRecord, log: &LogRecord) -> Result<(), Error> {
        self.refuse_single_writer(table)?;
        let state = self.options.destination.state();
        Ok(lease::check(state, log, &self.options.lease, self.is_locked())?)
    }

    /// Finishes an epoch that another run left open.
    fn adopt(&mut self, snapshot: &Snapshot, log: &Stored<LogRecord>) -> Result<(), Error> {
        let RunOptions { destination, program_version, .. } = self.options;
        let table = snapshot.table.as_ref().expect("a state with an epoch has a table record");
        self.check_open_epoch(table, log)?;
        let settings = Settings::of_epoch(destination, table, log)?;
        if settings.layout(program_version) != log.layout {
            return Err(Error::OtherLayout {
                table: destination.to_string(),
                epoch: log.epoch,
                planned_by: log.program.clone(),
                program: program_version.clone(),
            });
        }
        tracing::warn!("epoch {} was left open: finishing it first", log.epoch);
        let tasks = read_plan(destination.state(), log)?;
        if self.is_locked()
            && let Err(error) = destination.state().sweep()
        {
            tracing::warn!("temporary files of earlier runs cannot be removed: {error}");
        }
        self.report_planned(ObjectCount::of(&tasks), tasks.len());
        let (tasks, before) = (tasks.as_slice(), snapshot.closed.as_ref());
        let epoch = EpochWork { log, tasks, settings: &settings, before, is_adopted: true };
        self.finish(snapshot, &epoch, |_commits| Ok(()))
    }

    /// Executes the open tasks of an epoch that another run left open, even if another version planned it. `first` is called
    /// before, under the lease, with the commits so far by the number of their task.
    ///
    /// # Errors
    /// The run must stop.
    pub(crate) fn resolve(
        &mut self,
        snapshot: &Snapshot,
        log: &Stored<LogRecord>,
        first: impl FnOnce(&[Task], &BTreeMap<u32, CommitRecord>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let RunOptions { destination, program_version, .. } = self.options;
        let table = snapshot.table.as_ref().expect("a state with an epoch has a table record");
        self.check_open_epoch(table, log)?;
        // This program executes the open tasks, even if another version committed the others.
        let mut settings = Settings::of_epoch(destination, table, log)?;
        settings.program_version.clone_from(program_version);
        let tasks = read_plan(destination.state(), log)?;
        self.report_planned(ObjectCount::of(&tasks), tasks.len());
        let (tasks, before) = (tasks.as_slice(), snapshot.closed.as_ref());
        let epoch = EpochWork { log, tasks, settings: &settings, before, is_adopted: true };
        self.finish(snapshot, &epoch, |commits| first(tasks, commits))
    }

    /// Claims the epochs of these tasks and executes them.
    pub(crate) fn claim_and_execute(
        &mut self,
        snapshot: &Snapshot,
        settings: &Settings,
        tasks: &[Task],
        complete: impl Fn(&mut LogRecord),
    ) -> Result<Next, Error> {
        let options = self.options;
        let state = options.destination.state();
        refuse_early_clock(options, snapshot)?;
        let is_own = || {
            refuse_other_table(&options.destination, snapshot)?;
            refuse_later_files(options, snapshot, settings, tasks)
        };
        if let Err(error) = is_own() {
            // The error is expected if another run has claimed an epoch meanwhile.
            let is_news = Snapshot::open(&options.destination)?.last_epoch() != snapshot.last_epoch();
            return if is_news { Ok(Next::Again) } else { Err(error) };
        }
        self.lock(snapshot.last.as_ref())?;
        let Some(table) = self.ensure_table_record(snapshot, settings)? else { return Ok(Next::Again) };
        if snapshot.closed.is_some() {
            create_once::secure(state, &paths::closed(snapshot.last_closed()))?;
        }
        let mut before = snapshot.closed.clone();
        for tasks in tasks.chunk_by(|a, b| a.id.epoch == b.id.epoch) {
            self.stop.check()?;
            let epoch = tasks.first().expect("a chunk has a task").id.epoch;
            self.claims += 1;
            let nonce = nonce(&options.run_id, epoch, self.claims);
            let plan = plan_bytes(epoch, &nonce, tasks);
            let mut record = log_record(epoch, nonce, tasks, settings, options);
            record.table = Some(table.sha256().to_owned());
            record.closed = before.as_ref().map(|before| before.sha256().to_owned());
            complete(&mut record);
            let (claim, log) = claim(state, record, &plan)?;
            drop(plan);
            if claim == Claim::Lost {
                tracing::info!(epoch, "another run was faster");
                return Ok(Next::Again);
            }
            if !std::mem::replace(&mut self.has_cleaned_up, true)
                && let Err(error) = remove_leftovers(state, &table, epoch, self.is_locked())
            {
                tracing::warn!("leftovers of earlier runs cannot be removed: {error}");
            }
            let epoch = EpochWork { log: &log, tasks, settings, before: before.as_ref(), is_adopted: false };
            let heartbeat = Heartbeat::start(state, &log, &options.lease);
            before = Some(self.execute_epoch(heartbeat, &epoch, CommittedTotals::default())?);
        }
        Ok(Next::Done)
    }

    /// Creates the table's record if there is none, and checks that its store honors put-if-absent. Returns the record;
    /// `None` if another run created another record meanwhile.
    fn ensure_table_record(
        &self,
        snapshot: &Snapshot,
        settings: &Settings,
    ) -> Result<Option<Stored<TableRecord>>, Error> {
        let RunOptions { destination, now, single_writer, run_id, .. } = self.options;
        if let Some(table) = &snapshot.table {
            self.refuse_single_writer(table)?;
            if snapshot.last.is_none() {
                // A run that was killed while it created the table may not have checked the store.
                claim::probe(destination, table)?;
            }
            return Ok(Some(table.clone()));
        }
        let record = Stored::of(TableRecord {
            format: NEWEST_FORMAT,
            created: now.to_string(),
            partition_columns: settings.partition_by.columns().iter().map(ToString::to_string).collect(),
            single_writer: *single_writer,
            identity: settings.identity,
            nonce: Some(nonce(run_id, 0, self.claims)),
        });
        let created = create_table_record(destination, &record)?;
        Ok((created == record).then_some(created))
    }

    fn refuse_single_writer(&self, table: &TableRecord) -> Result<(), Error> {
        if table.single_writer && !self.options.single_writer {
            return Err(Error::SingleWriter { table: self.options.destination.to_string() });
        }
        Ok(())
    }

    /// Executes the open tasks of an epoch that another run left open, under a lease. `first` is called before, also under
    /// the lease, with the commits so far.
    fn finish(
        &mut self,
        snapshot: &Snapshot,
        epoch: &EpochWork<'_>,
        first: impl FnOnce(&BTreeMap<u32, CommitRecord>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let state = self.options.destination.state();
        // Before the lease: nothing is written before the state is known to be sound.
        let found = committed(state, epoch.log, epoch.tasks)?;
        let was_finalized = snapshot.seen.values().any(|epochs| epochs.contains(&epoch.log.epoch));
        if was_finalized && let Some(lost) = epoch.tasks.iter().find(|task| !found.contains_key(&task.id.task)) {
            return Err(missing(state, &paths::commit(lost.id)).into());
        }
        create_once::secure(state, &paths::log(epoch.log.epoch))?;
        create_once::secure(state, &epoch.log.plan.name)?;
        let heartbeat = Heartbeat::start(state, epoch.log, &self.options.lease);
        // The earlier run of the epoch may have committed tasks until now.
        let prepare = || {
            let commits = committed(state, epoch.log, epoch.tasks)?;
            for task in epoch.tasks.iter().filter(|task| commits.contains_key(&task.id.task)) {
                create_once::secure(state, &paths::commit(task.id))?;
            }
            first(&commits)?;
            Ok(commits)
        };
        match prepare() {
            Ok(commits) => {
                for task in epoch.tasks {
                    if let Some(commit) = commits.get(&task.id.task) {
                        self.report.adopted(task, commit, self.progress);
                    }
                }
                self.execute_epoch(heartbeat, epoch, commits.values().collect()).map(|_closed| ())
            }
            Err(error) => {
                heartbeat.release();
                Err(error)
            }
        }
    }

    /// Executes the remaining tasks of an epoch and finalizes it. `done` has the results of its committed tasks.
    ///
    /// # Errors
    /// The run must stop; the epoch stays open, and the next run continues it.
    fn execute_epoch(
        &mut self,
        heartbeat: Heartbeat,
        epoch: &EpochWork<'_>,
        done: CommittedTotals,
    ) -> Result<Stored<ClosedRecord>, Error> {
        self.report.epoch_begins(epoch.log, epoch.tasks, epoch.settings, epoch.is_adopted);
        let closed = match self.execute_and_finalize(epoch, done) {
            Ok(closed) => closed,
            Err(error) => {
                heartbeat.release();
                return Err(error);
            }
        };
        drop(heartbeat);
        self.report.epoch_closed(epoch.log);
        self.own_epochs.insert(epoch.log.epoch);
        keep_ddl(&self.options.destination, epoch.settings, &closed);
        Ok(closed)
    }

    fn execute_and_finalize(
        &self,
        epoch: &EpochWork<'_>,
        done: CommittedTotals,
    ) -> Result<Stored<ClosedRecord>, Error> {
        let RunOptions { destination, connections, limits, advise, .. } = self.options;
        let EpochWork { log, tasks, settings, before, is_adopted } = *epoch;
        let left: Vec<&Task> = tasks.iter().filter(|task| !done.has(task.id.task)).collect();
        let (pool, stop, slots) = (self.pool, self.stop, self.slots);
        let (requests, advise) = (limits.requests, *advise);
        let executor = LocalExecutor { destination, connections, pool, stop, slots, requests, advise };
        let observer = EpochObserver { report: self.report, progress: self.progress, totals: Mutex::new(done) };
        executor.execute(Epoch { log, settings, is_adopted }, &left, &observer)?;
        let totals = observer.totals.into_inner().unwrap_or_else(PoisonError::into_inner);
        let records = final_records(log, tasks, totals, before);
        finalize::finalize(destination.state(), &records, requests)?;
        let ClosedRecord { epoch, rows, files, .. } = *records.record;
        tracing::info!(epoch, rows, files, "epoch closed");
        Ok(records.record)
    }

    /// Reports the planned objects and tasks.
    pub(crate) fn report_planned(&self, planned: ObjectCount, tasks: usize) {
        let tasks = tasks as u64;
        tracing::info!(objects = planned.objects, bytes = planned.bytes, tasks, "planned");
        self.progress.on(Event::Planned { objects: planned.objects, bytes: planned.bytes, tasks });
    }
}

/// Adds up the results of an epoch's tasks: for the report, and for the records that close the epoch.
struct EpochObserver<'r> {
    report: &'r ReportBuilder,
    progress: &'r dyn Progress,
    totals: Mutex<CommittedTotals>,
}

impl EpochObserver<'_> {
    fn add(&self, commit: &CommitRecord) {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner).add(commit);
    }
}

impl Observer for EpochObserver<'_> {
    fn progress(&self) -> &dyn Progress {
        self.progress
    }

    fn object_read(&self) {
        self.report.object_read();
    }

    fn object_unreadable(&self, object: &Object, reason: &str, counts: bool) -> Result<(), lakefront_engine::Error> {
        self.report.object_unreadable(object, reason, counts)
    }

    fn unknown_names(&self, names: &FieldNames) {
        self.report.add_unknown_names(names);
    }

    fn may_commit(&self, outcomes: &[(Object, Outcome)]) -> Result<(), lakefront_engine::Error> {
        self.report.check_rejects_of_task(outcomes)
    }

    fn committed(&self, done: TaskDone) {
        self.add(&done.commit);
        self.report.committed(done);
    }

    fn committed_by_another(&self, task: &Task, commit: &CommitRecord) {
        self.report.adopted(task, commit, self.progress);
        self.add(commit);
    }
}

fn log_record(epoch: u64, nonce: String, tasks: &[Task], settings: &Settings, options: &RunOptions) -> LogRecord {
    let planned = ObjectCount::of(tasks);
    let keys = tasks.iter().flat_map(|task| &task.inputs).map(Object::key);
    let days: BTreeSet<String> = keys.map(|key| paths::day_of_hour(object_key::hour(key))).collect();
    LogRecord {
        format: NEWEST_FORMAT,
        kind: DecisionKind::Plan,
        epoch,
        nonce,
        plan: Digest { name: String::new(), bytes: 0, sha256: String::new() },
        tasks: tasks.len() as u64,
        inputs: planned.objects,
        input_bytes: planned.bytes,
        retry: false,
        now: settings.now.to_string(),
        program: options.program_version.clone(),
        layout: settings.layout(&options.program_version),
        days: days.into_iter().collect(),
        settings: settings.record(),
        waiting: Waiting::default(),
        sources: None,
        seen_sizes: true,
        table: None,
        closed: None,
    }
}

/// Writes the SQL that adds an epoch's partitions to the state. Nothing depends on it, so a failure is only logged.
fn keep_ddl(destination: &Destination, settings: &Settings, closed: &ClosedRecord) {
    let Some(text) = ddl_of_epoch(destination, settings, closed) else { return };
    if let Err(error) = destination.state().put(&paths::ddl(closed.epoch), text.as_bytes()) {
        tracing::warn!("the DDL of epoch {} cannot be kept in the state: {error}", closed.epoch);
    }
}
