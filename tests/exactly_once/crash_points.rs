//! A fault at every operation of a run: a crash before it, a crash after it, an error instead of it, or its reply lost.
//! After each, one run without faults makes the table exact.

use lakefront_storage::testing::Faults;

use crate::{
    invariants::check,
    run_driver::{Command, RunRequest},
    simulation::{Saved, Simulation, first_logs, later_logs, vanished_logs},
};

const SEED: u64 = 7;

/// The run that has a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    /// The first run of a table.
    First,
    /// A run with late, changed and repaired objects.
    Later,
    /// A retry of failed objects.
    Retry,
    /// A later run that begins with an open epoch.
    Adopting,
}

impl Scenario {
    /// Returns the simulation just before the run, and the command to run.
    fn begin(self, is_bucket: bool) -> (Simulation, Saved, Command) {
        let mut simulation = Simulation::new(&first_logs(SEED));
        simulation.is_bucket = is_bucket;
        let mut command = Command::Convert;
        match self {
            Self::First => {}
            Self::Later => {
                simulation.finish("the first run");
                simulation.logs.set(&later_logs(SEED));
            }
            Self::Retry => {
                simulation.finish("the first run");
                command = Command::Retry;
            }
            Self::Adopting => {
                simulation.finish("the first run");
                simulation.logs.set(&later_logs(SEED));
                simulation.crash_until(Simulation::has_partly_committed_epoch);
                simulation.wait_for_leases();
            }
        }
        let saved = simulation.save();
        (simulation, saved, command)
    }
}

/// Returns the number of operations of a run without faults. The simulation does not change.
fn count_operations(simulation: &Simulation, command: Command) -> u64 {
    let saved = simulation.save();
    let faults = Faults::none();
    let result = simulation.run(&RunRequest::with_faults(command, &faults));
    assert_eq!(result.error, None, "{command:?} without faults stopped");
    simulation.restore(&saved);
    faults.operations()
}

/// Runs a scenario once for each operation, with a fault at that operation.
fn at_every_operation(scenario: Scenario, fault: fn(u64) -> Faults) {
    at_every_operation_on(scenario, fault, false);
}

/// Like [`at_every_operation`], with table and state in a bucket if `is_bucket`.
fn at_every_operation_on(scenario: Scenario, fault: fn(u64) -> Faults, is_bucket: bool) {
    let (simulation, saved, command) = scenario.begin(is_bucket);
    let operations = count_operations(&simulation, command);
    assert!(operations > 15, "{scenario:?} has only {operations} operations");
    for k in 1..=operations {
        simulation.restore(&saved);
        let faults = fault(k);
        let result = simulation.run(&RunRequest::with_faults(command, &faults));
        let when = format!("{scenario:?}, a fault at operation {k} of {operations}: {:?}", faults.trace().last());
        if faults.is_crashed() && result.error.is_none() {
            // DDL and report are written last, and nothing depends on them.
            assert!(faults.trace().iter().any(|line| line.contains(" put ")), "{when}: the run did not notice");
            simulation.assert_settled(&when);
        }
        simulation.assert_holds(&when);
        if command == Command::Retry {
            simulation.wait_for_leases();
            let again = simulation.run(&RunRequest::without_faults(Command::Retry));
            assert_eq!(again.error, None, "{when}: the next retry stopped");
            simulation.assert_holds(&when);
        }
        simulation.finish(&when);
        simulation.assert_idle(&when);
    }
}

#[test]
fn a_first_run_may_crash_before_any_operation() {
    at_every_operation(Scenario::First, Faults::crash_before);
}

#[test]
fn a_first_run_may_crash_after_any_operation() {
    at_every_operation(Scenario::First, Faults::crash_after);
}

#[test]
fn a_first_run_may_lose_any_reply() {
    at_every_operation(Scenario::First, Faults::lose_reply);
    at_every_operation(Scenario::First, Faults::lose_reply_to_retry);
}

#[test]
fn a_first_run_may_fail_at_any_operation() {
    at_every_operation(Scenario::First, Faults::fail);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_crash_before_any_operation() {
    at_every_operation(Scenario::Later, Faults::crash_before);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_crash_after_any_operation() {
    at_every_operation(Scenario::Later, Faults::crash_after);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_lose_any_reply() {
    at_every_operation(Scenario::Later, Faults::lose_reply);
    at_every_operation(Scenario::Later, Faults::lose_reply_to_retry);
}

#[test]
fn a_run_with_late_changed_and_failed_objects_may_fail_at_any_operation() {
    at_every_operation(Scenario::Later, Faults::fail);
}

#[test]
fn a_retry_may_crash_anywhere() {
    at_every_operation(Scenario::Retry, Faults::crash_before);
    at_every_operation(Scenario::Retry, Faults::crash_after);
}

#[test]
fn a_retry_may_lose_any_reply_or_fail_anywhere() {
    at_every_operation(Scenario::Retry, Faults::lose_reply);
    at_every_operation(Scenario::Retry, Faults::fail);
}

#[test]
fn a_run_that_adopts_an_epoch_may_crash_anywhere() {
    at_every_operation(Scenario::Adopting, Faults::crash_before);
    at_every_operation(Scenario::Adopting, Faults::crash_after);
}

#[test]
fn a_run_that_adopts_an_epoch_may_lose_any_reply_or_fail_anywhere() {
    at_every_operation(Scenario::Adopting, Faults::lose_reply);
    at_every_operation(Scenario::Adopting, Faults::fail);
}

#[test]
fn objects_may_vanish_and_change_while_an_epoch_is_open() {
    let (simulation, saved, command) = Scenario::First.begin(false);
    let operations = count_operations(&simulation, command);
    let mut times_required = 0;
    for k in 1..=operations {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k} of {operations}, and then objects vanish");
        simulation.assert_holds(&when);
        simulation.logs.set(&vanished_logs(SEED));
        times_required += u64::from(simulation.finish_or_resolve(&when));
        simulation.assert_idle(&when);
    }
    // Only if a task had begun to store its rows.
    assert!(
        (1..=operations / 2).contains(&times_required),
        "`resolve` was required {times_required} times of {operations}"
    );
}

#[test]
fn the_disk_may_be_full_at_any_byte() {
    let (simulation, saved, _) = Scenario::First.begin(false);
    for bytes in (0..).step_by(731) {
        simulation.restore(&saved);
        let result = simulation.convert(&Faults::full_after(bytes));
        let when = format!("a disk that is full after {bytes} bytes");
        simulation.assert_holds(&when);
        simulation.finish(&when);
        if result.error.is_none() {
            assert!(bytes > 10_000, "the whole run wrote only {bytes} bytes");
            break;
        }
    }
}

#[test]
fn a_run_after_a_crash_waits_for_the_lease_unless_it_takes_over() {
    let (simulation, saved, _) = Scenario::Adopting.begin(false);
    // An adopter that has just crashed: its lease is fresh.
    let crashed_within_the_epoch = |k: u64| {
        simulation.restore(&saved);
        let faults = Faults::crash_after(k);
        simulation.convert(&faults);
        let has_lease = faults.trace().iter().any(|line| line.contains(" put lease/"));
        has_lease && simulation.has_partly_committed_epoch()
    };
    assert!((1..50).any(crashed_within_the_epoch), "no crash leaves a fresh lease");
    let writes = simulation.writes();
    let result = simulation.run(&RunRequest::without_faults(Command::Convert));
    assert!(result.is_active, "{:?}", result.error);
    assert_eq!(simulation.writes(), writes, "a run that finds another active run writes nothing");
    let result = simulation.run(&RunRequest { take_over: true, ..RunRequest::without_faults(Command::Convert) });
    assert_eq!(result.error, None);
    simulation.assert_settled("after `--take-over`");
}

#[test]
fn the_same_fault_produces_the_same_trace_and_the_same_data() {
    let run = |k| {
        let simulation = Simulation::new(&first_logs(SEED));
        let faults = Faults::crash_after(k);
        simulation.convert(&faults);
        (faults.trace(), simulation.observe(false).table)
    };
    for k in [1, 9, 30] {
        let ((trace, table), again) = (run(k), run(k));
        assert_eq!((&trace, &table), (&again.0, &again.1));
    }
}

#[test]
fn the_same_logs_produce_the_same_data_files_with_and_without_a_crash() {
    let undisturbed = Simulation::new(&first_logs(SEED));
    undisturbed.finish("a run without faults");
    let operations = {
        let simulation = Simulation::new(&first_logs(SEED));
        count_operations(&simulation, Command::Convert)
    };
    for k in (1..operations).step_by(7) {
        let simulation = Simulation::new(&first_logs(SEED));
        simulation.convert(&Faults::crash_after(k));
        simulation.finish("the run after a crash");
        check(&simulation.logs, &simulation.observe(true)).unwrap();
        assert_eq!(simulation.observe(true).table, undisturbed.observe(true).table, "a crash after operation {k}");
    }
}

#[test]
fn a_run_on_a_bucket_may_crash_or_lose_a_reply_at_any_operation() {
    at_every_operation_on(Scenario::First, Faults::crash_after, true);
    at_every_operation_on(Scenario::Later, Faults::lose_reply, true);
}
