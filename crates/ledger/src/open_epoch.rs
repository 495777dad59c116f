//! The open epoch, which is decided but not complete: its tasks and their commits.

use std::collections::BTreeMap;

use lakefront_storage::{Object, Store};
use serde::Serialize;

use crate::{
    Error, paths,
    plan::Task,
    plan_file::read_plan,
    read_record::{damaged, read_of_epoch},
    records::{CommitRecord, FileRecord, InputOutcome, LogRecord},
    seal::Stored,
    snapshot::Snapshot,
};

/// Returns the commits of an epoch, by the number of their task.
///
/// # Errors
/// A commit cannot be read, or is not of this plan.
pub fn committed(state: &Store, log: &Stored<LogRecord>, tasks: &[Task]) -> Result<BTreeMap<u32, CommitRecord>, Error> {
    let mut commits = BTreeMap::new();
    for entry in state.list(&paths::commits_of(log.epoch)).map_err(Error::storage)? {
        let task = paths::task_of(&entry.name).and_then(|task| tasks.get(usize::try_from(task).ok()?));
        let Some(task) = task else {
            return Err(damaged(state, &entry.name, "is of a task that the plan does not have"));
        };
        let record = read_of_epoch::<CommitRecord>(state, log, &entry.name)?.into_record();
        if record.epoch != task.id.epoch || record.task != task.id.task || record.inputs.len() != task.inputs.len() {
            return Err(damaged(state, &entry.name, "does not fit the plan's task"));
        }
        commits.insert(record.task, record);
    }
    Ok(commits)
}

/// Progress of an open epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OpenTasks {
    /// The epoch.
    pub epoch: u64,
    /// Number of its tasks.
    pub tasks: u64,
    /// Number of those that are committed.
    pub committed: u64,
}

/// The open epoch of a table.
#[derive(Debug)]
pub struct OpenEpoch {
    /// Its log record.
    pub log: Stored<LogRecord>,
    /// Its tasks.
    pub tasks: Vec<Task>,
    /// Its commits, by the number of their task.
    pub commits: BTreeMap<u32, CommitRecord>,
}

impl OpenEpoch {
    /// Reads the open epoch; returns `None` if all epochs are complete.
    ///
    /// # Errors
    /// Its plan or a commit of it cannot be read.
    pub fn read(state: &Store, snapshot: &Snapshot) -> Result<Option<Self>, Error> {
        let Some(log) = snapshot.open_epoch() else { return Ok(None) };
        let tasks = read_plan(state, log)?;
        let commits = committed(state, log, &tasks)?;
        Ok(Some(Self { log: log.clone(), tasks, commits }))
    }

    /// Returns its progress.
    pub fn progress(&self) -> OpenTasks {
        let (tasks, committed) = (self.tasks.len() as u64, self.commits.len() as u64);
        OpenTasks { epoch: self.log.epoch, tasks, committed }
    }

    /// Returns each input, with its outcome if its task is committed.
    pub fn inputs(&self) -> impl Iterator<Item = (&Object, Option<&InputOutcome>)> {
        self.tasks.iter().flat_map(|task| {
            let commit = self.commits.get(&task.id.task);
            let outcome = move |input| commit.and_then(|commit: &CommitRecord| commit.inputs.get(input));
            task.inputs.iter().enumerate().map(move |(input, object)| (object, outcome(input)))
        })
    }

    /// Returns the data files of committed tasks.
    pub fn files(&self) -> impl Iterator<Item = &FileRecord> {
        self.commits.values().flat_map(|commit| &commit.files)
    }

    /// Returns the tasks that are not committed.
    pub fn into_tasks_left(self) -> Vec<Task> {
        let Self { tasks, commits, .. } = self;
        tasks.into_iter().filter(|task| !commits.contains_key(&task.id.task)).collect()
    }
}
