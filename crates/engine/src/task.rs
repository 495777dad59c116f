//! Executes one task, stages 3 to 9: objects in, data files out.
//!
//! ```text
//!   coordinator        fetch g2 | wait                | fetch g3 | wait ...        g1, g2: groups of small objects
//!   pool, many tasks   decode and encode g1, batch by batch | decode and encode g2 ...
//!   pool, few tasks    decode g1 | decode g2 + encode g1's columns | decode g3 + encode g2's columns ...
//! ```
//!
//! Small objects are fetched in groups and share batches ([`attempt`]). With many tasks a job decodes a group, and
//! encodes each batch while its text is in the processor's cache; with few tasks a job decodes only one batch. The
//! batches of a large object are encoded one by one while it is read (`large`). Everything is read before the first
//! data file gets its name: if an object is found to be bad, changed or gone after rows of it were encoded, the task
//! begins again without it.

mod attempt;

mod attempt_memory;

mod task_decoder;

mod object_bytes;

mod large;

mod progress_ledger;

mod slots;

use std::sync::Arc;

use lakefront_cloudfront::DecodeOptions;
use lakefront_ledger::{Destination, commit, plan::Task, records::LogRecord, seal::Stored};
use lakefront_storage::{Connections, FetchAhead, Object};
use lakefront_table::{PartitionBy, encode::EncodeOptions};

pub(crate) use self::slots::Slots;
use self::{
    attempt::{Attempt, Committed, Interrupt},
    attempt_memory::AttemptMemory,
    progress_ledger::ProgressLedger,
    task_decoder::TaskDecoder,
};
use crate::{
    Advise, Error, Stop,
    observer::Observer,
    outcome::{Outcome, TaskCounts, TaskDone, TaskEnd, changed_message},
    pool::Pool,
    progress::Event,
};

/// Context that all tasks of an epoch share.
pub(crate) struct TaskContext<'r> {
    /// The table and its state.
    pub(crate) destination: &'r Destination,
    /// Connections to the buckets with log objects.
    pub(crate) connections: &'r Connections,
    /// Number of requests to a store that a task waits for at the same time.
    pub(crate) requests: usize,
    /// Returns the hints in messages about objects.
    pub(crate) advise: Advise,
    /// The epoch's log record.
    pub(crate) log: &'r Stored<LogRecord>,
    pub(crate) partition_by: PartitionBy,
    /// Whether another run may have worked on these tasks before.
    pub(crate) is_adopted: bool,
    pub(crate) decode: Arc<DecodeOptions>,
    pub(crate) encode: Arc<EncodeOptions>,
    pub(crate) pool: &'r Pool,
    pub(crate) stop: &'r Stop,
    pub(crate) observer: &'r dyn Observer,
    /// Slots for tasks that decode and encode.
    pub(crate) slots: &'r Slots,
}

impl TaskContext<'_> {
    /// Returns whether there are enough tasks to keep all threads busy.
    fn is_crowded(&self) -> bool {
        self.slots.taken() >= self.pool.threads()
    }
}

/// Executes a task until it is committed.
///
/// # Errors
/// The run must stop.
pub(crate) fn run_task(context: &TaskContext<'_>, task: &Task) -> Result<TaskEnd, Error> {
    if task.is_changed {
        return commit_changed(context, task).map(TaskEnd::Committed);
    }
    // Inputs that an earlier attempt left out are left out again, because files of that attempt may exist.
    let mut gone_before =
        if context.is_adopted { commit::gone_before(context.destination, context.log, task)? } else { None };
    let mut memory = AttemptMemory::default();
    memory.set_lost(task, gone_before.as_ref());
    let mut progress = ProgressLedger::default();
    loop {
        // Starts the fetches before it waits for a slot.
        let ahead = fetch_ahead(context, task, &memory)?;
        let mut slot = context.slots.take();
        context.stop.check()?;
        let decoder = slot.decoder.take().unwrap_or_else(|| TaskDecoder::new(&context.decode, context.connections));
        let mut attempt = Attempt::try_new(context, task, decoder, progress)?;
        let result = attempt.read_all(task, ahead, &memory);
        slot.decoder = attempt.decoder.take().map(|decoder| decoder.cleared(&context.decode));
        match result {
            Ok(()) => {
                let finished = attempt.finish();
                drop(slot);
                match finished.commit(task, gone_before.as_ref())? {
                    Committed::Done(end) => return Ok(end),
                    Committed::Again(decided, progress_so_far) => {
                        memory.set_lost(task, Some(&decided));
                        gone_before = Some(decided);
                        progress = progress_so_far;
                    }
                }
            }
            Err(Interrupt::Judged(object, outcome)) => {
                tracing::warn!("{}: its task starts again without it", object.location());
                memory.learn(attempt.outcomes());
                memory.outcomes.insert(object, *outcome);
                progress = attempt.progress;
            }
            Err(Interrupt::Stop(error)) => return Err(error),
        }
        progress.take_back(context.observer.progress());
    }
}

/// Starts to fetch the small objects of a task.
fn fetch_ahead(context: &TaskContext<'_>, task: &Task, memory: &AttemptMemory) -> Result<FetchAhead, Error> {
    let mut ahead = FetchAhead::new(context.connections, memory.to_fetch(task));
    ahead.start().map_err(Error::storage)?;
    Ok(ahead)
}

/// Commits a task whose inputs were converted before in another version: it has no files.
fn commit_changed(context: &TaskContext<'_>, task: &Task) -> Result<TaskDone, Error> {
    let mut outcomes: Vec<(Object, Outcome)> = Vec::with_capacity(task.inputs.len());
    for (index, object) in task.inputs.iter().enumerate() {
        let message = changed_message(task, index);
        context.observer.progress().on(Event::ObjectFailed { object: object.location(), message: message.clone() });
        context.observer.progress().on(Event::Read { objects: 1, bytes: object.size_bytes(), rows: 0 });
        outcomes.push((object.clone(), Outcome::Changed { message }));
    }
    let inputs = outcomes.iter().map(|(_, outcome)| outcome.record()).collect();
    let commit = commit::commit(context.destination, context.log, task, Vec::new(), None, inputs)?;
    context.observer.progress().on(Event::TaskDone);
    Ok(TaskDone { outcomes, commit, counts: TaskCounts::default() })
}
