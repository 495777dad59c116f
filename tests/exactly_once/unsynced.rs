//! Files that are visible but not on the disk: a sync fails, or a converter is killed between creating a name and
//! syncing it. Other runs continue from there; then the power fails.

use lakefront_storage::testing::Faults;

use crate::{
    run_driver::{Command, RunRequest},
    simulation::{Saved, Simulation, first_logs, later_logs, vanished_logs},
};

const SEED: u64 = 29;

/// Returns a table with epochs and late and changed objects, and a new table, each with the number of operations of the
/// next run.
fn simulations() -> [(Simulation, Saved, u64); 2] {
    [false, true].map(|is_new| {
        let simulation = Simulation::new(&first_logs(SEED));
        if !is_new {
            simulation.finish("the first run");
            simulation.logs.set(&later_logs(SEED));
        }
        let saved = simulation.save();
        let operations = count_operations(&simulation);
        simulation.restore(&saved);
        (simulation, saved, operations)
    })
}

fn count_operations(simulation: &Simulation) -> u64 {
    let faults = Faults::none();
    assert_eq!(simulation.convert(&faults).error, None);
    faults.operations()
}

/// Returns the trace of operation `k`.
fn operation_at(faults: &Faults, k: u64) -> String {
    faults.trace()[usize::try_from(k).unwrap() - 1].clone()
}

/// Simulates a power cut, and asserts that nothing is lost or the next run repairs it.
fn survives_a_power_cut(simulation: &Simulation, seed: u64, when: &str) {
    simulation.power_cut(seed);
    simulation.assert_holds(when);
    simulation.finish(when);
    simulation.assert_idle(when);
}

#[test]
fn a_sync_may_fail_at_any_operation_before_a_power_cut() {
    for (simulation, saved, operations) in simulations() {
        for k in 1..=operations {
            simulation.restore(&saved);
            let faults = Faults::fail_sync(k);
            simulation.convert(&faults);
            let when = format!("a power cut after {}", operation_at(&faults, k));
            survives_a_power_cut(&simulation, k, &when);
        }
    }
}

#[test]
fn files_of_a_failed_sync_are_on_the_disk_before_the_next_run_uses_them() {
    for (simulation, saved, operations) in simulations() {
        for k in 1..=operations {
            simulation.restore(&saved);
            let faults = Faults::fail_sync(k);
            simulation.convert(&faults);
            let when = format!("another run, then a power cut after {}", operation_at(&faults, k));
            simulation.finish(&when);
            survives_a_power_cut(&simulation, k, &when);
        }
    }
}

#[test]
fn unsynced_files_of_a_killed_run_are_on_the_disk_before_other_runs_use_them() {
    for (simulation, saved, operations) in simulations() {
        for k in 1..=operations {
            simulation.restore(&saved);
            let faults = Faults::crash_before_sync(k);
            simulation.convert(&faults);
            let when = format!("another run, then a power cut after {}", operation_at(&faults, k));
            simulation.finish(&when);
            survives_a_power_cut(&simulation, k, &when);
        }
    }
}

#[test]
fn the_power_may_fail_while_an_epoch_of_a_killed_run_is_finished() {
    let (simulation, saved, operations) = simulations().into_iter().next_back().unwrap();
    for k in (1..=operations).step_by(3) {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_before_sync(k));
        simulation.wait_for_leases();
        let killed = simulation.save();
        let left = count_operations(&simulation);
        for j in (1 + k % 4..=left).step_by(4) {
            simulation.restore(&killed);
            let faults = Faults::crash_before_sync(j);
            simulation.convert(&faults);
            let when =
                format!("killed at operation {k}, and the next at {}, then a power cut", operation_at(&faults, j));
            survives_a_power_cut(&simulation, j, &when);
        }
    }
}

#[test]
fn the_list_of_lost_inputs_of_a_killed_run_is_on_the_disk_before_other_runs_use_it() {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.crash_until(|simulation| simulation.open_epoch().is_some());
    simulation.logs.set(&vanished_logs(SEED));
    simulation.wait_for_leases();
    let saved = simulation.save();
    let operations = count_operations(&simulation);
    for k in 1..=operations {
        simulation.restore(&saved);
        let faults = Faults::crash_before_sync(k);
        simulation.convert(&faults);
        if faults.trace().last().is_some_and(|line| line.contains(" put_if_absent gone/")) {
            let when = format!("another run, then a power cut after {}", operation_at(&faults, k));
            simulation.finish(&when);
            survives_a_power_cut(&simulation, k, &when);
        }
    }
}

#[test]
fn a_single_writer_survives_a_failed_sync_and_a_kill_before_a_sync() {
    let mut simulation = Simulation::new(&first_logs(SEED));
    simulation.is_single_writer = true;
    let saved = simulation.save();
    let operations = count_operations(&simulation);
    for k in 1..=operations {
        for fault in [Faults::fail_sync, Faults::crash_before_sync] {
            simulation.restore(&saved);
            let faults = fault(k);
            simulation.run(&RunRequest::with_faults(Command::Convert, &faults));
            let when = format!("a single writer, then a power cut after {}", operation_at(&faults, k));
            simulation.finish(&when);
            survives_a_power_cut(&simulation, k, &when);
        }
    }
}
