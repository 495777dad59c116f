//! One attempt at a task: reads its objects in order, and encodes their rows.
//!
//! **Invariant.** Batches, and so the bytes of data files, are a function of the task and of the set of lost or bad
//! objects, never of the time when that was found out. So an object that an earlier attempt found to be lost or bad
//! keeps its place in the order.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use lakefront_cloudfront::{ObjectSummary, Reject};
use lakefront_ledger::{
    commit::{self, Gone},
    concurrent::side_by_side,
    paths,
    plan::Task,
    records::{FileRecord, GoneInput, GoneRecord},
};
use lakefront_schema::row_block::RowBlock;
use lakefront_storage::{FetchAhead, Object};
use lakefront_table::encode::{FinishedFile, ParquetError, PassEnd, TaskEncoder};

use super::{
    AttemptMemory, ProgressLedger, TaskContext, fetch_ahead,
    object_bytes::is_streamed,
    task_decoder::{Decoded, Fetched, Group, TaskDecoder, Tools},
};
use crate::{
    Error,
    outcome::{Lost, Outcome, TaskCounts, TaskDone, TaskEnd},
    pool::Pending,
    progress::Event,
    quarantine::Quarantine,
    staged_file::{StagedFile, StagedFiles},
};

/// Compressed bytes at which a group of small objects is full: 1 MiB.
const GROUP_BYTES: u64 = 1 << 20;
/// Number of objects at which a group is full.
const GROUP_OBJECTS: usize = 1000;

/// Reason why an attempt ended early.
pub(super) enum Interrupt {
    /// An object is lost or bad, but rows of it are already encoded.
    Judged(Object, Box<Outcome>),
    /// The run must stop.
    Stop(Error),
}

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// Result of an attempt to commit a task.
pub(super) enum Committed {
    Done(TaskEnd),
    /// Another run works on the task, and leaves out these inputs.
    Again(GoneRecord, ProgressLedger),
}

pub(super) struct Attempt<'c> {
    pub(super) context: &'c TaskContext<'c>,
    /// `None` while a job on the pool has it.
    encoder: Option<Box<TaskEncoder<StagedFiles>>>,
    /// Finished data files; empty until all rows are written.
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
    outcomes: Vec<(Object, Outcome)>,
    /// Number of rows of each object in the first pass, `None` for an object that is not converted. Set after that
    /// pass.
    first_pass: Option<BTreeMap<Object, Option<u64>>>,
    counts: TaskCounts,
    /// Whether unreadable inputs count for the limits of this run. Inputs that an earlier run planned and no run could
    /// read so far do not count: otherwise the run could never reach new objects.
    counts_unreadable: bool,
    /// `None` while a job on the pool has it.
    pub(super) decoder: Option<TaskDecoder>,
    pub(super) progress: ProgressLedger,
}

impl<'c> Attempt<'c> {
    pub(super) fn try_new(
        context: &'c TaskContext<'c>,
        task: &Task,
        decoder: TaskDecoder,
        progress: ProgressLedger,
    ) -> Result<Self, Error> {
        let files = StagedFiles::new(context.destination.table().clone(), context.log.file_hasher());
        let encoder = TaskEncoder::try_new(Arc::clone(&context.encode), context.partition_by, task.id, files)
            .map_err(Error::Table)?;
        Ok(Self {
            context,
            encoder: Some(Box::new(encoder)),
            files: Vec::new(),
            quarantine: Quarantine::new(context.destination.state().clone(), context.log),
            outcomes: Vec::with_capacity(task.inputs.len()),
            first_pass: None,
            counts: TaskCounts::default(),
            counts_unreadable: !(context.is_adopted && task.was_unreadable),
            decoder: Some(decoder),
            progress,
        })
    }

    /// Reads all inputs and encodes their rows, and repeats that as long as the encoder postpones partitions.
    pub(super) fn read_all(
        &mut self,
        task: &Task,
        mut ahead: FetchAhead,
        memory: &AttemptMemory,
    ) -> Result<(), Interrupt> {
        self.read_inputs(task, &mut ahead, memory)?;
        let mut memory_now = None;
        while self.end_pass()? {
            tracing::info!(task = task.id.task, "rows of too many partitions: the task's objects are read once more");
            let memory = memory_now.get_or_insert_with(|| memory.after(&self.outcomes));
            let mut ahead = fetch_ahead(self.context, task, memory)?;
            self.read_inputs(task, &mut ahead, memory)?;
        }
        Ok(())
    }

    /// Ends a pass over the inputs. Returns whether another one is needed.
    fn end_pass(&mut self) -> Result<bool, Error> {
        let encoder = self.encoder.take().expect("no job has the encoder between two passes");
        match encoder.end_pass(self.context.pool).map_err(encode_error)? {
            PassEnd::Complete(files) => {
                self.files = files;
                Ok(false)
            }
            PassEnd::Again(encoder) => {
                self.encoder = Some(encoder);
                let outcomes = &self.outcomes;
                self.first_pass.get_or_insert_with(|| {
                    outcomes.iter().map(|(object, outcome)| (object.clone(), outcome.rows())).collect()
                });
                Ok(true)
            }
        }
    }

    fn read_inputs(&mut self, task: &Task, ahead: &mut FetchAhead, memory: &AttemptMemory) -> Result<(), Interrupt> {
        let mut inputs: VecDeque<Object> = task.inputs.iter().cloned().collect();
        let first = self.fetch_group(&mut inputs, ahead, memory)?;
        let mut decoding = self.start_decoding(first);
        let mut next = Group::default();
        while let Some(pending) = decoding {
            // While the pool decodes, the next group is fetched.
            if next.objects.is_empty() {
                next = self.fetch_group(&mut inputs, ahead, memory)?;
            }
            let Decoded { tools, results, batch, large, rest } = pending.wait();
            self.put_back(tools);
            for (object, result) in results {
                self.record(object, result)?;
            }
            let mut batch = batch.map_err(encode_error)?;
            if let Some((object, fetched)) = large {
                self.encode(batch.take())?;
                self.read_large(object, fetched, memory)?;
            }
            // Batches end at the ends of groups, regardless of the thread that encodes them.
            let group = if rest.is_empty() { std::mem::take(&mut next) } else { Group { objects: rest } };
            decoding = self.start_and_encode(batch, |attempt| attempt.start_decoding(group))?;
            self.context.stop.check()?;
        }
        Ok(())
    }

    /// Starts to decode a group on the pool; returns `None` if the group is empty.
    fn start_decoding(&mut self, group: Group) -> Option<Pending<Decoded>> {
        if group.objects.is_empty() {
            return None;
        }
        let tools = self.take_tools();
        Some(self.context.pool.start(move || tools.decode_group(group)))
    }

    /// Starts the next job, and encodes a batch that the last job did not encode: at the same time if there are idle
    /// threads, otherwise before that job.
    pub(super) fn start_and_encode<T>(
        &mut self,
        batch: Option<Vec<RowBlock>>,
        start: impl FnOnce(&mut Self) -> T,
    ) -> Result<T, Error> {
        if batch.is_none() || self.context.is_crowded() {
            self.encode(batch)?;
            return Ok(start(self));
        }
        let encoder = self.encoder.take();
        let started = start(self);
        self.encoder = encoder;
        self.encode(batch)?;
        Ok(started)
    }

    /// Takes the tools for the next job: with the encoder if it is here and there are enough tasks for all threads.
    pub(super) fn take_tools(&mut self) -> Tools {
        let decoder = self.decoder.take().expect("no job has the decoder while the next one is started");
        let encoder = if self.context.is_crowded() { self.encoder.take() } else { None };
        Tools { decoder, encoder, has_encoded: false }
    }

    pub(super) fn put_back(&mut self, mut tools: Tools) {
        self.context.observer.unknown_names(&tools.decoder.take_unknown_names());
        self.counts.unclaimed_fields.extend(&tools.decoder.take_unclaimed_fields());
        self.decoder = Some(tools.decoder);
        if tools.encoder.is_some() {
            self.encoder = tools.encoder;
        }
    }

    /// Fetches the next group of objects; small ones as bytes. The group is empty at the end of the inputs.
    fn fetch_group(
        &mut self,
        inputs: &mut VecDeque<Object>,
        ahead: &mut FetchAhead,
        memory: &AttemptMemory,
    ) -> Result<Group, Interrupt> {
        let mut group = Group::default();
        let mut bytes = 0;
        while let Some(object) = inputs.pop_front() {
            let is_streamed = is_streamed(&object);
            bytes += object.size_bytes();
            let fetched = match memory.outcomes.get(&object) {
                // It is not in a group, just as if it were found to be lost now.
                Some(Outcome::Lost(how)) if !is_streamed => Err(how.clone()),
                Some(outcome) => Ok(Fetched::Judged(outcome.clone())),
                None if is_streamed => Ok(Fetched::Streamed),
                None => match ahead.fetch(&object) {
                    Ok(content) => {
                        self.context.observer.object_read();
                        Ok(Fetched::Whole(content))
                    }
                    Err(error) => match Lost::from_error(&error, self.context.advise) {
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

    /// Encodes a batch, with its columns in parallel.
    fn encode(&mut self, batch: Option<Vec<RowBlock>>) -> Result<(), Error> {
        let Some(blocks) = batch else { return Ok(()) };
        let encoder = self.encoder.as_mut().expect("no job has the encoder while a batch is encoded here");
        blocks.iter().try_for_each(|block| encoder.write(block, self.context.pool)).map_err(encode_error)
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
            Err(verdict) => match Outcome::failed(&verdict, self.context.advise) {
                Some(outcome) => outcome,
                None => return Err(Interrupt::Stop(read_error(&object, verdict))),
            },
        };
        self.note(object, outcome)
    }

    /// Records the outcome of an object.
    fn note(&mut self, object: Object, outcome: Outcome) -> Result<(), Interrupt> {
        self.note_rest(object, outcome, 0, 0)
    }

    /// Records the outcome of an object of which some bytes and rows were already reported as progress.
    pub(super) fn note_rest(
        &mut self,
        object: Object,
        mut outcome: Outcome,
        reported_bytes: u64,
        reported_rows: u64,
    ) -> Result<(), Interrupt> {
        if let Some(first_pass) = &self.first_pass {
            return same_as_before(first_pass, object, outcome);
        }
        let observer = self.context.observer;
        let mut rows = 0;
        match &mut outcome {
            Outcome::Converted(summary) => {
                rows = summary.rows;
                self.counts.take_from(summary);
            }
            Outcome::Failed { reason, message } => {
                self.quarantine.add_failed(&object.location(), reason, message)?;
                let _ = self.progress.failed(observer.progress(), &object, message);
            }
            Outcome::Lost(how) => {
                let is_new = self.progress.failed(observer.progress(), &object, &how.message());
                // Objects that only an earlier run found to be unreadable do not count for the limit of this run.
                if is_new && let Lost::Unreadable(Some(reason)) = how {
                    observer.object_unreadable(&object, reason, self.counts_unreadable)?;
                }
            }
            Outcome::Changed { .. } => {}
        }
        let bytes = object.size_bytes().saturating_sub(reported_bytes);
        self.report_read(1, bytes, rows.saturating_sub(reported_rows));
        self.outcomes.push((object, outcome));
        Ok(())
    }

    /// Reports progress, in the first pass only.
    pub(super) fn report_read(&mut self, objects: u64, bytes: u64, rows: u64) {
        if self.first_pass.is_none() {
            self.progress.read(self.context.observer.progress(), objects, bytes, rows);
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

    /// Returns the outcomes so far.
    pub(super) fn outcomes(&self) -> &[(Object, Outcome)] {
        &self.outcomes
    }

    /// Returns the work that is left after all inputs are read. It does not need a slot.
    pub(super) fn finish(self) -> Finished<'c> {
        let Self { context, files, quarantine, mut outcomes, counts, progress, .. } = self;
        outcomes.sort_by(|(a, _), (b, _)| a.cmp(b));
        Finished { context, files, quarantine, outcomes, counts, progress }
    }
}

/// Compares an object's result in a later pass with that of the first one, whose rows are encoded already.
fn same_as_before(
    first_pass: &BTreeMap<Object, Option<u64>>,
    object: Object,
    outcome: Outcome,
) -> Result<(), Interrupt> {
    if first_pass.get(&object).is_some_and(|before| *before == outcome.rows()) {
        return Ok(());
    }
    // It was lost in between, or its store now returns other bytes for the same version.
    let outcome = if let Outcome::Lost(_) = outcome { outcome } else { Outcome::Lost(Lost::Replaced) };
    Err(Interrupt::Judged(object, Box::new(outcome)))
}

/// An attempt that succeeded; only its files do not have their names yet.
pub(super) struct Finished<'c> {
    context: &'c TaskContext<'c>,
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
    outcomes: Vec<(Object, Outcome)>,
    counts: TaskCounts,
    progress: ProgressLedger,
}

impl Finished<'_> {
    pub(super) fn commit(self, task: &Task, gone_before: Option<&GoneRecord>) -> Result<Committed, Error> {
        let Self { context, files, quarantine, outcomes, counts, progress } = self;
        let TaskContext { destination, log, observer, .. } = *context;
        let lost = outcomes.iter().enumerate();
        let lost = lost.filter_map(|(input, (_, outcome))| Some(GoneInput { input, how: outcome.lost()?.word() }));
        match commit::record_gone(destination, log, task, lost.collect(), gone_before)? {
            Gone::AsFound => {}
            Gone::Other(decided) => return Ok(Committed::Again(decided, progress)),
            Gone::Committed(commit) => {
                return Ok(Committed::Done(TaskEnd::CommittedByAnother(commit)));
            }
        }
        let allowed = observer.may_commit(&outcomes);
        let files = if allowed.is_ok() { put_all(context, task, files)? } else { Vec::new() };
        // If the run stops because of too many rejects, the rows are not in the table, but the operator needs the
        // rejects.
        let quarantine = quarantine.put(&paths::quarantine(task.id))?;
        allowed?;
        let inputs = outcomes.iter().map(|(_, outcome)| outcome.record()).collect();
        let commit = commit::commit(destination, log, task, files, quarantine, inputs)?;
        observer.progress().on(Event::TaskDone);
        Ok(Committed::Done(TaskEnd::Committed(TaskDone { outcomes, commit, counts })))
    }
}

/// Stores data files under their names, several at the same time, because each waits for a disk or a network. Returns
/// the first error in their order.
fn put_all(
    context: &TaskContext<'_>,
    task: &Task,
    files: Vec<FinishedFile<StagedFile>>,
) -> Result<Vec<FileRecord>, Error> {
    let table = context.destination.table();
    let put = |finished: FinishedFile<StagedFile>| {
        let name = finished.name(task.id);
        let FinishedFile { rows, file, .. } = finished;
        let written = file.put(table, &name)?;
        Ok(FileRecord { path: name, rows, bytes: written.bytes, hash: written.hash })
    };
    side_by_side(files, context.requests, put).into_iter().collect()
}

/// Returns the error about an object that could not be read, for a reason that says nothing about the object.
pub(super) fn read_error(object: &Object, error: lakefront_cloudfront::Error) -> Error {
    let lakefront_cloudfront::Error::Read(source) = error else {
        unreachable!("only a failed read says nothing about the object: {error}");
    };
    Error::Read { object: object.location(), source }
}

/// Returns the error about a data file that could not be written: that of the store, if the store caused it.
pub(super) fn encode_error(error: lakefront_table::Error) -> Error {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_with_another_result_in_a_later_pass_is_lost() {
        let object = |name| Object::restore("file://", name, name, None, "1-1", 1).unwrap();
        let good = |rows| Outcome::Converted(ObjectSummary { rows, ..ObjectSummary::default() });
        let bad = || Outcome::Failed { reason: "gzip-truncated", message: String::new() };
        let first_pass = BTreeMap::from([(object("/good"), Some(3)), (object("/bad"), None)]);
        let later = |name, outcome| match same_as_before(&first_pass, object(name), outcome) {
            Ok(()) => None,
            Err(Interrupt::Judged(_, outcome)) => Some(*outcome),
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
