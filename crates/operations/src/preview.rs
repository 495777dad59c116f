//! Dry run of a conversion: lists and plans, and writes nothing.

use std::collections::BTreeSet;

use lakefront_engine::{Stop, progress::Progress, resources::slots};
use lakefront_ledger::{
    Identity,
    doubles::Doubles,
    lookup::ProcessedLookup,
    open_epoch::{OpenEpoch, OpenTasks},
    plan::{self, ObjectCount, Task},
    snapshot::Snapshot,
};
use lakefront_storage::ListFailure;

use crate::{
    ConvertOptions, Error, RunOptions,
    discover::discover,
    next_settings::{appended_columns, next_settings},
    preflight::{check_identities, refuse_nested, refuse_overlap, require_objects},
};

/// The result of a dry run.
#[derive(Debug)]
pub struct Preview {
    /// The epoch that an earlier run left open: it is finished first. Its committed tasks count as known, the others are in
    /// `tasks`.
    pub open_epoch: Option<OpenTasks>,
    /// The tasks to execute; only those of the oldest objects if there are very many.
    pub tasks: Vec<Task>,
    /// Number of different hours in the names of their objects.
    pub hours: usize,
    /// Objects that would be converted or retried.
    pub planned: ObjectCount,
    /// Columns that `--extend-schema` would append to the table.
    pub appended_columns: Vec<String>,
    /// Objects that changed after they were converted.
    pub changed: u64,
    /// Objects found.
    pub listed: u64,
    /// Objects that an earlier run processed.
    pub known: u64,
    /// Those of them that failed.
    pub known_failed: u64,
    /// Objects that are not selected.
    pub not_selected: ObjectCount,
    /// Those of them that `--from` or `--to` leaves out, as their names have no hour.
    pub without_hour: u64,
    /// Named pipes, sockets and devices, which are never logs.
    pub special: u64,
    /// Objects whose hour has not settled yet.
    pub waiting: ObjectCount,
    /// The earliest hour that waits, in hours since 1970-01-01T00 UTC.
    pub first_waiting_hour: Option<i32>,
    /// Logs that look like another log that is converted or planned.
    pub doubles: Doubles,
    /// Identity of a log in this table.
    pub identity: Identity,
    /// Failures to list.
    pub unlisted: Vec<ListFailure>,
}

/// Lists and plans, and writes nothing.
///
/// # Errors
/// As [`convert`](crate::convert()).
pub fn preview(options: &ConvertOptions, stop: &Stop, progress: &dyn Progress) -> Result<Preview, Error> {
    let RunOptions { destination, resources, .. } = &options.run;
    slots(resources.threads, resources.memory_bytes)?;
    refuse_nested(destination)?;
    refuse_overlap(options)?;
    let snapshot = Snapshot::open(destination)?;
    let settings = next_settings(options, &snapshot)?;
    check_identities(options, &snapshot, settings.identity, true)?;
    let open = OpenEpoch::read(destination.state(), &snapshot)?;
    let mut seen = ProcessedLookup::new(destination.state(), &snapshot, settings.identity).with_marks();
    if let Some(open) = &open {
        seen = seen.with_open_epoch(open);
    }
    let found = discover(options, seen, &BTreeSet::new(), stop, progress)?;
    found.warn_of_unused_patterns();
    require_objects(options, &found)?;
    let without_hour = found.without_hour();
    let mut candidates = found.candidates;
    candidates.changed.clear();
    let mut planned = found.wanted.without(found.changed);
    let open_epoch = open.as_ref().map(OpenEpoch::progress);
    let mut tasks = open.map(OpenEpoch::into_tasks_left).unwrap_or_default();
    let left_changed: u64 = tasks.extract_if(.., |task| task.is_changed).map(|task| task.inputs.len() as u64).sum();
    planned.add_all(ObjectCount::of(&tasks));
    tasks.extend(plan::plan(candidates, options.run.plan(settings.partition_by), snapshot.last_epoch() + 1));
    Ok(Preview {
        open_epoch,
        hours: plan::hours_of(&tasks),
        tasks,
        planned,
        appended_columns: appended_columns(&settings, destination, &snapshot)?,
        changed: found.changed.objects + left_changed,
        listed: found.listed,
        known: found.known,
        known_failed: found.known_failed,
        not_selected: found.not_selected,
        without_hour,
        special: found.special,
        waiting: found.waiting,
        first_waiting_hour: found.first_waiting_hour,
        doubles: found.doubles,
        identity: settings.identity,
        unlisted: found.failures,
    })
}
