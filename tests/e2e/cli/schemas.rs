//! `lakefront schema`, and schema files of users.

use serde_json::json;

use crate::harness::{TestFolder, layout, standard_log};

/// Creates a table of one row with this table schema.
fn table_of(schema: &str, text: Option<&str>) -> TestFolder {
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    if let Some(text) = text {
        folder.write(schema, text);
    }
    folder.converts(&["--schema", schema]);
    folder
}

/// Returns the bytes and the layout of its only data file.
fn data_file(folder: &TestFolder) -> (Vec<u8>, String) {
    let files = folder.files("lake/cf_logs");
    let path = files.values().next().unwrap();
    (std::fs::read(path).unwrap(), layout(path))
}

#[test]
fn without_a_name_all_schemas_are_listed() {
    let text = TestFolder::new().run(&["schema"]).exits(0).stdout;
    let names: Vec<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, ["cf_logs", "cf_logs_wide"]);
}

#[test]
fn a_printed_schema_is_a_schema_file_that_makes_the_same_table() {
    for name in ["cf_logs", "cf_logs_wide"] {
        let printed = TestFolder::new().run(&["schema", name]).exits(0).stdout;
        let again = TestFolder::new();
        again.write("mine.toml", &printed);
        assert_eq!(again.run(&["schema", "mine.toml"]).exits(0).stdout, printed, "{name}");
        assert!(data_file(&table_of("mine.toml", Some(&printed))) == data_file(&table_of(name, None)), "{name}");
    }
}

#[test]
fn a_schema_is_printed_as_arrow_fields() {
    let text = TestFolder::new().run(&["schema", "cf_logs_wide", "--format", "arrow"]).exits(0).stdout;
    assert_eq!(text.lines().count(), 49);
    assert!(text.starts_with("logdate: Date32"), "{text}");
    assert!(text.contains("\ncport: Int32\n") && text.contains("\ntimetakenseconds: Float64\n"), "{text}");
}

#[test]
fn a_schema_is_printed_as_sql_columns() {
    let text = TestFolder::new().run(&["schema", "cf_logs", "--format", "sql"]).exits(0).stdout;
    assert_eq!(text.lines().count(), 29);
    assert!(text.starts_with("`logdate` date,\n`logtime` string,\n`location` string,\n`bytes` bigint,\n"), "{text}");
    assert!(text.ends_with("`distribution` string\n"), "{text}");
}

const MINE: &str = r#"
name = "requests"
description = "What our dashboards need"

[[column]]
name = "client"
type = "string"
field = "c-ip"

[[column]]
name = "day_utc"
type = "date"
derive = "date"

[[column]]
name = "seconds"
type = "double"
field = "time-taken"

[[column]]
name = "status_code"
type = "int"
field = "sc-status"

[[column]]
name = "status_text"
type = "string"
field = "sc-status"
"#;

#[test]
fn a_schema_of_a_user_may_omit_rename_reorder_and_retype_columns() {
    let folder = table_of("mine.toml", Some(MINE));
    let row = folder.rows().remove(0);
    let expected = [
        ("client", json!("192.0.2.10")),
        ("day_utc", json!("2024-05-17")),
        ("seconds", json!(0.217)),
        ("status_code", json!(200)),
        ("status_text", json!("200")),
    ];
    let expected: Vec<_> = expected.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect();
    assert_eq!(row.cells, expected);
}

#[test]
fn a_schema_of_a_user_has_its_own_ddl() {
    let folder = table_of("mine.toml", Some(MINE));
    let text = folder.run(&["ddl", "lake/cf_logs", "--schema", "mine.toml", "--location", "s3://b/t"]).exits(0).stdout;
    assert!(
        text.contains("`client` string,\n  `day_utc` date,\n  `seconds` double,\n  `status_code` int,\n"),
        "{text}"
    );
}

#[test]
fn a_field_that_cloudfront_is_not_known_to_log_is_warned_about() {
    let text = MINE.replace("\"c-ip\"", "\"c-pi\"");
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    folder.write("mine.toml", text);
    folder.run(&["schema", "mine.toml"]).exits(0).says("`c-pi`");
    folder.convert(&["--schema", "mine.toml"]).exits(0).says("`c-pi`");
    assert_eq!(folder.column("client"), json!([null]));
}

#[test]
fn a_mistake_in_a_schema_file_is_reported_with_its_line_and_key() {
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    let mistakes = [
        ("\"double\"", "\"decimal\"", "mine.toml:17: key `type`: `decimal`"),
        ("derive = \"date\"", "derive = \"day\"", "mine.toml:13: key `derive`: `day`"),
        ("name = \"seconds\"", "name = \"Seconds\"", "mine.toml:16: key `name`: `Seconds`"),
        ("name = \"seconds\"", "name = \"hour\"", "mine.toml:16: key `name`: `hour`"),
        ("name = \"seconds\"", "name = \"client\"", "mine.toml:16: key `name`: `client`"),
        ("name = \"requests\"", "", "key `name`: missing"),
        ("field = \"c-ip\"", "feild = \"c-ip\"", "mine.toml:8: key `feild`"),
        ("field = \"c-ip\"", "field = 7", "mine.toml:8: key `field`: expected text, got a number"),
        ("field = \"c-ip\"", "field = \"c-ip", "mine.toml:8: not valid TOML"),
    ];
    for (right, wrong, says) in mistakes {
        folder.write("mine.toml", MINE.replace(right, wrong));
        folder.convert(&["--schema", "mine.toml"]).exits(2).says(says).says("\nhint: ");
        folder.run(&["schema", "mine.toml"]).exits(2).says(says);
    }
}

#[test]
fn a_missing_schema_file_is_named() {
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    folder.convert(&["--schema", "nowhere/mine.toml"]).exits(2).says("nowhere/mine.toml");
    folder.run(&["schema", "cf_log"]).exits(2).says("`cf_log`").says("`cf_logs`");
}
