//! The run in one value: counts, bytes, durations, what was rejected and what failed. Its JSON form is `--report`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use lakefront_cloudfront::UnknownNames;
use lakefront_schema::{Derivation, Source};
use lakefront_storage::Object;
use serde::Serialize;

use crate::{
    ConvertOptions, Doubles, Error, Identity,
    discover::Discovered,
    epoch::Epoch,
    error::message,
    options::{DEFAULT_MAX_UNREADABLE, MaxRejects},
    plan::{ObjectCount, Task},
    progress::{Event, Progress},
    state::records::{CommitRecord, InputOutcome, LogRecord, Waiting},
    worker::{Lost, Outcome, TaskDone},
};

/// Of objects that were not converted this many are named; all of them are counted, and failed ones stand in the
/// quarantine.
pub const MAX_NAMED_OBJECTS: usize = 1000;
/// A run whose first objects, this many, cannot be read at all has no access to any: it stops.
const FIRST_OBJECTS: u64 = 20;

/// What is said of an input that was converted before in another version.
pub(crate) fn changed_message(task: &Task, input: usize) -> String {
    match task.earlier.get(input).and_then(Option::as_ref) {
        Some(earlier) => format!(
            "list: has the name of {earlier}, which was converted, and another size; it is not read, and the rows of that one stay as they are"
        ),
        None => "list: changed after it was converted; its rows stay as they were".to_owned(),
    }
}
/// Data files smaller than this on average (8 MiB) deserve a hint.
const SMALL_FILE_BYTES: u64 = 8 << 20;

/// What a run did.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The program's version.
    pub version: String,
    /// How it ended.
    pub outcome: RunOutcome,
    /// Why it stopped, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The table.
    pub table: String,
    /// Its state.
    pub state: String,
    /// Its table schema; empty where nothing was to be converted.
    pub schema: String,
    /// What makes a log the same one in this table.
    pub identity: Identity,
    /// Objects by what became of them.
    pub objects: ObjectReport,
    /// Compressed bytes of the objects that were converted.
    pub bytes_in: u64,
    /// Bytes of their text.
    pub text_bytes: u64,
    /// Bytes of the data files.
    pub bytes_out: u64,
    /// Lines of text.
    pub lines: u64,
    /// Lines that became rows.
    pub rows: u64,
    /// Lines that start with `#`.
    pub comments: u64,
    /// Lines of nothing but blanks.
    pub blanks: u64,
    /// Lines that were refused, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// Rows with fewer cells than names.
    pub padded_rows: u64,
    /// Rows with more cells than names.
    pub rows_with_extra_cells: u64,
    /// Cells that are not UTF-8 and were decoded lossily.
    pub lossy_cells: u64,
    /// Cells that are no number, by column.
    pub nulled_cells: BTreeMap<String, u64>,
    /// Fields that the logs have and the table schema does not.
    pub unclaimed_fields: BTreeSet<String>,
    /// Whether the table schema keeps those, all in one column.
    pub keeps_unclaimed_fields: bool,
    /// Names in headers that CloudFront is not known to have and no column asks for; of very many some.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub unknown_fields: BTreeSet<String>,
    /// Data files written.
    pub files: u64,
    /// Partitions they are in.
    pub partitions: u64,
    /// Tasks committed.
    pub tasks: u64,
    /// What committed tasks of this run's epochs gave that another run committed: with the numbers above it is all that the
    /// epochs gave.
    pub adopted: AdoptedReport,
    /// Epochs closed, among them one that an earlier run left open.
    pub epochs: Vec<u64>,
    /// The epoch that the run left open, if it did: the next run finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_epoch: Option<u64>,
    /// What the flags of the range of hours do, for messages.
    #[serde(skip)]
    pub range: &'static str,
    /// What was left for a later run, as its hour has not settled.
    pub waiting: Waiting,
    /// Objects that were judged bad, the first [`MAX_NAMED_OBJECTS`].
    pub failed_objects: Vec<FailedObject>,
    /// Objects that vanished or changed after they were listed or could not be read, and what could not be listed, likewise.
    pub lost_objects: Vec<FailedObject>,
    /// Wall-clock seconds.
    pub seconds: f64,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// It stopped before the end.
    #[default]
    Stopped,
    /// Another run is at work on the table.
    Active,
    /// All objects were converted.
    Done,
    /// It came to the end, but some objects failed, changed, vanished or could not be listed.
    DoneWithFailures,
}

/// What tasks gave that another run committed before it left their epoch open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AdoptedReport {
    /// Tasks.
    pub tasks: u64,
    /// Data files.
    pub files: u64,
    /// Rows in them.
    pub rows: u64,
    /// Bytes of them.
    pub bytes_out: u64,
    /// Lines that were refused.
    pub rejects: u64,
}

/// Objects by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// Found below the sources.
    pub listed: u64,
    /// Found, but not taken by the selection.
    pub not_selected: u64,
    /// Those among them that `--from` or `--to` leaves out as their names have no hour.
    pub without_hour: u64,
    /// Named pipes, sockets and devices, which are never logs and not among those found.
    pub special: u64,
    /// Found, but their hour has not settled.
    pub waiting: u64,
    /// Taken by an earlier run, and unchanged. Inputs of the epochs that this run carried out do not count here.
    pub known: u64,
    /// Those among them that were judged bad: `lakefront retry` tries them again.
    pub known_failed: u64,
    /// In the epochs that this run carried out. An object that could not be read in one, and that a later epoch of the same run
    /// has again, counts in that one alone.
    pub planned: u64,
    /// Those among them that an earlier run had committed before it left its epoch open.
    pub adopted: u64,
    /// Those among the adopted ones whose rows are in the table. The others count as failed, gone and so on.
    pub adopted_converted: u64,
    /// Converted by this run: their rows are in the table. `planned` is the sum of this, `adopted_converted`, `failed`,
    /// `gone`, `replaced`, `changed` and `unreadable`, once all epochs are closed.
    pub converted: u64,
    /// Judged bad.
    pub failed: u64,
    /// Vanished after they were listed.
    pub gone: u64,
    /// Changed after they were listed: the next run takes them as they are then.
    pub replaced: u64,
    /// Changed after they were converted: their rows stay as they were.
    pub changed: u64,
    /// Could not be read, though others could: the next run tries them again.
    pub unreadable: u64,
    /// Could not be listed.
    pub unlisted: u64,
    /// Those that look like another log which is in the table or planned as well.
    pub doubles: Doubles,
}

impl ObjectReport {
    /// Those of the planned objects whose rows are not in the table, or not those of the version at hand.
    fn not_converted(&self) -> u64 {
        self.failed + self.gone + self.replaced + self.changed + self.unreadable
    }
}

/// An object that was not converted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedObject {
    /// Where it is, printable.
    pub object: String,
    /// The reason in a word.
    pub reason: String,
    /// The reason in a sentence.
    pub message: String,
}

impl Report {
    /// Lines that were refused.
    pub fn rejected_rows(&self) -> u64 {
        self.rejects.values().sum()
    }

    /// Per wall-clock second, of any count.
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    pub fn per_second(&self, count: u64) -> f64 {
        if self.seconds > 0.0 { count as f64 / self.seconds } else { 0.0 }
    }

    /// What could be done better next time, in a sentence.
    pub fn hint(&self) -> Option<String> {
        let average = self.bytes_out.checked_div(self.files)?;
        let many_files_a_partition = self.files > 2 * self.partitions;
        if self.files < 10 || average >= SMALL_FILE_BYTES {
            return None;
        }
        let kib = average / 1024;
        Some(if many_files_a_partition {
            format!(
                "data files come out small ({kib} KiB on average, several a partition); a larger `--task-bytes`, or fewer and larger runs, make fewer of them"
            )
        } else {
            format!(
                "data files come out small ({kib} KiB on average); `--partition-by day` makes fewer and larger ones"
            )
        })
    }
}

/// Adds up what tasks give, and takes the time.
#[derive(Debug)]
pub(crate) struct Tally {
    started: Instant,
    max_rejects: Option<MaxRejects>,
    max_unreadable: Option<u64>,
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
    unknown_names: UnknownNames,
    /// Rows and rejects of tasks that are about to be committed as well.
    rows: u64,
    rejects: u64,
    /// Objects that this run itself could not read.
    refused: BTreeSet<Object>,
    /// How many of them count for the limit.
    unreadable: u64,
    /// Inputs that could not be read, and failed ones of adopted tasks: a later epoch of the run may take them.
    may_come_again: BTreeMap<Object, NotConverted>,
}

/// What became of an input whose rows are not in the table.
#[derive(Debug)]
struct NotConverted {
    outcome: InputOutcome,
    /// Another run committed its task.
    is_adopted: bool,
}

impl Tally {
    pub(crate) fn start(options: &ConvertOptions) -> Self {
        let report = Report {
            version: options.program_version.clone(),
            table: options.destination.to_string(),
            state: options.destination.state().location(""),
            range: options.selection.range_flags(),
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
            has_read: AtomicBool::new(false),
            quarantine: options.destination.state().location("quarantine"),
            state: Mutex::new(State { report, ..State::default() }),
        }
    }

    /// The first listing of a run; later ones find what it found.
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
                message: failure.reason.clone(),
            }));
        });
    }

    /// What looks like a log that is converted or planned as well, in a listing. Says whether it is the first of the run that has
    /// such logs.
    pub(crate) fn doubles(&self, found: Doubles) -> bool {
        self.with(|State { report, .. }| {
            let is_first = report.objects.doubles == Doubles::default();
            report.objects.doubles.add(found);
            is_first
        })
    }

    /// An object that was to be planned, and is not there any more or cannot be looked at.
    pub(crate) fn lost_before_plan(&self, object: &Object, how: &Lost, message: &str) {
        self.with(|State { report, .. }| {
            count_lost(report, how);
            push_named(&mut report.lost_objects, object, how.reason(), message.to_owned());
        });
    }

    /// An object, or a part of a large one, was read.
    pub(crate) fn object_read(&self) {
        self.has_read.store(true, Ordering::Relaxed);
    }

    /// The store does not give an object to this run.
    ///
    /// # Errors
    /// [`Error::TooManyUnreadable`]: there are as many as `--max-unreadable` says, or nothing else could be read so far.
    pub(crate) fn object_unreadable(&self, object: &Object, reason: &str, counts: bool) -> Result<(), Error> {
        let unreadable = self.with(|state| {
            state.refused.insert(object.clone());
            state.unreadable += u64::from(counts);
            state.unreadable
        });
        if !counts {
            return Ok(());
        }
        // Whoever says how many are fine knows of them.
        let is_all =
            self.max_unreadable.is_none() && !self.has_read.load(Ordering::Relaxed) && unreadable >= FIRST_OBJECTS;
        if is_all || unreadable >= self.max_unreadable.unwrap_or(DEFAULT_MAX_UNREADABLE) {
            let (object, reason) = (object.location(), reason.to_owned());
            return Err(Error::TooManyUnreadable { unreadable, is_all, object, reason });
        }
        Ok(())
    }

    /// Returns the objects that this run itself could not read.
    pub(crate) fn refused(&self) -> BTreeSet<Object> {
        self.with(|state| state.refused.clone())
    }

    /// A task of this run's epoch that another run committed. What became of their objects is told now where it was not what
    /// was hoped for: that run may have died before it could say so.
    pub(crate) fn adopted(&self, task: &Task, commit: &CommitRecord, progress: &dyn Progress) {
        self.with(|State { report, may_come_again, .. }| {
            for (index, (object, outcome)) in task.inputs.iter().zip(&commit.inputs).enumerate() {
                report.objects.adopted += 1;
                report.adopted.rejects += outcome.rejects();
                if let Some(message) = adopted_message(task, index, outcome) {
                    progress.on(Event::ObjectFailed { object: object.location(), message: message.clone() });
                    add_adopted(report, object, outcome, message);
                    if matches!(outcome, InputOutcome::Failed { .. } | InputOutcome::Unreadable) {
                        let before = NotConverted { outcome: outcome.clone(), is_adopted: true };
                        may_come_again.insert(object.clone(), before);
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

    /// An epoch that this run carries out.
    pub(crate) fn epoch_begins(&self, epoch: &Epoch<'_>) {
        let Epoch { log, tasks, settings, .. } = *epoch;
        self.with(|State { report, column_names, may_come_again, .. }| {
            for object in tasks.iter().flat_map(|task| &task.inputs).filter(|_| !epoch.is_adopted) {
                // Where it was then: an archive may have moved.
                if let Some((object, before)) = may_come_again.remove_entry(object) {
                    take_back(report, &object, &before);
                }
            }
            report.open_epoch = Some(log.epoch);
            settings.schema.name().clone_into(&mut report.schema);
            report.identity = settings.identity;
            let is_extra = |column: &lakefront_schema::Column| column.source == Source::Derived(Derivation::Extra);
            report.keeps_unclaimed_fields = settings.schema.columns().iter().any(is_extra);
            *column_names = settings.schema.columns().iter().map(|column| column.name.clone()).collect();
            report.objects.planned += ObjectCount::of(tasks).objects;
        });
    }

    /// An epoch is closed.
    pub(crate) fn epoch_closed(&self, log: &LogRecord) {
        self.with(|State { report, .. }| {
            report.epochs.push(log.epoch);
            report.open_epoch = None;
        });
    }

    /// Names in headers that CloudFront is not known to have.
    pub(crate) fn add_unknown_names(&self, names: &UnknownNames) {
        if !names.is_empty() {
            self.with(|state| state.unknown_names.extend(names));
        }
    }

    /// All such names so far.
    pub(crate) fn unknown_names(&self) -> UnknownNames {
        self.with(|state| state.unknown_names.clone())
    }

    /// May a task with these outcomes be committed?
    ///
    /// # Errors
    /// [`Error::TooManyRejects`].
    pub(crate) fn allow(&self, outcomes: &[(Object, Outcome)]) -> Result<(), Error> {
        self.with(|state| {
            for (_, outcome) in outcomes {
                if let Outcome::Converted(summary) = outcome {
                    state.rows += summary.rows;
                    state.rejects += summary.rejected;
                }
            }
            self.judge_rejects(state, false)
        })
    }

    /// Are the rejects of the whole run too many?
    ///
    /// # Errors
    /// [`Error::TooManyRejects`].
    pub(crate) fn allow_all(&self) -> Result<(), Error> {
        self.with(|state| self.judge_rejects(state, true))
    }

    fn judge_rejects(&self, state: &State, is_end: bool) -> Result<(), Error> {
        let (rows, rejects) = (state.rows, state.rejects);
        if self.max_rejects.is_some_and(|limit| limit.is_exceeded(rows, rejects, is_end)) {
            return Err(Error::TooManyRejects { rows, rejects, quarantine: self.quarantine.clone() });
        }
        Ok(())
    }

    /// Counts a task, and gives what is on record of it.
    pub(crate) fn committed(&self, done: TaskDone) -> CommitRecord {
        let TaskDone { outcomes, commit, rejects } = done;
        self.with(|State { report, partitions, column_names, may_come_again, .. }| {
            for (reason, count) in rejects {
                *report.rejects.entry(reason.to_owned()).or_default() += count;
            }
            for ((object, outcome), became) in outcomes.into_iter().zip(&commit.inputs) {
                if matches!(outcome, Outcome::Lost(Lost::Unreadable(_))) {
                    let before = NotConverted { outcome: became.clone(), is_adopted: false };
                    may_come_again.insert(object.clone(), before);
                }
                add_outcome(report, column_names, &object, outcome);
            }
            report.tasks += 1;
            report.files += commit.files.len() as u64;
            for file in &commit.files {
                report.bytes_out += file.bytes;
                partitions.insert(file.partition().to_owned());
            }
        });
        commit
    }

    /// The report, as the run ends.
    pub(crate) fn finish(self, error: Option<&Error>) -> Report {
        let State { mut report, partitions, unknown_names, .. } =
            self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.unknown_fields = unknown_names.iter().map(str::to_owned).collect();
        report.partitions = partitions.len() as u64;
        report.seconds = self.started.elapsed().as_secs_f64();
        // Tasks end in any order.
        report.failed_objects.sort_by(|a, b| a.object.cmp(&b.object));
        report.lost_objects.sort_by(|a, b| a.object.cmp(&b.object));
        let objects = report.objects;
        report.error = error.map(|error| message(error));
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

/// What is said of an input of an adopted task; none where its rows are in the table.
fn adopted_message(task: &Task, index: usize, outcome: &InputOutcome) -> Option<String> {
    match outcome {
        InputOutcome::Converted { .. } => None,
        InputOutcome::Failed { reason } => {
            Some(format!("{reason}, by the judgement of the run that left the epoch open; the quarantine says more"))
        }
        InputOutcome::Changed => Some(changed_message(task, index)),
        InputOutcome::Gone => Some(Lost::Gone.message()),
        InputOutcome::Replaced => Some(Lost::Replaced.message()),
        InputOutcome::Unreadable => Some(Lost::Unreadable(None).message()),
    }
}

fn add_adopted(report: &mut Report, object: &Object, outcome: &InputOutcome, message: String) {
    match outcome {
        InputOutcome::Converted { .. } => {}
        InputOutcome::Failed { reason } => add_failed(report, object, reason, message),
        InputOutcome::Changed => add_changed(report, object, message),
        InputOutcome::Gone => add_lost(report, object, &Lost::Gone),
        InputOutcome::Replaced => add_lost(report, object, &Lost::Replaced),
        InputOutcome::Unreadable => add_lost(report, object, &Lost::Unreadable(None)),
    }
}

/// Takes back what was counted of an object, as a later epoch of the run has it again.
fn take_back(report: &mut Report, object: &Object, before: &NotConverted) {
    let objects = &mut report.objects;
    objects.planned -= 1;
    objects.adopted -= u64::from(before.is_adopted);
    let count = match before.outcome {
        InputOutcome::Converted { .. } => &mut objects.adopted_converted,
        InputOutcome::Failed { .. } => &mut objects.failed,
        InputOutcome::Changed => &mut objects.changed,
        InputOutcome::Gone => &mut objects.gone,
        InputOutcome::Replaced => &mut objects.replaced,
        InputOutcome::Unreadable => &mut objects.unreadable,
    };
    *count -= 1;
    let location = object.location();
    report.failed_objects.retain(|named| named.object != location);
    report.lost_objects.retain(|named| named.object != location);
}

fn add_outcome(report: &mut Report, column_names: &[String], object: &Object, outcome: Outcome) {
    match outcome {
        Outcome::Converted(summary) => {
            report.objects.converted += 1;
            report.bytes_in += object.size_bytes();
            report.text_bytes += summary.text_bytes;
            report.lines += summary.lines;
            report.rows += summary.rows;
            report.comments += summary.comments;
            report.blanks += summary.blanks;
            report.padded_rows += summary.padded_rows;
            report.rows_with_extra_cells += summary.rows_with_extra_cells;
            report.lossy_cells += summary.lossy_cells;
            for (name, count) in column_names.iter().zip(&summary.nulled_cells).filter(|(_, count)| **count > 0) {
                *report.nulled_cells.entry(name.clone()).or_default() += count;
            }
            report.unclaimed_fields.extend(summary.unclaimed_fields.iter().map(ToString::to_string));
        }
        Outcome::Failed { reason, message } => add_failed(report, object, reason, message),
        Outcome::Lost(how) => add_lost(report, object, &how),
        Outcome::Changed { message } => add_changed(report, object, message),
    }
}

fn add_failed(report: &mut Report, object: &Object, reason: &str, message: String) {
    report.objects.failed += 1;
    push_named(&mut report.failed_objects, object, reason, message);
}

fn add_lost(report: &mut Report, object: &Object, how: &Lost) {
    count_lost(report, how);
    push_named(&mut report.lost_objects, object, how.reason(), how.message());
}

fn count_lost(report: &mut Report, how: &Lost) {
    match how {
        Lost::Gone => report.objects.gone += 1,
        Lost::Replaced => report.objects.replaced += 1,
        Lost::Unreadable(_) => report.objects.unreadable += 1,
    }
}

fn add_changed(report: &mut Report, object: &Object, message: String) {
    report.objects.changed += 1;
    push_named(&mut report.lost_objects, object, "changed", message);
}

fn push_named(list: &mut Vec<FailedObject>, object: &Object, reason: &str, message: String) {
    if list.len() < MAX_NAMED_OBJECTS {
        list.push(FailedObject { object: object.location(), reason: reason.to_owned(), message });
    }
}
