//! Executes tasks of an epoch, several at the same time.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use lakefront_ledger::{Destination, plan::Task, records::LogRecord, seal::Stored};
use lakefront_storage::Connections;

use crate::{
    Advise, Error, Settings, Stop, current_task,
    observer::Observer,
    outcome::TaskEnd,
    pool::Pool,
    resources::TASKS_PER_SLOT,
    task::{Slots, TaskContext, run_task},
};

/// An epoch whose tasks are executed.
#[derive(Clone, Copy, Debug)]
pub struct Epoch<'e> {
    /// Its log record.
    pub log: &'e Stored<LogRecord>,
    /// The settings that its data files depend on.
    pub settings: &'e Settings,
    /// Whether another run may have worked on it before.
    pub is_adopted: bool,
}

/// Executes tasks. The commit protocol makes it safe to execute a task twice, at the same time or later.
pub trait Executor {
    /// Executes tasks of an epoch until each is committed, by this executor or another one, and reports each to
    /// `observer`.
    ///
    /// # Errors
    /// The run must stop. Tasks that are committed stay committed; the others can be executed later.
    fn execute(&self, epoch: Epoch<'_>, tasks: &[&Task], observer: &dyn Observer) -> Result<(), Error>;
}

/// Executes tasks on the threads of this process.
#[derive(Debug)]
pub struct LocalExecutor<'r> {
    /// The table and its state.
    pub destination: &'r Destination,
    /// Connections to the buckets with log objects.
    pub connections: &'r Connections,
    /// The threads that compute.
    pub pool: &'r Pool,
    /// The request to stop.
    pub stop: &'r Stop,
    /// Number of tasks that are decoded and encoded at the same time, which takes memory.
    pub slots: usize,
    /// Number of requests to a store that a task waits for at the same time.
    pub requests: usize,
    /// Returns the hints in messages about objects.
    pub advise: Advise,
}

impl Executor for LocalExecutor<'_> {
    /// Executes tasks with several coordinators. Each takes one task at a time, in order; the number of slots limits
    /// how many decode and encode. The first error stops all of them.
    fn execute(&self, epoch: Epoch<'_>, tasks: &[&Task], observer: &dyn Observer) -> Result<(), Error> {
        let Epoch { log, settings, is_adopted } = epoch;
        let context = TaskContext {
            destination: self.destination,
            connections: self.connections,
            requests: self.requests,
            advise: self.advise,
            log,
            partition_by: settings.partition_by,
            is_adopted,
            decode: Arc::new(settings.decode_options()),
            encode: Arc::new(settings.encode_options()),
            pool: self.pool,
            stop: self.stop,
            observer,
            slots: &Slots::new(self.slots),
        };
        let next = AtomicUsize::new(0);
        let first_error = Mutex::new(None);
        let coordinate = || {
            while let Some(task) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                if let Err(error) = execute_one(&context, task) {
                    // No other task begins, and the current ones are abandoned.
                    next.store(tasks.len(), Ordering::Relaxed);
                    first_error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                    self.stop.request();
                    return;
                }
            }
        };
        if self.slots == 1 || tasks.len() == 1 {
            coordinate();
        } else {
            thread::scope(|scope| {
                for index in 0..(self.slots * TASKS_PER_SLOT).min(tasks.len()) {
                    let started = thread::Builder::new().name(format!("task-{index}")).spawn_scoped(scope, coordinate);
                    if let Err(error) = started {
                        tracing::warn!("cannot start a thread, so fewer tasks run at the same time: {error}");
                        coordinate();
                        break;
                    }
                }
            });
        }
        first_error.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// Executes a task and reports it to the observer. A panic in the task becomes an error that names the task.
fn execute_one(context: &TaskContext<'_>, task: &Task) -> Result<(), Error> {
    let (epoch, number) = (task.id.epoch, task.id.task);
    tracing::debug!(epoch, task = number, inputs = task.inputs.len(), "task begins");
    context.stop.check()?;
    let run = || {
        let end = run_task(context, task)?;
        let files = match end {
            TaskEnd::Committed(done) => {
                let files = done.commit.files.len();
                context.observer.committed(done);
                files
            }
            TaskEnd::CommittedByAnother(commit) => {
                context.observer.committed_by_another(task, &commit);
                commit.files.len()
            }
        };
        tracing::debug!(epoch, task = number, files, "task committed");
        Ok(())
    };
    let named = current_task::name(task);
    // After a panic no other task uses data that is half-changed: the run stops, and the files that the task wrote have
    // no names yet or are complete.
    let result = catch_unwind(AssertUnwindSafe(|| current_task::within_task(Some(named), run)));
    result.unwrap_or_else(|_panic| {
        Err(Error::TaskPanicked { epoch, task: number, object: current_task::first_object(task) })
    })
}
