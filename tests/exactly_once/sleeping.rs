//! A converter falls asleep in the middle, past its lease; another one takes over, finishes, and converts more. Then the
//! first goes on as if nothing had happened: it finds all that it would do done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use lakefront_storage::testing::Faults;

use crate::{
    ask::{Ask, Verb},
    hooks::{Bed, Hook},
    world::{World, first_logs, later_logs, vanished_logs},
};

const SEED: u64 = 11;

/// What happens while one sleeps, and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// Others finish its epoch, and all that is left.
    Finish,
    /// And then late objects, too.
    FinishAndConvertMore,
    /// Objects vanish and are replaced before others take over.
    Vanish,
    /// Another one comes while the lease is fresh, if there is one: it leaves the epoch alone, or finishes it.
    Come,
}

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Slept {
    /// Another one that came was let in.
    came_in: bool,
    /// The sleeper gave way to others when it was woken.
    gave_way: bool,
}

/// A run that sleeps between its looks at `closed` and `log` takes an epoch that was closed in between for open, and its
/// lease for fresh: so many of its operations lie there.
const MOST_GIVE_WAY: usize = 3;

/// One converter sleeps before its k-th operation.
fn sleep_at(world: &World, verb: Verb, k: u64, meanwhile: Meanwhile) -> Slept {
    let mut slept = Slept::default();
    let when = format!("a {verb:?} that slept before operation {k}, meanwhile: {meanwhile:?}");
    let bed = Bed::new(k);
    let hook: Arc<dyn Hook> = Arc::clone(&bed) as Arc<dyn Hook>;
    let ask = Ask { hook: Some(hook), ..Ask::undisturbed(verb) };
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            // Also where it panics: else this test would wait for ever.
            let ran = catch_unwind(AssertUnwindSafe(|| world.run(&ask)));
            bed.end();
            ran.unwrap_or_else(|cause| resume_unwind(cause))
        });
        bed.wait();
        // Whatever others find: the sleeper is woken, or this test would never end.
        let others = catch_unwind(AssertUnwindSafe(|| match meanwhile {
            Meanwhile::Finish => {
                world.finish(&when);
            }
            Meanwhile::FinishAndConvertMore => {
                world.finish(&when);
                world.logs.hold(&later_logs(SEED));
                world.finish(&when);
            }
            // They may have to ask a person, who sees that one sleeps: nobody says `resolve` here.
            Meanwhile::Vanish => {
                world.logs.hold(&vanished_logs(SEED));
                world.wait_for_leases();
                let ran = world.run(&Ask::undisturbed(Verb::Convert));
                assert!(ran.error.is_none() || ran.asks_to_resolve(), "{when}: {:?}", ran.error);
                world.assert_holds(&when);
            }
            Meanwhile::Come => {
                let writes = world.writes();
                let ran = world.run(&Ask::undisturbed(Verb::Convert));
                assert!(ran.error.is_none() || ran.is_active, "{when}: {:?}", ran.error);
                assert!(!ran.is_active || world.writes() == writes, "{when}: it wrote while another is at work");
                world.assert_holds(&when);
                slept.came_in = !ran.is_active;
            }
        }));
        bed.wake();
        let ran = sleeper.join().unwrap();
        others.unwrap_or_else(|cause| resume_unwind(cause));
        // All that it does late is done already, with equal bytes. Inputs that vanished it may have to ask about.
        let may_ask = meanwhile == Meanwhile::Vanish && ran.asks_to_resolve();
        slept.gave_way = ran.is_active;
        assert!(ran.error.is_none() || may_ask || slept.gave_way, "{when}: the sleeper stopped: {:?}", ran.error);
    });
    world.assert_holds(&when);
    let asks = world.finish_or_resolve(&when);
    assert!(!asks || meanwhile == Meanwhile::Vanish, "{when}: a person is asked, and no input is lost");
    world.assert_idle(&when);
    slept
}

/// One converter sleeps before each operation that it has.
fn sleep_anywhere(verb: Verb, meanwhile: Meanwhile) {
    let world = World::new(&first_logs(SEED));
    if verb == Verb::Retry {
        world.finish("the first run");
    }
    let saved = world.save();
    let faults = Faults::none();
    world.run(&Ask::with(verb, &faults));
    let mut gave_way = Vec::new();
    for k in 1..=faults.operations() {
        world.restore(&saved);
        if sleep_at(&world, verb, k, meanwhile).gave_way {
            gave_way.push(k);
        }
    }
    assert!(gave_way.len() <= MOST_GIVE_WAY, "woken before operation {gave_way:?} it gave way to others");
}

#[test]
fn a_converter_that_slept_anywhere_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Verb::Convert, Meanwhile::Finish);
}

#[test]
fn a_converter_that_slept_while_others_converted_more_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Verb::Convert, Meanwhile::FinishAndConvertMore);
}

#[test]
fn a_converter_that_slept_while_objects_vanished_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Verb::Convert, Meanwhile::Vanish);
}

#[test]
fn a_retry_that_slept_while_failed_objects_were_made_good_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Verb::Retry, Meanwhile::FinishAndConvertMore);
    sleep_anywhere(Verb::Retry, Meanwhile::Vanish);
}

#[test]
fn whoever_resolves_an_epoch_deletes_nothing_that_others_commit_while_it_sleeps() {
    let world = World::new(&first_logs(SEED));
    // A task is committed, and another one has data files.
    world.crash_until(|world| {
        let seen = world.look(false);
        world.has_half_an_epoch() && seen.table.len() > seen.committed_files().len()
    });
    world.wait_for_leases();
    let saved = world.save();
    let faults = Faults::none();
    let ran = world.run(&Ask::with(Verb::Resolve, &faults));
    assert_eq!(ran.error, None);
    assert!(
        faults.trace().iter().any(|line| line.contains(" delete year=")),
        "nothing to delete: {:#?}",
        faults.trace()
    );
    let mut slept = Vec::new();
    for k in 1..=faults.operations() {
        world.restore(&saved);
        slept.push(sleep_at(&world, Verb::Resolve, k, Meanwhile::Come));
    }
    let count = |matches: fn(&Slept) -> bool| slept.iter().filter(|slept| matches(slept)).count();
    assert!(count(|slept| slept.came_in) > 0 && count(|slept| !slept.came_in) > 0, "{slept:?}");
    assert!(count(|slept| slept.gave_way) <= MOST_GIVE_WAY, "{slept:?}");
}
