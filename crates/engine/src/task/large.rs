//! A large object on its way through an attempt, a job for some blocks of it.

use lakefront_cloudfront::ObjectSummary;
use lakefront_ledger::plan::Task;
use lakefront_storage::Object;

use crate::{
    Advise, Error,
    outcome::{Lost, Outcome},
    pool::Pending,
    task::{
        AttemptMemory,
        attempt::{Attempt, Interrupt, read_error, rows_error},
        task_decoder::{Fetched, Large, LargeError, LargeStep, Purpose, Tools},
    },
};

type Stepped = (Tools, Result<(Large, LargeStep), LargeError>);

/// What an attempt has of an object that it did not read to its end yet.
#[derive(Debug, Default)]
struct Traces {
    /// Rows or rejects went on their way: the object cannot be left out any more.
    are_there: bool,
    told_bytes: u64,
    told_rows: u64,
}

impl Attempt<'_> {
    /// Reads a large object, and encodes its rows as they come.
    pub(super) fn read_large(
        &mut self,
        task: &Task,
        object: Object,
        fetched: Fetched,
        memory: &AttemptMemory,
    ) -> Result<(), Interrupt> {
        let mut traces = Traces::default();
        let result = if let Fetched::Judged(outcome) = fetched {
            Ok(outcome)
        } else {
            self.try_read_large(&object, fetched, memory.judges_first(&object), &mut traces)
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(LargeFailure::Stop(error)) => return Err(Interrupt::Stop(error)),
            Err(LargeFailure::Large(error)) => outcome_of(task, &object, error, self.context.advise)?,
        };
        if traces.are_there && !matches!(outcome, Outcome::Converted(_)) {
            return Err(Interrupt::Judged(object, Box::new(outcome)));
        }
        self.note_rest(object, outcome, traces.told_bytes, traces.told_rows)
    }

    fn try_read_large(
        &mut self,
        object: &Object,
        fetched: Fetched,
        judges_first: bool,
        traces: &mut Traces,
    ) -> Result<Outcome, LargeFailure> {
        if judges_first {
            self.read_to_end(object, fetched.clone(), Purpose::Verdict, traces)?;
        }
        self.read_to_end(object, fetched, Purpose::Rows, traces).map(Outcome::Converted)
    }

    fn read_to_end(
        &mut self,
        object: &Object,
        fetched: Fetched,
        purpose: Purpose,
        traces: &mut Traces,
    ) -> Result<ObjectSummary, LargeFailure> {
        let location = object.location();
        let mut pending = self.start_reading(object.clone(), fetched, purpose);
        loop {
            let (tools, stepped) = pending.wait();
            traces.are_there |= tools.has_encoded;
            self.put_back(tools);
            let (large, LargeStep { batch, rows, rejects, read_bytes, summary }) =
                stepped.map_err(LargeFailure::Large)?;
            self.context.observer.object_read();
            self.context.stop.check()?;
            traces.are_there |= batch.is_some() || !rejects.is_empty();
            self.keep_rejects(&location, &rejects)?;
            if let Some(summary) = summary {
                return Ok(summary);
            }
            pending = self.start_beside(batch, |attempt| attempt.start_step(large))?;
            if matches!(purpose, Purpose::Rows) {
                let bytes = read_bytes - traces.told_bytes;
                self.tell_read(0, bytes, rows);
                traces.told_bytes += bytes;
                traces.told_rows += rows;
            }
        }
    }

    fn start_reading(&mut self, object: Object, fetched: Fetched, purpose: Purpose) -> Pending<Stepped> {
        let mut tools = self.take_tools();
        self.context.pool.start(move || {
            let stepped = tools.decoder.open(&object, fetched, purpose).and_then(|large| read_on(&mut tools, large));
            (tools, stepped)
        })
    }

    fn start_step(&mut self, large: Large) -> Pending<Stepped> {
        let mut tools = self.take_tools();
        self.context.pool.start(move || {
            let stepped = read_on(&mut tools, large);
            (tools, stepped)
        })
    }
}

fn read_on(tools: &mut Tools, mut large: Large) -> Result<(Large, LargeStep), LargeError> {
    let step = tools.read_on(&mut large)?;
    Ok((large, step))
}

/// Why a large object was not read to a good end.
enum LargeFailure {
    Large(LargeError),
    Stop(Error),
}

impl From<Error> for LargeFailure {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// What becomes of an object that was not read to a good end.
fn outcome_of(task: &Task, object: &Object, error: LargeError, advise: Advise) -> Result<Outcome, Error> {
    match error {
        LargeError::Verdict(verdict) => Outcome::failed(&verdict, advise).ok_or_else(|| read_error(object, verdict)),
        LargeError::Storage(error) => match Lost::from_error(&error, advise) {
            Some(how) => Ok(Outcome::Lost(how)),
            None => Err(Error::storage(error)),
        },
        LargeError::Rows(error) => Err(rows_error(task, error)),
    }
}
