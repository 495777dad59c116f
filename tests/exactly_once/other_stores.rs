//! Stores that create a name although it exists: found out before they do harm, unless a person promises that one converter
//! alone is at work.

use lakefront_storage::testing::Faults;

use crate::{
    ask::{Ask, Verb},
    world::{World, first_logs, later_logs},
};

const SEED: u64 = 19;

/// A world with stores that ignore put-if-absent.
fn careless(is_single_writer: bool) -> World {
    let mut world = World::new(&first_logs(SEED));
    world.ignores_conditions = true;
    world.is_single_writer = is_single_writer;
    world
}

/// Refused, and nothing but the table's record was written.
fn assert_refused(world: &World, when: &str) {
    let error = world.run(&Ask::undisturbed(Verb::Convert)).error.unwrap_or_else(|| panic!("{when}: it went on"));
    assert!(error.contains("ignores put-if-absent"), "{when}: {error}");
    assert_eq!(world.state.names(), ["table.json"], "{when}");
    assert!(world.table.names().is_empty(), "{when}: {:?}", world.table.names());
}

#[test]
fn a_store_that_ignores_put_if_absent_is_refused_before_anything_is_decided() {
    let world = careless(false);
    for when in ["at first", "again", "and again"] {
        assert_refused(&world, when);
    }
}

#[test]
fn a_store_that_ignores_put_if_absent_is_refused_also_after_a_crash_between_the_two_creates() {
    let world = careless(false);
    let new = world.save();
    for fault in [Faults::crash_before, Faults::crash_after, Faults::fail, Faults::lose_reply] {
        for k in 1.. {
            world.restore(&new);
            let faults = fault(k);
            let ran = world.convert(&faults);
            assert!(ran.error.is_some(), "a fault at operation {k}");
            assert_refused(&world, &format!("after a fault at operation {k}"));
            if faults.operations() < k {
                assert!(k > 3, "the probe is at operation {k}");
                break;
            }
        }
    }
}

#[test]
fn a_single_writer_may_crash_or_lose_a_reply_anywhere_on_a_store_that_ignores_put_if_absent() {
    let world = careless(true);
    let saved = world.save();
    let faults = Faults::none();
    assert_eq!(world.convert(&faults).error, None);
    for k in 1..=faults.operations() {
        for fault in [Faults::crash_after, Faults::lose_reply] {
            world.restore(&saved);
            let faults = fault(k);
            world.convert(&faults);
            let when = format!("a single writer, {:?}", faults.trace().last());
            world.assert_holds(&when);
            world.finish(&when);
            world.assert_idle(&when);
        }
    }
}

#[test]
fn a_table_of_a_single_writer_wants_the_promise_each_time() {
    let mut world = careless(true);
    world.finish("the first run");
    world.logs.hold(&later_logs(SEED));
    world.crash_until(World::has_half_an_epoch);
    world.wait_for_leases();
    world.is_single_writer = false;
    for verb in [Verb::Convert, Verb::Retry, Verb::Resolve] {
        let writes = world.writes();
        let error = world.run(&Ask::undisturbed(verb)).error.unwrap_or_else(|| panic!("{verb:?} went on"));
        assert!(error.contains("made with `--single-writer`"), "{verb:?}: {error}");
        assert_eq!(world.writes(), writes, "{verb:?}: {error}");
    }
    world.is_single_writer = true;
    world.finish("with the promise");
    world.assert_idle("with the promise");
}
