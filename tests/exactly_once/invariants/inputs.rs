//! Checks of the outcome of each input: planned and converted once, counted correctly, with its rejected lines kept.

use std::collections::BTreeMap;

use lakefront_operations::Identity;
use serde_json::Value;

use super::{
    Files, Found,
    records::{Epoch, Task, json_lines, number},
    sha256,
};
use crate::logs::{LogObject, Logs};

/// I2: a known version of an input is planned again only for a retry after it failed, or after it was gone, replaced or
/// unreadable. No object is converted twice, in any version.
pub(super) fn each_counts_once(logs: &Logs, epochs: &[Epoch], found: &mut Found) {
    // Version and outcome of each time that an object was planned, by identity.
    let mut past: BTreeMap<(&str, &str), Vec<(&str, &str)>> = BTreeMap::new();
    for epoch in epochs {
        for (task, (index, input)) in
            epoch.tasks.iter().flat_map(|task| task.inputs.iter().enumerate().map(move |input| (task, input)))
        {
            let outcome = task.outcome(index).unwrap_or_default();
            let version = logs.version_of(&input.version);
            let past = past.entry(logs.identity_of(&input.source, &input.key)).or_default();
            let place = || format!("epoch {}: `{}` in version {}", epoch.number, input.key, input.version);
            let was_converted = past.iter().any(|(_, outcome)| *outcome == "converted");
            found.expect("I2", !was_converted || outcome != "converted", || format!("{}: converted twice", place()));
            found.expect("I2", was_converted == input.is_changed, || {
                format!("{}: planned as changed: {}, converted before: {was_converted}", place(), input.is_changed)
            });
            let is_told = task.commit.is_none() || input.is_changed == (outcome == "changed");
            found.expect("I2", is_told, || format!("{}: the outcome is `{outcome}`", place()));
            // Only the last outcome of the version counts, as a version may return after another one, or after it was
            // gone. If logs are identified by name, several may be there at once: then the last of the same size
            // counts.
            let last = match logs.identity {
                Identity::Key => past.last().filter(|(before, _)| *before == version),
                Identity::Name => past.iter().rev().find(|(before, _)| *before == version),
            };
            if let Some((_, before)) = last {
                let may_be_again = match *before {
                    "gone" | "replaced" | "unreadable" => true,
                    "failed" => epoch.is_retry,
                    _ => false,
                };
                found.expect("I2", may_be_again, || format!("{}: planned again after `{before}`", place()));
            }
            let has_failed = past.iter().any(|(_, outcome)| *outcome == "failed");
            found.expect("I2", has_failed || !epoch.is_retry, || format!("{}: retried, but never failed", place()));
            let is_real = logs.version(&input.source, &input.key, &input.version).is_some();
            found.expect("I2", is_real, || format!("{}: there was never such an object", place()));
            past.push((version, outcome));
        }
    }
}

/// I7: lines = rows + rejects + comments + blanks, for each input, and each number is right. I8: exactly the damaged
/// objects and those with only rejected lines fail; the quarantine has exactly the failed objects and rejected lines.
pub(super) fn each_adds_up(logs: &Logs, state: &Files, epochs: &[Epoch], found: &mut Found) {
    for epoch in epochs {
        for (number, task) in epoch.tasks.iter().enumerate() {
            let Some(commit) = &task.commit else { continue };
            let outcomes = commit["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
            let place = format!("task {number} of epoch {}", epoch.number);
            found.expect("I7", outcomes.len() == task.inputs.len(), || {
                format!("{place}: the number of outcomes differs from that of inputs")
            });
            let mut expected = Vec::new();
            for (index, (input, outcome)) in task.inputs.iter().zip(outcomes).enumerate() {
                let Some(object) = logs.version(&input.source, &input.key, &input.version) else { continue };
                let url = input.url();
                check_outcome(&object, task, index, outcome, found);
                match outcome["outcome"].as_str() {
                    Some("converted") => {
                        expected.extend(
                            object
                                .rejects
                                .iter()
                                .map(|(line, reason)| (url.clone(), Some(*line), (*reason).to_owned())),
                        );
                    }
                    Some("failed") => {
                        let reason = outcome["reason"].as_str().unwrap_or_default();
                        expected.push((url, None, reason.to_owned()));
                    }
                    _ => {}
                }
            }
            expected.sort();
            let name = format!("quarantine/{:010}/{number:05}.jsonl.gz", epoch.number);
            check_quarantine(state, &name, &commit["quarantine"], &expected, found);
        }
    }
}

fn check_outcome(object: &LogObject, task: &Task, index: usize, outcome: &Value, found: &mut Found) {
    let name = &object.name;
    let word = outcome["outcome"].as_str().unwrap_or_default();
    let lost = task.gone.as_ref().and_then(|gone| gone["inputs"].as_array()).into_iter().flatten();
    let how = lost.filter(|lost| lost["input"] == index).map(|lost| lost["how"].as_str().unwrap_or_default()).next();
    match word {
        "converted" => {
            found.expect("I8", object.verdict().is_none(), || format!("`{name}` is bad, but was converted"));
            let [lines, rows, rejects, comments, blanks] =
                ["lines", "rows", "rejects", "comments", "blanks"].map(|key| number(outcome, key));
            let sum = [rows, rejects, comments, blanks].into_iter().try_fold(0_u64, u64::checked_add);
            found.expect("I7", sum == Some(lines), || format!("`{name}`: {outcome} does not add up"));
            let (model_rows, model_rejects) = (object.rows.len() as u64, object.rejects.len() as u64);
            let model = (object.lines, model_rows, model_rejects, object.comments, object.blanks);
            found.expect("I7", (lines, rows, rejects, comments, blanks) == model, || {
                format!("`{name}`: {outcome}, but it has {model:?}")
            });
        }
        "failed" => {
            let reason = outcome["reason"].as_str();
            found.expect("I8", reason.is_some() && reason == object.verdict(), || {
                format!("`{name}` failed: {outcome}, but its verdict is {:?}", object.verdict())
            });
        }
        "changed" | "gone" | "replaced" | "unreadable" => {}
        _ => found.add("I7", format!("`{name}`: no outcome is called `{word}`")),
    }
    let is_lost = ["gone", "replaced", "unreadable"].contains(&word);
    found.expect("I2", how == is_lost.then_some(word), || {
        format!("`{name}`: the outcome is `{word}`, but {how:?} in the list of lost inputs")
    });
}

/// Objects, lines and reasons, in order.
type Entries = [(String, Option<u64>, String)];

fn check_quarantine(state: &Files, name: &str, record: &Value, expected: &Entries, found: &mut Found) {
    let Some(bytes) = state.get(name) else {
        found.expect("I8", record.is_null() && expected.is_empty(), || format!("`{name}` is missing"));
        return;
    };
    let is_same = record["bytes"] == bytes.len() && record["sha256"] == sha256(bytes);
    found.expect("I6", is_same, || format!("`{name}` differs from its commit: {record}"));
    let Some(lines) = json_lines(bytes) else {
        found.add("I8", format!("`{name}` cannot be read"));
        return;
    };
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let mut entries: Vec<_> =
        lines.iter().map(|line| (text(line, "object"), line["line"].as_u64(), text(line, "reason"))).collect();
    entries.sort();
    found.expect("I8", entries == expected, || format!("`{name}` has {entries:?}, but must have {expected:?}"));
    found.expect("I8", record["entries"] == entries.len(), || format!("`{name}` has a different number of entries"));
}
