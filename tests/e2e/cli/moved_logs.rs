//! Logs that moved after their conversion, exist twice, or exist both packed and unpacked: a table by name recognises
//! them, other tables convert them again with a warning.

use std::fs;

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, gzip, log};

const BY_NAME: [&str; 4] = ["--identity", "name", LEAN[0], LEAN[1]];

fn name(hour: u32) -> String {
    format!("E1EXAMPLE.2024-05-17-{hour:02}.0123abcd.gz")
}

/// Returns a log of that hour; different texts have different sizes.
fn log_of(hour: u32, bytes: u64) -> Vec<u8> {
    gzip(log("date time sc-bytes", &[&format!("2024-05-17 {hour:02}:00:00 {bytes}")]))
}

/// Creates a table, with these flags, of one log each of the hours 9 and 10, in `logs/`.
fn table(args: &[&str]) -> TestFolder {
    let folder = TestFolder::new();
    for hour in [9, 10] {
        folder.add(&name(hour), log_of(hour, hour.into()));
    }
    folder.converts(args);
    folder
}

/// Moves a log to another folder below `logs/`.
fn move_to(folder: &TestFolder, from: &str, to: &str) {
    let to = folder.path(&format!("logs/{to}"));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(folder.path(&format!("logs/{from}")), to).unwrap();
}

fn rows(folder: &TestFolder) -> Vec<u64> {
    let mut rows: Vec<u64> = folder.rows().iter().map(|row| row.get("bytes").as_u64().unwrap()).collect();
    rows.sort_unstable();
    rows
}

fn does_not_say(ran: &RunOutput, text: &str) {
    assert!(!ran.stderr.contains(text), "{}", ran.stderr);
}

const MOVED: &str = "logs have the same name and size as logs already converted under another key";

#[test]
fn logs_that_moved_are_converted_again_with_a_warning_that_counts_them() {
    let folder = table(&LEAN);
    for hour in [9, 10] {
        move_to(&folder, &name(hour), &format!("year=2024/{}", name(hour)));
    }
    folder.add(&name(11), log_of(11, 11));
    let args = ["convert", "logs", "lake/cf_logs", "--now", NOW];
    let ran = folder.writes_nothing(&[&args[..], &["--dry-run"]].concat(), 0);
    assert!(ran.stdout.contains(&format!("2 {MOVED}")), "{}", ran.stdout);
    let ran = folder.convert(&["--quiet"]).exits(0).says(&format!("2 {MOVED}")).says("--identity name");
    assert_eq!(ran.stderr.matches(MOVED).count(), 1, "{}", ran.stderr);
    assert_eq!(folder.report()["objects"]["doubles"]["moved"], 2);
    assert_eq!(rows(&folder), [9, 9, 10, 10, 11]);
    does_not_say(&folder.convert(&[]).exits(0), MOVED);
}

#[test]
fn records_of_an_earlier_version_are_read_regenerated_to_the_byte_and_compared() {
    let folder = TestFolder::of_earlier_version("without-sizes");
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    let kept = ["seen/", "closed/"];
    let before = folder.states(&kept);
    for name in before.keys() {
        fs::remove_file(folder.state(name)).unwrap();
    }
    folder.run(&["rebuild-state", "lake/cf_logs"]).exits(0);
    assert!(folder.states(&kept) == before);
    // These logs were in another place then. Their versions contain their sizes.
    folder.convert(&LEAN).exits(0).says(&format!("3 {MOVED}"));
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW, "--identity", "name"], 2);
}

#[test]
fn a_log_of_the_same_name_and_another_size_is_another_log() {
    let folder = table(&LEAN);
    folder.add(&format!("other/{}", name(9)), log_of(9, 123_456_789));
    does_not_say(&folder.convert(&[]).exits(0), "same name");
    assert_eq!(folder.report()["objects"]["doubles"]["moved"], 0);
}

#[test]
fn a_log_that_had_no_rows_before_it_moved_is_not_a_duplicate() {
    let folder = TestFolder::new();
    folder.add("a/E1.gz", "no log");
    folder.add("a/E2.log", "");
    folder.converts_with_failures(&LEAN);
    folder.add("b/E1.gz", "no log");
    folder.add("b/E2.log", "");
    folder.convert(&[]).exits(3);
    assert_eq!(folder.report()["objects"]["doubles"]["moved"], 0);
}

#[test]
fn two_logs_of_one_name_and_size_in_one_listing_are_warned_about() {
    let folder = TestFolder::new();
    for place in ["a", "b", "c"] {
        folder.add(&format!("{place}/{}", name(9)), log_of(9, 9));
    }
    folder.convert(&LEAN).exits(0).says("2 logs have the same name and size as another log of this listing");
    assert_eq!(folder.report()["objects"]["doubles"]["twins"], 2);
    assert_eq!(rows(&folder), [9, 9, 9]);
}

#[test]
fn a_log_that_is_packed_and_unpacked_is_warned_about_in_either_order() {
    const BOTH: &str = "1 logs exist or were converted both with and without `.gz`";
    let text = log("date time sc-bytes", &["2024-05-17 09:00:00 9"]);
    let (packed, unpacked) = (name(9), name(9).replace(".gz", ""));
    for (first, second) in [(&packed, &unpacked), (&unpacked, &packed)] {
        for flags in [&LEAN[..], &BY_NAME] {
            let bytes = |name: &String| if *name == packed { gzip(&text) } else { text.clone().into_bytes() };
            let folder = TestFolder::new();
            folder.add(first, bytes(first));
            does_not_say(&folder.convert(flags).exits(0), "without");
            folder.add(&format!("other/{second}"), bytes(second));
            folder.convert(&[]).exits(0).says(BOTH);
            assert_eq!(folder.report()["objects"]["doubles"]["unpacked"], 1);
            does_not_say(&folder.convert(&[]).exits(0), "without");

            let folder = TestFolder::new();
            folder.add(first, bytes(first));
            folder.add(second, bytes(second));
            folder.convert(flags).exits(0).says(BOTH);
            assert_eq!(rows(&folder), [9, 9]);
        }
    }
}

#[test]
fn by_name_logs_stay_known_in_any_place_and_any_source() {
    let folder = table(&BY_NAME);
    for hour in [9, 10] {
        move_to(&folder, &name(hour), &format!("year=2024/hour={hour}/{}", name(hour)));
    }
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0).says("2 converted before");
    fs::rename(folder.path("logs"), folder.path("attic")).unwrap();
    // The source and its id do not matter.
    for id in [&[][..], &["--source-id", "attic"], &["--source-id", "other"]] {
        let args = [&["convert", "attic", "lake/cf_logs", "--now", NOW], id].concat();
        folder.writes_nothing(&args, 0).says("2 converted before");
    }
    folder.write(&format!("attic/{}", name(11)), log_of(11, 11));
    folder.run(&["convert", "attic", "lake/cf_logs", "--now", NOW, "--source-id", "x"]).exits(0).says("1 converted");
    assert_eq!(rows(&folder), [9, 10, 11]);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.writes_nothing(&["rebuild-state", "lake/cf_logs"], 0);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["identity"], "name");
}

#[test]
fn by_name_another_size_is_reported_once_with_both_places_and_not_read() {
    let folder = table(&BY_NAME);
    let (first, second) = (name(9), format!("copy/{}", name(9)));
    folder.add(&second, log_of(9, 123_456_789));
    let ran = folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW, "--dry-run"], 0);
    assert!(ran.stdout.contains("changed     1 objects"), "{}", ran.stdout);
    folder.convert(&[]).exits(3).says(&folder.object(&first)).says(&folder.object(&second)).says("another size");
    let lost = &folder.report()["lost_objects"][0];
    assert_eq!((&lost["reason"], &lost["object"]), (&"changed".into(), &folder.object(&second).into()));
    assert!(lost["message"].as_str().unwrap().contains(&folder.object(&first)), "{lost}");
    // Both are known from then on, and a third size is reported separately.
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    folder.add(&format!("third/{}", name(9)), log_of(9, 1_234));
    folder.convert(&[]).exits(3);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    assert_eq!(rows(&folder), [9, 10]);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    folder.writes_nothing(&["rebuild-state", "lake/cf_logs"], 0);
}

#[test]
fn by_name_only_the_first_of_two_logs_in_one_listing_is_converted() {
    let folder = TestFolder::new();
    for place in ["b", "a", "c"] {
        folder.add(&format!("{place}/{}", name(9)), log_of(9, 9));
    }
    let args = [&["convert", "logs", "lake/cf_logs", "--now", NOW, "--dry-run"], &BY_NAME[..]].concat();
    let ran = folder.run(&args).exits(0);
    assert!(
        ran.stdout.contains("1 to convert") && ran.stdout.contains("2 logs have the name of another one"),
        "{}",
        ran.stdout
    );
    folder.convert(&BY_NAME).exits(0).says("2 logs have the name of another one in this listing");
    assert_eq!(folder.report()["objects"]["doubles"]["twins"], 2);
    assert_eq!(folder.column("filename"), serde_json::json!([format!("a/{}", name(9))]));
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0).says("3 converted before");
}

#[test]
fn by_name_two_sizes_in_one_listing_are_not_dropped_silently() {
    let folder = TestFolder::new();
    folder.add(&format!("a/{}", name(9)), log_of(9, 9));
    folder.add(&format!("b/{}", name(9)), log_of(9, 123_456_789));
    folder.add(&format!("c/{}", name(9)), log_of(9, 1_234_567));
    folder.convert(&BY_NAME).exits(3).says("another size");
    let report = folder.report();
    assert_eq!((&report["objects"]["converted"], &report["objects"]["changed"]), (&1.into(), &2.into()));
    for lost in report["lost_objects"].as_array().unwrap() {
        assert!(lost["message"].as_str().unwrap().contains(&folder.object(&format!("a/{}", name(9)))), "{lost}");
    }
    assert_eq!(rows(&folder), [9]);
    folder.writes_nothing(&["convert", "logs", "lake/cf_logs", "--now", NOW], 0);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn by_name_a_good_log_is_converted_after_a_bad_one() {
    let folder = TestFolder::new();
    folder.add(&format!("a/{}", name(9)), "no log");
    folder.add(&format!("b/{}", name(9)), log_of(9, 9));
    folder.convert(&BY_NAME).exits(3).says("1 converted, 1 failed");
    assert_eq!(rows(&folder), [9]);
    // Its rows are in the table: there is nothing to retry.
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["failed"], 0);
    folder.writes_nothing(&["retry", "lake/cf_logs", "--now", NOW], 0);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn by_name_a_failed_log_that_moved_is_converted_after_a_retry_missed_it() {
    let folder = table(&BY_NAME);
    folder.add(&name(11), "no log");
    folder.convert(&[]).exits(3);
    move_to(&folder, &name(11), &format!("elsewhere/{}", name(11)));
    folder.convert(&[]).exits(0).says("1 failed before");
    folder.run(&["retry", "lake/cf_logs", "--now", NOW]).exits(3).says("vanished");
    assert_eq!(folder.converts_with_failures(&[])["objects"]["failed"], 1);
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
    assert_eq!(folder.json(&["status", "lake/cf_logs"])["failed"], 1);
}

#[test]
fn the_identity_is_fixed_with_the_first_run() {
    for (flags, is, other) in [(&LEAN[..], "key", "name"), (&BY_NAME, "name", "key")] {
        let folder = table(flags);
        let args = ["convert", "logs", "lake/cf_logs", "--now", NOW, "--identity"];
        folder.writes_nothing(&[&args[..], &[other]].concat(), 2).says(&format!("`--identity {is}`")).says("\nhint: ");
        folder.writes_nothing(&[&args[..], &[is]].concat(), 0);
    }
    TestFolder::new().convert(&["--identity", "size"]).exits(2).says("--identity");
}

#[test]
fn a_table_by_name_says_so_and_one_by_key_does_not() {
    let record = |flags: &[&str]| fs::read_to_string(table(flags).state("table.json")).unwrap();
    assert!(!record(&LEAN).contains("identity"));
    assert!(record(&BY_NAME).contains(",\"identity\":\"name\","));
}

#[test]
fn a_format_that_does_not_match_the_identity_is_refused() {
    // As earlier versions wrote it: the format depends on the identity.
    for (flags, format) in [(&LEAN[..], 2), (&BY_NAME, 1), (&BY_NAME, 3), (&BY_NAME, 4)] {
        let folder = table(flags);
        let path = folder.state("table.json");
        let text = fs::read_to_string(&path).unwrap();
        let body =
            text[..text.rfind(",\"nonce\"").unwrap()].replacen("\"format\":4", &format!("\"format\":{format}"), 1);
        fs::write(&path, format!("{body}}}")).unwrap();
        folder.refuses().says("table.json");
    }
}
