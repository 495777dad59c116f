//! A table that a version without checksums left within an epoch. Its logs are read by several lists of fields, and one
//! of them could not be read at first.

use std::fs;

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
    let before = folder.states(&["seen/", "closed/"]);
    assert!(finished.iter().all(|(name, bytes)| before.get(name).is_none_or(|before| before == bytes)));
    for name in before.keys() {
        fs::remove_file(folder.state(name)).unwrap();
    }
    folder.run(&["rebuild-state", "lake/cf_logs"]).exits(0);
    assert!(folder.states(&["seen/", "closed/"]) == before);
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
    fs::write(folder.state(name), body.replacen("\"format\":3", "\"format\":1", 1) + "}").unwrap();
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
