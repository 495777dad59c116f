//! Runs a command of the library on given stores: the request, its options, and its result.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use jiff::Timestamp;
use lakefront_operations::{
    ConvertOptions, Destination, Error, Holder, Identity, LeaseOptions, LedgerError, Limits, ReadingOptions,
    RecordKind, Resources, RetryOptions, RunOptions, Source, Stop, TableOptions, convert, ddl::DdlOptions,
    default_memory_bytes, progress::Progress, resolve, retry, select::Selection, table_ddl,
};
use lakefront_schema::TableSchema;
use lakefront_storage::{
    Connections, Store,
    testing::{Faults, ReadFaults},
};
use serde_json::Value;

use crate::{
    hooks::{Hook, hooked},
    logs::SCHEMA,
    random::Random,
};

/// Time without a heartbeat after which an epoch may be adopted.
pub(crate) const LEASE: Duration = Duration::from_mins(10);
/// Time that an hour waits for late objects.
pub(crate) const SETTLE: Duration = Duration::from_hours(2);
/// Largest size of a task, in bytes: a few small objects.
const TASK_BYTES: u64 = 700;
/// Largest number of objects in an epoch, so that epochs have few tasks.
const EPOCH_INPUTS: usize = 6;
/// A command of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Convert,
    Retry,
    Resolve,
}

/// A request for one run.
#[derive(Clone, Debug)]
pub(crate) struct RunRequest {
    pub(crate) command: Command,
    pub(crate) faults: Faults,
    pub(crate) hook: Option<Arc<dyn Hook>>,
    pub(crate) lease: Duration,
    pub(crate) take_over: bool,
    /// Whether the request guarantees that no other converter writes.
    pub(crate) single_writer: bool,
    pub(crate) task_bytes: u64,
    /// Log objects that cannot be read.
    pub(crate) unreadable: ReadFaults,
    pub(crate) max_unreadable: Option<u64>,
    /// Whether logs are identified by key or by name.
    pub(crate) identity: Option<Identity>,
    /// Largest number of new objects that are kept of a listing.
    pub(crate) candidates: usize,
}

impl RunRequest {
    /// Returns a request without faults.
    pub(crate) fn without_faults(command: Command) -> Self {
        Self::with_faults(command, &Faults::none())
    }

    /// Returns a request with faults.
    pub(crate) fn with_faults(command: Command, faults: &Faults) -> Self {
        Self {
            command,
            faults: faults.clone(),
            hook: None,
            lease: LEASE,
            take_over: false,
            single_writer: false,
            task_bytes: TASK_BYTES,
            unreadable: ReadFaults::default(),
            max_unreadable: None,
            identity: None,
            candidates: Limits::default().candidates,
        }
    }
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct RunResult {
    pub(crate) report: Value,
    /// The error and its causes, if the run stopped.
    pub(crate) error: Option<String>,
    /// Whether the run stopped because another converter is active.
    pub(crate) is_active: bool,
    needs_resolve: bool,
    /// Whether the error is one that the program has a hint for, not only an error of a store.
    pub(crate) is_explained: bool,
}

impl RunResult {
    /// Returns whether only `resolve` can continue, while no other converter runs.
    pub(crate) fn needs_resolve(&self) -> bool {
        self.needs_resolve
    }
}

/// Returns whether the hints of the program advise `resolve` for this error.
fn is_for_resolve(error: &Error) -> bool {
    let of_ledger = matches!(
        error.ledger(),
        Some(
            LedgerError::MissedInputs { .. }
                | LedgerError::Unequal { kind: RecordKind::OfTask | RecordKind::Unique, .. }
                | LedgerError::Damaged { kind: RecordKind::OfTask, .. }
        )
    );
    of_ledger || matches!(error, Error::OtherLayout { .. })
}

/// Executes a request on any stores.
pub(crate) fn run_on(
    sources: Vec<Source>,
    stores: (Store, Store),
    request: &RunRequest,
    now_second: i64,
    number: u64,
    progress: &dyn Progress,
) -> RunResult {
    let wrap = |store: Store| {
        let faulty = request.faults.wrap(store);
        match &request.hook {
            Some(hook) => hooked(faulty, hook),
            None => faulty,
        }
    };
    let options =
        options_of(sources, Destination::of_stores(wrap(stores.0), wrap(stores.1)), request, now_second, number);
    let run = match request.command {
        Command::Convert => convert(&options, &Stop::default(), progress),
        Command::Retry => {
            retry(&RetryOptions { run: options.run, reading: options.reading }, &Stop::default(), progress)
        }
        Command::Resolve => resolve(&options.run, &Stop::default(), progress),
    };
    RunResult {
        report: serde_json::to_value(&run.report).unwrap(),
        is_active: run.error.as_ref().is_some_and(Error::is_active),
        needs_resolve: run.error.as_ref().is_some_and(is_for_resolve),
        is_explained: run.error.as_ref().is_some_and(|error| error.storage_error().is_none()),
        error: run.error.as_ref().map(chain),
    }
}

/// Returns the options of the library for a request.
pub(crate) fn options_of(
    sources: Vec<Source>,
    destination: Destination,
    request: &RunRequest,
    now_second: i64,
    number: u64,
) -> ConvertOptions {
    ConvertOptions {
        run: RunOptions {
            destination,
            connections: Connections::default().with_read_faults(&request.unreadable),
            now: Timestamp::from_second(now_second).unwrap(),
            is_now_given: false,
            task_bytes: request.task_bytes,
            max_rejects: None,
            max_unreadable: request.max_unreadable,
            // One thread, so that a schedule can be replayed.
            resources: Resources { threads: 1, memory_bytes: default_memory_bytes(0) },
            lease: LeaseOptions {
                lifetime: request.lease,
                take_over: request.take_over,
                holder: Holder { host: format!("converter{number}"), pid: 1 },
            },
            single_writer: request.single_writer,
            run_id: format!("{:016x}", Random::new(number).number()),
            program_version: "0.0.0".to_owned(),
            limits: Limits { epoch_inputs: EPOCH_INPUTS, requests: 1, candidates: request.candidates },
            advise: |_| None,
        },
        sources,
        selection: Selection::default(),
        settle: SETTLE,
        allow_empty: true,
        new_identity: false,
        table: TableOptions {
            schema: Some(Arc::new(TableSchema::from_toml(SCHEMA, "exactly_once").unwrap())),
            identity: request.identity,
            ..TableOptions::default()
        },
        reading: ReadingOptions::default(),
    }
}

/// Returns the DDL of a table, or `None` if there is no table yet or its state is damaged.
pub(crate) fn statements_of(destination: &Destination) -> Option<Vec<String>> {
    let options = DdlOptions {
        database: None,
        table: "exactly_once".to_owned(),
        location: "s3://example-bucket/lake/exactly_once".to_owned(),
        projection: false,
    };
    table_ddl(destination, None, None, &options).ok().map(|ddl| ddl.statements)
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
