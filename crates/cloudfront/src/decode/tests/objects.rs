//! What kind of object it is, and which objects fail.

use super::*;

/// A line of `count` cells.
fn line_of(count: usize) -> String {
    let cells: Vec<String> = (2..count).map(|cell| format!("c{cell}")).collect();
    format!("2024-05-17\t10:00:00\t{}", cells.join("\t"))
}

#[test]
fn without_a_header_each_line_is_of_the_era_that_its_cells_tell() {
    for count in [12, 15, 18, 19, 23, 24, 26, 33] {
        let decoded = decode(line_of(count));
        assert_eq!((decoded.cell("location"), decoded.cell("uriquery")), (Some("c2"), Some("c11")));
        assert_eq!(decoded.cell("cookie"), (count > 12).then_some("c12"), "{count}");
        assert_eq!(decoded.cell("contenttype"), (count > 26).then_some("c29"), "{count}");
        assert_eq!((decoded.summary.padded_rows, decoded.summary.rows_with_extra_cells), (0, 0));
    }
    let mixed = decode([line_of(12), line_of(33), line_of(15)].join("\n"));
    assert_eq!(mixed.rows.column("cookie"), [None, Some("c12"), Some("c12")]);
}

#[test]
fn one_empty_cell_at_the_end_of_a_headerless_line_counts_as_extra() {
    let decoded = decode(format!("{}\t\n", line_of(12)));
    assert_eq!((decoded.cell("cookie"), decoded.summary.rows_with_extra_cells), (None, 1));
    let of_the_next_era = decode(format!("{}\t\n", line_of(23)));
    assert_eq!((of_the_next_era.cell("protocolversion"), of_the_next_era.summary.rows_with_extra_cells), (Some(""), 0));
}

#[test]
fn a_headerless_line_of_no_era_is_read_like_the_one_before() {
    let decoded = decode([line_of(15), line_of(13), line_of(40), line_of(24)].join("\n"));
    assert_eq!(decoded.rows.column("requestid"), [Some("c14"), None, Some("c14"), Some("c14")]);
    assert_eq!((decoded.summary.padded_rows, decoded.summary.rows_with_extra_cells), (1, 1));
}

#[test]
fn names_given_for_headerless_files_yield_to_a_header_in_the_file() {
    let options = options("cf_logs", Some("sc-status time date"));
    let decoded = decode_as(
        &options,
        "200\t10:00:00\t2024-05-17\textra\n\n#Fields: date time sc-status\n2024-05-17\t10:00:01\t404\n",
    );
    let decoded = decoded.unwrap();
    assert_eq!(decoded.rows.column("status"), [Some("200"), Some("404")]);
    assert_eq!(decoded.summary.rows_with_extra_cells, 1);
}

#[test]
fn a_list_of_names_longer_than_any_era_splits_the_first_line_too() {
    let names: Vec<String> = (0..50).map(|field| format!("x-{field}")).collect();
    let cells: Vec<String> = (0..50).map(|field| format!("v{field}")).collect();
    let options = options("cf_logs_wide", Some(&format!("date time {} sc-status", names.join(" "))));
    let row = format!("2024-05-17\t10:00:00\t{}\t200\r\n", cells.join("\t"));
    let decoded = decode_as(&options, row.repeat(2)).unwrap();
    assert_eq!(decoded.rows.column("status"), [Some("200"), Some("200")]);
    assert!(decoded.rows.column("extra")[0].unwrap().ends_with("x-9: v9}"));
    assert_eq!(decoded.rows.column("extra")[0], decoded.rows.column("extra")[1]);
}

#[test]
fn empty_objects_and_header_only_objects_are_fine() {
    for object in [b"".to_vec(), b"\n".to_vec(), b"#Version: 1.0\n#Fields: date time\n".to_vec(), gzip(b"")] {
        assert_eq!(decode(object).summary.rows, 0);
    }
}

#[test]
fn a_member_border_is_no_line_border() {
    let text = "#Fields: date time sc-status\n2024-05-17\t10:00:00\t200\n";
    for at in 0..=text.len() {
        let (first, second) = text.split_at(at);
        let decoded = decode([gzip(first.as_bytes()), gzip(second.as_bytes())].concat());
        assert_eq!(decoded.cell("status"), Some("200"), "cut at {at}");
    }
}

#[test]
fn damaged_gzip_fails_the_object() {
    let whole = gzip(b"#Fields: date time\n2024-05-17\t10:00:00\n");
    assert_eq!(reason(&whole[..whole.len() - 3]), "gzip-truncated");
    assert_eq!(reason([&whole[..], b"rest"].concat()), "gzip-corrupt");
}

#[test]
fn an_rtmp_header_fails_the_object_wherever_it_comes() {
    let rtmp = "#Fields: date time x-edge-location c-ip x-event\n";
    assert_eq!(reason(rtmp), "rtmp");
    assert_eq!(reason(format!("#Fields: date time\n2024-05-17\t10:00:00\n{rtmp}")), "rtmp");
}

#[test]
fn what_is_no_cloudfront_log_fails_as_an_object() {
    for object in ["#Fields: foo bar\n", "#Fields:\n", "Read me.\n", "a\tb\tc\n", "\n\n2024-05-17\t10:00:00\n", "\u{0}"]
    {
        assert_eq!(reason(object), "no-cloudfront-log", "{object:?}");
    }
    let error = decode_as(&options("cf_logs", None), line_of(11)).unwrap_err().to_string();
    assert!(
        error.contains("line 1") && error.contains("11 tab-separated cells") && error.contains("--fields"),
        "{error}"
    );
}

#[test]
fn a_first_line_over_the_limit_needs_a_header_or_names() {
    let sizes = DecodeSizes { line_bytes: 60, kept_line_bytes: 10, ..DecodeSizes::default() };
    let long = "x".repeat(61);
    let of = |fields| decode_small(&options("cf_logs", fields), sizes, long.as_bytes());
    assert_eq!(of(None).unwrap_err().reason(), Some("no-cloudfront-log"));
    assert_eq!(of(Some("date time")).unwrap().summary.rejected, 1);
    let header = format!("#Fields: date time {long}\n");
    let error = decode_small(&options("cf_logs", None), sizes, header.as_bytes()).unwrap_err();
    assert_eq!(error.reason(), Some("no-cloudfront-log"));
}

#[test]
fn logs_in_other_formats_are_named() {
    for object in [
        "{\"date\":\"2024-05-17\"}\n",
        "PAR1\u{15}\n",
        "date\ttime\tsc-status\n",
        "date,time,sc-status\n",
        "#Fields: date time sc-status\n2024-05-17,10:00:00,200\n",
    ] {
        assert_eq!(reason(object), "unsupported-format", "{object}");
    }
}

#[test]
fn an_object_names_at_most_ten_thousand_hours() {
    let hour =
        |hour: usize| format!("2010-{:02}-{:02}\t{:02}:00:00\n", hour / 672 % 12 + 1, hour / 24 % 28 + 1, hour % 24);
    let year = |hour_of_all: usize| hour(hour_of_all).replacen("2010", &format!("{}", 2010 + hour_of_all / 8064), 1);
    let log = |hours: usize| format!("#Fields: date time\n{}", (0..hours).map(year).collect::<String>().repeat(2));
    assert_eq!(decode(log(10_000)).summary.rows, 20_000);
    assert_eq!(reason(log(10_001)), "too-many-hours");
}

#[test]
fn errors_put_their_hint_on_a_line_of_its_own() {
    let error = decode_as(&options("cf_logs", None), "{}").unwrap_err().to_string();
    assert!(error.contains("\nhint: "), "{error}");
}
