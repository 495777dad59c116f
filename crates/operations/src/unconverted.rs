//! Objects that were tried and have no row in the table: `retry` retries them, and `status` names them.
//!
//! - Objects that failed, and were not converted since.
//! - Objects that earlier versions recorded as converted although all their rows were rejected. They have no row that could
//!   be doubled. `seen` records them as converted, so they are found in the commits.

use std::collections::{HashMap, HashSet};

use lakefront_ledger::{
    Destination,
    lookup::{Identities, Known, ProcessedLookup},
    open_epoch::{OpenEpoch, committed},
    paths,
    plan::Task,
    plan_file::read_plan,
    read_record::check_of_epoch,
    records::{ClosedRecord, CommitRecord, InputOutcome, OutcomeWord, TableRecord},
    seal::Stored,
    snapshot::{ClosedEpochs, Snapshot, read_log},
};
use lakefront_storage::Object;

use crate::Error;

/// A number of objects, and the first of them.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) objects: u64,
    /// The first objects, in the version that was tried.
    pub(crate) first: Vec<Object>,
}

/// Objects without rows in the table.
#[derive(Debug, Default)]
pub(crate) struct WithoutRows {
    /// Objects that failed: bad by their bytes.
    pub(crate) failed: Counted,
    /// Objects that are recorded as converted, though every row was rejected.
    pub(crate) only_rejects: Counted,
    /// Objects that could not be read so far: the next run retries them, not `retry`.
    pub(crate) unreadable: Counted,
}

impl Counted {
    fn add(&mut self, object: Object, most: usize) {
        self.objects += 1;
        if self.first.len() < most {
            self.first.push(object);
        }
    }
}

/// Returns the objects without rows: all are counted, and the first `most` of each kind are returned. `open` is the open
/// epoch, whose committed tasks count.
///
/// # Errors
/// The state cannot be read.
pub(crate) fn objects_without_rows(
    destination: &Destination,
    snapshot: &Snapshot,
    open: Option<&OpenEpoch>,
    most: usize,
) -> Result<WithoutRows, Error> {
    let state = destination.state();
    let Some(table) = &snapshot.table else { return Ok(WithoutRows::default()) };
    // Identified by hashes, as there may be millions.
    let identities = Identities::new(snapshot.identity());
    let identity_of = |object: &Object| identities.of(object.source(), object.key());
    // The epoch that recorded an object as converted though all its rows were rejected.
    let mut epoch_of_rejects: HashMap<[u64; 2], u64> = HashMap::new();
    // Those of them that a retry could not read: the next run tries them again.
    let mut not_read = HashSet::new();
    let mut epochs_with_failures = Vec::new();
    let mut closed_epochs = ClosedEpochs::new(state, snapshot);
    while let Some(closed) = closed_epochs.read_next()? {
        if closed.inputs.failed + closed.inputs.unreadable > 0 {
            epochs_with_failures.push(closed.epoch);
        }
        if closed.rejects > 0 || !epoch_of_rejects.is_empty() {
            look_for_rejects(destination, table, closed, &identity_of, &mut epoch_of_rejects, &mut not_read)?;
        }
    }
    let mut found = WithoutRows::default();
    let mut seen = ProcessedLookup::new(state, snapshot, snapshot.identity());
    if let Some(open) = open {
        seen = seen.with_commits_of(open);
    }
    // An object that failed twice is counted once.
    let mut counted = HashSet::new();
    let mut count_failed = |object: Object| -> Result<(), Error> {
        let counts = match seen.look_up(&object)? {
            Known::Same(OutcomeWord::Failed) => &mut found.failed,
            Known::Same(OutcomeWord::Unreadable) => &mut found.unreadable,
            Known::Same(_) | Known::Other(_) | Known::Unknown | Known::InOwnEpoch => return Ok(()),
        };
        if counted.insert(identity_of(&object)) {
            counts.add(object, most);
        }
        Ok(())
    };
    for epoch in epochs_with_failures {
        inputs_of(destination, table, epoch)?.try_for_each(&mut count_failed)?;
    }
    for (object, outcome) in open.into_iter().flat_map(OpenEpoch::inputs) {
        count_failed(object.clone())?;
        // A retry in progress has processed this object.
        if matches!(outcome, Some(InputOutcome::Converted { .. } | InputOutcome::Failed { .. })) {
            epoch_of_rejects.remove(&identity_of(object));
        }
    }
    let mut epochs: Vec<u64> = epoch_of_rejects.values().copied().collect();
    epochs.sort_unstable();
    epochs.dedup();
    for epoch in epochs {
        for object in inputs_of(destination, table, epoch)? {
            if epoch_of_rejects.get(&identity_of(&object)) == Some(&epoch) {
                found.only_rejects.add(object, most);
            }
        }
    }
    Ok(found)
}

/// Adds the inputs of an epoch all of whose rows were rejected, and removes those that were retried.
fn look_for_rejects(
    destination: &Destination,
    table: &Stored<TableRecord>,
    closed: &ClosedRecord,
    identity_of: &impl Fn(&Object) -> [u64; 2],
    epoch_of_rejects: &mut HashMap<[u64; 2], u64>,
    not_read: &mut HashSet<[u64; 2]>,
) -> Result<(), Error> {
    let state = destination.state();
    let log = read_log(state, table, closed.epoch)?;
    check_of_epoch(state, &log, &paths::closed(closed.epoch), closed)?;
    // Only a retry plans objects that count as converted; any run plans objects that the retry could not read.
    if closed.rejects == 0 && !log.retry && not_read.is_empty() {
        return Ok(());
    }
    let tasks = read_plan(state, &log)?;
    let commits = committed(state, &log, &tasks)?;
    let outcomes = |task: &Task| commits.get(&task.id.task).map(|commit: &CommitRecord| commit.inputs.as_slice());
    for task in &tasks {
        for (object, outcome) in task.inputs.iter().zip(outcomes(task).unwrap_or_default()) {
            match outcome {
                outcome if outcome.has_only_rejects() => {
                    epoch_of_rejects.insert(identity_of(object), closed.epoch);
                }
                InputOutcome::Converted { .. } | InputOutcome::Failed { .. } => {
                    epoch_of_rejects.remove(&identity_of(object));
                    not_read.remove(&identity_of(object));
                }
                InputOutcome::Gone {} | InputOutcome::Replaced {} | InputOutcome::Unreadable {} => {
                    if epoch_of_rejects.contains_key(&identity_of(object)) {
                        not_read.insert(identity_of(object));
                    }
                }
                InputOutcome::Changed {} => {}
            }
        }
    }
    Ok(())
}

fn inputs_of(
    destination: &Destination,
    table: &Stored<TableRecord>,
    epoch: u64,
) -> Result<impl Iterator<Item = Object> + use<>, Error> {
    let log = read_log(destination.state(), table, epoch)?;
    let tasks = read_plan(destination.state(), &log)?;
    Ok(tasks.into_iter().flat_map(|task| task.inputs))
}
