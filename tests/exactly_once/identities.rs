//! What makes an object the same: its name below a source that has a name, wherever that is.

use lakefront_pipeline::progress::Silent;
use lakefront_storage::testing::{Faults, MemoryStore};

use crate::{
    ask::{Ask, Verb, run_on},
    invariants::{Files, rows_of_table},
    logs::{FIRST_HOUR, LogObject, Logs, Row},
    world::{World, first_logs, later_logs},
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
    let (table, state) = (MemoryStore::new(std::sync::Arc::default()), MemoryStore::new(std::sync::Arc::default()));
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
    let good = |objects: &[std::sync::Arc<LogObject>]| -> Vec<Row> {
        objects.iter().filter(|object| !object.is_damaged).flat_map(|object| object.rows.clone()).collect()
    };
    let mut expected = [good(&first), good(&second)].concat();
    expected.sort();
    assert_eq!(rows_of_table(&files()), expected);

    let writes = state.history().len();
    assert_eq!(run(2).error, None);
    assert_eq!(state.history().len(), writes, "both are known");
}
