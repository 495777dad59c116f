//! Planning: what is joined, what is cut, what waits.

use std::{sync::Arc, time::Duration};

use lakefront_cloudfront::TextLimits;
use lakefront_schema::TableSchema;
use lakefront_storage::LocalFolder;
use lakefront_table::encode::{Compression, DEFAULT_MAX_FILE_BYTES};

use super::*;
use crate::{options::DEFAULT_TASK_BYTES, select::Selection};

const MIB: u64 = 1 << 20;

fn options() -> ConvertOptions {
    ConvertOptions {
        sources: Vec::new(),
        selection: Selection::default(),
        table: LocalFolder::parse("/lake/cf_logs").unwrap(),
        schema: Arc::new(TableSchema::embedded("cf_logs").unwrap()),
        partition_by: PartitionBy::Hour,
        fields: None,
        text_limits: TextLimits::default(),
        task_bytes: DEFAULT_TASK_BYTES,
        settle: Duration::from_hours(2),
        now: "2024-06-01T00:00:00Z".parse().unwrap(),
        compression: Compression::default(),
        max_file_bytes: DEFAULT_MAX_FILE_BYTES,
        max_rejects: None,
        allow_empty: false,
        threads: 1,
        memory_bytes: ConvertOptions::default_memory_bytes(1),
        program_version: "0".to_owned(),
    }
}

fn object(name: &str, size_bytes: u64) -> Object {
    Object::local(&format!("/logs/{name}"), name, size_bytes, 0)
}

/// An object of distribution `distribution` in an hour of May 2024.
fn log(distribution: &str, day_and_hour: &str, size_bytes: u64) -> Object {
    object(&format!("{distribution}.2024-05-{day_and_hour}.abcd0123.gz"), size_bytes)
}

fn plan_of(mut objects: Vec<Object>, options: &ConvertOptions) -> Plan {
    objects.sort_unstable();
    plan(objects, options, 1)
}

/// The names of each task's inputs, distribution and hour only.
fn tasks(plan: &Plan) -> Vec<Vec<String>> {
    let short = |object: &Object| object.name().replace(".abcd0123.gz", "").replace(".2024-05-", " ");
    plan.tasks.iter().map(|task| task.inputs.iter().map(short).collect()).collect()
}

#[test]
fn small_hours_of_a_day_share_a_task_and_days_do_not() {
    let objects = vec![
        log("E1", "17-10", 3 * MIB),
        log("E1", "17-11", 3 * MIB),
        log("E1", "17-12", 3 * MIB),
        log("E1", "18-00", 1),
    ];
    assert_eq!(
        tasks(&plan_of(objects, &options())),
        [vec!["E1 17-10", "E1 17-11"], vec!["E1 17-12"], vec!["E1 18-00"]]
    );
}

#[test]
fn inputs_of_a_task_are_in_order_of_source_and_key() {
    let objects = vec![log("E2", "17-10", 1), log("E1", "17-11", 1), log("E1", "17-10", 1)];
    assert_eq!(tasks(&plan_of(objects, &options())), [["E1 17-10", "E1 17-11", "E2 17-10"]]);
}

#[test]
fn an_hour_is_cut_at_the_task_size_and_a_larger_object_stands_alone() {
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
    assert_eq!(tasks(&plan_of(objects, &options())), expected);
}

#[test]
fn a_table_by_day_plans_by_day() {
    let objects = vec![log("E1", "17-10", 20 * MIB), log("E1", "17-11", 20 * MIB), log("E1", "18-00", 1)];
    for partition_by in [PartitionBy::Day, PartitionBy::Month, PartitionBy::Year] {
        let options = ConvertOptions { partition_by, ..options() };
        assert_eq!(tasks(&plan_of(objects.clone(), &options)), [vec!["E1 17-10", "E1 17-11"], vec!["E1 18-00"]]);
    }
}

#[test]
fn objects_without_an_hour_come_last_and_go_by_size() {
    let mut objects = vec![object("a.log", 60 * MIB), object("b.log", 5 * MIB), object("c.log", MIB)];
    objects.push(log("E1", "17-10", 1));
    assert_eq!(tasks(&plan_of(objects, &options())), [vec!["E1 17-10"], vec!["a.log"], vec!["b.log", "c.log"]]);
}

#[test]
fn hours_that_have_not_settled_wait() {
    let options = ConvertOptions { now: "2024-05-17T14:00:00Z".parse().unwrap(), ..options() };
    let objects = vec![
        log("E1", "17-11", 1),
        log("E1", "17-12", 2),
        log("E1", "17-13", 3),
        log("E1", "18-20", 4),
        object("x", 5),
    ];
    let plan = plan_of(objects, &options);
    assert_eq!(tasks(&plan), [vec!["E1 17-11"], vec!["x"]]);
    assert_eq!(plan.waiting, ObjectCount { objects: 3, bytes: 9 });
    assert_eq!(plan.first_waiting_hour, Some(476_652));
    let at_once = ConvertOptions { settle: Duration::ZERO, ..options };
    let plan = plan_of(vec![log("E1", "17-13", 3), log("E1", "17-14", 4)], &at_once);
    assert_eq!(tasks(&plan), [["E1 17-13"]], "an hour that has not ended waits in any case");
}

#[test]
fn tasks_are_numbered_from_zero_in_epochs_of_limited_size() {
    let objects: Vec<Object> = (0..=MAX_EPOCH_INPUTS).map(|n| object(&format!("{n:07}"), MIB)).collect();
    let plan = plan_of(objects, &options());
    let ids: Vec<(u64, u32)> = plan.tasks.iter().map(|task| (task.id.epoch, task.id.task)).collect();
    assert_eq!(ids.first(), Some(&(1, 0)));
    assert_eq!(ids.get(1), Some(&(1, 1)));
    assert_eq!(ids.last(), Some(&(2, 0)));
    let in_first: usize = plan.tasks.iter().filter(|task| task.id.epoch == 1).map(|task| task.inputs.len()).sum();
    assert!(in_first <= MAX_EPOCH_INPUTS);
}

#[test]
fn tiny_objects_without_number_do_not_make_a_task_without_end() {
    let objects: Vec<Object> = (0..25_000).map(|n| object(&format!("{n:07}"), 0)).collect();
    let sizes: Vec<usize> = plan_of(objects, &options()).tasks.iter().map(|task| task.inputs.len()).collect();
    assert_eq!(sizes, [10_000, 10_000, 5_000]);
}
