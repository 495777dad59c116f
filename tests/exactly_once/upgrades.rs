//! Tables of earlier versions, whose records have no checksums: they stay usable, an open epoch is finished in its own
//! format, and once a record has a checksum, all later ones must have one.

use std::collections::BTreeMap;

use lakefront_operations::{Stop, Verification, VerifyOptions, rebuild_state, verify};

use crate::{
    ask::{Ask, Verb},
    invariants::{Files, without_checksums},
    world::{World, first_logs, later_logs},
};

const SEED: u64 = 23;

fn verified(world: &World) -> Result<Verification, lakefront_operations::Error> {
    verify(&world.destination(), &VerifyOptions { deep: true, since: None, threads: 1 }, &Stop::default())
}

/// The formats of log records, by epoch.
fn formats(world: &World) -> Vec<u64> {
    world.epochs().iter().map(|epoch| epoch.format).collect()
}

/// Returns the objects of the state that are a function of its decisions.
fn decided(state: &Files) -> BTreeMap<&String, &bytes::Bytes> {
    let folders = ["table.json", "log/", "plan/", "gone/", "commit/", "quarantine/", "seen/", "closed/"];
    state.iter().filter(|(name, _)| folders.iter().any(|folder| name.starts_with(folder))).collect()
}

#[test]
fn an_epoch_that_an_earlier_version_began_is_finished_as_that_would_have_done_it() {
    let world = World::new(&first_logs(SEED));
    world.finish("the first run");
    world.logs.hold(&later_logs(SEED));
    let saved = world.save();
    let mut tried = 0;
    for crash in 1.. {
        world.restore(&saved);
        let faults = lakefront_storage::testing::Faults::crash_after(crash);
        world.convert(&faults);
        if !faults.is_crashed() {
            break;
        }
        if world.open_epoch().is_none() || crash % 3 != 0 {
            continue;
        }
        tried += 1;
        let when = format!("a crash after operation {crash}");
        let middle = world.save();
        world.wait_for_leases();
        let open = u64::try_from(world.open_epoch().unwrap()).unwrap();
        // The expected state: the epoch finished with checksums, and these taken out.
        let as_it_was = without_checksums(&world.look(false).state, |_| true);
        assert_eq!(world.run(&Ask::undisturbed(Verb::Convert)).error, None, "{when}");
        let expected = without_checksums(&world.look(false).state, |epoch| epoch <= open);
        world.restore(&middle);
        world.hold_state(&as_it_was);
        world.finish(&when);
        let end = world.look(true).state;
        let is_of_old = |name: &String| {
            let digits = name.split(['/', '-', '.']).find(|part| part.len() == 10 && part.parse::<u64>().is_ok());
            digits.is_none_or(|digits| digits.parse::<u64>().unwrap() <= open)
        };
        for (name, bytes) in decided(&expected).into_iter().filter(|(name, _)| is_of_old(name)) {
            assert!(end.get(name) == Some(bytes), "{when}: `{name}` is another");
        }
        let found = verified(&world).unwrap();
        assert_eq!((found.faults, found.epochs_without_checksums), (vec![], open), "{when}");
    }
    assert!(tried > 5, "{tried}");
}

/// Epochs without checksums, then some with.
fn mixed() -> World {
    let world = World::new(&first_logs(SEED));
    world.finish("the first run");
    world.hold_state(&without_checksums(&world.look(false).state, |_| true));
    world.logs.hold(&later_logs(SEED));
    world.finish("the first run of this version");
    world.logs.add(&[crate::logs::LogObject::make(SEED, 77, crate::logs::FIRST_HOUR, 0)]);
    world.finish("the second run of this version");
    let formats = formats(&world);
    assert!(formats.contains(&1) && formats.is_sorted() && formats.ends_with(&[3, 3]), "{formats:?}");
    world
}

#[test]
fn a_table_whose_log_has_records_with_and_without_checksums_is_made_anew_as_it_was() {
    let world = mixed();
    let before = world.look(true).state;
    for name in before.keys().filter(|name| name.starts_with("seen/") || name.starts_with("closed/")) {
        assert!(world.state.remove(name));
    }
    rebuild_state(&world.destination()).unwrap();
    assert!(world.look(false).state == before);
    world.assert_settled("after `rebuild-state`");
    let found = verified(&world).unwrap();
    let without = formats(&world).iter().filter(|format| **format < 3).count() as u64;
    assert_eq!((found.faults, found.epochs_without_checksums), (vec![], without));
}

#[test]
fn a_record_without_a_checksum_is_refused_after_one_with() {
    let world = mixed();
    let saved = world.save();
    let state = world.look(true).state;
    let last = formats(&world).len() as u64;
    let all_of = |epoch: u64| without_checksums(&state, |of| of == epoch);
    let refuses = |changed: &Files, what: &str| {
        world.restore(&saved);
        world.hold_state(changed);
        assert!(verified(&world).map_or(true, |found| !found.faults.is_empty()), "{what}: `verify` finds nothing");
    };
    refuses(&all_of(last), "the last epoch");
    let writes = world.writes();
    let error = world.run(&Ask::undisturbed(Verb::Convert)).error.expect("it went on");
    assert!(error.contains("log/") && error.contains("has no checksum") && world.writes() == writes, "{error}");
    refuses(&all_of(last - 1), "the one before");
    // One record alone.
    for (name, bytes) in decided(&all_of(last)) {
        if bytes != &state[name] {
            let mut changed = state.clone();
            changed.insert(name.clone(), bytes.clone());
            refuses(&changed, name);
        }
    }
    // A table that was founded with checksums has no epoch without.
    let world = World::new(&first_logs(SEED));
    world.finish("the first run");
    let state = world.look(true).state;
    world.hold_state(&without_checksums(&state, |epoch| epoch > 0));
    assert!(verified(&world).is_err());
    let writes = world.writes();
    let error = world.run(&Ask::undisturbed(Verb::Convert)).error.expect("it went on");
    assert!(error.contains("has no checksum") && world.writes() == writes, "{error}");
}
