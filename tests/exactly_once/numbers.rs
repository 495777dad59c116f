//! Numbers that are reported while an epoch is open: status, verification, dry run and reports count committed objects,
//! and all of them add up.

use lakefront_operations::{Stop, Verification, VerifyOptions, status, verify};
use lakefront_storage::testing::Faults;
use serde_json::Value;

use crate::{
    invariants::Epoch,
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs, later_logs},
};

const SEED: u64 = 17;

/// Sums of the commits of a state.
#[derive(Debug, Default, PartialEq, Eq)]
struct Committed {
    files: u64,
    rows: u64,
    rejects: u64,
    inputs: u64,
    /// Number of the open epoch, of its tasks, and of its committed tasks.
    open: Option<(u64, u64, u64)>,
}

fn committed(epochs: &[Epoch]) -> Committed {
    let mut sum = Committed::default();
    for epoch in epochs {
        for file in epoch.files() {
            sum.files += 1;
            sum.rows += file.rows;
        }
        let commits = epoch.tasks.iter().filter_map(|task| task.commit.as_ref());
        let inputs = || commits.clone().flat_map(|commit| commit["inputs"].as_array().into_iter().flatten());
        sum.inputs += inputs().count() as u64;
        sum.rejects += inputs().filter_map(|input| input["rejects"].as_u64()).sum::<u64>();
        if epoch.closed.is_none() {
            sum.open = Some((epoch.number, epoch.tasks.len() as u64, commits.count() as u64));
        }
    }
    sum
}

fn verified(simulation: &Simulation) -> Verification {
    let options = VerifyOptions { deep: false, since: None, threads: 1 };
    verify(&simulation.destination(), &options, &Stop::default()).unwrap()
}

fn number(report: &Value, path: &str) -> u64 {
    report.pointer(path).and_then(Value::as_u64).unwrap_or_else(|| panic!("`{path}` in {report:#}"))
}

/// Compares the numbers of all commands with the commits and with each other. All logs of the simulation have settled.
fn assert_numbers(simulation: &Simulation, when: &str) {
    let epochs = simulation.epochs();
    let sum = committed(&epochs);
    if epochs.is_empty() {
        return;
    }
    let status = status(&simulation.destination()).unwrap();
    assert_eq!((status.files, status.rows, status.rejects), (sum.files, sum.rows, sum.rejects), "{when}: {status:#?}");
    let outcomes = status.inputs;
    let inputs = outcomes.converted + outcomes.failed + outcomes.gone + outcomes.replaced + outcomes.changed;
    assert_eq!(inputs + outcomes.unreadable, sum.inputs, "{when}: {status:#?}");
    let open = status.open.as_ref().map(|open| (open.epoch, open.tasks, open.committed));
    assert_eq!(open, sum.open, "{when}");

    let verified = verified(simulation);
    assert_eq!((verified.files, verified.rows, verified.inputs), (sum.files, sum.rows, sum.inputs), "{when}");
    assert_eq!(verified.open.map(|open| (open.epoch, open.tasks, open.committed)), sum.open, "{when}");
    assert_eq!(verified.num_faults, 0, "{when}: {:#?}", verified.faults);

    let preview = simulation.preview();
    assert_eq!(preview.open_epoch.map(|open| (open.epoch, open.tasks, open.committed)), sum.open, "{when}");
    let all = preview.planned.objects + preview.known + preview.changed;
    assert_eq!(all, preview.listed, "{when}: {preview:#?}");
    let in_tasks: usize = preview.tasks.iter().map(|task| task.inputs.len()).sum();
    assert_eq!(preview.planned.objects, in_tasks as u64, "{when}: {preview:#?}");
}

/// Asserts that the report of a run that was not interrupted adds up.
fn assert_report_adds_up(report: &Value, before: &Committed, after: &Committed, when: &str) {
    let objects = |word: &str| number(report, &format!("/objects/{word}"));
    let became = ["converted", "adopted_converted", "failed", "gone", "replaced", "changed", "unreadable"];
    assert_eq!(objects("planned"), became.iter().map(|word| objects(word)).sum::<u64>(), "{when}: {report:#}");
    let found = ["known", "planned", "not_selected", "waiting"];
    assert_eq!(objects("listed"), found.iter().map(|word| objects(word)).sum::<u64>(), "{when}: {report:#}");
    assert_eq!(number(report, "/rows"), after.rows - before.rows, "{when}: {report:#}");
    assert_eq!(number(report, "/files"), after.files - before.files, "{when}: {report:#}");
    let rejects: u64 = report["rejects"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert_eq!(rejects, after.rejects - before.rejects, "{when}: {report:#}");
    let status_lines = ["rows", "comments", "blanks"].map(|word| number(report, &format!("/{word}")));
    assert_eq!(number(report, "/lines"), status_lines.iter().sum::<u64>() + rejects, "{when}: {report:#}");
}

#[test]
fn all_numbers_add_up_over_interrupted_and_resumed_runs() {
    let simulation = Simulation::new(&first_logs(SEED));
    let mut times_open = 0;
    for (logs, scenario) in [(first_logs(SEED), "the first run"), (later_logs(SEED), "a later run")] {
        simulation.logs.set(&logs);
        let saved = simulation.save();
        let counting = Faults::none();
        assert_eq!(simulation.convert(&counting).error, None);
        for k in 1..=counting.operations() {
            simulation.restore(&saved);
            let interrupted = simulation.convert(&Faults::crash_after(k));
            let when = format!("{scenario}, interrupted after operation {k}");
            assert_numbers(&simulation, &when);
            let before = committed(&simulation.epochs());
            times_open +=
                u64::from(before.open.is_some_and(|(_, tasks, committed)| committed > 0 && committed < tasks));
            // A run whose claim or last write was interrupted cannot know the result of that write.
            let reported = number_or_none(&interrupted.report, "open_epoch");
            if let Some((epoch, _, 1..)) = before.open {
                assert_eq!(reported, Some(epoch), "{when}");
            }
            let last = simulation.epochs().last().map(|epoch| epoch.number);
            assert!(
                interrupted.error.is_none() || reported.is_none() || reported == last,
                "{when}: {reported:?}, {before:?}"
            );
            simulation.wait_for_leases();
            let epochs_before = simulation.epochs();
            let result = simulation.run(&RunRequest::without_faults(Command::Convert));
            assert_eq!(result.error, None, "{when}");
            let epochs = simulation.epochs();
            let after = committed(&epochs);
            assert_report_adds_up(&result.report, &before, &after, &when);
            // Adopted results and its own are all results of its epochs.
            let was_closed = epochs_before.iter().filter(|epoch| epoch.closed.is_some()).count();
            let own = committed(&epochs[was_closed..]);
            for (path, expected) in [("rows", own.rows), ("files", own.files)] {
                let reported =
                    number(&result.report, &format!("/{path}")) + number(&result.report, &format!("/adopted/{path}"));
                assert_eq!(reported, expected, "{when}: {:#}", result.report);
            }
            assert_numbers(&simulation, &when);
        }
        simulation.restore(&saved);
        simulation.finish(scenario);
    }
    assert!(times_open > 10, "only {times_open} times an epoch was open with some of its tasks committed");
}

fn number_or_none(report: &Value, key: &str) -> Option<u64> {
    report.get(key).and_then(Value::as_u64)
}
