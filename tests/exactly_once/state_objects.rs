//! Deletes or truncates each object of a state in turn, or replaces it with garbage or a newer format. The next run
//! refuses with a message and writes nothing, or the table is exact afterwards: `kinds` says which.

mod exchanged;
mod kinds;

use lakefront_operations::rebuild_state;

use self::kinds::{DAMAGES, Damage, Expected, Kind, commit_of, damaged};
use crate::{
    invariants::Files,
    logs::{FIRST_HOUR, LogObject},
    run_driver::{Command, RunRequest},
    simulation::{Saved, Simulation, first_logs, later_logs},
};

const SEED: u64 = 5;

/// Returns several closed epochs, with new objects to convert.
fn between_epochs() -> (Simulation, Saved) {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    // New objects of the same days, so that all of `seen` is read.
    simulation.logs.set(&later_logs(SEED));
    let saved = simulation.save();
    (simulation, saved)
}

/// Returns the same within an epoch, after a run crashed that left a matching state.
fn within_epoch(matches: fn(&Files) -> bool) -> (Simulation, Saved) {
    let (simulation, _) = between_epochs();
    crash_into(simulation, matches)
}

/// Returns the same, after inputs of an epoch vanished or were replaced before they were read.
fn within_epoch_with_lost_inputs(matches: fn(&Files) -> bool) -> (Simulation, Saved) {
    let (simulation, _) = between_epochs();
    // Early enough that they are planned first.
    let late: Vec<_> = (24..36).map(|number| LogObject::make(SEED, number, FIRST_HOUR, 0)).collect();
    simulation.logs.add(&late);
    simulation.crash_until(|simulation| simulation.open_epoch().is_some());
    // Some of the planned objects are missing now.
    let is_kept = |object: &LogObject| !late.iter().step_by(2).any(|late| late.name == object.name);
    let left: Vec<_> = simulation.logs.present().into_iter().filter(|object| is_kept(object)).collect();
    simulation.logs.set(&left);
    simulation.wait_for_leases();
    crash_into(simulation, matches)
}

fn crash_into(simulation: Simulation, matches: fn(&Files) -> bool) -> (Simulation, Saved) {
    simulation.crash_until(|simulation| matches(&simulation.observe(false).state));
    simulation.wait_for_leases();
    let saved = simulation.save();
    (simulation, saved)
}

/// Damages each object in turn, and returns their kinds.
fn damage_each(simulation: &Simulation, saved: &Saved) -> Vec<Kind> {
    let state = simulation.observe(false).state;
    let mut kinds = Vec::new();
    for (name, bytes) in &state {
        let kind = Kind::of(name, &state);
        kinds.push(kind);
        for damage in DAMAGES {
            let after = damaged(name, bytes, damage);
            if after.is_none() && damage != Damage::Deleted {
                continue;
            }
            simulation.restore(saved);
            match &after {
                Some(after) => simulation.state.insert(name, after),
                None => assert!(simulation.state.remove(name)),
            }
            simulation.wait_for_leases();
            let writes = simulation.writes();
            let result = simulation.run(&RunRequest::without_faults(Command::Convert));
            let when = format!("`{name}` {damage:?}");
            match kind.expected(damage) {
                expected @ (Expected::Refused | Expected::Stopped) => {
                    let error = result.error.unwrap_or_else(|| panic!("{when}: the run continued"));
                    assert!(result.is_explained, "{when}: no hint for {error}");
                    let is_named = error.contains(name.as_str()) || damage == Damage::Deleted;
                    assert!(is_named, "{when}: the message names another object: {error}");
                    assert!(!result.is_active, "{when}: {error}");
                    let news = simulation.writes() - writes;
                    let may_write = expected == Expected::Stopped;
                    assert!(may_write || news == 0, "{when}: refused, but {news} objects were written: {error}");
                    // With the object restored, the next run succeeds.
                    simulation.state.insert(name, bytes);
                    simulation.finish(&when);
                }
                Expected::Exact => {
                    assert_eq!(result.error, None, "{when}");
                    let now = simulation.state.bytes(name);
                    if now == after {
                        // An object that is no longer read stays damaged, but the checker reads everything.
                        simulation.state.insert(name, bytes);
                    } else if kind.is_decided() {
                        assert_eq!(now.as_deref(), Some(&bytes[..]), "{when}: it was rewritten with other bytes");
                    }
                    simulation.assert_settled(&when);
                    simulation.assert_idle(&when);
                }
            }
        }
    }
    kinds
}

#[test]
fn a_damaged_state_between_epochs_is_refused_or_harmless() {
    let (simulation, saved) = between_epochs();
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::Table, Kind::OldLog, Kind::LastLog, Kind::OldClosed, Kind::LastClosed, Kind::Seen] {
        assert!(kinds.contains(&kind), "no {kind:?}");
    }
}

/// Returns whether the state has a matching object.
fn has_open(state: &Files, matches: impl Fn(Kind) -> bool) -> bool {
    state.keys().any(|name| matches(Kind::of(name, state)))
}

#[test]
fn a_damaged_state_within_an_epoch_is_refused_or_harmless() {
    let (simulation, saved) = within_epoch(|state| has_open(state, |kind| kind == Kind::OpenCommit));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::LastLog, Kind::OpenPlan, Kind::ClosedBeforeOpen, Kind::OpenCommit, Kind::Lease] {
        assert!(kinds.contains(&kind), "no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_stores_its_rows_is_refused_or_harmless() {
    let (simulation, saved) = within_epoch(|state| {
        has_open(state, |kind| kind == Kind::OpenQuarantine) && has_open(state, |kind| kind == Kind::OpenGone)
    });
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::OpenGone, Kind::CommittedGone, Kind::OpenQuarantine, Kind::CommittedQuarantine] {
        assert!(kinds.contains(&kind), "no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_lost_inputs_is_refused_or_harmless() {
    let (simulation, saved) = within_epoch_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::OpenGoneSome));
    let kinds = damage_each(&simulation, &saved);
    assert!(kinds.contains(&Kind::OpenGoneSome));
    // The same after that task is committed, while its epoch is still open.
    let (simulation, saved) =
        within_epoch_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::CommittedGoneSome));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::CommittedGoneSome, Kind::OpenCommit] {
        assert!(kinds.contains(&kind), "no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_partly_closed_epoch_is_refused_or_harmless() {
    let (simulation, saved) = within_epoch(|state| has_open(state, |kind| kind == Kind::OpenSeen));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::OpenSeen, Kind::ClosingCommit, Kind::SeenWhileOpen] {
        assert!(kinds.contains(&kind), "no {kind:?}");
    }
    // The run crashed between two `seen` objects, as the epoch has more than one day.
    let seen = kinds.iter().filter(|kind| **kind == Kind::OpenSeen).count();
    simulation.restore(&saved);
    simulation.finish("the next run");
    let end = format!("/{:010}", simulation.state.names().iter().filter(|name| name.starts_with("closed/")).count());
    let days = simulation.state.names().iter().filter(|name| name.starts_with("seen/") && name.ends_with(&end)).count();
    assert!(seen < days, "{seen} of {days}");
}

#[test]
fn a_damaged_quarantine_of_an_uncommitted_task_is_not_accepted() {
    let (simulation, saved) = within_epoch(|state| {
        state.keys().any(|name| name.starts_with("quarantine/") && !state.contains_key(&commit_of(name)))
    });
    simulation.restore(&saved);
    let state = simulation.observe(false).state;
    let name = state.keys().find(|name| Kind::of(name, &state) == Kind::OpenQuarantine).unwrap();
    simulation.state.insert(name, b"{}");
    let result = simulation.run(&RunRequest::without_faults(Command::Convert));
    let (needs_resolve, error) = (result.needs_resolve(), result.error.unwrap());
    assert!(error.contains(name.as_str()) && needs_resolve, "{error}");
    let resolved = simulation.run(&RunRequest::without_faults(Command::Resolve));
    assert_eq!(resolved.error, None);
    simulation.finish("after `resolve`");
}

#[test]
fn a_data_file_of_an_uncommitted_task_with_other_bytes_is_not_accepted() {
    let (simulation, _) = between_epochs();
    let uncommitted = |simulation: &Simulation| -> Vec<String> {
        let seen = simulation.observe(false);
        let committed = seen.committed_files();
        seen.table.into_keys().filter(|name| !committed.contains_key(name)).collect()
    };
    simulation.crash_until(|simulation| uncommitted(simulation).len() > 1);
    simulation.wait_for_leases();
    let saved = simulation.save();
    for name in uncommitted(&simulation) {
        let bytes = simulation.table.bytes(&name).unwrap();
        let other_of_that_length = vec![b'x'; bytes.len()];
        for other in [&other_of_that_length[..], &bytes[..bytes.len() - 1], b""] {
            simulation.restore(&saved);
            simulation.table.insert(&name, other);
            let result = simulation.run(&RunRequest::without_faults(Command::Convert));
            let needs_resolve = result.needs_resolve();
            let error = result.error.unwrap_or_else(|| panic!("{name}: the run continued"));
            assert!(error.contains(name.as_str()) && needs_resolve, "{name}: {error}");
            assert_eq!(simulation.run_alone(Command::Resolve, &name).error, None, "{name}");
            simulation.finish(&name);
            assert_eq!(simulation.table.bytes(&name).unwrap(), bytes, "{name}");
        }
    }
}

#[test]
fn a_state_without_its_table_and_a_table_without_its_state_are_refused() {
    let (simulation, saved) = between_epochs();
    let refuses = |what: &str| {
        let writes = simulation.writes();
        let result = simulation.run(&RunRequest::without_faults(Command::Convert));
        let error = result.error.unwrap_or_else(|| panic!("{what}: the run continued"));
        assert!(result.is_explained, "{what}: {error}");
        assert_eq!(simulation.writes(), writes, "{what}: {error}");
    };
    simulation.table.names().iter().for_each(|name| assert!(simulation.table.remove(name)));
    refuses("a state without its table");
    simulation.restore(&saved);
    simulation.state.names().iter().for_each(|name| assert!(simulation.state.remove(name)));
    refuses("a table without its state");
    simulation.restore(&saved);
    simulation.state.insert("log/0000000099.json", b"{}");
    refuses("a log with a foreign record");
}

#[test]
fn derived_records_are_rebuilt_as_they_were() {
    let (simulation, saved) = between_epochs();
    let before = simulation.observe(true).state;
    let is_rebuilt = |name: &&String| name.starts_with("seen/") || name.starts_with("closed/");
    let names: Vec<&String> = before.keys().filter(is_rebuilt).collect();
    for kept in 0..=names.len() {
        simulation.restore(&saved);
        for (index, name) in names.iter().enumerate().filter(|(index, _)| *index != kept) {
            // Every other record is damaged instead of deleted.
            if index % 2 == 0 {
                assert!(simulation.state.remove(name));
            } else {
                simulation.state.insert(name, b"{\"for");
            }
        }
        let rebuilt = rebuild_state(&simulation.destination()).unwrap();
        assert_eq!(rebuilt.epochs, before.keys().filter(|name| name.starts_with("closed/")).count() as u64);
        assert_eq!(simulation.observe(false).state, before, "all but {kept}");
        simulation.finish("after `rebuild-state`");
    }
}

#[test]
fn a_state_folder_with_foreign_files_is_refused() {
    let simulation = Simulation::new(&[LogObject::make(SEED, 0, FIRST_HOUR, 0)]);
    simulation.state.insert("notes.txt", b"mine");
    let result = simulation.run(&RunRequest::without_faults(Command::Convert));
    assert!(result.error.is_some_and(|error| error.contains("notes.txt")));
    assert_eq!(simulation.writes(), 0);
}
