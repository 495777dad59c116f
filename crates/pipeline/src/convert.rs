//! A run: finish what is open, list, plan, claim, carry out, close; and again while there is more.
//!
//! ```text
//!   open ---> an epoch is open --yes--> adopt: do what is left of it, close it --.
//!    ^               | no                                                        |
//!    |<--------------+-----------------------------------------------------------'
//!    |               v
//!    |           discover --nothing new--> done
//!    |               v
//!    |             plan ---> claim the next epoch --lost--> (another run was faster)
//!    '<--------------------------------------------------------------------------|
//!                                          | ours
//!                                          v
//!                                     carry out, close; the next epoch of this listing
//! ```

use std::collections::{BTreeMap, BTreeSet};

use lakefront_cloudfront::{Enricher, enrich::user_agent::UserAgentRules, object_key};
use lakefront_storage::Lock;

use crate::{
    ConvertOptions, Destination, Error, Report,
    describe::ddl_of_epoch,
    discover::{Discovered, discover},
    epoch::{Epoch, Resources, carry_out, committed},
    escape::json_text,
    field_names::{warn_of_header_names, warn_of_table_lists},
    plan::{self, ObjectCount, PlanOptions, Task},
    pool::{Pool, Stop},
    process_limits::{fit_into_addresses, fit_into_open_files},
    progress::{Event, Progress},
    refuse::{refuse_early_clock, refuse_later_files, refuse_other_table, refuse_overlap, require_objects},
    report::Tally,
    state::{
        claim::{self, Claim, claim, found_table, nonce},
        close::Gathered,
        frozen::{freeze, thaw},
        history::History,
        known::SeenDays,
        lease::{self, Heartbeat},
        names, once,
        reading::missing,
        records::{ClosedRecord, CommitRecord, Digest, FORMAT_SEALED, Kind, LogRecord, SourceRecord, TableRecord},
        seal::Stored,
        settings::Settings,
        sources::known_sources,
        sweep::sweep,
    },
};

/// How a run ended: what it did, and why it stopped if it did.
#[derive(Debug)]
pub struct Run {
    /// What it did.
    pub report: Report,
    /// Why it stopped before the end; none if it did not.
    pub error: Option<Error>,
}

/// Converts what is new below the sources into the table, and finishes first what an earlier run left open.
///
/// The report comes in any case; with an error the table holds what was committed before.
pub fn convert(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    run(options, stop, progress, convert_new)
}

/// Does something with a table, and reports it.
pub(crate) fn run(
    options: &ConvertOptions,
    stop: &Stop,
    progress: &dyn Progress,
    work: impl FnOnce(&mut Session<'_>) -> Result<(), Error>,
) -> Run {
    let mut options = options.clone();
    if options.single_writer {
        options.destination = options.destination.checking_first();
    }
    fit_into_open_files(&mut options);
    let fits = fit_into_addresses(&mut options);
    let tally = Tally::start(&options);
    let begin = || {
        fits?;
        let tasks_at_once = options.tasks_at_once()?;
        refuse_overlap(&options)?;
        let pool = Pool::try_new(options.threads.max(1))?;
        let resources = Resources { options: &options, pool: &pool, stop, progress, tally: &tally, tasks_at_once };
        let mut session = Session {
            resources,
            lock: None,
            is_unlocked: false,
            claims: 0,
            has_swept: false,
            own_epochs: BTreeSet::new(),
        };
        work(&mut session)?;
        tally.allow_all()
    };
    let error = begin().err();
    warn_of_header_names(&tally.unknown_names(), &options);
    let report = tally.finish(error.as_ref());
    if let Some(epoch) = report.epochs.last()
        && let Ok(json) = json_text(&report)
        && let Err(error) = options.destination.state().put(&names::report(*epoch), json.as_bytes())
    {
        tracing::warn!("the report of epoch {epoch} cannot be kept in the state: {error}");
    }
    Run { report, error }
}

/// How often the sources are listed once more for logs of one name and several sizes: the second listing tells which of
/// them has rows in the table, unless that one vanished meanwhile.
const LOOKS_AT_NAMES: u32 = 3;

fn convert_new(session: &mut Session<'_>) -> Result<(), Error> {
    let Resources { options, stop, progress, tally, .. } = session.resources;
    let mut is_first = true;
    // What cannot be is said before an epoch that was left open is worked on.
    let mut history = session.history()?;
    let settings = Settings::of_next(options, history.table.as_deref(), history.last.as_deref())?;
    known_sources(options, &history, settings.identity, true)?;
    let mut looks_at_names = 0;
    warn_of_table_lists(&settings.fields, options);
    loop {
        history = session.settled(history)?;
        let settings = Settings::of_next(options, history.table.as_deref(), history.last.as_deref())?;
        let sources = known_sources(options, &history, settings.identity, false)?;
        if is_first {
            session.prepare(&settings);
        }
        let seen = SeenDays::new(options.destination.state(), &history, settings.identity)
            .with_marks()
            .with_own_epochs(&session.own_epochs);
        let found = discover(options, seen, &tally.refused(), stop, progress)?;
        if tally.doubles(found.doubles) {
            found.doubles.warnings(settings.identity).iter().for_each(|warning| tracing::warn!("{warning}"));
        }
        if std::mem::take(&mut is_first) {
            found.warn_of_unused_patterns();
            for failure in &found.failures {
                let (object, message) = (failure.location.clone(), format!("list: {}", failure.reason));
                progress.on(Event::ObjectFailed { object, message });
            }
            tally.listed(&found);
        }
        let appended = settings.appended(&options.destination, &history)?;
        if found.candidates.is_empty() {
            if options.fields.is_some() && settings.fields_differ(history.last.as_deref()) {
                tracing::warn!(
                    "nothing is new, so the table keeps its list of fields: give `--fields` again when there are logs"
                );
            }
            if !appended.is_empty() {
                tracing::warn!(
                    "nothing is new, so no column is appended: pass `--extend-schema` again when there are logs"
                );
            }
            return require_objects(options, &found);
        }
        if !appended.is_empty() {
            warn_of_appended(&appended);
        }
        let (left, undecided) = (found.left, found.doubles.other_sizes);
        looks_at_names += u32::from(undecided > 0);
        if session.take(&history, &settings, found, sources.as_ref())? == Next::Done && left == 0 {
            if undecided == 0 {
                return Ok(());
            }
            if looks_at_names == LOOKS_AT_NAMES {
                tracing::warn!(
                    "{undecided} logs have the name of another one in this listing, and another size: the next run looks at them again"
                );
                return Ok(());
            }
        }
        history = session.history()?;
    }
}

/// The number of appended columns that are named.
const NAMED_COLUMNS: usize = 5;

/// Says what readers of a table need whose older data files lack columns.
fn warn_of_appended(columns: &[String]) {
    let names = columns.iter().take(NAMED_COLUMNS).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let more = columns.len().saturating_sub(NAMED_COLUMNS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    tracing::warn!(
        "the table gets {} more columns for good: {names}{more}; data files written before lack them: DuckDB reads all with `union_by_name = true`, Polars with `missing_columns = \"insert\"`, pyarrow with the schema of a new file; for Athena, Spark and Hive `lakefront ddl` prints ALTER TABLE ... ADD COLUMNS",
        columns.len()
    );
}

/// A run under way.
pub(crate) struct Session<'r> {
    pub(crate) resources: Resources<'r>,
    lock: Option<Lock>,
    /// The store has no locks, or this run was told to go on without.
    is_unlocked: bool,
    claims: u64,
    has_swept: bool,
    /// Epochs that this run closed.
    own_epochs: BTreeSet<u64>,
}

/// Whether there may be more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Again,
    Done,
}

impl Session<'_> {
    /// What the table remembers once no epoch is open: one that is, is finished first.
    ///
    /// # Errors
    /// The run must stop: the state is not sound, another run is at work, or its epoch could not be finished.
    pub(crate) fn settled(&mut self, mut history: History) -> Result<History, Error> {
        while let Some(log) = history.open_epoch() {
            self.adopt(&history, log)?;
            history = self.history()?;
        }
        Ok(history)
    }

    /// What the table remembers, read under the lock where there is one. A new table is not locked yet: that would write.
    pub(crate) fn history(&mut self) -> Result<History, Error> {
        let destination = &self.resources.options.destination;
        let history = History::open(destination)?;
        if history.table.is_none() || !self.lock(history.last.as_ref())? {
            return Ok(history);
        }
        // What was read before the lock was had may be out of date.
        History::open(destination)
    }

    /// Locks a state that has locks. Says whether that was done just now.
    fn lock(&mut self, last: Option<&Stored<LogRecord>>) -> Result<bool, Error> {
        if self.lock.is_some() || self.is_unlocked {
            return Ok(false);
        }
        let options = self.resources.options;
        match options.destination.state().lock() {
            Ok(lock) => {
                self.is_unlocked = lock.is_none();
                self.lock = lock;
                Ok(self.lock.is_some())
            }
            Err(error) if error.is_locked() && options.take_over => {
                tracing::warn!("another process has the lock; going on without it, as `--take-over` says");
                self.is_unlocked = true;
                Ok(false)
            }
            Err(error) if error.is_locked() => {
                let epoch = last.map_or(0, |last| last.epoch);
                let holder = lease::holder(options.destination.state(), epoch);
                let lock = options.destination.state().location("lock");
                Err(Error::Active { epoch, holder, left: format!("it has the lock {lock}") })
            }
            Err(error) => Err(Error::storage(error)),
        }
    }

    /// Finishes an epoch that another run left open.
    fn adopt(&mut self, history: &History, log: &Stored<LogRecord>) -> Result<(), Error> {
        let options = self.resources.options;
        let destination = &options.destination;
        let Some(table) = &history.table else { return Err(Error::Worker) };
        self.refuse_single_writer(table)?;
        lease::check(destination.state(), log, options, self.lock.is_some())?;
        let settings = Settings::of_epoch(destination, table, log)?;
        if settings.layout(&options.program_version) != log.layout {
            return Err(Error::NeedsResolve {
                table: destination.to_string(),
                epoch: log.epoch,
                why: format!(
                    "version {} planned it: this one, {}, would write other bytes under the same names",
                    log.program, options.program_version
                ),
            });
        }
        tracing::warn!("epoch {} was left open: finishing it first", log.epoch);
        self.prepare(&settings);
        let tasks = thaw(destination.state(), log)?;
        if self.is_locked()
            && let Err(error) = destination.state().sweep()
        {
            tracing::warn!("temporary files of earlier runs cannot be removed: {error}");
        }
        let planned = ObjectCount::of(&tasks);
        self.tell_planned(planned, tasks.len());
        let epoch =
            Epoch { log, tasks: &tasks, settings: &settings, before: history.closed.as_ref(), is_adopted: true };
        self.work_on(history, &epoch, |_commits| Ok(()))
    }

    /// Makes epochs of what was found, one after the other.
    pub(crate) fn take(
        &mut self,
        history: &History,
        settings: &Settings,
        found: Discovered,
        sources: Option<&Vec<SourceRecord>>,
    ) -> Result<Next, Error> {
        let options = self.resources.options;
        let waiting = found.waiting_record();
        let Discovered { candidates, mut earlier, wanted, .. } = found;
        let mut tasks = plan::plan(candidates, plan_options(options, settings), history.last_epoch() + 1);
        for task in tasks.iter_mut().filter(|task| task.is_changed) {
            task.earlier = task.inputs.iter().map(|object| earlier.remove(object)).collect();
        }
        self.tell_planned(wanted, tasks.len());
        self.claim_and_carry_out(history, settings, &tasks, |record| {
            record.waiting = waiting.clone();
            record.sources = sources.cloned();
        })
    }

    /// Claims the epochs of these tasks and carries them out.
    pub(crate) fn claim_and_carry_out(
        &mut self,
        history: &History,
        settings: &Settings,
        tasks: &[Task],
        complete: impl Fn(&mut LogRecord),
    ) -> Result<Next, Error> {
        let options = self.resources.options;
        let state = options.destination.state();
        refuse_early_clock(options, history)?;
        let is_own = || {
            refuse_other_table(&options.destination, history)?;
            refuse_later_files(options, history, settings, tasks)
        };
        if let Err(error) = is_own() {
            // Where another run has moved on meanwhile, that is no wonder.
            let is_news = History::open(&options.destination)?.last_epoch() != history.last_epoch();
            return if is_news { Ok(Next::Again) } else { Err(error) };
        }
        self.lock(history.last.as_ref())?;
        let Some(table) = self.found(history, settings)? else { return Ok(Next::Again) };
        if history.closed.is_some() {
            once::secure(state, &names::closed(history.last_closed()))?;
        }
        let mut before = history.closed.clone();
        for tasks in tasks.chunk_by(|a, b| a.id.epoch == b.id.epoch) {
            self.resources.stop.check()?;
            let Some(epoch) = tasks.first().map(|task| task.id.epoch) else { break };
            self.claims += 1;
            let nonce = nonce(&options.run_id, epoch, self.claims);
            let plan = freeze(epoch, &nonce, tasks);
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
            if !std::mem::replace(&mut self.has_swept, true)
                && let Err(error) = sweep(state, &table, epoch, self.lock.is_some())
            {
                tracing::warn!("what earlier runs left behind cannot be swept: {error}");
            }
            let epoch = Epoch { log: &log, tasks, settings, before: before.as_ref(), is_adopted: false };
            before = Some(self.carry_out(&epoch)?);
        }
        Ok(Next::Done)
    }

    /// Creates the table's record if there is none, and checks that its store can be trusted. Returns the record;
    /// `None` if it is not the one in `history`.
    fn found(&self, history: &History, settings: &Settings) -> Result<Option<Stored<TableRecord>>, Error> {
        let options = self.resources.options;
        let destination = &options.destination;
        if let Some(table) = &history.table {
            self.refuse_single_writer(table)?;
            if history.last.is_none() {
                // A run that was killed as it founded the table may not have come to this.
                claim::probe(destination, table)?;
            }
            return Ok(Some(table.clone()));
        }
        let record = Stored::of(TableRecord {
            format: FORMAT_SEALED,
            created: options.now.to_string(),
            partition_columns: settings.partition_by.columns().iter().map(ToString::to_string).collect(),
            single_writer: options.single_writer,
            identity: settings.identity,
            nonce: Some(nonce(&options.run_id, 0, self.claims)),
        });
        let founded = found_table(destination, &record)?;
        Ok((founded == record).then_some(founded))
    }

    pub(crate) fn refuse_single_writer(&self, table: &TableRecord) -> Result<(), Error> {
        if table.single_writer && !self.resources.options.single_writer {
            return Err(Error::SingleWriter { table: self.resources.options.destination.to_string() });
        }
        Ok(())
    }

    /// Carries an epoch of this run's out, under a lease.
    fn carry_out(&mut self, epoch: &Epoch<'_>) -> Result<Stored<ClosedRecord>, Error> {
        let Resources { options, .. } = self.resources;
        let heartbeat = Heartbeat::start(options.destination.state(), epoch.log, &options.holder, options.lease);
        self.carry_out_under(heartbeat, epoch, Gathered::default())
    }

    /// Carries out what is left of an epoch that another run left open, under a lease. `first` is done before, under the
    /// lease as well; it hears which tasks are committed.
    ///
    /// # Errors
    /// The run must stop.
    pub(crate) fn work_on(
        &mut self,
        history: &History,
        epoch: &Epoch<'_>,
        first: impl FnOnce(&BTreeMap<u32, CommitRecord>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Resources { options, tally, progress, .. } = self.resources;
        let state = options.destination.state();
        // Before the lease: nothing is written while the state may still turn out to be damaged.
        let found = committed(state, epoch.log, epoch.tasks)?;
        let was_closing = history.seen.values().any(|epochs| epochs.contains(&epoch.log.epoch));
        if was_closing && let Some(lost) = epoch.tasks.iter().find(|task| !found.contains_key(&task.id.task)) {
            return Err(missing(state, &names::commit(lost.id)));
        }
        once::secure(state, &names::log(epoch.log.epoch))?;
        once::secure(state, &epoch.log.plan.name)?;
        let heartbeat = Heartbeat::start(state, epoch.log, &options.holder, options.lease);
        // Whoever had the epoch before may have committed something until now.
        let prepared = committed(state, epoch.log, epoch.tasks).and_then(|commits| {
            for task in epoch.tasks.iter().filter(|task| commits.contains_key(&task.id.task)) {
                once::secure(state, &names::commit(task.id))?;
            }
            first(&commits)?;
            Ok(commits)
        });
        match prepared {
            Ok(commits) => {
                for task in epoch.tasks {
                    commits.get(&task.id.task).into_iter().for_each(|commit| tally.adopted(task, commit, progress));
                }
                self.carry_out_under(heartbeat, epoch, commits.values().collect()).map(|_closed| ())
            }
            Err(error) => {
                heartbeat.release();
                Err(error)
            }
        }
    }

    fn carry_out_under(
        &mut self,
        heartbeat: Heartbeat,
        epoch: &Epoch<'_>,
        done: Gathered,
    ) -> Result<Stored<ClosedRecord>, Error> {
        let Resources { options, tally, .. } = self.resources;
        tally.epoch_begins(epoch);
        match carry_out(&self.resources, epoch, done) {
            Ok(closed) => {
                drop(heartbeat);
                tally.epoch_closed(epoch.log);
                self.own_epochs.insert(epoch.log.epoch);
                keep_ddl(&options.destination, epoch.settings, &closed);
                Ok(closed)
            }
            Err(error) => {
                heartbeat.release();
                Err(error)
            }
        }
    }

    /// Does this run hold the lock of the state?
    pub(crate) fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Starts what takes a while and is needed later: rules of user agents take as long to compile as listing a hundred
    /// thousand objects.
    pub(crate) fn prepare(&self, settings: &Settings) {
        if Enricher::needs_user_agents(&settings.schema) {
            for compile in UserAgentRules::PARTS {
                let _ = self.resources.pool.start(compile);
            }
        }
    }

    pub(crate) fn tell_planned(&self, planned: ObjectCount, tasks: usize) {
        let tasks = tasks as u64;
        tracing::info!(objects = planned.objects, bytes = planned.bytes, tasks, "planned");
        self.resources.progress.on(Event::Planned { objects: planned.objects, bytes: planned.bytes, tasks });
    }
}

fn log_record(epoch: u64, nonce: String, tasks: &[Task], settings: &Settings, options: &ConvertOptions) -> LogRecord {
    let planned = ObjectCount::of(tasks);
    let keys = tasks.iter().flat_map(|task| &task.inputs).map(lakefront_storage::Object::key);
    let days: BTreeSet<String> = keys.map(|key| names::day_of_hour(object_key::hour(key))).collect();
    let settings_record = settings.record();
    LogRecord {
        format: FORMAT_SEALED,
        kind: Kind::Plan,
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
        settings: settings_record,
        waiting: crate::state::records::Waiting::default(),
        sources: None,
        seen_sizes: true,
        table: None,
        closed: None,
    }
}

/// Keeps the SQL that makes an epoch's partitions known. Nothing depends on it, so that a failure is told and no more.
fn keep_ddl(destination: &Destination, settings: &Settings, closed: &ClosedRecord) {
    let Some(text) = ddl_of_epoch(destination, settings, closed) else { return };
    if let Err(error) = destination.state().put(&names::ddl(closed.epoch), text.as_bytes()) {
        tracing::warn!("the DDL of epoch {} cannot be kept in the state: {error}", closed.epoch);
    }
}

pub(crate) fn plan_options(options: &ConvertOptions, settings: &Settings) -> PlanOptions {
    PlanOptions {
        partition_by: settings.partition_by,
        task_bytes: options.task_bytes,
        epoch_inputs: options.limits.epoch_inputs,
    }
}
