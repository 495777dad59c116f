//! Files of a crate must not import each other in a circle, except parent and child modules.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    repository::{Finding, TextFile, assert_none, files},
    rust_text::RustText,
};

/// A module by the names on its path below the crate.
type Module = Vec<String>;

/// The modules of one crate.
#[derive(Default)]
struct Modules {
    /// Source text without comments, literals and tests, and the path of the file.
    texts: BTreeMap<Module, (String, String)>,
    /// The module that a re-exported name comes from, by the module that re-exports it.
    reexports: BTreeMap<(Module, String), Module>,
}

impl Modules {
    fn of(folder: &str, files: &[TextFile]) -> Self {
        let mut modules = Self::default();
        let start = format!("crates/{folder}/src/");
        let has_library = files.iter().any(|file| file.path == format!("{start}lib.rs"));
        for file in files.iter().filter(|file| file.is_source() && file.path.starts_with(&start)) {
            let name = file.path[start.len()..].trim_end_matches(".rs");
            if name == "main" && has_library {
                continue;
            }
            let module =
                if matches!(name, "lib" | "main") { Vec::new() } else { name.split('/').map(str::to_owned).collect() };
            let text = RustText::parse(&file.text);
            let code = text.code.iter().enumerate().filter(|(index, _)| !text.is_test(index + 1));
            let code: Vec<&str> = code.map(|(_, line)| line.as_str()).collect();
            modules.texts.insert(module, (code.join("\n"), file.path.clone()));
        }
        let mut reexports = BTreeMap::new();
        for (module, (text, _)) in &modules.texts {
            for path in uses(text, "pub") {
                let name = path.rsplit([':', ' ']).next().unwrap_or_default().to_owned();
                if let Some((source, _)) = modules.resolve(module, &path).filter(|(_, rest)| !rest.is_empty()) {
                    reexports.insert((module.clone(), name), source);
                }
            }
        }
        modules.reexports = reexports;
        modules
    }

    /// Returns the module that a path in a module leads to, and the names on the path after it.
    fn resolve(&self, from: &Module, path: &str) -> Option<(Module, Vec<String>)> {
        let path = path.split(" as ").next().unwrap_or_default();
        let mut names = path.split("::").map(|name| name.trim().to_owned()).peekable();
        let mut module = match names.peek()?.as_str() {
            "crate" => Vec::new(),
            "self" => from.clone(),
            "super" => from[..from.len().checked_sub(1)?].to_vec(),
            first => {
                let child: Module = from.iter().cloned().chain([first.to_owned()]).collect();
                if !self.texts.contains_key(&child) {
                    return None;
                }
                from.clone()
            }
        };
        if matches!(names.peek()?.as_str(), "crate" | "self" | "super") {
            names.next();
        }
        let mut rest = Vec::new();
        for name in names {
            if !rest.is_empty() {
                rest.push(name);
            } else if name == "super" {
                module.pop();
            } else {
                let child: Module = module.iter().cloned().chain([name.clone()]).collect();
                if self.texts.contains_key(&child) { module = child } else { rest.push(name) }
            }
        }
        while let Some(source) = rest.first().and_then(|name| self.reexports.get(&(module.clone(), name.clone()))) {
            if *source == module {
                break;
            }
            module.clone_from(source);
        }
        Some((module, rest))
    }

    /// Returns the modules that each module imports from, apart from its ancestors and descendants.
    fn imports(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let of = |module: &Module, text: &str| -> BTreeSet<Module> {
            let paths = uses(text, "").into_iter().chain(inline_paths(text));
            let modules = paths.filter_map(|path| self.resolve(module, &path)).map(|(module, _)| module);
            modules.filter(|other| !other.starts_with(module) && !module.starts_with(other)).collect()
        };
        self.texts.iter().map(|(module, (text, _))| (module, of(module, text))).collect()
    }

    /// Returns the modules from which their own imports lead back to them.
    fn in_circles(&self) -> Vec<&Module> {
        let imports = self.imports();
        let leads_back = |start: &Module| {
            let mut seen = BTreeSet::new();
            let mut open: Vec<&Module> = imports[start].iter().collect();
            while let Some(module) = open.pop() {
                if module == start {
                    return true;
                }
                if seen.insert(module) {
                    open.extend(imports.get(module).into_iter().flatten());
                }
            }
            false
        };
        self.texts.keys().filter(|module| leads_back(module)).collect()
    }
}

/// Returns the paths in the `use` items of a text, nested ones written out. The items must begin with `visibility`.
fn uses(text: &str, visibility: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let line_start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = text[line_start..at].trim();
        let is_item = before.is_empty() || before.starts_with("pub");
        if is_item && before.starts_with(visibility) {
            let item = text[at + 4..].split(';').next().unwrap_or_default();
            expand(&item.split_whitespace().collect::<Vec<_>>().join(" "), "", &mut paths);
        }
    }
    paths
}

/// Writes out the paths of a `use` tree.
fn expand(tree: &str, start: &str, paths: &mut Vec<String>) {
    let Some((head, rest)) = tree.split_once('{') else {
        paths.push(format!("{start}{}", tree.trim()));
        return;
    };
    let inside = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut begin) = (0_usize, 0);
    for (at, symbol) in inside.char_indices().chain([(inside.len(), ',')]) {
        match symbol {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = inside[begin..at].trim();
                if !part.is_empty() {
                    expand(part, &format!("{start}{}", head.trim()), paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Returns the paths that begin with `crate`, `super` or `self` outside of `use` items.
fn inline_paths(text: &str) -> Vec<String> {
    let is_name = |symbol: char| symbol.is_alphanumeric() || symbol == '_' || symbol == ':';
    let starts = ["crate::", "super::", "self::"].into_iter().flat_map(|start| text.match_indices(start));
    let starts = starts.filter(|(at, _)| !text[..*at].ends_with(is_name));
    starts
        .map(|(at, _)| {
            text[at..].split(|symbol| !is_name(symbol)).next().unwrap_or_default().trim_end_matches(':').to_owned()
        })
        .collect()
}

fn check(files: &[TextFile]) -> Vec<Finding> {
    let folders: BTreeSet<&str> =
        files.iter().filter(|file| file.is_source()).filter_map(TextFile::crate_folder).collect();
    let mut findings = Vec::new();
    for folder in folders {
        let modules = Modules::of(folder, files);
        for module in modules.in_circles() {
            let what = "its imports lead back to it: move what they share to a file of its own";
            findings.push(Finding::new(&modules.texts[module].1, 1, what));
        }
    }
    findings
}

#[test]
fn no_file_imports_another_in_a_circle() {
    assert_none(check(&files()));
}

#[test]
fn a_circle_is_found_also_through_a_reexport_but_not_between_parent_and_child() {
    let file = |name: &str, text: &str| TextFile::new(&format!("crates/x/src/{name}.rs"), text);
    let files = [
        file("lib", "mod a;\nmod b;\nmod c;\nmod d;\npub use b::B;\n"),
        file("a", "use crate::B;\n"),
        file("b", "use crate::{\n    c::{C, d},\n};\n"),
        file("c", "fn f() { super::a::f(); }\n"),
        file("d", "mod e;\nuse self::e::E;\nuse crate::a;\n#[cfg(test)]\nmod tests { use crate::a; }\n"),
        file("d/e", "use super::D;\n"),
    ];
    let paths: Vec<String> = check(&files).into_iter().map(|finding| finding.path).collect();
    assert_eq!(paths, ["crates/x/src/a.rs", "crates/x/src/b.rs", "crates/x/src/c.rs"]);
}
