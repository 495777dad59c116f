//! Reads a large object in an attempt, with one job for every few blocks.

use lakefront_cloudfront::ObjectSummary;
use lakefront_storage::Object;

use crate::{
    Advise, Error,
    outcome::{Lost, Outcome},
    pool::Pending,
    task::{
        AttemptMemory,
        attempt::{Attempt, Interrupt, encode_error, read_error},
        task_decoder::{Fetched, LargeError, LargeStep, OpenLarge, Purpose, Tools},
    },
};

type Stepped = (Tools, Result<(OpenLarge, LargeStep), LargeError>);

/// Results so far of an object that is not read to its end yet.
#[derive(Debug, Default)]
struct PartialRead {
    /// Whether it has rows that are encoded or rejects that are kept, so that the object cannot be left out any more.
    has_output: bool,
    reported_bytes: u64,
    reported_rows: u64,
}

impl Attempt<'_> {
    /// Reads a large object, and encodes its rows while it is read.
    pub(super) fn read_large(
        &mut self,
        object: Object,
        fetched: Fetched,
        memory: &AttemptMemory,
    ) -> Result<(), Interrupt> {
        let mut partial = PartialRead::default();
        let result = if let Fetched::Judged(outcome) = fetched {
            Ok(outcome)
        } else {
            self.try_read_large(&object, fetched, memory.judges_first(&object), &mut partial)
        };
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(LargeFailure::Stop(error)) => return Err(Interrupt::Stop(error)),
            Err(LargeFailure::Large(error)) => outcome_of(&object, error, self.context.advise)?,
        };
        if partial.has_output && !matches!(outcome, Outcome::Converted(_)) {
            return Err(Interrupt::Judged(object, Box::new(outcome)));
        }
        self.note_rest(object, outcome, partial.reported_bytes, partial.reported_rows)
    }

    fn try_read_large(
        &mut self,
        object: &Object,
        fetched: Fetched,
        judges_first: bool,
        partial: &mut PartialRead,
    ) -> Result<Outcome, LargeFailure> {
        if judges_first {
            self.read_to_end(object, fetched.clone(), Purpose::Verdict, partial)?;
        }
        self.read_to_end(object, fetched, Purpose::Rows, partial).map(Outcome::Converted)
    }

    fn read_to_end(
        &mut self,
        object: &Object,
        fetched: Fetched,
        purpose: Purpose,
        partial: &mut PartialRead,
    ) -> Result<ObjectSummary, LargeFailure> {
        let location = object.location();
        let mut pending = self.start_reading(object.clone(), fetched, purpose);
        loop {
            let (tools, stepped) = pending.wait();
            partial.has_output |= tools.has_encoded;
            self.put_back(tools);
            let (large, LargeStep { batch, rows, rejects, read_bytes, summary }) =
                stepped.map_err(LargeFailure::Large)?;
            self.context.observer.object_read();
            self.context.stop.check()?;
            partial.has_output |= batch.is_some() || !rejects.is_empty();
            self.keep_rejects(&location, &rejects)?;
            if let Some(summary) = summary {
                return Ok(summary);
            }
            pending = self.start_and_encode(batch, |attempt| attempt.start_step(large))?;
            if matches!(purpose, Purpose::Rows) {
                let bytes = read_bytes - partial.reported_bytes;
                self.report_read(0, bytes, rows);
                partial.reported_bytes += bytes;
                partial.reported_rows += rows;
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

    fn start_step(&mut self, large: OpenLarge) -> Pending<Stepped> {
        let mut tools = self.take_tools();
        self.context.pool.start(move || {
            let stepped = read_on(&mut tools, large);
            (tools, stepped)
        })
    }
}

fn read_on(tools: &mut Tools, mut large: OpenLarge) -> Result<(OpenLarge, LargeStep), LargeError> {
    let step = tools.read_on(&mut large)?;
    Ok((large, step))
}

/// Reason why reading a large object failed.
enum LargeFailure {
    Large(LargeError),
    Stop(Error),
}

impl From<Error> for LargeFailure {
    fn from(error: Error) -> Self {
        Self::Stop(error)
    }
}

/// Returns the outcome of an object that could not be read completely.
fn outcome_of(object: &Object, error: LargeError, advise: Advise) -> Result<Outcome, Error> {
    match error {
        LargeError::Verdict(verdict) => Outcome::failed(&verdict, advise).ok_or_else(|| read_error(object, verdict)),
        LargeError::Storage(error) => match Lost::from_error(&error, advise) {
            Some(how) => Ok(Outcome::Lost(how)),
            None => Err(Error::storage(error)),
        },
        LargeError::Encode(error) => Err(encode_error(error)),
    }
}
