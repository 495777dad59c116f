//! Names of fields: from the header, the era, a given list, or the meaning.

use serde_json::json;

use crate::harness::{STANDARD, TestFolder, era_row, gzip, log, standard_log, tabs};

#[test]
fn fields_are_found_by_name_in_any_order() {
    let folder = TestFolder::with_log(log("sc-status time c-ip date", &["404 10:00:00 192.0.2.1 2024-05-17"]));
    folder.converts(&[]);
    assert_eq!(folder.column("status"), json!([404]));
    assert_eq!(folder.column("requestip"), json!(["192.0.2.1"]));
    assert_eq!(folder.column("logtime"), json!(["10:00:00"]));
}

#[test]
fn unknown_fields_are_skipped() {
    let folder = TestFolder::with_log(log("x-new date time x-newer c-ip", &["1 2024-05-17 10:00:00 2 192.0.2.1"]));
    folder.converts(&[]);
    assert_eq!(folder.column("requestip"), json!(["192.0.2.1"]));
}

#[test]
fn the_first_of_two_fields_with_the_same_name_counts() {
    let folder = TestFolder::with_log(log("date time sc-bytes sc-bytes", &["2024-05-17 10:00:00 1 2"]));
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1]));
}

#[test]
fn names_are_case_sensitive() {
    let folder = TestFolder::with_log(log("date time SC-Bytes cs(host)", &["2024-05-17 10:00:00 1 www.example.com"]));
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([null]));
    assert_eq!(folder.column("host"), json!([null]));
    assert_eq!(report["unclaimed_fields"], json!(["SC-Bytes", "cs(host)"]));
}

#[test]
fn names_may_be_separated_by_tabs_and_more_blanks() {
    let folder = TestFolder::with_log("#Fields:\tdate\ttime   sc-bytes\n2024-05-17\t10:00:00\t7\n");
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([7]));
}

#[test]
fn a_header_may_change_within_a_file() {
    let first = log("date time sc-bytes c-ip", &["2024-05-17 10:00:00 1 192.0.2.1"]);
    let second = log("c-ip sc-bytes time date", &["192.0.2.2 2 10:00:01 2024-05-17"]);
    let folder = TestFolder::with_log(first + &second);
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2]));
    assert_eq!(folder.column("requestip"), json!(["192.0.2.1", "192.0.2.2"]));
}

#[test]
fn concatenated_logs_are_one_log() {
    let text = standard_log(&[&[("sc-bytes", "1")]]) + &standard_log(&[&[("sc-bytes", "2")]]);
    let folder = TestFolder::with_log(text);
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2]));
    assert_eq!(report["comments"], 4);
}

#[test]
fn a_header_needs_no_version_and_other_comments_are_ignored() {
    let folder = TestFolder::with_log("#\n#Fields: date time sc-bytes\n#Software: x\n2024-05-17\t10:00:00\t7\n#Foo?\n");
    let report = folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([7]));
    assert_eq!((&report["comments"], &report["rejects"]), (&4.into(), &json!({})));
}

#[test]
fn a_log_without_a_header_is_read_by_the_number_of_cells_of_its_era() {
    for count in [12, 15, 18, 19, 23, 24, 26, 33] {
        let folder = TestFolder::with_log(era_row(count));
        let report = folder.converts(&["--schema", "cf_logs_wide"]);
        let row = folder.rows().remove(0);
        assert_eq!(row.get("uriquery"), "a=1&b=2", "{count} cells");
        let expects = |from, value: serde_json::Value| if count >= from { value } else { json!(null) };
        assert_eq!(*row.get("resulttype"), expects(15, json!("Hit")), "{count} cells");
        assert_eq!(*row.get("header"), expects(18, json!("www.example.com")), "{count} cells");
        assert_eq!(*row.get("timetakenseconds"), expects(19, json!(0.217)), "{count} cells");
        assert_eq!(*row.get("sslprotocol"), expects(23, json!("TLSv1.3")), "{count} cells");
        assert_eq!(*row.get("protocolversion"), expects(24, json!("HTTP/2.0")), "{count} cells");
        assert_eq!(*row.get("flestatus"), expects(26, json!("Processed")), "{count} cells");
        assert_eq!(*row.get("rangeend"), expects(33, json!(99)), "{count} cells");
        assert_eq!((&report["padded_rows"], &report["rows_with_extra_cells"]), (&0.into(), &0.into()));
    }
}

#[test]
fn an_empty_last_cell_of_a_line_without_a_header_is_not_counted() {
    let folder = TestFolder::with_log(format!("{}\t\n{}\n", era_row(12), era_row(24)));
    let report = folder.converts(&[]);
    assert_eq!(folder.column("protocolversion"), json!([null, "HTTP/2.0"]));
    assert_eq!(folder.column("uriquery"), json!(["a=1&b=2", "a=1&b=2"]));
    assert_eq!(report["rows_with_extra_cells"], 1);
}

#[test]
fn a_line_without_a_header_that_fits_no_era_is_read_like_the_line_before() {
    let short = era_row(13);
    let long = era_row(15) + "\tsome\tmore";
    let folder = TestFolder::with_log([era_row(15), short, long].join("\n"));
    let report = folder.converts(&[]);
    assert_eq!(folder.column("cookie"), json!(["session=7", "session=7", "session=7"]));
    assert_eq!(folder.column("resulttype"), json!(["Hit", null, "Hit"]));
    assert_eq!((&report["padded_rows"], &report["rows_with_extra_cells"]), (&1.into(), &1.into()));
}

#[test]
fn a_log_without_a_header_may_have_rows_of_several_eras() {
    let folder = TestFolder::with_log([era_row(12), era_row(33), era_row(19)].join("\n"));
    folder.converts(&[]);
    assert_eq!(folder.column("sslprotocol"), json!([null, "TLSv1.3", null]));
    assert_eq!(folder.column("csbytes"), json!([null, "312", "312"]));
}

#[test]
fn a_first_line_without_a_header_that_fits_no_era_fails_the_object() {
    let folder = TestFolder::with_log(format!("{}\n{}\n", era_row(14), era_row(15)));
    let report = folder.converts_with_failures(&[]);
    let failed = &folder.quarantine()[0];
    assert_eq!((&failed["reason"], &report["rows"]), (&"no-cloudfront-log".into(), &0.into()));
    let message = failed["message"].as_str().unwrap();
    assert!(message.contains("line 1") && message.contains("14") && message.contains("`--fields`"), "{message}");
}

#[test]
fn a_field_list_names_the_cells_of_logs_without_a_header() {
    let row = tabs("192.0.2.1 2024-05-17 10:00:00 7\n");
    for list in ["c-ip date time sc-bytes", "c-ip,date,time,sc-bytes", "c-ip, date,\ttime\nsc-bytes"] {
        let folder = TestFolder::with_log(&row);
        folder.converts(&["--fields", list]);
        assert_eq!(folder.column("bytes"), json!([7]), "{list:?}");
        assert_eq!(folder.column("requestip"), json!(["192.0.2.1"]), "{list:?}");
    }
}

#[test]
fn a_field_list_may_be_in_a_file() {
    let folder = TestFolder::with_log(tabs("192.0.2.1 2024-05-17 10:00:00 7\n"));
    folder.write("fields.txt", "c-ip\ndate\ntime\nsc-bytes\n");
    folder.converts(&["--fields", "@fields.txt"]);
    assert_eq!(folder.column("bytes"), json!([7]));
}

#[test]
fn a_line_with_more_or_fewer_cells_than_the_field_list_is_rejected() {
    let lines = [
        "192.0.2.1 1715940000 1",
        "192.0.2.2 1715940000 2 more",
        "192.0.2.3 1715940000",
        "192.0.2.4 1715940000 4 ",
        "192.0.2.5 1715940000 5  ",
    ];
    let folder = TestFolder::with_log(tabs(&lines.join("\n")));
    let report = folder.converts(&["--fields", "c-ip timestamp sc-bytes"]);
    assert_eq!(folder.column("bytes"), json!([1, 4]), "except one empty cell at the end");
    assert_eq!(report["rejects"], json!({"wrong-cell-count": 3}));
    assert_eq!((&report["padded_rows"], &report["rows_with_extra_cells"]), (&0.into(), &0.into()));
    assert_eq!(folder.quarantine()[0]["text"], "192.0.2.2\t1715940000\t2\tmore");
}

#[test]
fn several_field_lists_are_distinguished_by_their_length() {
    let old = "timestamp c-ip time-to-first-byte sc-status sc-bytes";
    let new = "timestamp c-ip s-ip time-to-first-byte sc-status sc-bytes cs-user-agent";
    let rows = [
        "1715940000.1 192.0.2.1 0.3 403 347",
        "1715940000.2 192.0.2.2 198.51.100.9 0.3 404 348 curl/8.5.0",
        "1715940000.3 192.0.2.3 0.3 405 349",
    ];
    let folder = TestFolder::with_log(tabs(&rows.join("\n")));
    folder.write("new.txt", new.replace(' ', "\n"));
    let report = folder.converts(&["--fields", "@new.txt", "--fields", old]);
    assert_eq!(folder.column("status"), json!([403, 404, 405]));
    assert_eq!(folder.column("bytes"), json!([347, 348, 349]));
    assert_eq!(folder.column("useragent"), json!([null, "curl/8.5.0", null]));
    assert_eq!(report["rejects"], json!({}));
}

#[test]
fn a_header_in_the_file_overrides_the_field_list() {
    let headed = log("sc-bytes time date", &["7 10:00:00 2024-05-17"]);
    let later = tabs("2024-05-17 10:00:00 8\n") + &headed;
    let folder = TestFolder::new();
    folder.add("a.log", &headed);
    folder.add("b.log", later);
    folder.converts(&["--fields", "date time sc-bytes"]);
    assert_eq!(folder.column("bytes"), json!([7, 8, 7]));
}

#[test]
fn a_later_header_overrides_the_era() {
    let text = era_row(12) + "\n" + &log("date time sc-bytes", &["2024-05-17 10:20:31 7"]);
    let folder = TestFolder::with_log(text);
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1501, 7]));
}

const REALTIME: &str = "timestamp c-ip s-ip sc-status cs-host cs-uri-stem x-host-header cs-user-agent cs-referer \
    cs-cookie cs-uri-query x-edge-location primary-distribution-id";

#[test]
fn fields_of_real_time_logs_are_read_by_meaning() {
    let row = tabs(
        "1715940000.148 192.0.2.1 198.51.100.2 200 www.example.com /a?b=1 d111111abcdef8.cloudfront.net \
         curl/8.5.0 https://example.com/ session=7 b=1 FRA2 E5EXAMPLE\n",
    );
    let folder = TestFolder::with_log(row);
    let report = folder.converts(&["--fields", REALTIME]);
    let row = folder.rows().remove(0);
    for (column, expected) in [
        ("logdate", "2024-05-17"),
        ("logtime", "10:00:00"),
        ("host", "d111111abcdef8.cloudfront.net"),
        ("header", "www.example.com"),
        ("useragent", "curl/8.5.0"),
        ("referrer", "https://example.com/"),
        ("cookie", "session=7"),
        ("uri", "/a?b=1"),
        ("uriquery", "b=1"),
        ("browserfamily", "curl"),
        ("distribution", "E5EXAMPLE"),
    ] {
        assert_eq!(row.get(column), expected, "{column}");
    }
    assert_eq!(report["unclaimed_fields"], json!(["primary-distribution-id", "s-ip"]));
}

#[test]
fn a_given_list_is_for_a_real_time_log_unless_it_has_a_name_of_standard_logs_only() {
    let common = "timestamp c-ip sc-status x-host-header";
    let row = "1715940000.148 192.0.2.1 200 d111111abcdef8.cloudfront.net";
    let host_and_header = |list: &str, row: &str| {
        let folder = TestFolder::with_log(tabs(row));
        folder.converts(&["--fields", list]);
        (folder.column("host"), folder.column("header"))
    };
    let domain = json!(["d111111abcdef8.cloudfront.net"]);
    assert_eq!(host_and_header(common, row), (domain.clone(), json!([null])));
    let with_agent = host_and_header(&format!("{common} cs-user-agent"), &format!("{row} curl/8.5.0"));
    assert_eq!(with_agent, (domain.clone(), json!([null])));
    for standard in ["DistributionId", "distributionid", "cs(Referer)"] {
        let list = format!("{common} {standard}");
        assert_eq!(host_and_header(&list, &format!("{row} x")), (json!([null]), domain.clone()), "{standard}");
    }
    let dated = host_and_header("date time x-host-header", "2024-05-17 10:00:00 d111111abcdef8.cloudfront.net");
    assert_eq!(dated, (json!([null]), domain));
}

#[test]
fn real_time_names_in_a_header_are_read_by_meaning_too() {
    let fields = "timestamp c-ip cs-host x-host-header cs-user-agent";
    let row = "1715940000.148 192.0.2.1 www.example.com d111111abcdef8.cloudfront.net curl/8.5.0";
    let folder = TestFolder::with_log(log(fields, &[row]));
    folder.converts(&[]);
    assert_eq!(folder.column("host"), json!(["d111111abcdef8.cloudfront.net"]));
    assert_eq!(folder.column("header"), json!(["www.example.com"]));
}

#[test]
fn v2_logs_with_chosen_fields_in_chosen_order_convert() {
    let fields = "timestamp DistributionId cs(User-Agent) sc-status asn timestamp(ms) c-country";
    let row = "1715940000 E2EXAMPLE curl/8.5.0 200 64500 1715940000123 DE";
    let folder = TestFolder::with_log(gzip(format!("#Fields: {fields}\n{}\n", tabs(row))));
    folder.converts(&["--schema", "cf_logs_wide"]);
    let row = folder.rows().remove(0);
    assert_eq!(row.get("requesttime"), "2024-05-17T10:00:00.123Z");
    assert_eq!((row.get("asn"), row.get("country")), (&json!(64500), &json!("DE")));
    assert_eq!((row.get("distribution"), row.get("location")), (&json!("E2EXAMPLE"), &json!(null)));
}

#[test]
fn fields_that_follow_the_33_do_not_move_the_others() {
    let fields = format!("{STANDARD} distribution-tenant-id connection-id");
    let folder = TestFolder::with_log(log(&fields, &[&format!("{} dt_1 conn-1", era_row(33))]));
    folder.converts(&["--schema", "cf_logs_wide"]);
    assert_eq!((folder.column("rangeend"), folder.column("tenantid")), (json!([99]), json!(["dt_1"])));
}
