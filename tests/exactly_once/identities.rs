//! What makes an object the same: its name below a source that has a name, wherever that is; or its name alone.

use std::{collections::BTreeMap, sync::Arc};

use lakefront_operations::progress::Silent;
use lakefront_storage::testing::{Faults, MemoryStore};

use crate::{
    ask::{Ask, Verb, run_on},
    invariants::{Files, rows_of_table},
    logs::{FIRST_HOUR, LogObject, Logs, Row},
    world::{World, first_logs, hour_of, later_logs},
};

const SEED: u64 = 23;
const NOW_SECOND: i64 = (FIRST_HOUR + 240) * 3600;

#[test]
fn an_archive_that_moved_stays_known() {
    let world = World::of_logs(Logs::with_id("archive"), &first_logs(SEED));
    world.finish("the first run");
    world.logs.move_away("elsewhere");
    world.assert_idle("moved");
    world.logs.hold(&later_logs(SEED));
    let ran = world.finish("late objects in the new place");
    assert_eq!(ran.report["objects"]["changed"], 2, "{:#}", ran.report);
    world.logs.move_away("logs");
    world.assert_idle("moved back");
}

#[test]
fn an_archive_may_move_while_an_epoch_is_open() {
    let world = World::of_logs(Logs::with_id("archive"), &first_logs(SEED));
    let saved = world.save();
    let faults = Faults::none();
    world.convert(&faults);
    for k in (1..=faults.operations()).step_by(3) {
        world.restore(&saved);
        world.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k}, and then the archive moves");
        world.logs.move_away(&format!("moved-{k}"));
        world.finish_or_resolve(&when);
        world.assert_idle(&when);
    }
}

#[test]
fn the_same_name_in_two_sources_is_two_objects() {
    let (here, there) = (Logs::with_id("here"), Logs::with_id("there"));
    let (first, second) = (first_logs(1), first_logs(2));
    here.hold(&first);
    there.hold(&second);
    let (table, state) = (MemoryStore::new(Arc::default()), MemoryStore::new(Arc::default()));
    let run = |number| {
        let sources = [here.sources(), there.sources()].concat();
        let stores = (table.store(), state.store());
        run_on(sources, stores, &Ask::undisturbed(Verb::Convert), NOW_SECOND, number, &Silent)
    };
    let ran = run(1);
    assert_eq!(ran.error, None);
    assert_eq!(ran.report["objects"]["planned"], first.len() + second.len(), "{:#}", ran.report);
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

/// Objects at these folders below the source.
fn at(folder: &str, objects: &[Arc<LogObject>]) -> BTreeMap<String, Arc<LogObject>> {
    objects.iter().map(|object| (format!("{folder}/{}", object.name), Arc::clone(object))).collect()
}

/// A world whose logs are known by their names, with the first logs in a folder.
fn by_name(folder: &str) -> World {
    let world = World::of_logs(Logs::by_name(), &[]);
    world.logs.hold_at(at(folder, &first_logs(SEED)));
    world
}

#[test]
fn by_name_logs_may_move_among_folders_after_any_operation() {
    let world = by_name("a");
    let saved = world.save();
    let faults = Faults::none();
    world.convert(&faults);
    for k in (1..=faults.operations()).step_by(2) {
        world.restore(&saved);
        world.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k}, and then all logs move");
        world.logs.hold_at(at("b", &first_logs(SEED)));
        world.finish_or_resolve(&when);
        world.assert_idle(&when);
    }
}

#[test]
fn by_name_the_first_key_is_taken_whatever_the_cut_of_a_listing() {
    let twice = || {
        let mut files = at("b", &first_logs(SEED));
        files.extend(at("a", &first_logs(SEED)));
        files.extend(at("c", &first_logs(SEED)));
        files
    };
    for candidates in [1, 2, 3, 4, 5, 7, 16, 1000] {
        let world = World::of_logs(Logs::by_name(), &[]);
        world.logs.hold_at(twice());
        let when = format!("{candidates} candidates");
        let ran = world.run(&Ask { candidates, ..Ask::undisturbed(Verb::Convert) });
        assert_eq!(ran.error, None, "{when}");
        world.assert_settled(&when);
        world.assert_idle(&when);
        let rows = rows_of_table(&world.look(true).table);
        assert!(!rows.is_empty() && rows.iter().all(|row| row.filename.starts_with("a/")), "{when}: {rows:?}");
    }
}

#[test]
fn by_name_another_size_is_told_of_once_wherever_the_listing_is_cut() {
    for candidates in [1, 2, 3, 5, 1000] {
        let world = World::of_logs(Logs::by_name(), &[]);
        let mut files = at("b", &first_logs(SEED));
        // Of other revisions those that end in 3 are whole, and were damaged.
        files.extend(at(
            "c",
            &(0..16).map(|number| LogObject::make(SEED, number, hour_of(number), 3)).collect::<Vec<_>>(),
        ));
        world.logs.hold_at(files);
        let when = format!("{candidates} candidates");
        let ran = world.run(&Ask { candidates, ..Ask::undisturbed(Verb::Convert) });
        assert_eq!(ran.error, None, "{when}");
        assert!(ran.report["objects"]["changed"].as_u64().unwrap() > 5, "{when}: {:#}", ran.report);
        assert_eq!(ran.report["outcome"], "done-with-failures", "{when}");
        world.assert_settled(&when);
        world.assert_idle(&when);
    }
}

#[test]
fn by_name_a_failed_log_that_moved_is_new_once_a_retry_has_missed_it() {
    let world = by_name("a");
    let failed = world.finish("the first run").report["objects"]["failed"].clone();
    assert!(failed.as_u64().unwrap() > 1, "{failed}");
    world.logs.hold_at(at("b", &first_logs(SEED)));
    world.assert_idle("moved");
    let ran = world.run_alone(Verb::Retry, "a retry that misses it");
    assert_eq!((ran.error, &ran.report["objects"]["gone"]), (None, &failed));
    let ran = world.finish("the run after it");
    assert_eq!(ran.report["objects"]["failed"], failed, "{:#}", ran.report);
    world.assert_idle("all known");
}
