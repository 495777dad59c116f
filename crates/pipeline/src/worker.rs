//! One task through stages 3 to 9: objects in, data files out.
//!
//! ```text
//!   coordinator        fetch g2 | wait                | fetch g3 | wait ...        g1, g2: groups of small objects
//!   pool, many tasks   decode and encode g1, batch by batch | decode and encode g2 ...
//!   pool, few tasks    decode g1 | decode g2 + encode g1's columns | decode g3 + encode g2's columns ...
//! ```
//!
//! Small objects are fetched in groups and share batches ([`attempt`]). With many tasks a group is one job, which encodes
//! each batch while its text is in the processor's cache; with few a batch is one. The batches of a large object flow one
//! by one while it is read (`large`). Everything is read before the first data file gets its name: an object that turns
//! out to be bad, changed or gone when rows of it are encoded already costs the task one more attempt, without it.

mod attempt;
mod bench;
mod bytes;
mod large;
mod seats;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use lakefront_cloudfront::{FieldNames, ObjectSummary};
use lakefront_storage::{FetchAhead, Object};
use lakefront_table::{PartitionBy, encode::EncodeOptions};

pub(crate) use self::seats::Seats;
use self::{
    attempt::{Attempt, Committed, Interrupt, is_streamed},
    bench::Bench,
};
use crate::{
    Advise, ConvertOptions, Error, commit,
    plan::Task,
    pool::{Pool, Stop},
    progress::{Event, Progress},
    quarantine::Quarantine,
    report::{Tally, changed_message},
    state::{
        records::{CommitRecord, GoneRecord, LogRecord, OutcomeWord},
        seal::Stored,
    },
};

/// What all tasks of an epoch share.
pub(crate) struct Context<'r> {
    pub(crate) options: &'r ConvertOptions,
    /// The epoch's log record.
    pub(crate) log: &'r Stored<LogRecord>,
    pub(crate) partition_by: PartitionBy,
    /// Somebody may have worked on these tasks before.
    pub(crate) is_adopted: bool,
    pub(crate) decode: Arc<lakefront_cloudfront::DecodeOptions>,
    pub(crate) encode: Arc<EncodeOptions>,
    pub(crate) pool: &'r Pool,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) tally: &'r Tally,
    /// Who may decode and encode.
    pub(crate) seats: &'r Seats,
}

impl Context<'_> {
    /// Are there tasks enough to keep all threads busy?
    fn is_crowded(&self) -> bool {
        self.seats.taken() >= self.pool.threads()
    }
}

/// What became of an object.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// Its rows are in the table.
    Converted(ObjectSummary),
    /// It was judged bad: no row of it is.
    Failed { reason: &'static str, message: String },
    /// It is no longer what was listed.
    Lost(Lost),
    /// It was converted before in another version, and is left alone.
    Changed { message: String },
}

/// Why an object that was planned is not in the table: its bytes were not read, or are not those that were planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It vanished.
    Gone,
    /// It has another version.
    Replaced,
    /// The store does not give this one object to us. Holds what the store says; none where an earlier run heard it.
    Unreadable(Option<Arc<str>>),
}

impl Lost {
    /// Returns what a failed read says of the object; none where it says something of this run instead, which must stop.
    pub(crate) fn from_error(error: &lakefront_storage::Error, advise: Advise) -> Option<Self> {
        if error.is_gone() {
            Some(Self::Gone)
        } else if error.is_changed() {
            Some(Self::Replaced)
        } else if let lakefront_storage::Error::Unreadable { reason, .. } = error {
            Some(Self::unreadable(reason, advise(error)))
        } else {
            None
        }
    }

    /// An object that the store does not give to us. What the store says is put into one line, its hint in brackets: there
    /// may be many such objects.
    pub(crate) fn unreadable(reason: &str, hint: Option<String>) -> Self {
        Self::Unreadable(Some(match (reason.split_once("\nhint: "), hint) {
            (Some((what, hint)), _) => format!("{what} ({hint})").into(),
            (None, Some(hint)) => format!("{reason} ({hint})").into(),
            (None, None) => reason.into(),
        }))
    }

    /// The word for it in the report.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Replaced => "replaced",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// The word for it in the state.
    pub(crate) fn word(&self) -> OutcomeWord {
        match self {
            Self::Gone => OutcomeWord::Gone,
            Self::Replaced => OutcomeWord::Replaced,
            Self::Unreadable(_) => OutcomeWord::Unreadable,
        }
    }

    /// Returns what a word in the state means; none where it is not a word for a lost object.
    pub(crate) fn from_word(word: OutcomeWord) -> Option<Self> {
        match word {
            OutcomeWord::Gone => Some(Self::Gone),
            OutcomeWord::Replaced => Some(Self::Replaced),
            OutcomeWord::Unreadable => Some(Self::Unreadable(None)),
            OutcomeWord::Converted | OutcomeWord::Empty | OutcomeWord::Failed | OutcomeWord::Changed => None,
        }
    }

    /// The sentence for it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Gone => "fetch: vanished after it was listed".to_owned(),
            Self::Replaced => "fetch: changed after it was listed; the next run takes it as it is now".to_owned(),
            Self::Unreadable(Some(reason)) => format!("fetch: cannot read it: {reason}; the next run tries it again"),
            Self::Unreadable(None) => {
                "fetch: an earlier run that began its task could not read it; the next run tries it again".to_owned()
            }
        }
    }
}

/// What a task gave.
#[derive(Debug)]
pub(crate) struct TaskDone {
    /// What became of each input.
    pub(crate) outcomes: Vec<(Object, Outcome)>,
    /// What is on record of it.
    pub(crate) commit: CommitRecord,
    /// Sums over the task's good objects.
    pub(crate) counts: TaskCounts,
}

/// Sums over the objects of a task, kept together as a task has thousands of objects.
#[derive(Debug, Default)]
pub(crate) struct TaskCounts {
    /// Refused lines by reason.
    pub(crate) rejects: BTreeMap<&'static str, u64>,
    /// Number of cells that are not numbers, by the index of their column.
    pub(crate) nulled_cells: Vec<u64>,
    /// Fields that no column uses.
    pub(crate) unclaimed_fields: FieldNames,
}

impl TaskCounts {
    /// Takes over the decoder's values that are not kept for each object.
    fn take_from(&mut self, summary: &mut ObjectSummary) {
        let nulled_cells = std::mem::take(&mut summary.nulled_cells);
        self.nulled_cells.resize(self.nulled_cells.len().max(nulled_cells.len()), 0);
        self.nulled_cells.iter_mut().zip(nulled_cells).for_each(|(sum, count)| *sum += count);
    }
}

/// How a task ended.
#[derive(Debug)]
pub(crate) enum TaskEnd {
    /// This run committed it.
    Committed(TaskDone),
    /// Another run was faster: this is what it committed.
    CommittedByAnother(CommitRecord),
}

/// Works on a task until it is committed.
///
/// # Errors
/// The run must stop.
pub(crate) fn work_on(context: &Context<'_>, task: &Task) -> Result<TaskEnd, Error> {
    if task.is_changed {
        return leave_alone(context, task).map(TaskEnd::Committed);
    }
    let options = context.options;
    // What an earlier try went without, this one goes without: its files may be there.
    let mut gone_before =
        if context.is_adopted { commit::gone_before(&options.destination, context.log, task)? } else { None };
    let mut known = Known::default();
    known.lose(task, gone_before.as_ref());
    let mut told = Told::default();
    loop {
        // On their way while others work.
        let ahead = fetch_ahead(context, task, &known)?;
        let mut seat = context.seats.take();
        context.stop.check()?;
        let bench = seat.bench.take().unwrap_or_else(|| Bench::new(&context.decode, &options.connections));
        let mut attempt = Attempt::try_new(context, task, bench, told)?;
        let result = attempt.read_all(task, ahead, &known);
        seat.bench = attempt.bench.take().map(|bench| bench.cleared(&context.decode));
        match result {
            Ok(()) => {
                let finished = attempt.finish();
                drop(seat);
                match finished.commit(task, gone_before.as_ref())? {
                    Committed::Done(end) => return Ok(end),
                    Committed::Again(decided, told_so_far) => {
                        known.lose(task, Some(&decided));
                        gone_before = Some(decided);
                        told = told_so_far;
                    }
                }
            }
            Err(Interrupt::Known(object, outcome)) => {
                tracing::warn!("{}: its task starts again without it", object.location());
                known.learn(&attempt);
                known.outcomes.insert(object, *outcome);
                told = attempt.told;
            }
            Err(Interrupt::Stop(error)) => return Err(error),
        }
        told.take_back(context.progress);
    }
}

/// Starts to fetch the small objects of a task.
fn fetch_ahead(context: &Context<'_>, task: &Task, known: &Known) -> Result<FetchAhead, Error> {
    let mut ahead = FetchAhead::new(&context.options.connections, known.to_fetch(task));
    ahead.start().map_err(Error::storage)?;
    Ok(ahead)
}

/// What earlier attempts at a task found out, so that the next one need not.
#[derive(Clone, Debug, Default)]
struct Known {
    /// What becomes of these objects, which no row is taken from.
    outcomes: BTreeMap<Object, Outcome>,
    /// These were read to their ends, and are good.
    good: BTreeSet<Object>,
}

impl Known {
    /// Takes over which inputs were decided to be gone.
    fn lose(&mut self, task: &Task, gone_before: Option<&GoneRecord>) {
        self.outcomes.retain(|_, outcome| !matches!(outcome, Outcome::Lost(_)));
        for gone in gone_before.into_iter().flat_map(|record| &record.inputs) {
            if let (Some(object), Some(how)) = (task.inputs.get(gone.input), Lost::from_word(gone.how)) {
                self.outcomes.insert(object.clone(), Outcome::Lost(how));
            }
        }
    }

    /// Returns this with the results of an attempt that has read all inputs once.
    fn after(&self, attempt: &Attempt<'_>) -> Self {
        let mut known = self.clone();
        known.learn(attempt);
        known
    }

    /// Takes over which inputs an attempt found good or lost.
    fn learn(&mut self, attempt: &Attempt<'_>) {
        self.good.extend(attempt.good());
        // Otherwise a store that gives an object only sometimes would change the task with each attempt.
        self.outcomes.extend(attempt.lost());
    }

    /// The inputs that are fetched whole, in order.
    fn to_fetch(&self, task: &Task) -> VecDeque<Object> {
        let is_fetched = |object: &&Object| !is_streamed(object) && !self.outcomes.contains_key(*object);
        task.inputs.iter().filter(is_fetched).cloned().collect()
    }

    /// Is a large object to be judged before its rows are taken? Not where all goes well, as it would be read twice. But a
    /// task has one bad object and then many: each must not cost an attempt.
    fn judges_first(&self, object: &Object) -> bool {
        let has_bad = self.outcomes.values().any(|outcome| matches!(outcome, Outcome::Failed { .. }));
        has_bad && !self.good.contains(object)
    }
}

/// What the progress was told of a task, by all attempts at it.
#[derive(Debug, Default)]
struct Told {
    /// What the attempt at hand read.
    objects: u64,
    bytes: u64,
    rows: u64,
    /// Objects that were not converted.
    failures: BTreeSet<Object>,
}

impl Told {
    fn read(&mut self, progress: &dyn Progress, objects: u64, bytes: u64, rows: u64) {
        self.objects += objects;
        self.bytes += bytes;
        self.rows += rows;
        progress.on(Event::Read { objects, bytes, rows });
    }

    /// Tells of an object if no attempt has told of it. Returns whether it did.
    fn failed(&mut self, progress: &dyn Progress, object: &Object, message: &str) -> bool {
        let is_new = self.failures.insert(object.clone());
        if is_new {
            progress.on(Event::ObjectFailed { object: object.location(), message: message.to_owned() });
        }
        is_new
    }

    /// The task begins again.
    fn take_back(&mut self, progress: &dyn Progress) {
        let (objects, bytes, rows) = (self.objects, self.bytes, self.rows);
        (self.objects, self.bytes, self.rows) = (0, 0, 0);
        progress.on(Event::TakenBack { objects, bytes, rows });
    }
}

/// Commits a task whose inputs were converted before in another version: it has no files.
fn leave_alone(context: &Context<'_>, task: &Task) -> Result<TaskDone, Error> {
    let mut outcomes: Vec<(Object, Outcome)> = Vec::with_capacity(task.inputs.len());
    for (index, object) in task.inputs.iter().enumerate() {
        let message = changed_message(task, index);
        context.progress.on(Event::ObjectFailed { object: object.location(), message: message.clone() });
        context.progress.on(Event::Read { objects: 1, bytes: object.size_bytes(), rows: 0 });
        outcomes.push((object.clone(), Outcome::Changed { message }));
    }
    let destination = &context.options.destination;
    let quarantine = Quarantine::new(destination.state().clone(), context.log);
    let commit = commit::commit(destination, context.log, task, Vec::new(), quarantine, &outcomes, 1)?;
    context.progress.on(Event::TaskDone);
    Ok(TaskDone { outcomes, commit, counts: TaskCounts::default() })
}
