//! Lines that are rows, lines that are not, and lines that are rejected.

use super::*;

const HEADER: &str = "#Fields: date time sc-status\n";
const ROW: &str = "2024-05-17\t10:20:30\t200";

fn with_header(rest: &str) -> Decoded {
    decode(format!("{HEADER}{rest}"))
}

#[test]
fn lines_are_rows_rejects_comments_or_blanks() {
    let text = format!("#Version: 1.0\n{HEADER}\n{ROW}\n \t\r\n#Foo?\n-\t-\t-\n{ROW}\n\n");
    let decoded = decode(&text);
    let ObjectSummary { lines, rows, comments, blanks, rejected, text_bytes, .. } = decoded.summary;
    assert_eq!((lines, rows, comments, blanks, rejected), (9, 2, 3, 3, 1));
    assert_eq!(text_bytes, text.len() as u64);
}

#[test]
fn crlf_ends_a_line_and_a_lone_cr_does_not() {
    let decoded = with_header(&format!("{ROW}\r\n{ROW}\rx\n"));
    assert_eq!(decoded.rows.column("status"), [Some("200"), None]);
    assert_eq!(decoded.nulled("status"), 1);
    let header_too = decode(format!("#Fields: date time sc-status\r\n{ROW}\r\n"));
    assert_eq!(header_too.cell("status"), Some("200"));
}

#[test]
fn a_last_line_without_its_end_counts_with_its_cr() {
    assert_eq!(with_header(ROW).cell("status"), Some("200"));
    let decoded = with_header(&format!("{ROW}\r"));
    assert_eq!((decoded.cell("status"), decoded.nulled("status")), (None, 1));
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_very_start_only() {
    let decoded = decode(format!("\u{feff}{HEADER}{ROW}\n\u{feff}{ROW}\n"));
    assert_eq!(decoded.summary.rows, 1);
    assert_eq!(decoded.rejects(), [(3, 3 + 29 + 24, RejectReason::BadDate)]);
    assert_eq!(decoded.summary.text_bytes, 3 + 29 + 24 + 3 + 24);
    assert_eq!(decode("\u{feff}").summary.lines, 0);
    let good = format!("{ROW}{}", "\tx".repeat(9));
    let twice = decode(format!("\u{feff}\u{feff}{}\n{good}", ["x"; 12].join("\t")));
    assert_eq!(twice.rejects(), [(1, 3, RejectReason::BadDate)]);
}

#[test]
fn extra_cells_are_dropped_and_missing_ones_are_null() {
    let decoded = with_header("2024-05-17\t10:20:30\t200\tmore\t\n2024-05-17\t10:20:30\n2024-05-17\t10:20:30\t\n");
    assert_eq!(decoded.rows.column("status"), [Some("200"), None, None]);
    assert_eq!((decoded.summary.rows_with_extra_cells, decoded.summary.padded_rows), (1, 1));
    assert_eq!(decoded.nulled("status"), 0);
}

#[test]
fn a_row_is_rejected_only_if_its_hour_cannot_be_known() {
    use RejectReason::{BadDate, BadTime, NoTime, OutOfRange};
    for (row, reason) in [
        ("-\t10:00:00\t1", NoTime),
        ("2024-05-17\t\t1", NoTime),
        ("2024-05-17", NoTime),
        ("2024-02-30\t10:00:00\t1", BadDate),
        ("17.05.2024\t10:00:00\t1", BadDate),
        ("2016-12-31\t23:59:60\t1", BadTime),
        ("2008-10-31\t23:59:59\t1", OutOfRange),
        ("2024-06-01\t00:00:01\t1", OutOfRange),
    ] {
        let decoded = with_header(&format!("{ROW}\n{row}\r\n{ROW}"));
        assert_eq!(decoded.rejects(), [(3, 53, reason)], "{row}");
        let reject = &decoded.summary.rejects[0];
        assert_eq!((&*reject.text, reject.line_bytes), (row.as_bytes(), row.len() as u64));
        assert_eq!(decoded.summary.rows, 2);
    }
    assert_eq!(with_header("2008-11-01\t00:00:00\t-\n2024-06-01\t00:00:00\t-\n").summary.rows, 2);
    let without_time = decode(format!("#Fields: sc-status\n200\n{HEADER}{ROW}"));
    assert_eq!(without_time.rejects(), [(2, 19, NoTime)]);
}

#[test]
fn a_line_over_the_limit_is_rejected_and_its_head_is_kept() {
    let sizes = DecodeSizes { line_bytes: 60, kept_line_bytes: 10, ..DecodeSizes::default() };
    let options = options("cf_logs", None);
    let at_limit = format!("{ROW}\t{}", "x".repeat(60 - ROW.len() - 1));
    let text = format!("{HEADER}{at_limit}\r\n{at_limit}y\r\n{at_limit}");
    let decoded = decode_small(&options, sizes, text.as_bytes()).unwrap();
    assert_eq!(decoded.summary.rows, 2);
    let expected = Reject {
        line: 3,
        byte: 29 + 62,
        reason: RejectReason::LineTooLong,
        text: b"2024-05-17".to_vec(),
        line_bytes: 61,
    };
    assert_eq!(decoded.summary.rejects, [expected]);
}

#[test]
fn long_comments_and_blank_lines_are_not_rejected() {
    let sizes = DecodeSizes { line_bytes: 60, kept_line_bytes: 10, ..DecodeSizes::default() };
    let text = format!("{HEADER}#{}\n{}\r\n", "x".repeat(99), " \t".repeat(99));
    let decoded = decode_small(&options("cf_logs", None), sizes, text.as_bytes()).unwrap();
    let ObjectSummary { comments, blanks, rejected, .. } = decoded.summary;
    assert_eq!((comments, blanks, rejected), (2, 1, 0));
}

#[test]
fn the_real_limit_is_one_mebibyte_and_64_kib_are_kept() {
    let decoded = with_header(&format!("{ROW}\t{}\n{}\n", "x".repeat((1 << 20) - 24), "y".repeat((1 << 20) + 1)));
    assert_eq!(decoded.summary.rows, 1);
    assert_eq!(decoded.summary.rejects[0].text, vec![b'y'; 64 * 1024]);
    assert_eq!(decoded.summary.rejects[0].line_bytes, (1 << 20) + 1);
}

#[test]
fn equal_rows_are_all_kept() {
    let decoded = with_header(&format!("{ROW}\n").repeat(3));
    assert_eq!(decoded.summary.rows, 3, "each line is a row");
}
