//! Formats other than TAB-separated rows under a header: bare names, other delimiters, JSON.

use super::*;

/// Decodes an object with the schema `cf_logs_wide` and these options.
fn decode_with(formats: FormatOptions, fields: Option<&str>, text: &str) -> Result<Decoded, Error> {
    let options = DecodeOptions { formats, ..DecodeOptions::clone(&options("cf_logs_wide", fields)) };
    decode_as(&Arc::new(options), text)
}

fn with_delimiter(delimiter: &str) -> FormatOptions {
    FormatOptions { delimiter: Some(delimiter.parse().unwrap()), ..FormatOptions::default() }
}

fn with_format(format: LogFormat) -> FormatOptions {
    FormatOptions { format: Some(format), ..FormatOptions::default() }
}

#[test]
fn a_given_delimiter_is_that_of_all_lines_without_a_tab() {
    let row = "2024-05-17~~10:00:00~~DFW3~~a,b~~200";
    let names = "date time x-edge-location cs-uri-stem sc-status";
    for header in [
        format!("#Fields: {names}\n"),
        format!("#Fields: {}\n", names.replace(' ', "~~")),
        format!("{}\n", names.replace(' ', "~~")),
        format!("#Fields: {names}\n{}\n#Fields: {names}\n", row.replace("~~", "\t")),
    ] {
        let decoded = decode_with(with_delimiter("~~"), None, &format!("{header}{row}\n")).unwrap();
        assert_eq!(decoded.rows.column("uri").last(), Some(&Some("a,b")), "{header}");
        assert_eq!(decoded.rows.column("status").last(), Some(&Some("200")), "{header}");
    }
    let given = decode_with(with_delimiter("~~"), Some(names), &format!("{row}\n{}\nx~~y\n", row.replace("~~", "\t")));
    let given = given.unwrap();
    assert_eq!((given.summary.rows, given.rejects()[1].2), (1, RejectReason::WrongCellCount));
    // A TAB as the given delimiter: nothing else is looked for.
    let commas = format!("#Fields: {names}\n2024-05-17,10:00:00,DFW3,/,200\n");
    assert_eq!(decode(&commas).summary.rows, 1);
    assert_eq!(decode_with(with_delimiter("\t"), None, &commas).unwrap_err().reason(), Some("all-rows-rejected"));
}

#[test]
fn a_given_format_is_not_looked_for() {
    let row = "{\"date\":\"2024-05-17\",\"time\":\"10:00:00\",\"x\":\"y\"}";
    let json =
        decode_with(with_format(LogFormat::Json), None, &format!("cut off\n#Fields: date time\n{row}\n")).unwrap();
    assert_eq!((json.summary.rows, json.rejects().len(), json.summary.comments), (1, 1, 1));
    let own_names = "time_of_day\tdate\ttime\nx\t2024-05-17\t10:00:00\n";
    assert_eq!(reason(own_names), "no-cloudfront-log");
    assert_eq!(decode_with(with_format(LogFormat::Plain), None, own_names).unwrap().summary.rows, 1);
    for format in [LogFormat::W3c, LogFormat::Raw] {
        let braces = "{a}\t2024-05-17\t10:00:00\n";
        let decoded = decode_with(with_format(format), Some("x-own date time"), braces).unwrap();
        assert_eq!(decoded.rows.column("extra"), [Some("{x-own: {a}}")]);
    }
}

#[test]
fn a_line_of_bare_names_is_a_header_wherever_it_stands() {
    let names = "date\ttime\tc-ip\tx-new\tsc-status";
    let rows = "2024-05-17\t10:00:00\t192.0.2.1\tnew\t200\n2024-05-17\t10:00:01\t192.0.2.2\t-\t404\n";
    let decoded = decode(format!("{names}\n{rows}"));
    assert_eq!(decoded.rows.column("status"), [Some("200"), Some("404")]);
    assert_eq!(decoded.rows.column("requestip"), [Some("192.0.2.1"), Some("192.0.2.2")]);
    assert_eq!((decoded.summary.lines, decoded.summary.comments, decoded.summary.rows), (3, 1, 2));
    // Files that somebody has put together, each with its own names.
    let other = "sc-status\tdate\ttime\n500\t2024-05-17\t10:00:02\n";
    let joined = decode(format!("date\ttime\tc-ip\tsc-status\n2024-05-17\t10:00:00\t192.0.2.1\t200\n{other}"));
    assert_eq!(joined.rows.column("status"), [Some("200"), Some("500")]);
    assert_eq!((joined.summary.comments, joined.rejects().len()), (2, 0));
}

#[test]
fn names_behind_another_header_are_a_header_too() {
    let decoded = decode(
        "#Fields: date time x-edge-location c-ip\n2024-05-17\t10:00:00\tDFW3\t192.0.2.1\n\
         date\ttime\tc-ip\tx-edge-location\n2024-05-17\t10:00:01\t192.0.2.2\tLHR3\n",
    );
    assert_eq!(decoded.rows.column("location"), ["DFW3", "LHR3"].map(Some));
    assert_eq!((decoded.summary.comments, decoded.summary.rejected), (2, 0));
    let repeated = "own\tdate\ttime\nx\t2024-05-17\t10:00:00\nown\tdate\ttime\ny\t2024-05-17\t10:00:01\n";
    let plain = decode_with(with_format(LogFormat::Plain), None, repeated).unwrap();
    assert_eq!((plain.summary.rows, plain.summary.comments, plain.summary.rejected), (2, 2, 0));
}

#[test]
fn one_empty_cell_at_the_end_of_an_eras_row_is_left_out_with_any_delimiter() {
    let cells: Vec<String> = (2..12).map(|cell| format!("c{cell}")).collect();
    let row = format!("2024-05-17~10:00:00~{}~\n", cells.join("~"));
    let decoded = decode_with(with_delimiter("~"), None, &row).unwrap();
    assert_eq!((decoded.summary.rows, decoded.cell("uriquery")), (1, Some("c11")));
}

#[test]
fn any_of_the_usual_delimiters_is_found_under_a_header_and_under_bare_names() {
    for delimiter in [",", ";", "|", " ", "::"] {
        let line = |cells: [&str; 4]| cells.join(delimiter);
        let names = line(["date", "time", "x-edge-location", "sc-status"]);
        let rows =
            [line(["2024-05-17", "10:00:00", "DFW3", "200"]), line(["2024-05-17", "10:00:01", "", "-"])].join("\n");
        for header in ["#Fields: date time x-edge-location sc-status", &format!("#Fields: {names}"), &names] {
            let decoded = decode(format!("{header}\n{rows}\n"));
            assert_eq!(decoded.rows.column("location"), [Some("DFW3"), Some("")], "{header}");
            assert_eq!(decoded.rows.column("status"), [Some("200"), None], "{header}");
            assert_eq!(decoded.summary.comments, 1);
        }
    }
}

#[test]
fn a_row_of_another_width_than_its_delimited_names_is_rejected() {
    let text = "#Fields: date time c-ip x-edge-location\n2024-05-17,10:00:00,192.0.2.1,DFW3\n\
                2024-05-17,10:00:01,192.0.2.2,DFW3,x\n2024-05-17,10:00:02\n";
    let decoded = decode(text);
    assert_eq!(decoded.summary.rows, 1);
    let refused: Vec<(u64, u64, RejectReason)> = decoded.rejects();
    let starts = [3, 4].map(|line: usize| text.lines().take(line - 1).map(|line| line.len() as u64 + 1).sum());
    let wrong = RejectReason::WrongCellCount;
    assert_eq!(refused, [(3, starts[0], wrong), (4, starts[1], wrong)]);
    assert_eq!((decoded.summary.padded_rows, decoded.summary.rows_with_extra_cells), (0, 0));
}

#[test]
fn each_header_has_a_delimiter_of_its_own() {
    let decoded = decode(
        "#Fields: date time x-edge-location\n2024-05-17\t10:00:00\tTAB1\n\
         #Fields: date time x-edge-location\n2024-05-17|10:00:01|BAR2\n2024-05-17|10:00:02|BAR3\n\
         #Fields: x-edge-location date time\nTAB4\t2024-05-17\t10:00:03\n",
    );
    assert_eq!(decoded.rows.column("location"), ["TAB1", "BAR2", "BAR3", "TAB4"].map(Some));
    assert_eq!(decoded.rows.column("logtime").last(), Some(&Some("10:00:03")));
}

#[test]
fn quoted_cells_and_other_programs_headers_are_no_delimited_logs() {
    let quoted = "#Fields: date time x-edge-location\n\"2024-05-17\",\"10:00:00\",\"DFW3\"\n";
    assert_eq!(reason(quoted), "unsupported-format");
    let iis = "#Fields: date time c-ip cs-method\n2024-05-17 10:00:00 192.0.2.1 GET\n";
    assert_eq!(reason(iis), "all-rows-rejected");
}

#[test]
fn json_lines_are_read_by_their_keys() {
    let lines = [
        r#"{"date":"2024-05-17","time":"10:00:00","c-ip":"192.0.2.1","sc-status":"200","x-new":"n1","cs(User-Agent)":"-"}"#,
        r#"{"date":"2024-05-17","time":"10:00:01","c-ip":"192.0.2.2","sc-status":"404","x-new":"-","cs(User-Agent)":"a"}"#,
        r#" {"sc-status":500, "time": "10:00:02", "date":"2024-05-17", "x-late":"n3"}"#,
        r#"{"date":"2024-05-17","time":"10:00:03","c-ip":null,"sc-status":"2\u0030\u0030","cs-uri-stem":"\/a\tb\"\\é"}"#,
    ];
    let decoded = decode_as(&options("cf_logs_wide", None), lines.join("\n")).unwrap();
    assert_eq!(decoded.rows.column("status"), ["200", "404", "500", "200"].map(Some));
    assert_eq!(decoded.rows.column("requestip"), [Some("192.0.2.1"), Some("192.0.2.2"), None, None]);
    assert_eq!(decoded.rows.column("uri"), [None, None, None, Some("/a\tb\"\\é")]);
    assert_eq!(decoded.rows.column("useragent"), [Some("-"), Some("a"), None, None]);
    assert_eq!(decoded.rows.column("extra"), [Some("{x-new: n1}"), Some("{}"), Some("{x-late: n3}"), Some("{}")]);
    assert_eq!((decoded.summary.rows, decoded.summary.padded_rows), (4, 0));
}

#[test]
fn a_line_that_is_no_json_object_is_rejected_after_a_first_one_that_is() {
    let good = r#"{"date":"2024-05-17","time":"10:00:00"}"#;
    let bad = [
        "{",
        "[1]",
        "x",
        r#"{"date":"2024-05-17","time":"10:00:00"} x"#,
        "{\"date\":\"a\tb\"}",
        r#"{"date":"\ud800"}"#,
    ];
    let decoded = decode(format!("{good}\n{}\n{{\"c-ip\":\"192.0.2.1\"}}\n", bad.join("\n")));
    let reasons: Vec<RejectReason> = decoded.rejects().into_iter().map(|(_, _, reason)| reason).collect();
    assert_eq!(reasons, [&[RejectReason::BadJson; 6][..], &[RejectReason::NoTime]].concat());
    assert_eq!(decoded.summary.rows, 1);
    for first in [&bad[..1], &[r#"{"a":"b"}"#], &["{}"]].map(|lines| lines.join("\n")) {
        assert_eq!(reason(format!("{first}\n{good}\n")), "no-cloudfront-log", "{first}");
    }
}

#[test]
fn json_of_bytes_that_are_not_utf8_is_read_and_counted() {
    let decoded = decode(b"{\"date\":\"2024-05-17\",\"time\":\"10:00:00\",\"c-ip\":\"\xff\",\"cs-method\":\"GET\"}\n");
    assert_eq!((decoded.cell("requestip"), decoded.summary.lossy_cells), (Some("\u{fffd}"), 1));
}

#[test]
fn what_a_key_means_depends_on_the_keys_of_its_own_line() {
    let lines = [
        r#"{"timestamp":"1715940000.5","cs-host":"www.example.com","x-host-header":"d1.example.net"}"#,
        r#"{"date":"2024-05-17","time":"10:00:01","cs(Host)":"d2.example.net","x-host-header":"w2.example.com"}"#,
        r#"{"timestamp":"1715940002.5","x-host-header":"d3.example.net","cs-host":"w3.example.com"}"#,
    ];
    let decoded = decode(lines.join("\n"));
    assert_eq!(decoded.rows.column("host"), ["d1.example.net", "d2.example.net", "d3.example.net"].map(Some));
    assert_eq!(decoded.rows.column("header"), ["www.example.com", "w2.example.com", "w3.example.com"].map(Some));
}

#[test]
fn the_last_of_two_equal_keys_counts() {
    let decoded = decode(r#"{"date":"2024-05-17","time":"10:00:00","c-ip":"192.0.2.1","c-ip":"192.0.2.2"}"#);
    assert_eq!(decoded.cell("requestip"), Some("192.0.2.2"));
}

#[test]
fn very_many_different_keys_cost_no_more_than_their_lines() {
    let line = |keys: Vec<String>| {
        let pairs: Vec<String> = keys.iter().map(|key| format!(",\"{key}\":\"v\"")).collect();
        format!("{{\"date\":\"2024-05-17\",\"time\":\"10:00:00\"{}}}\n", pairs.concat())
    };
    let many = line((0..5_000).map(|key| format!("k{key}")).collect());
    let few: Vec<String> = (0..3_000).map(|key| line(vec![format!("new{key}")])).collect();
    let text = many + &few.concat();
    // Each new key begins a block, so that a batch has few rows.
    let sizes = DecodeSizes::default();
    let (decoded, batches) = decode_large(&options("cf_logs_wide", None), sizes, text.as_bytes()).unwrap();
    assert_eq!((decoded.summary.rows, batches > 10), (3_001, true));
    let extra = decoded.rows.column("extra");
    assert_eq!((extra[1], extra[3_000]), (Some("{new0: v}"), Some("{new2999: v}")));
}
