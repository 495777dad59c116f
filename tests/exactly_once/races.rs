//! Many converters at once on one table, none of which waits for another's lease: races for every name.

use std::{thread, time::Duration};

use lakefront_storage::testing::Faults;

use crate::{
    ask::{Ask, Verb},
    world::{World, first_logs, later_logs},
};

/// So many converters start at once, on a new table and then on one with news.
fn race(converters: usize, seed: u64) {
    let world = World::new(&first_logs(seed));
    for (step, logs) in [first_logs(seed), later_logs(seed)].iter().enumerate() {
        world.logs.hold(logs);
        let ask = Ask { lease: Duration::ZERO, ..Ask::with(Verb::Convert, &Faults::none()) };
        let errors: Vec<String> = thread::scope(|scope| {
            let runs: Vec<_> = (0..converters).map(|_| scope.spawn(|| world.run(&ask))).collect();
            let ended = runs.into_iter().map(|run| run.join().unwrap());
            ended.filter(|ran| !ran.is_active).filter_map(|ran| ran.error).collect()
        });
        assert!(errors.is_empty(), "{converters} converters, step {step}: {errors:#?}");
        let when = format!("{converters} converters at once, seed {seed}, step {step}");
        world.assert_holds(&when);
        world.finish(&when);
        world.assert_idle(&when);
    }
}

#[test]
fn two_converters_at_once_take_every_row_once() {
    (0..20).for_each(|seed| race(2, seed));
}

#[test]
fn five_converters_at_once_take_every_row_once() {
    (0..8).for_each(|seed| race(5, seed));
}

#[test]
fn twenty_converters_at_once_take_every_row_once() {
    (0..2).for_each(|seed| race(20, seed));
}
