//! Checks that each target of the Makefile is explained, and that each target in a document exists.

use std::collections::BTreeSet;

use crate::{
    markdown,
    repository::{Finding, TextFile, assert_none, file, files},
};

/// Returns the targets that a person calls.
pub(crate) fn targets(makefile: &TextFile) -> BTreeSet<&str> {
    rules(makefile).map(|(_, target, _)| target).collect()
}

/// Returns the targets with their lines and the text after the colon; without targets that are files.
fn rules(makefile: &TextFile) -> impl Iterator<Item = (usize, &str, &str)> {
    makefile.text.lines().enumerate().filter_map(|(index, line)| {
        let (target, rest) = line.split_once(':')?;
        let is_name = target.starts_with(|symbol: char| symbol.is_ascii_lowercase())
            && target.chars().all(|symbol| symbol.is_ascii_lowercase() || symbol == '-');
        (is_name && !rest.starts_with('=')).then_some((index + 1, target, rest))
    })
}

fn check_explained(makefile: &TextFile) -> Vec<Finding> {
    let phony: BTreeSet<&str> =
        makefile.text.lines().filter_map(|line| line.strip_prefix(".PHONY:")).flat_map(str::split_whitespace).collect();
    let mut findings = Vec::new();
    for (line, target, rest) in rules(makefile) {
        if !rest.contains(" ## ") {
            findings.push(Finding::new(
                &makefile.path,
                line,
                format!("`{target}` is not explained: end its line with `## what it does`"),
            ));
        }
        if !phony.contains(target) {
            findings.push(Finding::new(&makefile.path, line, format!("`{target}` is not a file: add it to `.PHONY`")));
        }
    }
    findings
}

/// Checks that every `make x` in a document, and in `.ci/run`, is a target.
fn check_mentions(document: &TextFile, targets: &BTreeSet<&str>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in document.text.lines().enumerate() {
        let of_prose = markdown::code_spans(line);
        let of_script = line.trim().strip_prefix("$ ").unwrap_or(line.trim());
        let is_script = line.trim().starts_with("$ ") || !document.is_markdown();
        for command in of_prose.into_iter().chain(is_script.then_some(of_script)) {
            let mut words = command.split_whitespace().skip_while(|word| word.contains('='));
            if words.next() != Some("make") {
                continue;
            }
            let named = words.filter(|word| !word.contains('=') && !word.starts_with(['-', '#']));
            for target in named.filter(|target| !targets.contains(target)) {
                let what = format!("`make {target}`: no such target; `make help` lists them");
                findings.push(Finding::new(&document.path, index + 1, what));
            }
        }
    }
    findings
}

#[test]
fn every_target_is_explained_and_every_mention_is_a_target() {
    let makefile = file("Makefile");
    let mut findings = check_explained(&makefile);
    let targets = targets(&makefile);
    for document in files().iter().filter(|file| file.is_markdown() || file.path == ".ci/run") {
        findings.extend(check_mentions(document, &targets));
    }
    assert_none(findings);
}

#[test]
fn a_bad_makefile_and_a_bad_mention_are_found() {
    let makefile =
        TextFile::new("Makefile", ".PHONY: test demo\nX := 1\ntest: ## tests\ndemo: build\nbuild: ## builds\n");
    let whats: Vec<usize> = check_explained(&makefile).iter().map(|finding| finding.line).collect();
    assert_eq!(whats, [4, 5]);
    let document =
        TextFile::new("README.md", "`make test`, `make coffee`\n$ make demo\n$ CI=1 make tea\nmake nothing of it\n");
    let lines: Vec<usize> = check_mentions(&document, &targets(&makefile)).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [1, 3]);
}
