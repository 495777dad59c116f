//! Selection of objects, and locations of a table.

use std::{fs, os::unix::fs::symlink};

use serde_json::{Value, json};

use crate::harness::{LEAN, TestFolder, is_in_buckets, log, only_on_disk};

/// Returns a log with one row of this hour of 2024-05-17.
fn log_of_hour(hour: u32) -> String {
    log("date time", &[&format!("2024-05-17 {hour:02}:00:00")])
}

/// Creates logs of two distributions and three hours, and one without an hour in its name.
fn hours() -> TestFolder {
    let folder = TestFolder::new();
    for distribution in ["E1EXAMPLE", "E2EXAMPLE"] {
        for hour in [9, 10, 11] {
            folder.add(&format!("a/{distribution}.2024-05-17-{hour:02}.0123abcd"), log_of_hour(hour));
        }
    }
    folder.add("b/undated.log", log_of_hour(12));
    folder
}

/// Converts with these flags, and returns the names of the converted objects, without folder and extension.
fn selected(folder: &TestFolder, args: &[&str]) -> Vec<String> {
    folder.converts(&[&LEAN[..], args].concat());
    let names = folder.rows().into_iter().map(|row| {
        let name = row.get("filename").as_str().unwrap().to_owned();
        name.trim_end_matches(".0123abcd").rsplit('/').next().unwrap().replace(".2024-05-17-", " ")
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn include_selects_only_names_that_match() {
    let e1 = ["E1EXAMPLE 09", "E1EXAMPLE 10", "E1EXAMPLE 11"];
    assert_eq!(selected(&hours(), &["--include", "**/E1*"]), e1);
    assert_eq!(selected(&hours(), &["--include", "a/E1*"]), e1);
    assert_eq!(
        selected(&hours(), &["--include", "b/*", "--include", "a/*-09.*"]),
        ["E1EXAMPLE 09", "E2EXAMPLE 09", "undated.log"]
    );
}

#[test]
fn a_pattern_without_a_slash_matches_the_last_part_of_a_name_at_any_depth() {
    let e1 = ["E1EXAMPLE 09", "E1EXAMPLE 10", "E1EXAMPLE 11"];
    assert_eq!(selected(&hours(), &["--include", "E1*"]), e1);
    assert_eq!(selected(&hours(), &["--include", "*.log"]), ["undated.log"]);
    assert_eq!(selected(&hours(), &["--exclude", "E2*", "--exclude", "*.log"]), e1);
    // Everything below an excluded folder is excluded, too.
    assert_eq!(selected(&hours(), &["--exclude", "a"]), ["undated.log"]);
    assert_eq!(selected(&hours(), &["--include", "b/"]), ["undated.log"]);
}

#[test]
fn a_star_matches_within_a_folder() {
    hours().convert(&["--include", "*/*/E1*"]).exits(1).says("7 logs found").says("all are not matched by --include");
}

#[test]
fn a_selection_without_matches_prints_the_reasons() {
    for (args, says) in [
        (&["--to", "2024-05-01"][..], "6 are not older than --to 2024-05-01; 1 is without an hour"),
        (&["--from", "2026-11-24", "--exclude", "*.log"], "6 are older than --from 2026-11-24"),
        (&["--from", "2026-11-24T05", "--include", "E1*"], "3 are older than --from 2026-11-24T05"),
        (&["--distribution", "E3"], "all are not of --distribution E3"),
        (&["--exclude", "**"], "all are matched by --exclude"),
        (&["--from", "2024-05-17", "--include", "*.log"], "without an hour in the name: --from leaves such logs out"),
    ] {
        let folder = hours();
        let ran = folder.convert(args).exits(1).says("list: no log is selected: ").says("\nhint: ");
        // In a bucket, keys of other hours are not even listed.
        if !is_in_buckets() {
            ran.says("7 logs found").says(says);
        }
        assert!(!folder.path("lake").exists(), "{args:?}");
    }
}

#[test]
fn a_pattern_that_matches_nothing_is_warned_about_once() {
    let folder = hours();
    let args = ["--include", "a/**", "--include", "*.gz", "--exclude", "lost+found", "--exclude", "*.0123abcd.tmp"];
    let ran = folder.convert(&[&args[..], &LEAN].concat()).exits(0);
    for pattern in ["`--include *.gz`", "`--exclude lost+found`", "`--exclude *.0123abcd.tmp`"] {
        assert_eq!(ran.stderr.matches(pattern).count(), 1, "{pattern}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("`--include a/**`"), "{}", ran.stderr);
    // Also if there are no new logs, with `--quiet`, and in a dry run.
    for more in ["--quiet", "--dry-run"] {
        folder.convert(&[&args[..], &[more]].concat()).exits(0).says("`--include *.gz` matches nothing");
    }
    let ran = folder.convert(&["--include", "E1*", "--exclude", "*-09.*", "--quiet"]).exits(0);
    assert_eq!(ran.stderr, "");
}

#[test]
fn logs_without_an_hour_in_their_names_that_a_range_leaves_out_are_counted() {
    let folder = hours();
    folder.add("b/other.log", log_of_hour(12));
    let said = "2 logs have no hour in their names: --from leaves them out";
    let dry = folder.run(&["convert", "logs", "lake/x", "--from", "2024-05-17T10", "--dry-run"]).exits(0);
    assert!(dry.stdout.contains(said), "{}", dry.stdout);
    folder.convert(&[&["--from", "2024-05-17T10"], &LEAN[..]].concat()).exits(0).says(said);
    assert_eq!(folder.report()["objects"]["without_hour"], 2);
    // In a bucket, keys of earlier hours are not even listed.
    assert_eq!(folder.report()["objects"]["not_selected"], if is_in_buckets() { 2 } else { 4 });
    // Again without new logs, and with the other flag.
    folder.convert(&["--from", "2024-05-17T10"]).exits(0).says("nothing new").says(said);
    let one = ["--to", "2024-05-17T11", "--exclude", "other.log"];
    folder.convert(&one).exits(0).says("1 log has no hour in its name: --to leaves it out");
    folder.convert(&[]).exits(0);
    assert_eq!(folder.report()["objects"]["without_hour"], 0);
}

#[test]
fn exclude_omits_names_that_match() {
    assert_eq!(selected(&hours(), &["--exclude", "**/*-1?.*", "--exclude", "b/**"]), ["E1EXAMPLE 09", "E2EXAMPLE 09"]);
    assert_eq!(selected(&hours(), &["--include", "a/E1*", "--exclude", "**/*-09.*"]), ["E1EXAMPLE 10", "E1EXAMPLE 11"]);
}

#[test]
fn distribution_is_the_start_of_the_name() {
    assert_eq!(selected(&hours(), &["--distribution", "E2EXAMPLE"]), ["E2EXAMPLE 09", "E2EXAMPLE 10", "E2EXAMPLE 11"]);
    hours().convert(&["--distribution", "E2"]).exits(1);
}

#[test]
fn a_range_of_hours_is_half_open_and_leaves_out_objects_without_an_hour() {
    assert_eq!(
        selected(&hours(), &["--from", "2024-05-17T10", "--to", "2024-05-17T11"]),
        ["E1EXAMPLE 10", "E2EXAMPLE 10"]
    );
    assert_eq!(selected(&hours(), &["--from", "2024-05-17T11"]), ["E1EXAMPLE 11", "E2EXAMPLE 11"]);
    assert_eq!(selected(&hours(), &["--to", "2024-05-17T10"]), ["E1EXAMPLE 09", "E2EXAMPLE 09"]);
    assert_eq!(selected(&hours(), &["--from", "2024-05-17", "--to", "2024-05-18"]).len(), 6);
    assert_eq!(selected(&hours(), &[]).len(), 7);
}

#[test]
fn a_range_may_be_relative_to_now() {
    let now = ["--now", "2024-05-18T10:30:00Z"];
    assert_eq!(
        selected(&hours(), &[&now[..], &["--from", "-1d"]].concat()),
        ["E1EXAMPLE 10", "E1EXAMPLE 11", "E2EXAMPLE 10", "E2EXAMPLE 11"]
    );
    assert_eq!(
        selected(&hours(), &[&now[..], &["--from=-24h", "--to", "-23h"]].concat()),
        ["E1EXAMPLE 10", "E2EXAMPLE 10"]
    );
}

#[test]
fn a_blank_between_date_and_hour_is_equivalent_to_a_t() {
    let (from, to) = (["--from", "2024-05-17 11"], ["--to", "2024-05-17 10"]);
    assert_eq!(selected(&hours(), &from), ["E1EXAMPLE 11", "E2EXAMPLE 11"]);
    assert_eq!(selected(&hours(), &to), ["E1EXAMPLE 09", "E2EXAMPLE 09"]);
    let hour = ["--from", "2024-05-17 10:00Z", "--to", "2024-05-17 11:00:00", "--now", "2024-05-18 00:00"];
    assert_eq!(selected(&hours(), &hour), ["E1EXAMPLE 10", "E2EXAMPLE 10"]);
}

#[test]
fn with_a_settle_of_0_no_hour_waits_not_even_a_future_one() {
    for zero in ["0", "0s", "0h"] {
        // At half past nine, one hour is in progress, and two have not begun.
        let args = ["--now", "2024-05-17T09:30:00Z", "--settle", zero];
        assert_eq!(selected(&hours(), &args).len(), 7, "{zero}");
    }
    let folder = hours();
    let dry = folder.run(&["convert", "logs", "lake/x", "--dry-run", "--now", "2024-05-17T09:30:00Z", "--settle", "0"]);
    assert!(!dry.exits(0).stdout.contains("waiting"));
    assert_eq!(selected(&folder, &["--now", "2024-05-17T09:30:00Z", "--settle", "1s"]), ["undated.log"]);
}

#[test]
fn a_name_with_an_hour_at_the_end_of_the_calendar_does_not_stop_the_others() {
    for level in ["hour", "day", "month", "year"] {
        let folder = hours();
        folder.add("E1EXAMPLE.9999-12-31-10.aa.log", log("date time sc-bytes", &["2024-05-17 10:00:00 1"]));
        folder.add("E1EXAMPLE.9999-12-31-11.aa.log", "no log");
        let args = ["convert", "logs", "lake/cf_logs", "--settle", "0", "--partition-by", level];
        folder.run(&args).exits(3).says("E1EXAMPLE.9999-12-31-11.aa.log");
        assert!(folder.run(&args).exits(0).stdout.is_empty());
        folder.run(&["retry", "lake/cf_logs"]).exits(3).says("E1EXAMPLE.9999-12-31-11.aa.log");
        folder.run(&["verify", "lake/cf_logs"]).exits(0);
    }
}

#[test]
fn hours_that_have_not_settled_wait() {
    let folder = hours();
    let ran = folder.convert(&["--now", "2024-05-17T12:30:00Z"]).exits(0).says("4 waiting");
    let objects = folder.report()["objects"].clone();
    assert_eq!((&objects["waiting"], &objects["converted"]), (&4.into(), &3.into()), "{}", ran.stderr);
}

#[test]
fn an_hour_has_settled_when_its_end_is_settle_ago() {
    let count = |args: &[&str]| selected(&hours(), args).len();
    assert_eq!(count(&["--now", "2024-05-17T12:00:00Z", "--settle", "1h"]), 5);
    assert_eq!(count(&["--now", "2024-05-17T11:59:59Z", "--settle", "1h"]), 3);
    assert_eq!(count(&["--now", "2024-05-17T12:00:00Z", "--settle", "0"]), 7);
    assert_eq!(count(&["--now", "2024-05-17T13:30:00Z", "--settle", "90m"]), 7);
}

#[test]
fn a_run_whose_objects_all_wait_is_not_an_error() {
    let folder = hours();
    let args = ["--include", "a/**", "--now", "2024-05-17T09:59:00Z"];
    folder.convert(&args).exits(0).says("nothing new").says("6 objects, from 2024-05-17T09 on");
    assert_eq!(folder.tree("lake"), Vec::<String>::new());
}

#[test]
fn a_dry_run_prints_what_would_be_done_and_writes_nothing() {
    let folder = hours();
    let ran = folder
        .run(&[
            "convert",
            "logs",
            "lake/cf_logs",
            "--dry-run",
            "--exclude",
            "**/*-09.*",
            "--now",
            "2024-05-17T13:30:00Z",
        ])
        .exits(0);
    let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let line = |label: &str| {
        lines.iter().find(|line| line[0] == label).unwrap_or_else(|| panic!("{}", ran.stdout))[1..].join(" ")
    };
    assert_eq!(line("listed"), "7 objects");
    assert!(line("objects").starts_with("3 to convert"), "{}", ran.stdout);
    assert_eq!((line("tasks"), line("hours")), ("2".to_owned(), "1".to_owned()));
    assert!(line("waiting").starts_with("2 objects") && line("waiting").contains("2024-05-17T11"), "{}", ran.stdout);
    assert!(line("skipped").starts_with("2 objects"), "{}", ran.stdout);
    assert!(!folder.path("lake").exists(), "nothing was written");
}

#[test]
fn a_dry_run_shows_the_plan_of_the_conversion() {
    let folder = hours();
    let ran = folder.run(&["convert", "logs", "lake/cf_logs", "--dry-run"]).exits(0);
    let report = folder.converts(&[]);
    let tasks = report["tasks"].to_string();
    assert!(ran.stdout.lines().any(|line| line.split_whitespace().eq(["tasks", &tasks])), "{tasks}: {}", ran.stdout);
}

#[test]
fn an_empty_listing_is_an_error_unless_it_is_allowed() {
    let folder = TestFolder::new();
    folder.convert(&[]).exits(1).says("list: no log object").says("\nhint: ").says("`--allow-empty`");
    assert_eq!(folder.tree("lake"), Vec::<String>::new());
    folder.converts(&["--allow-empty"]);
    let report = folder.report();
    assert_eq!((&report["outcome"], &report["objects"]["listed"]), (&"done".into(), &0.into()));
}

#[test]
fn several_sources_are_read_in_one_order() {
    let folder = TestFolder::new();
    folder.write("z/1.log", log_of_hour(10));
    folder.write("a/2.log", log_of_hour(10));
    folder.write("m/3.log", log_of_hour(10));
    folder.run(&["convert", "z", "a", "m", "lake/cf_logs", "-q"]).exits(0);
    assert_eq!(folder.column("filename"), json!(["2.log", "3.log", "1.log"]));
}

#[test]
fn a_source_may_be_a_file_url_or_a_single_file() {
    only_on_disk!("file URLs");
    let folder = TestFolder::new();
    folder.write("a/x/1.log", log_of_hour(10));
    folder.write("b/y/2.log", log_of_hour(10));
    let url = format!("file://{}", folder.path("a").display());
    let table = format!("file://{}", folder.path("lake/cf_logs").display());
    folder.run(&["convert", &url, "b/y/2.log", &table]).exits(0);
    assert_eq!(folder.column("filename"), json!(["x/1.log", "2.log"]));
}

#[test]
fn an_object_below_nested_sources_counts_once() {
    let folder = TestFolder::new();
    folder.add("a/b/1.log", log_of_hour(10));
    folder.add("a/2.log", log_of_hour(11));
    folder.run(&["convert", "logs/a/b", "logs", "logs/a/../a", "logs/a/b/1.log", "lake/cf_logs"]).exits(0);
    assert_eq!(folder.column("filename"), json!(["a/b/1.log", "a/2.log"]));
}

#[test]
fn links_are_followed_and_their_targets_count_once() {
    only_on_disk!("links");
    let folder = TestFolder::new();
    folder.write("elsewhere/1.log", log_of_hour(10));
    folder.write("elsewhere/2.log", log_of_hour(11));
    folder.add("plain.log", log_of_hour(12));
    symlink(folder.path("elsewhere"), folder.path("logs/folder")).unwrap();
    symlink(folder.path("elsewhere/1.log"), folder.path("logs/single.log")).unwrap();
    symlink(folder.path("logs"), folder.path("elsewhere/circle")).unwrap();
    let report = folder.converts(&[]);
    assert_eq!(report["objects"]["listed"], 3);
    assert_eq!(folder.column("filename"), json!(["folder/1.log", "folder/2.log", "plain.log"]));
}

#[test]
fn a_path_that_cannot_be_listed_is_reported_with_exit_3_and_the_rest_is_converted() {
    only_on_disk!("contents of a local folder");
    let folder = TestFolder::new();
    folder.add("good.log", log_of_hour(10));
    symlink(folder.path("nowhere"), folder.path("logs/dangling")).unwrap();
    let ran = folder.convert(&[]).exits(3).says("dangling").says("leads nowhere");
    let report = folder.report();
    assert_eq!((&report["objects"]["unlisted"], &report["rows"]), (&1.into(), &1.into()), "{}", ran.stderr);
    assert_eq!(report["lost_objects"][0]["object"], Value::from(folder.object("dangling")));
    let dry = folder.run(&["convert", "logs", "lake/other", "--dry-run"]).exits(3);
    assert!(dry.stdout.contains("dangling"), "{}", dry.stdout);
}

#[test]
fn a_path_that_cannot_be_listed_and_is_not_selected_is_not_a_failure() {
    only_on_disk!("contents of a local folder");
    let folder = TestFolder::new();
    folder.add("cf/good.gz", log_of_hour(10));
    symlink(folder.path("nowhere"), folder.path("logs/cf/dangling")).unwrap();
    symlink(folder.path("logs/circle"), folder.path("logs/circle")).unwrap();
    // A folder with a broken link.
    folder.add("lost+found/x", "");
    symlink("nowhere", folder.path("logs/lost+found/#17")).unwrap();
    folder.convert(&[]).exits(3);
    let unlisted = |args: &[&str]| {
        folder.convert(args);
        folder.report()["objects"]["unlisted"].as_u64().unwrap()
    };
    assert_eq!(unlisted(&[]), 3);
    assert_eq!(unlisted(&["--exclude", "lost+found"]), 2);
    assert_eq!(unlisted(&["--exclude", "lost+found/**", "--exclude", "dangling"]), 1);
    assert_eq!(unlisted(&["--exclude", "cf/*"]), 2);
    for all in [
        &["--exclude", "lost+found", "--exclude", "dangling", "--exclude", "circle"][..],
        &["--exclude", "lost+found/", "--exclude", "cf/dang*", "--exclude", "?ircle"],
        &["--include", "*.gz"],
        &["--include", "cf/*.gz"],
    ] {
        folder.convert(all).exits(0);
        folder.run(&[&["convert", "logs", "lake/x", "--dry-run"], all].concat()).exits(0);
    }
}

#[test]
fn an_excluded_empty_folder_counts_as_a_match_of_its_pattern() {
    only_on_disk!("folders without files");
    let folder = hours();
    fs::create_dir(folder.path("logs/lost+found")).unwrap();
    for pattern in ["lost+found", "lost+found/", "lost+found/**"] {
        let ran = folder.convert(&["--exclude", pattern, "--quiet"]).exits(0);
        assert_eq!(ran.stderr, "", "{pattern}");
    }
}

#[test]
fn named_pipes_sockets_and_devices_are_skipped_and_counted() {
    only_on_disk!("special files");
    let folder = TestFolder::new();
    folder.add("good.log", log_of_hour(10));
    let pipe = std::process::Command::new("mkfifo").arg(folder.path("logs/E1EXAMPLE.2024-05-17-10.a.gz")).status();
    assert!(pipe.unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("logs/socket")).unwrap();
    symlink("/dev/zero", folder.path("logs/zero")).unwrap();
    let said = "3 special files, not logs";
    let dry = folder.run(&["convert", "logs", "lake/x", "--dry-run"]).exits(0);
    assert!(dry.stdout.contains(said), "{}", dry.stdout);
    folder.convert(&[]).exits(0).says(said);
    assert_eq!(folder.report()["objects"]["special"], 3);
    folder.convert(&["--exclude", "zero", "--exclude", "socket"]).exits(0).says("1 special file, not a log");
    folder.convert(&["--include", "*.log"]).exits(0);
    assert_eq!(folder.report()["objects"]["special"], 0);
    assert_eq!(folder.rows().len(), 1);
}

#[test]
fn a_missing_source_is_refused_by_name() {
    let folder = TestFolder::new();
    folder.run(&["convert", "lgos", "lake/cf_logs"]).exits(1).says("lgos").says("\nhint: ");
}

#[test]
fn an_unsupported_store_is_refused_by_name_and_without_its_path() {
    let folder = hours();
    let source = folder.run(&["convert", "hdfs://secret-node/logs", "lake/cf_logs"]).exits(1).says("`hdfs://`");
    assert!(!source.stderr.contains("secret"), "{}", source.stderr);
    folder.run(&["convert", "logs", "https://bucket/lake"]).exits(1).says("`https://`");
}

#[test]
fn a_source_that_overlaps_the_table_is_refused() {
    only_on_disk!("the table would be a whole bucket");
    for (source, table) in [("logs", "logs/lake"), ("logs", "logs"), ("logs/a", "logs"), (".", "lake/cf_logs")] {
        let folder = hours();
        let before = folder.tree(".");
        folder.run(&["convert", source, table]).exits(1).says("overlap").says("\nhint: ");
        assert_eq!(folder.tree("."), before, "nothing was written");
    }
}

#[test]
fn a_source_that_overlaps_the_tables_state_is_refused() {
    let folder = TestFolder::new();
    folder.write("lake/cf_logs.lakefront/x.log", log_of_hour(10));
    folder.run(&["convert", "lake/cf_logs.lakefront", "lake/cf_logs"]).exits(1).says("overlap");
}

#[test]
fn a_destination_that_is_not_empty_and_has_no_state_is_refused_with_a_hint() {
    let folder = hours();
    folder.write("lake/cf_logs/year=2024/note.txt", "in the way");
    folder.convert(&[]).exits(1).says("not empty").says("\nhint: ").says("cf_logs.lakefront").says("`--state`");
    assert_eq!(folder.tree("lake"), ["cf_logs/year=2024/note.txt"], "nothing was written");
}

#[test]
fn a_state_folder_with_other_files_is_refused_too() {
    let folder = hours();
    folder.write("lake/cf_logs.lakefront/log/0000000001.json", "{}");
    let ran = folder.convert(&[]).exits(1).says("cf_logs.lakefront/table.json: is missing").says("\nhint: ");
    assert!(ran.stderr.contains("`log/0000000001.json`"), "{}", ran.stderr);
    assert_eq!(folder.tree("lake"), ["cf_logs.lakefront/log/0000000001.json"], "nothing was written");
}

#[test]
fn an_empty_folder_is_a_destination() {
    let folder = hours();
    fs::create_dir_all(folder.path("lake/cf_logs")).unwrap();
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 7);
}

#[test]
fn a_destination_that_cannot_be_written_to_stops_the_run_and_is_named() {
    only_on_disk!("files in the way");
    let folder = hours();
    folder.write("file", "in the way");
    folder.run(&["convert", "logs", "file"]).exits(1).says("file: exists and is not a folder");
    folder.run(&["convert", "logs", "file/cf_logs"]).exits(1).says("file");
    // No user can create folders below /proc, not even root.
    folder.run(&["convert", "logs", "/proc/lakefront/cf_logs"]).exits(1).says("/proc/lakefront");
}

#[test]
fn small_hours_of_one_day_share_a_task_but_days_do_not() {
    let folder = TestFolder::new();
    for (day, hour) in [(17, 9), (17, 10), (17, 11), (18, 9)] {
        folder.add(
            &format!("E1EXAMPLE.2024-05-{day}-{hour:02}.a"),
            log("date time", &[&format!("2024-05-{day} {hour:02}:00:00")]),
        );
    }
    assert_eq!(folder.converts(&LEAN)["tasks"], 2);
}

#[test]
fn a_task_has_at_most_task_bytes_of_compressed_bytes_unless_one_object_is_larger() {
    let folder = TestFolder::new();
    for name in ["a", "b", "c", "d"] {
        folder.add(&format!("E1EXAMPLE.2024-05-17-09.{name}"), log_of_hour(9));
    }
    let bytes = log_of_hour(9).len();
    let report = folder.converts(&["--task-bytes", &(2 * bytes).to_string()]);
    assert_eq!((&report["tasks"], &report["files"]), (&2.into(), &2.into()));
    let folder = hours();
    assert_eq!(folder.converts(&["--task-bytes", "1"])["tasks"], 7);
}
