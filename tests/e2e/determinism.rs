//! Same inputs, same bytes: regardless of threads, memory and the way an object is read.

use std::{collections::BTreeMap, fs, io::Read as _};

use flate2::read::GzDecoder;
use lakefront_loggen::{Options, objects};
use serde_json::json;

use crate::{
    harness::{NOW, Row, TestFolder, gzip, log},
    seals::sha256,
};

/// Returns every file below a folder, by name, except files of the state that contain the time or a run's random text.
fn bytes_of(folder: &TestFolder, name: &str) -> BTreeMap<String, Vec<u8>> {
    const NO_FUNCTIONS_OF_THE_INPUTS: [&str; 8] =
        ["table.json", "log/", "plan/", "lease/", "closed/", "ddl/", "report/", "lock"];
    let is_function = |name: &str| {
        let name = name.strip_prefix("cf_logs.lakefront/");
        name.is_none_or(|name| !NO_FUNCTIONS_OF_THE_INPUTS.iter().any(|prefix| name.starts_with(prefix)))
    };
    let files: BTreeMap<String, Vec<u8>> =
        folder.files(name).into_iter().map(|(name, path)| (name, fs::read(path).unwrap())).collect();
    let functions = files.iter().filter(|(name, _)| is_function(name));
    functions.map(|(name, bytes)| (name.clone(), without_digests(bytes, &files))).collect()
}

/// Returns an object of the state, unpacked, without its checksum, and with digests of other objects replaced by their
/// names. Returns a data file unchanged.
fn without_digests(bytes: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    if bytes.starts_with(b"PAR1") {
        return bytes.to_vec();
    }
    let mut content = Vec::new();
    let mut gzip = GzDecoder::new(bytes);
    if gzip.header().is_some() {
        gzip.read_to_end(&mut content).unwrap();
        content.extend(gzip.header().and_then(|header| header.comment()).unwrap_or_default());
    } else {
        content.extend(bytes);
    }
    let mut text = String::from_utf8(content).unwrap();
    for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with(".parquet")) {
        text = text.replace(&sha256(bytes), name);
    }
    let checksum = text.rfind("\"checksum\":\"");
    text.truncate(checksum.unwrap_or(text.len()));
    text.into_bytes()
}

/// Returns rows of several hours, each of about `row_bytes` bytes, with a few rejects.
fn text_of(rows: usize, row_bytes: usize) -> String {
    let cell = "y".repeat(row_bytes);
    let rows: String = (0..rows)
        .map(|row| match row % 100 {
            99 => format!("x\ty\t{row}\t-\n"),
            _ => format!("2024-05-{:02}\t{:02}:00:00\t{row}\t/{row}{cell}\n", 17 + row % 3, row % 7),
        })
        .collect();
    format!("#Fields: date time sc-bytes cs-uri-stem\n{rows}")
}

/// Creates standard logs with late rows, broken objects, and objects that are too large to be read whole.
fn logs() -> TestFolder {
    let folder = TestFolder::on_disk();
    let options = Options {
        distributions: 2,
        hours: 4,
        files_per_hour: 2,
        rows_per_file: 120,
        late_percent: 5.0,
        ..Options::default()
    };
    for object in objects(&options) {
        folder.add(&object.key, object.gzip().unwrap());
    }
    let large = gzip(text_of(2000, 5000));
    folder.add("E1LARGE.2024-05-17-09.a.gz", &large);
    folder.add("E1LARGE.2024-05-17-09.b.gz", &large[..large.len() - 5]);
    folder.add("E1LARGE.2024-05-17-09.c.gz", gzip(text_of(9000, 8000)));
    folder.add("E1BROKEN.2025-01-02-04.a.gz", "no log");
    folder.add("E1REJECT.2025-01-02-04.b", log("date time", &["x y", "2024-05-17 10:00:00", "2030-01-01 00:00:00"]));
    folder
}

#[test]
fn the_same_inputs_produce_the_same_bytes_with_any_threads_and_memory() {
    let folder = logs();
    let convert = |table: &str, args: &[&str]| {
        let common = ["convert", "logs", table, "--now", NOW, "--max-ratio", "100000", "--task-bytes", "200KiB", "-q"];
        folder.run(&[&common, args].concat()).exits(3);
    };
    convert("one/cf_logs", &["--threads", "1"]);
    convert("two/cf_logs", &["--threads", "4", "--memory-bytes", "2GiB"]);
    let (one, two) = (bytes_of(&folder, "one"), bytes_of(&folder, "two"));
    assert_eq!(one.keys().collect::<Vec<_>>(), two.keys().collect::<Vec<_>>());
    for (name, bytes) in &one {
        assert!(two[name] == *bytes, "{name} differs");
    }
    let count = |ending: &str| one.keys().filter(|name| name.ends_with(ending)).count();
    assert!(count(".parquet") > 20 && count(".jsonl.gz") > 1 && count(".json") > 1, "{:?}", one.keys());
}

/// Creates logs of one task, some of them large; with `with_bad`, also bad ones that fail after their rows were read.
fn logs_that_fail_late(with_bad: bool) -> TestFolder {
    let folder = TestFolder::on_disk();
    let name = |what: &str| format!("E1.2024-05-17-09.{what}");
    let small = |row: &str| log("date time sc-bytes", &["2024-05-17 10:00:00 1", row]);
    let large = gzip(text_of(2500, 8000));
    folder.add(&name("a-small"), small("x y z"));
    folder.add(&name("b-large.gz"), &large);
    folder.add(&name("d-small"), small("2024-05-18 10:00:00 1"));
    folder.add(&name("e-large"), text_of(2500, 8000));
    folder.add(&name("h-small"), small("2024-05-19 10:00:00 1"));
    if with_bad {
        let mut wrong_crc = large.clone();
        let at = wrong_crc.len() - 8;
        wrong_crc[at] ^= 1;
        folder.add(&name("c-crc.gz"), wrong_crc);
        let hours: Vec<String> = (0..=10_000).map(|hour| format!("{}\n", 1_600_000_000 + hour * 3600)).collect();
        let too_many_hours = text_of(2500, 8000) + "#Fields: timestamp\n" + &hours.concat();
        folder.add(&name("f-hours"), too_many_hours);
        folder.add(&name("g-truncated.gz"), &large[..large.len() - 9]);
    }
    folder
}

#[test]
fn objects_that_fail_after_their_rows_were_read_change_no_byte_of_the_table() {
    let good = logs_that_fail_late(false);
    let bad = logs_that_fail_late(true);
    let common = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--max-ratio", "100000", "--report", "report.json"];
    good.run(&[&common[..], &["-q"]].concat()).exits(0);
    let of_good = bytes_of(&good, "lake/cf_logs");
    assert!(of_good.len() >= 7, "{:?}", of_good.keys());
    let mut reports = Vec::new();
    for threads in ["1", "2"] {
        for left in ["lake/cf_logs", "lake/cf_logs.lakefront"] {
            let _ = fs::remove_dir_all(bad.path(left));
        }
        let ran = bad.run(&[&common[..], &["--threads", threads]].concat()).exits(3);
        assert_eq!(ran.stderr.matches("its task starts again").count(), 1, "{}", ran.stderr);
        for message in ["c-crc.gz: decompress:", "f-hours: decode:", "g-truncated.gz: decompress:"] {
            assert_eq!(ran.stderr.matches(message).count(), 1, "{message} is reported once: {}", ran.stderr);
        }
        assert!(bytes_of(&bad, "lake/cf_logs") == of_good, "bad objects do not change a byte");
        let reasons: Vec<_> = bad.quarantine().iter().map(|entry| entry["reason"].clone()).collect();
        let rejects = |count: usize| vec![json!("bad-date"); count];
        let expected = [
            rejects(26),
            vec![json!("gzip-corrupt")],
            rejects(25),
            vec![json!("too-many-hours"), json!("gzip-truncated")],
        ];
        assert_eq!(reasons, expected.concat());
        assert_eq!(bad.report()["objects"]["converted"], 5);
        assert_eq!(bad.report()["rejects"], good.report()["rejects"]);
        reports.push(bytes_of(&bad, "lake"));
    }
    assert!(reports[0] == reports[1], "threads change nothing");
}

#[test]
fn a_second_run_at_another_time_produces_the_same_bytes() {
    let folder = TestFolder::new();
    folder.add("a.log", text_of(300, 20));
    folder.run(&["convert", "logs", "one/cf_logs", "-q", "--now", "2025-06-01T00:00:00Z"]).exits(0);
    folder.run(&["convert", "logs", "two/cf_logs", "-q", "--now", "2026-07-31T23:59:59Z"]).exits(0);
    assert!(bytes_of(&folder, "one") == bytes_of(&folder, "two"));
}

fn without_names(rows: Vec<Row>) -> Vec<Row> {
    let is_name = |column: &str| ["filename", "distribution"].contains(&column);
    let strip = |mut row: Row| {
        row.cells.retain(|(column, _)| !is_name(column));
        row
    };
    rows.into_iter().map(strip).collect()
}

#[test]
fn an_object_has_the_same_rows_read_whole_and_in_blocks() {
    // 12 MiB of text: more than is read whole. The small objects have the same lines.
    let text = text_of(3000, 4000);
    let folder = TestFolder::on_disk();
    folder.add("large.log", &text);
    let (header, rows) = text.split_once('\n').unwrap();
    let rows: Vec<&str> = rows.lines().collect();
    for (number, rows) in rows.chunks(211).enumerate() {
        folder.write(&format!("small/{number:03}.log"), format!("{header}\n{}\n", rows.join("\n")));
    }
    let report = folder.converts(&[]);
    assert_eq!(report["rejects"], json!({"bad-date": 30}));
    folder.run(&["convert", "small", "other/cf_logs", "-q"]).exits(0);
    let (large, small) = (without_names(folder.rows()), without_names(folder.rows_of("other/cf_logs")));
    assert_eq!(large.len(), 2970);
    assert!(large == small, "rows differ");
}

#[test]
fn a_gzip_member_may_end_anywhere_without_changing_a_row() {
    let text = text_of(120, 10);
    let folder = TestFolder::new();
    folder.add("whole.log", &text);
    for (number, border) in (1..text.len()).step_by(text.len() / 40).enumerate() {
        let (first, second) = text.split_at(border);
        folder.write(&format!("cut/{number:03}.gz"), [gzip(first), gzip(second)].concat());
    }
    folder.converts(&[]);
    folder.run(&["convert", "cut", "other/cf_logs", "-q"]).exits(0);
    let whole = without_names(folder.rows());
    let mut by_object: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in folder.rows_of("other/cf_logs") {
        by_object.entry(row.get("filename").to_string()).or_default().push(row);
    }
    assert!(by_object.len() >= 40);
    for (object, rows) in by_object {
        assert!(without_names(rows) == whole, "{object}");
    }
}

#[test]
fn no_data_file_is_larger_than_max_file_bytes() {
    let folder = TestFolder::on_disk();
    // Request ids, which do not compress.
    let options = Options { rows_per_file: 20_000, plain: true, late_percent: 0.0, ..Options::default() };
    for object in objects(&options) {
        folder.add(&object.key, &object.text);
    }
    folder.converts(&["--max-file-bytes", "1MiB"]);
    let files = folder.files("lake/cf_logs");
    assert!(files.len() > 1, "{files:?}");
    assert!(
        files.keys().next().unwrap().ends_with("-000.parquet")
            && files.keys().nth(1).unwrap().ends_with("-001.parquet")
    );
    for (name, path) in files {
        assert!(path.metadata().unwrap().len() <= 1 << 20, "{name}");
    }
    assert_eq!(folder.rows().len(), 20_000);
}
