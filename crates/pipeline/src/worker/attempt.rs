//! One attempt at a task: its objects are read in order, and their rows encoded.
//!
//! **Invariant.** Batches, and so the bytes of data files, are a function of the task and of which objects are lost or bad:
//! never of when that was noticed. So an object of which an earlier attempt found that out takes its place all the same.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use lakefront_cloudfront::{EnrichedBatch, ObjectSummary, Reject};
use lakefront_storage::{FetchAhead, Object};
use lakefront_table::encode::{FinishedFile, ParquetError, PassEnd, TaskEncoder};

use super::{
    Context, Known, Lost, Outcome, TaskCounts, TaskDone, TaskEnd, Told,
    bench::{Bench, Decoded, Fetched, Group, RowsError, Tools},
    fetch_ahead,
};
use crate::{
    Advise, Error,
    commit::{self, Gone},
    message,
    plan::Task,
    pool::Pending,
    progress::Event,
    quarantine::Quarantine,
    staged::{StagedFile, StagedFiles},
    state::{names, records::GoneRecord},
};

/// Small objects are fetched together up to so many compressed bytes: 1 MiB.
const GROUP_BYTES: u64 = 1 << 20;
/// Or up to so many of them.
const GROUP_OBJECTS: usize = 1000;
/// Objects up to this size are fetched whole, larger ones are streamed: 16 MiB.
const FETCH_WHOLE_BYTES: u64 = 16 << 20;

/// Why an attempt ended early.
pub(super) enum Interrupt {
    /// An object is lost or bad, and rows of it are encoded already.
    Known(Object, Box<Outcome>),
    Stop(Error),
}

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// What became of the wish to commit.
pub(super) enum Committed {
    Done(TaskEnd),
    /// Another run works on the task, and goes without these inputs.
    Again(GoneRecord, Told),
}

pub(super) struct Attempt<'c> {
    pub(super) context: &'c Context<'c>,
    // None while a job on the pool has it.
    encoder: Option<Box<TaskEncoder<StagedFiles>>>,
    /// `Some` when all rows are written.
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
    outcomes: Vec<(Object, Outcome)>,
    /// Number of rows of each object in the first pass, `None` for one that is not converted. Set after that pass.
    first_pass: Option<BTreeMap<Object, Option<u64>>>,
    counts: TaskCounts,
    /// Whether unreadable inputs count for the limits of this run. Those that an earlier run planned, and no run could read
    /// so far, do not: the run could never come to what is new.
    counts_unreadable: bool,
    // None while a job on the pool has it.
    pub(super) bench: Option<Bench>,
    pub(super) told: Told,
}

impl<'c> Attempt<'c> {
    pub(super) fn try_new(context: &'c Context<'c>, task: &Task, bench: Bench, told: Told) -> Result<Self, Error> {
        let files = StagedFiles::new(context.options.destination.table().clone());
        let encoder = TaskEncoder::try_new(Arc::clone(&context.encode), context.partition_by, task.id, files)
            .map_err(Error::Table)?;
        Ok(Self {
            context,
            encoder: Some(Box::new(encoder)),
            files: Vec::new(),
            quarantine: Quarantine::new(context.options.destination.state().clone(), context.log),
            outcomes: Vec::with_capacity(task.inputs.len()),
            first_pass: None,
            counts: TaskCounts::default(),
            counts_unreadable: !(context.is_adopted && task.was_unreadable),
            bench: Some(bench),
            told,
        })
    }

    /// Reads all inputs and encodes their rows, and repeats that as long as the encoder puts partitions off.
    pub(super) fn read_all(&mut self, task: &Task, mut ahead: FetchAhead, known: &Known) -> Result<(), Interrupt> {
        self.read_inputs(task, &mut ahead, known)?;
        let mut known_now = None;
        while self.end_pass()? {
            tracing::info!(task = task.id.task, "rows of too many partitions: the task's objects are read once more");
            let known = known_now.get_or_insert_with(|| known.after(self));
            let mut ahead = fetch_ahead(self.context, task, known)?;
            self.read_inputs(task, &mut ahead, known)?;
        }
        Ok(())
    }

    /// Ends a pass over the inputs. Returns whether another one is needed.
    fn end_pass(&mut self) -> Result<bool, Error> {
        let encoder = self.encoder.take().ok_or(Error::Worker)?;
        match encoder.end_pass(self.context.pool).map_err(encode_error)? {
            PassEnd::Complete(files) => {
                self.files = files;
                Ok(false)
            }
            PassEnd::Again(encoder) => {
                self.encoder = Some(encoder);
                let outcomes = &self.outcomes;
                self.first_pass.get_or_insert_with(|| {
                    outcomes.iter().map(|(object, outcome)| (object.clone(), rows_of(outcome))).collect()
                });
                Ok(true)
            }
        }
    }

    fn read_inputs(&mut self, task: &Task, ahead: &mut FetchAhead, known: &Known) -> Result<(), Interrupt> {
        let mut inputs: VecDeque<Object> = task.inputs.iter().cloned().collect();
        let first = self.fetch_group(&mut inputs, ahead, known)?;
        let mut decoding = self.start_decoding(first)?;
        let mut next = Group::default();
        while let Some(pending) = decoding {
            // While the pool decodes, the next group is fetched.
            if next.objects.is_empty() {
                next = self.fetch_group(&mut inputs, ahead, known)?;
            }
            let Decoded { tools, results, batch, large, rest } = pending.wait()?;
            self.put_back(tools);
            for (object, result) in results {
                self.record(object, result)?;
            }
            let mut batch = batch.map_err(|error| rows_error(task, error))?;
            if let Some((object, fetched)) = large {
                self.encode(batch.take())?;
                self.read_large(task, object, fetched, known)?;
            }
            // Batches end where groups do, wherever they are encoded.
            let group = if rest.is_empty() { std::mem::take(&mut next) } else { Group { objects: rest } };
            decoding = self.start_beside(batch, |attempt| attempt.start_decoding(group))?;
            self.context.stop.check()?;
        }
        Ok(())
    }

    /// Hands a group to the pool; none where it is empty.
    fn start_decoding(&mut self, group: Group) -> Result<Option<Pending<Decoded>>, Error> {
        if group.objects.is_empty() {
            return Ok(None);
        }
        let tools = self.take_tools()?;
        Ok(Some(self.context.pool.start(move || tools.decode_group(group))))
    }

    /// Starts the next job, and encodes a batch that came without being encoded: beside it if threads are to spare, else
    /// before it.
    pub(super) fn start_beside<T>(
        &mut self,
        batch: Option<EnrichedBatch>,
        start: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if batch.is_none() || self.context.is_crowded() {
            self.encode(batch)?;
            return start(self);
        }
        let encoder = self.encoder.take();
        let started = start(self);
        self.encoder = encoder;
        self.encode(batch)?;
        started
    }

    /// What the next job takes along: the encoder too, if it is here and there are tasks enough for all threads.
    pub(super) fn take_tools(&mut self) -> Result<Tools, Error> {
        let bench = self.bench.take().ok_or(Error::Worker)?;
        let encoder = if self.context.is_crowded() { self.encoder.take() } else { None };
        Ok(Tools { bench, encoder, has_encoded: false })
    }

    pub(super) fn put_back(&mut self, mut tools: Tools) {
        self.context.tally.add_unknown_names(&tools.bench.take_unknown_names());
        self.counts.unclaimed_fields.extend(&tools.bench.take_unclaimed_fields());
        self.bench = Some(tools.bench);
        if tools.encoder.is_some() {
            self.encoder = tools.encoder;
        }
    }

    /// The next objects, as bytes where they are not too many; none at the end of the inputs.
    fn fetch_group(
        &mut self,
        inputs: &mut VecDeque<Object>,
        ahead: &mut FetchAhead,
        known: &Known,
    ) -> Result<Group, Interrupt> {
        let mut group = Group::default();
        let mut bytes = 0;
        while let Some(object) = inputs.pop_front() {
            let is_streamed = is_streamed(&object);
            bytes += object.size_bytes();
            let fetched = match known.outcomes.get(&object) {
                // It is in no group, as if it were noticed now.
                Some(Outcome::Lost(how)) if !is_streamed => Err(how.clone()),
                Some(outcome) => Ok(Fetched::Known(outcome.clone())),
                None if is_streamed => Ok(Fetched::Streamed),
                None => match ahead.fetch(&object) {
                    Ok(content) => {
                        self.context.tally.object_read();
                        Ok(Fetched::Whole(content))
                    }
                    Err(error) => match Lost::from_error(&error, self.context.options.advise) {
                        Some(how) => Err(how),
                        None => return Err(Error::storage(error).into()),
                    },
                },
            };
            match fetched {
                Ok(fetched) => group.objects.push_back((object, fetched)),
                Err(how) => self.note(object, Outcome::Lost(how))?,
            }
            if is_streamed || bytes >= GROUP_BYTES || group.objects.len() >= GROUP_OBJECTS {
                if !group.objects.is_empty() {
                    break;
                }
                bytes = 0;
            }
        }
        Ok(group)
    }

    /// Encodes a batch, its columns in parallel.
    fn encode(&mut self, batch: Option<EnrichedBatch>) -> Result<(), Error> {
        let Some(EnrichedBatch { batch, hours }) = batch else { return Ok(()) };
        let encoder = self.encoder.as_mut().ok_or(Error::Worker)?;
        encoder.write(&batch, &hours, self.context.pool).map_err(encode_error)
    }

    fn record(
        &mut self,
        object: Object,
        result: Result<ObjectSummary, lakefront_cloudfront::Error>,
    ) -> Result<(), Interrupt> {
        let outcome = match result {
            Ok(mut summary) => {
                self.keep_rejects(&object.location(), &std::mem::take(&mut summary.rejects))?;
                Outcome::Converted(summary)
            }
            Err(verdict) => Outcome::failed(&verdict, self.context.options.advise)?,
        };
        self.note(object, outcome)
    }

    /// Notes what became of an object.
    fn note(&mut self, object: Object, outcome: Outcome) -> Result<(), Interrupt> {
        self.note_rest(object, outcome, 0, 0)
    }

    /// The same, where so many of its bytes and rows were told of already.
    pub(super) fn note_rest(
        &mut self,
        object: Object,
        mut outcome: Outcome,
        told_bytes: u64,
        told_rows: u64,
    ) -> Result<(), Interrupt> {
        if let Some(first_pass) = &self.first_pass {
            return same_as_before(first_pass, object, outcome);
        }
        let progress = self.context.progress;
        let mut rows = 0;
        match &mut outcome {
            Outcome::Converted(summary) => {
                rows = summary.rows;
                self.counts.take_from(summary);
            }
            Outcome::Failed { reason, message } => {
                self.quarantine.add_failed(&object.location(), reason, message)?;
                let _ = self.told.failed(progress, &object, message);
            }
            Outcome::Lost(how) => {
                let is_new = self.told.failed(progress, &object, &how.message());
                // What an earlier run heard does not count for the limit of this one.
                if is_new && let Lost::Unreadable(Some(reason)) = how {
                    self.context.tally.object_unreadable(&object, reason, self.counts_unreadable)?;
                }
            }
            Outcome::Changed { .. } => {}
        }
        let bytes = object.size_bytes().saturating_sub(told_bytes);
        self.tell_read(1, bytes, rows.saturating_sub(told_rows));
        self.outcomes.push((object, outcome));
        Ok(())
    }

    /// Reports progress, in the first pass only.
    pub(super) fn tell_read(&mut self, objects: u64, bytes: u64, rows: u64) {
        if self.first_pass.is_none() {
            self.told.read(self.context.progress, objects, bytes, rows);
        }
    }

    pub(super) fn keep_rejects(&mut self, location: &str, rejects: &[Reject]) -> Result<(), Error> {
        if self.first_pass.is_some() {
            return Ok(());
        }
        for reject in rejects {
            *self.counts.rejects.entry(reject.reason.as_str()).or_default() += 1;
        }
        self.quarantine.add_rejects(location, rejects)
    }

    /// The objects that were read to their ends, and are good.
    pub(super) fn good(&self) -> impl Iterator<Item = Object> {
        let good = self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Converted(_)));
        good.map(|(object, _)| object.clone())
    }

    /// The objects that could not be read as they were planned.
    pub(super) fn lost(&self) -> impl Iterator<Item = (Object, Outcome)> {
        self.outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Lost(_))).cloned()
    }

    /// The work that is left after all inputs are read. It takes no memory.
    pub(super) fn finish(self) -> Finished<'c> {
        let Self { context, files, quarantine, mut outcomes, counts, told, .. } = self;
        outcomes.sort_by(|(a, _), (b, _)| a.cmp(b));
        Finished { context, files, quarantine, outcomes, counts, told }
    }
}

/// Compares an object's result in a later pass with that of the first one, whose rows are encoded already.
fn same_as_before(
    first_pass: &BTreeMap<Object, Option<u64>>,
    object: Object,
    outcome: Outcome,
) -> Result<(), Interrupt> {
    if first_pass.get(&object).is_some_and(|before| *before == rows_of(&outcome)) {
        return Ok(());
    }
    // It was lost meanwhile, or its store now gives other bytes for the same version.
    let outcome = if let Outcome::Lost(_) = outcome { outcome } else { Outcome::Lost(Lost::Replaced) };
    Err(Interrupt::Known(object, Box::new(outcome)))
}

/// An attempt that came to a good end, but for its files' names.
pub(super) struct Finished<'c> {
    context: &'c Context<'c>,
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
    outcomes: Vec<(Object, Outcome)>,
    counts: TaskCounts,
    told: Told,
}

impl Finished<'_> {
    pub(super) fn commit(self, task: &Task, gone_before: Option<&GoneRecord>) -> Result<Committed, Error> {
        let Self { context, files, quarantine, outcomes, counts, told } = self;
        let destination = &context.options.destination;
        match commit::record_gone(destination, context.log, task, &outcomes, gone_before)? {
            Gone::AsFound => {}
            Gone::Other(decided) => return Ok(Committed::Again(decided, told)),
            Gone::Committed(commit) => {
                return Ok(Committed::Done(TaskEnd::CommittedByAnother(commit)));
            }
        }
        if let Err(too_many) = context.tally.allow(&outcomes) {
            // The rows stay out of the table, but whoever reads the message must find the rejects.
            quarantine.put(&names::quarantine(task.id))?;
            return Err(too_many);
        }
        let requests = context.options.limits.requests;
        let commit = commit::commit(destination, context.log, task, files, quarantine, &outcomes, requests)?;
        context.progress.on(Event::TaskDone);
        Ok(Committed::Done(TaskEnd::Committed(TaskDone { outcomes, commit, counts })))
    }
}

/// Returns the number of rows of a converted object.
fn rows_of(outcome: &Outcome) -> Option<u64> {
    if let Outcome::Converted(summary) = outcome { Some(summary.rows) } else { None }
}

/// Is the object too large to be fetched whole?
pub(super) fn is_streamed(object: &Object) -> bool {
    object.size_bytes() > FETCH_WHOLE_BYTES
}

impl Outcome {
    pub(super) fn failed(verdict: &lakefront_cloudfront::Error, advise: Advise) -> Result<Self, Error> {
        // What is no verdict was told apart before.
        let reason = verdict.reason().ok_or(Error::Worker)?;
        Ok(Self::Failed { reason, message: message(verdict, advise) })
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

pub(super) fn rows_error(task: &Task, error: RowsError) -> Error {
    match error {
        RowsError::Columns(source) => {
            let object = task.inputs.first().map(Object::location).unwrap_or_default();
            Error::Columns { object, source }
        }
        RowsError::Encode(error) => encode_error(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_object_gives_in_a_later_pass_must_be_what_it_gave_in_the_first_one() {
        let object = |name| Object::restore("file://", name, name, None, "1-1", 1).unwrap();
        let good = |rows| Outcome::Converted(ObjectSummary { rows, ..ObjectSummary::default() });
        let bad = || Outcome::Failed { reason: "gzip-truncated", message: String::new() };
        let first_pass = BTreeMap::from([(object("/good"), Some(3)), (object("/bad"), None)]);
        let later = |name, outcome| match same_as_before(&first_pass, object(name), outcome) {
            Ok(()) => None,
            Err(Interrupt::Known(_, outcome)) => Some(*outcome),
            Err(Interrupt::Stop(error)) => panic!("{error}"),
        };
        assert!(later("/good", good(3)).is_none());
        assert!(later("/bad", bad()).is_none());
        for (name, outcome) in [("/good", good(2)), ("/good", bad()), ("/bad", good(0)), ("/other", good(1))] {
            assert!(matches!(later(name, outcome), Some(Outcome::Lost(Lost::Replaced))), "{name}");
        }
        assert!(matches!(later("/good", Outcome::Lost(Lost::Gone)), Some(Outcome::Lost(Lost::Gone))));
    }
}
