//! Whole objects: how they are read, and why one fails.

use serde_json::{Value, json};

use crate::harness::{TestFolder, era_row, gzip, log, standard_log, tabs};

const MIB: usize = 1 << 20;
const GOOD: &str = "#Fields: date time sc-bytes\n2024-05-17\t10:00:00\t1\n";

#[test]
fn all_gzip_members_are_read_and_a_line_may_span_two() {
    let text =
        log("date time sc-bytes", &["2024-05-17 10:00:00 1", "2024-05-17 10:00:00 234", "2024-05-17 10:00:00 5"]);
    let (first, second) = text.split_at(text.find("34").unwrap());
    let folder = TestFolder::with_log([gzip(first), gzip(""), gzip(second)].concat());
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 234, 5]));
}

#[test]
fn each_member_may_have_a_header() {
    let second = log("sc-bytes time date", &["2 10:00:00 2024-05-17"]);
    let folder = TestFolder::with_log([gzip(GOOD), gzip(second)].concat());
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2]));
}

#[test]
fn gzip_is_recognised_by_its_magic_bytes_and_not_by_its_name() {
    let folder = TestFolder::new();
    folder.add("gzip-without-its-name", gzip(GOOD));
    folder.add("plain.gz", GOOD);
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 1]));
}

#[test]
fn zero_bytes_after_the_last_member_are_padding() {
    let folder = TestFolder::with_log([gzip(GOOD), vec![0; 70_000]].concat());
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1]));
}

#[test]
fn empty_header_only_and_zero_byte_objects_are_converted_without_rows() {
    let folder = TestFolder::new();
    folder.add("empty-member.gz", gzip(""));
    folder.add("header-only.gz", gzip(log("date time", &[])));
    folder.add("zero-bytes.gz", "");
    folder.add("blanks.log", "\n \n\t\n");
    let report = folder.converts(&[]);
    assert_eq!((&report["objects"]["converted"], &report["rows"], &report["files"]), (&4.into(), &0.into(), &0.into()));
    assert_eq!(folder.tree("lake/cf_logs"), Vec::<String>::new());
}

/// Converts a bad object and a good one. Returns the bad one's entry in the quarantine.
fn fails(bytes: impl AsRef<[u8]>, args: &[&str]) -> Value {
    let folder = TestFolder::new();
    folder.add("a-good.log", GOOD);
    folder.add("bad.log", bytes);
    folder.add("good.log", GOOD);
    let ran = folder.convert(args).exits(3);
    let report = folder.report();
    assert_eq!((&report["objects"]["converted"], &report["objects"]["failed"]), (&2.into(), &1.into()));
    assert_eq!(report["outcome"], "done-with-failures");
    assert_eq!(report["rejects"], json!({}), "a failed object leaves no rejects");
    assert_eq!(folder.column("filename"), json!(["a-good.log", "good.log"]), "a failed object leaves no rows");
    let mut quarantine = folder.quarantine();
    assert_eq!(quarantine.len(), 1, "{quarantine:?}");
    let entry = quarantine.remove(0);
    assert_eq!(entry["object"], folder.object("bad.log"));
    assert_eq!(entry, report["failed_objects"][0], "report and quarantine are equal");
    let message = entry["message"].as_str().unwrap();
    assert!(ran.stderr.contains(&folder.object("bad.log")), "{}", ran.stderr);
    assert!(ran.stderr.contains(message.lines().next().unwrap()), "{}", ran.stderr);
    entry
}

fn assert_fails(bytes: impl AsRef<[u8]>, args: &[&str], reason: &str, says: &[&str]) {
    let entry = fails(bytes, args);
    assert_eq!(entry["reason"], reason, "{entry}");
    let message = entry["message"].as_str().unwrap();
    for text in says {
        assert!(message.contains(text), "`{text}` is not in: {message}");
    }
}

/// Returns a log with rows and rejects, long enough that they come before any damage at its end.
fn long_log() -> String {
    let rows = (0..3000).map(|row| format!("2024-05-17\t10:00:00\t{row}\nx\ty\t{}\n", row * 7919 % 3001));
    "#Fields: date time sc-bytes\n".to_owned() + &rows.collect::<Vec<_>>().concat()
}

#[test]
fn a_truncated_object_fails_alone_and_leaves_no_rows_and_no_rejects() {
    let whole = gzip(long_log());
    for cut in [whole.len() - 1, whole.len() - 8, whole.len() / 2, 12, 3] {
        assert_fails(&whole[..cut], &[], "gzip-truncated", &["decompress", &cut.to_string()]);
    }
}

#[test]
fn a_truncated_second_member_fails_the_whole_object() {
    let second = gzip(GOOD);
    let object = [gzip(long_log()), second[..second.len() - 3].to_vec()].concat();
    assert_fails(object, &[], "gzip-truncated", &[]);
}

#[test]
fn a_corrupt_object_fails_by_its_crc_or_its_length() {
    for from_end in [5, 1] {
        let mut object = gzip(long_log());
        let at = object.len() - from_end;
        object[at] ^= 0x55;
        assert_fails(object, &[], "gzip-corrupt", &["decompress: byte "]);
    }
    let mut object = gzip(long_log());
    let middle = object.len() / 2;
    object[middle..middle + 20].fill(0xff);
    assert_fails(object, &[], "gzip-corrupt", &[]);
}

#[test]
fn bytes_other_than_zero_after_the_last_member_are_damage() {
    assert_fails([gzip(long_log()), b"\0\0x".to_vec()].concat(), &[], "gzip-corrupt", &["after the last member"]);
    assert_fails([gzip(long_log()), b"2024-05-17\t10:00:00\n".to_vec()].concat(), &[], "gzip-corrupt", &[]);
}

/// Returns a log of more than 8 MiB of text with rows and rejects, which is read in two passes.
fn large_log() -> String {
    let cell = "x".repeat(10_000);
    let rows = (0..900).map(|row| format!("2024-05-17\t10:00:00\t{row}\t{cell}\nx\ty\t{row}\n"));
    "#Fields: date time sc-bytes cs-uri-stem\n".to_owned() + &rows.collect::<Vec<_>>().concat()
}

#[test]
fn a_large_object_that_is_damaged_at_its_end_leaves_no_rows_and_no_rejects() {
    let whole = gzip(large_log());
    assert_fails(&whole[..whole.len() - 4], &[], "gzip-truncated", &[]);
    assert_fails([&whole, &b"damage"[..]].concat(), &[], "gzip-corrupt", &[]);
    assert_fails(large_log() + "#Fields: date time x-event\n", &[], "rtmp", &["line 1802"]);
}

#[test]
fn more_text_than_max_text_bytes_fails_the_object() {
    let limit = long_log().len();
    assert_fails(
        gzip(long_log()),
        &["--max-text-bytes", &(limit - 1).to_string()],
        "too-large",
        &["`--max-text-bytes`"],
    );
    assert_fails(long_log(), &["--max-text-bytes", &(limit - 1).to_string()], "too-large", &["`--max-text-bytes`"]);
    let folder = TestFolder::with_log(gzip(long_log()));
    let report = folder.converts(&["--max-text-bytes", &limit.to_string()]);
    assert_eq!(report["rows"], 3000);
}

/// Returns one row and long comments of this total size, which compress hundreds of times.
fn bomb(text_bytes: usize) -> Vec<u8> {
    let line = "#".to_owned() + &"a".repeat(MIB - 2) + "\n";
    let comments = gzip(line.repeat(16));
    let mut object = gzip(GOOD);
    for _ in 0..text_bytes / (16 * MIB) {
        object.extend_from_slice(&comments);
    }
    object
}

#[test]
fn text_over_64_mib_that_exceeds_the_ratio_fails_the_object() {
    let object = bomb(64 * MIB);
    assert!(object.len() * 200 < 64 * MIB, "{}", object.len());
    assert_fails(&object, &[], "too-large", &["`--max-ratio`"]);
    let folder = TestFolder::new();
    folder.add("more.gz", &object);
    folder.add("less.gz", bomb(48 * MIB));
    let report = folder.converts(&["--max-ratio", "1000000"]);
    assert_eq!(report["rows"], 2);
}

#[test]
fn text_up_to_64_mib_may_exceed_the_ratio() {
    let folder = TestFolder::with_log(bomb(48 * MIB));
    let report = folder.converts(&["--max-ratio", "1"]);
    assert_eq!(report["rows"], 1);
}

/// Returns a log with a row in each of `hours` hours.
fn log_of_hours(hours: usize) -> String {
    let rows = (0..hours).map(|hour| format!("{}\n", 1_600_000_000 + hour * 3600));
    "#Fields: timestamp\n".to_owned() + &rows.collect::<Vec<_>>().concat()
}

#[test]
fn an_object_that_names_more_than_10_000_hours_fails() {
    let by_year = ["--partition-by", "year"];
    assert_fails(log_of_hours(10_001), &by_year, "too-many-hours", &["line 10002", "10000"]);
    let folder = TestFolder::with_log(log_of_hours(10_000));
    let report = folder.converts(&by_year);
    assert_eq!((&report["rows"], &report["partitions"]), (&10_000.into(), &2.into()));
}

#[test]
fn an_rtmp_log_fails_with_its_header_in_any_place() {
    let rtmp = "#Version: 1.0\n#Fields: date time x-edge-location c-ip x-event sc-bytes\n";
    assert_fails(rtmp, &[], "rtmp", &["line 2", "`x-event`", "RTMP"]);
    assert_fails(long_log() + rtmp, &[], "rtmp", &["RTMP"]);
}

#[test]
fn a_file_that_is_not_a_cloudfront_log_fails_with_that_message() {
    for text in ["#Fields: timestamp_utc client server\n1\t2\t3\n", "#Fields:\na\n"] {
        assert_fails(text, &[], "no-cloudfront-log", &["line 1", "no CloudFront log"]);
    }
    for text in [
        "Dear reader,\nthis is a letter.\n",
        "a\tb\tc\n",
        "\u{1}\u{2}\u{3}",
        "\x1f",
        "{\"a\":\"b\"}\n",
        "{\n\"date\":\n",
    ] {
        assert_fails(text, &[], "no-cloudfront-log", &["line 1", "no CloudFront log"]);
    }
    assert_fails("x".repeat(2 * MIB), &[], "no-cloudfront-log", &["line 1"]);
    assert_fails(long_log() + "#Fields: foo bar\n", &[], "no-cloudfront-log", &["line 6002"]);
}

#[test]
fn unsupported_formats_fail_with_their_name() {
    let quoted = "#Fields: date time x-edge-location\n\"2024-05-17\",\"10:00:00\",\"DFW3\"\n";
    assert_fails(quoted, &[], "unsupported-format", &["line 2", "quoted cells"]);
    assert_fails(gzip(quoted), &[], "unsupported-format", &["line 2", "quoted cells"]);
    assert_fails(b"PAR1\x15\x04\x15\x10\xff\xfe\x00PAR1", &[], "parquet-corrupt", &["Parquet"]);
}

/// Returns a tar archive with one member.
fn tar(member: &[u8], magic: &[u8]) -> Vec<u8> {
    let mut header = vec![0; 512];
    header[..9].copy_from_slice(b"E1EX.a.gz");
    header[124..136].copy_from_slice(format!("{:011o}\0", member.len()).as_bytes());
    header[257..257 + magic.len()].copy_from_slice(magic);
    let sum: u64 = header.iter().map(|&byte| u64::from(byte)).sum::<u64>() + 8 * u64::from(b' ');
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header, member, &vec![0; 1024 + 512 - member.len() % 512]].concat()
}

#[test]
fn archives_fail_with_their_name_with_any_field_list() {
    let zstd = [&b"\x28\xb5\x2f\xfd"[..], &b"\t\n\x80".repeat(300)].concat();
    let streamed = [&b"\x28\xb5\x2f\xfd"[..], &vec![b'\n'; 17 * MIB]].concat();
    for args in [&[][..], &["--fields", "timestamp c-ip"]] {
        for (object, says) in [
            (zstd.clone(), "zstd archive: unpack it first"),
            (streamed.clone(), "zstd archive: unpack it first"),
            (gzip(&zstd), "zstd archive in gzip: unpack it first"),
            (b"PK\x03\x04\x14\0log".to_vec(), "zip archive: unpack it first"),
            (b"\xfd7zXZ\0\0\x04".to_vec(), "xz archive: unpack it first"),
            (b"BZh91AY&SY\x9c".to_vec(), "bzip2 archive: unpack it first"),
            (b"\x04\x22\x4d\x18\x64".to_vec(), "lz4 archive: unpack it first"),
            (b"\xff\x06\0\0sNaPpY\x01".to_vec(), "snappy archive: unpack it first"),
            (tar(GOOD.as_bytes(), b"ustar\x0000"), "tar archive: unpack it first"),
            (gzip(tar(GOOD.as_bytes(), b"ustar  \0")), "tar archive in gzip: unpack it first"),
            (gzip(tar(&gzip(GOOD), b"")), "tar archive in gzip: unpack it first"),
            (gzip(gzip(GOOD)), "gzip archive in gzip: unpack it first"),
        ] {
            let entry = fails(object, args);
            assert_eq!(
                (&entry["reason"], &entry["message"]),
                (&"archive".into(), &format!("decompress: {says}").into())
            );
        }
    }
}

#[test]
fn data_of_other_programs_fails_with_its_name_and_without_a_hint_about_fields() {
    for (object, says) in [(&b"ORC\x0a\x03"[..], "ORC"), (b"Obj\x01\x04", "Avro"), (b"SQLite format 3\0\x10", "SQLite")]
    {
        assert_fails(object, &["--fields", "timestamp c-ip"], "unsupported-format", &[says]);
    }
    for object in [&b"\x12\x34\0\x56"[..], b"\0\0\0\0", b"\x80\x81\n\0"] {
        let message = fails(object, &[])["message"].as_str().unwrap().to_owned();
        assert!(message.contains("binary data, not text") && !message.contains("--fields"), "{message}");
    }
}

#[test]
fn a_log_that_looks_like_an_archive_is_converted() {
    let folder = TestFolder::new();
    let list = "x-edge-location timestamp sc-bytes";
    folder.add("a.log", "PAR1-C1\t1715940000\t1\n");
    folder.add("b.log", "ORC52\t1715940000\t2\n");
    folder.add("c.log", "PK\t1715940000\t3\n");
    folder.add("d.log", "BZh9\t1715940000\t4\n");
    folder.converts(&["--fields", list]);
    assert_eq!(folder.column("bytes"), json!([1, 2, 3, 4]));
}

#[test]
fn an_object_with_only_rejected_rows_fails_as_a_whole() {
    let rejects = "2024-02-30\t10:00:00\t1\n-\t-\t2\nx\ty\t3\n";
    let log = |lines: &str| format!("#Fields: date time sc-bytes\n#\n\n{lines}");
    let says = ["every row was rejected (bad-date: 2, no-time: 1)"];
    assert_fails(log(rejects), &[], "all-rows-rejected", &says);
    assert_fails(gzip(log(rejects)), &[], "all-rows-rejected", &says);
    assert_fails(log(rejects), &["--max-rejects", "0"], "all-rows-rejected", &says);
    // A different delimiter.
    assert_fails(GOOD.replace('\t', "|"), &[], "all-rows-rejected", &["no-time: 1", "TABs"]);
    // Too many for one batch, and for one block.
    let many = log(&rejects.repeat(50_000));
    assert_fails(&many, &["--max-rejects", "0"], "all-rows-rejected", &["bad-date: 100000, no-time: 50000"]);
    let of_lines = |line: &str| line.repeat(200_000);
    let args = ["--fields", "timestamp c-ip sc-bytes"];
    assert_fails(
        of_lines("1715940000\t1\n"),
        &args,
        "all-rows-rejected",
        &["wrong-cell-count: 200000", "line 1 has 2"],
    );
}

#[test]
fn a_streamed_object_with_only_rejected_rows_leaves_no_reject_either() {
    let line = format!("x\ty\t{}\n", "z".repeat(1000));
    let object = format!("#Fields: date time cs-uri-stem\n{}", line.repeat(18_000));
    assert!(object.len() > 17 * MIB);
    assert_fails(object, &[], "all-rows-rejected", &["bad-date: 18000"]);
}

#[test]
fn an_object_with_rejects_and_one_good_row_is_good() {
    let folder = TestFolder::with_log("#Fields: date time sc-bytes\nx\ty\t1\n2024-05-17\t10:00:00\t2\nx\ty\t3\n");
    let report = folder.converts(&[]);
    assert_eq!((folder.column("bytes"), &report["rejects"]), (json!([2]), &json!({"bad-date": 2})));
}

#[test]
fn objects_before_and_after_a_failed_one_keep_their_rows_and_rejects() {
    let folder = TestFolder::new();
    folder.add("1.log", log("date time sc-bytes", &["2024-05-17 10:00:00 1", "x y 1"]));
    folder.add("2.gz", &gzip(long_log())[..200]);
    folder.add("3.log", standard_log(&[&[("sc-bytes", "3")]]));
    folder.add("4.log", long_log() + "#Fields: nothing known\n");
    folder.add("5.log", era_row(12) + &tabs("\nx y z"));
    let report = folder.converts_with_failures(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 3, 1501]));
    assert_eq!(report["rejects"], json!({"bad-date": 2}));
    let objects: Vec<Value> = folder.quarantine().iter().map(|entry| entry["object"].clone()).collect();
    let expected = ["1.log", "2.gz", "4.log", "5.log"].map(|key| Value::from(folder.object(key)));
    assert_eq!(objects, expected);
}

#[test]
fn if_every_object_fails_there_is_a_quarantine_but_no_table() {
    let folder = TestFolder::with_log("no log at all");
    let report = folder.converts_with_failures(&[]);
    assert_eq!((&report["files"], &report["objects"]["failed"]), (&0.into(), &1.into()));
    assert_eq!(folder.quarantine().len(), 1);
}
