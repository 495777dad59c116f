//! Every object of a state, one at a time, is deleted, cut short, replaced by garbage, or made by a newer version. The next
//! run refuses with a message and writes nothing, or it ends exact: which of the two, `kinds` says.

mod exchanged;
mod kinds;

use lakefront_operations::rebuild_state;

use self::kinds::{DAMAGES, Damage, Expected, Kind, commit_beside, damaged};
use crate::{
    ask::{Ask, Verb},
    invariants::Files,
    logs::{FIRST_HOUR, LogObject},
    world::{Saved, World, first_logs, later_logs},
};

const SEED: u64 = 5;

/// Several closed epochs, and news on disk.
fn closed_world() -> (World, Saved) {
    let world = World::new(&first_logs(SEED));
    world.finish("the first run");
    // Objects of the same days again, so that all that was seen is read.
    world.logs.hold(&later_logs(SEED));
    let saved = world.save();
    (world, saved)
}

/// The same in the middle of an epoch: a run crashed that left such a state.
fn open_world(is_such: fn(&Files) -> bool) -> (World, Saved) {
    let (world, _) = closed_world();
    left_as(world, is_such)
}

/// The same, after inputs of an epoch vanished and were replaced before they were read.
fn open_world_with_lost_inputs(is_such: fn(&Files) -> bool) -> (World, Saved) {
    let (world, _) = closed_world();
    // So old that they are planned first.
    let late: Vec<_> = (24..36).map(|number| LogObject::make(SEED, number, FIRST_HOUR, 0)).collect();
    world.logs.add(&late);
    world.crash_until(|world| world.open_epoch().is_some());
    // Some of the objects that it planned are not there any more.
    let is_kept = |object: &LogObject| !late.iter().step_by(2).any(|late| late.name == object.name);
    let left: Vec<_> = world.logs.present().into_iter().filter(|object| is_kept(object)).collect();
    world.logs.hold(&left);
    world.wait_for_leases();
    left_as(world, is_such)
}

fn left_as(world: World, is_such: fn(&Files) -> bool) -> (World, Saved) {
    world.crash_until(|world| is_such(&world.look(false).state));
    world.wait_for_leases();
    let saved = world.save();
    (world, saved)
}

/// Damages each object in turn.
fn damage_each(world: &World, saved: &Saved) -> Vec<Kind> {
    let state = world.look(false).state;
    let mut kinds = Vec::new();
    for (name, bytes) in &state {
        let kind = Kind::of(name, &state);
        kinds.push(kind);
        for damage in DAMAGES {
            let after = damaged(name, bytes, damage);
            if after.is_none() && damage != Damage::Deleted {
                continue;
            }
            world.restore(saved);
            match &after {
                Some(after) => world.state.insert(name, after),
                None => assert!(world.state.remove(name)),
            }
            world.wait_for_leases();
            let writes = world.writes();
            let ran = world.run(&Ask::undisturbed(Verb::Convert));
            let when = format!("`{name}` {damage:?}");
            match kind.expected(damage) {
                expected @ (Expected::Refused | Expected::Stopped) => {
                    let error = ran.error.unwrap_or_else(|| panic!("{when}: the run went on"));
                    assert!(ran.is_explained, "{when}: what is to be done? {error}");
                    let is_named = error.contains(name.as_str()) || damage == Damage::Deleted;
                    assert!(is_named, "{when}: the message names another object: {error}");
                    assert!(!ran.is_active, "{when}: {error}");
                    let news = world.writes() - writes;
                    let may_write = expected == Expected::Stopped;
                    assert!(may_write || news == 0, "{when}: refused, and yet {news} things were written: {error}");
                    // With the object put back, all is well.
                    world.state.insert(name, bytes);
                    world.finish(&when);
                }
                Expected::Exact => {
                    assert_eq!(ran.error, None, "{when}");
                    let now = world.state.bytes(name);
                    if now == after {
                        // What nobody reads any more stays damaged; the checker reads everything.
                        world.state.insert(name, bytes);
                    } else if kind.is_decided() {
                        assert_eq!(now.as_deref(), Some(&bytes[..]), "{when}: it was made anew, and is another");
                    }
                    world.assert_settled(&when);
                    world.assert_idle(&when);
                }
            }
        }
    }
    kinds
}

#[test]
fn a_damaged_state_between_epochs_is_refused_or_does_not_matter() {
    let (world, saved) = closed_world();
    let kinds = damage_each(&world, &saved);
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
    let (world, saved) = open_world(|state| has_open(state, |kind| kind == Kind::OpenCommit));
    let kinds = damage_each(&world, &saved);
    for kind in [Kind::LastLog, Kind::OpenPlan, Kind::ClosedBeforeOpen, Kind::OpenCommit, Kind::Lease] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_stores_its_rows_is_refused_or_does_not_matter() {
    let (world, saved) = open_world(|state| {
        has_open(state, |kind| kind == Kind::OpenQuarantine) && has_open(state, |kind| kind == Kind::OpenGone)
    });
    let kinds = damage_each(&world, &saved);
    for kind in [Kind::OpenGone, Kind::CommittedGone, Kind::OpenQuarantine, Kind::CommittedQuarantine] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_a_task_that_lost_inputs_is_refused_or_does_not_matter() {
    let (world, saved) = open_world_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::OpenGoneSome));
    let kinds = damage_each(&world, &saved);
    assert!(kinds.contains(&Kind::OpenGoneSome));
    // And once more when that task is committed and its epoch still open.
    let (world, saved) = open_world_with_lost_inputs(|state| has_open(state, |kind| kind == Kind::CommittedGoneSome));
    let kinds = damage_each(&world, &saved);
    for kind in [Kind::CommittedGoneSome, Kind::OpenCommit] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
}

#[test]
fn a_damaged_state_of_an_epoch_that_is_half_closed_is_refused_or_does_not_matter() {
    let (world, saved) = open_world(|state| has_open(state, |kind| kind == Kind::OpenSeen));
    let kinds = damage_each(&world, &saved);
    for kind in [Kind::OpenSeen, Kind::ClosingCommit, Kind::SeenWhileOpen] {
        assert!(kinds.contains(&kind), "there is no {kind:?}");
    }
    // It crashed between two of them, as the epoch is of more than one day.
    let seen = kinds.iter().filter(|kind| **kind == Kind::OpenSeen).count();
    world.restore(&saved);
    world.finish("the next run");
    let end = format!("/{:010}", world.state.names().iter().filter(|name| name.starts_with("closed/")).count());
    let days = world.state.names().iter().filter(|name| name.starts_with("seen/") && name.ends_with(&end)).count();
    assert!(seen < days, "{seen} of {days}");
}

#[test]
fn a_damaged_quarantine_of_an_uncommitted_task_is_not_taken_for_its_own() {
    let (world, saved) = open_world(|state| {
        state.keys().any(|name| name.starts_with("quarantine/") && !state.contains_key(&commit_beside(name)))
    });
    world.restore(&saved);
    let state = world.look(false).state;
    let name = state.keys().find(|name| Kind::of(name, &state) == Kind::OpenQuarantine).unwrap();
    world.state.insert(name, b"{}");
    let ran = world.run(&Ask::undisturbed(Verb::Convert));
    let error = ran.error.unwrap();
    assert!(error.contains(name.as_str()) && error.contains("lakefront resolve"), "{error}");
    let resolved = world.run(&Ask::undisturbed(Verb::Resolve));
    assert_eq!(resolved.error, None);
    world.finish("after `resolve`");
}

#[test]
fn a_data_file_of_an_uncommitted_task_with_other_bytes_is_not_taken_for_its_own() {
    let (world, _) = closed_world();
    let uncommitted = |world: &World| -> Vec<String> {
        let seen = world.look(false);
        let committed = seen.committed_files();
        seen.table.into_keys().filter(|name| !committed.contains_key(name)).collect()
    };
    world.crash_until(|world| uncommitted(world).len() > 1);
    world.wait_for_leases();
    let saved = world.save();
    for name in uncommitted(&world) {
        let bytes = world.table.bytes(&name).unwrap();
        let other_of_that_length = vec![b'x'; bytes.len()];
        for other in [&other_of_that_length[..], &bytes[..bytes.len() - 1], b""] {
            world.restore(&saved);
            world.table.insert(&name, other);
            let error = world.run(&Ask::undisturbed(Verb::Convert)).error.unwrap_or_else(|| panic!("{name}: went on"));
            assert!(error.contains(name.as_str()) && error.contains("lakefront resolve"), "{name}: {error}");
            assert_eq!(world.run_alone(Verb::Resolve, &name).error, None, "{name}");
            world.finish(&name);
            assert_eq!(world.table.bytes(&name).unwrap(), bytes, "{name}");
        }
    }
}

#[test]
fn a_table_that_is_gone_or_has_no_state_is_refused() {
    let (world, saved) = closed_world();
    let refuses = |what: &str| {
        let writes = world.writes();
        let ran = world.run(&Ask::undisturbed(Verb::Convert));
        let error = ran.error.unwrap_or_else(|| panic!("{what}: went on"));
        assert!(ran.is_explained, "{what}: {error}");
        assert_eq!(world.writes(), writes, "{what}: {error}");
    };
    world.table.names().iter().for_each(|name| assert!(world.table.remove(name)));
    refuses("a state without its table");
    world.restore(&saved);
    world.state.names().iter().for_each(|name| assert!(world.state.remove(name)));
    refuses("a table without its state");
    world.restore(&saved);
    world.state.insert("log/0000000099.json", b"{}");
    refuses("a log with a foreign record");
}

#[test]
fn what_follows_from_the_log_is_rebuilt_as_it_was() {
    let (world, saved) = closed_world();
    let before = world.look(true).state;
    let is_rebuilt = |name: &&String| name.starts_with("seen/") || name.starts_with("closed/");
    let names: Vec<&String> = before.keys().filter(is_rebuilt).collect();
    for kept in 0..=names.len() {
        world.restore(&saved);
        for (index, name) in names.iter().enumerate().filter(|(index, _)| *index != kept) {
            // Every other one is damaged rather than gone.
            if index % 2 == 0 { assert!(world.state.remove(name)) } else { world.state.insert(name, b"{\"for") }
        }
        let rebuilt = rebuild_state(&world.destination()).unwrap();
        assert_eq!(rebuilt.epochs, before.keys().filter(|name| name.starts_with("closed/")).count() as u64);
        assert_eq!(world.look(false).state, before, "all but {kept}");
        world.finish("after `rebuild-state`");
    }
}

#[test]
fn what_others_left_in_the_state_folder_is_not_built_upon() {
    let world = World::new(&[LogObject::make(SEED, 0, FIRST_HOUR, 0)]);
    world.state.insert("notes.txt", b"mine");
    let ran = world.run(&Ask::undisturbed(Verb::Convert));
    assert!(ran.error.is_some_and(|error| error.contains("notes.txt")));
    assert_eq!(world.writes(), 0);
}
