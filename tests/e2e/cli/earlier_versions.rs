//! Tables that earlier versions left within an epoch: one without checksums, whose logs are read by several lists of
//! fields, and one of which could not be read at first; and one whose data files have a SHA-256.

use std::{collections::BTreeMap, fs};

use crate::harness::TestFolder;

/// In a bucket the log record was just copied, so the epoch looks like that of an active run.
const RESOLVE: [&str; 3] = ["resolve", "lake/cf_logs", "--take-over"];
const NOW: [&str; 2] = ["--now", "2025-01-10T00:00:00Z"];

fn table() -> TestFolder {
    TestFolder::of_earlier_version("without-checksums")
}

fn converts(folder: &TestFolder) {
    let args = ["convert", "logs", "lake/cf_logs", "--source-id", "archive"];
    // One of its logs is not a log.
    folder.run(&[&args[..], &NOW].concat()).exits(3);
}

fn rows(folder: &TestFolder) -> Vec<u64> {
    let mut rows: Vec<u64> = folder.rows().iter().map(|row| row.get("bytes").as_u64().unwrap()).collect();
    rows.sort_unstable();
    rows
}

#[test]
fn a_table_without_checksums_is_verified_as_far_as_possible() {
    let folder = table();
    let ran = folder.writes_nothing(&["verify", "lake/cf_logs", "--deep"], 0);
    assert!(ran.stdout.contains("none in 3 epochs of earlier versions"), "{}", ran.stdout);
    assert_eq!(folder.json(&["verify", "lake/cf_logs"])["epochs_without_checksums"], 3);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["open"]["epoch"], 3);
}

#[test]
fn a_table_without_checksums_is_finished_extended_and_regenerated() {
    let folder = table();
    // Its logs have moved: the epoch is finished without them, and in the new place they are new logs.
    folder.run(&RESOLVE).exits(3);
    let kept = ["seen/", "closed/", "commit/", "gone/", "log/", "plan/", "table.json"];
    let finished = folder.states(&kept);
    for (name, bytes) in &finished {
        assert!(!String::from_utf8_lossy(bytes).contains("checksum"), "{name} has a checksum");
    }
    assert_eq!(rows(&folder), [11, 12, 13, 14, 15]);
    converts(&folder);
    assert_eq!(rows(&folder), [11, 12, 13, 14, 15, 16]);
    let news = folder.states(&["log/", "closed/", "commit/", "gone/"]);
    for (name, bytes) in news.iter().filter(|(name, _)| name.contains("0000000004")) {
        assert!(String::from_utf8_lossy(bytes).contains(",\"checksum\":\""), "{name} has no checksum");
    }
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    assert_eq!(folder.json(&["verify", "lake/cf_logs"])["epochs_without_checksums"], 3);
    // Old epochs and the new one are regenerated as they were.
    is_regenerated(&folder, &finished);
}

/// Checks that the state's files still have the bytes that they had when the old epoch was finished, and are regenerated with the
/// same ones.
fn is_regenerated(folder: &TestFolder, finished: &BTreeMap<String, Vec<u8>>) {
    let before = folder.states(&["seen/", "closed/"]);
    assert!(finished.iter().all(|(name, bytes)| before.get(name).is_none_or(|before| before == bytes)));
    for name in before.keys() {
        fs::remove_file(folder.state(name)).unwrap();
    }
    folder.run(&["rebuild-state", "lake/cf_logs"]).exits(0);
    assert!(folder.states(&["seen/", "closed/"]) == before);
}

/// A table of format 3. Of its open epoch one task is committed, and a data file of the other one is stored.
fn table_with_sha256() -> TestFolder {
    TestFolder::of_earlier_version("with-sha256")
}

#[test]
fn a_table_with_sha256_is_verified_by_reading() {
    let folder = table_with_sha256();
    let ran = folder.writes_nothing(&["verify", "lake/cf_logs", "--deep"], 0);
    assert!(ran.stdout.contains("every byte read") && !ran.stdout.contains("earlier versions"), "{}", ran.stdout);
    let status = folder.json(&["status", "lake/cf_logs"]);
    assert_eq!((&status["open"]["epoch"], &status["open"]["committed"]), (&3.into(), &1.into()));
    let name = "year=2025/month=01/day=02/hour=03/part-0000000001-00000-000.parquet";
    let path = folder.path("lake/cf_logs").join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[20] ^= 1;
    fs::write(&path, bytes).unwrap();
    let ran = folder.writes_nothing(&["verify", "lake/cf_logs", "--deep"], 1);
    assert!(ran.stdout.contains(name) && ran.stdout.contains("their SHA-256 is "), "{}", ran.stdout);
}

#[test]
fn a_table_with_sha256_is_finished_extended_retried_and_regenerated() {
    let folder = table_with_sha256();
    folder.run(&RESOLVE).exits(3);
    let kept = ["seen/", "closed/", "commit/", "gone/", "log/", "plan/", "table.json"];
    let finished = folder.states(&kept);
    for (name, bytes) in finished.iter().filter(|(_, bytes)| bytes.starts_with(b"{")) {
        let text = String::from_utf8_lossy(bytes);
        assert!(text.starts_with("{\"format\":3,") && text.contains(",\"checksum\":\""), "{name}: {text}");
        assert!(!text.contains("crc64nvme"), "{name}: {text}");
    }
    // Its logs have moved: the log of the task that was not committed is gone, and in the new place it is a new log.
    assert_eq!(rows(&folder), [11, 12, 14, 15]);
    converts(&folder);
    assert_eq!(rows(&folder), [11, 12, 14, 15, 16]);
    let news = folder.states(&["log/0000000004", "closed/0000000004", "commit/0000000004", "gone/0000000004"]);
    assert!(news.values().all(|bytes| bytes.starts_with(b"{\"format\":4,")));
    let of_files = |name: &str| String::from_utf8_lossy(&news[name]).matches("\"crc64nvme\":\"").count();
    let with_crc: Vec<&String> = news.keys().filter(|name| of_files(name) > 0).collect();
    assert!(with_crc.len() == 1 && with_crc[0].starts_with("commit/"), "{with_crc:?}");
    // The log that failed is still bad.
    folder.run(&[&["retry", "lake/cf_logs"], &NOW[..]].concat()).exits(3);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    // Old epochs and the new ones are regenerated as they were.
    is_regenerated(&folder, &finished);
}

#[test]
fn a_log_record_of_a_lower_format_is_refused() {
    let folder = TestFolder::of_two_tasks();
    folder.edit_record("log/0000000001.json", |log| log["format"] = 3.into());
    let says = "has format 3, but a record before it has format 4: it is not the record that was written";
    folder.writes_nothing(&["verify", "lake/cf_logs"], 1).says("log/0000000001.json").says(says);
    folder.refuses().says(says).says("\nhint: ");
}

#[test]
fn a_data_file_of_a_commit_has_the_hash_of_its_format() {
    type Change = fn(&mut serde_json::Map<String, serde_json::Value>);
    let changes: [(Change, &str); 5] = [
        (|file| drop(file.remove("crc64nvme")), "neither `crc64nvme` nor `sha256`"),
        (|file| drop(file.insert("sha256".to_owned(), "0".repeat(64).into())), "both `crc64nvme` and `sha256`"),
        (|file| drop(file.insert("crc64nvme".to_owned(), "AAAA".into())), "not 8 bytes in base64"),
        (
            |file| {
                file.remove("crc64nvme");
                file.insert("sha256".to_owned(), "0".repeat(64).into());
            },
            "lacks a digest that its format requires",
        ),
        (|file| drop(file.insert("crc32".to_owned(), "AAAA".into())), "unknown field `crc32`"),
    ];
    for (change, says) in changes {
        let folder = TestFolder::of_two_tasks();
        folder.edit_record("commit/0000000001/00000.json", |commit| {
            change(commit["files"][0].as_object_mut().unwrap());
        });
        let ran = folder.writes_nothing(&["verify", "lake/cf_logs"], 1);
        assert!(ran.stderr.contains(says) && ran.stderr.contains("commit/0000000001/00000.json"), "{}", ran.stderr);
    }
}

#[test]
fn numbers_of_forged_records_are_not_added_past_the_largest() {
    let folder = table();
    for epoch in [1, 2] {
        let file = folder.state(&format!("closed/{epoch:010}.json"));
        let mut record: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for number in ["rows", "bytes", "files", "rejects"] {
            record[number] = u64::MAX.into();
        }
        record["inputs"]["converted"] = u64::MAX.into();
        fs::write(&file, record.to_string()).unwrap();
    }
    let status = folder.json(&["status", "lake/cf_logs"]);
    for number in ["rows", "bytes", "files", "rejects"] {
        assert_eq!(status[number], u64::MAX, "{number}");
    }
    assert_eq!(status["inputs"]["converted"], u64::MAX);
}

#[test]
fn every_record_after_one_with_a_checksum_must_have_one() {
    let folder = table();
    folder.run(&RESOLVE).exits(3);
    converts(&folder);
    // Epoch 4 as an earlier version would have written it.
    let name = "log/0000000004.json";
    let text = fs::read_to_string(folder.state(name)).unwrap();
    let body = &text[..text.rfind(",\"table\"").unwrap()];
    fs::write(folder.state(name), body.replacen("\"format\":4", "\"format\":1", 1) + "}").unwrap();
    folder.writes_nothing(&["verify", "lake/cf_logs"], 1).says("\nhint: ");
    let args = ["convert", "logs", "lake/cf_logs", "--source-id", "archive"];
    folder.writes_nothing(&[&args[..], &NOW].concat(), 1).says("0000000004.json").says("\nhint: ");
}

#[test]
fn a_flipped_bit_in_a_log_record_is_reported_with_a_hint() {
    let folder = TestFolder::of_two_tasks();
    let name = "log/0000000001.json";
    let text = fs::read_to_string(folder.state(name)).unwrap();
    fs::write(folder.state(name), text.replacen("sc-bytes", "sc-bytEs", 1)).unwrap();
    for command in ["verify", "status", "ddl", "convert", "retry", "resolve", "rebuild-state"] {
        let args =
            if command == "convert" { vec![command, "logs", "lake/cf_logs"] } else { vec![command, "lake/cf_logs"] };
        folder
            .writes_nothing(&args, 1)
            .says("cf_logs.lakefront/log/0000000001.json: is damaged: its checksum does not match")
            .says("\nhint: restore the object from a backup");
    }
}
