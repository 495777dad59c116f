//! One task through stages 3 to 9: objects in, data files out.
//!
//! ```text
//!   coordinator   fetch g2 | wait       | fetch g3 | wait ...          g1, g2: groups of small objects
//!   pool            decode g1 | decode g2 + encode g1's columns | decode g3 + encode g2's columns ...
//! ```
//!
//! Small objects are fetched in groups of about [`GROUP_BYTES`] and share batches, one batch a job; a large one is judged by itself, then
//! its batches flow one by one. Everything is read before the first data file gets its name. An object that is gone or
//! changed when it is read costs the task one more try without it.

mod bench;

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use lakefront_cloudfront::{EnrichedBatch, ObjectSummary, Reject};
use lakefront_storage::{Object, fetch};
use lakefront_table::{
    PartitionBy,
    encode::{EncodeOptions, ParquetError, TaskEncoder},
};

use self::bench::{Bench, Decoded, Fetched};
use crate::{
    ConvertOptions, Error,
    commit::{self, Gone},
    plan::Task,
    pool::{Pending, Pool, Stop},
    progress::{Event, Progress},
    quarantine::Quarantine,
    report::{CHANGED, Tally},
    staged::{StagedFile, StagedFiles},
    state::{
        names,
        records::{CommitRecord, GoneRecord, OutcomeWord},
    },
};

/// Small objects are fetched together up to so many compressed bytes: 1 MiB.
const GROUP_BYTES: u64 = 1 << 20;
/// Or up to so many of them.
const GROUP_OBJECTS: usize = 1000;
/// Objects up to this size are fetched whole, larger ones are streamed: 16 MiB.
const FETCH_WHOLE_BYTES: u64 = 16 << 20;

/// What all tasks of an epoch share.
pub(crate) struct Context<'r> {
    pub(crate) options: &'r ConvertOptions,
    pub(crate) partition_by: PartitionBy,
    /// Somebody may have worked on these tasks before.
    pub(crate) is_adopted: bool,
    pub(crate) decode: Arc<lakefront_cloudfront::DecodeOptions>,
    pub(crate) encode: Arc<EncodeOptions>,
    pub(crate) pool: &'r Pool,
    pub(crate) stop: &'r Stop,
    pub(crate) progress: &'r dyn Progress,
    pub(crate) tally: &'r Tally,
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
    Changed,
}

/// What became of an object between being listed and being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    /// It vanished.
    Gone,
    /// It has another version.
    Replaced,
}

impl Lost {
    /// What a failed read says of the object; none where it says nothing, and the run must stop.
    fn from_error(error: &lakefront_storage::Error) -> Option<Self> {
        if error.is_gone() {
            Some(Self::Gone)
        } else if error.is_changed() {
            Some(Self::Replaced)
        } else {
            None
        }
    }

    /// The word for it in the report.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Replaced => "replaced",
        }
    }

    /// The word for it in the state.
    pub(crate) fn word(self) -> OutcomeWord {
        match self {
            Self::Gone => OutcomeWord::Gone,
            Self::Replaced => OutcomeWord::Replaced,
        }
    }

    fn from_word(word: OutcomeWord) -> Self {
        if word == OutcomeWord::Gone { Self::Gone } else { Self::Replaced }
    }

    /// The sentence for it.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::Gone => "fetch: vanished after it was listed",
            Self::Replaced => "fetch: changed after it was listed; the next run takes it as it is now",
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
    /// Refused lines by reason.
    pub(crate) rejects: BTreeMap<&'static str, u64>,
}

/// Works on tasks, one after another, and remembers user agents from one to the next.
pub(crate) struct Worker<'c> {
    context: &'c Context<'c>,
    // None while a job on the pool has it.
    bench: Option<Bench>,
}

impl<'c> Worker<'c> {
    pub(crate) fn new(context: &'c Context<'c>) -> Self {
        Self { context, bench: None }
    }

    /// Works on a task until it is committed.
    ///
    /// # Errors
    /// The run must stop.
    pub(crate) fn run(&mut self, task: &Task) -> Result<TaskDone, Error> {
        if task.is_changed {
            return leave_alone(self.context, task);
        }
        let destination = &self.context.options.destination;
        // What an earlier try went without, this one goes without: its files may be there.
        let mut gone_before = if self.context.is_adopted { commit::gone_before(destination, task)? } else { None };
        // Objects that vanished or changed while they were read; each one costs another attempt.
        let mut lost = lost_before(task, gone_before.as_ref());
        loop {
            let bench = self.bench.take().unwrap_or_else(|| Bench::new(&self.context.decode));
            let mut attempt = Attempt::try_new(self.context, task, bench)?;
            let result = attempt.read_all(task, &lost);
            self.bench = attempt.bench.take().map(Bench::cleared);
            match result {
                Ok(()) => match attempt.commit(task, gone_before.as_ref())? {
                    Committed::Done(done) => return Ok(done),
                    Committed::Again(decided) => {
                        lost = lost_before(task, Some(&decided));
                        gone_before = Some(decided);
                    }
                },
                Err(Interrupt::Lost(object, how)) => {
                    let object_location = object.location();
                    tracing::warn!("{object_location}: {}: its task starts again without it", how.message());
                    lost.insert(object, how);
                }
                Err(Interrupt::Stop(error)) => return Err(error),
            }
        }
    }
}

/// Why an attempt ended early.
enum Interrupt {
    /// An object whose rows are partly encoded is no longer what was listed.
    Lost(Object, Lost),
    Stop(Error),
}

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

struct Attempt<'c> {
    context: &'c Context<'c>,
    encoder: TaskEncoder<StagedFiles>,
    quarantine: Quarantine,
    outcomes: Vec<(Object, Outcome)>,
    rejects: BTreeMap<&'static str, u64>,
    // None while a job on the pool has it.
    bench: Option<Bench>,
}

impl<'c> Attempt<'c> {
    fn try_new(context: &'c Context<'c>, task: &Task, bench: Bench) -> Result<Self, Error> {
        let files = StagedFiles::new(context.options.destination.table().clone());
        let encoder = TaskEncoder::try_new(Arc::clone(&context.encode), context.partition_by, task.id, files)
            .map_err(Error::Table)?;
        Ok(Self {
            context,
            encoder,
            quarantine: Quarantine::new(context.options.destination.state().clone()),
            outcomes: Vec::with_capacity(task.inputs.len()),
            rejects: BTreeMap::new(),
            bench: Some(bench),
        })
    }

    /// Reads all inputs and encodes their rows.
    fn read_all(&mut self, task: &Task, lost: &BTreeMap<Object, Lost>) -> Result<(), Interrupt> {
        let mut inputs: VecDeque<Object> = task.inputs.iter().cloned().collect();
        let mut first = bench::Group::default();
        while first.objects.is_empty() && !inputs.is_empty() {
            first = self.fetch_group(&mut inputs, lost)?;
        }
        let mut decoding = self.start_decoding(first)?;
        let mut is_backlogged = false;
        while let Some(pending) = decoding {
            // While the pool decodes, the next group is fetched, unless the last one is still being worked on.
            let next = if is_backlogged { bench::Group::default() } else { self.fetch_group(&mut inputs, lost)? };
            let Decoded { bench, results, batch, large, rest } = pending.wait()?;
            self.bench = Some(bench);
            self.record(results)?;
            let batch = batch.map_err(|source| columns_error(task, source))?;
            is_backlogged = !rest.is_empty();
            let mut group = bench::Group { objects: rest };
            group.objects.extend(next.objects);
            while group.objects.is_empty() && !inputs.is_empty() {
                group = self.fetch_group(&mut inputs, lost)?;
            }
            if let Some(object) = large {
                self.encode(batch)?;
                self.read_large(task, object)?;
                decoding = self.start_decoding(group)?;
            } else {
                // While this batch is encoded, the pool decodes the next one.
                decoding = self.start_decoding(group)?;
                self.encode(batch)?;
            }
            self.context.stop.check()?;
        }
        Ok(())
    }

    /// Hands a group to the pool; none where it is empty.
    fn start_decoding(&mut self, group: bench::Group) -> Result<Option<Pending<Decoded>>, Error> {
        if group.objects.is_empty() {
            return Ok(None);
        }
        let bench = self.bench.take().ok_or(Error::Worker)?;
        Ok(Some(self.context.pool.start(move || bench.decode_group(group))))
    }

    /// The next objects, as bytes where they are not too many.
    fn fetch_group(
        &mut self,
        inputs: &mut VecDeque<Object>,
        lost: &BTreeMap<Object, Lost>,
    ) -> Result<bench::Group, Interrupt> {
        let mut group = bench::Group::default();
        let mut bytes = 0;
        while let Some(object) = inputs.pop_front() {
            if let Some(how) = lost.get(&object) {
                // It counts as it did when it was found to be lost: groups, and so bytes, are a function of the task and
                // of what is lost, never of when that was noticed.
                let was_streamed = object.size_bytes() > FETCH_WHOLE_BYTES;
                bytes += object.size_bytes();
                self.lose(object, *how);
                if was_streamed || bytes >= GROUP_BYTES {
                    return Ok(group);
                }
                continue;
            }
            if object.size_bytes() > FETCH_WHOLE_BYTES {
                group.objects.push_back((object, Fetched::Streamed));
                return Ok(group);
            }
            bytes += object.size_bytes();
            match fetch(&object) {
                Ok(content) => group.objects.push_back((object, Fetched::Whole(content.into()))),
                Err(error) => match Lost::from_error(&error) {
                    Some(how) => self.lose(object, how),
                    None => return Err(Error::storage(error).into()),
                },
            }
            if bytes >= GROUP_BYTES || group.objects.len() >= GROUP_OBJECTS {
                break;
            }
        }
        Ok(group)
    }

    fn read_large(&mut self, task: &Task, (object, fetched): (Object, Fetched)) -> Result<(), Interrupt> {
        let bench = self.bench.take().ok_or(Error::Worker)?;
        let judging = {
            let (object, fetched) = (object.clone(), fetched);
            self.context.pool.start(move || bench.judge(&object, fetched))
        };
        let (bench, judged) = judging.wait()?;
        let large = match judged {
            Ok(large) => large,
            Err(bench::LargeError::Verdict(error)) => {
                self.bench = Some(bench);
                return Ok(self.record(vec![(object, Err(error))])?);
            }
            Err(bench::LargeError::Storage(error)) => {
                self.bench = Some(bench);
                let Some(how) = Lost::from_error(&error) else {
                    return Err(Error::storage(error).into());
                };
                self.lose(object, how);
                return Ok(());
            }
        };
        let location = object.location();
        let mut decoding = self.context.pool.start(move || bench.next_batch(large));
        loop {
            let (bench, step) = decoding.wait()?;
            let (large, batch, rejects) = match step {
                Ok(step) => step,
                Err(error) => return Err(lost_or_stop(object, error)),
            };
            self.keep_rejects(&location, &rejects)?;
            let Some(batch) = batch else {
                self.bench = Some(bench);
                return match bench::Large::finish(large) {
                    Ok(summary) => Ok(self.record(vec![(object, Ok(summary))])?),
                    Err(error) => Err(lost_or_stop(object, error)),
                };
            };
            let batch = batch.map_err(|source| columns_error(task, source))?;
            // The next batch is decoded while this one is encoded.
            decoding = self.context.pool.start(move || bench.next_batch(large));
            self.encode(Some(batch))?;
            self.context.stop.check()?;
        }
    }

    fn encode(&mut self, batch: Option<EnrichedBatch>) -> Result<(), Error> {
        let Some(EnrichedBatch { batch, hours }) = batch else { return Ok(()) };
        self.encoder.write(batch, &hours, self.context.pool).map_err(encode_error)
    }

    fn record(
        &mut self,
        results: Vec<(Object, Result<ObjectSummary, lakefront_cloudfront::Error>)>,
    ) -> Result<(), Error> {
        for (object, result) in results {
            let outcome = match result {
                Ok(mut summary) => {
                    self.keep_rejects(&object.location(), &std::mem::take(&mut summary.rejects))?;
                    Outcome::Converted(summary)
                }
                Err(error) => {
                    // Bytes in memory cannot fail to be read.
                    let reason = error.reason().ok_or(Error::Worker)?;
                    let message = error.to_string();
                    self.quarantine.add_failed(&object.location(), reason, &message)?;
                    self.context
                        .progress
                        .on(Event::ObjectFailed { object: object.location(), message: message.clone() });
                    Outcome::Failed { reason, message }
                }
            };
            let rows = if let Outcome::Converted(summary) = &outcome { summary.rows } else { 0 };
            self.context.progress.on(Event::Read { objects: 1, bytes: object.size_bytes(), rows });
            self.outcomes.push((object, outcome));
        }
        Ok(())
    }

    /// Goes on without an object that is no longer what was listed.
    fn lose(&mut self, object: Object, how: Lost) {
        self.context.progress.on(Event::ObjectFailed { object: object.location(), message: how.message().to_owned() });
        self.context.progress.on(Event::Read { objects: 1, bytes: object.size_bytes(), rows: 0 });
        self.outcomes.push((object, Outcome::Lost(how)));
    }

    fn keep_rejects(&mut self, location: &str, rejects: &[Reject]) -> Result<(), Error> {
        for reject in rejects {
            *self.rejects.entry(reject.reason.as_str()).or_default() += 1;
        }
        self.quarantine.add_rejects(location, rejects)
    }

    fn commit(self, task: &Task, gone_before: Option<&GoneRecord>) -> Result<Committed, Error> {
        let Self { context, encoder, quarantine, mut outcomes, rejects, .. } = self;
        let files = encoder.finish(context.pool).map_err(encode_error)?;
        outcomes.sort_by(|(a, _), (b, _)| a.cmp(b));
        let destination = &context.options.destination;
        match commit::record_gone(destination, task, &outcomes, gone_before)? {
            Gone::AsFound => {}
            Gone::Other(decided) => return Ok(Committed::Again(decided)),
            Gone::Committed(commit) => {
                return Ok(Committed::Done(TaskDone { outcomes: Vec::new(), commit, rejects: BTreeMap::new() }));
            }
        }
        if let Err(too_many) = context.tally.allow(&outcomes) {
            // The rows stay out of the table, but whoever reads the message must find the rejects.
            quarantine.put(&names::quarantine(task.id))?;
            return Err(too_many);
        }
        let commit = commit::commit(destination, task, files, quarantine, &outcomes)?;
        context.progress.on(Event::TaskDone);
        Ok(Committed::Done(TaskDone { outcomes, commit, rejects }))
    }
}

/// What became of the wish to commit.
enum Committed {
    Done(TaskDone),
    /// Another run works on the task, and goes without these inputs.
    Again(GoneRecord),
}

/// Commits a task whose inputs were converted before in another version: it has no files.
fn leave_alone(context: &Context<'_>, task: &Task) -> Result<TaskDone, Error> {
    for object in &task.inputs {
        context.progress.on(Event::ObjectFailed { object: object.location(), message: CHANGED.to_owned() });
        context.progress.on(Event::Read { objects: 1, bytes: object.size_bytes(), rows: 0 });
    }
    let outcomes: Vec<(Object, Outcome)> =
        task.inputs.iter().map(|object| (object.clone(), Outcome::Changed)).collect();
    let destination = &context.options.destination;
    let quarantine = Quarantine::new(destination.state().clone());
    let commit = commit::commit(destination, task, Vec::new(), quarantine, &outcomes)?;
    context.progress.on(Event::TaskDone);
    Ok(TaskDone { outcomes, commit, rejects: BTreeMap::new() })
}

/// The inputs of a task that an earlier try went without.
fn lost_before(task: &Task, gone_before: Option<&GoneRecord>) -> BTreeMap<Object, Lost> {
    let gone = gone_before.into_iter().flat_map(|record| &record.inputs);
    gone.filter_map(|gone| Some((task.inputs.get(gone.input)?.clone(), Lost::from_word(gone.how)))).collect()
}

/// An object that was judged good fails on its second reading: it changed in between.
fn lost_or_stop(object: Object, error: bench::LargeError) -> Interrupt {
    match error {
        bench::LargeError::Verdict(_) => Interrupt::Lost(object, Lost::Replaced),
        bench::LargeError::Storage(error) => match Lost::from_error(&error) {
            Some(how) => Interrupt::Lost(object, how),
            None => Interrupt::Stop(Error::storage(error)),
        },
    }
}

/// A data file that could not be written: what the store said, if it was the store.
fn encode_error(error: lakefront_table::Error) -> Error {
    let lakefront_table::Error::DataFile { partition, source } = error else { return Error::Table(error) };
    let ParquetError::External(cause) = source else {
        return Error::Table(lakefront_table::Error::DataFile { partition, source });
    };
    match cause.downcast::<io::Error>() {
        Ok(cause) => StagedFile::error(*cause),
        Err(cause) => {
            Error::Table(lakefront_table::Error::DataFile { partition, source: ParquetError::External(cause) })
        }
    }
}

fn columns_error(task: &Task, source: arrow::error::ArrowError) -> Error {
    let object = task.inputs.first().map(Object::location).unwrap_or_default();
    Error::Columns { object, source }
}
