//! Flips a bit of each record, truncates it, or replaces it with an intact one: of the same table, of another table, or
//! of another time. `verify` reports each; the next run refuses before it writes, or the table is exact without that
//! record.

use lakefront_operations::{Stop, VerifyOptions, verify};

use super::kinds::Kind;
use crate::{
    invariants::Files,
    logs::{FIRST_HOUR, LogObject},
    random::Random,
    run_driver::{Command, RunRequest},
    seeds::number_in,
    simulation::{Saved, Simulation},
};

const SEED: u64 = 11;
/// A bit is flipped in every n-th byte, unless `LAKEFRONT_FLIP_EVERY` sets another n.
const FLIP_EVERY: u64 = 31;

fn logs(numbers: std::ops::Range<u64>) -> Vec<std::sync::Arc<LogObject>> {
    numbers
        .map(|number| LogObject::make(SEED, number, FIRST_HOUR + i64::try_from(number % 5 * 7).unwrap(), 0))
        .collect()
}

/// Returns two closed epochs, with new objects of the same days.
fn between_epochs() -> Simulation {
    let simulation = Simulation::new(&logs(0..5));
    simulation.finish("the first run");
    simulation.logs.add(&logs(5..8));
    simulation.finish("the second run");
    simulation.logs.add(&logs(8..10));
    simulation
}

/// Returns the same within an epoch: some tasks are committed, others have begun.
fn within_epoch() -> Simulation {
    let simulation = between_epochs();
    simulation.logs.add(&logs(10..18));
    simulation.crash_until(|simulation| {
        let state = simulation.observe(false).state;
        let has = |wanted| state.keys().any(|name| Kind::of(name, &state) == wanted);
        has(Kind::OpenCommit) && has(Kind::OpenGone)
    });
    simulation.wait_for_leases();
    simulation
}

/// Returns the faults that `verify` finds, or the error that stopped it.
fn verified(simulation: &Simulation) -> Vec<String> {
    let options = VerifyOptions { deep: true, since: None, threads: 1 };
    match verify(&simulation.destination(), &options, &Stop::default()) {
        Ok(found) => found.faults.iter().map(|fault| format!("{}: {}", fault.object, fault.what)).collect(),
        Err(error) => vec![error.to_string()],
    }
}

/// Returns the names of a state's records, including derived ones.
fn records(state: &Files) -> Vec<String> {
    let folders = ["table.json", "log/", "plan/", "gone/", "commit/", "quarantine/", "seen/", "closed/"];
    state.keys().filter(|name| folders.iter().any(|folder| name.starts_with(folder))).cloned().collect()
}

/// Replaces the bytes of a record, and asserts that `verify` and the next run notice it.
fn is_noticed(simulation: &Simulation, saved: &Saved, name: &str, other: &[u8], when: &str) {
    simulation.restore(saved);
    let bytes = simulation.state.bytes(name).unwrap();
    simulation.state.insert(name, other);
    assert!(!verified(simulation).is_empty(), "{when}: `verify` finds nothing");
    simulation.wait_for_leases();
    let (writes, was_open) = (simulation.writes(), simulation.open_epoch().is_some());
    let result = simulation.run(&RunRequest::without_faults(Command::Convert));
    if let Some(error) = &result.error {
        assert!(result.is_explained, "{when}: no hint for {error}");
        // The run may have written correct objects before it compared this one at the end of a task.
        assert!(was_open || simulation.writes() == writes, "{when}: refused, but it wrote: {error}");
    }
    simulation.state.insert(name, &bytes);
    simulation.finish(when);
}

fn every_flipped_bit_is_noticed(simulation: &Simulation) {
    let saved = simulation.save();
    let every = usize::try_from(number_in("LAKEFRONT_FLIP_EVERY", FLIP_EVERY)).unwrap();
    let mut random = Random::new(SEED);
    for name in records(&simulation.observe(false).state) {
        let bytes = simulation.state.bytes(&name).unwrap();
        let first = usize::try_from(random.number()).unwrap_or_default() % every;
        for index in (first..bytes.len()).step_by(every) {
            let mut other = bytes.clone();
            other[index] ^= 1 << (random.number() % 8);
            is_noticed(simulation, &saved, &name, &other, &format!("`{name}`, a flipped bit in byte {index}"));
            simulation.restore(&saved);
        }
    }
}

fn every_cut_is_noticed(simulation: &Simulation) {
    let saved = simulation.save();
    for name in records(&simulation.observe(false).state) {
        let bytes = simulation.state.bytes(&name).unwrap();
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            is_noticed(simulation, &saved, &name, &bytes[..length], &format!("`{name}` truncated to {length} bytes"));
            simulation.restore(&saved);
        }
    }
}

/// Replaces each record with each other record of its folder, with the record of the same name of another table, and
/// with that of this table at another time.
fn every_exchange_is_noticed(simulation: &Simulation, others: &[Simulation]) {
    let saved = simulation.save();
    let state = simulation.observe(false).state;
    let names = records(&state);
    for name in &names {
        let folder = name.split('/').next().unwrap();
        let of_this = names.iter().filter(|other| *other != name && other.split('/').next() == Some(folder));
        let of_this = of_this.map(|other| (format!("the table's own `{other}`"), state[other].to_vec()));
        let elsewhere = others.iter().enumerate().filter_map(|(at, other)| {
            let digits =
                format!("{folder}/{}", name.split(['/', '-']).find(|part| part.len() == 10).unwrap_or_default());
            let names = other.state.names();
            // Names of plans are unique to their table.
            let its_own =
                names.into_iter().find(|other| other == name || (folder == "plan" && other.starts_with(&digits)))?;
            Some((format!("that of simulation {at}"), other.state.bytes(&its_own).unwrap()))
        });
        for (whose, other) in of_this.chain(elsewhere).filter(|(_, other)| *other != state[name]) {
            is_noticed(simulation, &saved, name, &other, &format!("`{name}` is {whose}"));
            simulation.restore(&saved);
        }
    }
}

/// Returns another table of the same logs, and one with the same first epoch that then converts other logs.
fn others() -> [Simulation; 2] {
    let another = within_epoch();
    let earlier = Simulation::new(&logs(0..5));
    earlier.finish("the first run");
    earlier.logs.add(&logs(6..9));
    earlier.finish("another second run");
    [another, earlier]
}

#[test]
fn a_turned_bit_is_refused_or_harmless_between_epochs() {
    every_flipped_bit_is_noticed(&between_epochs());
}

#[test]
fn a_turned_bit_is_refused_or_harmless_within_an_epoch() {
    every_flipped_bit_is_noticed(&within_epoch());
}

#[test]
fn a_truncated_record_is_refused_or_harmless() {
    every_cut_is_noticed(&between_epochs());
    every_cut_is_noticed(&within_epoch());
}

#[test]
fn a_record_of_another_table_or_time_is_refused_or_harmless() {
    let others = others();
    every_exchange_is_noticed(&between_epochs(), &others);
    every_exchange_is_noticed(&within_epoch(), &others);
}

#[test]
fn the_records_of_a_whole_epoch_of_another_time_are_found() {
    // The second epoch of the same table with other logs: each of its records is intact.
    let simulation = Simulation::new(&logs(0..5));
    simulation.finish("the first run");
    let saved = simulation.save();
    simulation.logs.add(&logs(6..9));
    simulation.finish("another second run");
    let other = simulation.observe(false).state;
    simulation.restore(&saved);
    simulation.logs.add(&logs(5..8));
    simulation.finish("the second run");
    simulation.logs.add(&logs(8..10));
    simulation.finish("the third run");
    let is_of_second = |name: &String| name.contains("0000000002") && !name.starts_with("plan/");
    for (name, bytes) in other.iter().filter(|(name, _)| is_of_second(name)) {
        simulation.state.insert(name, bytes);
    }
    let plan = other.keys().find(|name| name.starts_with("plan/0000000002")).unwrap();
    simulation.state.insert(plan, &other[plan]);
    let found = verified(&simulation);
    assert!(found.iter().any(|what| what.contains("another time")), "{found:?}");
}

#[test]
fn a_record_ahead_of_the_log_is_a_fault() {
    let simulation = between_epochs();
    let saved = simulation.save();
    let state = simulation.observe(false).state;
    for folder in ["commit/", "gone/", "quarantine/", "seen/"] {
        let name = state.keys().find(|name| name.starts_with(folder)).unwrap_or_else(|| panic!("no `{folder}`"));
        for epoch in ["0000000003", "0000000004", "0000000099"] {
            simulation.restore(&saved);
            let ahead = name.replace("0000000001", epoch).replace("0000000002", epoch);
            simulation.state.insert(&ahead, &state[name]);
            let found = verified(&simulation);
            assert!(found.iter().any(|what| what.contains(epoch)), "{ahead}: {found:?}");
        }
    }
}

#[test]
fn an_unknown_key_is_refused_in_a_record_of_any_format() {
    let simulation = between_epochs();
    let saved = simulation.save();
    let seen = simulation.observe(false);
    for older in [false, true] {
        let state = crate::invariants::without_checksums(&seen, |_| older);
        for name in records(&state).into_iter().filter(|name| state[name].starts_with(b"{")) {
            simulation.restore(&saved);
            simulation.set_state(&state);
            assert!(verified(&simulation).is_empty(), "{:?}", verified(&simulation));
            let mut value: serde_json::Value = serde_json::from_slice(&state[&name]).unwrap();
            value["news"] = true.into();
            let bytes = if older { value.to_string().into_bytes() } else { crate::invariants::sealed(&value) };
            simulation.state.insert(&name, &bytes);
            let found = verified(&simulation);
            assert!(found.iter().any(|what| what.contains("news")), "{name}: {found:?}");
        }
    }
}
