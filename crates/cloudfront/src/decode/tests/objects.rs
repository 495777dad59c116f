//! Kinds of objects, and objects that fail.

use super::*;
use crate::error::{Misfit, NamedBy, NotCloudFront};

/// Returns a line of `count` cells.
fn line_of(count: usize) -> String {
    let cells: Vec<String> = (2..count).map(|cell| format!("c{cell}")).collect();
    format!("2024-05-17\t10:00:00\t{}", cells.join("\t"))
}

#[test]
fn without_a_header_each_line_is_of_the_era_with_its_number_of_cells() {
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
        "200\t10:00:00\t2024-05-17\t\n\n#Fields: date time sc-status\n2024-05-17\t10:00:01\t404\t\n",
    );
    let decoded = decoded.unwrap();
    assert_eq!(decoded.rows.column("status"), [Some("200"), Some("404")]);
    assert_eq!(decoded.summary.rows_with_extra_cells, 1, "of the row under the header alone");
}

#[test]
fn a_line_with_another_number_of_cells_than_the_given_list_is_rejected() {
    let options = options("cf_logs", ["timestamp sc-status sc-bytes"]);
    let lines =
        ["1715940000\t200\t1", "1715940000\t200", "1715940000\t200\t2\t3", "1715940000\t200\t4\t", "x", "\t\t5\t\t"];
    let decoded = decode_as(&options, lines.join("\n")).unwrap();
    assert_eq!(decoded.rows.column("bytes"), [Some("1"), Some("4")]);
    let refused: Vec<(u64, RejectReason)> =
        decoded.rejects().into_iter().map(|(line, _, reason)| (line, reason)).collect();
    assert_eq!(refused, [2, 3, 5, 6].map(|line| (line, RejectReason::WrongCellCount)));
    assert_eq!((decoded.summary.padded_rows, decoded.summary.rows_with_extra_cells), (0, 0));
}

#[test]
fn of_several_given_lists_a_line_is_read_by_the_one_of_its_length() {
    let options = options("cf_logs", ["timestamp c-ip s-ip sc-bytes", "timestamp c-ip sc-bytes"]);
    let lines = [
        "1715940000\t192.0.2.1\t1",
        "1715940000\t192.0.2.2\t198.51.100.1\t2",
        "1715940000\t192.0.2.3\t3\t",
        "1715940000\t192.0.2.4\t198.51.100.1\t4\t",
        "1715940000\t192.0.2.5",
        "1715940000\t192.0.2.6\t6",
    ];
    let decoded = decode_as(&options, lines.join("\n")).unwrap();
    // If two lists fit, the line is read by the longer one, which leaves no empty cell over.
    assert_eq!(decoded.rows.column("bytes"), [Some("1"), Some("2"), None, Some("4"), Some("6")]);
    assert_eq!(decoded.rejects().len(), 1);
}

#[test]
fn a_given_list_is_of_a_real_time_log_unless_a_name_says_otherwise() {
    let row = "1715940000\td111111abcdef8.cloudfront.net\n";
    let realtime = decode_as(&options("cf_logs", ["timestamp x-host-header"]), row).unwrap();
    assert_eq!((realtime.cell("host"), realtime.cell("header")), (Some("d111111abcdef8.cloudfront.net"), None));
    let standard = decode_as(&options("cf_logs", ["timestamp(ms) x-host-header"]), row.replacen('\t', "000\t", 1));
    let standard = standard.unwrap();
    assert_eq!((standard.cell("host"), standard.cell("header")), (None, Some("d111111abcdef8.cloudfront.net")));
    let headed = decode(format!("#Fields: timestamp x-host-header\n{row}"));
    assert_eq!((headed.cell("host"), headed.cell("header")), (None, Some("d111111abcdef8.cloudfront.net")));
}

#[test]
fn a_list_of_names_longer_than_any_era_splits_the_first_line_too() {
    let names: Vec<String> = (0..50).map(|field| format!("x-{field}")).collect();
    let cells: Vec<String> = (0..50).map(|field| format!("v{field}")).collect();
    let options = options("cf_logs_wide", [format!("date time {} sc-status", names.join(" ")).as_str()]);
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
fn a_member_border_is_not_a_line_border() {
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
fn an_rtmp_header_fails_the_object_on_any_line() {
    let rtmp = "#Fields: date time x-edge-location c-ip x-event\n";
    assert_eq!(reason(rtmp), "rtmp");
    assert_eq!(reason(format!("#Fields: date time\n2024-05-17\t10:00:00\n{rtmp}")), "rtmp");
}

#[test]
fn an_object_that_is_not_a_cloudfront_log_fails() {
    for object in ["#Fields: foo bar\n", "#Fields:\n", "Read me.\n", "a\tb\tc\n", "\n\n2024-05-17\t10:00:00\n", "\u{0}"]
    {
        assert_eq!(reason(object), "no-cloudfront-log", "{object:?}");
    }
    let error = decode_as(&options("cf_logs", None), line_of(11)).unwrap_err();
    let why = NotCloudFront::CellCount { cells: 11 };
    assert!(matches!(error, Error::NotCloudFront { line: 1, why: found } if found == why), "{error}");
    assert!(error.to_string().contains("line 1") && error.to_string().contains("11 tab-separated cells"), "{error}");
}

#[test]
fn a_first_line_over_the_limit_needs_a_header_or_names() {
    let sizes = DecodeSizes { line_bytes: 60, kept_line_bytes: 10, ..DecodeSizes::default() };
    let long = "x".repeat(61);
    let of = |fields, log: &str| decode_small(&options("cf_logs", fields), sizes, log.as_bytes());
    assert_eq!(of(None, &long).unwrap_err().reason(), Some("no-cloudfront-log"));
    let with_row = format!("{long}\n2024-05-17\t10:00:00\n");
    assert_eq!(of(Some("date time"), &with_row).unwrap().summary.rejected, 1);
    assert_eq!(of(Some("date time"), &long).unwrap_err().reason(), Some("all-rows-rejected"));
    let header = format!("#Fields: date time {long}\n");
    let error = decode_small(&options("cf_logs", None), sizes, header.as_bytes()).unwrap_err();
    assert_eq!(error.reason(), Some("no-cloudfront-log"));
}

#[test]
fn data_in_other_formats_is_named() {
    assert_eq!(reason("Obj\u{1}avro"), "unsupported-format");
}

#[test]
fn an_object_of_which_every_row_is_rejected_fails_with_the_reasons() {
    let error = |fields: Option<&str>, text: &str| decode_as(&options("cf_logs", fields), text).unwrap_err();
    let header = "#Fields: date time c-ip\n";
    let bad = error(None, &format!("{header}2024-02-30\t1\t2\n\n#x\n-\t-\t-\n2024-02-31\t1\t2\n"));
    assert_eq!(bad.reason(), Some("all-rows-rejected"));
    assert_eq!(bad.to_string(), "decode: every row was rejected (bad-date: 2, no-time: 1)");
    let facts = |error: Error| {
        let Error::AllRowsRejected { reasons, named_by, first_misfit, is_binary: false } = error else {
            panic!("{error}")
        };
        (reasons, named_by, first_misfit)
    };
    let slashes = facts(error(None, &format!("{header}2024-05-17/10:00:00/192.0.2.1\n")));
    assert_eq!(slashes, (vec![(RejectReason::NoTime, 1)], NamedBy::Header, None));
    let json = facts(error(None, r#"{"date":"2024-05-17"}"#));
    assert_eq!(json, (vec![(RejectReason::NoTime, 1)], NamedBy::Keys, None));
    let misfit = facts(error(Some("timestamp c-ip"), "1715940000\n1715940000\t1\t2\n"));
    let first_misfit = Some(Misfit { line: 1, cells: 1 });
    assert_eq!(misfit, (vec![(RejectReason::WrongCellCount, 2)], NamedBy::List, first_misfit));
    let era = facts(error(None, &["x"; 12].join("\t")));
    assert_eq!(era, (vec![(RejectReason::BadDate, 1)], NamedBy::CellCount, None));
    let good = decode(format!("{header}x\ty\tz\n2024-05-17\t10:00:00\tz\n"));
    assert_eq!((good.summary.rows, good.summary.rejected), (1, 1));
}

#[test]
fn an_object_that_fails_with_all_rows_leaves_no_row_and_no_reject_behind() {
    let mut decoder = Decoder::with_sizes(options("cf_logs", None), all_small());
    let good = "#Fields: date time\n2024-05-17\t10:00:00\n";
    for object in [good, "#Fields: date time\nx\ty\n", good] {
        let result = decoder.decode_small(NAME, object.as_bytes()).unwrap();
        assert_eq!(result.is_ok(), object == good);
    }
    assert_eq!(decoder.flush().unwrap().num_rows(), 2);
}

#[test]
fn a_large_object_of_which_every_row_is_rejected_fails_at_its_end() {
    let text = format!("#Fields: date time\n{}", "x\ty\n".repeat(5000));
    let sizes = DecodeSizes { batch_text_bytes: 100, batch_rows: 7, ..DecodeSizes::default() };
    let error = decode_large(&options("cf_logs", None), sizes, text.as_bytes()).unwrap_err();
    assert!(error.to_string().contains("(bad-date: 5000)"), "{error}");
    let lists = options("cf_logs", ["timestamp", "timestamp c-ip c-port"]);
    let error = decode_large(&lists, sizes, "1715940000\tx\n".repeat(500).as_bytes()).unwrap_err();
    assert!(error.to_string().contains("(wrong-cell-count: 500)"), "{error}");
    let good = format!("{}1715940000\n", "1715940000\tx\n".repeat(500));
    let (decoded, _) = decode_large(&lists, sizes, good.as_bytes()).unwrap();
    assert_eq!((decoded.summary.rows, decoded.summary.rejected), (1, 500));
}

#[test]
fn archives_fail_by_their_name_even_if_field_names_are_given() {
    let zstd = [&b"\x28\xb5\x2f\xfd"[..], &b"\t\n".repeat(3000)].concat();
    let one_batch = DecodeSizes { batch_text_bytes: 1000, ..DecodeSizes::default() };
    for fields in [None, Some("timestamp c-ip")] {
        let options = options("cf_logs", fields);
        for object in [zstd.clone(), gzip(&zstd)] {
            let small = decode_as(&options, &object).unwrap_err();
            assert!(small.to_string().contains("zstd archive") && !small.to_string().contains("hint"), "{small}");
            let large = decode_large(&options, one_batch, &object).unwrap_err();
            assert_eq!((large.to_string(), large.reason()), (small.to_string(), Some("archive")));
        }
    }
}

#[test]
fn binary_data_is_told_apart_from_text() {
    for fields in [None, Some("timestamp c-ip")] {
        for object in [&b"\x00\x01\x02"[..], b"\x9c\x7f\x01ab\xff\n\x80", b"\x00\t\x01\n"] {
            let error = decode_as(&options("cf_logs", fields), object).unwrap_err();
            let is_binary = matches!(
                error,
                Error::NotCloudFront { why: NotCloudFront::Binary, .. }
                    | Error::AllRowsRejected { is_binary: true, .. }
            );
            assert!(is_binary, "{error}");
        }
    }
    assert_eq!(reason("\u{0}\u{1}"), "no-cloudfront-log");
    let under_a_header = decode("#Fields: date time c-ip\n2024-05-17\t10:00:00\ta\u{0}b\n");
    assert_eq!(under_a_header.cell("requestip"), Some("a\u{0}b"));
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
fn errors_are_one_line_of_facts() {
    for object in ["{}", "x", "#Fields: date\nx\n", "#Fields: x\n"] {
        let error = decode_as(&options("cf_logs", None), object).unwrap_err().to_string();
        assert!(!error.contains('\n') && !error.contains("--"), "{error}");
    }
}
