//! Logs that cannot be read, temporarily or permanently: the others are converted, and the run reports the unreadable
//! ones. A later run converts them, once.

use std::{collections::BTreeSet, sync::Arc, thread};

use lakefront_storage::testing::{Faults, ReadFault};
use serde_json::Value;

use crate::{
    hooks::{Hook, Stall},
    logs::{FIRST_HOUR, LogObject},
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs},
};

const SEED: u64 = 13;

/// Returns two of the first logs, in different tasks, each with others in its task.
fn forbidden() -> Vec<Arc<LogObject>> {
    first_logs(SEED)
        .into_iter()
        .filter(|object| ["00000004.log", "00000007.gz"].iter().any(|end| object.name.ends_with(end)))
        .collect()
}

/// Returns `count` small good logs, all of one hour.
fn good_logs(count: u64) -> Vec<Arc<LogObject>> {
    (0..count).map(|number| LogObject::make(SEED, number * 10, FIRST_HOUR, 0)).collect()
}

fn count(report: &Value, word: &str) -> u64 {
    report["objects"][word].as_u64().unwrap()
}

/// Returns the objects that a report names as unreadable.
fn unreadable_in(report: &Value) -> BTreeSet<String> {
    let lost = report["lost_objects"].as_array().unwrap().iter().filter(|lost| lost["reason"] == "unreadable");
    lost.map(|lost| lost["object"].as_str().unwrap().to_owned()).collect()
}

fn convert_up_to(simulation: &Simulation, max_unreadable: impl Into<Option<u64>>) -> (Value, Option<String>) {
    let max_unreadable = max_unreadable.into();
    let result = simulation.run(&RunRequest { max_unreadable, ..RunRequest::without_faults(Command::Convert) });
    (result.report, result.error)
}

/// Returns the keys of each task of an epoch, in order.
fn tasks_of(simulation: &Simulation, epoch: usize) -> Vec<Vec<String>> {
    let name =
        simulation.state.names().into_iter().find(|name| name.starts_with(&format!("plan/{epoch:010}-"))).unwrap();
    let lines = crate::invariants::json_lines(&simulation.state.bytes(&name).unwrap()).unwrap();
    let mut tasks: Vec<Vec<String>> = Vec::new();
    for line in lines.iter().skip(1).filter(|line| line.get("task").is_some()) {
        let task = usize::try_from(line["task"].as_u64().unwrap()).unwrap();
        tasks.resize_with(tasks.len().max(task + 1), Vec::new);
        tasks[task].push(line["name"].as_str().unwrap().to_owned());
    }
    tasks
}

#[test]
fn an_unreadable_log_does_not_stop_a_run_and_is_converted_once_it_is_readable() {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.forbid(&forbidden());
    let result = simulation.run_alone(Command::Convert, "the first night");
    assert_eq!(result.error, None);
    assert_eq!((count(&result.report, "unreadable"), &result.report["outcome"]), (2, &"done-with-failures".into()));
    let reported = result.report["lost_objects"].to_string();
    assert!(
        reported.contains("unreadable") && reported.contains("ermission denied") && reported.contains("00000007"),
        "{reported}"
    );
    simulation.assert_holds("the first night");

    let again = simulation.run_alone(Command::Convert, "the second night");
    assert_eq!((count(&again.report, "unreadable"), count(&again.report, "planned")), (2, 2));
    simulation.assert_holds("the second night");

    simulation.forbid(&[]);
    let result = simulation.finish("once they can be read");
    assert_eq!((count(&result.report, "unreadable"), count(&result.report, "planned")), (0, 2));
    simulation.assert_idle("after that");
}

#[test]
fn a_log_that_was_unreadable_is_planned_last_in_a_separate_task() {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.forbid(&forbidden());
    simulation.run_alone(Command::Convert, "the first night");
    let epochs = simulation.state.names().iter().filter(|name| name.starts_with("log/")).count();
    let late = LogObject::make(SEED, 40, FIRST_HOUR + 60, 0);
    simulation.logs.add(std::slice::from_ref(&late));
    simulation.run_alone(Command::Convert, "the second night");
    let names: Vec<Vec<String>> = forbidden().iter().map(|object| vec![object.name.clone()]).collect();
    let tasks = tasks_of(&simulation, epochs + 1);
    assert_eq!(tasks[0], std::slice::from_ref(&late.name), "new objects come first");
    assert_eq!(tasks[1..].iter().collect::<BTreeSet<_>>(), names.iter().collect());
}

#[test]
fn a_run_that_cannot_read_some_logs_may_crash_anywhere() {
    for fault in [Faults::crash_before as fn(u64) -> Faults, Faults::crash_after, Faults::lose_reply] {
        let simulation = Simulation::new(&first_logs(SEED));
        let saved = simulation.save();
        simulation.forbid(&forbidden());
        let counting = Faults::none();
        assert_eq!(simulation.convert(&counting).error, None);
        for k in 1..=counting.operations() {
            for is_readable_then in [true, false] {
                simulation.restore(&saved);
                simulation.forbid(&forbidden());
                let faults = fault(k);
                simulation.convert(&faults);
                let when = format!("{:?}, and then they can be read: {is_readable_then}", faults.trace().last());
                simulation.assert_holds(&when);
                simulation.wait_for_leases();
                if !is_readable_then {
                    let result = simulation.run_alone(Command::Convert, &when);
                    assert_eq!(result.error, None, "{when}");
                    assert_eq!(unreadable_in(&result.report).len(), 2, "{when}: {:#}", result.report);
                    assert_eq!(count(&result.report, "unreadable"), 2, "{when}: {:#}", result.report);
                    let dealt_with = count(&result.report, "known") + count(&result.report, "planned");
                    assert_eq!(count(&result.report, "listed"), dealt_with, "{when}: {:#}", result.report);
                    simulation.assert_holds(&when);
                }
                // The logs were refused before the first data file of their task: a run that continues leaves them out.
                simulation.forbid(&[]);
                simulation.finish(&when);
                simulation.assert_idle(&when);
            }
        }
    }
}

#[test]
fn logs_may_become_unreadable_while_an_epoch_is_open() {
    let simulation = Simulation::new(&first_logs(SEED));
    let saved = simulation.save();
    let counting = Faults::none();
    simulation.convert(&counting);
    let mut times_required = 0;
    for k in 1..=counting.operations() {
        simulation.restore(&saved);
        simulation.convert(&Faults::crash_after(k));
        let when = format!("a crash after operation {k}, and then logs cannot be read");
        simulation.forbid(&forbidden());
        simulation.wait_for_leases();
        let result = simulation.run_alone(Command::Convert, &when);
        // Their rows may be in data files already: then an operator must find out why they became unreadable.
        assert!(result.error.is_none() || result.needs_resolve(), "{when}: {:?}", result.error);
        times_required += u64::from(result.error.is_some());
        simulation.assert_holds(&when);
        simulation.forbid(&[]);
        simulation.finish(&when);
        simulation.assert_idle(&when);
    }
    assert!((1..=counting.operations() / 2).contains(&times_required), "`resolve` was required {times_required} times");
}

#[test]
fn a_stalled_converter_that_read_a_log_obeys_one_that_could_not() {
    let simulation = Simulation::new(&first_logs(SEED));
    let saved = simulation.save();
    let counting = Faults::none();
    simulation.convert(&counting);
    for k in 1..=counting.operations() {
        simulation.restore(&saved);
        let when = format!("a run stalled before operation {k}");
        let stall = Stall::new(k);
        let request = RunRequest {
            hook: Some(Arc::clone(&stall) as Arc<dyn Hook>),
            ..RunRequest::without_faults(Command::Convert)
        };
        let (stalled_result, others) = thread::scope(|scope| {
            let stalled = scope.spawn(|| {
                let result = simulation.run(&request);
                stall.set_ended();
                result
            });
            stall.wait_until_stalled();
            simulation.forbid(&forbidden());
            simulation.wait_for_leases();
            let others = simulation.run(&RunRequest::without_faults(Command::Convert));
            simulation.forbid(&[]);
            stall.resume();
            (stalled.join().unwrap(), others)
        });
        for result in [stalled_result, others] {
            let is_fine = result.error.is_none() || result.is_active || result.needs_resolve();
            assert!(is_fine, "{when}: {:?}", result.error);
        }
        simulation.assert_holds(&when);
        simulation.finish_or_resolve(&when);
    }
}

#[test]
fn a_run_stops_at_its_limit_and_one_with_a_higher_limit_continues() {
    let logs = good_logs(12);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs[..5]);
    let (_, error) = convert_up_to(&simulation, 3);
    let error = error.unwrap();
    assert!(error.contains("3 objects could not be read") && error.contains("--max-unreadable"), "{error}");
    simulation.assert_holds("a run that stopped at its limit");

    let (report, error) = convert_up_to(&simulation, 6);
    assert_eq!(error, None);
    assert_eq!((&report["outcome"], unreadable_in(&report).len()), (&"done-with-failures".into(), 5));
    simulation.assert_holds("a run with a higher limit");
    simulation.forbid(&[]);
    simulation.finish("once they can be read");
}

#[test]
fn a_run_that_stops_at_its_limit_has_converted_new_logs_and_leaves_less_work() {
    let logs = good_logs(12);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs[..5]);
    convert_up_to(&simulation, 6);
    let late = LogObject::make(SEED, 200, FIRST_HOUR + 60, 0);
    simulation.logs.add(std::slice::from_ref(&late));
    let (report, error) = convert_up_to(&simulation, 3);
    assert!(error.is_some());
    assert_eq!(count(&report, "converted"), 1, "new objects come before unreadable ones: {report:#}");
    let tasks_left = |simulation: &Simulation| {
        let epochs = simulation.epochs();
        epochs.last().unwrap().tasks.iter().filter(|task| task.commit.is_none()).count()
    };
    assert_eq!(tasks_left(&simulation), 3, "two of five are recorded");
    simulation.forbid(&logs[..3]);
    // The first two are recorded; one of the others is still unreadable, which is within the limit.
    let (_, error) = convert_up_to(&simulation, 4);
    assert_eq!(error, None, "recorded objects do not count");
    simulation.forbid(&[]);
    simulation.finish("once they can be read");
}

#[test]
fn a_run_that_can_read_none_of_its_first_twenty_logs_stops() {
    let logs = good_logs(30);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs);
    let (_, error) = convert_up_to(&simulation, None);
    let error = error.unwrap();
    assert!(
        error.contains("none of the first 20 objects can be read") && error.contains("permission denied"),
        "{error}"
    );
    simulation.assert_holds("a run without any access");
    simulation.forbid(&[]);
    simulation.finish("once it has access");
    simulation.assert_idle("after that");
}

#[test]
fn any_number_of_denied_logs_does_not_keep_a_run_from_new_ones() {
    let denied = good_logs(60);
    let simulation = Simulation::new(&denied);
    let first = LogObject::make(SEED, 700, FIRST_HOUR - 10, 0);
    simulation.logs.add(std::slice::from_ref(&first));
    simulation.forbid(&denied);
    assert_eq!(convert_up_to(&simulation, None).1, None);
    // Without new logs, none of the first twenty can be read, and the epoch stays open.
    assert!(convert_up_to(&simulation, None).1.is_some());
    let late = LogObject::make(SEED, 710, FIRST_HOUR + 60, 0);
    simulation.logs.add(std::slice::from_ref(&late));
    let (report, error) = convert_up_to(&simulation, None);
    assert_eq!(error, None);
    assert_eq!((count(&report, "converted"), unreadable_in(&report).len()), (1, 60));
}

#[test]
fn a_run_with_a_high_limit_continues_without_the_unreadable_logs() {
    let logs = good_logs(30);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs);
    assert!(convert_up_to(&simulation, None).1.is_some());
    let (report, error) = convert_up_to(&simulation, 1000);
    assert_eq!(error, None);
    assert_eq!(unreadable_in(&report).len(), 30);
}

#[test]
fn fewer_than_twenty_unreadable_logs_do_not_stop_a_run() {
    let logs = good_logs(19);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs);
    let (report, error) = convert_up_to(&simulation, None);
    assert_eq!(error, None);
    assert_eq!((&report["outcome"], count(&report, "unreadable")), (&"done-with-failures".into(), 19));
}

#[test]
fn one_readable_log_among_the_first_is_enough_to_continue() {
    let logs = good_logs(30);
    let simulation = Simulation::new(&logs);
    simulation.forbid(&logs[1..]);
    let (report, error) = convert_up_to(&simulation, None);
    assert_eq!(error, None);
    assert_eq!((count(&report, "converted"), count(&report, "unreadable")), (1, 29));
}

#[test]
fn an_error_of_the_system_and_not_of_a_log_stops_the_run() {
    for fault in [ReadFault::TooManyFiles, ReadFault::Unreachable { after_bytes: 0 }] {
        let simulation = Simulation::new(&first_logs(SEED));
        simulation.unreadable.set(&forbidden()[0].name, fault);
        let result = simulation.run(&RunRequest::without_faults(Command::Convert));
        assert!(result.error.is_some(), "{fault:?}");
        simulation.assert_holds("a run that stopped");
        simulation.forbid(&[]);
        simulation.finish("the next run");
    }
}

#[test]
fn a_retry_names_a_log_that_cannot_be_read_and_converts_the_others() {
    let simulation = Simulation::new(&first_logs(SEED));
    simulation.finish("the first run");
    let failed: Vec<Arc<LogObject>> = first_logs(SEED).into_iter().filter(|object| object.is_damaged).collect();
    simulation.forbid(&failed);
    let result = simulation.run_alone(Command::Retry, "a retry");
    assert_eq!(result.error, None);
    assert_eq!(count(&result.report, "unreadable"), failed.len() as u64, "{:#}", result.report);
    simulation.assert_holds("a retry");
}
