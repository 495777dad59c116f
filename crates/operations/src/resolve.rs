//! Redoes the open tasks of an epoch that `convert` refuses to finish, after deleting its uncommitted files.

use std::collections::{BTreeMap, BTreeSet};

use lakefront_engine::{Stop, progress::Progress};
use lakefront_ledger::{Destination, paths, plan::Task, read_record::refuse_newer, records::CommitRecord};
use lakefront_schema::layout::{TaskId, task_of_data_file};

use crate::{
    Error, Run, RunOptions,
    session::{Session, run},
};

/// Deletes the uncommitted files of an open epoch, and executes its open tasks with this program.
///
/// The caller guarantees that no other run is active. No other operation deletes below a table.
/// Always returns a report.
pub fn resolve(options: &RunOptions, stop: &Stop, progress: &dyn Progress) -> Run {
    run(options, "", &BTreeSet::new(), stop, progress, resolve_open)
}

fn resolve_open(session: &mut Session<'_>) -> Result<(), Error> {
    let destination = &session.options.destination;
    let snapshot = session.snapshot()?;
    if snapshot.table.is_none() {
        return Err(Error::no_table(destination));
    }
    let Some(log) = snapshot.open_epoch() else {
        tracing::warn!("no epoch is open: there is nothing to resolve");
        return Ok(());
    };
    // Under the lease, so that a run that starts now leaves the epoch alone.
    session.resolve(&snapshot, log, |tasks, commits| delete_uncommitted(destination, log.epoch, tasks, commits))
}

/// Deletes the files of tasks that are not committed.
fn delete_uncommitted(
    destination: &Destination,
    epoch: u64,
    tasks: &[Task],
    commits: &BTreeMap<u32, CommitRecord>,
) -> Result<(), Error> {
    let (table, state) = (destination.table(), destination.state());
    let is_left = |task: TaskId| task.epoch == epoch && !commits.contains_key(&task.task);
    let left = || tasks.iter().map(|task| task.id).filter(|task| is_left(*task));
    for task in left() {
        refuse_newer(state, &paths::gone(task))?;
    }
    for entry in table.list("").map_err(Error::storage)? {
        if task_of_data_file(&entry.name).is_some_and(is_left) {
            tracing::warn!("deleting {}", table.location(&entry.name));
            table.delete(&entry.name).map_err(Error::storage)?;
        }
    }
    for task in left() {
        for name in [paths::gone(task), paths::quarantine(task)] {
            state.delete(&name).map_err(Error::storage)?;
        }
    }
    Ok(())
}
