//! A converter stalls within its run, past its lease; another one takes over, finishes, and converts more. Then the
//! first continues, and finds that all of its work is done.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
    thread,
};

use lakefront_storage::testing::Faults;

use crate::{
    hooks::{Hook, Stall},
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs, vanished_logs},
};

const SEED: u64 = 11;

/// Actions of other runs while a converter is stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meanwhile {
    /// Other runs finish the epoch, and all remaining work.
    Finish,
    /// In addition, they convert late objects.
    FinishAndConvertMore,
    /// Objects vanish and are replaced before other runs take over.
    Vanish,
    /// Another run starts while the lease, if there is one, is fresh: the run stops, or finishes the epoch.
    Arrive,
}

/// Result of a test of one stalled run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct StallResult {
    /// Whether the run that started meanwhile could work.
    was_admitted: bool,
    /// Whether the stalled run stopped because of another run after it was resumed.
    yielded: bool,
}

/// Largest number of operations before which a stalled run may yield. If a run stalls between listing `closed` and
/// `log`, it may take an epoch that was closed in between for open, and its lease for fresh.
const MAX_YIELDS: usize = 3;

/// Stalls one converter before its k-th operation.
fn stall_at(simulation: &Simulation, command: Command, k: u64, meanwhile: Meanwhile) -> StallResult {
    let mut outcome = StallResult::default();
    let when = format!("a {command:?} that stalled before operation {k}, meanwhile: {meanwhile:?}");
    let stall = Stall::new(k);
    let hook: Arc<dyn Hook> = Arc::clone(&stall) as Arc<dyn Hook>;
    let request = RunRequest { hook: Some(hook), ..RunRequest::without_faults(command) };
    thread::scope(|scope| {
        let stalled = scope.spawn(|| {
            // A panic is caught here, because the stall must end or this test would wait forever.
            let result = catch_unwind(AssertUnwindSafe(|| simulation.run(&request)));
            stall.set_ended();
            result.unwrap_or_else(|cause| resume_unwind(cause))
        });
        stall.wait_until_stalled();
        // A panic is caught here, because the stalled run must be resumed or this test would never end.
        let others = catch_unwind(AssertUnwindSafe(|| match meanwhile {
            Meanwhile::Finish => {
                simulation.finish(&when);
            }
            Meanwhile::FinishAndConvertMore => {
                simulation.finish(&when);
                simulation.logs.set(&later_logs(SEED));
                simulation.finish(&when);
            }
            // These runs may require `resolve`, which is not run: a stalled run is still active.
            Meanwhile::Vanish => {
                simulation.logs.set(&vanished_logs(SEED));
                simulation.wait_for_leases();
                let result = simulation.run(&RunRequest::without_faults(Command::Convert));
                assert!(result.error.is_none() || result.needs_resolve(), "{when}: {:?}", result.error);
                simulation.assert_holds(&when);
            }
            Meanwhile::Arrive => {
                let writes = simulation.writes();
                let result = simulation.run(&RunRequest::without_faults(Command::Convert));
                assert!(result.error.is_none() || result.is_active, "{when}: {:?}", result.error);
                assert!(
                    !result.is_active || simulation.writes() == writes,
                    "{when}: it wrote while another run is active"
                );
                simulation.assert_holds(&when);
                outcome.was_admitted = !result.is_active;
            }
        }));
        stall.resume();
        let result = stalled.join().unwrap();
        others.unwrap_or_else(|cause| resume_unwind(cause));
        // All its late work is done already, with equal bytes. If inputs vanished, it may require `resolve`.
        let may_need_resolve = meanwhile == Meanwhile::Vanish && result.needs_resolve();
        outcome.yielded = result.is_active;
        assert!(
            result.error.is_none() || may_need_resolve || outcome.yielded,
            "{when}: the stalled run stopped: {:?}",
            result.error
        );
    });
    simulation.assert_holds(&when);
    let needs_resolve = simulation.finish_or_resolve(&when);
    assert!(!needs_resolve || meanwhile == Meanwhile::Vanish, "{when}: `resolve` is required, but no input is lost");
    simulation.assert_idle(&when);
    outcome
}

/// Stalls one converter before each of its operations in turn.
fn stall_anywhere(command: Command, meanwhile: Meanwhile) {
    let simulation = Simulation::new(&first_logs(SEED));
    if command == Command::Retry {
        simulation.finish("the first run");
    }
    let saved = simulation.save();
    let faults = Faults::none();
    simulation.run(&RunRequest::with_faults(command, &faults));
    let mut yielded = Vec::new();
    for k in 1..=faults.operations() {
        simulation.restore(&saved);
        if stall_at(&simulation, command, k, meanwhile).yielded {
            yielded.push(k);
        }
    }
    assert!(yielded.len() <= MAX_YIELDS, "it yielded after a stall before operations {yielded:?}");
}

#[test]
fn a_converter_that_stalls_at_any_operation_does_no_harm_when_it_continues() {
    stall_anywhere(Command::Convert, Meanwhile::Finish);
}

#[test]
fn a_converter_that_stalls_while_others_convert_more_does_no_harm_when_it_continues() {
    stall_anywhere(Command::Convert, Meanwhile::FinishAndConvertMore);
}

#[test]
fn a_converter_that_stalls_while_objects_vanish_does_no_harm_when_it_continues() {
    stall_anywhere(Command::Convert, Meanwhile::Vanish);
}

#[test]
fn a_retry_that_stalls_while_failed_objects_are_repaired_does_no_harm_when_it_continues() {
    stall_anywhere(Command::Retry, Meanwhile::FinishAndConvertMore);
    stall_anywhere(Command::Retry, Meanwhile::Vanish);
}

#[test]
fn a_stalled_resolve_deletes_nothing_that_others_commit() {
    let simulation = Simulation::new(&first_logs(SEED));
    // One task is committed, and another one has data files.
    simulation.crash_until(|simulation| {
        let seen = simulation.observe(false);
        simulation.has_partly_committed_epoch() && seen.table.len() > seen.committed_files().len()
    });
    simulation.wait_for_leases();
    let saved = simulation.save();
    let faults = Faults::none();
    let result = simulation.run(&RunRequest::with_faults(Command::Resolve, &faults));
    assert_eq!(result.error, None);
    assert!(faults.trace().iter().any(|line| line.contains(" delete year=")), "no deletion: {:#?}", faults.trace());
    let mut results = Vec::new();
    for k in 1..=faults.operations() {
        simulation.restore(&saved);
        results.push(stall_at(&simulation, Command::Resolve, k, Meanwhile::Arrive));
    }
    let count = |matches: fn(&StallResult) -> bool| results.iter().filter(|result| matches(result)).count();
    assert!(count(|result| result.was_admitted) > 0 && count(|result| !result.was_admitted) > 0, "{results:?}");
    assert!(count(|result| result.yielded) <= MAX_YIELDS, "{results:?}");
}
