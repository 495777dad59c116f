//! Checks of a run's report against the state that the run left: I8 for readers of the report.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Files, Found, Violation,
    records::{self, Epoch, Input, Task},
};
use crate::simulation::{Simulation, first_logs};

/// I8: the report of a run without concurrent runs or errors counts all inputs of the epochs that it closed, and names
/// each that was not converted, also those of tasks that a killed run committed.
pub(crate) fn check_report(before: &Files, after: &Files, report: &Value) -> Result<(), Vec<Violation>> {
    let mut found = Found::default();
    let closed_before: BTreeSet<u64> = numbers_of_closed(&records::read(before, &mut Found::default()));
    let epochs = records::read(after, &mut Found::default());
    let ours: Vec<&Epoch> =
        epochs.iter().filter(|epoch| epoch.closed.is_some() && !closed_before.contains(&epoch.number)).collect();
    let numbers: Vec<u64> = ours.iter().map(|epoch| epoch.number).collect();
    found.expect("I8", report["epochs"] == Value::from(numbers.clone()), || {
        format!("it closed {numbers:?}, but the report has {}", report["epochs"])
    });

    let tasks = || ours.iter().flat_map(|epoch| epoch.tasks.iter().enumerate().map(|task| (epoch.number, task)));
    // An unreadable input that the same run planned again counts once, with its last outcome.
    let is_again = |epoch: u64, lost: &Input, word: &str| {
        let may_be = ["unreadable", "failed"].contains(&word);
        let later = ours.iter().filter(|later| later.number > epoch).flat_map(|later| &later.tasks);
        later
            .flat_map(|task| &task.inputs)
            .any(|input| may_be && (&input.source, &input.key) == (&lost.source, &lost.key))
    };
    let is_adopted = |epoch: u64, task: usize| before.contains_key(&format!("commit/{epoch:010}/{task:05}.json"));
    let count = |matches: &dyn Fn(bool, &str) -> bool| -> usize {
        let inputs = tasks().flat_map(|(epoch, (number, task))| {
            let is_adopted = is_adopted(epoch, number);
            let inputs = words(task).map(move |(input, word)| (is_adopted, input, word));
            inputs.filter(move |(_, input, word)| !is_again(epoch, input, word)).map(|(is, _, word)| (is, word))
        });
        inputs.filter(|(is_adopted, word)| matches(*is_adopted, word)).count()
    };
    let mut not_converted = 0;
    for word in ["failed", "gone", "replaced", "changed", "unreadable"] {
        let expected = count(&|_, outcome| outcome == word);
        not_converted += expected;
        expect_count(report, word, expected, &mut found);
    }
    expect_count(report, "planned", count(&|_, _| true), &mut found);
    expect_count(report, "adopted", count(&|is_adopted, _| is_adopted), &mut found);
    expect_count(
        report,
        "converted",
        count(&|is_adopted, word| !is_adopted && ["converted", "empty"].contains(&word)),
        &mut found,
    );
    expect_count(
        report,
        "adopted_converted",
        count(&|is_adopted, word| is_adopted && ["converted", "empty"].contains(&word)),
        &mut found,
    );
    let outcome = if not_converted > 0 { "done-with-failures" } else { "done" };
    found.expect("I8", report["outcome"] == outcome, || format!("the outcome is {}, not {outcome}", report["outcome"]));

    let named = |list: &str| -> BTreeSet<String> {
        let objects = report[list].as_array().map(Vec::as_slice).unwrap_or_default();
        objects.iter().map(|object| object["object"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let expected = |wanted: &[&str]| -> BTreeSet<String> {
        let inputs = tasks()
            .flat_map(|(epoch, (_, task))| words(task).filter(move |(input, word)| !is_again(epoch, input, word)));
        inputs.filter(|(_, word)| wanted.contains(word)).map(|(input, _)| input.url()).collect()
    };
    for (list, wanted) in
        [("failed_objects", &["failed"][..]), ("lost_objects", &["gone", "replaced", "changed", "unreadable"])]
    {
        let (got, expected) = (named(list), expected(wanted));
        found.expect("I8", got == expected, || format!("`{list}` names {got:?}, but must name {expected:?}"));
    }
    if found.violations.is_empty() { Ok(()) } else { Err(found.violations) }
}

fn numbers_of_closed(epochs: &[Epoch]) -> BTreeSet<u64> {
    epochs.iter().filter(|epoch| epoch.closed.is_some()).map(|epoch| epoch.number).collect()
}

/// Returns each input of a committed task, with its outcome.
fn words(task: &Task) -> impl Iterator<Item = (&Input, &str)> {
    let inputs = task.inputs.iter().enumerate();
    inputs.map(|(index, input)| (input, task.outcome(index).unwrap_or_default()))
}

fn expect_count(report: &Value, word: &str, expected: usize, found: &mut Found) {
    let reported = &report["objects"][word];
    found.expect("I8", *reported == expected, || format!("`objects.{word}` is {reported}, but must be {expected}"));
}

#[test]
fn a_report_that_omits_an_input_is_found() {
    let simulation = Simulation::new(&first_logs(1));
    simulation.crash_until(Simulation::has_partly_committed_epoch);
    let before = simulation.observe(false).state;
    let result = simulation.finish("the next run");
    let after = simulation.observe(true).state;
    check_report(&before, &after, &result.report).unwrap();
    let spoilt = |spoil: fn(&mut Value)| {
        let mut report = result.report.clone();
        spoil(&mut report);
        check_report(&before, &after, &report).is_err()
    };
    assert!(spoilt(|report| report["outcome"] = "done".into()));
    assert!(spoilt(|report| report["epochs"] = Value::Array(Vec::new())));
    assert!(spoilt(|report| report["failed_objects"] = Value::Array(Vec::new())));
    for word in
        ["planned", "adopted", "adopted_converted", "converted", "failed", "gone", "replaced", "changed", "unreadable"]
    {
        let mut report = result.report.clone();
        report["objects"][word] = (report["objects"][word].as_u64().unwrap() + 1).into();
        assert!(check_report(&before, &after, &report).is_err(), "{word}");
    }
}
