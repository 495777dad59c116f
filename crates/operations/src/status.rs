//! Status of a table, from its state, for people and for scripts. Reads the whole history, and writes nothing except a
//! temporary file to read the store's clock while an epoch is open.
//!
//! All numbers count committed tasks, of closed epochs and of an open one: that is what a reader of the table sees.

use std::collections::BTreeSet;

use lakefront_engine::settings::Settings;
use lakefront_ledger::{
    Destination, Identity, lease,
    open_epoch::OpenEpoch,
    paths,
    read_record::read_lease,
    records::{OutcomeCounts, Totals, Waiting},
    snapshot::{ClosedEpochs, Snapshot},
};
use lakefront_storage::Object;
use serde::Serialize;

use crate::{
    Error,
    report::MAX_NAMED_OBJECTS,
    unconverted::{WithoutRows, objects_without_rows},
};

/// The status of a table.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// Location of the table.
    pub table: String,
    /// Location of its state.
    pub state: String,
    /// Time at which its first run created it.
    pub created: String,
    /// The name of its table schema.
    pub schema: String,
    /// Its partition columns.
    pub partition_columns: Vec<String>,
    /// Identity of a log in this table.
    pub identity: Identity,
    /// Number of closed epochs.
    pub epochs: u64,
    /// Time at which the last epoch was planned, open or closed; `None` before the first.
    pub last_planned: Option<String>,
    /// The version of the program that planned the last epoch.
    pub last_program: Option<String>,
    /// The open epoch. Its committed tasks count in all numbers here.
    pub open: Option<OpenEpochStatus>,
    /// Partitions with rows.
    pub partitions: u64,
    /// Data files of committed tasks.
    pub files: u64,
    /// Rows in these data files.
    pub rows: u64,
    /// Bytes of these data files.
    pub bytes: u64,
    /// Rejected rows.
    pub rejects: u64,
    /// Inputs of committed tasks by outcome; an object that is retried counts each time.
    pub inputs: OutcomeCounts,
    /// Objects that failed and were not converted since.
    pub failed: u64,
    /// The first [`MAX_NAMED_OBJECTS`] of them.
    pub failed_objects: Vec<String>,
    /// Objects that no run could read so far: the next run retries them.
    pub unreadable: u64,
    /// The first [`MAX_NAMED_OBJECTS`] of them.
    pub unreadable_objects: Vec<String>,
    /// Objects that earlier versions recorded as converted though all their rows were rejected; `retry` retries them.
    pub only_rejects: u64,
    /// The first [`MAX_NAMED_OBJECTS`] of them.
    pub only_rejects_objects: Vec<String>,
    /// Objects that the run that planned the last epoch left for later.
    pub waiting: Waiting,
}

/// An epoch that is planned but not closed.
#[derive(Clone, Debug, Serialize)]
pub struct OpenEpochStatus {
    /// Its number.
    pub epoch: u64,
    /// Time at which it was planned.
    pub planned: String,
    /// Number of its tasks.
    pub tasks: u64,
    /// Number of committed tasks.
    pub committed: u64,
    /// Number of inputs of the other tasks.
    pub inputs_left: u64,
    /// The host of the run that holds it, or held it last.
    pub host: Option<String>,
    /// The process id of this run.
    pub pid: Option<u32>,
    /// Whether this run stopped and released the epoch.
    pub is_released: bool,
    /// Seconds since the last heartbeat of this run, by the store's clock.
    pub idle_seconds: Option<u64>,
}

/// Returns the status of a table, from its state.
///
/// # Errors
/// There is no such table, or its state is damaged.
pub fn status(destination: &Destination) -> Result<Status, Error> {
    let snapshot = Snapshot::open_existing(destination)?;
    let state = destination.state();
    let table = snapshot.table.as_ref().expect("an existing table has a record");
    let mut status = Status {
        table: destination.to_string(),
        state: state.location(""),
        created: table.created.clone(),
        schema: String::new(),
        partition_columns: table.partition_columns.clone(),
        identity: table.identity,
        epochs: snapshot.last_closed(),
        last_planned: snapshot.last.as_ref().map(|log| log.now.clone()),
        last_program: snapshot.last.as_ref().map(|log| log.program.clone()),
        open: None,
        partitions: 0,
        files: 0,
        rows: 0,
        bytes: 0,
        rejects: 0,
        inputs: OutcomeCounts::default(),
        failed: 0,
        failed_objects: Vec::new(),
        unreadable: 0,
        unreadable_objects: Vec::new(),
        only_rejects: 0,
        only_rejects_objects: Vec::new(),
        waiting: snapshot.last.as_ref().map(|log| log.waiting.clone()).unwrap_or_default(),
    };
    if let Some(last) = &snapshot.last {
        Settings::of_epoch(destination, table, last)?.schema.name().clone_into(&mut status.schema);
    }
    let (mut data, mut partitions) = (Totals::default(), BTreeSet::new());
    let mut closed_epochs = ClosedEpochs::new(state, &snapshot);
    while let Some(closed) = closed_epochs.read_next()? {
        data.add(Totals { files: closed.files, rows: closed.rows, bytes: closed.bytes });
        status.rejects = status.rejects.saturating_add(closed.rejects);
        status.inputs.add_all(closed.inputs);
        partitions.extend(closed.partitions.iter().map(|partition| partition.path.clone()));
    }
    let open = OpenEpoch::read(state, &snapshot)?;
    if let Some(open) = &open {
        status.open = Some(open_epoch(destination, open)?);
        for file in open.files() {
            data.add(Totals { files: 1, rows: file.rows, bytes: file.bytes });
            partitions.insert(file.partition().to_owned());
        }
        for outcome in open.inputs().filter_map(|(_, outcome)| outcome) {
            status.rejects = status.rejects.saturating_add(outcome.rejects());
            status.inputs.add(outcome.word());
        }
    }
    (status.files, status.rows, status.bytes) = (data.files, data.rows, data.bytes);
    status.partitions = partitions.len() as u64;
    let found = objects_without_rows(destination, &snapshot, open.as_ref(), MAX_NAMED_OBJECTS)?;
    let WithoutRows { failed, only_rejects, unreadable } = found;
    status.unreadable = unreadable.objects;
    status.unreadable_objects = unreadable.first.iter().map(Object::location).collect();
    status.failed = failed.objects;
    status.failed_objects = failed.first.iter().map(Object::location).collect();
    status.only_rejects = only_rejects.objects;
    status.only_rejects_objects = only_rejects.first.iter().map(Object::location).collect();
    Ok(status)
}

fn open_epoch(destination: &Destination, open: &OpenEpoch) -> Result<OpenEpochStatus, Error> {
    let state = destination.state();
    let log = &open.log;
    let name = paths::lease(log.epoch);
    let lease = read_lease(state, log.epoch);
    // The idle time is unknown if the store's clock cannot be read, as on a read-only disk.
    let now_ms = || state.clock_ms().ok();
    let idle_ms = lease::modified_ms(state, &name)?.and_then(|since_ms| Some(now_ms()? - since_ms));
    let idle_seconds = idle_ms.map(|idle_ms| u64::try_from(idle_ms / 1000).unwrap_or(0));
    Ok(OpenEpochStatus {
        epoch: log.epoch,
        planned: log.now.clone(),
        tasks: log.tasks,
        committed: open.commits.len() as u64,
        inputs_left: open.inputs().filter(|(_, outcome)| outcome.is_none()).count() as u64,
        host: lease.as_ref().map(|lease| lease.host.clone()),
        pid: lease.as_ref().map(|lease| lease.pid),
        is_released: lease.is_some_and(|lease| lease.released),
        idle_seconds,
    })
}
