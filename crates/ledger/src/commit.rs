//! Stage 10. Stored objects in, committed task out.
//!
//! ```text
//!   list of lost inputs ----put-if-absent--> gone/<epoch>/<task>.json         before the first data file
//!   staged data files ------put-if-absent--> year=.../part-<epoch>-<task>-<n>.parquet
//!   staged quarantine ------put-if-absent--> quarantine/<epoch>/<task>.jsonl.gz
//!   outcome of each input --put-if-absent--> commit/<epoch>/<task>.json       last: now the task is done
//! ```
//!
//! Before this stage all inputs were read to their ends, and nothing of the task is visible. Every name and every byte
//! is a function of the plan and the inputs, so a run that does a task again finds the earlier work and continues.

use lakefront_schema::layout::TaskId;
use lakefront_storage::Store;

use crate::{
    Destination, Error, create_once, paths,
    plan::Task,
    read_record::{damaged, missing, read_of_epoch_if_there},
    records::{CommitRecord, FileRecord, GoneInput, GoneRecord, InputOutcome, LogRecord, QuarantineRecord, format_in},
    seal::{Record as _, Stored},
};

/// Largest number of missed inputs that an error names.
const MAX_NAMED_INPUTS: usize = 3;

/// Returns the list of lost inputs that an earlier attempt at a task recorded; `None` if there was no such attempt.
///
/// # Errors
/// The run must stop: the list cannot be read.
pub fn gone_before(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
) -> Result<Option<GoneRecord>, Error> {
    let state = destination.state();
    let Some(record) = read_gone(state, log, task)? else { return Ok(None) };
    create_once::secure(state, &paths::gone(task.id))?;
    Ok(Some(record))
}

/// Returns the list of a task's lost inputs, if there is one.
///
/// # Errors
/// The list cannot be read, or is not of this task.
pub fn read_gone(state: &Store, log: &Stored<LogRecord>, task: &Task) -> Result<Option<GoneRecord>, Error> {
    let name = paths::gone(task.id);
    let Some(record) = read_of_epoch_if_there::<GoneRecord>(state, log, &name)? else { return Ok(None) };
    check_gone(state, &name, task, &record)?;
    Ok(Some(record.into_record()))
}

/// Checks that a list of lost inputs is of this task.
fn check_gone(state: &Store, name: &str, task: &Task, record: &GoneRecord) -> Result<(), Error> {
    let is_of_task = record.epoch == task.id.epoch && record.task == task.id.task;
    let are_inputs = record.inputs.iter().all(|gone| gone.input < task.inputs.len());
    let are_lost = record.inputs.iter().all(|gone| gone.how.is_lost());
    if is_of_task && are_inputs && are_lost {
        Ok(())
    } else {
        Err(damaged(state, name, "does not fit the plan's task"))
    }
}

/// Result of recording a task's lost inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gone {
    /// The recorded list is that of this attempt, which may continue.
    AsFound,
    /// Another run recorded another list first, which all runs that work on the task must follow.
    Other(GoneRecord),
    /// Another run has committed the task.
    Committed(CommitRecord),
}

/// Records a task's lost inputs, even if there are none, before anything of the task is visible. The first list counts,
/// so that all runs that work on a task store the same rows.
///
/// `lost` are the lost inputs of this attempt, in the order of the task. `before` is the list of an earlier attempt.
///
/// # Errors
/// [`Error::MissedInputs`]: this attempt lost inputs whose rows may be in files of another attempt.
pub fn record_gone(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
    lost: Vec<GoneInput>,
    before: Option<&GoneRecord>,
) -> Result<Gone, Error> {
    let TaskId { epoch, task: number } = task.id;
    let format = format_in(log, lost.iter().map(|gone| gone.how));
    let found = GoneRecord { format, epoch, task: number, inputs: lost, log: log.digest_in_epoch().map(str::to_owned) };
    let decided = if let Some(before) = before {
        before.clone()
    } else {
        let name = paths::gone(task.id);
        match create_once::create(destination.state(), &name, &found.to_bytes()) {
            Ok(()) => return Ok(Gone::AsFound),
            Err(Error::Unequal { .. }) => {
                read_gone(destination.state(), log, task)?.ok_or_else(|| missing(destination.state(), &name))?
            }
            Err(error) => return Err(error),
        }
    };
    if decided.inputs == found.inputs {
        return Ok(Gone::AsFound);
    }
    let is_decided = |input: usize| decided.inputs.iter().any(|gone| gone.input == input);
    let missed: Vec<usize> = found.inputs.iter().map(|gone| gone.input).filter(|input| !is_decided(*input)).collect();
    if missed.is_empty() {
        return Ok(Gone::Other(decided));
    }
    let commit = read_of_epoch_if_there::<CommitRecord>(destination.state(), log, &paths::commit(task.id))?;
    if let Some(commit) = commit {
        return Ok(Gone::Committed(commit.into_record()));
    }
    let named = missed
        .iter()
        .take(MAX_NAMED_INPUTS)
        .map(|input| task.inputs.get(*input).expect("an attempt finds inputs of its own task").location());
    let more = if missed.len() > MAX_NAMED_INPUTS { " and others" } else { "" };
    let inputs = format!("{}{more}", named.collect::<Vec<_>>().join(", "));
    Err(Error::MissedInputs { table: destination.to_string(), epoch, task: number, inputs })
}

/// Commits a task whose files have their final names. `inputs` are the outcomes of its inputs, in the plan's order.
///
/// # Errors
/// The run must stop; the files are complete, and the next run finds them.
pub fn commit(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
    files: Vec<FileRecord>,
    quarantine: Option<QuarantineRecord>,
    inputs: Vec<InputOutcome>,
) -> Result<CommitRecord, Error> {
    let TaskId { epoch, task: number } = task.id;
    let format = format_in(log, inputs.iter().map(InputOutcome::word));
    let record = CommitRecord {
        format,
        epoch,
        task: number,
        files,
        quarantine,
        inputs,
        log: log.digest_in_epoch().map(str::to_owned),
    };
    create_once::create(destination.state(), &paths::commit(task.id), &record.to_bytes())?;
    Ok(record)
}
