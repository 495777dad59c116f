//! Checks the invariants of ARCHITECTURE.md that can be found in the text of the crates.

use crate::{
    repository::{Finding, TextFile, assert_none, files},
    rust_text::{RustText, Word},
};

/// The only files with an `unsafe`: each uses a processor's own instructions or a library in C, and has a safe twin that tests
/// compare it with.
const UNSAFE_FILES: [&str; 3] = [
    "crates/cloudfront/src/decode/framing/separators.rs",
    "crates/cloudfront/src/decompress/whole.rs",
    "crates/table/src/encode/chunk/dictionary/look_up.rs",
];

/// Words that are allowed only in some files.
struct Rule {
    /// The words. One that ends in `!` or `(` is found only with this symbol after it; any other only without a `!`.
    words: &'static [&'static str],
    /// Returns whether a file may use the words.
    is_free: fn(&TextFile) -> bool,
    what: &'static str,
}

/// Returns whether a file sends requests to buckets, or simulates a bucket.
fn is_of_buckets(file: &TextFile) -> bool {
    let folder = "crates/storage/src/";
    ["remote/", "testing/bucket.rs"].iter().any(|place| file.path.starts_with(&format!("{folder}{place}")))
}

const RULES: [Rule; 7] = [
    Rule {
        words: &["fs", "env", "net", "process", "thread", "SystemTime", "Instant", "now", "getrandom", "rand"],
        is_free: |file| !matches!(file.crate_folder(), Some("cloudfront" | "table")),
        what: "invariant 1: `cloudfront` and `table` touch no clock, randomness, environment, file, network or thread: take it as an argument",
    },
    Rule {
        words: &["async", "await", "tokio", "futures"],
        is_free: is_of_buckets,
        what: "invariant 2: only code that sends requests to buckets is async: block",
    },
    Rule {
        words: &["spawn(", "spawn_scoped("],
        is_free: |file| {
            // One thread waits for signals.
            matches!(file.crate_folder(), Some("ledger" | "engine" | "loggen"))
                || file.path.ends_with("crates/cli/src/signals.rs")
                || is_of_buckets(file)
        },
        what: "invariant 3: the only threads are those of `engine` and `ledger`: let them call you",
    },
    Rule {
        words: &["rayon"],
        is_free: |file| file.crate_folder() == Some("engine"),
        what: "invariant 3: only `engine` knows rayon: be a plain function, and let it be called in parallel",
    },
    Rule {
        words: &[
            "println!",
            "print!",
            "eprintln!",
            "eprint!",
            "dbg!",
            "stdout(",
            "stderr(",
            "exit(",
            "abort(",
            "args(",
            "args_os(",
            "clap",
            "indicatif",
            "ExitCode",
        ],
        is_free: |file| file.crate_folder() == Some("cli") || file.path == "crates/loggen/src/main.rs",
        what: "invariant 5: only `cli` prints, reads flags and exits: return a value",
    },
    Rule {
        words: &["stdout(", "stderr("],
        is_free: |file| {
            // Progress bars have only numbers.
            file.crate_folder() != Some("cli")
                || ["output.rs", "progress.rs"].iter().any(|name| file.path.ends_with(name))
        },
        what: "invariant 13: all output is escaped: let `crates/cli/src/output.rs` print it",
    },
    Rule {
        words: &["serde_json::to_"],
        is_free: |file| ["ledger/src/escape.rs", "ledger/src/seal.rs"].iter().any(|name| file.path.ends_with(name)),
        what: "invariant 13: JSON is escaped: let `crates/ledger/src/escape.rs` make it",
    },
];

fn check_rules(file: &TextFile) -> Vec<Finding> {
    if !file.is_source() {
        return Vec::new();
    }
    let text = RustText::parse(&file.text);
    let words = text.words();
    let mut findings = Vec::new();
    for rule in RULES.iter().filter(|rule| !(rule.is_free)(file)) {
        let hits =
            words.iter().filter(|word| !text.is_test(word.line) && rule.words.iter().any(|rule| is_hit(word, rule)));
        findings
            .extend(hits.map(|word| Finding::new(&file.path, word.line, format!("`{}`: {}", word.text, rule.what))));
    }
    findings
}

fn is_hit(word: &Word<'_>, rule: &str) -> bool {
    if let Some((name, start)) = rule.split_once("::") {
        return word.text == name && word.rest.strip_prefix("::").is_some_and(|rest| rest.starts_with(start));
    }
    match rule.strip_suffix(['!', '(']) {
        Some(name) => word.text == name && rule.ends_with(|end| word.rest.starts_with(end)),
        // A macro of this name is allowed.
        None => word.text == rule && !word.rest.starts_with('!'),
    }
}

fn check_unsafe(files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        let text = RustText::parse(&file.text);
        for word in text.words().iter().filter(|word| word.text == "unsafe") {
            if !UNSAFE_FILES.contains(&file.path.as_str()) {
                let allowed = UNSAFE_FILES.join(", ");
                findings.push(Finding::new(
                    &file.path,
                    word.line,
                    format!("invariant 8: `unsafe` is allowed only in {allowed}"),
                ));
            }
            let above: Vec<&str> = file.text.lines().take(word.line - 1).collect();
            let near = above.get(above.len().saturating_sub(10)..).unwrap_or_default();
            // A function that must be called with care says when that is; a block says why it may.
            let is_function = word.rest.trim_start().starts_with("fn");
            let needed = if is_function { "/// # Safety" } else { "// SAFETY: " };
            if !near.iter().any(|line| line.contains(needed)) {
                let what = format!("invariant 8: no `{}` above this `unsafe`", needed.trim());
                findings.push(Finding::new(&file.path, word.line, what));
            }
        }
    }
    findings
}

#[test]
fn the_crates_keep_the_invariants() {
    let files = files();
    let mut findings = check_unsafe(&files);
    findings.extend(files.iter().flat_map(check_rules));
    assert_none(findings);
}

#[test]
fn a_broken_invariant_is_found() {
    let lines = |path: &str, text: &str| -> Vec<usize> {
        check_rules(&TextFile::new(path, text)).iter().map(|finding| finding.line).collect()
    };
    let text = "use std::{env, io};\nlet t = std::time::Instant::now();\nlet v = env!(\"X\"); // std::fs\nlet s = \"rayon\";\nrayon::join();\nasync fn f() {}\nprintln!();\nlet print = 1;\n";
    assert_eq!(lines("crates/table/src/x.rs", text), [1, 2, 2, 6, 5, 7]);
    assert_eq!(lines("crates/engine/src/x.rs", text), [6, 7]);
    assert_eq!(lines("crates/ledger/src/x.rs", text), [6, 5, 7]);
    assert_eq!(lines("crates/cli/src/x.rs", text), [6, 5]);
    let text = "let a = serde_json::to_vec(b);\nlet c = serde_json::from_slice(d);\nio::stderr().lock();\n";
    assert_eq!(lines("crates/ledger/src/x.rs", text), [3, 1]);
    assert_eq!(lines("crates/cli/src/x.rs", text), [3, 1]);
    assert_eq!(lines("crates/cli/src/output.rs", text), [1]);
    assert!(lines("crates/table/src/x/tests.rs", text).is_empty());
    assert!(lines("crates/table/src/x.rs", "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n").is_empty());
}

#[test]
fn an_unexplained_unsafe_or_one_in_another_file_is_found() {
    let good = "#[expect(unsafe_code, reason = \"x\")]\n// SAFETY: y\nunsafe { z() }\n";
    assert!(check_unsafe(&[TextFile::new(UNSAFE_FILES[0], good)]).is_empty());
    assert_eq!(check_unsafe(&[TextFile::new(UNSAFE_FILES[0], "unsafe { z() }\n")]).len(), 1);
    assert_eq!(check_unsafe(&[TextFile::new(UNSAFE_FILES[0], "// SAFETY: y\nunsafe fn z() {}\n")]).len(), 1);
    assert!(check_unsafe(&[TextFile::new(UNSAFE_FILES[0], "/// # Safety\n/// y\nunsafe fn z() {}\n")]).is_empty());
    assert_eq!(check_unsafe(&[TextFile::new("crates/cli/src/main.rs", good)]).len(), 1);
}
