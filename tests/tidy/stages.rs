//! The eleven stages: one file each, named so, that says what goes in and what comes out; ARCHITECTURE.md lists them so.

use lakefront_operations::stage::Stage;

use crate::{
    markdown::{code_spans, table},
    repository::{Finding, TextFile, assert_none, file, files},
};

const NAMES_FILE: &str = "crates/pipeline/src/stage.rs";

fn check_files(names: &[&str], files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let suffix = format!("/{name}.rs");
        let found: Vec<&TextFile> =
            files.iter().filter(|file| file.is_source() && file.path.ends_with(&suffix)).collect();
        if found.is_empty() {
            findings.push(Finding::new(
                NAMES_FILE,
                1,
                format!("stage `{name}` has no file: make one `{name}.rs` below a crate's `src`"),
            ));
        }
        for twin in found.iter().skip(1) {
            let what =
                format!("a second file has the name of stage `{name}`; the first is {}: rename one", found[0].path);
            findings.push(Finding::new(&twin.path, 1, what));
        }
        for file in found.iter().take(1) {
            let start = format!("//! Stage {}. ", index + 1);
            let first = file.text.lines().next().unwrap_or_default();
            if !(first.starts_with(&start) && first.contains(" in, ") && first.ends_with(" out.")) {
                findings.push(Finding::new(
                    &file.path,
                    1,
                    format!("begin with `{start}<what> in, <what> out.`, not `{first}`"),
                ));
            }
        }
    }
    findings
}

fn check_table(names: &[&str], architecture: &TextFile, files: &[TextFile]) -> Vec<Finding> {
    let rows = table(&architecture.text, &["#", "stage", "file"]);
    let mut findings = Vec::new();
    if rows.len() != names.len() {
        findings.push(Finding::new(
            &architecture.path,
            1,
            format!("the table of stages has {} rows: {} are needed", rows.len(), names.len()),
        ));
    }
    for ((line, cells), (index, name)) in rows.into_iter().zip(names.iter().enumerate()) {
        let path = cells.get(2).and_then(|cell| code_spans(cell).first().copied()).unwrap_or_default();
        let is_right = cells.first() == Some(&(index + 1).to_string())
            && cells.get(1).is_some_and(|cell| cell == name)
            && path.ends_with(&format!("/{name}.rs"))
            && files.iter().any(|file| file.path == path);
        if !is_right {
            findings.push(Finding::new(
                &architecture.path,
                line,
                format!("stage {} is `{name}`: say so, with the path of its file", index + 1),
            ));
        }
    }
    findings
}

#[test]
fn every_stage_is_one_file_that_says_what_goes_in_and_out() {
    let names = Stage::ALL.map(Stage::as_str);
    let files = files();
    let mut findings = check_files(&names, &files);
    findings.extend(check_table(&names, &file("ARCHITECTURE.md"), &files));
    assert_none(findings);
}

#[test]
fn a_missing_a_second_and_a_mute_stage_are_found() {
    let files = [
        TextFile::new("crates/storage/src/list.rs", "//! Stage 1. Sources in, objects out.\n"),
        TextFile::new("crates/pipeline/src/plan.rs", "//! Plans.\n"),
        TextFile::new("crates/table/src/list.rs", "//! Lists.\n"),
        TextFile::new("crates/table/src/fetch/tests.rs", "//! Tests.\n"),
    ];
    let findings = check_files(&["list", "plan", "fetch"], &files);
    let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(paths, ["crates/table/src/list.rs", "crates/pipeline/src/plan.rs", NAMES_FILE]);
    let table =
        "| # | stage | file |\n|---|---|---|\n| 1 | list | `crates/storage/src/list.rs` |\n| 2 | fetch | `x` |\n";
    let findings = check_table(&["list", "plan"], &TextFile::new("ARCHITECTURE.md", table), &files);
    assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [4]);
}
