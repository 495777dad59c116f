//! Crates and what they depend on: the table in ARCHITECTURE.md is what the manifests say, and arrows point down.

use std::collections::{BTreeMap, BTreeSet};

use toml::Table;

use crate::{
    markdown::{code_spans, table},
    repository::{Finding, TextFile, assert_none, file, files, line_of},
};

/// A row of the table.
struct Row {
    line: usize,
    layer: u32,
    ours: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// What tests, benches and examples may use of ours: nothing that could hide an arrow between crates.
const OURS_FOR_TESTS: &str = "loggen";

fn rows(architecture: &TextFile) -> BTreeMap<String, Row> {
    let names = |cell: Option<&String>| {
        cell.map(|cell| code_spans(cell).into_iter().map(str::to_owned).collect()).unwrap_or_default()
    };
    table(&architecture.text, &["layer", "crate"])
        .into_iter()
        .filter_map(|(line, cells)| {
            let layer = cells.first()?.parse().ok()?;
            let name = code_spans(cells.get(1)?).first()?.to_string();
            Some((name, Row { line, layer, ours: names(cells.get(3)), outside: names(cells.get(4)) }))
        })
        .collect()
}

/// The crates of `manifests` against the table.
fn check_table(architecture: &TextFile, manifests: &[TextFile]) -> Vec<Finding> {
    let rows = rows(architecture);
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for manifest in manifests {
        let Some(folder) = manifest.crate_folder() else { continue };
        seen.insert(folder.to_owned());
        let Some(row) = rows.get(folder) else {
            findings.push(Finding::new(
                &manifest.path,
                1,
                format!("crate `{folder}` is not in ARCHITECTURE.md's table of crates: give it a row"),
            ));
            continue;
        };
        let (ours, outside) = dependencies(manifest, "dependencies");
        for (kind, used, allowed) in [("own", &ours, &row.ours), ("outside", &outside, &row.outside)] {
            for name in used.difference(allowed) {
                let what = format!(
                    "`{folder}` may not use the {kind} crate `{name}`: a new edge is a design change, see the table in ARCHITECTURE.md"
                );
                findings.push(Finding::new(&manifest.path, line_of(&manifest.text, name), what));
            }
            for name in allowed.difference(used) {
                let what = format!("`{folder}` does not use the {kind} crate `{name}`: take it out of the table");
                findings.push(Finding::new(&architecture.path, row.line, what));
            }
        }
        for name in &ours {
            if rows.get(name).is_none_or(|below| below.layer >= row.layer) {
                let what = format!("`{folder}` uses `{name}`, which is in no lower layer");
                findings.push(Finding::new(&manifest.path, line_of(&manifest.text, name), what));
            }
        }
        let (ours_for_tests, _) = dependencies(manifest, "dev-dependencies");
        for name in ours_for_tests.iter().filter(|name| *name != OURS_FOR_TESTS && !ours.contains(*name)) {
            let what = format!("tests of `{folder}` may not use `{name}`: put the test where both are known");
            findings.push(Finding::new(&manifest.path, line_of(&manifest.text, name), what));
        }
    }
    for (name, row) in rows.iter().filter(|(name, _)| !seen.contains(*name)) {
        findings.push(Finding::new(
            &architecture.path,
            row.line,
            format!("there is no `crates/{name}`: take it out of the table"),
        ));
    }
    findings
}

/// A manifest's dependencies: ours by their folders, and those from outside.
fn dependencies(manifest: &TextFile, section: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut ours, mut outside) = (BTreeSet::new(), BTreeSet::new());
    for (name, _) in section_of(manifest, section) {
        match name.strip_prefix("lakefront-") {
            Some(folder) => ours.insert(folder.to_owned()),
            None => outside.insert(name),
        };
    }
    (ours, outside)
}

fn section_of(manifest: &TextFile, section: &str) -> Table {
    let manifest: Table = manifest.text.parse().unwrap_or_else(|error| panic!("{}: {error}", manifest.path));
    manifest.get(section).and_then(|section| section.as_table()).cloned().unwrap_or_default()
}

/// Versions stand in the root alone; what stands there is used; every crate takes the root's lints.
fn check_inherited(root: &TextFile, manifests: &[TextFile]) -> Vec<Finding> {
    let workspace = section_of(root, "workspace");
    let listed: BTreeSet<&String> = workspace
        .get("dependencies")
        .and_then(|section| section.as_table())
        .into_iter()
        .flat_map(Table::keys)
        .collect();
    let mut findings = Vec::new();
    let mut used = BTreeSet::new();
    for manifest in manifests {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in section_of(manifest, section) {
                let is_inherited = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
                if !is_inherited {
                    let what = format!(
                        "`{name}` has a version of its own: write `{name}.workspace = true` and the version into the root's `[workspace.dependencies]`"
                    );
                    findings.push(Finding::new(&manifest.path, line_of(&manifest.text, &name), what));
                }
                used.insert(name);
            }
        }
        if section_of(manifest, "lints").get("workspace").and_then(toml::Value::as_bool) != Some(true) {
            findings.push(Finding::new(
                &manifest.path,
                1,
                "the lints are not the workspace's: add `[lints]` with `workspace = true`",
            ));
        }
    }
    for name in listed.into_iter().filter(|name| !used.contains(*name)) {
        let line = line_of(&root.text, &format!("{name} = "));
        findings.push(Finding::new(&root.path, line, format!("no crate uses `{name}`: take it out")));
    }
    findings
}

/// Every dependency of the root has its reason in CONTRIBUTING.md, and the reverse.
fn check_reasons(root: &TextFile, contributing: &TextFile) -> Vec<Finding> {
    let workspace = section_of(root, "workspace");
    let listed = workspace.get("dependencies").and_then(|section| section.as_table()).into_iter().flat_map(Table::keys);
    let listed: BTreeSet<&str> = listed.map(String::as_str).filter(|name| !name.starts_with("lakefront-")).collect();
    let rows = table(&contributing.text, &["crate", "why"]);
    let explained: Vec<(usize, &str)> = rows
        .iter()
        .flat_map(|(line, cells)| cells.first().into_iter().flat_map(|cell| code_spans(cell)).map(|name| (*line, name)))
        .collect();
    let mut findings = Vec::new();
    for name in listed.iter().filter(|name| !explained.iter().any(|(_, own)| own == *name)) {
        let line = line_of(&root.text, &format!("{name} = "));
        findings.push(Finding::new(
            &root.path,
            line,
            format!("`{name}` has no reason: give it one in CONTRIBUTING.md's table of dependencies"),
        ));
    }
    for (line, name) in explained.into_iter().filter(|(_, name)| !listed.contains(name)) {
        findings.push(Finding::new(&contributing.path, line, format!("`{name}` is no dependency: take it out")));
    }
    findings
}

fn manifests() -> Vec<TextFile> {
    let of_crate = |file: &TextFile| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml");
    files().into_iter().filter(of_crate).collect()
}

#[test]
fn crates_depend_on_what_the_table_says() {
    assert_none(check_table(&file("ARCHITECTURE.md"), &manifests()));
}

#[test]
fn every_dependency_stands_once_in_the_root() {
    assert_none(check_inherited(&file("Cargo.toml"), &manifests()));
}

#[test]
fn every_dependency_has_its_reason() {
    assert_none(check_reasons(&file("Cargo.toml"), &file("CONTRIBUTING.md")));
}

#[test]
fn a_dependency_without_a_reason_is_found() {
    let root = TextFile::new("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\ntoml = \"1\"\n");
    let contributing = TextFile::new("C.md", "| crate | why |\n|---|---|\n| `serde` `rand` | x |\n");
    let lines: Vec<String> = check_reasons(&root, &contributing)
        .iter()
        .map(|finding| format!("{}:{}", finding.path, finding.line))
        .collect();
    assert_eq!(lines, ["Cargo.toml:3", "C.md:3"]);
}

#[test]
fn an_arrow_that_is_not_in_the_table_is_found() {
    let architecture = TextFile::new(
        "ARCHITECTURE.md",
        "| layer | crate | in one line | depends on | outside |\n|---|---|---|---|---|\n\
         | 0 | `schema` | x | | `toml` |\n| 1 | `table` | x | `schema` | |\n| 1 | `gone` | x | | |\n",
    );
    let manifest = |folder: &str, text: &str| TextFile::new(&format!("crates/{folder}/Cargo.toml"), text);
    let check = |manifests: &[TextFile]| -> Vec<String> {
        check_table(&architecture, manifests).iter().map(ToString::to_string).collect()
    };
    let upwards = check(&[
        manifest("schema", "[dependencies]\nlakefront-table.workspace = true\n"),
        manifest(
            "table",
            "[dependencies]\nlakefront-schema.workspace = true\nrayon.workspace = true\n[dev-dependencies]\nlakefront-cli.workspace = true\n",
        ),
        manifest("extra", ""),
    ]);
    let expected = [
        "crates/schema/Cargo.toml:2: `schema` may not use the own crate `table`",
        "ARCHITECTURE.md:3: `schema` does not use the outside crate `toml`",
        "crates/schema/Cargo.toml:2: `schema` uses `table`, which is in no lower layer",
        "crates/table/Cargo.toml:3: `table` may not use the outside crate `rayon`",
        "crates/table/Cargo.toml:5: tests of `table` may not use `cli`",
        "crates/extra/Cargo.toml:1: crate `extra` is not in ARCHITECTURE.md's table",
        "ARCHITECTURE.md:5: there is no `crates/gone`",
    ];
    assert_eq!(upwards.len(), expected.len(), "{upwards:#?}");
    for (finding, expected) in upwards.iter().zip(expected) {
        assert!(finding.starts_with(expected), "{finding}");
    }
}

#[test]
fn a_version_outside_the_root_is_found() {
    let root = TextFile::new("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\ntoml = \"1\"\n");
    let manifest = TextFile::new("crates/x/Cargo.toml", "[dependencies]\nserde = \"1\"\n");
    let lines: Vec<String> = check_inherited(&root, &[manifest])
        .iter()
        .map(|finding| format!("{}:{}", finding.path, finding.line))
        .collect();
    assert_eq!(lines, ["crates/x/Cargo.toml:2", "crates/x/Cargo.toml:1", "Cargo.toml:3"]);
}
