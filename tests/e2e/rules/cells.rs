//! Values of cells: text as logged, numbers, NULL.

use serde_json::{Value, json};

use crate::harness::{TestFolder, log};

/// Converts one cell per row of `field` to `column` of `cf_logs_wide`. Returns the cells and the number of nulled ones.
fn convert_cells(field: &str, column: &str, cells: &[&str]) -> (Value, Value) {
    let rows: Vec<String> = cells.iter().map(|cell| format!("2024-05-17\t10:00:00\t{cell}")).collect();
    let text = format!("#Fields: date time {field}\n{}\n", rows.join("\n"));
    let folder = TestFolder::with_log(text);
    let report = folder.converts(&["--schema", "cf_logs_wide"]);
    (folder.column(column), report["nulled_cells"][column].clone())
}

#[test]
fn strings_stay_as_logged() {
    let cells = ["/a%20b%2520c+d", "-", "%FF", "a,\\x20b", "x y"];
    let (got, _) = convert_cells("cs-uri-stem", "uri", &cells);
    assert_eq!(got, json!(cells));
}

#[test]
fn a_field_that_the_header_does_not_have_is_null() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 10:00:00"]));
    let report = folder.converts(&["--schema", "cf_logs_wide"]);
    let row = folder.rows().remove(0);
    for column in ["location", "bytes", "useragent", "timetakenseconds", "cport", "country"] {
        assert_eq!(row.get(column), &Value::Null, "{column}");
    }
    assert_eq!((&report["padded_rows"], &report["nulled_cells"]), (&0.into(), &json!({})));
}

#[test]
fn an_empty_cell_stays_empty() {
    let folder = TestFolder::with_log("#Fields: date time c-ip cs-method\n2024-05-17\t10:00:00\t\tGET\n");
    folder.converts(&[]);
    assert_eq!((folder.column("requestip"), folder.column("method")), (json!([""]), json!(["GET"])));
}

#[test]
fn a_hyphen_or_nothing_is_null_in_a_number_column_and_not_counted() {
    for (field, column) in [("sc-bytes", "bytes"), ("c-port", "cport"), ("time-taken", "timetakenseconds")] {
        let folder = TestFolder::with_log(format!(
            "#Fields: date time {field} c-ip\n2024-05-17\t10:00:00\t-\tx\n2024-05-17\t10:00:00\t\tx\n"
        ));
        let report = folder.converts(&["--schema", "cf_logs_wide"]);
        assert_eq!(folder.column(column), json!([null, null]), "{field}");
        assert_eq!(report["nulled_cells"], json!({}), "{field}");
    }
}

#[test]
fn a_bigint_is_digits_with_a_sign_and_its_fraction_cut_off_towards_zero() {
    let cells = [
        "0",
        "000",
        "512",
        "+7",
        "-7",
        "570129.76",
        "0.217",
        "-1.9",
        "5.",
        ".5",
        "9223372036854775807",
        "-9223372036854775808",
    ];
    let (got, nulled) = convert_cells("sc-bytes", "bytes", &cells);
    assert_eq!(got, json!([0, 0, 512, 7, -7, 570_129, 0, -1, 5, 0, i64::MAX, i64::MIN]));
    assert_eq!(nulled, Value::Null);
}

#[test]
fn a_cell_that_is_not_a_bigint_is_null_and_counted_and_the_row_stays() {
    let cells =
        ["12x", "1e3", " 7", "7 ", "NaN", "inf", "1,000", "0x1f", "+", ".", "--1", "9223372036854775808", "1.2.3"];
    let (got, nulled) = convert_cells("sc-bytes", "bytes", &cells);
    assert_eq!(got, json!(vec![Value::Null; cells.len()]));
    assert_eq!(nulled, json!(cells.len()));
}

#[test]
fn an_int_over_32_bits_is_null() {
    let (got, nulled) = convert_cells("c-port", "cport", &["65535", "2147483647", "2147483648", "-2147483649", "80.9"]);
    assert_eq!(got, json!([65535, 2_147_483_647, null, null, 80]));
    assert_eq!(nulled, json!(2));
}

#[test]
fn a_double_may_have_an_exponent_but_is_never_infinite() {
    let cells =
        ["0.217", "3", "-1.5", "+2.5E-1", "1e3", "1e400", "NaN", "inf", "infinity", " 1", "1e", "0x1p3", "5.", ".5"];
    let (got, nulled) = convert_cells("time-taken", "timetakenseconds", &cells);
    assert_eq!(got, json!([0.217, 3.0, -1.5, 0.25, 1000.0, null, null, null, null, null, null, null, 5.0, 0.5]));
    assert_eq!(nulled, json!(7));
}

#[test]
fn nulled_cells_are_counted_for_each_column_and_reported() {
    let rows = ["2024-05-17 10:00:00 x 200", "2024-05-17 10:00:00 y 2OO", "2024-05-17 10:00:00 5 200"];
    let folder = TestFolder::with_log(log("date time sc-bytes sc-status", &rows));
    let ran = folder.convert(&[]).exits(0).says("2 bytes").says("1 status");
    assert_eq!(folder.report()["nulled_cells"], json!({"bytes": 2, "status": 1}), "{}", ran.stderr);
    assert_eq!(folder.rows().len(), 3);
}

const DECODED: &str = r#"
name = "decoded"
[[column]]
name = "uri"
type = "string"
field = "cs-uri-stem"
decode = "percent"
[[column]]
name = "as_logged"
type = "string"
field = "cs-uri-stem"
"#;

#[test]
fn a_user_schema_may_request_exactly_one_percent_decoding() {
    let cells = ["/a%20b", "/a%2520b", "a+b", "-", "100%", "%zz%4", "%e4%C3%A4", "%09%0A"];
    let rows: Vec<String> = cells.iter().map(|cell| format!("2024-05-17 10:00:00 {cell}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let folder = TestFolder::with_log(log("date time cs-uri-stem", &rows));
    folder.write("decoded.toml", DECODED);
    let report = folder.converts(&["--schema", "decoded.toml"]);
    let expected = json!(["/a b", "/a%20b", "a+b", "-", "100%", "%zz%4", "\u{fffd}ä", "\t\n"]);
    assert_eq!(folder.column("uri"), expected);
    assert_eq!(folder.column("as_logged"), json!(cells));
    assert_eq!(report["lossy_cells"], 1);
}

#[test]
fn input_that_is_not_utf_8_is_decoded_lossily_and_counted_and_the_row_stays() {
    let header = b"#Fields: date time cs-uri-stem cs-method\n";
    let rows = [&b"2024-05-17\t10:00:00\t/a\xffb\tGET\n"[..], b"2024-05-17\t10:00:01\t/\xc3\xa4\tGET\n"].concat();
    let folder = TestFolder::with_log([&header[..], &rows].concat());
    let report = folder.converts(&[]);
    assert_eq!(folder.column("uri"), json!(["/a\u{fffd}b", "/ä"]));
    assert_eq!(report["lossy_cells"], 1);
}
