//! Exchanged tables, states and sources: runs that would duplicate or lose rows are refused, and nothing is written.

use std::fs;

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, log, only_on_disk};

/// Adds a log of a day of May 2024 to `logs/`.
fn add(folder: &TestFolder, day: u32) {
    folder.add(&format!("E1EXAMPLE.2024-05-{day}-09.a"), log("date time", &[&format!("2024-05-{day} 09:00:00")]));
}

/// Creates a table of one epoch for each of these days.
fn table(days: &[u32]) -> TestFolder {
    let folder = TestFolder::new();
    for day in days {
        add(&folder, *day);
        folder.converts(&LEAN);
    }
    folder
}

fn copy(folder: &TestFolder, from: &str, to: &str) {
    for (name, path) in folder.files(from) {
        let target = folder.path(to).join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(path, target).unwrap();
    }
}

/// Asserts that a conversion is refused and writes nothing below `lake`.
fn is_refused(folder: &TestFolder, args: &[&str], says: &str) -> RunOutput {
    let args = [&["convert", "logs"], args, &["--now", NOW, "-q"]].concat();
    folder.writes_nothing(&args, 1).says(says).says("\nhint: ")
}

#[test]
fn the_state_of_another_table_is_refused() {
    let folder = table(&[17]);
    let lean = LEAN;
    folder.run(&[&["convert", "logs", "lake/other", "--now", NOW], &lean[..]].concat()).exits(0);
    fs::rename(folder.path("lake/other"), folder.path("lake/third")).unwrap();
    add(&folder, 18);
    fs::create_dir(folder.path("lake/other")).unwrap();
    fs::write(folder.path("lake/other/part-of-something-else"), "x").unwrap();
    is_refused(&folder, &["lake/other"], "has none of the data files");
}

#[test]
fn the_state_of_another_table_of_the_same_days_is_refused() {
    // Its data files have the same names.
    let folder = table(&[17]);
    folder.write("others/E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:30:00"]));
    let args = [&["convert", "others", "lake/other", "--now", NOW], &LEAN[..]].concat();
    folder.run(&args).exits(0);
    add(&folder, 18);
    is_refused(&folder, &["lake/cf_logs", "--state", "lake/other.lakefront"], "with other bytes than the state");
    // The two tables, exchanged.
    for (from, to) in [("cf_logs", "x"), ("other", "cf_logs"), ("x", "other")] {
        fs::rename(folder.path("lake").join(from), folder.path("lake").join(to)).unwrap();
    }
    is_refused(&folder, &["lake/cf_logs"], "with other bytes than the state");
}

#[test]
fn a_report_in_place_of_a_log_or_in_a_table_is_wrong_usage() {
    only_on_disk!("reports in local files");
    let folder = table(&[17]);
    add(&folder, 18);
    let report = |file: &str, status| {
        let args = ["convert", "logs", "lake/cf_logs", "--now", NOW, "-q", "--report", file];
        folder.run(&args).exits(status)
    };
    for file in [
        "lake/cf_logs/report.json",
        "lake/cf_logs.lakefront/table.json",
        "lake/cf_logs.lakefront/report/mine.json",
        "logs/E1EXAMPLE.2024-05-17-09.a",
    ] {
        let before = folder.snapshot("");
        report(file, 2).says("report: ").says("\nhint: name a file outside of it");
        assert!(folder.snapshot("") == before, "{file}");
    }
    report("lake/report.json", 0);
}

#[test]
fn a_table_whose_folder_exists_without_its_files_is_refused() {
    let folder = table(&[17]);
    fs::remove_dir_all(folder.path("lake/cf_logs")).unwrap();
    fs::create_dir(folder.path("lake/cf_logs")).unwrap();
    add(&folder, 18);
    is_refused(&folder, &["lake/cf_logs"], "mounted");
}

#[test]
fn a_state_that_is_older_than_its_table_is_refused() {
    let folder = table(&[17]);
    copy(&folder, "lake/cf_logs.lakefront", "backup");
    add(&folder, 18);
    folder.converts(&[]);
    add(&folder, 19);
    folder.converts(&[]);
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    copy(&folder, "backup", "lake/cf_logs.lakefront");
    is_refused(&folder, &["lake/cf_logs"], "of an epoch that the log does not have");
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn a_state_with_only_a_table_record_is_refused() {
    let folder = table(&[17]);
    let record = fs::read(folder.path("lake/cf_logs.lakefront/table.json")).unwrap();
    fs::remove_dir_all(folder.path("lake/cf_logs.lakefront")).unwrap();
    folder.write("lake/cf_logs.lakefront/table.json", record);
    is_refused(&folder, &["lake/cf_logs"], "but its state has no epoch");
}

#[test]
fn a_table_within_a_table_or_within_a_state_is_refused() {
    let folder = table(&[17]);
    for inner in ["lake/cf_logs/inner", "lake/cf_logs/deep/inner", "lake/cf_logs.lakefront/inner"] {
        is_refused(&folder, &[inner], "lies in the ");
    }
}

/// Creates a table whose state is elsewhere.
fn with_state_elsewhere() -> TestFolder {
    let folder = TestFolder::new();
    add(&folder, 17);
    let args = ["convert", "logs", "lake/outer", "--state", "lake/states/outer", "--now", NOW];
    folder.run(&[&args[..], &LEAN].concat()).exits(0);
    folder
}

#[test]
fn a_table_within_a_table_is_refused_with_the_state_of_that_one_elsewhere() {
    let folder = with_state_elsewhere();
    for inner in ["lake/outer/inner", "lake/outer/deep/inner", "lake/outer/year=2024/inner", "lake/outer/deep/../x/y"] {
        is_refused(&folder, &[inner], "lies in the table");
        folder.writes_nothing(&["convert", "logs", inner, "--dry-run", "--now", NOW], 1).says("lies in the table");
    }
    is_refused(&folder, &["lake/states/outer/inner"], "lies in the state");
    is_refused(&folder, &["lake/states/outer/log/inner"], "lies in the state");
}

#[test]
fn a_state_within_a_table_or_within_a_state_is_refused() {
    let folder = with_state_elsewhere();
    for (state, says) in [
        ("lake/outer/inner", "lies in the table"),
        ("lake/outer", "lies in the table"),
        ("lake/outer/deep/inner", "lies in the table"),
        ("lake/states/outer/inner", "lies in the state"),
        ("lake/states/outer/seen/inner", "lies in the state"),
    ] {
        is_refused(&folder, &["lake/new", "--state", state], says).says("store: the state ");
    }
}

#[test]
fn a_table_is_recognised_by_its_data_files_among_others_and_through_links() {
    only_on_disk!("empty folders and links");
    let folder = with_state_elsewhere();
    fs::create_dir_all(folder.path("lake/outer/year=2099/month=01")).unwrap();
    folder.write("lake/outer/year=2098/readme.txt", "x");
    std::os::unix::fs::symlink("outer", folder.path("lake/link")).unwrap();
    for inner in ["lake/outer/inner", "lake/link/inner", "lake/link/../outer/inner"] {
        is_refused(&folder, &[inner], "lies in the table");
        is_refused(&folder, &["lake/new", "--state", inner], "lies in the table");
    }
}

#[test]
fn tables_and_states_next_to_each_other_are_fine() {
    let folder = with_state_elsewhere();
    for args in [&["lake/second"][..], &["lake/third", "--state", "lake/states/third"], &["lake/outer2"]] {
        folder.run(&[&["convert", "logs"], args, &["--now", NOW], &LEAN].concat()).exits(0);
    }
    // A folder with another program's partitions is not a lakefront table.
    folder.write("lake/hive/year=2024/month=05/day=17/hour=09/part-00000.parquet", "x");
    folder.run(&[&["convert", "logs", "lake/hive/inner", "--now", NOW], &LEAN[..]].concat()).exits(0);
}

#[test]
fn an_existing_table_within_another_one_stays_usable() {
    only_on_disk!("moving folders");
    let folder = with_state_elsewhere();
    folder.run(&[&["convert", "logs", "lake/second", "--now", NOW], &LEAN[..]].concat()).exits(0);
    for name in ["second", "second.lakefront"] {
        fs::rename(folder.path("lake").join(name), folder.path("lake/outer").join(name)).unwrap();
    }
    add(&folder, 18);
    folder.run(&["convert", "logs", "lake/outer/second", "--now", NOW]).exits(0).says("1 converted");
    folder.run(&["convert", "logs", "lake/outer", "--state", "lake/states/outer", "--now", NOW]).exits(0);
}

/// Asserts that a conversion of this source into a new table is refused as wrong usage, and writes nothing.
fn refuses_source(folder: &TestFolder, source: &str, says: &str) {
    for more in [&[][..], &["--dry-run"], &["--allow-empty", "--source-id", "x"]] {
        let args = [&["convert", source, "lake/t2", "--now", NOW], more].concat();
        folder.writes_nothing(&args, 2).says(says).says("a lakefront table").says("\nhint: ");
    }
    assert!(!folder.path("lake/t2").exists() && !folder.path("lake/t2.lakefront").exists());
}

#[test]
fn a_table_or_a_state_is_refused_as_a_source() {
    let folder = table(&[17, 18]);
    let partition = "lake/cf_logs/year=2024/month=05/day=17";
    for source in ["lake/cf_logs", "lake/cf_logs/"] {
        refuses_source(&folder, source, "is a lakefront table");
    }
    for source in ["lake/cf_logs/year=2024", partition] {
        refuses_source(&folder, source, "lies in a lakefront table");
    }
    refuses_source(&folder, "lake/cf_logs.lakefront", "is the state of a lakefront table");
    refuses_source(&folder, "lake/cf_logs.lakefront/log", "lies in the state of a lakefront table");
    // One of several sources, too.
    folder
        .writes_nothing(&["convert", "logs", "lake/cf_logs", "lake/t2", "--now", NOW], 2)
        .says("is a lakefront table");
}

#[test]
fn a_copy_of_a_table_without_its_state_and_a_renamed_state_are_refused_as_sources() {
    let folder = table(&[17]);
    copy(&folder, "lake/cf_logs", "copy/cf_logs");
    copy(&folder, "lake/cf_logs.lakefront", "copy/memory");
    refuses_source(&folder, "copy/cf_logs", "is a lakefront table");
    refuses_source(&folder, "copy/cf_logs/year=2024/month=05", "lies in a lakefront table");
    refuses_source(&folder, "copy/memory", "is the state of a lakefront table");
}

#[test]
fn a_single_file_of_a_table_is_refused_as_a_source() {
    only_on_disk!("single files as sources");
    let folder = table(&[17]);
    let file = format!("lake/cf_logs/{}", folder.tree("lake/cf_logs")[0]);
    refuses_source(&folder, &file, "lies in a lakefront table");
    refuses_source(&folder, "lake/cf_logs.lakefront/table.json", "the state of a lakefront table");
}

#[test]
fn folders_that_only_look_like_tables_are_sources() {
    let folder = table(&[17]);
    let row = log("date time", &["2024-05-19 09:00:00"]);
    // Logs in folders of days, next to other files; the table record of another program; a table further below.
    folder.write("hive/year=2024/month=05/day=19/E1EXAMPLE.2024-05-19-09.a", &row);
    folder.write("hive/table.json", "# no record");
    folder.run(&["convert", "hive", "lake/hive", "--now", NOW, "--exclude", "table.json"]).exits(0);
    folder.run(&["convert", "hive/year=2024", "lake/partition", "--now", NOW]).exits(0);
    folder.write("above/logs/E1EXAMPLE.2024-05-19-09.a", &row);
    copy(&folder, "lake/cf_logs", "above/tables/cf_logs");
    copy(&folder, "lake/cf_logs.lakefront", "above/tables/cf_logs.lakefront");
    folder.run(&["convert", "above", "lake/above", "--now", NOW, "--exclude", "tables"]).exits(0);
    assert_eq!(folder.rows_of("lake/above").len(), 1);
}

#[test]
fn a_state_that_is_named_after_the_source_does_not_make_it_a_table() {
    let folder = TestFolder::new();
    add(&folder, 17);
    let args = ["convert", "logs", "lake/cf_logs", "--state", "logs.lakefront", "--now", NOW];
    only_on_disk!("a state outside of the bucket of the table");
    folder.run(&[&args[..], &LEAN].concat()).exits(0);
    add(&folder, 18);
    folder.run(&args).exits(0).says("1 converted");
}

#[test]
fn sources_with_ids_that_overlap_are_refused() {
    let folder = TestFolder::new();
    folder.write("srv/logs/E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    for sources in [["srv/logs", "srv"], ["srv", "srv/logs"], ["srv", "srv"]] {
        let ids = ["--source-id", "a", "--source-id", "b"];
        folder.run(&[&["convert"], &sources[..], &["lake/cf_logs"], &ids].concat()).exits(1).says("overlap");
        assert!(!folder.path("lake").exists());
    }
}

#[test]
fn records_of_a_newer_version_are_not_rewritten() {
    for name in ["closed/0000000001.json", "seen/2024-05-17/0000000001"] {
        let folder = table(&[17]);
        let path = folder.path("lake/cf_logs.lakefront").join(name);
        fs::write(path, r#"{"format":5,"epoch":1,"news":true}"#).unwrap();
        folder.writes_nothing(&["rebuild-state", "lake/cf_logs"], 1).says("format 5").says("newer version");
    }
}
