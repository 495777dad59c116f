//! `lakefront status`: contents of a table, failed and waiting objects, active runs.

use serde_json::{Value, json};

use crate::harness::{LEAN, NOW, TestFolder, log};

/// Creates a table of two epochs: three rows, a reject and a failed object, then one more row while an hour waits.
fn table() -> TestFolder {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00", "x y", "2024-05-17 10:00:00"]));
    folder.add("E1EXAMPLE.2024-05-18-09.a", log("date time", &["2024-05-18 09:00:00"]));
    folder.add("E1EXAMPLE.2024-05-18-10.bad", "no log");
    folder.converts_with_failures(&["--now", "2024-05-19T04:00:00Z", LEAN[0], LEAN[1]]);
    folder.add("E1EXAMPLE.2024-05-19-09.a", log("date time", &["2024-05-19 09:00:00"]));
    folder.add("E1EXAMPLE.2024-05-20-03.a", log("date time", &["2024-05-20 03:00:00"]));
    folder.converts(&["--now", "2024-05-20T04:00:00Z"]);
    folder
}

const STATUS: [&str; 2] = ["status", "lake/cf_logs"];

/// Returns the text after a label, with runs of blanks replaced by one.
fn line(text: &str, label: &str) -> String {
    let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines.find(|line| line[0] == label).unwrap_or_else(|| panic!("no `{label}` in:\n{text}"))[1..].join(" ")
}

#[test]
fn it_reports_epochs_partitions_rows_failures_and_waiting_objects() {
    let folder = table();
    let text = folder.writes_nothing(&STATUS, 0).stdout;
    let table = folder.path("lake/cf_logs");
    assert_eq!(line(&text, "table"), table.display().to_string());
    assert_eq!(line(&text, "state"), format!("{}.lakefront", table.display()));
    assert_eq!(line(&text, "schema"), "lean, by year, month, day, hour");
    assert_eq!(line(&text, "epochs"), "2 closed, the last planned 2024-05-20T04:00:00Z");
    assert_eq!(line(&text, "open"), "none: no run is active");
    assert!(line(&text, "data").starts_with("4 data files in 4 partitions, "), "{text}");
    assert_eq!(line(&text, "rows"), "4, and 1 rejected");
    assert_eq!(line(&text, "objects"), "3 converted, 1 failed and not converted since");
    assert_eq!(line(&text, "failed"), folder.object("E1EXAMPLE.2024-05-18-10.bad"));
    assert!(line(&text, "waiting").starts_with("1 objects, from 2024-05-20T03 on"), "{text}");
}

#[test]
fn its_json_has_the_same_facts() {
    let folder = table();
    let status = folder.json(&STATUS);
    let expected = json!({
        "created": "2024-05-19T04:00:00Z",
        "schema": "lean",
        "partition_columns": ["year", "month", "day", "hour"],
        "epochs": 2,
        "last_planned": "2024-05-20T04:00:00Z",
        "last_program": env!("CARGO_PKG_VERSION"),
        "open": null,
        "partitions": 4,
        "files": 4,
        "rows": 4,
        "rejects": 1,
        "inputs": {"converted": 3, "failed": 1, "gone": 0, "replaced": 0, "changed": 0},
        "failed": 1,
        "failed_objects": [folder.object("E1EXAMPLE.2024-05-18-10.bad")],
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&status[key], value, "{key}");
    }
    assert_eq!((&status["waiting"]["objects"], &status["waiting"]["first_hour"]), (&1.into(), &"2024-05-20T03".into()));
    let bytes: u64 = folder.files("lake/cf_logs").values().map(|path| path.metadata().unwrap().len()).sum();
    assert_eq!(status["bytes"], bytes);
}

#[test]
fn it_reports_an_open_epoch_and_its_holder() {
    let folder = TestFolder::of_two_tasks();
    folder.reopen(1, &[1]);
    folder.edit_record("lease/0000000001.json", |lease| lease["released"] = false.into());
    let open = |status: &Value| status["open"].clone();
    let status = open(&folder.json(&STATUS));
    assert_eq!((&status["epoch"], &status["tasks"], &status["committed"]), (&1.into(), &2.into(), &1.into()));
    assert_eq!((&status["planned"], &status["is_released"]), (&NOW.into(), &false.into()));
    assert!(status["pid"].is_u64() && status["host"].is_string() && status["idle_seconds"].is_u64(), "{status}");
    let text = line(&folder.run(&STATUS).exits(0).stdout, "open");
    assert!(text.starts_with("epoch 1, 1 of 2 tasks committed; process "), "{text}");
    assert!(text.contains("last heartbeat"), "{text}");

    folder.edit_record("lease/0000000001.json", |lease| lease["released"] = true.into());
    let text = line(&folder.run(&STATUS).exits(0).stdout, "open");
    assert!(text.contains("left by process") && text.contains("the next run continues it"), "{text}");
}

#[test]
fn while_an_epoch_is_open_all_commands_count_what_is_committed_and_name_it() {
    let folder = TestFolder::of_two_tasks();
    folder.reopen(1, &[1]);
    let status = folder.json(&STATUS);
    let numbers = ["files", "rows", "partitions"].map(|name| status[name].as_u64().unwrap());
    assert_eq!((numbers, &status["inputs"]["converted"]), ([1, 1, 1], &1.into()), "{status:#}");
    let ddl = folder.run(&["ddl", "lake/cf_logs"]).exits(0).says("epoch 1 is open, 1 of its 2 tasks are committed");
    assert_eq!(ddl.stdout.matches("PARTITION (").count(), 1, "{}", ddl.stdout);
    let verified = folder.json(&["verify", "lake/cf_logs"]);
    assert_eq!((&verified["rows"], &verified["open"]["committed"]), (&1.into(), &1.into()), "{verified:#}");
    let preview = folder.run(&["convert", "logs", "lake/cf_logs", "--now", NOW, "--dry-run"]).exits(0).stdout;
    assert!(preview.contains("epoch 1 is not finished: 1 of 2 tasks are committed"), "{preview}");
    assert!(line(&preview, "objects").starts_with("1 to convert"), "{preview}");
    assert!(line(&preview, "known").starts_with("1 objects that an earlier run processed"), "{preview}");

    let report = folder.converts(&[]);
    let objects = ["listed", "planned", "converted", "adopted_converted", "known"];
    let objects = objects.map(|word| report["objects"][word].as_u64().unwrap());
    assert_eq!(objects, [2, 2, 1, 1, 0], "{report:#}");
    assert_eq!((&report["rows"], &report["adopted"]["rows"]), (&1.into(), &1.into()), "{report:#}");
}

#[test]
fn many_failed_objects_are_counted_and_the_first_are_named() {
    let folder = TestFolder::new();
    for number in 0..12 {
        folder.add(&format!("{number:02}.bad"), "no log");
    }
    folder.converts_with_failures(&LEAN);
    let text = folder.run(&STATUS).exits(0).stdout;
    assert_eq!(text.lines().filter(|line| line.starts_with("failed")).count(), 11, "{text}");
    assert!(text.contains("and 2 more"), "{text}");
    assert_eq!(folder.json(&STATUS)["failed_objects"].as_array().unwrap().len(), 12);
}

#[test]
fn a_folder_that_is_not_a_table_is_refused_by_name() {
    let folder = TestFolder::new();
    folder.write("lake/other/file", "");
    for command in [&["status"][..], &["verify"], &["retry"], &["resolve"], &["rebuild-state"]] {
        for table in ["lake/cf_lgos", "lake/other"] {
            let ran = folder.writes_nothing(&[command, &[table]].concat(), 1);
            assert!(ran.stderr.contains(table) && ran.stderr.contains("\nhint: "), "{command:?}: {}", ran.stderr);
        }
    }
}
