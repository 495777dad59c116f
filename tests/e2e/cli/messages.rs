//! Help, usage errors, verbosity.

use std::fs;

use serde_json::Value;

use crate::harness::{RunOutput, TestFolder, log, only_on_disk};

fn one_row() -> TestFolder {
    TestFolder::with_log(log("date time sc-bytes", &["2024-05-17 10:00:00 1"]))
}

/// Creates logs with one row, one reject and one failed object.
fn mixed() -> TestFolder {
    let folder = TestFolder::with_log(log("date time sc-bytes", &["2024-05-17 10:00:00 1", "x y 2"]));
    folder.add("bad.log", "no log");
    folder
}

fn help(args: &[&str]) -> String {
    TestFolder::new().run(args).exits(0).stdout
}

#[test]
fn help_names_the_commands_examples_and_exit_statuses() {
    let text = help(&["--help"]);
    let commands = ["convert", "status", "verify", "retry", "resolve", "rebuild-state", "ddl", "schema"];
    for part in commands.into_iter().chain(["Examples:", "lakefront convert ./logs ./lake/cf_logs", "Exit status:"]) {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    for status in ["  0  ", "  1  ", "  2  ", "  3  ", "  75 "] {
        assert!(text.contains(status), "{text}");
    }
}

#[test]
fn the_help_of_convert_names_every_flag_with_its_default() {
    let text = help(&["convert", "--help"]);
    let flags = [
        "--include",
        "--exclude",
        "--distribution",
        "--from",
        "--to",
        "--settle",
        "--allow-empty",
        "--fields",
        "--allow-field",
        "--max-rejects",
        "--max-text-bytes",
        "--max-ratio",
        "--schema",
        "--partition-by",
        "--compression",
        "--max-file-bytes",
        "--task-bytes",
        "--dry-run",
        "--state",
        "--source-id",
        "--lease",
        "--take-over",
        "--single-writer",
        "--report",
        "--threads",
        "--memory-bytes",
        "--now",
        "--quiet",
        "--verbose",
        "--log-format",
    ];
    for flag in flags {
        assert!(text.contains(flag), "`{flag}` is not in:\n{text}");
    }
    // Help text wraps long lines.
    let flowing = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for default in [
        "2h",
        "as in the last run, or 64GiB",
        "as in the last run, or 200",
        "the table's, or `cf_logs`",
        "the table's, or hour",
        "as in the last run, or zstd(3)",
        "as in the last run, or 128MiB",
        "64MiB",
        "TABLE.lakefront, next to it",
        "10m",
    ] {
        assert!(flowing.contains(&format!("[default: {default}]")), "`{default}` is not in:\n{text}");
    }
    assert!(text.contains("[default: 128MiB x (threads + 2)]"), "{text}");
    assert!(text.contains("Examples:") && text.contains("TABLE.lakefront/quarantine"), "{text}");
}

#[test]
fn the_help_of_ddl_and_schema_names_their_flags() {
    let text = help(&["ddl", "--help"]);
    for flag in ["--database", "--table", "--location", "--projection", "--schema"] {
        assert!(text.contains(flag), "`{flag}` is not in:\n{text}");
    }
    let text = help(&["schema", "--help"]);
    for part in ["--format", "toml", "arrow", "sql"] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn the_version_is_printed() {
    let text = help(&["--version"]);
    assert!(text.starts_with("lakefront ") && text.trim_end().contains('.'), "{text}");
}

#[test]
fn no_command_is_a_usage_error_that_shows_the_help() {
    TestFolder::new().run(&[]).exits(2).says("Usage: lakefront");
}

/// Runs `convert logs lake/cf_logs` with wrong flags, and asserts exit status 2.
fn refuses(args: &[&str]) -> RunOutput {
    let folder = one_row();
    let ran = folder.convert(args);
    assert_eq!(ran.status, Some(2), "{args:?}: {}", ran.stderr);
    assert_eq!(ran.stdout, "", "{args:?}");
    assert!(!folder.path("lake").exists(), "{args:?} wrote something");
    ran
}

#[test]
fn a_wrong_flag_exits_2_and_its_message_names_it() {
    let wrong: [(&str, &[&str]); 22] = [
        ("--threads", &["0", "x", "-1", "+1", "1025", "1.5", ""]),
        ("--memory-bytes", &["x", "1XB", "-1", "", "1GiB "]),
        ("--max-file-bytes", &["x", "0", "3", "64MiB/s"]),
        ("--task-bytes", &["x", "0", "1.5MiB", "99999999999TiB"]),
        ("--max-text-bytes", &["x", "-1", "0", "+1"]),
        ("--max-ratio", &["x", "-1", "0", "+200", "200:1", ""]),
        (
            "--from",
            &[
                "x",
                "2024-02-30",
                "2024-05-17T24",
                "-3w",
                "",
                "2024-05-17 ",
                "2024-05-17T23:30",
                "-+3d",
                "2024-05-17T10 CET",
            ],
        ),
        ("--to", &["x", "2024-5-1", "2025-03-04T06+02:00", "2025-03-04[Europe/Berlin]", "20250304"]),
        ("--settle", &["x", "2", "2w", "-1h", "+2h", "1h30m", "2 h", ""]),
        ("--lease", &["x", "10", "10min", "-1m", "+10m", ""]),
        ("--now", &["x", "2024-05-17", "2024-05-17T10:00:00+02:00", "2024-05-17T10:00:00Z[UTC]"]),
        ("--max-rejects", &["x", "101%", "-1", "1.5", "NaN%", "inf", "1 %", "-0%", "+1", ""]),
        ("--partition-by", &["week", "Hour", ""]),
        ("--compression", &["x", "zstd(0)", "zstd(23)", "gzip", "zstd(+3)", "zstd(3", "zstd(3) ", "zstd()", ""]),
        ("--fields", &["", "foo bar", "@nowhere.txt", "timstamp c-ip"]),
        ("--format", &["", "xml", "JSON"]),
        ("--delimiter", &["", "123456", "\n"]),
        ("--include", &["a["]),
        ("--exclude", &["{a"]),
        ("--log-format", &["xml"]),
        ("--schema", &["nothing_known", "nowhere.toml", ""]),
        ("--unknown-flag", &["x"]),
    ];
    let unnamed: Vec<String> = wrong
        .iter()
        .flat_map(|(flag, values)| values.iter().map(move |value| (flag, format!("{flag}={value}"))))
        .filter(|(flag, arg)| !refuses(&[arg]).stderr.contains(**flag))
        .map(|(_, arg)| arg)
        .collect();
    assert_eq!(unnamed, Vec::<String>::new(), "these messages do not name their flag");
}

#[test]
fn a_wrong_value_is_named_with_its_flag_even_if_it_looks_like_a_flag() {
    for (flag, value) in [
        ("--threads", "-1"),
        ("--settle", "-1h"),
        ("--lease", "-10m"),
        ("--max-rejects", "-1%"),
        ("--max-ratio", "-200"),
        ("--task-bytes", "-64MiB"),
        ("--now", "-1d"),
        ("--from", "2025-03-04T06+02:00"),
        ("--to", "2025-03-04 06 CET"),
    ] {
        refuses(&[flag, value]).says(&format!("`{flag} {value}`")).says("like `");
    }
    let folder = one_row();
    folder.run(&["verify", "lake/cf_logs", "--since", "2024-05-17T10"]).exits(2).says("`--since 2024-05-17T10`");
    folder.run(&["verify", "lake/cf_logs", "--threads", "-2"]).exits(2).says("`--threads -2`");
    folder.run(&["ddl", "lake/cf_logs", "--only-new", "-1"]).exits(2).says("`--only-new -1`");
    folder.run(&["retry", "lake/cf_logs", "--max-ratio", "+2"]).exits(2).says("`--max-ratio +2`");
    folder.run(&["resolve", "lake/cf_logs", "--lease", "1 m"]).exits(2).says("`--lease 1 m`");
}

#[test]
fn a_time_with_an_offset_or_a_zone_is_refused_as_times_are_utc() {
    for flag in ["--from", "--to", "--now"] {
        for value in ["2025-03-04T06+02:00", "2025-03-04 06:00:00 Europe/Berlin", "2025-03-04T06[Europe/Berlin]"] {
            refuses(&[flag, value]).says("times are UTC").says("\nhint: ");
        }
    }
}

#[test]
fn flags_that_contradict_each_other_or_lack_a_value_are_usage_errors() {
    refuses(&["--quiet", "--verbose"]).says("--quiet").says("--verbose");
    refuses(&["--schema"]).says("--schema");
}

#[test]
fn a_range_that_ends_before_it_begins_is_a_usage_error() {
    refuses(&["--from", "2024-05-17", "--to", "2024-05-17"]).says("`--from` must be before `--to`");
}

#[test]
fn less_memory_than_one_task_needs_is_a_usage_error_with_the_amount_that_is_needed() {
    refuses(&["--memory-bytes", "255MiB"]).says("`--memory-bytes` must be at least 268435456");
}

#[test]
fn hints_are_on_separate_lines() {
    let wrong =
        [["--partition-by", "week"], ["--compression", "gzip"], ["--schema", "nothing_known"], ["--fields", "foo"]];
    for args in wrong {
        refuses(&args).says("\nhint: ");
    }
}

#[test]
fn a_table_without_a_source_is_a_usage_error() {
    TestFolder::new().run(&["convert", "lake/cf_logs"]).exits(2).says("TABLE");
}

#[test]
fn the_summary_reports_what_was_done() {
    let folder = mixed();
    let ran = folder.convert(&[]).exits(3);
    assert_eq!(ran.stdout, "", "stdout is for data");
    for part in [
        "1 converted",
        "1 failed",
        "1 rows; 2 header lines",
        "1 bad-date",
        "bytes",
        "1 data files in 1 partitions",
        "rows/s",
        "MB of text/s",
    ] {
        assert!(ran.stderr.contains(part), "`{part}` is not in:\n{}", ran.stderr);
    }
}

#[test]
fn many_small_files_get_a_hint() {
    let folder = TestFolder::new();
    let rows: Vec<String> = (0..12).map(|hour| format!("2024-05-17 {hour:02}:00:00")).collect();
    folder.add("a.log", log("date time", &rows.iter().map(String::as_str).collect::<Vec<_>>()));
    folder.convert(&[]).exits(0).says("hint").says("`--partition-by day`");
}

#[test]
fn quiet_prints_only_errors() {
    let ran = one_row().convert(&["--quiet"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    let folder = mixed();
    let ran = folder.convert(&["-q"]).exits(3).says("bad.log");
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("bad.log")).count(), 1, "{}", ran.stderr);
    assert!(!ran.stderr.contains("rows/s") && !ran.stderr.contains("plan:"), "{}", ran.stderr);
    let ran = folder.run(&["convert", "nowhere", "lake/cf_logs", "-q"]).exits(1).says("error: ");
    assert!(ran.stderr.lines().count() <= 2, "{}", ran.stderr);
}

#[test]
fn verbose_prints_more() {
    let plain = one_row().convert(&[]).exits(0).stderr;
    let steps = one_row().convert(&["-v"]).exits(0).says("planned").stderr;
    let tasks = one_row().convert(&["-vv"]).exits(0).says("task begins").says("task committed").stderr;
    assert!(plain.len() < steps.len() && steps.len() < tasks.len());
    assert!(!plain.contains("planned") && !steps.contains("task begins"));
}

/// Returns every line of stderr as JSON.
fn json_lines(ran: &RunOutput) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}\nin:\n{}", ran.stderr));
    ran.stderr.lines().map(parse).collect()
}

#[test]
fn with_log_format_json_every_message_is_a_json_object_on_a_line() {
    let folder = mixed();
    let ran = folder.convert(&["--log-format", "json", "-v"]).exits(3);
    let lines = json_lines(&ran);
    assert!(lines.iter().all(Value::is_object), "{lines:?}");
    assert!(lines.iter().any(|line| line["message"] == "planned"), "{lines:?}");
    assert!(lines.iter().any(|line| line.to_string().contains("bad.log")), "{lines:?}");
}

#[test]
fn with_log_format_json_the_error_that_stops_a_run_is_json_too() {
    let folder = TestFolder::new();
    let ran = folder.convert(&["--log-format", "json"]).exits(1);
    let lines = json_lines(&ran);
    assert!(lines.iter().any(|line| line.to_string().contains("no log object")), "{lines:?}");
}

#[test]
fn a_report_is_written_for_any_result_of_the_run() {
    let folder = one_row();
    folder.converts(&[]);
    assert_eq!(folder.report()["outcome"], "done");
    fs::remove_file(folder.path("report.json")).unwrap();
    fs::remove_dir_all(folder.path("lake/cf_logs")).unwrap();
    folder.convert(&[]).exits(1);
    let report = folder.report();
    assert_eq!(report["outcome"], "stopped");
    assert!(report["error"].as_str().unwrap().contains("is gone"), "{report:#}");
    assert_eq!(mixed().converts_with_failures(&[])["outcome"], "done-with-failures");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_that_names_the_flag() {
    let folder = one_row();
    folder
        .run(&["convert", "logs", "lake/cf_logs", "--report", "nowhere/report.json"])
        .exits(1)
        .says("`--report`")
        .says("nowhere");
}

#[test]
fn control_characters_in_names_are_never_printed() {
    only_on_disk!("names that tests do not write to buckets");
    let folder = TestFolder::new();
    folder.add("\u{1b}[31mred\n.log", "no log");
    folder.add("good.log", log("date time \u{1b}[2J", &["2024-05-17 10:00:00 x"]));
    let ran = folder.convert(&[]).exits(3);
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
}
