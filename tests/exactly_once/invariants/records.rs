//! Reads a state as plain JSON values: the log, its plans, and the outcomes of their tasks.

use std::io::Read as _;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::{Files, Found, sha256};

/// A log record, its plan and its commits.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    /// Format of its log record, and so of all its records.
    pub(crate) format: u64,
    pub(crate) is_retry: bool,
    pub(crate) tasks: Vec<Task>,
    pub(crate) closed: Option<Value>,
}

/// A task of a plan.
#[derive(Debug, Default)]
pub(crate) struct Task {
    pub(crate) inputs: Vec<Input>,
    pub(crate) commit: Option<Value>,
    pub(crate) gone: Option<Value>,
}

/// A line of a plan.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) source: String,
    pub(crate) key: String,
    /// Path at the time of the plan.
    pub(crate) path: String,
    pub(crate) version: String,
    /// Whether the input was planned as changed after it was converted.
    pub(crate) is_changed: bool,
}

/// A data file of a commit.
#[derive(Debug)]
pub(crate) struct CommittedFile {
    pub(crate) path: String,
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
    /// Whether the hash is a SHA-256, as earlier versions wrote it; otherwise it is a CRC-64/NVME.
    pub(crate) is_sha256: bool,
    pub(crate) hash: String,
}

impl Epoch {
    /// Returns the data files of all its commits.
    pub(crate) fn files(&self) -> Vec<CommittedFile> {
        self.tasks.iter().filter_map(|task| task.commit.as_ref()).flat_map(files_of).collect()
    }

    /// Returns the inputs of its committed tasks, with their outcomes.
    pub(crate) fn outcomes(&self) -> impl Iterator<Item = (&Input, &str)> {
        self.tasks.iter().filter(|task| task.commit.is_some()).flat_map(|task| {
            task.inputs.iter().enumerate().map(move |(index, input)| (input, task.outcome(index).unwrap_or("nothing")))
        })
    }

    /// Returns whether this is a name of a data file of one of its tasks.
    pub(crate) fn is_data_file(&self, name: &str) -> bool {
        self.task_of(name).is_some()
    }

    /// Returns whether this is a name of a data file of a task without a commit.
    pub(crate) fn is_of_open_task(&self, name: &str) -> bool {
        self.task_of(name).is_some_and(|task| task.commit.is_none())
    }

    fn task_of(&self, name: &str) -> Option<&Task> {
        let (_, file) = name.rsplit_once('/')?;
        let numbers = file.strip_prefix("part-")?.strip_suffix(".parquet")?;
        let [epoch, task, number] = numbers.split('-').collect::<Vec<_>>()[..] else { return None };
        let is_ours = epoch == format!("{:010}", self.number) && task.len() == 5 && number.len() == 3;
        self.tasks.get(task.parse::<usize>().ok().filter(|_| is_ours)?)
    }
}

impl Input {
    /// Returns the URL in messages and reports.
    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path)
    }
}

impl Task {
    /// Returns the outcome of an input, if the task is committed. The outcome of an input without rows and rejects is
    /// `empty`: another version of it is new.
    pub(crate) fn outcome(&self, index: usize) -> Option<&str> {
        let input = &self.commit.as_ref()?["inputs"][index];
        let is_empty = input["rows"] == 0 && input["rejects"] == 0;
        if is_empty { Some("empty") } else { input["outcome"].as_str() }
    }
}

/// Returns the data files of a commit.
pub(crate) fn files_of(commit: &Value) -> Vec<CommittedFile> {
    let files = commit["files"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_sha256 = commit["format"].as_u64() < Some(4);
    let key = if is_sha256 { "sha256" } else { "crc64nvme" };
    let file = |file: &Value| CommittedFile {
        path: file["path"].as_str().unwrap_or_default().to_owned(),
        rows: number(file, "rows"),
        bytes: number(file, "bytes"),
        is_sha256,
        hash: file[key].as_str().unwrap_or_default().to_owned(),
    };
    files.iter().map(file).collect()
}

/// Returns a number of a record; `u64::MAX`, which no record has, if it is missing.
pub(crate) fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or(u64::MAX)
}

/// Reads all epochs. I2: the log is linear, and at most its last epoch is open.
pub(crate) fn read(state: &Files, found: &mut Found) -> Vec<Epoch> {
    let mut epochs: Vec<Epoch> = Vec::new();
    for number in 1.. {
        let Some(log) = json(state, &format!("log/{number:010}.json"), found) else { break };
        let format = log["format"].as_u64().unwrap_or_default();
        let is_plan = (1..=4).contains(&format) && log["kind"] == "plan" && log["epoch"] == number;
        found.expect("I2", is_plan, || format!("log record {number} is not a plan of epoch {number}: {log}"));
        if epochs.last().is_some_and(|last| last.closed.is_none()) {
            found.add("I2", format!("epoch {number} was planned while the previous one was open"));
        }
        epochs.push(Epoch {
            number,
            format,
            is_retry: log["retry"] == true,
            tasks: tasks(state, number, &log, found),
            closed: json(state, &format!("closed/{number:010}.json"), found),
        });
    }
    let records = state.keys().filter(|name| name.starts_with("log/")).count();
    found
        .expect("I2", records == epochs.len(), || format!("{records} log records, but {} without a gap", epochs.len()));
    let has_table = state.contains_key("table.json");
    found.expect("I2", epochs.is_empty() || has_table, || "there is a log but no `table.json`".to_owned());
    epochs
}

fn tasks(state: &Files, epoch: u64, log: &Value, found: &mut Found) -> Vec<Task> {
    let plan = &log["plan"];
    let Some(bytes) = plan["name"].as_str().and_then(|name| state.get(name)) else {
        found.add("I2", format!("the plan of epoch {epoch} is missing: {plan}"));
        return Vec::new();
    };
    let is_same = plan["sha256"] == sha256(bytes) && plan["bytes"] == bytes.len();
    found.expect("I2", is_same, || format!("the plan of epoch {epoch} differs from its log record"));
    let Some(lines) = json_lines(bytes) else {
        found.add("I2", format!("the plan of epoch {epoch} cannot be read"));
        return Vec::new();
    };
    let mut tasks: Vec<Task> = Vec::new();
    tasks.resize_with(usize::try_from(log["tasks"].as_u64().unwrap_or_default()).unwrap(), Task::default);
    for line in lines.iter().skip(1).filter(|line| line.get("checksum").is_none()) {
        let task = line["task"].as_u64().and_then(|task| tasks.get_mut(usize::try_from(task).unwrap()));
        let (Some(task), Some(source), Some(key)) = (task, line["source"].as_str(), line["key"].as_str()) else {
            found.add("I2", format!("epoch {epoch} plans an input of no task, or without an identity: {line}"));
            continue;
        };
        task.inputs.push(Input {
            source: source.to_owned(),
            key: key.to_owned(),
            path: line["path"].as_str().unwrap_or(key).to_owned(),
            version: line["version"].as_str().unwrap_or_default().to_owned(),
            is_changed: line["changed"] == true,
        });
    }
    let inputs: usize = tasks.iter().map(|task| task.inputs.len()).sum();
    found.expect("I2", log["inputs"] == inputs && tasks.iter().all(|task| !task.inputs.is_empty()), || {
        format!("epoch {epoch} has {} inputs in its record, but its plan has {inputs}", log["inputs"])
    });
    for (number, task) in tasks.iter_mut().enumerate() {
        task.commit = json(state, &format!("commit/{epoch:010}/{number:05}.json"), found);
        task.gone = json(state, &format!("gone/{epoch:010}/{number:05}.json"), found);
    }
    tasks
}

/// Reads a record, if it is there.
fn json(state: &Files, name: &str, found: &mut Found) -> Option<Value> {
    let value = serde_json::from_slice(state.get(name)?).ok();
    found.expect("I2", value.is_some(), || format!("`{name}` is not JSON"));
    value
}

/// Returns the text of bytes that may be compressed.
pub(crate) fn text_of(bytes: &[u8]) -> Option<String> {
    let mut text = Vec::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes).read_to_end(&mut text).ok()?;
    } else {
        text.extend_from_slice(bytes);
    }
    String::from_utf8(text).ok()
}

/// Returns the values of a compressed object, one per line.
pub(crate) fn json_lines(bytes: &[u8]) -> Option<Vec<Value>> {
    text_of(bytes)?.lines().map(|line| serde_json::from_str(line).ok()).collect()
}

/// Returns whether a name belongs to a state with these epochs. A plan is allowed even if its run lost the claim.
pub(crate) fn is_known(name: &str, epochs: &[Epoch]) -> bool {
    let (folder, rest) = name.split_once('/').unwrap_or((name, ""));
    let epoch_of = |digits: &str| {
        let number = digits.parse::<u64>().ok().filter(|_| digits.len() == 10)?;
        epochs.iter().find(|epoch| epoch.number == number)
    };
    let of_epoch = |extension: &str| rest.strip_suffix(extension).and_then(epoch_of).is_some();
    let of_task = |extension: &str| {
        let task = || {
            let (epoch, task) = rest.strip_suffix(extension)?.split_once('/')?;
            epoch_of(epoch)?.tasks.get(task.parse::<usize>().ok().filter(|_| task.len() == 5)?)
        };
        task().is_some()
    };
    match folder {
        "table.json" => true,
        "log" | "closed" | "lease" | "report" => of_epoch(".json"),
        "ddl" => of_epoch(".sql"),
        "commit" | "gone" => of_task(".json"),
        "quarantine" => of_task(".jsonl.gz"),
        "seen" => rest.split_once('/').and_then(|(_, digits)| epoch_of(digits)).is_some(),
        "plan" => rest.split_once('-').is_some_and(|(digits, nonce)| digits.len() == 10 && !nonce.is_empty()),
        _ => false,
    }
}
