//! Whole conversions of fixture logs, compared with golden files.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lakefront --test e2e goldens` rewrites the files; review the difference before you
//! commit it.

use std::{fs, path::Path};

use serde_json::Value;

use crate::harness::{Row, RunOutput, TestFolder, fixture, golden, is_in_buckets, layout, read_rows, schema};

/// Copies a folder of fixture logs.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Converts the logs of a fixture, and compares all results with golden files.
fn converts_as_golden(case: &str, logs: &str, args: &[&str]) -> TestFolder {
    let folder = TestFolder::new();
    copy(&fixture(logs), &folder.path("logs"));
    let report = folder.converts_with_failures(args);
    golden(&format!("{case}/report.json"), &redacted_report(&folder, report));

    let lines = |lines: Vec<String>| lines.into_iter().map(|line| line + "\n").collect::<String>();
    let mut tree = folder.tree("lake");
    if is_in_buckets() {
        // In buckets there are no locks.
        tree.push("cf_logs.lakefront/lock".to_owned());
        tree.sort();
    }
    golden(&format!("{case}/tree.txt"), &lines(tree.into_iter().map(redacted_name).collect()));
    golden(&format!("{case}/rows.jsonl"), &lines(folder.rows().iter().map(Row::to_json).collect()));
    let quarantine = folder.quarantine().iter().map(Value::to_string).collect();
    golden(&format!("{case}/quarantine.jsonl"), &redacted(&folder, &lines(quarantine)));

    let files = folder.files("lake/cf_logs");
    let most_rows = files.iter().max_by_key(|(name, _)| read_rows(&folder.path("lake/cf_logs"), name).len());
    let (name, file) = most_rows.unwrap();
    golden(&format!("{case}/schema.txt"), &schema(file));
    golden(&format!("{case}/layout.txt"), &format!("{name}\n{}", layout(file)));
    assert!(files.values().all(|other| schema(other) == schema(file)), "all data files have one schema");
    let embeds_arrow = |file: &Path| fs::read(file).unwrap().windows(12).any(|bytes| bytes == b"ARROW:schema");
    assert!(!files.values().any(|file| embeds_arrow(file)), "readers see only Parquet");

    let location = "s3://example-bucket/lake/cf_logs";
    let ddl = |args: &[&str]| folder.run(&[&["ddl", "lake/cf_logs", "--location", location], args].concat()).exits(0);
    golden(&format!("{case}/table.sql"), &ddl(&[]).stdout);
    golden(&format!("{case}/projection.sql"), &ddl(&["--projection"]).stdout);
    folder
}

/// Returns a file's name without the random text in the name of a plan.
fn redacted_name(name: String) -> String {
    match name.split_once("/plan/").and_then(|(state, plan)| Some((state, plan.split_once('-')?.0))) {
        Some((state, epoch)) => format!("{state}/plan/{epoch}-NONCE"),
        None => name,
    }
}

/// Returns a text without the folder's name, which differs each time.
fn redacted(folder: &TestFolder, text: &str) -> String {
    text.replace(folder.path("").to_str().unwrap().trim_end_matches('/'), "FOLDER")
}

fn redacted_report(folder: &TestFolder, mut report: Value) -> String {
    report["seconds"] = "SECONDS".into();
    report["bytes_out"] = "BYTES".into();
    redacted(folder, &format!("{report:#}\n"))
}

/// Returns the summary without numbers that depend on the machine and the compressor.
fn redacted_summary(folder: &TestFolder, ran: &RunOutput) -> String {
    let lines = ran.stderr.lines().map(|line| match line.split_whitespace().next() {
        Some("time") => "time        SECONDS\n".to_owned(),
        Some("bytes") => line.split(" of text, ").next().unwrap_or_default().to_owned() + " of text, BYTES written\n",
        _ => format!("{line}\n"),
    });
    redacted(folder, &lines.collect::<String>())
}

#[test]
fn logs_of_all_kinds_convert_to_cf_logs_as_in_the_golden_files() {
    converts_as_golden("cf_logs", "logs", &[]);
}

#[test]
fn logs_of_all_kinds_convert_to_cf_logs_wide_as_in_the_golden_files() {
    converts_as_golden("cf_logs_wide", "logs", &["--schema", "cf_logs_wide"]);
}

#[test]
fn a_table_by_day_with_snappy_is_as_in_the_golden_files() {
    converts_as_golden("by_day", "logs", &["--partition-by", "day", "--compression", "snappy"]);
}

#[test]
fn the_summary_is_as_in_the_golden_files() {
    let folder = TestFolder::new();
    copy(&fixture("logs"), &folder.path("logs"));
    let ran = folder.convert(&[]).exits(3);
    golden("summary/summary.txt", &redacted_summary(&folder, &ran));
    let folder = TestFolder::new();
    copy(&fixture("logs"), &folder.path("logs"));
    let ran = folder.run(&["convert", "logs", "lake/cf_logs", "--dry-run", "--now", "2025-10-05T03:30:00Z"]).exits(0);
    golden("summary/dry-run.txt", &redacted(&folder, &ran.stdout));
}

#[test]
fn printed_schemas_are_as_in_the_golden_files() {
    for name in ["cf_logs", "cf_logs_wide"] {
        for format in ["toml", "arrow", "sql"] {
            let text = TestFolder::new().run(&["schema", name, "--format", format]).exits(0).stdout;
            golden(&format!("schema/{name}.{format}"), &text);
        }
    }
}
