//! A plan as bytes: gzipped JSON lines, a header and then one line for each input, in the order of the tasks.
//!
//! ```text
//! {"format":4,"epoch":42,"nonce":"...","tasks":12,"inputs":345}
//! {"task":0,"source":"file://","key":"/logs/E1.2025-01-02-03.x.gz","name":"E1.2025-01-02-03.x.gz","version":"312-1735","size":312}
//! {"checksum":"..."}
//! ```
//!
//! The stored plan counts: a run that adopts the epoch executes these tasks, and does not plan its own.

use std::borrow::Cow;

use lakefront_schema::layout::TaskId;
use lakefront_storage::{Object, Store};
use serde::{Deserialize, Serialize};

use crate::{
    Error, hash,
    jsonl::{JsonlReader, JsonlWriter},
    paths,
    plan::{Earlier, Task},
    read_record::{self, damaged, unreadable},
    records::LogRecord,
    seal::{NEWEST_FORMAT, Record as _, Stored, may_be_of_one_epoch},
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanHeader<'a> {
    format: u32,
    epoch: u64,
    nonce: &'a str,
    tasks: u64,
    inputs: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Input<'a> {
    task: u32,
    #[serde(borrow)]
    source: Cow<'a, str>,
    key: Cow<'a, str>,
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Cow<'a, str>>,
    version: Cow<'a, str>,
    size: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    changed: bool,
    /// Whether no run could read the input so far.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unreadable: bool,
    /// The converted log with the same name, if logs are identified by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<Cow<'a, Earlier>>,
}

/// Returns the bytes of a plan.
pub fn plan_bytes(epoch: u64, nonce: &str, tasks: &[Task]) -> Vec<u8> {
    let inputs = tasks.iter().map(|task| task.inputs.len() as u64).sum();
    let header = PlanHeader { format: NEWEST_FORMAT, epoch, nonce, tasks: tasks.len() as u64, inputs };
    let mut lines = JsonlWriter::new(&header, true);
    for task in tasks {
        for (index, object) in task.inputs.iter().enumerate() {
            lines.push(&Input {
                task: task.id.task,
                source: object.source().into(),
                key: object.key().into(),
                name: object.name().into(),
                path: object.path_if_not_key().map(Into::into),
                version: object.version().into(),
                size: object.size_bytes(),
                changed: task.is_changed,
                unreadable: task.was_unreadable,
                earlier: task.earlier.get(index).and_then(Option::as_ref).map(Cow::Borrowed),
            });
        }
    }
    lines.finish()
}

/// Returns the tasks of an epoch, as they were decided.
///
/// # Errors
/// The run must stop: the plan is missing, or is not the one that the log names.
pub fn read_plan(state: &Store, log: &Stored<LogRecord>) -> Result<Vec<Task>, Error> {
    let name = &log.plan.name;
    if paths::epoch_of_plan(name) != Some((log.epoch, &log.nonce)) {
        return Err(damaged(state, &paths::log(log.epoch), "names a plan of another epoch or nonce"));
    }
    let bytes = state.read_range(name, 0..log.plan.bytes.saturating_add(1));
    let bytes = bytes.map_err(|error| unreadable(state, name, error))?;
    if bytes.len() as u64 != log.plan.bytes || hash::sha256(&bytes) != log.plan.sha256 {
        return Err(damaged(state, name, "is not the plan that the log names: its hash differs"));
    }
    let cannot = |what: &str| damaged(state, name, &format!("cannot be used: {what}"));
    let mut lines = JsonlReader::new(bytes.as_slice());
    let header = lines.next_line().map_err(|error| cannot(&error.to_string()))?.unwrap_or_default();
    let header: PlanHeader<'_> = serde_json::from_str(header).map_err(|error| cannot(&error.to_string()))?;
    let PlanHeader { format, epoch, .. } = header;
    let is_of_log = epoch == log.epoch && header.nonce == log.nonce;
    read_record::check_format(state, name, format)?;
    if !may_be_of_one_epoch(format, log.format) || !is_of_log {
        return Err(cannot("its first line is of another log record"));
    }
    if log.is_sealed() {
        lines.expect_checksum();
    }
    let mut inputs = 0;
    let mut tasks: Vec<Task> = Vec::new();
    while let Some(line) = lines.next_line().map_err(|error| cannot(&error.to_string()))? {
        let input: Input<'_> = serde_json::from_str(line).map_err(|error| cannot(&error.to_string()))?;
        inputs += 1;
        if inputs > log.inputs {
            return Err(cannot("it has more inputs than the log says"));
        }
        let object =
            Object::restore(&input.source, &input.key, &input.name, input.path.as_deref(), &input.version, input.size);
        let object = object.ok_or_else(|| cannot(&format!("the version `{}`", input.version.escape_debug())))?;
        if tasks.last().is_none_or(|task| task.id.task != input.task) {
            let id = TaskId { epoch: log.epoch, task: input.task };
            let (is_changed, was_unreadable) = (input.changed, input.unreadable);
            tasks.push(Task { id, inputs: Vec::new(), is_changed, was_unreadable, earlier: Vec::new() });
        }
        if let Some(task) = tasks.last_mut() {
            task.inputs.push(object);
            if task.is_changed {
                task.earlier.push(input.earlier.map(Cow::into_owned));
            }
        }
    }
    let are_in_order = tasks.iter().zip(0..).all(|(task, number)| task.id.task == number);
    if !are_in_order || tasks.len() as u64 != log.tasks || inputs != log.inputs {
        return Err(cannot("its tasks are not those that the log says"));
    }
    Ok(tasks)
}
