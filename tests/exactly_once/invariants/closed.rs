//! Checks of the records that are written when an epoch is complete: its sums, its inputs in `seen`, and the DDL.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    Files, Found, Observations,
    records::{Epoch, json_lines, text_of},
};
use crate::{
    logs::{Logs, size_of},
    simulation::day_text,
};

/// Partition folder -> files, rows, bytes.
type Partitions = BTreeMap<String, (u64, u64, u64)>;

/// I6: a closed epoch is committed. I14: its sums are right and the DDL names exactly its partitions. I2: `seen` has
/// all its inputs.
pub(super) fn check(logs: &Logs, seen: &Observations, epochs: &[Epoch], found: &mut Found) {
    let mut all = BTreeSet::new();
    for epoch in epochs {
        let partitions = partitions_of(epoch);
        // A reader sees the committed files of an open epoch, too.
        all.extend(partitions.keys().cloned());
        let Some(closed) = &epoch.closed else { continue };
        let is_committed = epoch.tasks.iter().all(|task| task.commit.is_some());
        found
            .expect("I6", is_committed, || format!("epoch {} is closed, but not all of it is committed", epoch.number));
        check_sums(epoch, closed, &partitions, found);
        check_seen(logs, &seen.state, epoch, found);
        if !seen.is_torn
            && let Some(bytes) = seen.state.get(&format!("ddl/{:010}.sql", epoch.number))
        {
            let text = text_of(bytes).unwrap_or_default();
            let statements: Vec<String> = text.split_terminator(";\n").map(str::to_owned).collect();
            check_ddl(
                &format!("that of epoch {}", epoch.number),
                &statements,
                &partitions.into_keys().collect(),
                found,
            );
        }
    }
    match &seen.statements {
        Some(statements) => check_ddl("that of the table", statements, &all, found),
        None => found.expect("I14", epochs.is_empty(), || "the table has no DDL".to_owned()),
    }
}

fn partitions_of(epoch: &Epoch) -> Partitions {
    let mut partitions = Partitions::new();
    for file in epoch.files() {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        let (files, rows, bytes) = partitions.entry(folder).or_default();
        *files += 1;
        *rows = rows.saturating_add(file.rows);
        *bytes = bytes.saturating_add(file.bytes);
    }
    partitions
}

fn check_sums(epoch: &Epoch, closed: &Value, partitions: &Partitions, found: &mut Found) {
    let outcomes: Vec<&str> = epoch.outcomes().map(|(_, outcome)| outcome).collect();
    let count = |word: &str| outcomes.iter().filter(|outcome| **outcome == word).count();
    let sum = |part: fn(&(u64, u64, u64)) -> u64| partitions.values().map(part).sum::<u64>();
    let commits = epoch.tasks.iter().filter_map(|task| task.commit.as_ref());
    let inputs = commits.flat_map(|commit| commit["inputs"].as_array().into_iter().flatten());
    let mut counts = json!({
        "converted": count("converted") + count("empty"), "failed": count("failed"), "gone": count("gone"),
        "replaced": count("replaced"), "changed": count("changed"),
    });
    // Older versions do not know this outcome, so the record has a newer format.
    if count("unreadable") > 0 {
        counts["unreadable"] = count("unreadable").into();
    }
    let expected = json!({
        "format": match epoch.format {
            sealed @ 3.. => sealed,
            _ if count("unreadable") > 0 => 2,
            _ => 1,
        },
        "epoch": epoch.number,
        "tasks": epoch.tasks.len(),
        "files": sum(|of| of.0),
        "rows": sum(|of| of.1),
        "bytes": sum(|of| of.2),
        "rejects": inputs.filter_map(|input| input["rejects"].as_u64()).sum::<u64>(),
        "inputs": counts,
        "partitions": partitions
            .iter()
            .map(|(path, (files, rows, bytes))| json!({"path": path, "files": files, "rows": rows, "bytes": bytes}))
            .collect::<Vec<_>>(),
    });
    for (key, value) in expected.as_object().into_iter().flatten() {
        found.expect("I14", closed[key] == *value, || {
            format!("epoch {}: `{key}` is {} in `closed`, but {value} in its commits", epoch.number, closed[key])
        });
    }
}

/// Checks that `seen` has the outcomes of an epoch's inputs, under their days. Lost inputs may be left out: they are
/// new when they are listed again.
fn check_seen(logs: &Logs, state: &Files, epoch: &Epoch, found: &mut Found) {
    let is_of_epoch = format!("/{:010}", epoch.number);
    let is_kept = |outcome: &str| !["gone", "replaced", "unreadable"].contains(&outcome);
    let mut known = BTreeSet::new();
    for (name, bytes) in state.iter().filter(|(name, _)| name.starts_with("seen/") && name.ends_with(&is_of_epoch)) {
        let Some(lines) = json_lines(bytes) else {
            found.add("I2", format!("`{name}` cannot be read"));
            continue;
        };
        let day = name.split('/').nth(1).unwrap_or_default();
        for line in lines.iter().skip(1).filter(|line| line.get("checksum").is_none()) {
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let size = line["size"].as_u64();
            found.expect("I2", size.is_some() && size == size_of(&text("version")).parse().ok(), || {
                format!("`{name}` has a size that differs from its version: {line}")
            });
            if is_kept(&text("outcome")) {
                known.insert((day.to_owned(), text("key"), text("version"), text("outcome")));
            }
        }
    }
    let mut expected = BTreeSet::new();
    for (input, outcome) in epoch.outcomes().filter(|(_, outcome)| is_kept(outcome)) {
        let day = logs
            .version(&input.source, &input.key, &input.version)
            .map_or(String::new(), |object| day_text(object.hour));
        expected.insert((day, input.key.clone(), input.version.clone(), outcome.to_owned()));
    }
    found.expect("I2", known == expected, || {
        let missing: Vec<_> = expected.difference(&known).collect();
        let extra: Vec<_> = known.difference(&expected).collect();
        format!("epoch {}: `seen` lacks {missing:?} and has {extra:?} too many", epoch.number)
    });
}

/// Checks that the statements can be run again, and name exactly these partitions.
fn check_ddl(what: &str, statements: &[String], expected: &BTreeSet<String>, found: &mut Found) {
    let mut named = BTreeSet::new();
    for statement in statements {
        let is_idempotent = statement.starts_with("CREATE EXTERNAL TABLE IF NOT EXISTS `")
            || (statement.starts_with("ALTER TABLE `") && statement.contains(" ADD IF NOT EXISTS\n"));
        found.expect("I14", is_idempotent, || format!("the DDL, {what}: an unexpected statement: {statement}"));
        for clause in statement.lines().filter_map(|line| line.strip_prefix("PARTITION (")) {
            let values = clause.split_once(')').map_or(clause, |(values, _)| values);
            named.insert(values.replace(['`', '\''], "").replace(", ", "/"));
        }
    }
    found.expect("I14", named == *expected, || format!("the DDL, {what}, names {named:?}, but must name {expected:?}"));
}
