//! Tables of earlier versions, whose records have no checksums, or whose data files have a SHA-256: they stay usable, an
//! open epoch is finished in its own format, and after the first record with a checksum, all later ones must have one.

use std::collections::BTreeMap;

use lakefront_operations::{Stop, Verification, VerifyOptions, rebuild_state, verify};

use crate::{
    invariants::{Files, Observations, with_sha256, without_checksums},
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs},
};

const SEED: u64 = 23;

fn verified(simulation: &Simulation) -> Result<Verification, lakefront_operations::Error> {
    verify(&simulation.destination(), &VerifyOptions { deep: true, since: None, threads: 1 }, &Stop::default())
}

/// Returns the formats of log records, by epoch.
fn formats(simulation: &Simulation) -> Vec<u64> {
    simulation.epochs().iter().map(|epoch| epoch.format).collect()
}

/// Returns the objects of the state that are a function of its decisions.
fn decided(state: &Files) -> BTreeMap<&String, &bytes::Bytes> {
    let folders = ["table.json", "log/", "plan/", "gone/", "commit/", "quarantine/", "seen/", "closed/"];
    state.iter().filter(|(name, _)| folders.iter().any(|folder| name.starts_with(folder))).collect()
}

/// Returns the state as an earlier version would have left the epochs for which the function holds.
type AsOfOld = fn(&Observations, &dyn Fn(u64) -> bool) -> Files;

#[test]
fn an_epoch_without_checksums_is_finished_as_its_version_would_have_done() {
    is_finished_as_of_old(|seen, is_older| without_checksums(seen, is_older), false);
}

#[test]
fn an_epoch_with_sha256_is_finished_as_its_version_would_have_done() {
    is_finished_as_of_old(|seen, is_older| with_sha256(seen, is_older), true);
}

fn is_finished_as_of_old(as_of_old: AsOfOld, is_sealed: bool) {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    simulation.logs.set(&later_logs(SEED));
    let saved = simulation.save();
    let mut tried = 0;
    for crash in 1.. {
        simulation.restore(&saved);
        let faults = lakefront_storage::testing::Faults::crash_after(crash);
        simulation.convert(&faults);
        if !faults.is_crashed() {
            break;
        }
        if simulation.open_epoch().is_none() || crash % 3 != 0 {
            continue;
        }
        tried += 1;
        let when = format!("a crash after operation {crash}");
        let middle = simulation.save();
        simulation.wait_for_leases();
        let open = u64::try_from(simulation.open_epoch().unwrap()).unwrap();
        // The expected state: the epoch finished by this version, and changed into one of the earlier version.
        let as_it_was = as_of_old(&simulation.observe(false), &|_| true);
        assert_eq!(simulation.run(&RunRequest::without_faults(Command::Convert)).error, None, "{when}");
        let expected = as_of_old(&simulation.observe(false), &|epoch| epoch <= open);
        simulation.restore(&middle);
        simulation.set_state(&as_it_was);
        simulation.finish(&when);
        let end = simulation.observe(true).state;
        let is_of_old = |name: &String| {
            let digits = name.split(['/', '-', '.']).find(|part| part.len() == 10 && part.parse::<u64>().is_ok());
            digits.is_none_or(|digits| digits.parse::<u64>().unwrap() <= open)
        };
        for (name, bytes) in decided(&expected).into_iter().filter(|(name, _)| is_of_old(name)) {
            assert!(end.get(name) == Some(bytes), "{when}: `{name}` differs");
        }
        let found = verified(&simulation).unwrap();
        let without = if is_sealed { 0 } else { open };
        assert_eq!((found.faults, found.epochs_without_checksums), (vec![], without), "{when}");
    }
    assert!(tried > 5, "{tried}");
}

/// Returns a state with epochs without checksums, then one with checksums and SHA-256, then some of this version.
fn mixed() -> Simulation {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    simulation.set_state(&without_checksums(&simulation.observe(false), |_| true));
    simulation.logs.set(&later_logs(SEED));
    simulation.finish("the first run with checksums");
    simulation.set_state(&with_sha256(&simulation.observe(false), |_| true));
    simulation.logs.add(&[crate::logs::LogObject::make(SEED, 77, crate::logs::FIRST_HOUR, 0)]);
    simulation.finish("the first run of this version");
    let formats = formats(&simulation);
    assert!(formats.contains(&1) && formats.is_sorted() && formats.ends_with(&[3, 4]), "{formats:?}");
    simulation
}

#[test]
fn a_state_with_and_without_checksums_is_rebuilt_as_it_was() {
    let simulation = mixed();
    let before = simulation.observe(true).state;
    for name in before.keys().filter(|name| name.starts_with("seen/") || name.starts_with("closed/")) {
        assert!(simulation.state.remove(name));
    }
    rebuild_state(&simulation.destination()).unwrap();
    assert!(simulation.observe(false).state == before);
    simulation.assert_settled("after `rebuild-state`");
    let found = verified(&simulation).unwrap();
    let without = formats(&simulation).iter().filter(|format| **format < 3).count() as u64;
    assert_eq!((found.faults, found.epochs_without_checksums), (vec![], without));
}

#[test]
fn a_record_without_a_checksum_is_refused_after_one_with() {
    let simulation = mixed();
    let saved = simulation.save();
    let seen = simulation.observe(true);
    let state = seen.state.clone();
    let last = formats(&simulation).len() as u64;
    let all_of = |epoch: u64| without_checksums(&seen, |of| of == epoch);
    let refuses = |changed: &Files, what: &str| {
        simulation.restore(&saved);
        simulation.set_state(changed);
        assert!(verified(&simulation).map_or(true, |found| !found.faults.is_empty()), "{what}: `verify` finds nothing");
    };
    refuses(&all_of(last), "the last epoch");
    let writes = simulation.writes();
    let error = simulation.run(&RunRequest::without_faults(Command::Convert)).error.expect("the run continued");
    assert!(error.contains("log/") && error.contains("has no checksum") && simulation.writes() == writes, "{error}");
    refuses(&all_of(last - 1), "the previous epoch");
    // A single record.
    for (name, bytes) in decided(&all_of(last)) {
        if bytes != &state[name] {
            let mut changed = state.clone();
            changed.insert(name.clone(), bytes.clone());
            refuses(&changed, name);
        }
    }
    // A table that was created with checksums has no epoch without them.
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    let seen = simulation.observe(true);
    simulation.set_state(&without_checksums(&seen, |epoch| epoch > 0));
    assert!(verified(&simulation).is_err());
    let writes = simulation.writes();
    let error = simulation.run(&RunRequest::without_faults(Command::Convert)).error.expect("the run continued");
    assert!(error.contains("has no checksum") && simulation.writes() == writes, "{error}");
}
