//! Cells and columns: which cell goes to which column, and with which value.

use super::*;

#[test]
fn fields_are_found_by_the_names_in_force_at_their_line() {
    let decoded = decode(
        "#Fields: date time sc-status c-ip\n2024-05-17\t10:00:00\t200\t192.0.2.1\n\
         #Fields:\tc-ip\ttime  date\n192.0.2.2\t10:00:01\t2024-05-17\n",
    );
    assert_eq!(decoded.rows.column("requestip"), [Some("192.0.2.1"), Some("192.0.2.2")]);
    assert_eq!(decoded.rows.column("status"), [Some("200"), None]);
    assert_eq!(decoded.rows.column("logtime"), [Some("10:00:00"), Some("10:00:01")]);
    assert_eq!((decoded.summary.padded_rows, decoded.summary.rows_with_extra_cells), (0, 0));
}

#[test]
fn names_are_case_sensitive_and_of_two_equal_ones_the_first_counts() {
    let decoded = decode("#Fields: date time sc-status sc-status C-IP\n2024-05-17\t10:00:00\t200\t404\t192.0.2.1\n");
    assert_eq!((decoded.cell("status"), decoded.cell("requestip")), (Some("200"), None));
    assert_eq!(decoded.cell("extra"), Some("{C-IP: 192.0.2.1}"));
}

#[test]
fn text_stays_as_logged() {
    let decoded =
        decode("#Fields: date time cs-uri-stem cs(Referer) cs(Cookie)\n2024-05-17\t10:00:00\t/a%2520b+c\t-\t\n");
    assert_eq!(decoded.cell("uri"), Some("/a%2520b+c"));
    assert_eq!(decoded.cell("referrer"), Some("-"));
    assert_eq!(decoded.cell("cookie"), Some(""));
    assert_eq!(decoded.cell("host"), None, "a field that the header does not have");
}

#[test]
fn numbers_are_cut_nulled_and_counted() {
    let rows: String = ["570129.76", "-", "", "x", "9223372036854775808", "000", "1e3"]
        .map(|cell| format!("2024-05-17\t10:00:00\t{cell}\t{cell}\t{cell}\n"))
        .concat();
    let decoded = decode(format!("#Fields: date time sc-bytes c-port time-to-first-byte\n{rows}"));
    let [null, zero] = [None, Some("0")];
    assert_eq!(decoded.rows.column("bytes"), [Some("570129"), null, null, null, null, zero, null]);
    assert_eq!(decoded.nulled("bytes"), 3);
    assert_eq!(decoded.rows.column("cport"), [Some("570129"), null, null, null, null, zero, null]);
    assert_eq!(decoded.nulled("cport"), 3);
    let doubles = [Some("570129.76"), null, null, null, Some("9.223372036854776e18"), Some("0.0"), Some("1000.0")];
    assert_eq!(decoded.rows.column("timetofirstbyte"), doubles);
    assert_eq!(decoded.nulled("timetofirstbyte"), 1);
    assert_eq!(decoded.summary.rows, 7);
}

#[test]
fn one_field_may_fill_several_columns() {
    let decoded = decode("#Fields: date time cs-bytes time-taken\n2024-05-17\t10:00:00\t451\t0.217\n");
    assert_eq!((decoded.cell("csbytes"), decoded.cell("csbytescount")), (Some("451"), Some("451")));
    assert_eq!((decoded.cell("timetaken"), decoded.cell("timetakenseconds")), (Some("0"), Some("0.217")));
}

#[test]
fn a_percent_column_is_decoded_exactly_once() {
    let toml = "name = \"t\"\n\
        [[column]]\nname = \"d\"\ntype = \"date\"\nderive = \"date\"\n\
        [[column]]\nname = \"t\"\ntype = \"string\"\nderive = \"time\"\n\
        [[column]]\nname = \"uri\"\ntype = \"string\"\nfield = \"cs-uri-stem\"\ndecode = \"percent\"\n\
        [[column]]\nname = \"n\"\ntype = \"bigint\"\nderive = \"line\"\n";
    let schema = Arc::new(TableSchema::from_toml(toml, "test").unwrap());
    let options = Arc::new(DecodeOptions { schema, ..DecodeOptions::clone(&options("cf_logs", None)) });
    let row = |uri: &[u8]| [b"2024-05-17\t10:00:00\t", uri, b"\n"].concat();
    let cells: [&[u8]; 6] = [b"/a%2520b+c", b"-", b"%FF%C3%A9", b"\xff%41", b"%EF%BF%BD", b"100%"];
    let text = [b"#Fields: date time cs-uri-stem\n".to_vec(), cells.map(row).concat()].concat();
    let decoded = decode_as(&options, text).unwrap();
    let uris = ["/a%20b+c", "-", "\u{fffd}é", "\u{fffd}A", "\u{fffd}", "100%"].map(Some);
    assert_eq!(decoded.rows.column("uri"), uris);
    assert_eq!(decoded.summary.lossy_cells, 2, "one as logged, one as decoded");
    assert_eq!(decoded.rows.column("n"), ["2", "3", "4", "5", "6", "7"].map(Some));
}

#[test]
fn cells_that_are_not_utf8_are_decoded_lossily_and_counted() {
    let text = b"#Fields: date time cs-uri-stem sc-status c-ip\n2024-05-17\t10:00:00\t/caf\xe9\t20\xff\t\xc3\xa9\tdropped \xff\n";
    let decoded = decode(text);
    assert_eq!(decoded.cell("uri"), Some("/caf\u{fffd}"));
    assert_eq!((decoded.cell("status"), decoded.nulled("status")), (None, 1));
    assert_eq!(decoded.cell("requestip"), Some("é"));
    assert_eq!(decoded.summary.lossy_cells, 3);
}

#[test]
fn timestamps_replace_a_missing_date_and_time_and_add_digits() {
    let decoded = decode("#Fields: timestamp timestamp(ms) sc-status\n1715940000.25\t1715940001123\t200\n");
    assert_eq!((decoded.cell("logdate"), decoded.cell("logtime")), (Some("2024-05-17"), Some("10:00:01")));
    assert_eq!(decoded.cell("requesttime"), Some("1715940001123000 us"));
    let header = "#Fields: date time timestamp timestamp(ms)\n2024-05-17\t10:00:00\t";
    let time = |stamps: &str| decode(format!("{header}{stamps}\n")).cell("requesttime").unwrap().to_owned();
    assert_eq!(time("1715940000.5\t1715940000123"), "1715940000123000 us");
    assert_eq!(time("1715940000.5\t1715940001123"), "1715940000500000 us", "milliseconds of another second");
    assert_eq!(time("1715940009\t-"), "1715940000000000 us");
}

#[test]
fn the_map_holds_what_no_column_claims() {
    let decoded = decode(
        "#Fields: zeta date time alpha DistributionId timestamp viewer-request-log-data a-longer-name-than-twelve\n\
         z\t2024-05-17\t10:00:00\t-\tE1\t-\t\ta longer value than twelve\n\
         -\t2024-05-17\t10:00:01\t-\n\
         y\t2024-05-17\t10:00:02\ta\tE1\t-\tv\tw\n",
    );
    let maps = [
        Some("{a-longer-name-than-twelve: a longer value than twelve, viewer-request-log-data: , zeta: z}"),
        Some("{}"),
        Some("{a-longer-name-than-twelve: w, alpha: a, viewer-request-log-data: v, zeta: y}"),
    ];
    assert_eq!(decoded.rows.column("extra"), maps);
}

#[test]
fn the_decoder_names_the_fields_that_no_column_claims() {
    let text = "#Fields: date time c-port x-new\n#Fields: date time x-newer timestamp\n2024-05-17\t10:00:00\t-\t-\n";
    let unclaimed = |schema| {
        let decoded = decode_as(&options(schema, None), text).unwrap();
        decoded.unclaimed.iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(unclaimed("cf_logs"), ["c-port", "x-new", "x-newer"]);
    assert_eq!(unclaimed("cf_logs_wide"), ["x-new", "x-newer"]);
}

#[test]
fn fields_of_a_realtime_log_go_by_meaning() {
    let options =
        options("cf_logs_wide", Some("timestamp c-ip cs-host x-host-header cs-user-agent primary-distribution-id"));
    let text = "1715940000.123\t192.0.2.1\twww.example.com\td111111abcdef8.cloudfront.net\tcurl/8.5.0\tE2EXAMPLE\n";
    let decoded = decode_as(&options, text).unwrap();
    assert_eq!(decoded.cell("host"), Some("d111111abcdef8.cloudfront.net"));
    assert_eq!(decoded.cell("header"), Some("www.example.com"));
    assert_eq!((decoded.cell("useragent"), decoded.cell("browserfamily")), (Some("curl/8.5.0"), Some("curl")));
    assert_eq!(decoded.cell("distribution"), Some("E2EXAMPLE"));
    assert_eq!(decoded.cell("extra"), Some("{primary-distribution-id: E2EXAMPLE}"));
}

#[test]
fn filename_and_distribution_come_from_the_key_unless_the_record_has_an_id() {
    let decoded = decode(
        "#Fields: date time distributionid DistributionId\n2024-05-17\t10:00:00\tE2LOWER\tE2UPPER\n2024-05-17\t10:00:00\tE2LOWER\t-\n2024-05-17\t10:00:00\n",
    );
    assert_eq!(decoded.rows.column("distribution"), ["E2UPPER", "E2LOWER", "E1EXAMPLE"].map(Some));
    assert_eq!(decoded.rows.column("filename"), [Some(NAME); 3]);
}

#[test]
fn a_missing_user_agent_is_other_and_not_a_bot() {
    let decoded = decode("#Fields: date time cs(User-Agent)\n2024-05-17\t10:00:00\t-\n2024-05-17\t10:00:00\n");
    for (column, value) in [("browserfamily", "Other"), ("osfamily", "Other"), ("isbot", "False")] {
        assert_eq!(decoded.rows.column(column), [Some(value); 2], "{column}");
    }
}
