//! A converter falls asleep in the middle, past its lease; another one takes over, finishes, and converts more. Then the
//! first goes on as if nothing had happened: it finds all that it would do done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use lakefront_storage::testing::Faults;

use crate::{
    hooks::{Bed, Hook},
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs, vanished_logs},
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
fn sleep_at(simulation: &Simulation, command: Command, k: u64, meanwhile: Meanwhile) -> Slept {
    let mut slept = Slept::default();
    let when = format!("a {command:?} that slept before operation {k}, meanwhile: {meanwhile:?}");
    let bed = Bed::new(k);
    let hook: Arc<dyn Hook> = Arc::clone(&bed) as Arc<dyn Hook>;
    let request = RunRequest { hook: Some(hook), ..RunRequest::undisturbed(command) };
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            // Also where it panics: else this test would wait for ever.
            let result = catch_unwind(AssertUnwindSafe(|| simulation.run(&request)));
            bed.end();
            result.unwrap_or_else(|cause| resume_unwind(cause))
        });
        bed.wait();
        // Whatever others find: the sleeper is woken, or this test would never end.
        let others = catch_unwind(AssertUnwindSafe(|| match meanwhile {
            Meanwhile::Finish => {
                simulation.finish(&when);
            }
            Meanwhile::FinishAndConvertMore => {
                simulation.finish(&when);
                simulation.logs.hold(&later_logs(SEED));
                simulation.finish(&when);
            }
            // They may have to ask a person, who sees that one sleeps: nobody says `resolve` here.
            Meanwhile::Vanish => {
                simulation.logs.hold(&vanished_logs(SEED));
                simulation.wait_for_leases();
                let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
                assert!(result.error.is_none() || result.needs_resolve(), "{when}: {:?}", result.error);
                simulation.assert_holds(&when);
            }
            Meanwhile::Come => {
                let writes = simulation.writes();
                let result = simulation.run(&RunRequest::undisturbed(Command::Convert));
                assert!(result.error.is_none() || result.is_active, "{when}: {:?}", result.error);
                assert!(
                    !result.is_active || simulation.writes() == writes,
                    "{when}: it wrote while another is at work"
                );
                simulation.assert_holds(&when);
                slept.came_in = !result.is_active;
            }
        }));
        bed.wake();
        let result = sleeper.join().unwrap();
        others.unwrap_or_else(|cause| resume_unwind(cause));
        // All that it does late is done already, with equal bytes. Inputs that vanished it may have to ask about.
        let may_ask = meanwhile == Meanwhile::Vanish && result.needs_resolve();
        slept.gave_way = result.is_active;
        assert!(result.error.is_none() || may_ask || slept.gave_way, "{when}: the sleeper stopped: {:?}", result.error);
    });
    simulation.assert_holds(&when);
    let asks = simulation.finish_or_resolve(&when);
    assert!(!asks || meanwhile == Meanwhile::Vanish, "{when}: a person is asked, and no input is lost");
    simulation.assert_idle(&when);
    slept
}

/// One converter sleeps before each operation that it has.
fn sleep_anywhere(command: Command, meanwhile: Meanwhile) {
    let simulation = Simulation::new(&first_logs(SEED));
    if command == Command::Retry {
        simulation.finish("the first run");
    }
    let saved = simulation.save();
    let faults = Faults::none();
    simulation.run(&RunRequest::with(command, &faults));
    let mut gave_way = Vec::new();
    for k in 1..=faults.operations() {
        simulation.restore(&saved);
        if sleep_at(&simulation, command, k, meanwhile).gave_way {
            gave_way.push(k);
        }
    }
    assert!(gave_way.len() <= MOST_GIVE_WAY, "woken before operation {gave_way:?} it gave way to others");
}

#[test]
fn a_converter_that_slept_anywhere_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Command::Convert, Meanwhile::Finish);
}

#[test]
fn a_converter_that_slept_while_others_converted_more_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Command::Convert, Meanwhile::FinishAndConvertMore);
}

#[test]
fn a_converter_that_slept_while_objects_vanished_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Command::Convert, Meanwhile::Vanish);
}

#[test]
fn a_retry_that_slept_while_failed_objects_were_made_good_does_no_harm_when_it_goes_on() {
    sleep_anywhere(Command::Retry, Meanwhile::FinishAndConvertMore);
    sleep_anywhere(Command::Retry, Meanwhile::Vanish);
}

#[test]
fn whoever_resolves_an_epoch_deletes_nothing_that_others_commit_while_it_sleeps() {
    let simulation = Simulation::new(&first_logs(SEED));
    // A task is committed, and another one has data files.
    simulation.crash_until(|simulation| {
        let seen = simulation.look(false);
        simulation.has_half_an_epoch() && seen.table.len() > seen.committed_files().len()
    });
    simulation.wait_for_leases();
    let saved = simulation.save();
    let faults = Faults::none();
    let result = simulation.run(&RunRequest::with(Command::Resolve, &faults));
    assert_eq!(result.error, None);
    assert!(
        faults.trace().iter().any(|line| line.contains(" delete year=")),
        "nothing to delete: {:#?}",
        faults.trace()
    );
    let mut slept = Vec::new();
    for k in 1..=faults.operations() {
        simulation.restore(&saved);
        slept.push(sleep_at(&simulation, Command::Resolve, k, Meanwhile::Come));
    }
    let count = |matches: fn(&Slept) -> bool| slept.iter().filter(|slept| matches(slept)).count();
    assert!(count(|slept| slept.came_in) > 0 && count(|slept| !slept.came_in) > 0, "{slept:?}");
    assert!(count(|slept| slept.gave_way) <= MOST_GIVE_WAY, "{slept:?}");
}
