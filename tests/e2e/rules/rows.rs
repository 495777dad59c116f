//! Rows, lines that are not rows, and rejects.

use serde_json::{Value, json};

use crate::harness::{TestFolder, gzip, log, standard_log, tabs};

const MIB: usize = 1 << 20;

#[test]
fn comments_and_blank_lines_are_not_rows() {
    let text =
        "\n \t \n#Fields: date time sc-bytes\n\t\t\n2024-05-17\t10:00:00\t1\n\r\n#2024-05-17\t10:00:00\t2\n\t\r\r\n";
    let folder = TestFolder::with_log(text);
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1]));
    assert_eq!((&report["comments"], &report["blanks"], &report["lines"]), (&2.into(), &5.into(), &8.into()));
}

#[test]
fn crlf_is_a_line_end() {
    let folder = TestFolder::with_log(log("date time c-ip", &["2024-05-17 10:00:00 192.0.2.1"]).replace('\n', "\r\n"));
    folder.converts(&[]);
    assert_eq!(folder.column("requestip"), json!(["192.0.2.1"]));
}

#[test]
fn a_single_cr_is_not_a_line_end() {
    let folder = TestFolder::with_log("#Fields: date time c-ip cs-method\n2024-05-17\t10:00:00\ta\rb\tGET\n");
    let report = folder.converts(&[]);
    assert_eq!((folder.column("requestip"), folder.column("method")), (json!(["a\rb"]), json!(["GET"])));
    assert_eq!(report["lines"], 2);
}

#[test]
fn a_byte_order_mark_at_the_very_start_is_skipped() {
    let folder = TestFolder::new();
    let text = "\u{feff}".to_owned() + &log("date time sc-bytes", &["2024-05-17 10:00:00 1"]);
    folder.add("a.gz", gzip(&text));
    folder.add("b.log", &text);
    folder.add("c.log", "\u{feff}".to_owned() + &crate::harness::era_row(12));
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 1, 1501]));
}

#[test]
fn a_last_line_without_a_line_end_counts() {
    let folder =
        TestFolder::with_log(log("date time sc-bytes", &["2024-05-17 10:00:00 1"]) + "2024-05-17\t10:00:01\t2");
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2]));
    assert_eq!(report["lines"], 4);
}

/// Returns a row of exactly this many bytes.
fn row_of(bytes: usize) -> String {
    let start = "2024-05-17\t10:00:00\t";
    start.to_owned() + &"x".repeat(bytes - start.len())
}

#[test]
fn a_line_of_1_mib_is_a_row_and_one_more_byte_is_rejected() {
    let lines = [&row_of(MIB), &row_of(MIB + 1), &row_of(50), &(row_of(MIB) + "\r")].map(|line| format!("{line}\n"));
    let folder = TestFolder::with_log("#Fields: date time cs-uri-stem\n".to_owned() + &lines.concat());
    let report = folder.converts(&[]);
    let lengths: Vec<usize> = folder.rows().iter().map(|row| row.get("uri").as_str().unwrap().len()).collect();
    assert_eq!(lengths, [MIB - 20, 30, MIB - 20]);
    assert_eq!(report["rejects"], json!({"line-too-long": 1}));
    let entry = &folder.quarantine()[0];
    assert_eq!((&entry["line"], &entry["byte"]), (&3.into(), &(31 + MIB + 1).into()));
    assert_eq!(entry["line_bytes"], MIB + 1);
    assert_eq!(entry["text"].as_str().unwrap(), &row_of(MIB)[..64 * 1024]);
}

#[test]
fn a_line_that_is_longer_than_any_buffer_is_the_only_reject() {
    let lines = [row_of(60), row_of(20 * MIB), row_of(70)].join("\n");
    let folder = TestFolder::with_log(gzip("#Fields: date time cs-uri-stem\n".to_owned() + &lines));
    let report = folder.converts(&[]);
    assert_eq!((&report["rows"], &report["rejects"]), (&2.into(), &json!({"line-too-long": 1})));
    let entry = &folder.quarantine()[0];
    assert_eq!((&entry["line"], &entry["byte"], &entry["line_bytes"]), (&3.into(), &92.into(), &(20 * MIB).into()));
}

#[test]
fn extra_cells_are_dropped_and_counted() {
    let folder =
        TestFolder::with_log("#Fields: date time sc-bytes\n2024-05-17\t10:00:00\t1\t\n2024-05-17\t10:00:00\t2\ta\tb\n");
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2]));
    assert_eq!(report["rows_with_extra_cells"], 2);
}

#[test]
fn missing_cells_are_null_and_counted_as_padded_rows() {
    let rows = ["2024-05-17 10:00:00", "2024-05-17 10:00:00 1", "2024-05-17 10:00:00 2 GET"];
    let folder = TestFolder::with_log(log("date time sc-bytes cs-method", &rows));
    let report = folder.converts(&[]);
    assert_eq!((folder.column("bytes"), folder.column("method")), (json!([null, 1, 2]), json!([null, null, "GET"])));
    assert_eq!(report["padded_rows"], 2);
}

/// Converts rows after a good one, and returns the reasons of the rejected ones, in order.
fn reasons(fields: &str, rows: &[&str]) -> Vec<String> {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 10:00:00"]) + &log(fields, rows));
    let report = folder.converts(&[]);
    let entries = folder.quarantine();
    assert_eq!(report["rows"], 1 + rows.len() - entries.len());
    entries.iter().map(|entry| entry["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_row_without_any_time_is_rejected() {
    assert_eq!(reasons("c-ip sc-bytes", &["192.0.2.1 1"]), ["no-time"]);
    let rows = ["- 10:00:00 -", "2024-05-17 - -", "2024-05-17", "- - x", "2024-05-17 10:00:00 -"];
    assert_eq!(reasons("date time timestamp", &rows), ["no-time"; 4]);
}

#[test]
fn an_invalid_date_is_rejected() {
    let rows = [
        "2024-02-30 10:00:00",
        "2023-02-29 10:00:00",
        "2024-13-01 10:00:00",
        "2024-5-17 10:00:00",
        "17.05.2024 10:00:00",
        "2024-02-29 10:00:00",
    ];
    assert_eq!(reasons("date time", &rows), ["bad-date"; 5]);
}

#[test]
fn an_invalid_time_and_a_leap_second_are_rejected() {
    let rows =
        ["2024-05-17 24:00:00", "2016-12-31 23:59:60", "2024-05-17 10:00", "2024-05-17 1:00:00", "2024-05-17 23:59:59"];
    assert_eq!(reasons("date time", &rows), ["bad-time"; 4]);
}

#[test]
fn a_timestamp_does_not_replace_an_invalid_date_and_time() {
    assert_eq!(reasons("date time timestamp", &["2024-02-30 10:00:00 1715940000"]), ["bad-date"]);
}

#[test]
fn a_timestamp_replaces_an_absent_date_or_time() {
    let rows =
        ["- 10:00:00 1715940000000 1", "2024-05-17 - - 1715940000.5", "2024-05-17 10:00:00 x x", "- - x 1715940000"];
    let folder = TestFolder::with_log(log("date time timestamp(ms) timestamp", &rows));
    folder.converts(&[]);
    assert_eq!(folder.column("logtime"), json!(["10:00:00"; 4].to_vec()));
    assert_eq!(folder.column("logdate"), json!(["2024-05-17"; 4].to_vec()));
}

#[test]
fn rows_before_november_2008_are_rejected() {
    let rows = ["2008-10-31 23:59:59", "2008-11-01 00:00:00", "1970-01-01 00:00:00", "0000-01-01 00:00:00"];
    let reasons = reasons("date time", &rows);
    assert_eq!(reasons[..2], ["out-of-range", "out-of-range"]);
    assert!(["out-of-range", "bad-date"].contains(&reasons[2].as_str()), "{reasons:?}");
}

#[test]
fn rows_more_than_a_day_after_the_plan_are_rejected() {
    let rows = ["2024-05-18 10:00:00", "2024-05-18 10:00:01", "9999-12-31 23:59:59"];
    let folder = TestFolder::with_log(log("date time", &rows));
    let report = folder.converts(&["--now", "2024-05-17T10:00:00Z"]);
    assert_eq!((&report["rows"], &report["rejects"]), (&1.into(), &json!({"out-of-range": 2})));
}

#[test]
fn a_rejected_row_is_kept_whole_with_its_object_line_byte_and_reason() {
    let text = log("date time cs-uri-stem", &["2024-05-17 10:00:00 /a", "2024-02-30 10:00:00 /%20\"ä"]);
    let folder = TestFolder::new();
    folder.add("deep/E1EXAMPLE.2024-05-17-10.a.gz", gzip(&text));
    let report = folder.converts(&[]);
    assert_eq!(report["rejects"], json!({"bad-date": 1}));
    let expected = json!({
        "object": folder.object("deep/E1EXAMPLE.2024-05-17-10.a.gz"),
        "line": 4,
        "byte": text.find("2024-02-30").unwrap(),
        "reason": "bad-date",
        "text": "2024-02-30\t10:00:00\t/%20\"ä",
    });
    assert_eq!(folder.quarantine(), [expected]);
    assert_eq!(folder.tree("lake/cf_logs.lakefront/quarantine"), ["0000000001/00000.jsonl.gz"]);
}

#[test]
fn a_rejected_row_that_is_not_utf_8_is_kept_as_base64() {
    let good = b"2024-05-17\t10:00:00\t/\n";
    let folder = TestFolder::with_log([&b"#Fields: date time cs-uri-stem\nx\ty\t\xff\n"[..], good].concat());
    folder.converts(&[]);
    let entry = &folder.quarantine()[0];
    assert_eq!((&entry["base64"], &entry["text"]), (&"eAl5Cf8=".into(), &Value::Null));
}

#[test]
fn rejected_rows_alone_are_a_warning_and_exit_0() {
    let folder = TestFolder::with_log(log("date time", &["x y", "2024-05-17 10:00:00"]));
    let ran = folder.convert(&[]).exits(0).says("1 bad-date").says("warning");
    assert!(ran.stderr.contains("cf_logs.lakefront/quarantine"), "{}", ran.stderr);
}

#[test]
fn rows_are_never_deduplicated() {
    let row: &[(&str, &str)] = &[];
    let folder = TestFolder::new();
    folder.add("a.gz", gzip(standard_log(&[row, row])));
    folder.add("b.gz", gzip(standard_log(&[row])));
    folder.converts(&[]);
    assert_eq!(folder.rows().len(), 3);
}

#[test]
fn rows_are_ordered_by_object_and_then_by_line() {
    let folder = TestFolder::new();
    let rows =
        |bytes: &[&str]| bytes.iter().map(|bytes| tabs(&format!("2024-05-17 10:00:00 {bytes}\n"))).collect::<String>();
    for (key, bytes) in [("b.log", ["9", "1"]), ("a/z.log", ["8", "2"]), ("B.log", ["7", "3"]), ("a.log", ["6", "4"])] {
        folder.add(key, "#Fields: date time sc-bytes\n".to_owned() + &rows(&bytes));
    }
    folder.converts(&[]);
    assert_eq!(
        folder.column("filename"),
        json!(["B.log", "B.log", "a.log", "a.log", "a/z.log", "a/z.log", "b.log", "b.log"])
    );
    assert_eq!(folder.column("bytes"), json!([7, 3, 6, 4, 8, 2, 9, 1]));
}

#[test]
fn a_schema_with_the_line_identifies_the_line_of_the_log() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 10:00:00", "x y", "2024-05-17 10:00:02"]));
    folder.write("lines.toml", "name = \"lines\"\n[[column]]\nname = \"line\"\ntype = \"bigint\"\nderive = \"line\"\n");
    folder.converts(&["--schema", "lines.toml"]);
    assert_eq!(folder.column("line"), json!([3, 5]));
}
