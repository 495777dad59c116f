//! Many converters at once on one table, with leases that expire at once: races for every name.

use std::{thread, time::Duration};

use lakefront_storage::testing::Faults;

use crate::{
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs},
};

/// Starts a number of converters at once, on a new table and then on one with new objects.
fn race(converters: usize, seed: u64) {
    let simulation = Simulation::new(&first_logs(seed));
    for (step, logs) in [first_logs(seed), later_logs(seed)].iter().enumerate() {
        simulation.logs.set(logs);
        let request =
            RunRequest { lease: Duration::ZERO, ..RunRequest::with_faults(Command::Convert, &Faults::none()) };
        let errors: Vec<String> = thread::scope(|scope| {
            let runs: Vec<_> = (0..converters).map(|_| scope.spawn(|| simulation.run(&request))).collect();
            let ended = runs.into_iter().map(|run| run.join().unwrap());
            ended.filter(|result| !result.is_active).filter_map(|result| result.error).collect()
        });
        assert!(errors.is_empty(), "{converters} converters, step {step}: {errors:#?}");
        let when = format!("{converters} converters at once, seed {seed}, step {step}");
        simulation.assert_holds(&when);
        simulation.finish(&when);
        simulation.assert_idle(&when);
    }
}

#[test]
fn two_converters_at_once_convert_every_row_once() {
    (0..20).for_each(|seed| race(2, seed));
}

#[test]
fn five_converters_at_once_convert_every_row_once() {
    (0..8).for_each(|seed| race(5, seed));
}

#[test]
fn twenty_converters_at_once_convert_every_row_once() {
    (0..2).for_each(|seed| race(20, seed));
}
