//! Ways in which a run stops early, and what it leaves.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
    thread,
};

use lakefront_loggen::{Options, objects};
use serde_json::{Value, json};

use crate::harness::{NOW, TestFolder, log, read_rows};

/// Creates a day with three rejects among its six lines of data.
fn with_rejects() -> TestFolder {
    let rows = ["2024-05-17 09:00:00", "x y", "2024-05-17 10:00:00", "2024-02-30 10:00:00", "z", "2024-05-17 11:00:00"];
    TestFolder::with_log(log("date time", &rows))
}

#[test]
fn more_rejects_than_max_rejects_stop_the_run() {
    let folder = with_rejects();
    folder.convert(&["--max-rejects", "2"]).exits(1).says("3 rows rejected").says("`--max-rejects`");
    assert_eq!(folder.report()["outcome"], "stopped");
    assert_eq!(folder.tree("lake/cf_logs"), Vec::<String>::new(), "nothing of that task is in the table");
    with_rejects().converts(&["--max-rejects", "3"]);
}

#[test]
fn the_rejects_that_stopped_a_run_are_in_the_file_that_its_message_names() {
    let folder = with_rejects();
    let ran = folder.convert(&["--max-rejects", "2"]).exits(1);
    if ran.stderr.contains("quarantine") {
        assert_eq!(folder.quarantine().len(), 3, "{}", ran.stderr);
    }
}

#[test]
fn max_rejects_may_be_a_share_of_all_rows() {
    with_rejects().convert(&["--max-rejects", "49.9%"]).exits(1).says("`--max-rejects`");
    with_rejects().converts(&["--max-rejects", "50%"]);
}

#[test]
fn max_rejects_0_allows_a_run_without_rejects() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00"]));
    let report = folder.converts(&["--max-rejects", "0"]);
    assert_eq!(report["rejects"], json!({}));
}

/// Creates logs of several hours that take the program some time.
fn many_logs() -> TestFolder {
    let folder = TestFolder::on_disk();
    let options = Options { hours: 2, rows_per_file: 2000, plain: true, late_percent: 1.0, ..Options::default() };
    for object in objects(&options) {
        for copy in 0..60 {
            folder.add(&format!("{copy:02}/{}", object.key), &object.text);
        }
    }
    folder
}

/// Starts a conversion, sends it a signal after it has planned, and checks what it leaves.
fn stops_at(signal: &str) {
    let folder = many_logs();
    let args =
        ["convert", "logs", "lake/cf_logs", "--now", NOW, "--report", "report.json", "--task-bytes", "4MiB", "-vv"];
    let mut child = folder.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("task begins") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "the program ended before the signal: {said}");
    }
    let kill = Command::new("sh").args(["-c", &format!("kill -{signal} {}", child.id())]).status().unwrap();
    assert!(kill.success());
    let rest = thread::spawn(move || {
        let mut rest = String::new();
        stderr.read_to_string(&mut rest).unwrap();
        rest
    });
    let status = child.wait().unwrap();
    said += &rest.join().unwrap();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("stopping") && said.contains("stopped before the end"), "{said}");
    folder.fetch();
    let report = folder.report();
    assert_eq!(report["outcome"], "stopped");
    let names = folder.tree("lake/cf_logs");
    let rows: usize = names.iter().map(|name| read_rows(&folder.path("lake/cf_logs"), name).len()).sum();
    assert_eq!(report["rows"], rows, "the rows of the table are complete, and reported");
    let left: Vec<String> = folder.tree("lake/cf_logs.lakefront");
    assert!(!left.iter().any(|name| name.starts_with("tmp/")), "temporary files are left: {left:?}");

    // The run stopped cleanly: the next run does not wait, and converts the rest.
    let rest = folder.converts(&[]);
    assert_eq!(rest["objects"]["listed"], 120);
    let verified = folder.run(&["verify", "lake/cf_logs", "--json"]).exits(0).stdout;
    let verified: Value = serde_json::from_str(&verified).unwrap();
    assert_eq!(verified["rows"], 120 * 2000);
}

#[test]
fn ctrl_c_stops_a_run_cleanly() {
    stops_at("INT");
}

#[test]
fn sigterm_stops_a_run_cleanly() {
    stops_at("TERM");
}
