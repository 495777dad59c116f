//! Dependencies of the crates: the table in ARCHITECTURE.md matches the manifests, and crates depend only on lower layers.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::{Value, json};
use toml::Table;

use crate::{
    markdown::{code_spans, table},
    repository::{Finding, TextFile, assert_none, file, files, line_of, root},
};

/// A row of the table.
struct Row {
    line: usize,
    layer: u32,
    ours: BTreeSet<String>,
    outside: BTreeSet<String>,
}

/// The only own crate that tests, benches and examples may use in addition: any other could hide a dependency between
/// crates.
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

/// A crate of the workspace, as `cargo metadata` describes it.
struct Package {
    /// Its folder below `crates/`.
    folder: String,
    /// The folders of our crates that it depends on.
    ours: BTreeSet<String>,
    /// The other crates that it depends on.
    outside: BTreeSet<String>,
    /// The folders of our crates that its tests, benches and examples depend on.
    ours_for_tests: BTreeSet<String>,
}

impl Package {
    fn manifest(&self) -> String {
        format!("crates/{}/Cargo.toml", self.folder)
    }
}

/// Returns the crates in the output of `cargo metadata --no-deps`.
fn packages(metadata: &Value) -> Vec<Package> {
    let folder =
        |name: &str, path: &Value| path.as_str().and_then(|path| path.rsplit('/').next()).unwrap_or(name).to_owned();
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let manifest = package["manifest_path"].as_str().unwrap();
            let mut own = Package {
                folder: manifest.rsplit('/').nth(1).unwrap().to_owned(),
                ours: BTreeSet::new(),
                outside: BTreeSet::new(),
                ours_for_tests: BTreeSet::new(),
            };
            for dependency in package["dependencies"].as_array().unwrap() {
                let name = dependency["name"].as_str().unwrap();
                // Only own crates have a path.
                match (dependency["path"].is_string(), dependency["kind"].as_str()) {
                    (true, None) => own.ours.insert(folder(name, &dependency["path"])),
                    (true, Some(_)) => own.ours_for_tests.insert(folder(name, &dependency["path"])),
                    (false, None) => own.outside.insert(name.to_owned()),
                    (false, Some(_)) => false,
                };
            }
            own
        })
        .collect()
}

/// Returns the output of `cargo metadata` for this repository.
fn metadata() -> Value {
    let mut command = Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Checks the crates against the table.
fn check_table(architecture: &TextFile, packages: &[Package]) -> Vec<Finding> {
    let rows = rows(architecture);
    let mut findings = Vec::new();
    for package in packages {
        let folder = &package.folder;
        let mut find = |what: String| findings.push(Finding::new(&package.manifest(), 1, what));
        let Some(row) = rows.get(folder) else {
            find(format!("crate `{folder}` is not in ARCHITECTURE.md's table of crates: give it a row"));
            continue;
        };
        let mut unused = Vec::new();
        for (kind, used, allowed) in [("own", &package.ours, &row.ours), ("outside", &package.outside, &row.outside)] {
            for name in used.difference(allowed) {
                find(format!(
                    "`{folder}` may not use the {kind} crate `{name}`: a new edge is a design change, see the table in ARCHITECTURE.md"
                ));
            }
            unused.extend(allowed.difference(used).map(|name| format!("the {kind} crate `{name}`")));
        }
        for name in &package.ours {
            if rows.get(name).is_none_or(|below| below.layer >= row.layer) {
                find(format!("`{folder}` uses `{name}`, which is in no lower layer"));
            }
        }
        for name in
            package.ours_for_tests.iter().filter(|name| *name != OURS_FOR_TESTS && !package.ours.contains(*name))
        {
            find(format!("tests of `{folder}` may not use `{name}`: put the test where both are known"));
        }
        for name in unused {
            let what = format!("`{folder}` does not use {name}: take it out of the table");
            findings.push(Finding::new(&architecture.path, row.line, what));
        }
    }
    for (name, row) in rows.iter().filter(|(name, _)| packages.iter().all(|package| package.folder != **name)) {
        findings.push(Finding::new(
            &architecture.path,
            row.line,
            format!("there is no `crates/{name}`: take it out of the table"),
        ));
    }
    findings
}

fn section_of(manifest: &TextFile, section: &str) -> Table {
    let manifest: Table = manifest.text.parse().unwrap_or_else(|error| panic!("{}: {error}", manifest.path));
    manifest.get(section).and_then(|section| section.as_table()).cloned().unwrap_or_default()
}

/// Checks that versions are only in the root manifest, that each of its dependencies is used, and that every crate inherits
/// its lints.
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
                        "`{name}` has its own version: write `{name}.workspace = true` and the version into the root's `[workspace.dependencies]`"
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
                "the lints are not inherited from the workspace: add `[lints]` with `workspace = true`",
            ));
        }
    }
    for name in listed.into_iter().filter(|name| !used.contains(*name)) {
        let line = line_of(&root.text, &format!("{name} = "));
        findings.push(Finding::new(&root.path, line, format!("no crate uses `{name}`: take it out")));
    }
    findings
}

/// Checks that every dependency of the root has its reason in CONTRIBUTING.md, and that every reason has its dependency.
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
        findings.push(Finding::new(&contributing.path, line, format!("`{name}` is not a dependency: remove it")));
    }
    findings
}

fn manifests() -> Vec<TextFile> {
    let of_crate = |file: &TextFile| file.path.starts_with("crates/") && file.path.ends_with("/Cargo.toml");
    files().into_iter().filter(of_crate).collect()
}

#[test]
fn crates_depend_only_on_crates_of_their_row_in_the_table() {
    assert_none(check_table(&file("ARCHITECTURE.md"), &packages(&metadata())));
}

#[test]
fn every_dependency_has_its_version_in_the_root() {
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
fn a_dependency_that_is_not_in_the_table_is_found() {
    let architecture = TextFile::new(
        "ARCHITECTURE.md",
        "| layer | crate | in one line | depends on | outside |\n|---|---|---|---|---|\n\
         | 0 | `schema` | x | | `toml` |\n| 1 | `table` | x | `schema` | |\n| 1 | `gone` | x | | |\n",
    );
    let ours = |name: &str, kind: Value| json!({ "name": format!("lakefront-{name}"), "kind": kind, "path": format!("/x/crates/{name}") });
    let metadata = json!({ "packages": [
        { "manifest_path": "/x/crates/schema/Cargo.toml", "dependencies": [ours("table", Value::Null)] },
        {
            "manifest_path": "/x/crates/table/Cargo.toml",
            "dependencies": [
                ours("schema", Value::Null),
                { "name": "rayon", "kind": null },
                { "name": "criterion", "kind": "dev" },
                ours("cli", json!("dev")),
                ours("loggen", json!("dev")),
            ],
        },
        { "manifest_path": "/x/crates/extra/Cargo.toml", "dependencies": [] },
    ] });
    let found: Vec<String> = check_table(&architecture, &packages(&metadata)).iter().map(ToString::to_string).collect();
    let expected = [
        "crates/schema/Cargo.toml:1: `schema` may not use the own crate `table`",
        "crates/schema/Cargo.toml:1: `schema` uses `table`, which is in no lower layer",
        "ARCHITECTURE.md:3: `schema` does not use the outside crate `toml`",
        "crates/table/Cargo.toml:1: `table` may not use the outside crate `rayon`",
        "crates/table/Cargo.toml:1: tests of `table` may not use `cli`",
        "crates/extra/Cargo.toml:1: crate `extra` is not in ARCHITECTURE.md's table",
        "ARCHITECTURE.md:5: there is no `crates/gone`",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (finding, expected) in found.iter().zip(expected) {
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
