//! Checks the eleven stages: each has one main file of its name, whose first line names its input and output, and is in the
//! table of ARCHITECTURE.md.

use lakefront_operations::stage::Stage;

use crate::{
    markdown::{code_spans, table},
    repository::{Finding, TextFile, assert_none, file, files},
};

const NAMES_FILE: &str = "crates/operations/src/stage.rs";

/// Checks that each stage has one main file with its name, whose first line has the number of the stage. Other files may
/// also have the name of a stage.
fn check_files(names: &[&str], files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let start = format!("//! Stage {}. ", index + 1);
        let first_line = |file: &TextFile| file.text.lines().next().unwrap_or_default().to_owned();
        let mains: Vec<&TextFile> =
            files.iter().filter(|file| file.is_source() && first_line(file).starts_with(&start)).collect();
        let [main] = mains.as_slice() else {
            let paths: Vec<&str> = mains.iter().map(|main| main.path.as_str()).collect();
            let what = format!("stage `{name}` needs one main file that begins with `{start}`: it has {paths:?}");
            findings.push(Finding::new(NAMES_FILE, 1, what));
            continue;
        };
        let line = first_line(main);
        if !(line.contains(" in, ") && line.ends_with(" out.")) {
            let what = format!("begin with `{start}<what> in, <what> out.`, not `{line}`");
            findings.push(Finding::new(&main.path, 1, what));
        }
        if !main.path.ends_with(&format!("/{name}.rs")) {
            findings.push(Finding::new(&main.path, 1, format!("the main file of stage `{name}` is `{name}.rs`")));
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
                format!("stage {} is `{name}`: correct the row, with the path of its file", index + 1),
            ));
        }
    }
    findings
}

#[test]
fn every_stage_has_one_main_file_that_names_its_input_and_output() {
    let names = Stage::ALL.map(Stage::as_str);
    let files = files();
    let mut findings = check_files(&names, &files);
    findings.extend(check_table(&names, &file("ARCHITECTURE.md"), &files));
    assert_none(findings);
}

#[test]
fn missing_duplicate_undescribed_and_misnamed_stages_are_found() {
    let files = [
        TextFile::new("crates/storage/src/list.rs", "//! Stage 1. Sources in, objects out.\n"),
        TextFile::new("crates/storage/src/remote/list.rs", "//! Pages of a listing.\n"),
        TextFile::new("crates/ledger/src/plan.rs", "//! Stage 2. Plans.\n"),
        TextFile::new("crates/table/src/fetch/tests.rs", "//! Stage 3. Tests in, tests out.\n"),
        TextFile::new("crates/table/src/a.rs", "//! Stage 4. A in, b out.\n"),
        TextFile::new("crates/table/src/b.rs", "//! Stage 4. A in, b out.\n"),
        TextFile::new("crates/table/src/parse.rs", "//! Stage 5. A in, b out.\n"),
    ];
    let findings = check_files(&["list", "plan", "fetch", "decompress", "decode"], &files);
    let paths: Vec<&str> = findings.iter().map(|finding| finding.path.as_str()).collect();
    assert_eq!(paths, ["crates/ledger/src/plan.rs", NAMES_FILE, NAMES_FILE, "crates/table/src/parse.rs"]);
    let table =
        "| # | stage | file |\n|---|---|---|\n| 1 | list | `crates/storage/src/list.rs` |\n| 2 | fetch | `x` |\n";
    let findings = check_table(&["list", "plan"], &TextFile::new("ARCHITECTURE.md", table), &files);
    assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [4]);
}
