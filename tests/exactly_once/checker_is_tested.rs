//! Tests of the checker: each test damages one thing, and exactly the right invariant fails.

use std::{collections::BTreeSet, sync::Arc};

use arrow::{array::RecordBatch, compute::concat_batches};
use bytes::Bytes;
use lakefront_operations::{Stop, VerifyOptions, verify};
use serde_json::Value;

use crate::{
    invariants::{Observations, check, crc64nvme, read_batch, seal_faults, sealed, sha256, write_batch},
    logs::{FIRST_HOUR, LogObject, SECRET},
    simulation::{Simulation, first_logs, later_logs, vanished_logs},
};

/// Returns a simulation with all kinds of events: several epochs, failures, late and changed objects, a lost object.
fn eventful() -> Simulation {
    let simulation = Simulation::new(&first_logs(1));
    // Some planned objects vanish: the second run finds the plan but not all of its inputs.
    simulation.crash_until(|simulation| simulation.open_epoch().is_some());
    simulation.logs.set(&vanished_logs(1));
    simulation.finish_or_resolve("after objects vanished");
    simulation.logs.add(&later_logs(1));
    simulation.finish("after late objects");
    simulation
}

/// Fails the test unless exactly these invariants are violated.
fn assert_violates(simulation: &Simulation, seen: &Observations, expected: &[&str]) {
    let violations = check(&simulation.logs, seen).err().unwrap_or_default();
    let got: BTreeSet<&str> = violations.iter().map(|violation| violation.invariant).collect();
    assert_eq!(got, expected.iter().copied().collect(), "{violations:#?}");
}

/// Returns a committed data file with at least `least_rows` rows, and its rows.
fn data_file(seen: &Observations, least_rows: usize) -> (String, RecordBatch) {
    let files = seen.committed_files().into_iter().map(|(name, bytes)| (name, read_batch(&bytes).unwrap()));
    files.into_iter().find(|(_, batch)| batch.num_rows() >= least_rows).unwrap()
}

/// Changes a JSON object of the state.
fn edit_record(seen: &mut Observations, name: &str, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&seen.state[name]).unwrap();
    change(&mut value);
    let bytes = if value.get("checksum").is_some() { sealed(&value) } else { serde_json::to_vec(&value).unwrap() };
    seen.state.insert(name.to_owned(), bytes.into());
}

/// Returns the first name of the state with this prefix.
fn name(seen: &Observations, prefix: &str) -> String {
    seen.state.keys().find(|name| name.starts_with(prefix)).unwrap_or_else(|| panic!("no `{prefix}`")).clone()
}

/// Replaces the rows of a data file; with `and_records`, adapts the records of the file.
fn replace_rows(seen: &mut Observations, path: &str, batch: &RecordBatch, and_records: bool) {
    let bytes = write_batch(batch);
    let before = seen.table.insert(path.to_owned(), bytes.clone()).unwrap();
    seen.committed_before.clear();
    if !and_records {
        return;
    }
    let rows_before = read_batch(&before).unwrap().num_rows();
    let (epoch, task) = path.rsplit_once("/part-").unwrap().1.split_once('-').unwrap();
    edit_record(seen, &format!("commit/{epoch}/{}.json", &task[..5]), |commit| {
        let file = commit["files"].as_array_mut().unwrap().iter_mut().find(|file| file["path"] == path).unwrap();
        file["bytes"] = bytes.len().into();
        file["rows"] = batch.num_rows().into();
        file["crc64nvme"] = crc64nvme(&bytes).into();
    });
    let adapt = |record: &mut Value| {
        let changed = |record: &Value, key: &str, before: usize, after: usize| {
            Value::from(record[key].as_u64().unwrap() - before as u64 + after as u64)
        };
        record["rows"] = changed(record, "rows", rows_before, batch.num_rows());
        record["bytes"] = changed(record, "bytes", before.len(), bytes.len());
    };
    edit_record(seen, &format!("closed/{epoch}.json"), |closed| {
        adapt(closed);
        let folder = path.rsplit_once('/').unwrap().0;
        let partitions = closed["partitions"].as_array_mut().unwrap();
        adapt(partitions.iter_mut().find(|partition| partition["path"] == folder).unwrap());
    });
}

#[test]
fn an_eventful_table_passes() {
    let simulation = eventful();
    let seen = simulation.observe(true);
    check(&simulation.logs, &seen).unwrap();
    let outcomes: BTreeSet<String> = seen
        .state
        .iter()
        .filter(|(name, _)| name.starts_with("commit/"))
        .flat_map(|(_, bytes)| {
            let commit: Value = serde_json::from_slice(bytes).unwrap();
            let inputs = commit["inputs"].as_array().unwrap().clone();
            inputs.into_iter().map(|input| input["outcome"].as_str().unwrap().to_owned())
        })
        .collect();
    for outcome in ["converted", "failed", "gone", "replaced", "changed"] {
        assert!(outcomes.contains(outcome), "no `{outcome}` in {outcomes:?}: the other tests would prove little");
    }
}

#[test]
fn a_dropped_row_is_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    let (path, batch) = data_file(&seen, 2);
    let fewer = batch.slice(1, batch.num_rows() - 1);
    replace_rows(&mut seen, &path, &fewer, true);
    assert_violates(&simulation, &seen, &["I1"]);
    let mut seen = simulation.observe(true);
    replace_rows(&mut seen, &path, &fewer, false);
    assert_violates(&simulation, &seen, &["I1", "I6"]);
}

#[test]
fn a_duplicated_row_is_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    let (path, batch) = data_file(&seen, 1);
    let more = concat_batches(&batch.schema(), [&batch, &batch.slice(0, 1)]).unwrap();
    replace_rows(&mut seen, &path, &more, true);
    assert_violates(&simulation, &seen, &["I1", "I3"]);
    let mut seen = simulation.observe(true);
    replace_rows(&mut seen, &path, &more, false);
    assert_violates(&simulation, &seen, &["I1", "I3", "I6"]);
}

#[test]
fn a_row_moved_to_another_hour_is_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    let (path, batch) = data_file(&seen, 2);
    let folder = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
    let others = seen.committed_files();
    let (other_path, other) = others.iter().find(|(other, _)| folder(other) != folder(&path)).unwrap();
    let other = read_batch(other).unwrap();
    let moved = concat_batches(&other.schema(), [&other, &batch.slice(0, 1)]).unwrap();
    replace_rows(&mut seen, &path, &batch.slice(1, batch.num_rows() - 1), true);
    replace_rows(&mut seen, other_path, &moved, true);
    assert_violates(&simulation, &seen, &["I1"]);
}

#[test]
fn a_missing_a_changed_and_a_foreign_data_file_are_found() {
    let simulation = eventful();
    let (path, batch) = data_file(&simulation.observe(true), 1);

    let mut seen = simulation.observe(true);
    seen.table.remove(&path);
    assert_violates(&simulation, &seen, &["I1", "I4", "I6"]);

    let mut seen = simulation.observe(true);
    seen.table.insert(path.clone(), write_batch(&batch));
    assert_violates(&simulation, &seen, &["I4", "I6"]);

    let mut seen = simulation.observe(true);
    seen.table.insert(path.clone(), Bytes::from_static(b"PAR1"));
    assert_violates(&simulation, &seen, &["I1", "I3", "I4", "I6"]);

    let mut seen = simulation.observe(true);
    let empty = write_batch(&batch.slice(0, 0));
    seen.table.insert(path.replace("-000.parquet", "-009.parquet"), empty.clone());
    assert_violates(&simulation, &seen, &["I11"]);
    seen.table.insert(path.replace("/part-", "/copy-of-part-"), empty);
    assert_violates(&simulation, &seen, &["I5", "I11"]);
}

#[test]
fn a_second_write_and_a_deletion_are_found() {
    let simulation = eventful();
    let (path, _) = data_file(&simulation.observe(true), 1);
    let mut seen = simulation.observe(true);
    seen.is_resolved = false;
    seen.deleted.clear();
    seen.puts.values_mut().for_each(|puts| *puts = 1);
    check(&simulation.logs, &seen).unwrap();
    seen.puts.insert(path.clone(), 2);
    assert_violates(&simulation, &seen, &["I5"]);
    seen.puts.insert(path.clone(), 1);
    seen.deleted.push(path.clone());
    assert_violates(&simulation, &seen, &["I5"]);

    // `resolve` may delete only uncommitted files, and each deletion allows one more write.
    seen.is_resolved = true;
    seen.puts.insert(path.clone(), 2);
    check(&simulation.logs, &seen).unwrap();
    seen.puts.insert(path.clone(), 3);
    assert_violates(&simulation, &seen, &["I5"]);
    seen.puts.insert(path.clone(), 2);
    seen.deleted_since.push(path);
    assert_violates(&simulation, &seen, &["I5"]);
}

#[test]
fn an_input_that_was_converted_twice_is_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    let last = seen.state.keys().filter(|name| name.starts_with("log/")).count();
    // A copy of epoch 1 at the end of the log, with only the number changed.
    let (first, again) = (format!("{:010}", 1), format!("{:010}", last + 1));
    let is_of_first = |name: &&String| {
        ["log/", "closed/", "commit/", "gone/", "quarantine/", "seen/"].iter().any(|folder| name.starts_with(folder))
            && name.contains(&first)
    };
    let names: Vec<String> = seen.state.keys().filter(is_of_first).cloned().collect();
    for name in names {
        let copy = name.replace(&first, &again);
        seen.state.insert(copy.clone(), seen.state[&name].clone());
        if copy.starts_with("log/") || copy.starts_with("closed/") {
            edit_record(&mut seen, &copy, |record| record["epoch"] = (last + 1).into());
        }
    }
    assert_violates(&simulation, &seen, &["I1", "I2"]);
}

#[test]
fn a_gap_in_the_log_and_an_epoch_left_open_are_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    seen.state.remove("log/0000000001.json");
    let violations = check(&simulation.logs, &seen).unwrap_err();
    assert!(violations.iter().any(|violation| violation.invariant == "I2"), "{violations:#?}");

    let last = simulation.state.names().into_iter().rfind(|name| name.starts_with("closed/")).unwrap();
    assert!(simulation.state.remove(&last));
    assert_violates(&simulation, &simulation.observe(true), &["I12"]);
    check(&simulation.logs, &simulation.observe(false)).unwrap();
    assert!(simulation.state.remove("closed/0000000001.json"));
    let violations = check(&simulation.logs, &simulation.observe(false)).unwrap_err();
    assert!(violations.iter().any(|violation| violation.invariant == "I2"), "{violations:#?}");
}

#[test]
fn an_unprocessed_object_is_found() {
    let simulation = eventful();
    simulation.logs.add(&[LogObject::make(1, 99, FIRST_HOUR, 0)]);
    assert_violates(&simulation, &simulation.observe(true), &["I12"]);
    check(&simulation.logs, &simulation.observe(false)).unwrap();
    let unsettled = Observations { settled_before: FIRST_HOUR * 3600, ..simulation.observe(true) };
    check(&simulation.logs, &unsettled).unwrap();
}

#[test]
fn falsified_commits_are_found() {
    let simulation = eventful();
    let with_outcome = |seen: &Observations, word: &str| -> (String, usize) {
        let commits = seen.state.iter().filter(|(name, _)| name.starts_with("commit/"));
        let mut found = commits.filter_map(|(name, bytes)| {
            let commit: Value = serde_json::from_slice(bytes).unwrap();
            let inputs = commit["inputs"].as_array().unwrap();
            Some((name.clone(), inputs.iter().position(|input| input["outcome"] == word)?))
        });
        found.next().unwrap()
    };

    let mut seen = simulation.observe(true);
    let (commit, index) = with_outcome(&seen, "converted");
    edit_record(&mut seen, &commit, |commit| {
        let comments = commit["inputs"][index]["comments"].as_u64().unwrap();
        commit["inputs"][index]["comments"] = (comments + 1).into();
    });
    assert_violates(&simulation, &seen, &["I7"]);

    // A damaged object that is recorded as converted without rows.
    let mut seen = simulation.observe(true);
    let (commit, index) = with_outcome(&seen, "failed");
    edit_record(&mut seen, &commit, |commit| commit["inputs"][index]["outcome"] = "converted".into());
    let violations = check(&simulation.logs, &seen).unwrap_err();
    for invariant in ["I1", "I7", "I8", "I14"] {
        assert!(violations.iter().any(|found| found.invariant == invariant), "{invariant}: {violations:#?}");
    }

    let mut seen = simulation.observe(true);
    let (commit, _) = with_outcome(&seen, "converted");
    seen.state.remove(&commit);
    let violations = check(&simulation.logs, &seen).unwrap_err();
    assert!(violations.iter().any(|violation| violation.invariant == "I6"), "{violations:#?}");
}

#[test]
fn a_lost_quarantine_and_a_missing_reject_are_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    let quarantine = name(&seen, "quarantine/");
    seen.state.remove(&quarantine);
    assert_violates(&simulation, &seen, &["I8"]);

    let mut seen = simulation.observe(true);
    let empty = Bytes::from_static(b"");
    edit_record(&mut seen, &quarantine.replace("quarantine/", "commit/").replace(".jsonl.gz", ".json"), |commit| {
        commit["quarantine"]["bytes"] = 0.into();
        commit["quarantine"]["sha256"] = sha256(&empty).into();
    });
    seen.state.insert(quarantine, empty);
    assert_violates(&simulation, &seen, &["I8"]);
}

#[test]
fn wrong_sums_and_wrong_statements_are_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    edit_record(&mut seen, "closed/0000000001.json", |closed| closed["rows"] = 1_000_007.into());
    assert_violates(&simulation, &seen, &["I14"]);

    let mut seen = simulation.observe(true);
    let statements = seen.statements.clone().unwrap();
    seen.statements = Some(statements.iter().map(|sql| sql.replace("`day`='17'", "`day`='21'")).collect());
    assert_violates(&simulation, &seen, &["I14"]);
    seen.statements = Some(statements.iter().map(|sql| sql.replace("IF NOT EXISTS", "")).collect());
    assert_violates(&simulation, &seen, &["I14"]);
    seen.statements = Some(statements[..1].to_vec());
    assert_violates(&simulation, &seen, &["I14"]);

    let mut seen = simulation.observe(true);
    let sql = statements.join(";\n");
    seen.state.insert("ddl/0000000001.sql".to_owned(), sql.replace("`hour`='", "`hour`='1").into());
    assert_violates(&simulation, &seen, &["I14"]);
}

#[test]
fn a_missing_seen_object_is_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    seen.state.remove(&name(&seen, "seen/"));
    assert_violates(&simulation, &seen, &["I2"]);
}

#[test]
fn a_leaked_secret_leftovers_and_foreign_state_are_found() {
    let simulation = eventful();
    let mut seen = simulation.observe(true);
    seen.printed.push(format!("cannot read the line with {SECRET}"));
    assert_violates(&simulation, &seen, &["I15"]);

    let mut seen = simulation.observe(true);
    seen.state.insert("report/0000000001.json".to_owned(), format!("{{\"cookie\":\"{SECRET}\"}}").into());
    assert_violates(&simulation, &seen, &["I15"]);

    let mut seen = simulation.observe(true);
    seen.temporary.push("7-0".to_owned());
    assert_violates(&simulation, &seen, &["I13"]);

    let mut seen = simulation.observe(true);
    seen.state.insert("commit/0000000099/00000.json".to_owned(), Bytes::from_static(b"{}"));
    assert_violates(&simulation, &seen, &["I11"]);
}

#[test]
fn rows_of_another_version_are_found() {
    let simulation = Simulation::new(&first_logs(3));
    simulation.finish("the first run");
    let before = simulation.observe(true);
    check(&simulation.logs, &before).unwrap();
    // The same objects, all in another version: the table has none of their rows.
    let others: Vec<Arc<LogObject>> = (0..16).map(|number| LogObject::make(4, number, 0, 0)).collect();
    let elsewhere = Simulation::new(&others);
    let violations = check(&elsewhere.logs, &before).unwrap_err();
    assert!(violations.iter().any(|violation| violation.invariant == "I1"), "{violations:#?}");
}

#[test]
fn verify_finds_what_the_checker_finds() {
    let simulation = eventful();
    let faults = || -> Vec<&'static str> {
        let options = VerifyOptions { deep: true, since: None, threads: 1 };
        match verify(&simulation.destination(), &options, &Stop::default()) {
            Ok(found) => found.faults.iter().map(|fault| fault.invariant).collect(),
            // Records were adapted, but the records after them name the old digests.
            Err(_) => vec!["stopped"],
        }
    };
    assert!(faults().is_empty(), "{:?}", faults());
    let saved = simulation.save();
    let (path, batch) = data_file(&simulation.observe(true), 2);
    let fewer = batch.slice(1, batch.num_rows() - 1);
    let more = concat_batches(&batch.schema(), [&batch, &batch.slice(0, 1)]).unwrap();
    for (rows, and_records) in [(&fewer, false), (&more, false), (&fewer, true), (&more, true)] {
        simulation.restore(&saved);
        let mut seen = simulation.observe(true);
        replace_rows(&mut seen, &path, rows, and_records);
        simulation.table.insert(&path, &seen.table[&path]);
        seen.state.iter().for_each(|(name, bytes)| simulation.state.insert(name, bytes));
        assert!(!faults().is_empty(), "{} rows instead of {}", rows.num_rows(), batch.num_rows());
    }
    simulation.restore(&saved);
    assert!(simulation.table.remove(&path));
    assert!(faults().contains(&"I6"), "{:?}", faults());
    simulation.restore(&saved);
    simulation.table.insert(&path.replace("-000.parquet", "-009.parquet"), &write_batch(&batch));
    assert!(faults().contains(&"I11"), "{:?}", faults());
}

#[test]
fn broken_checksums_and_digests_are_found() {
    let simulation = eventful();
    let seen = simulation.observe(true);
    assert_eq!(seal_faults(&seen.state), Vec::<String>::new());
    for folder in ["table.json", "log/", "plan/", "gone/", "commit/", "closed/", "seen/"] {
        let name = name(&seen, folder);
        let (first, last) =
            (seen.state[&name].clone(), seen.state.keys().rfind(|name| name.starts_with(folder)).unwrap());
        let mut state = seen.state.clone();
        let garbage = first.iter().rev().copied().collect::<Vec<u8>>();
        state.insert(name.clone(), garbage.into());
        assert!(!seal_faults(&state).is_empty(), "{name}");
        let of_another = seen.state[last].clone();
        if of_another != first && folder != "plan/" {
            state.insert(name.clone(), of_another);
            assert!(!seal_faults(&state).is_empty(), "{name}");
        }
    }
}
