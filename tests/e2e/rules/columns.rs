//! Columns of `cf_logs` and `cf_logs_wide`: names, types, sources.

use serde_json::{Value, json};

use crate::harness::{STANDARD, TestFolder, log, schema, standard_log, standard_row};

/// Returns names and Parquet types of the first data file's columns.
fn parquet_columns(folder: &TestFolder) -> Vec<String> {
    let files = folder.files("lake/cf_logs");
    let text = schema(files.values().next().unwrap());
    let indented = text.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    indented.map(|line| line.trim().trim_end_matches(';').to_owned()).filter(|line| line != "}").collect()
}

const CF_LOGS: [&str; 29] = [
    "REQUIRED INT32 logdate (DATE)",
    "REQUIRED BYTE_ARRAY logtime (STRING)",
    "OPTIONAL BYTE_ARRAY location (STRING)",
    "OPTIONAL INT64 bytes",
    "OPTIONAL BYTE_ARRAY requestip (STRING)",
    "OPTIONAL BYTE_ARRAY method (STRING)",
    "OPTIONAL BYTE_ARRAY host (STRING)",
    "OPTIONAL BYTE_ARRAY uri (STRING)",
    "OPTIONAL INT64 status",
    "OPTIONAL BYTE_ARRAY referrer (STRING)",
    "OPTIONAL BYTE_ARRAY useragent (STRING)",
    "OPTIONAL BYTE_ARRAY uriquery (STRING)",
    "OPTIONAL BYTE_ARRAY cookie (STRING)",
    "OPTIONAL BYTE_ARRAY resulttype (STRING)",
    "OPTIONAL BYTE_ARRAY requestid (STRING)",
    "OPTIONAL BYTE_ARRAY header (STRING)",
    "OPTIONAL BYTE_ARRAY csprotocol (STRING)",
    "OPTIONAL BYTE_ARRAY csbytes (STRING)",
    "OPTIONAL INT64 timetaken",
    "OPTIONAL BYTE_ARRAY forwardedfor (STRING)",
    "OPTIONAL BYTE_ARRAY sslprotocol (STRING)",
    "OPTIONAL BYTE_ARRAY sslcipher (STRING)",
    "OPTIONAL BYTE_ARRAY responseresulttype (STRING)",
    "OPTIONAL BYTE_ARRAY protocolversion (STRING)",
    "OPTIONAL BYTE_ARRAY browserfamily (STRING)",
    "OPTIONAL BYTE_ARRAY osfamily (STRING)",
    "OPTIONAL BYTE_ARRAY isbot (STRING)",
    "OPTIONAL BYTE_ARRAY filename (STRING)",
    "OPTIONAL BYTE_ARRAY distribution (STRING)",
];

/// Nullability depends on the table schema; names, types and order are fixed.
fn without_repetition(columns: &[impl AsRef<str>]) -> Vec<&str> {
    columns.iter().map(|column| column.as_ref().split_once(' ').unwrap().1).collect()
}

#[test]
fn cf_logs_has_the_29_columns_of_the_original_in_order() {
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    folder.converts(&[]);
    assert_eq!(without_repetition(&parquet_columns(&folder)), without_repetition(&CF_LOGS));
}

#[test]
fn cf_logs_wide_has_the_same_29_columns_first_and_then_all_others_typed() {
    let folder = TestFolder::with_log(standard_log(&[&[]]));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let columns = parquet_columns(&folder);
    let columns = without_repetition(&columns);
    assert_eq!(columns[..29], without_repetition(&CF_LOGS));
    let wide = [
        "INT64 requesttime (TIMESTAMP(MICROS,true))",
        "DOUBLE timetakenseconds",
        "INT64 csbytescount",
        "BYTE_ARRAY flestatus (STRING)",
        "INT64 fleencryptedfields",
        "INT32 cport",
        "DOUBLE timetofirstbyte",
        "BYTE_ARRAY detailedresulttype (STRING)",
        "BYTE_ARRAY contenttype (STRING)",
        "INT64 contentlength",
        "INT64 rangestart",
        "INT64 rangeend",
        "DOUBLE originfbl",
        "DOUBLE originlbl",
        "INT64 asn",
        "BYTE_ARRAY country (STRING)",
        "BYTE_ARRAY cachebehavior (STRING)",
        "BYTE_ARRAY tenantid (STRING)",
        "BYTE_ARRAY connectionid (STRING)",
        "group extra (MAP) {",
    ];
    assert_eq!(columns[29..], wide);
}

#[test]
fn every_column_of_cf_logs_has_its_own_field() {
    let folder = TestFolder::new();
    folder.add("year/E1EXAMPLE.2024-05-17-10.0123abcd.gz", standard_log(&[&[]]));
    folder.converts(&[]);
    let expected = json!({
        "logdate": "2024-05-17", "logtime": "10:20:30", "location": "DFW3", "bytes": 1501, "requestip": "192.0.2.10",
        "method": "GET", "host": "d111111abcdef8.cloudfront.net", "uri": "/index.html", "status": 200,
        "referrer": "https://example.com/", "useragent": "curl/8.5.0", "uriquery": "a=1&b=2", "cookie": "session=7",
        "resulttype": "Hit", "requestid": "SOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==",
        "header": "www.example.com", "csprotocol": "https", "csbytes": "312", "timetaken": 0,
        "forwardedfor": "198.51.100.7", "sslprotocol": "TLSv1.3", "sslcipher": "TLS_AES_128_GCM_SHA256",
        "responseresulttype": "RefreshHit", "protocolversion": "HTTP/2.0", "browserfamily": "curl",
        "osfamily": "Other", "isbot": "False", "filename": "year/E1EXAMPLE.2024-05-17-10.0123abcd.gz",
        "distribution": "E1EXAMPLE",
    });
    let row = Value::Object(folder.rows()[0].cells.iter().cloned().collect());
    assert_eq!(row, expected);
}

#[test]
fn every_column_of_cf_logs_wide_has_its_own_field() {
    let later = "origin-fbl origin-lbl asn c-country cache-behavior-path-pattern distribution-tenant-id connection-id";
    let row = format!("{} 0.05 0.06 64500 DE /api/* dt_1 conn-1", standard_row(&[("time-taken", "1.217")]));
    let folder = TestFolder::with_log(log(&format!("{STANDARD} {later}"), &[&row]));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let expected = json!({
        "requesttime": "2024-05-17T10:20:30Z", "timetakenseconds": 1.217, "csbytescount": 312,
        "flestatus": "Processed", "fleencryptedfields": 4, "cport": 41234, "timetofirstbyte": 0.119,
        "detailedresulttype": "OriginShieldHit", "contenttype": "text/html", "contentlength": 1189,
        "rangestart": 10, "rangeend": 99, "originfbl": 0.05, "originlbl": 0.06, "asn": 64500, "country": "DE",
        "cachebehavior": "/api/*", "tenantid": "dt_1", "connectionid": "conn-1", "extra": [],
    });
    let row = folder.rows().remove(0);
    assert_eq!(Value::Object(row.cells.iter().skip(29).cloned().collect()), expected);
    assert_eq!(
        (row.get("timetaken"), row.get("csbytes")),
        (&json!(1), &json!("312")),
        "the first 29 are as in cf_logs"
    );
}

#[test]
fn status_000_is_0() {
    let folder = TestFolder::with_log(log("date time sc-status", &["2024-05-17 10:00:00 000"]));
    folder.converts(&[]);
    assert_eq!(folder.column("status"), json!([0]));
}

#[test]
fn requesttime_is_the_finest_timestamp_within_the_logged_second() {
    let rows = [
        "2024-05-17 10:00:00 1715940000 1715940000123",
        "2024-05-17 10:00:00 1715940000.25 1715940001123",
        "2024-05-17 10:00:00 1715939999.9 1715940001000",
        "2024-05-17 10:00:00 - -",
        "- - 1715940000.5 1715940000123",
        "- - 1715940000.5 -",
    ];
    let folder = TestFolder::with_log(log("date time timestamp timestamp(ms)", &rows));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let expected = json!([
        "2024-05-17T10:00:00.123Z",
        "2024-05-17T10:00:00.25Z",
        "2024-05-17T10:00:00Z",
        "2024-05-17T10:00:00Z",
        "2024-05-17T10:00:00.123Z",
        "2024-05-17T10:00:00.5Z",
    ]);
    assert_eq!(folder.column("requesttime"), expected);
    assert_eq!(folder.column("logtime"), json!(["10:00:00"; 6].to_vec()));
}

#[test]
fn extra_has_unclaimed_fields_sorted_by_name_and_is_never_null() {
    let fields =
        "date time zebra viewer-request-log-data asn alpha timestamp timestamp(ms) DistributionId distributionid";
    let rows =
        ["2024-05-17 10:00:00 z - 64500 a%20b 1715940000 1715940000000 E2EXAMPLE E2EXAMPLE", "2024-05-17 10:00:01 -"];
    let folder = TestFolder::with_log(log(fields, &rows));
    let report = folder.converts(&["--schema", "cf_logs_wide"]);
    assert_eq!(folder.column("extra"), json!([[["alpha", "a%20b"], ["zebra", "z"]], []]));
    assert_eq!(report["padded_rows"], 1);
}

#[test]
fn fields_that_cf_logs_does_not_keep_are_named_with_a_pointer_to_cf_logs_wide() {
    let folder = TestFolder::with_log(log("date time c-port sc-new", &["2024-05-17 10:00:00 41234 x"]));
    let ran = folder.convert(&[]).exits(0).says("c-port sc-new").says("cf_logs_wide");
    assert_eq!(folder.report()["unclaimed_fields"], json!(["c-port", "sc-new"]), "{}", ran.stderr);
}

#[test]
fn cf_logs_wide_keeps_all_fields_and_prints_no_hint() {
    let folder = TestFolder::with_log(log("date time c-port sc-new", &["2024-05-17 10:00:00 41234 x"]));
    let ran = folder.convert(&["--schema", "cf_logs_wide"]).exits(0);
    assert!(!ran.stderr.contains("does not keep"), "{}", ran.stderr);
    assert_eq!(folder.column("extra"), json!([[["sc-new", "x"]]]));
}

#[test]
fn filename_is_the_path_below_the_source_folder_and_distribution_its_last_segment_up_to_the_first_dot() {
    let folder = TestFolder::new();
    let text = log("date time", &["2024-05-17 10:00:00"]);
    let keys = ["a.b/E1EXAMPLE.2024-05-17-10.0123abcd.gz", "deep/er/E2EXAMPLE", "x.log.gz"];
    for key in keys {
        folder.add(key, &text);
    }
    folder.converts(&[]);
    assert_eq!(folder.column("filename"), json!(keys));
    assert_eq!(folder.column("distribution"), json!(["E1EXAMPLE", "E2EXAMPLE", "x"]));
}

#[test]
fn a_distribution_in_the_record_overrides_the_key() {
    let folder = TestFolder::new();
    let row = "2024-05-17 10:00:00";
    folder.add("A.v2.gz", log("date time DistributionId", &[&format!("{row} E2EXAMPLE"), &format!("{row} -"), row]));
    folder.add("B.v2.gz", log("date time distributionid", &[&format!("{row} E3EXAMPLE")]));
    folder.add("C.v2.gz", log("timestamp primary-distribution-id", &["1715940000 E4EXAMPLE"]));
    folder.converts(&[]);
    assert_eq!(folder.column("distribution"), json!(["E2EXAMPLE", "A", "A", "E3EXAMPLE", "E4EXAMPLE"]));
}

#[test]
fn a_standard_log_of_a_staging_distribution_has_the_distribution_of_its_key() {
    let folder = TestFolder::new();
    let fields = format!("{STANDARD} primary-distribution-id primary-distribution-dns-name");
    let row = format!("{} E9PRIMARY d222222abcdef8.cloudfront.net", standard_row(&[]));
    folder.add("E1STAGING.2024-05-17-10.0123abcd.gz", log(&fields, &[&row]));
    folder.converts(&[]);
    assert_eq!(folder.column("distribution"), json!(["E1STAGING"]));
}
