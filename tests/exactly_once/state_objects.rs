//! Every object of a state, one at a time, is deleted, cut short, replaced by garbage, or made by a newer version. The next
//! run refuses with a message and writes nothing, or it ends exact: which of the two, `kinds` says.

mod exchanged;
mod kinds;

use lakefront_operations::rebuild_state;

use self::kinds::{DAMAGES, Damage, Expected, Kind, commit_beside, damaged};
use crate::{
    invariants::Files,
    logs::{FIRST_HOUR, LogObject},
    run_driver::{Command, RunRequest},
    simulation::{Saved, Simulation, first_logs, later_logs},
};

const SEED: u64 = 5;

/// Several closed epochs, and news on disk.
fn closed_world() -> (Simulation, Saved) {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    // Objects of the same days again, so that all that was seen is read.
    simulation.logs.hold(&later_logs(SEED));
    let saved = simulation.save();
    (simulation, saved)
}

/// The same in the middle of an epoch: a run crashed that left such a state.
fn open_world(is_such: fn(&Files) -> bool) -> (Simulation, Saved) {
    let (simulation, _) = closed_world();
    left_as(simulation, is_such)
}

/// The same, after inputs of an epoch vanished and were replaced before they were read.
fn open_world_with_lost_inputs(is_such: fn(&Files) -> bool) -> (Simulation, Saved) {
    let (simulation, _) = closed_world();
    // So old that they are planned first.
    let late: Vec<_> = (24..36).map(|number| LogObject::make(SEED, number, FIRST_HOUR, 0)).collect();
    simulation.logs.add(&late);
    simulation.crash_until(|simulation| simulation.open_epoch().is_some());
    // Some of the objects that it planned are not there any more.
    let is_kept = |object: &LogObject| !late.iter().step_by(2).any(|late| late.name == object.name);
    let left: Vec<_> = simulation.logs.present().into_iter().filter(|object| is_kept(object)).collect();
    simulation.logs.hold(&left);
    simulation.wait_for_leases();
    left_as(simulation, is_such)
}

fn left_as(simulation: Simulation, is_such: fn(&Files) -> bool) -> (Simulation, Saved) {
    simulation.crash_until(|simulation| is_such(&simulation.look(false).state));
    simulation.wait_for_leases();
    let saved = simulation.save();
    (simulation, saved)
}

/// Damages each object in turn.
fn damage_each(simulation: &Simulation, saved: &Saved) -> Vec<Kind> {
    let state = simulation.look(false).state;
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
            let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
            let when = format!("`{name}` {damage:?}");
            match kind.expected(damage) {
                expected @ (Expected::Refused | Expected::Stopped) => {
                    let error = result.error.unwrap_or_else(|| panic!("{when}: the run went on"));
                    assert!(result.is_explained, "{when}: what is to be done? {error}");
                    let is_named = error.contains(name.as_str()) || damage == Damage::Deleted;
                    assert!(is_named, "{when}: the message names another object: {error}");
                    assert!(!result.is_active, "{when}: {error}");
                    let news = simulation.writes() - writes;
                    let may_write = expected == Expected::Stopped;
                    assert!(may_write || news == 0, "{when}: refused, and yet {news} things were written: {error}");
                    // With the object put back, all is well.
                    simulation.state.insert(name, bytes);
                    simulation.finish(&when);
                }
                Expected::Exact => {
                    assert_eq!(result.error, None, "{when}");
                    let now = simulation.state.bytes(name);
                    if now == after {
                        // What nobody reads any more stays damaged; the checker reads everything.
                        simulation.state.insert(name, bytes);
                    } else if kind.is_decided() {
                        assert_eq!(now.as_deref(), Some(&bytes[..]), "{when}: it was made anew, and is another");
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
fn a_damaged_state_between_epochs_is_refused_or_does_not_matter() {
    let (simulation, saved) = closed_world();
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::Table, Kind::OldLog, Kind::LastLog, Kind::OldClosed, Kind::LastClosed, Kind::Seen] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

/// Whether the open epoch has an object such as this.
fn has_open(state: &Files, is_such: impl Fn(Kind) -> bool) -> bool {
    state.keys().any(|name| is_such(Kind::of(name, state)))
}

#[test]
fn a_damaged_state_within_an_epoch_is_refused_or_does_not_matter() {
    let (simulation, saved) = open_world(|state| has_open(state, |kind| kind == Kind::OpenCommit));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::LastLog, Kind::OpenPlan, Kind::ClosedBeforeOpen, Kind::OpenCommit, Kind::Lease] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_stores_its_rows_is_refused_or_does_not_matter() {
    let (simulation, saved) = open_world(|state| {
        has_open(state, |kind| kind == Kind::OpenQuarantine) && has_open(state, |kind| kind == Kind::OpenGone)
    });
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::OpenGone, Kind::CommittedGone, Kind::OpenQuarantine, Kind::CommittedQuarantine] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_lost_inputs_is_refused_or_does_not_matter() {
    let (simulation, saved) = open_world_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::OpenGoneSome));
    let kinds = damage_each(&simulation, &saved);
    assert!(kinds.contains(&Kind::OpenGoneSome));
    // And once more when that task is committed and its epoch still open.
    let (simulation, saved) =
        open_world_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::CommittedGoneSome));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::CommittedGoneSome, Kind::OpenCommit] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_an_epoch_that_is_half_closed_is_refused_or_does_not_matter() {
    let (simulation, saved) = open_world(|state| has_open(state, |kind| kind == Kind::OpenSeen));
    let kinds = damage_each(&simulation, &saved);
    for kind in [Kind::OpenSeen, Kind::ClosingCommit, Kind::SeenWhileOpen] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
    // It crashed between two of them, as the epoch is of more than one day.
    let seen = kinds.iter().filter(|kind| **kind == Kind::OpenSeen).count();
    simulation.restore(&saved);
    simulation.finish("the next run");
    let end = format!("/{:010}", simulation.state.names().iter().filter(|name| name.starts_with("closed/")).count());
    let days = simulation.state.names().iter().filter(|name| name.starts_with("seen/") && name.ends_with(&end)).count();
    assert!(seen < days, "{seen} of {days}");
}

#[test]
fn a_damaged_quarantine_of_an_uncommitted_task_is_not_taken_for_its_own() {
    let (simulation, saved) = open_world(|state| {
        state.keys().any(|name| name.starts_with("quarantine/") && !state.contains_key(&commit_beside(name)))
    });
    simulation.restore(&saved);
    let state = simulation.look(false).state;
    let name = state.keys().find(|name| Kind::of(name, &state) == Kind::OpenQuarantine).unwrap();
    simulation.state.insert(name, b"{}");
    let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
    let (asks_to_resolve, error) = (result.asks_to_resolve(), result.error.unwrap());
    assert!(error.contains(name.as_str()) && asks_to_resolve, "{error}");
    let resolved = simulation.run(&RunRequest::undisturbed(Command::Resolve));
    assert_eq!(resolved.error, None);
    simulation.finish("after `resolve`");
}

#[test]
fn a_data_file_of_an_uncommitted_task_with_other_bytes_is_not_taken_for_its_own() {
    let (simulation, _) = closed_world();
    let uncommitted = |simulation: &Simulation| -> Vec<String> {
        let seen = simulation.look(false);
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
            let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
            let asks_to_resolve = result.asks_to_resolve();
            let error = result.error.unwrap_or_else(|| panic!("{name}: the run continued"));
            assert!(error.contains(name.as_str()) && asks_to_resolve, "{name}: {error}");
            assert_eq!(simulation.run_alone(Command::Resolve, &name).error, None, "{name}");
            simulation.finish(&name);
            assert_eq!(simulation.table.bytes(&name).unwrap(), bytes, "{name}");
        }
    }
}

#[test]
fn a_table_that_is_gone_or_has_no_state_is_refused() {
    let (simulation, saved) = closed_world();
    let refuses = |what: &str| {
        let writes = simulation.writes();
        let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
        let error = result.error.unwrap_or_else(|| panic!("{what}: went on"));
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
fn what_follows_from_the_log_is_rebuilt_as_it_was() {
    let (simulation, saved) = closed_world();
    let before = simulation.look(true).state;
    let is_rebuilt = |name: &&String| name.starts_with("seen/") || name.starts_with("closed/");
    let names: Vec<&String> = before.keys().filter(is_rebuilt).collect();
    for kept in 0..=names.len() {
        simulation.restore(&saved);
        for (index, name) in names.iter().enumerate().filter(|(index, _)| *index != kept) {
            // Every other one is damaged rather than gone.
            if index % 2 == 0 {
                assert!(simulation.state.remove(name));
            } else {
                simulation.state.insert(name, b"{\"for");
            }
        }
        let rebuilt = rebuild_state(&simulation.destination()).unwrap();
        assert_eq!(rebuilt.epochs, before.keys().filter(|name| name.starts_with("closed/")).count() as u64);
        assert_eq!(simulation.look(false).state, before, "all but {kept}");
        simulation.finish("after `rebuild-state`");
    }
}

#[test]
fn what_others_left_in_the_state_folder_is_not_built_upon() {
    let simulation = Simulation::new(&[LogObject::make(SEED, 0, FIRST_HOUR, 0)]);
    simulation.state.insert("notes.txt", b"mine");
    let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
    assert!(result.error.is_some_and(|error| error.contains("notes.txt")));
    assert_eq!(simulation.writes(), 0);
}
