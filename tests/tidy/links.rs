//! Checks that the targets of documents exist: links, headings, and paths in code spans.

use std::collections::BTreeSet;

use crate::{
    markdown::{anchors, code_spans, link_targets, prose},
    repository::{Finding, TextFile, assert_none, files},
};

/// Beginnings of code spans that are paths in the repository.
const ROOTS: [&str; 5] = ["crates/", "schemas/", "scripts/", "tests/", ".ci/"];

fn check(document: &TextFile, files: &[TextFile]) -> Vec<Finding> {
    let paths: BTreeSet<&str> = files.iter().flat_map(|file| prefixes(&file.path)).collect();
    let folder = document.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut findings = Vec::new();
    for (line, text) in prose(&document.text) {
        for target in link_targets(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { document.path.clone() } else { resolve(folder, path) };
            let is_anchor = |file: &&TextFile| anchors(&file.text).iter().any(|own| own == anchor);
            if !paths.contains(path.as_str()) {
                findings.push(Finding::new(
                    &document.path,
                    line,
                    format!("`{target}` is a dead link: there is no `{path}`"),
                ));
            } else if !anchor.is_empty() && !files.iter().filter(|file| file.path == path).any(|file| is_anchor(&file))
            {
                findings.push(Finding::new(&document.path, line, format!("`{target}`: `{path}` has no such heading")));
            }
        }
        for span in code_spans(text) {
            let is_path = ROOTS.iter().any(|root| span.starts_with(root)) && !span.contains(['*', '<', ' ', '$']);
            if is_path && !paths.contains(span.trim_end_matches('/')) {
                findings.push(Finding::new(&document.path, line, format!("there is no `{span}`: correct the path")));
            }
        }
    }
    findings
}

/// Returns a path and all folders above it.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::once(path).chain(path.match_indices('/').filter_map(|(at, _)| path.get(..at)))
}

fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn every_target_of_a_document_exists() {
    let files = files();
    assert_none(files.iter().filter(|file| file.is_markdown()).flat_map(|document| check(document, &files)).collect());
}

#[test]
fn a_dead_link_is_found() {
    let text = "# Top\n[a](../b.md) [b](https://example.com) [c](#top)\n[d](../gone.md)\n[e](#gone)\n`crates/x/gone.rs`\n`crates/x/` `crates/*/src`\n[f](../b.md#part-two) [g](../b.md#part-three)\n";
    let document = TextFile::new("docs/a.md", text);
    let files = [document.clone(), TextFile::new("b.md", "## Part two\n"), TextFile::new("crates/x/Cargo.toml", "")];
    let lines: Vec<usize> = check(&document, &files).iter().map(|finding| finding.line).collect();
    assert_eq!(lines, [3, 4, 5, 7]);
}
