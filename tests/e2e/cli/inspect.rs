//! `lakefront inspect`: what is made of one log, and why.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::harness::{RunOutput, TestFolder, gzip, log};

const ROWS: [&str; 2] = ["2024-05-17 10:00:00 DFW3 200 0.250 new", "2024-05-17 10:00:01 SEA19-C1 x 1.5 -"];

fn a_log() -> String {
    log("date time x-edge-location sc-status time-taken x-new", &ROWS)
}

fn inspected(folder: &TestFolder, args: &[&str]) -> (RunOutput, Value) {
    let output = folder.run(&[&["inspect", "--json"], args].concat());
    let json = serde_json::from_str(&output.stdout).unwrap();
    (output, json)
}

#[test]
fn a_log_is_described_with_its_fields_columns_and_rows() {
    let folder = TestFolder::with_log(gzip(a_log()));
    let name = folder.files("logs").into_keys().next().unwrap();
    let text = folder.run(&["inspect", &format!("logs/{name}"), "--rows", "2"]).exits(0).stdout;
    for line in [
        "gzip; ",
        "w3c, TABs between cells: a `#Fields` line names 6 fields",
        "4 = 2 rows + 0 rejected + 2 header lines + 0 blank lines",
        "1 cell is not a number: `status`",
        "`x-new`",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let row = |field: &str| {
        let line = text.lines().find(|line| line.starts_with(field)).unwrap_or_else(|| panic!("{field}\n{text}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(row("x-edge-location"), ["x-edge-location", "location", "DFW3", "SEA19-C1"]);
    assert_eq!(row("sc-status"), ["sc-status", "status", "200", "NULL"]);
    assert_eq!(row("x-new"), ["x-new", "extra"]);
    assert!(text.contains("timetakenseconds   0.25") || text.contains("timetakenseconds  0.25"), "{text}");
    assert!(!folder.path("lake").exists(), "nothing is written");
}

#[test]
fn json_says_the_same() {
    let folder = TestFolder::with_log(a_log());
    let name = folder.files("logs").into_keys().next().unwrap();
    let (output, log) = inspected(&folder, &[&format!("logs/{name}"), "--rows", "1"]);
    output.exits(0);
    assert_eq!([&log["format"], &log["delimiter"], &log["compression"]], ["w3c", "\t", "none"]);
    assert_eq!([&log["rows"], &log["lines"], &log["error"]], [&json!(2), &json!(4), &Value::Null]);
    assert_eq!(log["fields"][2], json!({"field": "x-edge-location", "columns": ["location"], "example": "DFW3"}));
    assert_eq!(log["nulled_cells"], json!({"status": 1}));
    assert_eq!(log["first_rows"].as_array().unwrap().len(), 1);
    assert_eq!(log["first_rows"][0]["extra"], "{x-new: new}");
}

#[test]
fn a_log_that_cannot_be_converted_is_described_as_far_as_it_goes_with_status_3() {
    let folder = TestFolder::new();
    for (name, text, format, reason) in [
        ("dates.log", "#Fields: date time c-ip\nx\ty\tz\n", json!("w3c"), "all-rows-rejected"),
        ("letter.log", "Dear reader,\n", json!("raw"), "no-cloudfront-log"),
        ("json.log", "{\"a\":\"b\"}\n", json!("json"), "no-cloudfront-log"),
        ("parquet", "PAR1\u{1}\u{2}", Value::Null, "parquet-corrupt"),
    ] {
        folder.add(name, text);
        let (output, log) = inspected(&folder, &[&format!("logs/{name}")]);
        output.exits(3);
        assert_eq!((&log["format"], &log["error"]["reason"]), (&format, &json!(reason)), "{name}");
    }
    let (_, rejects) = inspected(&folder, &["logs/dates.log"]);
    assert_eq!(rejects["first_rejects"], json!([{"line": 2, "byte": 24, "reason": "bad-date", "text": "x\ty\tz"}]));
}

#[test]
fn the_standard_input_is_a_log_too() {
    let folder = TestFolder::new();
    let mut command = folder.command(&["inspect", "-", "--json", "--fields", "timestamp c-ip"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&gzip("1715940000\t192.0.2.1\n")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&log["object"], &log["format"], &log["compression"]), (&json!("-"), &json!("raw"), &json!("gzip")));
    assert_eq!(log["first_rows"][0]["requesttime"], "2024-05-17T10:00:00Z");
}

#[test]
fn a_folder_of_several_logs_or_none_is_a_usage_error() {
    let folder = TestFolder::new();
    folder.add("a.log", a_log());
    folder.add("b.log", a_log());
    folder.run(&["inspect", "logs"]).exits(2).says("name a single log");
    folder.run(&["inspect", "logs/nowhere.log"]).exits(2).says("nowhere.log");
    folder.run(&["inspect", "logs/a.log", "--rows", "x"]).exits(2).says("--rows");
    folder.run(&["inspect", "logs/a.log", "--format", "xml"]).exits(2).says("--format");
}

#[test]
fn nothing_from_a_log_reaches_the_terminal_as_it_is() {
    let folder =
        TestFolder::with_log("{\"date\":\"2024-05-17\",\"time\":\"10:00:00\",\"x\\u001b\":\"a\\nb\\u001b[31m\"}\n");
    let name = folder.files("logs").into_keys().next().unwrap();
    let output = folder.run(&["inspect", &format!("logs/{name}")]).exits(0);
    assert!(
        !output.stdout.contains('\u{1b}') && output.stdout.lines().all(|line| !line.starts_with("b\\")),
        "{}",
        output.stdout
    );
}
