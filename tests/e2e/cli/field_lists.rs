//! `--fields` and `--allow-field`: lists are checked, remembered, and distinguished.

use serde_json::json;

use crate::harness::{LEAN, NOW, TestFolder, log, tabs};

/// Creates a log without a header: time and bytes.
fn headerless() -> TestFolder {
    TestFolder::with_log(tabs("1715936400 1\n1715936400 2\n"))
}

fn lean(args: &[&'static str]) -> Vec<&'static str> {
    [&LEAN[..], args].concat()
}

#[test]
fn a_name_similar_to_one_of_cloudfront_is_refused_with_the_right_one() {
    let wrong = [
        ("timstamp sc-bytes", "timestamp"),
        ("timestamp sc-bites", "sc-bytes"),
        ("timestamp SC-Bytes", "sc-bytes"),
        ("timestamp sc_bytes", "sc-bytes"),
        ("timestamp cs-protocol-Version", "cs-protocol-version"),
        ("timestamp C-IP", "c-ip"),
        ("Date time", "date"),
        ("timestamp cs-user-agnet", "cs-user-agent"),
    ];
    for (list, right) in wrong {
        let folder = headerless();
        folder.write("fields.txt", list.replace(' ', "\n"));
        for typed in [list, "@fields.txt"] {
            let ran = folder.convert(&["--fields", typed]).exits(2).says("`--fields");
            assert!(ran.stderr.contains(&format!("did you mean `{right}`?")), "{}", ran.stderr);
            assert!(ran.stderr.contains("\nhint: ") && ran.stderr.contains("--allow-field"), "{}", ran.stderr);
        }
        assert!(!folder.path("lake").exists(), "{list} wrote something");
    }
}

#[test]
fn retry_refuses_such_names_too() {
    let folder = headerless();
    folder.converts(&lean(&["--fields", "timestamp sc-bytes"]));
    folder.writes_nothing(&["retry", "lake/cf_logs", "--fields", "timstamp sc-bytes"], 2).says("`timestamp`");
}

#[test]
fn allow_field_accepts_a_name() {
    let folder = headerless();
    let args = ["--fields", "timestamp sc-bites", "--allow-field", "sc-bites"];
    let ran = folder.convert(&lean(&args)).exits(0);
    assert!(!ran.stderr.contains("sc-bites` (did"), "{}", ran.stderr);
    assert_eq!(folder.column("bytes"), json!([null, null]));
    // A run that inherits the list warns about the name, unless the flag is repeated.
    folder.add("new.log", tabs("1715936400 3\n"));
    folder.convert(&["-q"]).exits(0).says("`sc-bites` (did you mean `sc-bytes`?)");
    folder.add("newer.log", tabs("1715936400 4\n"));
    assert_eq!(folder.convert(&["-q", "--allow-field", "sc-bites"]).exits(0).stderr, "");
}

#[test]
fn names_unlike_any_of_cloudfront_are_accepted_with_a_warning() {
    let folder = TestFolder::with_log(tabs("1715936400 1 x y\n"));
    let ran = folder.convert(&lean(&["-q", "--fields", "timestamp sc-bytes x-brand-new tiem"])).exits(0);
    assert!(ran.stderr.contains("`--fields`") && ran.stderr.contains("`tiem`, `x-brand-new`"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(folder.column("bytes"), json!([1]));
}

#[test]
fn a_name_that_a_list_has_twice_is_warned_about() {
    let folder = TestFolder::with_log(tabs("1715936400 1 2\n"));
    folder.convert(&lean(&["-q", "--fields", "timestamp sc-bytes sc-bytes"])).exits(0).says("`sc-bytes` twice");
    assert_eq!(folder.column("bytes"), json!([1]));
}

#[test]
fn unknown_names_in_headers_are_warned_about_once_each() {
    let folder = TestFolder::new();
    for number in 0..30 {
        let fields = format!("date time SC-Bytes x-new c-port sc-new-{}", number % 2);
        folder.add(&format!("{number}.log"), log(&fields, &["2024-05-17 09:00:00 1 2 3 4"]));
    }
    let ran = folder.convert(&lean(&["--quiet"])).exits(0);
    assert!(
        ran.stderr.contains("`SC-Bytes` (did you mean `sc-bytes`?), `sc-new-0`, `sc-new-1`, `x-new`"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert_eq!(folder.report()["unknown_fields"], json!(["SC-Bytes", "sc-new-0", "sc-new-1", "x-new"]));
    folder.add("new.log", log("date time SC-Bytes x-new", &["2024-05-17 09:00:00 1 2"]));
    let allowed = folder.convert(&["--quiet", "--allow-field", "SC-Bytes", "--allow-field", "x-new"]).exits(0);
    assert_eq!(allowed.stderr, "");
}

#[test]
fn names_in_the_header_of_a_log_that_fails_are_warned_about_too() {
    let folder = TestFolder::with_log(log("Date time sc-bytes", &["2024-05-17 09:00:00 1"]));
    let ran = folder.convert(&lean(&["-q"])).exits(3).says("`Date` (did you mean `date`?)");
    assert!(ran.stderr.contains("every row was rejected (no-time: 1)"), "{}", ran.stderr);
}

#[test]
fn only_the_first_of_very_many_unknown_names_are_shown() {
    let names: Vec<String> = (0..3000).map(|name| format!("x-{name:04}")).collect();
    let folder = TestFolder::with_log(format!("#Fields: date time {}\n2024-05-17\t09:00:00\n", names.join(" ")));
    let ran = folder.convert(&lean(&["-q"])).exits(0).says("`x-0019`, and 2980 more;");
    assert!(ran.stderr.len() < 1000, "{}", ran.stderr.len());
}

#[test]
fn two_lists_of_one_length_are_refused_with_both() {
    let folder = headerless();
    folder.write("fields.txt", "timestamp c-ip");
    let ran = folder.convert(&["--fields", "timestamp sc-bytes", "--fields", "@fields.txt"]).exits(2);
    assert!(ran.stderr.contains("`timestamp sc-bytes` and `@fields.txt` have 2 names each"), "{}", ran.stderr);
    assert!(!folder.path("lake").exists());
}

#[test]
fn several_lists_are_remembered_in_a_log_record_that_older_programs_refuse() {
    let folder = headerless();
    let lists = ["--fields", "timestamp sc-bytes", "--fields", "timestamp c-ip sc-bytes"];
    folder.converts(&lean(&lists));
    folder.add("new.log", tabs("1715936400 3\n1715936400 192.0.2.1 4\n"));
    folder.converts(&[]);
    assert_eq!(folder.column("bytes"), json!([1, 2, 3, 4]));
    let record = |epoch: u64| -> serde_json::Value {
        let name = format!("log/{epoch:010}.json");
        serde_json::from_slice(&folder.states(&[&name])[&name]).unwrap()
    };
    let recorded = json!(["timestamp sc-bytes", "timestamp c-ip sc-bytes"]);
    for epoch in [1, 2] {
        assert_eq!(record(epoch)["settings"]["fields"], recorded);
    }
    // A single list is recorded as before.
    folder.add("newer.log", tabs("1715936400 5\n"));
    folder.converts(&["--fields", "timestamp sc-bytes"]);
    assert_eq!(record(3)["settings"]["fields"], "timestamp sc-bytes");
    folder.run(&["rebuild-state", "lake/cf_logs"]).exits(0);
}

#[test]
fn an_epoch_with_several_lists_is_finished_by_the_next_run() {
    let folder = headerless();
    folder.converts(&lean(&["--fields", "timestamp sc-bytes", "--fields", "timestamp c-ip sc-bytes"]));
    let before = folder.snapshot("lake/cf_logs");
    folder.reopen(1, &[0]);
    folder.run(&["convert", "logs", "lake/cf_logs", "--now", NOW]).exits(0);
    assert!(folder.snapshot("lake/cf_logs") == before, "the same bytes under the same names");
    folder.run(&["verify", "lake/cf_logs", "--deep"]).exits(0);
}

#[test]
fn quiet_hides_no_warning_about_rejected_rows() {
    let folder = TestFolder::with_log(log("date time", &["2024-05-17 09:00:00", "x y", "- -"]));
    let ran = folder.convert(&lean(&["--quiet"])).exits(0);
    assert!(ran.stderr.contains("2 rows were rejected (1 bad-date, 1 no-time)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("cf_logs.lakefront/quarantine"), "{}", ran.stderr);
}
