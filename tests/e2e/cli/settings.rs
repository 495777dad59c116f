//! What a table was made with, and what a later run may change of it.

use serde_json::json;

use crate::harness::{LEAN, NOW, TestFolder, layout, log};

/// A table of one row, made with these flags; a log that is new waits beside it.
fn table(args: &[&str]) -> TestFolder {
    let folder = TestFolder::with_log(log("date time sc-bytes c-ip", &["2024-05-17 09:00:00 1 192.0.2.1"]));
    folder.write("short.toml", SHORT);
    folder.write("longer.toml", SHORT.to_owned() + CLIENT);
    folder.converts(args);
    folder.add("new.log", log("date time sc-bytes c-ip", &["2024-05-17 10:00:00 2 192.0.2.2"]));
    folder
}

const SHORT: &str = r#"
name = "short"

[[column]]
name = "bytes"
type = "bigint"
field = "sc-bytes"
"#;

const CLIENT: &str = r#"
[[column]]
name = "client"
type = "string"
field = "c-ip"
"#;

/// A conversion that is refused as wrong usage, with a hint and the flag's name, and writes nothing.
fn refuses(folder: &TestFolder, args: &[&str]) {
    let ran = folder.only_looks(&[&["convert", "logs", "lake/cf_logs", "--now", NOW], args].concat(), 2);
    assert!(ran.stderr.contains(args[0]) && ran.stderr.contains("\nhint: "), "{}", ran.stderr);
}

#[test]
fn the_partition_columns_stay_what_they_are() {
    let folder = table(&["--partition-by", "day", LEAN[0], LEAN[1]]);
    for other in ["year", "month", "hour"] {
        refuses(&folder, &["--partition-by", other]);
    }
    folder.converts(&[]);
    let partitions: Vec<String> = folder.rows().into_iter().map(|row| row.partition).collect();
    assert_eq!(partitions, ["year=2024/month=05/day=17", "year=2024/month=05/day=17"]);
    folder.run(&["convert", "logs", "lake/cf_logs", "--partition-by", "day"]).exits(0);
}

#[test]
fn the_partition_columns_are_checked_where_nothing_is_new_too() {
    let folder = TestFolder::of_two_tasks();
    refuses(&folder, &["--partition-by", "day"]);
    refuses(&folder, &["--schema", "cf_logs"]);
}

#[test]
fn columns_may_be_appended_to_a_table_schema() {
    let folder = table(&["--schema", "short.toml"]);
    folder.converts(&["--schema", "longer.toml"]);
    let rows = folder.rows();
    assert_eq!(rows[0].cells.len(), 1);
    assert_eq!(rows[1].get("client"), "192.0.2.2");
    // From here on the longer one is the table's own.
    folder.add("newer.log", log("date time sc-bytes c-ip", &["2024-05-17 11:00:00 3 192.0.2.3"]));
    folder.converts(&[]);
    assert_eq!(folder.rows()[2].get("client"), "192.0.2.3");
    refuses(&folder, &["--schema", "short.toml"]);
    let ddl = folder.run(&["ddl", "lake/cf_logs"]).exits(0).stdout;
    assert!(ddl.contains("`bytes` bigint") && ddl.contains("`client` string"), "{ddl}");
}

#[test]
fn a_table_of_cf_logs_may_become_one_of_cf_logs_wide() {
    let folder = table(&[]);
    folder.converts(&["--schema", "cf_logs_wide"]);
    assert_eq!(folder.column("requestip"), json!(["192.0.2.1", "192.0.2.2"]));
    assert_eq!(folder.rows().iter().map(|row| row.cells.len()).collect::<Vec<_>>(), [29, 49]);
    refuses(&folder, &["--schema", "cf_logs"]);
}

#[test]
fn any_other_change_of_the_table_schema_is_refused() {
    let folder = table(&["--schema", "longer.toml"]);
    let changes = [
        ("missing.toml", SHORT.to_owned()),
        ("retyped.toml", SHORT.replace("bigint", "string") + CLIENT),
        ("renamed.toml", SHORT.replace("\"bytes\"", "\"octets\"") + CLIENT),
        ("reordered.toml", "name = \"short\"\n".to_owned() + CLIENT + &SHORT.replace("name = \"short\"", "")),
        ("other-field.toml", SHORT.replace("sc-bytes", "cs-bytes") + CLIENT),
    ];
    for (file, text) in changes {
        folder.write(file, text);
        refuses(&folder, &["--schema", file]);
    }
    refuses(&folder, &["--schema", "cf_logs"]);
}

#[test]
fn the_tables_own_schema_is_used_where_none_is_named() {
    let folder = table(&["--schema", "longer.toml"]);
    std::fs::remove_file(folder.path("longer.toml")).unwrap();
    assert_eq!(folder.converts(&[])["schema"], "short");
    assert_eq!(folder.column("client"), json!(["192.0.2.1", "192.0.2.2"]));
}

#[test]
fn the_field_list_is_remembered() {
    let folder = TestFolder::with_log("1715936400\t1\n");
    folder.converts(&["--fields", "timestamp sc-bytes", LEAN[0], LEAN[1]]);
    folder.add("new.log", "1715936400\t2\n");
    folder.converts(&[]);
    folder.add("newer.log", "3\t1715936400\n");
    folder.converts(&["--fields", "sc-bytes timestamp"]);
    assert_eq!(folder.column("bytes"), json!([1, 2, 3]));
}

#[test]
fn compression_and_limits_are_as_before_until_a_flag_says_otherwise() {
    let folder = table(&["--compression", "snappy", "--max-text-bytes", "200", LEAN[0], LEAN[1]]);
    folder.add("long.log", log("date time", &["2024-05-17 10:00:00"; 50]));
    folder.converts_but_some(&[]);
    folder.add("newest.log", log("date time", &["2024-05-17 11:00:00"; 50]));
    folder.converts(&["--compression", "none", "--max-text-bytes", "1MiB"]);
    let layouts: Vec<String> = folder.files("lake/cf_logs").values().map(|file| layout(file)).collect();
    for (layout, codec) in layouts.iter().zip(["snappy", "snappy", "uncompressed"]) {
        assert!(layout.contains(&format!("logdate: {codec}")), "{layout}");
    }
    assert_eq!(layouts.len(), 3);
}

#[test]
fn a_clock_that_is_behind_the_last_epoch_is_refused_unless_the_time_is_given() {
    let folder = table(&["--now", "2099-01-01T00:00:00Z", LEAN[0], LEAN[1]]);
    let ran = folder.only_looks(&["convert", "logs", "lake/cf_logs"], 1).says("2099-01-01T00:00:00Z");
    assert!(ran.stderr.contains("\nhint: set the clock") && ran.stderr.contains("`--now`"), "{}", ran.stderr);
    folder.converts(&["--now", "2025-01-01T00:00:00Z"]);
    // Where there is nothing to plan, none is wrong.
    folder.only_looks(&["convert", "logs", "lake/cf_logs"], 0);
}

#[test]
fn ddl_with_only_new_adds_the_partitions_of_later_epochs_alone() {
    let folder = table(&LEAN);
    folder.converts(&[]);
    let hours = |args: &[&str]| {
        let text = folder.run(&[&["ddl", "lake/cf_logs"], args].concat()).exits(0).stdout;
        let lines = text.lines().filter(|line| line.starts_with("PARTITION ("));
        lines.map(|line| line.split("`hour`='").nth(1).unwrap()[..2].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(hours(&[]), ["09", "10"]);
    assert_eq!(hours(&["--only-new", "0"]), ["09", "10"]);
    assert_eq!(hours(&["--only-new", "1"]), ["10"]);
    assert_eq!(hours(&["--only-new", "2"]), Vec::<String>::new());
    // A late row in a partition that is known adds none.
    folder.add("late.log", log("date time", &["2024-05-17 09:30:00", "2024-05-17 11:00:00"]));
    folder.converts(&[]);
    assert_eq!(hours(&["--only-new", "2"]), ["11"]);
}
