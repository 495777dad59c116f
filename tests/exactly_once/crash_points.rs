//! A fault at every operation of a run: a crash before it, a crash after it, an error instead of it, or its reply lost.
//! After each, one undisturbed run, and everything is exact.

use lakefront_storage::testing::Faults;

use crate::{
    ask::{Ask, Verb},
    invariants::check,
    world::{Saved, World, first_logs, later_logs, vanished_logs},
};

const SEED: u64 = 7;

/// The run that is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// The first one of a table.
    First,
    /// One that finds late objects, changed objects, and failed ones that were made good.
    Later,
    /// A retry of failed objects.
    Retry,
    /// A later one, begun with an epoch open.
    Adopting,
}

impl Story {
    /// The world just before the run, and what it is asked.
    fn begin(self, is_bucket: bool) -> (World, Saved, Verb) {
        let mut world = World::new(&first_logs(SEED));
        world.is_bucket = is_bucket;
        let mut verb = Verb::Convert;
        match self {
            Self::First => {}
            Self::Later => {
                world.finish("the first run");
                world.logs.hold(&later_logs(SEED));
            }
            Self::Retry => {
                world.finish("the first run");
                verb = Verb::Retry;
            }
            Self::Adopting => {
                world.finish("the first run");
                world.logs.hold(&later_logs(SEED));
                world.crash_until(World::has_half_an_epoch);
                world.wait_for_leases();
            }
        }
        let saved = world.save();
        (world, saved, verb)
    }
}

/// How many operations an undisturbed run has. The world is as before.
fn count_operations(world: &World, verb: Verb) -> u64 {
    let saved = world.save();
    let faults = Faults::none();
    let ran = world.run(&Ask::with(verb, &faults));
    assert_eq!(ran.error, None, "the undisturbed {verb:?} stopped");
    world.restore(&saved);
    faults.operations()
}

/// Runs a story once for each operation, with a fault there.
fn at_every_operation(story: Story, fault: fn(u64) -> Faults) {
    at_every_operation_on(story, fault, false);
}

/// The same where table and state are in a bucket, or not.
fn at_every_operation_on(story: Story, fault: fn(u64) -> Faults, is_bucket: bool) {
    let (world, saved, verb) = story.begin(is_bucket);
    let operations = count_operations(&world, verb);
    assert!(operations > 15, "{story:?} has only {operations} operations");
    for k in 1..=operations {
        world.restore(&saved);
        let faults = fault(k);
        let ran = world.run(&Ask::with(verb, &faults));
        let when = format!("{story:?}, a fault at operation {k} of {operations}: {:?}", faults.trace().last());
        if faults.is_crashed() && ran.error.is_none() {
            // DDL and report are kept last, and nothing depends on them.
            assert!(faults.trace().iter().any(|line| line.contains(" put ")), "{when}: the run did not notice");
            world.assert_settled(&when);
        }
        world.assert_holds(&when);
        if verb == Verb::Retry {
            world.wait_for_leases();
            let again = world.run(&Ask::undisturbed(Verb::Retry));
            assert_eq!(again.error, None, "{when}: the next retry stopped");
            world.assert_holds(&when);
        }
        world.finish(&when);
        world.assert_idle(&when);
    }
}

#[test]
fn a_first_run_may_crash_before_any_operation() {
    at_every_operation(Story::First, Faults::crash_before);
}

#[test]
fn a_first_run_may_crash_after_any_operation() {
    at_every_operation(Story::First, Faults::crash_after);
}

#[test]
fn a_first_run_may_lose_any_reply() {
    at_every_operation(Story::First, Faults::lose_reply);
    at_every_operation(Story::First, Faults::lose_reply_to_retry);
}

#[test]
fn a_first_run_may_fail_at_any_operation() {
    at_every_operation(Story::First, Faults::fail);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_crash_before_any_operation() {
    at_every_operation(Story::Later, Faults::crash_before);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_crash_after_any_operation() {
    at_every_operation(Story::Later, Faults::crash_after);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_lose_any_reply() {
    at_every_operation(Story::Later, Faults::lose_reply);
    at_every_operation(Story::Later, Faults::lose_reply_to_retry);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_fail_at_any_operation() {
    at_every_operation(Story::Later, Faults::fail);
}

#[test]
fn a_retry_may_crash_anywhere() {
    at_every_operation(Story::Retry, Faults::crash_before);
    at_every_operation(Story::Retry, Faults::crash_after);
}

#[test]
fn a_retry_may_lose_any_reply_or_fail_anywhere() {
    at_every_operation(Story::Retry, Faults::lose_reply);
    at_every_operation(Story::Retry, Faults::fail);
}

#[test]
fn whoever_adopts_an_epoch_may_crash_anywhere() {
    at_every_operation(Story::Adopting, Faults::crash_before);
    at_every_operation(Story::Adopting, Faults::crash_after);
}

#[test]
fn whoever_adopts_an_epoch_may_lose_any_reply_or_fail_anywhere() {
    at_every_operation(Story::Adopting, Faults::lose_reply);
    at_every_operation(Story::Adopting, Faults::fail);
}

#[test]
fn objects_may_vanish_and_change_while_an_epoch_is_open() {
    let (world, saved, verb) = Story::First.begin(false);
    let operations = count_operations(&world, verb);
    let mut times_asked = 0;
    for k in 1..=operations {
        world.restore(&saved);
        world.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k} of {operations}, and then objects vanish");
        world.assert_holds(&when);
        world.logs.hold(&vanished_logs(SEED));
        times_asked += u64::from(world.finish_or_resolve(&when));
        world.assert_idle(&when);
    }
    // Only where a task had begun to store its rows.
    assert!((1..=operations / 2).contains(&times_asked), "asked a person {times_asked} times of {operations}");
}

#[test]
fn the_disk_may_be_full_at_any_byte() {
    let (world, saved, _) = Story::First.begin(false);
    for bytes in (0..).step_by(731) {
        world.restore(&saved);
        let ran = world.convert(&Faults::full_after(bytes));
        let when = format!("a disk that is full after {bytes} bytes");
        world.assert_holds(&when);
        world.finish(&when);
        if ran.error.is_none() {
            assert!(bytes > 10_000, "the whole run wrote only {bytes} bytes");
            break;
        }
    }
}

#[test]
fn a_run_after_a_crash_waits_for_the_lease_unless_it_is_told_to_take_over() {
    let (world, saved, _) = Story::Adopting.begin(false);
    // An adopter that crashed just now: its lease is fresh.
    let crashed_within_the_epoch = |k: u64| {
        world.restore(&saved);
        let faults = Faults::crash_after(k);
        world.convert(&faults);
        let has_lease = faults.trace().iter().any(|line| line.contains(" put lease/"));
        has_lease && world.has_half_an_epoch()
    };
    assert!((1..50).any(crashed_within_the_epoch), "no crash leaves a fresh lease");
    let writes = world.writes();
    let ran = world.run(&Ask::undisturbed(Verb::Convert));
    assert!(ran.is_active, "{:?}", ran.error);
    assert_eq!(world.writes(), writes, "a run that finds another one at work writes nothing");
    let ran = world.run(&Ask { take_over: true, ..Ask::undisturbed(Verb::Convert) });
    assert_eq!(ran.error, None);
    world.assert_settled("after `--take-over`");
}

#[test]
fn a_rerun_of_the_same_fault_gives_the_same_trace_and_the_same_data() {
    let run = |k| {
        let world = World::new(&first_logs(SEED));
        let faults = Faults::crash_after(k);
        world.convert(&faults);
        (faults.trace(), world.look(false).table)
    };
    for k in [1, 9, 30] {
        let ((trace, table), again) = (run(k), run(k));
        assert_eq!((&trace, &table), (&again.0, &again.1));
    }
}

#[test]
fn two_worlds_with_the_same_logs_get_the_same_data_files_whatever_happened() {
    let calm = World::new(&first_logs(SEED));
    calm.finish("a calm run");
    let operations = {
        let world = World::new(&first_logs(SEED));
        count_operations(&world, Verb::Convert)
    };
    for k in (1..operations).step_by(7) {
        let world = World::new(&first_logs(SEED));
        world.convert(&Faults::crash_after(k));
        world.finish("the run after a crash");
        check(&world.logs, &world.look(true)).unwrap();
        assert_eq!(world.look(true).table, calm.look(true).table, "a crash after operation {k}");
    }
}

#[test]
fn a_run_on_a_bucket_may_crash_or_lose_a_reply_at_any_operation() {
    at_every_operation_on(Story::First, Faults::crash_after, true);
    at_every_operation_on(Story::Later, Faults::lose_reply, true);
}
