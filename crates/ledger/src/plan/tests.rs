//! Tests of planning: grouping, splitting and order of tasks.

use super::*;

const MIB: u64 = 1 << 20;
/// Largest compressed size of a task in bytes: 64 MiB.
const TASK_BYTES: u64 = 64 << 20;

fn options() -> PlanOptions {
    PlanOptions { by_hour: true, task_bytes: TASK_BYTES, epoch_inputs: MAX_EPOCH_INPUTS }
}

fn object(name: &str, size_bytes: u64) -> Object {
    Object::local(&format!("/logs/{name}"), name, size_bytes, 0)
}

/// Returns an object of a distribution in an hour of May 2024.
fn log(distribution: &str, day_and_hour: &str, size_bytes: u64) -> Object {
    object(&format!("{distribution}.2024-05-{day_and_hour}.abcd0123.gz"), size_bytes)
}

fn plan_of(mut objects: Vec<Object>, options: PlanOptions) -> Vec<Task> {
    // Reversed, because the order of candidates must not matter.
    objects.reverse();
    plan(Candidates { new: objects, ..Candidates::default() }, options, 1)
}

/// Returns the names of each task's inputs, only distribution and hour.
fn tasks(plan: &[Task]) -> Vec<Vec<String>> {
    let short = |object: &Object| object.name().replace(".abcd0123.gz", "").replace(".2024-05-", " ");
    plan.iter().map(|task| task.inputs.iter().map(short).collect()).collect()
}

#[test]
fn small_hours_of_a_day_share_a_task_but_days_do_not() {
    let objects = vec![
        log("E1", "17-10", 3 * MIB),
        log("E1", "17-11", 3 * MIB),
        log("E1", "17-12", 3 * MIB),
        log("E1", "18-00", 1),
    ];
    assert_eq!(tasks(&plan_of(objects, options())), [vec!["E1 17-10", "E1 17-11"], vec!["E1 17-12"], vec!["E1 18-00"]]);
}

#[test]
fn inputs_of_a_task_are_in_order_of_source_and_key() {
    let objects = vec![log("E2", "17-10", 1), log("E1", "17-11", 1), log("E1", "17-10", 1)];
    assert_eq!(tasks(&plan_of(objects, options())), [["E1 17-10", "E1 17-11", "E2 17-10"]]);
}

#[test]
fn an_hour_is_split_at_the_task_size_and_a_larger_object_has_a_separate_task() {
    let objects = vec![
        log("E1", "17-10", 40 * MIB),
        log("E2", "17-10", 24 * MIB),
        log("E3", "17-10", 1),
        log("E4", "17-10", 65 * MIB),
        log("E5", "17-10", 1),
        log("E1", "17-11", 9 * MIB),
    ];
    let expected: [&[&str]; 5] =
        [&["E1 17-10", "E2 17-10"], &["E3 17-10"], &["E4 17-10"], &["E5 17-10"], &["E1 17-11"]];
    assert_eq!(tasks(&plan_of(objects, options())), expected);
}

#[test]
fn hours_of_a_table_by_day_share_tasks() {
    let objects = vec![log("E1", "17-10", 20 * MIB), log("E1", "17-11", 20 * MIB), log("E1", "18-00", 1)];
    let options = PlanOptions { by_hour: false, ..options() };
    assert_eq!(tasks(&plan_of(objects, options)), [vec!["E1 17-10", "E1 17-11"], vec!["E1 18-00"]]);
}

#[test]
fn objects_without_an_hour_come_last_and_are_grouped_by_size() {
    let mut objects = vec![object("a.log", 60 * MIB), object("b.log", 5 * MIB), object("c.log", MIB)];
    objects.push(log("E1", "17-10", 1));
    assert_eq!(tasks(&plan_of(objects, options())), [vec!["E1 17-10"], vec!["a.log"], vec!["b.log", "c.log"]]);
}

#[test]
fn changed_objects_come_last_in_separate_tasks() {
    let changed = vec![log("E2", "17-10", 1), log("E1", "18-10", 1)];
    let new = vec![log("E3", "17-10", 1), object("x", 1)];
    let planned = plan(Candidates { new, changed, ..Candidates::default() }, options(), 7);
    assert_eq!(tasks(&planned), [vec!["E3 17-10"], vec!["x"], vec!["E1 18-10", "E2 17-10"]]);
    assert_eq!(planned.iter().map(|task| task.is_changed).collect::<Vec<_>>(), [false, false, true]);
    assert!(planned.iter().all(|task| task.id.epoch == 7));
}

#[test]
fn objects_that_were_unreadable_follow_new_ones_each_in_a_separate_task() {
    let candidates = Candidates {
        new: vec![object("x", 1), log("E3", "17-10", 1)],
        unreadable: vec![log("E2", "17-10", 1), log("E1", "17-10", 1)],
        changed: vec![log("E4", "17-10", 1)],
    };
    let planned = plan(candidates, options(), 1);
    assert_eq!(tasks(&planned), [["E3 17-10"], ["x"], ["E1 17-10"], ["E2 17-10"], ["E4 17-10"]]);
}

#[test]
fn tasks_are_numbered_from_zero_in_epochs_of_limited_size() {
    let objects: Vec<Object> = (0..=MAX_EPOCH_INPUTS).map(|n| object(&format!("{n:07}"), MIB)).collect();
    let plan = plan_of(objects, options());
    let ids: Vec<(u64, u32)> = plan.iter().map(|task| (task.id.epoch, task.id.task)).collect();
    assert_eq!(ids.first(), Some(&(1, 0)));
    assert_eq!(ids.get(1), Some(&(1, 1)));
    assert_eq!(ids.last(), Some(&(2, 0)));
    let in_first: usize = plan.iter().filter(|task| task.id.epoch == 1).map(|task| task.inputs.len()).sum();
    assert!(in_first <= MAX_EPOCH_INPUTS);
}

#[test]
fn a_task_of_tiny_objects_has_a_limited_number_of_inputs() {
    let objects: Vec<Object> = (0..25_000).map(|n| object(&format!("{n:07}"), 0)).collect();
    let sizes: Vec<usize> = plan_of(objects, options()).iter().map(|task| task.inputs.len()).collect();
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
}
