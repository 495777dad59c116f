//! Formats of logs: each is recognised by its first lines, and gives the same rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};

use crate::harness::{TestFolder, gzip, log, tabs};

const NAMES: &str = "date time x-edge-location sc-status c-ip x-host-header cs(Host)";
const ROWS: [&str; 2] = [
    "2024-05-17 10:00:00 DFW3 200 192.0.2.1 www.example.com d111111abcdef8.cloudfront.net",
    "2024-05-17 10:00:01 SEA19-C1 000 - www.example.com d111111abcdef8.cloudfront.net",
];

fn json_line(row: &str) -> String {
    let pairs = NAMES.split(' ').zip(row.split(' ')).map(|(name, cell)| (name.to_owned(), cell.into()));
    Value::Object(pairs.collect()).to_string()
}

/// Returns the same rows in all formats that are recognised, each with a name.
fn all_formats() -> Vec<(&'static str, String)> {
    let lines = |lines: Vec<String>| lines.join("\n") + "\n";
    let delimited = |names: String, delimiter: &str| {
        let rows = ROWS.iter().map(|row| row.replace(' ', delimiter));
        lines([vec![names], rows.collect()].concat())
    };
    vec![
        ("w3c", log(NAMES, &ROWS)),
        ("plain", lines([vec![tabs(NAMES)], ROWS.map(tabs).to_vec()].concat())),
        ("json", lines(ROWS.map(json_line).to_vec())),
        ("w3c-commas", delimited(format!("#Fields: {NAMES}"), ",")),
        ("w3c-all-pipes", delimited(format!("#Fields: {}", NAMES.replace(' ', "|")), "|")),
        ("plain-semicolons", delimited(NAMES.replace(' ', ";"), ";")),
        ("plain-blanks", delimited(NAMES.to_owned(), " ")),
        ("plain-colons", delimited(NAMES.replace(' ', "::"), "::")),
    ]
}

#[test]
fn a_run_may_mix_all_formats_and_each_gives_the_same_rows() {
    let folder = TestFolder::new();
    for (name, text) in all_formats() {
        folder.add(&format!("{name}.log"), &text);
        folder.add(&format!("{name}.gz"), gzip(&text));
    }
    let report = folder.converts(&["--schema", "cf_logs_wide"]);
    assert_eq!(report["rows"], all_formats().len() * 4);
    let mut rows = folder.rows();
    for row in &mut rows {
        row.cells.retain(|(column, _)| !["filename", "distribution"].contains(&column.as_str()));
    }
    for two in rows.chunks(2) {
        assert_eq!(two, &rows[..2]);
    }
    let [first, second] = &rows[..2] else { panic!("{rows:?}") };
    assert_eq!([first.get("status"), second.get("status")], [&json!(200), &json!(0)]);
    assert_eq!([first.get("requestip"), second.get("requestip")], [&json!("192.0.2.1"), &json!("-")]);
}

#[test]
fn json_logs_are_read_by_key_with_numbers_nulls_and_escapes() {
    let folder = TestFolder::with_log(concat!(
        r#"{"timestamp":1715940000,"DistributionId":"E2OWN","sc-bytes":"17","cs-uri-stem":"\/a%20b","x-new":"\u00e9"}"#,
        "\n",
        r#"{"timestamp(ms)":"1715940001250","c-ip":null,"sc-bytes":-5,"nested":{"a": [1, null]}}"#,
        "\n",
    ));
    folder.converts(&["--schema", "cf_logs_wide"]);
    assert_eq!(folder.column("bytes"), json!([17, -5]));
    assert_eq!(folder.column("uri"), json!(["/a%20b", null]));
    assert_eq!(folder.column("requestip"), json!([null, null]));
    assert_eq!(folder.column("logtime"), json!(["10:00:00", "10:00:01"]));
    assert_eq!(folder.column("distribution")[0], "E2OWN");
    assert_eq!(folder.column("extra"), json!([[["x-new", "é"]], [["nested", "{\"a\": [1, null]}"]]]));
}

#[test]
fn a_broken_json_line_is_rejected_with_its_place_and_its_text() {
    let good = json_line(ROWS[0]);
    let folder = TestFolder::with_log(format!("{good}\n{{\"date\":\n{good}\n"));
    let report = folder.converts(&[]);
    assert_eq!((&report["rows"], &report["rejects"]), (&json!(2), &json!({"bad-json": 1})));
    let rejects = folder.quarantine();
    assert_eq!((&rejects[0]["reason"], &rejects[0]["line"]), (&json!("bad-json"), &json!(2)));
    assert_eq!(rejects[0]["text"], "{\"date\":");
}

#[test]
fn a_delimiter_inside_a_cell_rejects_its_row_and_no_other() {
    let text =
        "#Fields: date time x-edge-location cs-uri-stem\n2024-05-17,10:00:00,DFW3,/a\n2024-05-17,10:00:01,DFW3,/a,b\n";
    let folder = TestFolder::with_log(text);
    let report = folder.converts(&[]);
    assert_eq!((&report["rows"], &report["rejects"]), (&json!(1), &json!({"wrong-cell-count": 1})));
    assert_eq!(folder.quarantine()[0]["reason"], "wrong-cell-count");
}

#[test]
fn large_objects_of_any_format_are_read_block_by_block() {
    let folder = TestFolder::new();
    for (name, text) in all_formats() {
        let lines: Vec<&str> = text.lines().collect();
        let (header, rows) = lines.split_at(lines.len() - ROWS.len());
        let rows = vec![rows[0]; 30_000];
        folder.add(&format!("{name}.log"), [header, &rows].concat().join("\n"));
    }
    let report = folder.converts(&["--partition-by", "year"]);
    assert_eq!((&report["rows"], &report["rejects"]), (&json!(all_formats().len() * 30_000), &json!({})));
}

#[test]
fn a_table_keeps_its_delimiter_and_format_until_they_are_found_again() {
    let header = "#Fields: date time x-edge-location\n";
    let folder = TestFolder::with_log(format!("{header}2024-05-17~~10:00:00~~DFW3\n"));
    folder.converts(&["--delimiter", "~~", "--format", "w3c"]);
    let settings = |epoch: u32| {
        let record = std::fs::read(folder.path(&format!("lake/cf_logs.lakefront/log/{epoch:010}.json"))).unwrap();
        serde_json::from_slice::<Value>(&record).unwrap()["settings"].clone()
    };
    assert_eq!([&settings(1)["delimiter"], &settings(1)["log_format"]], ["~~", "w3c"]);
    folder.add("second.log", format!("{header}2024-05-17~~10:00:01~~DFW4\n"));
    folder.converts(&[]);
    assert_eq!(settings(2)["delimiter"], "~~");
    folder.add("third.log", format!("{header}2024-05-17,10:00:02,DFW5\n"));
    folder.converts(&["--delimiter", "auto", "--format", "auto"]);
    assert_eq!([settings(3).get("delimiter"), settings(3).get("log_format")], [None, None]);
    assert_eq!(folder.column("location"), json!(["DFW3", "DFW4", "DFW5"]));
}

#[test]
fn an_object_that_failed_for_its_delimiter_is_converted_by_a_retry_with_it() {
    let folder = TestFolder::with_log("#Fields: date time x-edge-location\n2024-05-17~10:00:00~DFW3\n");
    folder.converts_with_failures(&[]);
    folder.run(&["retry", "lake/cf_logs", "--delimiter", "~", "--now", "2026-11-20T00:00:00Z"]).exits(0);
    assert_eq!(folder.column("location"), json!(["DFW3"]));
}

/// Returns a Parquet file of the rows, a number of times, with the names that CloudFront gives to columns.
fn parquet_file(times: usize) -> Vec<u8> {
    let column = |place: usize| {
        let cells = ROWS.iter().map(|row| row.split(' ').nth(place));
        Arc::new(std::iter::repeat_n(cells, times).flatten().collect::<StringArray>()) as ArrayRef
    };
    let names = ["date", "time", "x_edge_location", "sc_status", "c_ip", "x_host_header", "cs_host"];
    let columns = names.iter().enumerate().map(|(place, name)| (*name, column(place)));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

#[test]
fn parquet_logs_give_the_rows_of_the_same_log_as_text() {
    let folder = TestFolder::new();
    folder.add("text.log", log(NAMES, &ROWS));
    folder.add("delivered.parquet", parquet_file(1));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let mut rows = folder.rows();
    for row in &mut rows {
        row.cells.retain(|(column, _)| !["filename", "distribution"].contains(&column.as_str()));
    }
    assert_eq!((rows.len(), &rows[..2]), (4, &rows[2..]));
    let many = TestFolder::new();
    many.add("many", parquet_file(60_000));
    let report = many.converts(&["--threads", "2"]);
    assert_eq!((&report["rows"], &report["objects"]["converted"]), (&json!(120_000), &json!(1)));
}

#[test]
fn a_damaged_parquet_log_adds_no_row() {
    let folder = TestFolder::new();
    let file = parquet_file(1000);
    folder.add("good.parquet", &file);
    folder.add("cut.parquet", &file[..file.len() - 9]);
    let report = folder.converts_with_failures(&[]);
    assert_eq!((&report["rows"], &report["objects"]["failed"]), (&json!(2000), &json!(1)));
    assert_eq!(folder.quarantine()[0]["reason"], "parquet-corrupt");
}

#[test]
fn a_bucket_that_holds_its_own_table_does_not_convert_the_table() {
    for schema in ["cf_logs", "cf_logs_wide"] {
        let folder = TestFolder::with_log(log(NAMES, &ROWS));
        folder.converts(&["--schema", schema]);
        for (name, path) in folder.files("lake/cf_logs").into_iter().filter(|(name, _)| name.ends_with(".parquet")) {
            folder.add(&format!("copied/{name}"), std::fs::read(path).unwrap());
        }
        let report = folder.converts_with_failures(&[]);
        assert_eq!((&report["rows"], &report["objects"]["failed"]), (&json!(0), &json!(1)));
        let message = folder.quarantine()[0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("a data file of a lakefront table"), "{message}");
        assert_eq!(folder.rows().len(), 2);
    }
}
