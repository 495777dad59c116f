//! Stage 2. Objects in, tasks out.
//!
//! A task is an ordered list of inputs, by (source, key), whose rows become at most a few data files per partition:
//!
//! - inputs of one source hour (one source day, where the table is partitioned by day or coarser);
//! - or several small hours of one source day, up to [`SMALL_HOURS_BYTES`];
//! - at most `task_bytes` of compressed bytes and [`MAX_TASK_INPUTS`] objects; a larger object is a task of its own;
//! - objects without an hour in their name are grouped by size alone, and come last.
//!
//! Tasks are numbered oldest day first, and an epoch is as many of them as one plan holds.
//!
//! **Invariant**: the plan is a function of the objects and the options: never of time or threads, but for
//! [`ConvertOptions::now`], which decides what waits.

use std::collections::BTreeMap;

use lakefront_cloudfront::object_key;
use lakefront_storage::Object;
use lakefront_table::{PartitionBy, layout::TaskId};

use crate::ConvertOptions;

/// Small hours of a day share a task up to so many compressed bytes: 8 MiB.
pub const SMALL_HOURS_BYTES: u64 = 8 << 20;
/// A task has at most so many inputs, however small: what became of each is held until the task is committed.
pub const MAX_TASK_INPUTS: usize = 10_000;
/// An epoch has at most so many inputs.
pub const MAX_EPOCH_INPUTS: usize = 200_000;
/// An epoch has at most so many tasks.
pub const MAX_EPOCH_TASKS: u32 = 50_000;

/// The work of a run.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In order of their ids.
    pub tasks: Vec<Task>,
    /// Objects whose hour has not settled yet.
    pub waiting: ObjectCount,
    /// The earliest hour that waits, in hours since 1970-01-01T00 UTC.
    pub first_waiting_hour: Option<i32>,
    /// Objects that the selection does not take.
    pub not_selected: ObjectCount,
    /// How many different hours the planned objects' names have.
    pub hours: usize,
}

/// A unit of work.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its place in the order of all tasks.
    pub id: TaskId,
    /// What it reads, by (source, key).
    pub inputs: Vec<Object>,
}

/// Objects and their compressed bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectCount {
    /// How many.
    pub objects: u64,
    /// How large, together.
    pub bytes: u64,
}

impl ObjectCount {
    fn add(&mut self, object: &Object) {
        self.objects += 1;
        self.bytes += object.size_bytes();
    }
}

impl Plan {
    /// The objects that will be read.
    pub fn planned(&self) -> ObjectCount {
        let mut planned = ObjectCount::default();
        self.tasks.iter().flat_map(|task| &task.inputs).for_each(|object| planned.add(object));
        planned
    }
}

/// Plans the conversion of `objects`, which are in order and without doubles. `first_epoch` is the number of the first
/// plan.
pub fn plan(objects: Vec<Object>, options: &ConvertOptions, first_epoch: u64) -> Plan {
    let mut plan = Plan::default();
    let settle_seconds = i64::try_from(options.settle.as_secs()).unwrap_or(i64::MAX);
    let settled_before = options.now.as_second().saturating_sub(settle_seconds);
    // Day -> hour -> objects; a map keeps each list in (source, key) order.
    let mut days: BTreeMap<i32, BTreeMap<i32, Vec<Object>>> = BTreeMap::new();
    let mut undated = Vec::new();
    for object in objects {
        if !options.selection.takes(&object) {
            plan.not_selected.add(&object);
            continue;
        }
        let Some(hour) = object_key::hour(object.name()) else {
            undated.push(object);
            continue;
        };
        if (i64::from(hour) + 1) * 3600 > settled_before {
            plan.waiting.add(&object);
            plan.first_waiting_hour = Some(plan.first_waiting_hour.map_or(hour, |first| first.min(hour)));
            continue;
        }
        days.entry(hour.div_euclid(24)).or_default().entry(hour).or_default().push(object);
    }
    plan.hours = days.values().map(BTreeMap::len).sum();

    let mut numbering = Numbering { next: TaskId { epoch: first_epoch, task: 0 }, inputs: 0 };
    for hours in days.into_values() {
        let groups = if options.partition_by == PartitionBy::Hour {
            join_small_hours(hours)
        } else {
            vec![in_order(hours.into_values())]
        };
        for group in groups {
            numbering.add(cut(group, options.task_bytes), &mut plan.tasks);
        }
    }
    numbering.add(cut(undated, options.task_bytes), &mut plan.tasks);
    plan
}

/// The hours of a day, neighbours joined while they are small together.
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

/// Cuts a list wherever it would pass `task_bytes` or [`MAX_TASK_INPUTS`].
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

/// Numbers tasks, and begins another epoch where one is full.
struct Numbering {
    next: TaskId,
    inputs: usize,
}

impl Numbering {
    fn add(&mut self, lists: Vec<Vec<Object>>, tasks: &mut Vec<Task>) {
        for inputs in lists {
            let is_full = self.inputs + inputs.len() > MAX_EPOCH_INPUTS || self.next.task >= MAX_EPOCH_TASKS;
            if is_full && self.next.task > 0 {
                self.next = TaskId { epoch: self.next.epoch + 1, task: 0 };
                self.inputs = 0;
            }
            self.inputs += inputs.len();
            tasks.push(Task { id: self.next, inputs });
            self.next.task += 1;
        }
    }
}

#[cfg(test)]
mod tests;
