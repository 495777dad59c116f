//! House rules: every file starts with its purpose, is short, has a meaningful name, and has no mark of unfinished work.

use crate::{
    repository::{Finding, TextFile, assert_none, files},
    rust_text::RustText,
};

/// Largest number of lines of a file, tests not counted. The aim is half of it.
const MAX_LINES: usize = 600;
/// Words that fit any file and so have no meaning in a path.
const EMPTY_WORDS: [&str; 8] = ["util", "utils", "helper", "helpers", "common", "misc", "manager", "handler"];
/// Marks of unfinished work.
const UNDONE: [&str; 3] = ["TODO", "FIXME", "XXX"];

fn check(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String| findings.push(Finding::new(&file.path, line, what));
    if let Some(word) = file.path.split(['/', '.', '_', '-']).find(|word| EMPTY_WORDS.contains(word)) {
        find(1, format!("`{word}` in a path says nothing: name the file for what it does"));
    }
    let is_code = ["rs", "py", "sh", "sql", "toml"].iter().any(|extension| file.has_extension(extension));
    if is_code || file.path == "Makefile" || file.path == ".ci/run" {
        for (index, line) in file.text.lines().enumerate() {
            let mut words = line.split(|symbol: char| !symbol.is_alphanumeric());
            if let Some(word) = words.find(|word| UNDONE.contains(word)) {
                find(index + 1, format!("`{word}`: do it, or open an issue"));
            }
        }
    }
    if !file.is_rust() {
        return findings;
    }
    if !file.text.starts_with("//! ") {
        find(1, "the first line does not say what the file is for: begin with `//! `".to_owned());
    }
    if file.path.ends_with("/mod.rs") {
        find(1, "module files are next to their folders: `x.rs` next to `x/`".to_owned());
    }
    let text = RustText::parse(&file.text);
    let lines = if file.is_source() { text.num_source_lines() } else { text.code.len() };
    if lines > MAX_LINES {
        find(
            MAX_LINES,
            format!("{lines} lines without tests: cut the file in two; under {} is the aim", MAX_LINES / 2),
        );
    }
    for (index, line) in text.code.iter().enumerate() {
        if line.contains("#[ignore") {
            find(
                index + 1,
                "a test that is not run proves nothing: assert the current behaviour, and say why".to_owned(),
            );
        }
    }
    findings
}

#[test]
fn every_file_keeps_the_house_rules() {
    // This file has the words that it searches for.
    assert_none(files().iter().filter(|file| file.path != "tests/tidy/house.rs").flat_map(check).collect());
}

#[test]
fn a_broken_house_rule_is_found() {
    let lines = |path: &str, text: &str| -> Vec<usize> {
        check(&TextFile::new(path, text)).iter().map(|finding| finding.line).collect()
    };
    assert!(lines("crates/x/src/y.rs", "//! Does it.\n").is_empty());
    assert_eq!(lines("crates/x/src/y.rs", "// Does it.\n// TODO: more\n#[ignore]\nfn f() {}\n"), [2, 1, 3]);
    assert_eq!(lines("crates/x/src/string_utils.rs", "//! Does it.\n"), [1]);
    assert_eq!(lines("crates/x/src/y/mod.rs", "//! Does it.\n"), [1]);
    assert_eq!(lines("scripts/x.py", "pass  # FIXME\n"), [1]);
    let long = format!("//! Does it.\n{}", "f();\n".repeat(MAX_LINES));
    assert_eq!(lines("crates/x/src/y.rs", &long), [MAX_LINES]);
    let long_tests = format!("//! Does it.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "f();\n".repeat(MAX_LINES));
    assert!(lines("crates/x/src/y.rs", &long_tests).is_empty());
}
