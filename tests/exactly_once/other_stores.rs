//! Stores that overwrite an existing name on put-if-absent: they are refused before they do harm, unless the operator
//! guarantees a single writer.

use lakefront_storage::testing::Faults;

use crate::{
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs},
};

const SEED: u64 = 19;

/// Returns a simulation with stores that ignore put-if-absent.
fn ignoring_put_if_absent(is_single_writer: bool) -> Simulation {
    let mut simulation = Simulation::new(&first_logs(SEED));
    simulation.ignores_conditions = true;
    simulation.is_single_writer = is_single_writer;
    simulation
}

/// Asserts that a run is refused, and that only the table's record was written.
fn assert_refused(simulation: &Simulation, when: &str) {
    let error = simulation
        .run(&RunRequest::without_faults(Command::Convert))
        .error
        .unwrap_or_else(|| panic!("{when}: the run continued"));
    assert!(error.contains("ignores put-if-absent"), "{when}: {error}");
    assert_eq!(simulation.state.names(), ["table.json"], "{when}");
    assert!(simulation.table.names().is_empty(), "{when}: {:?}", simulation.table.names());
}

#[test]
fn a_store_that_ignores_put_if_absent_is_refused_before_anything_is_decided() {
    let simulation = ignoring_put_if_absent(false);
    for when in ["at first", "again", "and again"] {
        assert_refused(&simulation, when);
    }
}

#[test]
fn a_store_that_ignores_put_if_absent_is_refused_also_after_a_crash_between_the_two_creates() {
    let simulation = ignoring_put_if_absent(false);
    let new = simulation.save();
    for fault in [Faults::crash_before, Faults::crash_after, Faults::fail, Faults::lose_reply] {
        for k in 1.. {
            simulation.restore(&new);
            let faults = fault(k);
            let result = simulation.convert(&faults);
            assert!(result.error.is_some(), "a fault at operation {k}");
            assert_refused(&simulation, &format!("after a fault at operation {k}"));
            if faults.operations() < k {
                assert!(k > 3, "the probe is at operation {k}");
                break;
            }
        }
    }
}

#[test]
fn a_single_writer_may_crash_or_lose_a_reply_anywhere_on_a_store_that_ignores_put_if_absent() {
    let simulation = ignoring_put_if_absent(true);
    let saved = simulation.save();
    let faults = Faults::none();
    assert_eq!(simulation.convert(&faults).error, None);
    for k in 1..=faults.operations() {
        for fault in [Faults::crash_after, Faults::lose_reply] {
            simulation.restore(&saved);
            let faults = fault(k);
            simulation.convert(&faults);
            let when = format!("a single writer, {:?}", faults.trace().last());
            simulation.assert_holds(&when);
            simulation.finish(&when);
            simulation.assert_idle(&when);
        }
    }
}

#[test]
fn a_table_of_a_single_writer_requires_the_option_each_time() {
    let mut simulation = ignoring_put_if_absent(true);
    simulation.finish("the first run");
    simulation.logs.set(&later_logs(SEED));
    simulation.crash_until(Simulation::has_partly_committed_epoch);
    simulation.wait_for_leases();
    simulation.is_single_writer = false;
    for command in [Command::Convert, Command::Retry, Command::Resolve] {
        let writes = simulation.writes();
        let error = simulation
            .run(&RunRequest::without_faults(command))
            .error
            .unwrap_or_else(|| panic!("{command:?} continued"));
        assert!(error.contains("made with `--single-writer`"), "{command:?}: {error}");
        assert_eq!(simulation.writes(), writes, "{command:?}: {error}");
    }
    simulation.is_single_writer = true;
    simulation.finish("with `--single-writer`");
    simulation.assert_idle("with `--single-writer`");
}
