//! An epoch is carried out: its tasks, several at once, then its closing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use lakefront_storage::{Object, Store};
use serde::Serialize;

use crate::{
    ConvertOptions, Error,
    plan::Task,
    pool::{Pool, Stop},
    progress::Progress,
    report::Tally,
    state::{
        close::{self, Gathered, closing},
        frozen::thaw,
        history::History,
        names,
        reading::{damaged, read_of_epoch},
        records::{ClosedRecord, CommitRecord, FileRecord, InputOutcome, LogRecord},
        seal::Stored,
        settings::Settings,
    },
    worker::{Context, Seats, TaskEnd, work_on},
};

/// So many tasks are under way for each that is decoded and encoded: the others wait for a store.
pub(crate) const COORDINATORS_FOR_A_SEAT: usize = 4;

/// What all epochs of a run share.
pub(crate) struct Resources<'r> {
    pub(crate) options: &'r ConvertOptions,
    pub(crate) pool: &'r Pool,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) tally: &'r Tally,
    pub(crate) tasks_at_once: usize,
}

/// A decision that is to be carried out.
pub(crate) struct Epoch<'e> {
    pub(crate) log: &'e Stored<LogRecord>,
    pub(crate) tasks: &'e [Task],
    pub(crate) settings: &'e Settings,
    /// What the epoch before gave.
    pub(crate) before: Option<&'e Stored<ClosedRecord>>,
    /// Somebody may have worked on it before.
    pub(crate) is_adopted: bool,
}

/// Does the remaining tasks of an epoch, and closes it. `done` has the results of its committed tasks.
///
/// # Errors
/// The run must stop; the epoch stays open, and the next run goes on with it.
pub(crate) fn carry_out(
    resources: &Resources<'_>,
    epoch: &Epoch<'_>,
    done: Gathered,
) -> Result<Stored<ClosedRecord>, Error> {
    let Resources { options, pool, stop, progress, tally, .. } = *resources;
    let destination = &options.destination;
    let left: Vec<&Task> = epoch.tasks.iter().filter(|task| !done.has(task.id.task)).collect();
    let context = Context {
        options,
        log: epoch.log,
        partition_by: epoch.settings.partition_by,
        is_adopted: epoch.is_adopted,
        decode: Arc::new(epoch.settings.decode_options()),
        encode: Arc::new(epoch.settings.encode_options()),
        pool,
        stop,
        progress,
        tally,
        seats: &Seats::new(resources.tasks_at_once),
    };
    let done = run_tasks(&context, &left, resources.tasks_at_once, done)?;
    let closing = closing(epoch.log, epoch.tasks, done, epoch.before);
    close::close(destination.state(), &closing, options.limits.requests)?;
    tracing::info!(epoch = epoch.log.epoch, rows = closing.record.rows, files = closing.record.files, "epoch closed");
    Ok(closing.record)
}

/// The tasks of an epoch that are committed, by number.
///
/// # Errors
/// A commit cannot be read, or is not of this plan.
pub(crate) fn committed(
    state: &Store,
    log: &Stored<LogRecord>,
    tasks: &[Task],
) -> Result<BTreeMap<u32, CommitRecord>, Error> {
    let mut commits = BTreeMap::new();
    for entry in state.list(&names::commits_of(log.epoch)).map_err(Error::storage)? {
        let task = names::task_of(&entry.name).and_then(|task| tasks.get(usize::try_from(task).ok()?));
        let Some(task) = task else {
            return Err(damaged(state, &entry.name, "is of a task that the plan does not have"));
        };
        let record = read_of_epoch::<CommitRecord>(state, log, &entry.name)?.into_record();
        if record.epoch != task.id.epoch || record.task != task.id.task || record.inputs.len() != task.inputs.len() {
            return Err(damaged(state, &entry.name, "does not fit the plan's task"));
        }
        commits.insert(record.task, record);
    }
    Ok(commits)
}

/// How far an open epoch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OpenTasks {
    /// The epoch.
    pub epoch: u64,
    /// Its tasks.
    pub tasks: u64,
    /// Those that are committed.
    pub committed: u64,
}

/// An epoch that is decided and not closed, as far as it is committed.
#[derive(Debug)]
pub(crate) struct PartialEpoch {
    pub(crate) log: Stored<LogRecord>,
    pub(crate) tasks: Vec<Task>,
    /// By the number of their task.
    pub(crate) commits: BTreeMap<u32, CommitRecord>,
}

impl PartialEpoch {
    /// Reads the open epoch; none where all are closed.
    ///
    /// # Errors
    /// Its plan or a commit of it cannot be read.
    pub(crate) fn read(state: &Store, history: &History) -> Result<Option<Self>, Error> {
        let Some(log) = history.open_epoch() else { return Ok(None) };
        let tasks = thaw(state, log)?;
        let commits = committed(state, log, &tasks)?;
        Ok(Some(Self { log: log.clone(), tasks, commits }))
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> OpenTasks {
        let (tasks, committed) = (self.tasks.len() as u64, self.commits.len() as u64);
        OpenTasks { epoch: self.log.epoch, tasks, committed }
    }

    /// Each input; and what became of it, where its task is committed.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&Object, Option<&InputOutcome>)> {
        self.tasks.iter().flat_map(|task| {
            let commit = self.commits.get(&task.id.task);
            let outcome = move |input| commit.and_then(|commit: &CommitRecord| commit.inputs.get(input));
            task.inputs.iter().enumerate().map(move |(input, object)| (object, outcome(input)))
        })
    }

    /// The data files of committed tasks.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileRecord> {
        self.commits.values().flat_map(|commit| &commit.files)
    }

    /// The tasks that are left to do.
    pub(crate) fn into_tasks_left(self) -> Vec<Task> {
        let Self { tasks, commits, .. } = self;
        tasks.into_iter().filter(|task| !commits.contains_key(&task.id.task)).collect()
    }
}

/// Runs tasks: each coordinator takes one at a time, in order, and the number of seats limits how many decode and
/// encode. The first error stops all. Adds the results of the tasks to `done`.
fn run_tasks(context: &Context<'_>, tasks: &[&Task], tasks_at_once: usize, done: Gathered) -> Result<Gathered, Error> {
    let next = AtomicUsize::new(0);
    let first_error = Mutex::new(None);
    let gathered = Mutex::new(done);
    let coordinate = || {
        while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
            tracing::debug!(epoch = task.id.epoch, task = task.id.task, inputs = task.inputs.len(), "task begins");
            match context.stop.check().and_then(|()| work_on(context, task)) {
                Ok(done) => {
                    let commit = match done {
                        TaskEnd::Committed(done) => context.tally.committed(done),
                        TaskEnd::CommittedByAnother(commit) => {
                            context.tally.adopted(task, &commit, context.progress);
                            commit
                        }
                    };
                    let files = commit.files.len();
                    tracing::debug!(epoch = task.id.epoch, task = task.id.task, files, "task committed");
                    gathered.lock().unwrap_or_else(PoisonError::into_inner).add(&commit);
                }
                Err(error) => {
                    let error = if matches!(error, Error::Worker) { died(task) } else { error };
                    // No other task begins, and those at hand are given up.
                    next.store(tasks.len(), Ordering::Relaxed);
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    context.stop.ask();
                    return;
                }
            }
        }
    };
    if tasks_at_once == 1 || tasks.len() == 1 {
        coordinate();
    } else {
        thread::scope(|scope| {
            for index in 0..(tasks_at_once * COORDINATORS_FOR_A_SEAT).min(tasks.len()) {
                let started = thread::Builder::new().name(format!("task-{index}")).spawn_scoped(scope, coordinate);
                if let Err(error) = started {
                    tracing::warn!("a thread cannot be started, so fewer tasks are done at once: {error}");
                    coordinate();
                    break;
                }
            }
        });
    }
    match first_error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(gathered.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

fn died(task: &Task) -> Error {
    let object = task.inputs.first().map(Object::location).unwrap_or_default();
    Error::TaskDied { epoch: task.id.epoch, task: task.id.task, object }
}
