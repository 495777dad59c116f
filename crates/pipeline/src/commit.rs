//! Stage 10. Stored objects in, committed task out.
//!
//! ```text
//!   which inputs are gone --put-if-absent--> gone/<epoch>/<task>.json         before the first data file
//!   staged data files ------put-if-absent--> year=.../part-<epoch>-<task>-<n>.parquet
//!   staged quarantine ------put-if-absent--> quarantine/<epoch>/<task>.jsonl.gz
//!   what became of each ----put-if-absent--> commit/<epoch>/<task>.json       last: now the task is done
//! ```
//!
//! All inputs were read to their ends before: until then nothing of the task is visible. Every name and every byte is a
//! function of the plan and the inputs, so that doing a task again finds its own work and goes on.

use lakefront_storage::{Object, Store};
use lakefront_table::{encode::FinishedFile, layout::TaskId};

use crate::{
    Destination, Error,
    plan::Task,
    pool::side_by_side,
    quarantine::Quarantine,
    staged::StagedFile,
    state::{
        names, once,
        reading::{damaged, missing, read_of_epoch_if_there},
        records::{CommitRecord, FileRecord, GoneInput, GoneRecord, InputOutcome, LogRecord, format_in},
        seal::{Record as _, Stored},
    },
    worker::{Lost, Outcome},
};

/// Of inputs that are missed so many are named.
const MAX_NAMED_INPUTS: usize = 3;

/// The inputs of a task that an earlier try found to be gone; none where there was no such try.
///
/// # Errors
/// The run must stop: the list cannot be read.
pub(crate) fn gone_before(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
) -> Result<Option<GoneRecord>, Error> {
    let state = destination.state();
    let Some(record) = read_gone(state, log, task)? else { return Ok(None) };
    once::secure(state, &names::gone(task.id))?;
    Ok(Some(record))
}

/// Returns the list of a task's lost inputs, if there is one.
///
/// # Errors
/// It cannot be read, or is not of this task.
pub(crate) fn read_gone(state: &Store, log: &Stored<LogRecord>, task: &Task) -> Result<Option<GoneRecord>, Error> {
    let name = names::gone(task.id);
    let Some(record) = read_of_epoch_if_there::<GoneRecord>(state, log, &name)? else { return Ok(None) };
    check_gone(state, &name, task, &record)?;
    Ok(Some(record.into_record()))
}

/// A list has to be of its task.
fn check_gone(state: &Store, name: &str, task: &Task, record: &GoneRecord) -> Result<(), Error> {
    let is_of_task = record.epoch == task.id.epoch && record.task == task.id.task;
    let are_inputs = record.inputs.iter().all(|gone| gone.input < task.inputs.len());
    let are_lost = record.inputs.iter().all(|gone| Lost::from_word(gone.how).is_some());
    if is_of_task && are_inputs && are_lost {
        Ok(())
    } else {
        Err(damaged(state, name, "does not fit the plan's task"))
    }
}

/// Which inputs a task goes without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Those that this try found to be gone: it may go on.
    AsFound,
    /// Others: another run was faster, and all its followers go by its list.
    Other(GoneRecord),
    /// It does not matter any more: another run has committed the task.
    Committed(CommitRecord),
}

/// Has it on record which inputs are gone, none or some, before anything of the task can be seen. The first list counts:
/// so all who work on a task store the same rows, however long one of them slept.
///
/// # Errors
/// [`Error::NeedsResolve`]: this try misses inputs that files of another one may hold.
pub(crate) fn record_gone(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
    outcomes: &[(Object, Outcome)],
    before: Option<&GoneRecord>,
) -> Result<Gone, Error> {
    let TaskId { epoch, task: number } = task.id;
    let inputs: Vec<GoneInput> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(input, (_, outcome))| Some(GoneInput { input, how: outcome.lost()?.word() }))
        .collect();
    let format = format_in(log, inputs.iter().map(|gone| gone.how));
    let found = GoneRecord { format, epoch, task: number, inputs, log: log.digest_in_epoch().map(str::to_owned) };
    let decided = if let Some(before) = before {
        before.clone()
    } else {
        let name = names::gone(task.id);
        match once::create(destination.state(), &name, &found.to_bytes()) {
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
    let is_decided = |found: &GoneInput| decided.inputs.iter().any(|gone| gone.input == found.input);
    if found.inputs.iter().all(is_decided) {
        return Ok(Gone::Other(decided));
    }
    let commit = read_of_epoch_if_there::<CommitRecord>(destination.state(), log, &names::commit(task.id))?;
    if let Some(commit) = commit {
        return Ok(Gone::Committed(commit.into_record()));
    }
    let missed = outcomes.iter().enumerate().filter(|(input, (_, outcome))| {
        outcome.lost().is_some() && decided.inputs.iter().all(|gone| gone.input != *input)
    });
    let missed: Vec<String> = missed.map(|(_, (object, _))| object.location()).collect();
    let more = if missed.len() > MAX_NAMED_INPUTS { " and others" } else { "" };
    let named = missed.iter().take(MAX_NAMED_INPUTS).cloned().collect::<Vec<_>>().join(", ");
    Err(Error::NeedsResolve {
        table: destination.to_string(),
        epoch,
        why: format!(
            "{named}{more} vanished, changed or became unreadable since an earlier run began to store the rows of task {number}: is the folder moved, not mounted, or forbidden now? Put back what was there if you can, as `resolve` deletes these rows"
        ),
    })
}

/// Gives the files of a task their names, then commits it.
///
/// # Errors
/// The run must stop; files that have their names already are whole, and the next run finds them.
pub(crate) fn commit(
    destination: &Destination,
    log: &Stored<LogRecord>,
    task: &Task,
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
    outcomes: &[(Object, Outcome)],
    requests: usize,
) -> Result<CommitRecord, Error> {
    let stored = put_all(destination.table(), task.id, files, requests)?;
    let quarantine = quarantine.put(&names::quarantine(task.id))?;
    let inputs: Vec<InputOutcome> = outcomes.iter().map(|(_, outcome)| outcome.record()).collect();
    let TaskId { epoch, task: number } = task.id;
    let format = format_in(log, inputs.iter().map(InputOutcome::word));
    let record = CommitRecord {
        format,
        epoch,
        task: number,
        files: stored,
        quarantine,
        inputs,
        log: log.digest_in_epoch().map(str::to_owned),
    };
    once::create(destination.state(), &names::commit(task.id), &record.to_bytes())?;
    Ok(record)
}

/// Gives files their names, some at once: each waits for a disk or a network. The first error in their order is the one that
/// is told.
fn put_all(
    table: &Store,
    task: TaskId,
    files: Vec<FinishedFile<StagedFile>>,
    requests: usize,
) -> Result<Vec<FileRecord>, Error> {
    let put = |finished: FinishedFile<StagedFile>| {
        let name = finished.name(task);
        let FinishedFile { rows, file, .. } = finished;
        let written = file.put(table, &name)?;
        Ok(FileRecord { path: name, rows, bytes: written.bytes, sha256: written.sha256 })
    };
    side_by_side(files, requests, put).into_iter().collect()
}

impl Outcome {
    fn lost(&self) -> Option<&Lost> {
        if let Self::Lost(how) = self { Some(how) } else { None }
    }

    fn record(&self) -> InputOutcome {
        match self {
            Self::Converted(summary) => InputOutcome::Converted {
                lines: summary.lines,
                rows: summary.rows,
                rejects: summary.rejected,
                comments: summary.comments,
                blanks: summary.blanks,
            },
            Self::Failed { reason, .. } => InputOutcome::Failed { reason: (*reason).to_owned() },
            Self::Lost(Lost::Gone) => InputOutcome::Gone {},
            Self::Lost(Lost::Replaced) => InputOutcome::Replaced {},
            Self::Lost(Lost::Unreadable(_)) => InputOutcome::Unreadable {},
            Self::Changed { .. } => InputOutcome::Changed {},
        }
    }
}
