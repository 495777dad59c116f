//! A month of nightly runs. Objects are up to 30 days late, and some change after they were converted.

use std::{collections::BTreeSet, sync::Arc};

use lakefront_storage::testing::Faults;

use crate::{
    logs::{FIRST_HOUR, LogObject},
    random::Random,
    run_driver::{Command, RunRequest},
    simulation::Simulation,
};

const NIGHTS: i64 = 30;
const OBJECTS_A_DAY: u64 = 5;

/// An object, and the nights before which it is delivered, changes, and changes back (the last two are optional).
struct Delivery {
    number: u64,
    hour: i64,
    night: i64,
    changes: Option<i64>,
    changes_back: Option<i64>,
}

fn deliveries() -> Vec<Delivery> {
    let mut random = Random::new(30);
    let mut all = Vec::new();
    for day in 0..NIGHTS {
        for _ in 0..OBJECTS_A_DAY {
            let hour = FIRST_HOUR + day * 24 + i64::try_from(random.below(24)).unwrap();
            let days_late = if random.chance(50) { 0 } else { random.below(31) };
            let night = day + i64::try_from(days_late).unwrap();
            let days_to_change = 1 + i64::try_from(random.below(10)).unwrap();
            let changes = random.chance(15).then_some(night + days_to_change);
            let days_to_change_back = 1 + i64::try_from(random.below(5)).unwrap();
            let changes_back = changes.filter(|_| random.chance(40)).map(|changes| changes + days_to_change_back);
            all.push(Delivery { number: all.len() as u64, hour, night, changes, changes_back });
        }
    }
    all
}

fn present(deliveries: &[Delivery], night: i64) -> Vec<Arc<LogObject>> {
    let delivered = deliveries.iter().filter(|delivery| delivery.night <= night);
    let has_happened = |change: Option<i64>| change.is_some_and(|change| change <= night);
    let revision = |of: &Delivery| u64::from(has_happened(of.changes) && !has_happened(of.changes_back));
    delivered.map(|delivery| LogObject::make(30, delivery.number, delivery.hour, revision(delivery))).collect()
}

#[test]
fn thirty_nightly_runs_convert_late_and_changing_objects_once() {
    let deliveries = deliveries();
    let simulation = Simulation::new(&[]);
    let mut converted: BTreeSet<String> = BTreeSet::new();
    let mut num_changed = 0;
    // Thirty nights, and thirty more for the last late objects.
    for night in 0..2 * NIGHTS {
        let logs = present(&deliveries, night);
        let before: BTreeSet<(String, String)> =
            simulation.logs.present().iter().map(|object| (object.name.clone(), object.version())).collect();
        simulation.logs.set(&logs);
        // Half an hour past midnight: the last hours of the day have not settled.
        let now = (FIRST_HOUR + (night + 1) * 24) * 3600 + 1800;
        simulation.set_now(now);
        let has_news = |object: &&Arc<LogObject>| !before.contains(&(object.name.clone(), object.version()));
        let changed = logs.iter().filter(has_news).filter(|object| converted.contains(&object.name)).count();

        let result = simulation.finish(&format!("night {night}"));
        assert_eq!(result.report["objects"]["changed"], changed, "night {night}: {:#}", result.report);
        let has_settled = |object: &&Arc<LogObject>| (object.hour + 1) * 3600 + 2 * 3600 <= now;
        let waiting = logs.iter().filter(|object| !has_settled(object)).count();
        assert_eq!(result.report["objects"]["waiting"], waiting, "night {night}: {:#}", result.report);
        num_changed += changed;
        let converts = |object: &&Arc<LogObject>| object.verdict().is_none() && !object.rows.is_empty();
        let done = logs.iter().filter(has_settled).filter(converts);
        converted.extend(done.map(|object| object.name.clone()));

        let again = simulation.run(&RunRequest::without_faults(Command::Convert));
        assert_eq!(again.report["objects"]["changed"], 0, "night {night}: a change is reported once");
        simulation.assert_idle(&format!("night {night}"));
    }
    assert_eq!(simulation.logs.present().len(), deliveries.len());
    assert!(num_changed > 10, "only {num_changed} objects changed after they were converted");
}

/// Returns the objects of a day, with one of them in another version. Each has a row in every version, so that only
/// damaged ones fail.
fn with_revision(number: u64, revision: u64) -> Vec<Arc<LogObject>> {
    let make = |seed, other, revision| LogObject::make(seed, other, FIRST_HOUR, revision);
    let have_rows = |seed| (0..5).all(|other| (0..3).all(|revision| !make(seed, other, revision).rows.is_empty()));
    let seed = (31..1000).find(|seed| have_rows(*seed)).unwrap();
    (0..5).map(|other| make(seed, other, if other == number { revision } else { 0 })).collect()
}

#[test]
fn an_object_that_changes_and_changes_back_is_reported_each_time_and_keeps_its_first_rows() {
    let simulation = Simulation::new(&with_revision(2, 0));
    simulation.finish("the first run");
    let table = simulation.observe(true).table;
    for (revision, when) in [(1, "changed"), (0, "changed back"), (1, "changed again"), (2, "changed once more")] {
        simulation.logs.set(&with_revision(2, revision));
        let result = simulation.finish(when);
        assert_eq!(result.report["objects"]["changed"], 1, "{when}: {:#}", result.report);
        assert_eq!(result.report["objects"]["converted"], 0, "{when}: {:#}", result.report);
        assert_eq!(simulation.observe(true).table, table, "{when}");
        simulation.assert_idle(when);
    }
}

#[test]
fn a_failed_object_that_is_repaired_and_damaged_again_keeps_the_rows_of_its_good_version() {
    // Number 3 is damaged until it is revised.
    let simulation = Simulation::new(&with_revision(3, 0));
    assert_eq!(simulation.finish("damaged").report["objects"]["failed"], 1);
    for (revision, word) in [(1, "converted"), (0, "changed"), (1, "changed")] {
        simulation.logs.set(&with_revision(3, revision));
        let result = simulation.finish(word);
        assert_eq!(result.report["objects"][word], 1, "{:#}", result.report);
        simulation.assert_idle(word);
    }
}

#[test]
fn a_failed_object_that_is_gone_during_its_retry_is_new_when_it_returns() {
    let all = with_revision(3, 0);
    let simulation = Simulation::new(&all);
    simulation.finish("the first run");
    let saved = simulation.save();
    for k in 1.. {
        simulation.restore(&saved);
        simulation.run(&RunRequest::with_faults(Command::Retry, &Faults::crash_after(k)));
        if simulation.open_epoch().is_some() {
            break;
        }
    }
    simulation.logs.set(&[&all[..3], &all[4..]].concat());
    assert_eq!(simulation.finish("gone").report["objects"]["gone"], 1);
    simulation.assert_idle("gone");
    simulation.logs.set(&all);
    assert_eq!(simulation.finish("back again").report["objects"]["failed"], 1);
    simulation.assert_idle("back again");
}
