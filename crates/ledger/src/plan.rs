//! Stage 2. Candidates in, tasks out.
//!
//! A task is an ordered list of inputs, by (source, key), whose rows become at most a few data files per partition:
//!
//! - inputs of one source hour, or of one source day if the table is partitioned by day or coarser;
//! - or several small hours of one source day, up to [`SMALL_HOURS_BYTES`];
//! - at most `task_bytes` of compressed bytes and [`MAX_TASK_INPUTS`] objects; a larger object has a separate task;
//! - objects without an hour in their name are grouped only by size, and follow those with an hour;
//! - then objects that no run could read so far, each in a separate task: if a store refuses them again, the other
//!   tasks are not delayed;
//! - last, objects that changed after they were converted: they are not read, only recorded as seen.
//!
//! Tasks are numbered with the oldest day first. An epoch has as many tasks as fit into one plan.
//!
//! **Invariant**: the plan is a function of the candidates and the options, never of time or threads.

use std::{collections::BTreeMap, fmt};

use lakefront_schema::{layout::TaskId, object_key};
use lakefront_storage::{Object, printable_name};
use serde::{Deserialize, Serialize};

/// Largest compressed size in bytes of a task with several hours: 8 MiB.
pub const SMALL_HOURS_BYTES: u64 = 8 << 20;
/// Largest number of inputs of a task. Even tiny inputs are limited, because their outcomes are in memory until the
/// task is committed.
pub const MAX_TASK_INPUTS: usize = 10_000;
/// Largest number of inputs of an epoch.
pub const MAX_EPOCH_INPUTS: usize = 200_000;
/// Largest number of tasks of an epoch.
pub const MAX_EPOCH_TASKS: u32 = 50_000;

/// A unit of work.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its epoch, and its number in the epoch.
    pub id: TaskId,
    /// The objects that it reads, in order of (source, key).
    pub inputs: Vec<Object>,
    /// Whether its inputs were converted before in another version: then they are not read.
    pub is_changed: bool,
    /// Whether no run could read its inputs so far.
    pub was_unreadable: bool,
    /// For each changed input, if logs are identified by name: the converted log with the same name. May be shorter
    /// than `inputs`.
    pub earlier: Vec<Option<Earlier>>,
}

/// A converted log, by its source and key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// Its source.
    pub source: String,
    /// Its key.
    pub key: String,
}

/// Prints the location that the log had.
impl fmt::Display for Earlier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, key } = self;
        match Object::restore(source, key, key, None, "0-0", 0) {
            Some(object) => out.write_str(&object.location()),
            None => write!(out, "`{}` of source `{}`", printable_name(key), printable_name(source)),
        }
    }
}

/// Number of objects and their compressed size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCount {
    /// Number of objects.
    pub objects: u64,
    /// Their total compressed size in bytes.
    pub bytes: u64,
}

impl ObjectCount {
    /// Adds an object.
    pub fn add(&mut self, object: &Object) {
        self.objects += 1;
        self.bytes += object.size_bytes();
    }

    /// Adds other counts.
    pub fn add_all(&mut self, other: Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
    }

    /// Returns the difference to a part of these objects.
    #[must_use]
    pub fn without(self, part: Self) -> Self {
        Self { objects: self.objects - part.objects, bytes: self.bytes - part.bytes }
    }

    /// Counts the inputs of tasks.
    pub fn of(tasks: &[Task]) -> Self {
        let mut count = Self::default();
        tasks.iter().flat_map(|task| &task.inputs).for_each(|object| count.add(object));
        count
    }
}

/// Options of a plan.
#[derive(Clone, Copy, Debug)]
pub struct PlanOptions {
    /// Whether the table is partitioned by hour. If not, the hours of a day share tasks.
    pub by_hour: bool,
    /// Largest compressed size of a task in bytes; a single larger object has a separate task.
    pub task_bytes: u64,
    /// Largest number of inputs of an epoch, unless a single task has more; [`MAX_EPOCH_INPUTS`].
    pub epoch_inputs: usize,
}

/// The objects to plan. Each list is in any order and without duplicates.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Objects to convert.
    pub new: Vec<Object>,
    /// Objects to convert that no run could read so far.
    pub unreadable: Vec<Object>,
    /// Objects that were converted before in another version: they are not converted again.
    pub changed: Vec<Object>,
}

impl Candidates {
    /// Returns whether there is nothing to plan.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.unreadable.is_empty() && self.changed.is_empty()
    }
}

/// Plans the conversion of the candidates. `first_epoch` is the number of the first plan.
pub fn plan(candidates: Candidates, options: PlanOptions, first_epoch: u64) -> Vec<Task> {
    let Candidates { new, mut unreadable, changed } = candidates;
    // Day -> hour -> objects.
    let mut days: BTreeMap<i32, BTreeMap<i32, Vec<Object>>> = BTreeMap::new();
    let mut undated = Vec::new();
    for object in new {
        match object_key::hour(object.key()) {
            Some(hour) => days.entry(hour.div_euclid(24)).or_default().entry(hour).or_default().push(object),
            None => undated.push(object),
        }
    }
    let mut numbering = Numbering {
        next: TaskId { epoch: first_epoch, task: 0 },
        inputs: 0,
        epoch_inputs: options.epoch_inputs,
        tasks: Vec::new(),
    };
    for hours in days.into_values() {
        let groups = if options.by_hour { join_small_hours(hours) } else { vec![in_order(hours.into_values())] };
        for group in groups {
            numbering.add(cut(group, options.task_bytes), false, false);
        }
    }
    numbering.add(cut(in_order(std::iter::once(undated)), options.task_bytes), false, false);
    unreadable.sort_unstable();
    numbering.add(unreadable.into_iter().map(|object| vec![object]).collect(), false, true);
    numbering.add(cut(in_order(std::iter::once(changed)), u64::MAX), true, false);
    numbering.tasks
}

/// Returns the number of different hours in the objects' keys.
pub fn hours_of(tasks: &[Task]) -> usize {
    let keys = tasks.iter().flat_map(|task| &task.inputs).map(Object::key);
    keys.filter_map(object_key::hour).collect::<std::collections::BTreeSet<_>>().len()
}

/// Returns the objects of a day in groups: an hour each, or several consecutive hours that are small together.
fn join_small_hours(hours: BTreeMap<i32, Vec<Object>>) -> Vec<Vec<Object>> {
    let mut groups: Vec<Vec<Vec<Object>>> = Vec::new();
    let mut open_bytes = u64::MAX;
    for objects in hours.into_values() {
        let bytes: u64 = objects.iter().map(Object::size_bytes).sum();
        match groups.last_mut() {
            Some(group) if open_bytes.saturating_add(bytes) <= SMALL_HOURS_BYTES => {
                open_bytes += bytes;
                group.push(objects);
            }
            _ => {
                open_bytes = bytes;
                groups.push(vec![objects]);
            }
        }
    }
    groups.into_iter().map(|group| in_order(group.into_iter())).collect()
}

fn in_order(lists: impl Iterator<Item = Vec<Object>>) -> Vec<Object> {
    let mut objects: Vec<Object> = lists.flatten().collect();
    objects.sort_unstable();
    objects
}

/// Splits a list into tasks of at most `task_bytes` and [`MAX_TASK_INPUTS`].
fn cut(objects: Vec<Object>, task_bytes: u64) -> Vec<Vec<Object>> {
    let mut tasks: Vec<Vec<Object>> = Vec::new();
    let mut open_bytes = u64::MAX;
    for object in objects {
        let bytes = object.size_bytes();
        match tasks.last_mut() {
            Some(task) if task.len() < MAX_TASK_INPUTS && open_bytes.saturating_add(bytes) <= task_bytes => {
                open_bytes += bytes;
                task.push(object);
            }
            _ => {
                open_bytes = bytes;
                tasks.push(vec![object]);
            }
        }
    }
    tasks
}

/// Numbers tasks, and begins the next epoch if one is full.
struct Numbering {
    next: TaskId,
    inputs: usize,
    epoch_inputs: usize,
    tasks: Vec<Task>,
}

impl Numbering {
    fn add(&mut self, lists: Vec<Vec<Object>>, is_changed: bool, was_unreadable: bool) {
        for inputs in lists {
            let is_full = self.inputs + inputs.len() > self.epoch_inputs || self.next.task >= MAX_EPOCH_TASKS;
            if is_full && self.next.task > 0 {
                self.next = TaskId { epoch: self.next.epoch + 1, task: 0 };
                self.inputs = 0;
            }
            self.inputs += inputs.len();
            self.tasks.push(Task { id: self.next, inputs, is_changed, was_unreadable, earlier: Vec::new() });
            self.next.task += 1;
        }
    }
}

#[cfg(test)]
mod tests;
