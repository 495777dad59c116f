//! Settings of a table, and what a later run may change.

use serde_json::json;

use crate::harness::{LEAN, NOW, TestFolder, layout, log};

/// Creates a table of one row with these flags, and a new log.
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

/// Asserts that a conversion is refused as wrong usage, with a hint and the flag's name, and writes nothing.
fn refuses(folder: &TestFolder, args: &[&str]) {
    let ran = folder.writes_nothing(&[&["convert", "logs", "lake/cf_logs", "--now", NOW], args].concat(), 2);
    assert!(ran.stderr.contains(args[0]) && ran.stderr.contains("\nhint: "), "{}", ran.stderr);
}

#[test]
fn the_partition_columns_are_fixed() {
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
fn the_partition_columns_are_checked_without_new_logs_too() {
    let folder = TestFolder::of_two_tasks();
    refuses(&folder, &["--partition-by", "day"]);
    refuses(&folder, &["--schema", "cf_logs"]);
}

#[test]
fn another_table_schema_is_refused_even_if_it_only_has_more_columns() {
    let folder = table(&["--schema", "short.toml"]);
    refuses(&folder, &["--schema", "longer.toml"]);
    refuses(&folder, &["--schema", "longer.toml", "--dry-run"]);
    refuses(&folder, &["--schema", "cf_logs_wide"]);
    let ran = folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--schema", "longer.toml"], 2);
    let ran = ran.says("1 more columns, the first of them `client`").says("`--extend-schema`");
    assert!(ran.stderr.contains("\nhint: a new table with the same `--schema` keeps them"), "{}", ran.stderr);
    // The same schema again is accepted, under any file name, with other comments, and appends nothing.
    folder.write("same.toml", SHORT.replace("\n[[column]]", "description = \"as before\"\n\n[[column]]"));
    folder.write("renamed.toml", SHORT.replace("\"short\"", "\"other\""));
    for same in [&["short.toml"][..], &["same.toml"], &["renamed.toml"], &["short.toml", "--extend-schema"]] {
        folder.add(
            &format!("{}.log", same.len().to_string() + same[0]),
            log("date time sc-bytes", &["2024-05-17 12:00:00 9"]),
        );
        let ran = folder.convert(&[&["--schema"], same].concat()).exits(0);
        assert!(!ran.stderr.contains("more columns"), "{}", ran.stderr);
        assert_eq!(folder.report()["schema"], "short");
    }
    assert!(folder.rows().iter().all(|row| row.cells.len() == 1));
}

#[test]
fn a_retry_keeps_the_table_schema() {
    let folder = table(&["--schema", "short.toml"]);
    folder.add("bad.log", "no log");
    folder.converts_with_failures(&["--schema", "longer.toml", "--extend-schema"]);
    folder.write("logs/bad.log", "no log at all");
    folder.run(&["retry", "lake/cf_logs", "--now", NOW]).exits(3);
    let ddl = folder.run(&["ddl", "lake/cf_logs"]).exits(0).stdout;
    assert!(ddl.contains("`client` string"), "{ddl}");
}

#[test]
fn extend_schema_needs_a_schema_and_appends_nothing_to_a_new_table() {
    let folder = TestFolder::with_log(log("date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    folder.convert(&["--extend-schema"]).exits(2).says("--schema");
    let ran = folder.convert(&["--extend-schema", LEAN[0], LEAN[1]]).exits(0);
    assert!(!ran.stderr.contains("more columns"), "{}", ran.stderr);
}

#[test]
fn the_needs_of_readers_are_printed_when_columns_are_appended() {
    let folder = table(&["--schema", "short.toml"]);
    let extend = ["--schema", "longer.toml", "--extend-schema"];
    let dry = folder.writes_nothing(&[&["convert", "logs", "lake/cf_logs", "--dry-run"], &extend[..]].concat(), 0);
    assert!(dry.stdout.contains("1 columns would be appended: client"), "{}", dry.stdout);
    let ran = folder.convert(&[&extend[..], &["--quiet"]].concat()).exits(0);
    for part in [
        "1 columns are appended to the table, which cannot be undone: `client`",
        "union_by_name",
        "missing_columns",
        "ADD COLUMNS",
    ] {
        assert!(ran.stderr.contains(part), "`{part}` is not in {}", ran.stderr);
    }
    // After they were appended, nothing is printed.
    folder.add("newer.log", log("date time sc-bytes", &["2024-05-17 11:00:00 3"]));
    assert_eq!(folder.convert(&[&extend[..], &["--quiet"]].concat()).exits(0).stderr, "");
}

#[test]
fn without_new_logs_no_column_is_appended_and_the_run_says_so() {
    let folder = table(&["--schema", "short.toml"]);
    folder.converts(&[]);
    let extend = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--schema", "longer.toml", "--extend-schema"];
    folder.writes_nothing(&extend, 0).says("no column is appended");
    refuses(&folder, &["--schema", "longer.toml"]);
}

#[test]
fn ddl_adds_the_columns_that_were_appended_to_a_table() {
    let folder = table(&["--schema", "short.toml"]);
    let ddl = |args: &[&str]| {
        folder.run(&[&["ddl", "lake/cf_logs", "--location", "s3://b/t"], args].concat()).exits(0).stdout
    };
    assert!(!ddl(&[]).contains("ADD COLUMNS"));
    folder.converts(&["--schema", "longer.toml", "--extend-schema"]);
    folder.write(
        "longest.toml",
        SHORT.to_owned() + CLIENT + &CLIENT.replace("client", "host").replace("c-ip", "cs(Host)"),
    );
    folder.add("newer.log", log("date time sc-bytes", &["2024-05-17 11:00:00 3"]));
    folder.converts(&["--schema", "longest.toml", "--extend-schema"]);
    let text = ddl(&["--database", "d"]);
    let statements: Vec<&str> = text.split_terminator(";\n").collect();
    // All columns are in the first statement. Columns that older tables lack are in comments, so that all statements
    // can be run again.
    assert!(statements[0].starts_with("CREATE EXTERNAL TABLE") && statements[0].contains("`host` string"), "{text}");
    assert_eq!(statements.len(), 2, "{text}");
    let comments: Vec<&str> = statements[1].lines().take_while(|line| line.starts_with("-- ")).collect();
    assert_eq!(
        comments,
        [
            "-- If the table was created before epoch 2, run this once, and no other of these (Hive: with CASCADE at its end):",
            "-- ALTER TABLE `d`.`cf_logs` ADD COLUMNS (",
            "--   `client` string,",
            "--   `host` string",
            "-- )",
            "-- If the table was created from epoch 2 on and before epoch 3, run this once, and no other of these (Hive: with CASCADE at its end):",
            "-- ALTER TABLE `d`.`cf_logs` ADD COLUMNS (",
            "--   `host` string",
            "-- )",
        ]
    );
    // From a given epoch on, columns that were added since are a statement, before the partitions that need it.
    let news = ddl(&["--only-new", "2"]);
    let statements: Vec<&str> = news.split_terminator(";\n").collect();
    assert_eq!(statements[1], "ALTER TABLE `cf_logs` ADD COLUMNS (\n  `host` string\n)", "{news}");
    assert!(statements[2].contains("ADD IF NOT EXISTS") && statements[2].contains("`hour`='11'"), "{news}");
    assert!(ddl(&["--only-new", "1"]).contains("ADD COLUMNS (\n  `client` string,\n  `host` string\n)"));
    assert!(!ddl(&["--only-new", "3"]).contains("ADD COLUMNS"));
    let projected = ddl(&["--projection"]);
    assert!(projected.contains("-- ALTER TABLE") && projected.matches(";\n").count() == 1, "{projected}");
}

#[test]
fn a_hint_names_fields_that_only_a_new_table_could_keep() {
    let folder = TestFolder::with_log(log("date time sc-bytes x-new-field", &["2024-05-17 09:00:00 1 x"]));
    folder.convert(&[]).exits(0).says("a new table with `--schema cf_logs_wide` keeps them");
}

#[test]
fn columns_may_be_appended_to_a_table_schema() {
    let folder = table(&["--schema", "short.toml"]);
    folder.converts(&["--schema", "longer.toml", "--extend-schema"]);
    let rows = folder.rows();
    assert_eq!(rows[0].cells.len(), 1);
    assert_eq!(rows[1].get("client"), "192.0.2.2");
    // From then on the longer schema is the table's.
    folder.add("newer.log", log("date time sc-bytes c-ip", &["2024-05-17 11:00:00 3 192.0.2.3"]));
    folder.converts(&[]);
    assert_eq!(folder.rows()[2].get("client"), "192.0.2.3");
    refuses(&folder, &["--schema", "short.toml"]);
    refuses(&folder, &["--schema", "short.toml", "--extend-schema"]);
    let ddl = folder.run(&["ddl", "lake/cf_logs"]).exits(0).stdout;
    assert!(ddl.contains("`bytes` bigint") && ddl.contains("`client` string"), "{ddl}");
}

#[test]
fn a_table_of_cf_logs_may_become_one_of_cf_logs_wide() {
    let folder = table(&[]);
    refuses(&folder, &["--schema", "cf_logs_wide"]);
    folder.converts(&["--schema", "cf_logs_wide", "--extend-schema"]);
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
        ("plain.toml", SHORT.to_owned() + CLIENT + "dictionary = false\n"),
        ("decoded.toml", SHORT.to_owned() + CLIENT + "decode = \"percent\"\n"),
        ("between.toml", SHORT.to_owned() + &CLIENT.replace("client", "host").replace("c-ip", "cs(Host)") + CLIENT),
    ];
    for (file, text) in changes {
        folder.write(file, text);
        refuses(&folder, &["--schema", file]);
        refuses(&folder, &["--schema", file, "--extend-schema"]);
    }
    refuses(&folder, &["--schema", "cf_logs"]);
}

#[test]
fn the_tables_schema_is_used_if_none_is_named() {
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
fn compression_and_limits_stay_unless_a_flag_changes_them() {
    let folder = table(&["--compression", "snappy", "--max-text-bytes", "200", LEAN[0], LEAN[1]]);
    folder.add("long.log", log("date time", &["2024-05-17 10:00:00"; 50]));
    folder.converts_with_failures(&[]);
    folder.add("newest.log", log("date time", &["2024-05-17 11:00:00"; 50]));
    folder.converts(&["--compression", "none", "--max-text-bytes", "1MiB"]);
    let layouts: Vec<String> = folder.files("lake/cf_logs").values().map(|file| layout(file)).collect();
    for (layout, codec) in layouts.iter().zip(["snappy", "snappy", "uncompressed"]) {
        assert!(layout.contains(&format!("logdate: {codec}")), "{layout}");
    }
    assert_eq!(layouts.len(), 3);
}

#[test]
fn a_clock_before_the_last_epoch_is_refused_unless_the_time_is_given() {
    let folder = table(&["--now", "2099-01-01T00:00:00Z", LEAN[0], LEAN[1]]);
    let ran = folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 1).says("2099-01-01T00:00:00Z");
    assert!(ran.stderr.contains("\nhint: set the clock") && ran.stderr.contains("`--now`"), "{}", ran.stderr);
    folder.converts(&["--now", "2025-01-01T00:00:00Z"]);
    // Without anything to plan, the clock does not matter.
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs"], 0);
}

#[test]
fn ddl_with_only_new_adds_only_the_partitions_of_later_epochs() {
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
    // A late row in a known partition adds none.
    folder.add("late.log", log("date time", &["2024-05-17 09:30:00", "2024-05-17 11:00:00"]));
    folder.converts(&[]);
    assert_eq!(hours(&["--only-new", "2"]), ["11"]);
}
