//! Adds up the results of tasks, and stops a run with too many rejects or unreadable objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lakefront_cloudfront::FieldNames;
use lakefront_engine::{
    Advise, Error as EngineError, Settings, brief, message,
    outcome::{Lost, Outcome, TaskDone},
    progress::{Event, Progress},
};
use lakefront_ledger::{
    Doubles,
    plan::{ObjectCount, Task},
    records::{CommitRecord, InputOutcome, LogRecord, OutcomeWord},
};
use lakefront_schema::{ColumnSource, Derivation};
use lakefront_storage::Object;

use crate::{
    Error, RunOptions,
    discover::Discovered,
    options::{DEFAULT_MAX_UNREADABLE, MaxRejects},
    report::{
        FailedObject, MAX_NAMED_OBJECTS, Report, RunOutcome,
        outcomes::{NotConverted, add_adopted, add_outcome, adopted_message, count_lost, push_named, take_back},
    },
};

/// Number of objects after which a run stops if it could not read any: it has no access then.
const FIRST_OBJECTS: u64 = 20;

/// Adds up the results of tasks, and measures the time.
#[derive(Debug)]
pub(crate) struct ReportBuilder {
    started: Instant,
    max_rejects: Option<MaxRejects>,
    max_unreadable: Option<u64>,
    advise: Advise,
    quarantine: String,
    /// Whether any object could be read.
    has_read: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    report: Report,
    partitions: BTreeSet<String>,
    column_names: Vec<String>,
    unknown_names: FieldNames,
    /// Names of fields in committed tasks that no column uses.
    unclaimed_fields: FieldNames,
    /// Rows and rejects, including those of tasks that are about to be committed.
    rows: u64,
    rejects: u64,
    /// Objects that this run, not an earlier one, could not read.
    refused: BTreeSet<Object>,
    /// Number of unreadable objects that count for the limit.
    unreadable: u64,
    /// Inputs that could not be read, and failed ones of adopted tasks: a later epoch of the run may take them.
    may_come_again: BTreeMap<Object, NotConverted>,
}

impl ReportBuilder {
    pub(crate) fn start(options: &RunOptions, range: &'static str) -> Self {
        let report = Report {
            version: options.program_version.clone(),
            table: options.destination.to_string(),
            state: options.destination.state().location(""),
            range,
            ..Report::default()
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "the report says how long the run took; nothing else depends on it"
        )]
        let started = Instant::now();
        Self {
            started,
            max_rejects: options.max_rejects,
            max_unreadable: options.max_unreadable,
            advise: options.advise,
            has_read: AtomicBool::new(false),
            quarantine: options.destination.state().location("quarantine"),
            state: Mutex::new(State { report, ..State::default() }),
        }
    }

    /// Adds the first listing of a run; later listings find the same objects.
    pub(crate) fn listed(&self, found: &Discovered) {
        self.with(|State { report, .. }| {
            report.objects.listed = found.listed;
            report.objects.not_selected = found.not_selected.objects;
            report.objects.without_hour = found.without_hour();
            report.objects.special = found.special;
            report.objects.waiting = found.waiting.objects;
            report.objects.known = found.known;
            report.objects.known_failed = found.known_failed;
            report.objects.unlisted = found.failures.len() as u64;
            report.waiting = found.waiting_record();
            report.lost_objects.extend(found.failures.iter().take(MAX_NAMED_OBJECTS).map(|failure| FailedObject {
                object: failure.location.clone(),
                reason: "unlisted".to_owned(),
                message: brief(&failure.flaw, self.advise),
            }));
        });
    }

    /// Adds the logs of a listing that look like another log that is converted or planned. Returns whether no earlier
    /// listing of this run had such logs.
    pub(crate) fn doubles(&self, found: Doubles) -> bool {
        self.with(|State { report, .. }| {
            let is_first = report.objects.doubles == Doubles::default();
            report.objects.doubles.add(found);
            is_first
        })
    }

    /// Adds an object that is not planned, as it is gone or cannot be read.
    pub(crate) fn lost_before_plan(&self, object: &Object, how: &Lost, message: &str) {
        self.with(|State { report, .. }| {
            count_lost(report, how);
            push_named(&mut report.lost_objects, object, how.reason(), message.to_owned());
        });
    }

    /// Records that an object, or a part of a large one, was read.
    pub(crate) fn object_read(&self) {
        self.has_read.store(true, Ordering::Relaxed);
    }

    /// Adds an object that this run could not read. `counts`: whether it counts for the limit.
    ///
    /// # Errors
    /// [`EngineError::TooManyUnreadable`]: the limit is reached, or no object could be read so far.
    pub(crate) fn object_unreadable(&self, object: &Object, reason: &str, counts: bool) -> Result<(), EngineError> {
        let unreadable = self.with(|state| {
            state.refused.insert(object.clone());
            state.unreadable += u64::from(counts);
            state.unreadable
        });
        if !counts {
            return Ok(());
        }
        // A limit that the operator set is the only limit.
        let is_all =
            self.max_unreadable.is_none() && !self.has_read.load(Ordering::Relaxed) && unreadable >= FIRST_OBJECTS;
        if is_all || unreadable >= self.max_unreadable.unwrap_or(DEFAULT_MAX_UNREADABLE) {
            let (object, reason) = (object.location(), reason.to_owned());
            return Err(EngineError::TooManyUnreadable { unreadable, is_all, object, reason });
        }
        Ok(())
    }

    /// Returns the objects that this run itself could not read.
    pub(crate) fn refused(&self) -> BTreeSet<Object> {
        self.with(|state| state.refused.clone())
    }

    /// Adds a task of this run's epoch that another run committed. Reports its objects that were not converted, as that run
    /// may have died before it reported them.
    pub(crate) fn adopted(&self, task: &Task, commit: &CommitRecord, progress: &dyn Progress) {
        self.with(|State { report, may_come_again, .. }| {
            for (index, (object, outcome)) in task.inputs.iter().zip(&commit.inputs).enumerate() {
                report.objects.adopted += 1;
                report.adopted.rejects += outcome.rejects();
                if let Some(message) = adopted_message(task, index, outcome) {
                    progress.on(Event::ObjectFailed { object: object.location(), message: message.clone() });
                    add_adopted(report, object, outcome, message);
                    let has_failed = matches!(outcome, InputOutcome::Failed { .. });
                    if has_failed || outcome.word() == OutcomeWord::Unreadable {
                        may_come_again.insert(object.clone(), NotConverted { has_failed, is_adopted: true });
                    }
                } else {
                    report.objects.adopted_converted += 1;
                }
            }
            report.adopted.tasks += 1;
            report.adopted.files += commit.files.len() as u64;
            for file in &commit.files {
                report.adopted.rows += file.rows;
                report.adopted.bytes_out += file.bytes;
            }
        });
    }

    /// Adds an epoch that this run executes.
    pub(crate) fn epoch_begins(&self, log: &LogRecord, tasks: &[Task], settings: &Settings, is_adopted: bool) {
        self.with(|State { report, column_names, may_come_again, .. }| {
            for object in tasks.iter().flat_map(|task| &task.inputs).filter(|_| !is_adopted) {
                // The object with its earlier location: an archive may have moved.
                if let Some((object, before)) = may_come_again.remove_entry(object) {
                    take_back(report, &object, before);
                }
            }
            report.open_epoch = Some(log.epoch);
            settings.schema.name().clone_into(&mut report.schema);
            report.identity = settings.identity;
            let is_extra =
                |column: &lakefront_schema::Column| column.source == ColumnSource::Derived(Derivation::Extra);
            report.keeps_unclaimed_fields = settings.schema.columns().iter().any(is_extra);
            *column_names = settings.schema.columns().iter().map(|column| column.name.clone()).collect();
            report.objects.planned += ObjectCount::of(tasks).objects;
        });
    }

    /// Records that an epoch is closed.
    pub(crate) fn epoch_closed(&self, log: &LogRecord) {
        self.with(|State { report, .. }| {
            report.epochs.push(log.epoch);
            report.open_epoch = None;
        });
    }

    /// Adds names in headers that CloudFront is not known to have.
    pub(crate) fn add_unknown_names(&self, names: &FieldNames) {
        if !names.is_empty() {
            self.with(|state| state.unknown_names.extend(names));
        }
    }

    /// Returns all such names so far.
    pub(crate) fn unknown_names(&self) -> FieldNames {
        self.with(|state| state.unknown_names.clone())
    }

    /// Checks that a task with these outcomes may be committed.
    ///
    /// # Errors
    /// [`EngineError::TooManyRejects`].
    pub(crate) fn check_rejects_of_task(&self, outcomes: &[(Object, Outcome)]) -> Result<(), EngineError> {
        self.with(|state| {
            for (_, outcome) in outcomes {
                if let Outcome::Converted(summary) = outcome {
                    state.rows += summary.rows;
                    state.rejects += summary.rejected;
                }
            }
            self.check_rejects(state, false)
        })
    }

    /// Checks that the rejects of the whole run are not too many.
    ///
    /// # Errors
    /// [`EngineError::TooManyRejects`].
    pub(crate) fn check_rejects_of_run(&self) -> Result<(), EngineError> {
        self.with(|state| self.check_rejects(state, true))
    }

    fn check_rejects(&self, state: &State, is_end: bool) -> Result<(), EngineError> {
        let (rows, rejects) = (state.rows, state.rejects);
        if self.max_rejects.is_some_and(|limit| limit.is_exceeded(rows, rejects, is_end)) {
            return Err(EngineError::TooManyRejects { rows, rejects, quarantine: self.quarantine.clone() });
        }
        Ok(())
    }

    /// Counts a task that this run committed.
    pub(crate) fn committed(&self, done: TaskDone) {
        let TaskDone { outcomes, commit, counts } = done;
        self.with(|State { report, partitions, column_names, unclaimed_fields, may_come_again, .. }| {
            for (reason, count) in counts.rejects {
                *report.rejects.entry(reason.to_owned()).or_default() += count;
            }
            for (name, count) in column_names.iter().zip(counts.nulled_cells).filter(|(_, count)| *count > 0) {
                *report.nulled_cells.entry(name.clone()).or_default() += count;
            }
            unclaimed_fields.extend(&counts.unclaimed_fields);
            for (object, outcome) in outcomes {
                if matches!(outcome, Outcome::Lost(Lost::Unreadable(_))) {
                    may_come_again.insert(object.clone(), NotConverted { has_failed: false, is_adopted: false });
                }
                add_outcome(report, &object, outcome);
            }
            report.tasks += 1;
            report.files += commit.files.len() as u64;
            for file in &commit.files {
                report.bytes_out += file.bytes;
                partitions.insert(file.partition().to_owned());
            }
        });
    }

    /// Returns the report at the end of the run.
    pub(crate) fn finish(self, error: Option<&Error>) -> Report {
        let State { mut report, partitions, unknown_names, unclaimed_fields, .. } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.unknown_fields = unknown_names.iter().map(str::to_owned).collect();
        report.more_unknown_fields = unknown_names.more();
        report.unclaimed_fields = unclaimed_fields.iter().map(str::to_owned).collect();
        report.more_unclaimed_fields = unclaimed_fields.more();
        report.partitions = partitions.len() as u64;
        report.seconds = self.started.elapsed().as_secs_f64();
        // Tasks may end in any order.
        report.failed_objects.sort_by(|a, b| a.object.cmp(&b.object));
        report.lost_objects.sort_by(|a, b| a.object.cmp(&b.object));
        let objects = report.objects;
        report.error = error.map(|error| message(error, self.advise));
        report.outcome = match error {
            Some(error) if error.is_active() => RunOutcome::Active,
            Some(_) => RunOutcome::Stopped,
            None if objects.not_converted() + objects.unlisted > 0 => RunOutcome::DoneWithFailures,
            None => RunOutcome::Done,
        };
        report
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
