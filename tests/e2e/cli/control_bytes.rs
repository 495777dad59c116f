//! Control, bidirectional and invisible characters of any origin are escaped in terminals and in JSON.

use std::{fs, io::Read as _, path::Path};

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::harness::{LEAN, NOW, RunOutput, TestFolder, log, only_on_disk};

/// A colour, DEL, NEL, CSI of C1, a right-to-left override, a zero width space, a byte order mark, a tag.
const HOSTILE: &str = "\u{1b}[31mX\u{7f}\u{85}\u{9b}2J\u{202e}\u{200b}\u{feff}\u{e0041}";
/// A value that would look like a separate message.
const FORGED: &str = "x\nerror: forged";

/// Asserts that a text has no invisible character except line ends.
fn assert_escaped(text: &str) {
    let raw = text.chars().find(|symbol| {
        let is_hidden =
            matches!(*symbol, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{feff}' | '\u{e0000}'..);
        (symbol.is_control() && *symbol != '\n') || is_hidden
    });
    assert!(raw.is_none(), "{raw:?} is not escaped in {text:?}");
}

fn assert_output_is_escaped(ran: &RunOutput) {
    assert_escaped(&ran.stdout);
    assert_escaped(&ran.stderr);
}

/// Returns the text of a gzipped file.
fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Creates a table of one log.
fn table() -> TestFolder {
    let folder = TestFolder::new();
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time", &["2024-05-17 09:00:00"]));
    folder.converts(&LEAN);
    folder
}

const CONVERT_FLAGS: [&str; 27] = [
    "--include",
    "--exclude",
    "--distribution",
    "--from",
    "--to",
    "--settle",
    "--source-id",
    "--fields",
    "--allow-field",
    "--max-rejects",
    "--max-text-bytes",
    "--max-ratio",
    "--schema",
    "--partition-by",
    "--identity",
    "--compression",
    "--max-file-bytes",
    "--task-bytes",
    "--lease",
    "--max-unreadable",
    "--threads",
    "--memory-bytes",
    "--now",
    "--sse",
    "--acl",
    "--log-format",
    "--endpoint-url",
];

#[test]
fn no_value_of_a_flag_is_printed_unescaped() {
    only_on_disk!("values that are not locations");
    let folder = table();
    for flag in CONVERT_FLAGS {
        for value in [HOSTILE, FORGED] {
            let ran = folder.run(&["convert", "logs", "lake/new", "--dry-run", flag, value]);
            assert_output_is_escaped(&ran);
            assert!(!ran.stderr.contains("\nerror: forged"), "{flag}: {}", ran.stderr);
        }
    }
    for args in [
        &["verify", "lake/cf_logs", "--since", HOSTILE][..],
        &["verify", "lake/cf_logs", "--threads", HOSTILE],
        &["ddl", "lake/cf_logs", "--database", HOSTILE],
        &["ddl", "lake/cf_logs", "--table", HOSTILE],
        &["ddl", "lake/cf_logs", "--location", HOSTILE],
        &["ddl", "lake/cf_logs", "--location", &format!("s3://b/{HOSTILE}")],
        &["ddl", "lake/cf_logs", "--only-new", HOSTILE],
        &["ddl", "lake/cf_logs", "--schema", HOSTILE],
        &["schema", HOSTILE],
        &["schema", &format!("./{HOSTILE}")],
        &["status", HOSTILE],
        &["status", "lake/cf_logs", "--state", HOSTILE],
        &["convert", HOSTILE, "lake/new"],
        &["convert", "logs", &format!("lake/cf_logs/{HOSTILE}")],
        &["convert", &format!("s3://b/{HOSTILE}"), "lake/new"],
        &["convert", &format!("{HOSTILE}://b/"), "lake/new"],
        &[HOSTILE],
        &["convert", &format!("--{HOSTILE}"), "x", "y"],
        &["convert", &format!("-{HOSTILE}"), "x", "y"],
        &["status", "lake/cf_logs", HOSTILE],
        &["status", "lake/cf_logs", &format!("--json={HOSTILE}")],
    ] {
        let ran = folder.run(args);
        assert!(matches!(ran.status, Some(1 | 2)), "{args:?}: {ran:?}");
        assert_output_is_escaped(&ran);
    }
}

#[test]
fn wrong_usage_is_printed_with_clean_colours() {
    only_on_disk!("the program without rewritten arguments");
    let folder = TestFolder::new();
    for args in [&["convert", "a", "b", "--acl", HOSTILE][..], &[HOSTILE], &["status", "a", &format!("--{HOSTILE}")]] {
        let ran: RunOutput = folder.command(args).env("CLICOLOR_FORCE", "1").output().unwrap().into();
        let ran = ran.exits(2);
        assert!(ran.stderr.contains("\u{1b}[") && !ran.stderr.contains("\u{1b}[31mX"), "{:?}", ran.stderr);
        assert!(ran.stderr.contains(r"\u{1b}[31mX"), "{:?}", ran.stderr);
    }
    let ran = folder.run(&["convert", "a", "b", "--acl", FORGED]).exits(2);
    assert!(ran.stderr.contains(r"x\nerror: forged"), "{}", ran.stderr);
}

/// Creates a table whose log has a hostile name, a hostile field name and a hostile row that is rejected.
fn hostile_logs() -> TestFolder {
    let folder = TestFolder::new();
    let fields = format!("date time {}", HOSTILE.replace('\u{85}', ""));
    let row = format!("- 09:00:00 {HOSTILE}");
    folder.add(&format!("E1EXAMPLE.2024-05-17-09.{HOSTILE}"), log(&fields, &["2024-05-17 09:00:00 x", &row]));
    folder.add(&format!("E1EXAMPLE.2024-05-17-10.{HOSTILE}.gz"), b"\x1f\x8bno gzip");
    folder
}

#[test]
fn logs_and_their_names_are_escaped_in_terminals_and_reports() {
    only_on_disk!("names of files");
    let folder = hostile_logs();
    for format in ["text", "json"] {
        let table = format!("lake/{format}");
        let args = ["convert", "logs", &table, "--now", NOW, "--report", "report.json", "-vv", "--log-format", format];
        let ran = folder.run(&[&args[..], &LEAN].concat()).exits(3);
        assert_output_is_escaped(&ran);
        let report = fs::read_to_string(folder.path("report.json")).unwrap();
        assert_escaped(&report);
        let kept = fs::read_to_string(folder.path(&format!("{table}.lakefront/report/0000000001.json"))).unwrap();
        assert_escaped(&kept);
        for (name, path) in folder.files(&format!("{table}.lakefront")) {
            let text = match name.split('/').next() {
                // Plans and `seen` objects are gzipped as well, under names without an extension.
                Some("quarantine" | "plan" | "seen") => unpacked(&path),
                _ => fs::read_to_string(&path).unwrap(),
            };
            assert_escaped(&text);
        }
        // The parsed value is the original name.
        let report: Value = serde_json::from_str(&report).unwrap();
        assert!(report["unclaimed_fields"].to_string().contains('\u{9b}'), "{report:#}");
        if format == "json" {
            ran.stderr.lines().for_each(|line| drop(serde_json::from_str::<Value>(line).unwrap()));
        }
        for args in [&["status", &table][..], &["verify", &table], &["retry", &table], &["ddl", &table]] {
            assert_output_is_escaped(&folder.run(args));
            if args[0] != "ddl" {
                assert_output_is_escaped(&folder.run(&[args, &["--json"]].concat()));
            }
        }
    }
}

#[test]
fn comments_and_descriptions_of_a_schema_are_escaped_in_each_language() {
    only_on_disk!("the schema's text is compared");
    let folder = TestFolder::new();
    let hidden = "a\u{202e}b\u{200b}c\u{e0041}";
    let schema = format!(
        "name = \"t\"\ndescription = \"{hidden}\"\n[[column]]\nname = \"c\"\ntype = \"string\"\nfield = \"c-ip\"\ncomment = \"{hidden}\"\n"
    );
    folder.write("schema.toml", schema);
    for format in ["toml", "arrow", "sql"] {
        assert_output_is_escaped(&folder.run(&["schema", "schema.toml", "--format", format]).exits(0));
    }
    let printed = folder.run(&["schema", "schema.toml"]).exits(0).stdout;
    let printed: toml::Table = toml::from_str(&printed).unwrap();
    assert_eq!(printed["description"].as_str(), Some(hidden));
    folder.add("E1EXAMPLE.2024-05-17-09.a", log("date time c-ip", &["2024-05-17 09:00:00 192.0.2.1"]));
    folder.converts(&["--schema", "schema.toml"]);
    let ddl = folder.run(&["ddl", "lake/cf_logs"]).exits(0);
    assert_output_is_escaped(&ddl);
    assert!(ddl.stdout.contains(r"COMMENT 'a\u202eb\u200bc\udb40\udc41'"), "{}", ddl.stdout);
    assert_escaped(&fs::read_to_string(folder.state("ddl/0000000001.sql")).unwrap());
    // A file that is not a schema is named and quoted, escaped.
    folder.write("bad.toml", format!("{hidden}\u{9b} = 1\nname = \"{hidden}\u{85}\"\n"));
    assert_output_is_escaped(&folder.run(&["schema", "bad.toml"]).exits(2));
    folder.write("bad.toml", format!("name = \"{hidden}\"\n"));
    assert_output_is_escaped(&folder.run(&["schema", "bad.toml"]).exits(2));
}
