//! Identities of log objects: the key below a source with an id, in any location; or only the name.

use std::{collections::BTreeMap, sync::Arc};

use lakefront_operations::progress::Silent;
use lakefront_storage::testing::{Faults, MemoryStore};

use crate::{
    invariants::{Files, rows_of_table},
    logs::{FIRST_HOUR, LogObject, Logs, Row},
    run_driver::{Command, RunRequest, run_on},
    simulation::{Simulation, first_logs, hour_of, later_logs},
};

const SEED: u64 = 23;
const NOW_SECOND: i64 = (FIRST_HOUR + 240) * 3600;

#[test]
fn an_archive_with_an_id_may_move() {
    let simulation = Simulation::of_logs(Logs::with_id("archive"), &first_logs(SEED));
    simulation.finish("the first run");
    simulation.logs.move_away("elsewhere");
    simulation.assert_idle("moved");
    simulation.logs.set(&later_logs(SEED));
    let result = simulation.finish("late objects in the new place");
    assert_eq!(result.report["objects"]["changed"], 2, "{:#}", result.report);
    simulation.logs.move_away("logs");
    simulation.assert_idle("moved back");
}

#[test]
fn an_archive_with_an_id_may_move_while_an_epoch_is_open() {
    let simulation = Simulation::of_logs(Logs::with_id("archive"), &first_logs(SEED));
    let saved = simulation.save();
    let faults = Faults::none();
    simulation.convert(&faults);
    for k in (1..=faults.operations()).step_by(3) {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k}, and then the archive moves");
        simulation.logs.move_away(&format!("moved-{k}"));
        simulation.finish_or_resolve(&when);
        simulation.assert_idle(&when);
    }
}

#[test]
fn the_same_name_in_two_sources_is_two_objects() {
    let (here, there) = (Logs::with_id("here"), Logs::with_id("there"));
    let (first, second) = (first_logs(1), first_logs(2));
    here.set(&first);
    there.set(&second);
    let (table, state) = (MemoryStore::new(Arc::default()), MemoryStore::new(Arc::default()));
    let run = |number| {
        let sources = [here.sources(), there.sources()].concat();
        let stores = (table.store(), state.store());
        run_on(sources, stores, &RunRequest::without_faults(Command::Convert), NOW_SECOND, number, &Silent)
    };
    let result = run(1);
    assert_eq!(result.error, None);
    assert_eq!(result.report["objects"]["planned"], first.len() + second.len(), "{:#}", result.report);
    let files = || -> Files {
        table.names().into_iter().map(|name| (name.clone(), table.bytes(&name).unwrap().into())).collect()
    };
    let good = |objects: &[Arc<LogObject>]| -> Vec<Row> {
        objects.iter().filter(|object| !object.is_damaged).flat_map(|object| object.rows.clone()).collect()
    };
    let mut expected = [good(&first), good(&second)].concat();
    expected.sort();
    assert_eq!(rows_of_table(&files()), expected);

    let writes = state.history().len();
    assert_eq!(run(2).error, None);
    assert_eq!(state.history().len(), writes, "both are known");
}

/// Returns objects at their paths in this folder.
fn at(folder: &str, objects: &[Arc<LogObject>]) -> BTreeMap<String, Arc<LogObject>> {
    objects.iter().map(|object| (format!("{folder}/{}", object.name), Arc::clone(object))).collect()
}

/// Returns a simulation with the first logs in a folder, identified by name.
fn by_name(folder: &str) -> Simulation {
    let simulation = Simulation::of_logs(Logs::by_name(), &[]);
    simulation.logs.set_at(at(folder, &first_logs(SEED)));
    simulation
}

#[test]
fn by_name_logs_may_move_between_folders_after_any_operation() {
    let simulation = by_name("a");
    let saved = simulation.save();
    let faults = Faults::none();
    simulation.convert(&faults);
    for k in (1..=faults.operations()).step_by(2) {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k}, and then all logs move");
        simulation.logs.set_at(at("b", &first_logs(SEED)));
        simulation.finish_or_resolve(&when);
        simulation.assert_idle(&when);
    }
}

#[test]
fn by_name_the_first_key_is_taken_with_any_limit_of_candidates() {
    let twice = || {
        let mut files = at("b", &first_logs(SEED));
        files.extend(at("a", &first_logs(SEED)));
        files.extend(at("c", &first_logs(SEED)));
        files
    };
    for candidates in [1, 2, 3, 4, 5, 7, 16, 1000] {
        let simulation = Simulation::of_logs(Logs::by_name(), &[]);
        simulation.logs.set_at(twice());
        let when = format!("{candidates} candidates");
        let result = simulation.run(&RunRequest { candidates, ..RunRequest::without_faults(Command::Convert) });
        assert_eq!(result.error, None, "{when}");
        simulation.assert_settled(&when);
        simulation.assert_idle(&when);
        let rows = rows_of_table(&simulation.observe(true).table);
        assert!(!rows.is_empty() && rows.iter().all(|row| row.filename.starts_with("a/")), "{when}: {rows:?}");
    }
}

#[test]
fn by_name_another_size_is_reported_once_with_any_limit_of_candidates() {
    for candidates in [1, 2, 3, 5, 1000] {
        let simulation = Simulation::of_logs(Logs::by_name(), &[]);
        let mut files = at("b", &first_logs(SEED));
        // In other revisions, numbers that end in 3 are whole; in revision 0 they are damaged.
        files.extend(at(
            "c",
            &(0..16).map(|number| LogObject::make(SEED, number, hour_of(number), 3)).collect::<Vec<_>>(),
        ));
        simulation.logs.set_at(files);
        let when = format!("{candidates} candidates");
        let result = simulation.run(&RunRequest { candidates, ..RunRequest::without_faults(Command::Convert) });
        assert_eq!(result.error, None, "{when}");
        assert!(result.report["objects"]["changed"].as_u64().unwrap() > 5, "{when}: {:#}", result.report);
        assert_eq!(result.report["outcome"], "done-with-failures", "{when}");
        simulation.assert_settled(&when);
        simulation.assert_idle(&when);
    }
}

#[test]
fn by_name_a_failed_log_that_moved_is_new_after_a_retry_missed_it() {
    let simulation = by_name("a");
    let failed = simulation.finish("the first run").report["objects"]["failed"].clone();
    assert!(failed.as_u64().unwrap() > 1, "{failed}");
    simulation.logs.set_at(at("b", &first_logs(SEED)));
    simulation.assert_idle("moved");
    let result = simulation.run_alone(Command::Retry, "a retry that misses it");
    assert_eq!((result.error, &result.report["objects"]["gone"]), (None, &failed));
    let result = simulation.finish("the run after it");
    assert_eq!(result.report["objects"]["failed"], failed, "{:#}", result.report);
    simulation.assert_idle("all known");
}
