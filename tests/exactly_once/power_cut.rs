//! The power fails after any operation. In memory, objects that were only `put` are lost or torn; on the local disk,
//! everything that was not synced is lost, or a part of it. After each, one run without faults makes the table exact.

use lakefront_storage::testing::Faults;

use crate::{
    disk::Disk,
    simulation::{Simulation, first_logs, later_logs},
};

const SEED: u64 = 13;

#[test]
fn the_power_may_fail_after_any_operation_on_a_store_that_keeps_what_it_created() {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    simulation.logs.set(&later_logs(SEED));
    let saved = simulation.save();
    let faults = Faults::none();
    simulation.convert(&faults);
    for k in 1..=faults.operations() {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_after(k));
        simulation.power_cut(k);
        let when = format!("a power cut after operation {k}");
        simulation.assert_holds(&when);
        simulation.finish(&when);
        simulation.assert_idle(&when);
    }
}

/// Simulates a power cut after operation `k` of a first run, for every k.
fn at_every_operation(seed_of: fn(u64) -> Option<u64>) {
    for k in 1.. {
        let mut disk = Disk::new(&first_logs(SEED));
        let came_so_far = disk.convert(&Faults::crash_after(k));
        disk.power_cut(seed_of(k));
        let when = format!("a power cut after operation {k} on disk, seed {:?}", seed_of(k));
        disk.assert_checked(false, &when);
        disk.finish(&when);
        if !came_so_far {
            assert!(k > 20, "the whole run has only {k} operations");
            break;
        }
    }
}

#[test]
fn the_power_may_fail_after_any_operation_on_a_local_disk() {
    at_every_operation(|_| None);
}

#[test]
fn the_power_may_fail_after_any_operation_with_a_part_of_the_cache_written() {
    at_every_operation(Some);
    at_every_operation(|k| Some(1_000 + k));
}

#[test]
fn the_power_may_fail_after_another_run_has_continued_a_killed_one() {
    for k in 1.. {
        let mut disk = Disk::new(&first_logs(SEED));
        // It is killed between the link and the sync of the folder, without a power cut.
        let came_so_far = disk.convert(&Faults::crash_before_sync(k));
        let when = format!("killed at operation {k} on disk, finished by another run, then a power cut");
        disk.finish(&when);
        disk.power_cut(Some(k).filter(|k| k % 2 == 0));
        disk.assert_checked(false, &when);
        disk.finish(&when);
        if !came_so_far {
            break;
        }
    }
}

#[test]
fn a_sync_may_fail_before_a_power_cut_on_a_local_disk() {
    for k in 1.. {
        let mut disk = Disk::new(&first_logs(SEED));
        let faults = Faults::fail_sync(k);
        disk.convert(&faults);
        disk.power_cut(None);
        let when = format!("a power cut after a sync that failed at operation {k} on disk");
        disk.assert_checked(false, &when);
        disk.finish(&when);
        if faults.operations() < k {
            break;
        }
    }
}

#[test]
fn two_power_cuts_in_a_row_lose_nothing_that_was_committed() {
    for (first, second) in [(9, 9), (15, 4), (25, 14), (33, 2), (40, 30), (50, 21)] {
        let mut disk = Disk::new(&first_logs(SEED));
        let when = format!("power cuts after operations {first} and then {second}");
        for (k, logs) in [(first, first_logs(SEED)), (second, later_logs(SEED))] {
            disk.logs.set(&logs);
            disk.convert(&Faults::crash_after(k));
            disk.power_cut(None);
            disk.assert_checked(false, &when);
        }
        disk.finish_or_resolve(&when);
    }
}
