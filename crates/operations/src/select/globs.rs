//! Matches names against the patterns of `--include` or `--exclude`.
//!
//! ```text
//!   *.gz       no slash: the last part of a name, at any depth    as **/*.gz
//!   cf/*.gz    a slash: the whole name; * and ? do not cross it   unchanged
//!   old/       a slash at the end: everything below a folder      as **/old/**
//! ```
//!
//! A pattern of `--exclude` without a slash that matches a folder also excludes everything below the folder.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use lakefront_storage::printable_name;

use crate::Error;

/// Largest number of characters of a pattern that a message shows.
const SHOWN_CHARS: usize = 300;
/// End of a pattern that matches everything below a folder.
const ALL_BELOW: &str = "/**";

/// The patterns of one flag. There is at least one.
#[derive(Clone, Debug)]
pub(super) struct Globs {
    patterns: Vec<Pattern>,
    /// Globs that match names.
    names: Owned,
    /// Globs that match folders all of whose contents match.
    folders: Owned,
}

/// A pattern as typed.
#[derive(Clone, Debug)]
struct Pattern {
    typed: String,
    /// The parts of its glob between slashes; `None` if they cannot be separated.
    parts: Option<Vec<Part>>,
}

/// A part of a pattern between slashes.
#[derive(Clone, Debug)]
enum Part {
    /// `**`
    AnyDepth,
    /// A set of one glob: a glob that is too large is an error here, but a panic in a single matcher.
    One(GlobSet),
}

/// A set of globs, each of which belongs to a pattern.
#[derive(Clone, Debug)]
struct Owned {
    set: GlobSet,
    /// The index of the pattern of each glob.
    owners: Vec<usize>,
}

impl Globs {
    /// Returns the patterns of a flag; `None` if it was not given.
    ///
    /// # Errors
    /// [`Error::Glob`].
    pub(super) fn new(flag: &'static str, typed: &[String], excludes: bool) -> Result<Option<Self>, Error> {
        if typed.is_empty() {
            return Ok(None);
        }
        let (mut patterns, mut names, mut folders) = (Vec::new(), Vec::new(), Vec::new());
        for (owner, text) in typed.iter().enumerate() {
            let refused = |error: globset::Error| glob_error(flag, text, &error);
            // As typed first, so that an error quotes the typed text.
            glob(text).map_err(refused)?;
            let meant = meaning(text, excludes);
            for meant in &meant {
                names.push((owner, glob(meant).map_err(refused)?));
                if let Some(folder) = meant.strip_suffix(ALL_BELOW) {
                    folders.push((owner, glob(folder).map_err(refused)?));
                }
            }
            let parts = meant.first().and_then(|meant| meant.split('/').map(part).collect());
            patterns.push(Pattern { typed: text.clone(), parts });
        }
        let refused = |error: globset::Error| glob_error(flag, &typed.join(" "), &error);
        let names = Owned::new(names).map_err(refused)?;
        let folders = Owned::new(folders).map_err(refused)?;
        Ok(Some(Self { patterns, names, folders }))
    }

    /// Returns whether a name matches a pattern.
    pub(super) fn is_match(&self, name: &str) -> bool {
        self.names.set.is_match(name)
    }

    /// Returns whether every name below a folder matches.
    pub(super) fn covers(&self, folder: &str) -> bool {
        self.is_match(folder) || self.folders.set.is_match(folder)
    }

    /// Returns whether any name below a folder can match.
    pub(super) fn may_match_below(&self, folder: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.parts.as_deref().is_none_or(|parts| may_lead_below(parts, folder)))
    }

    /// Returns the patterns as typed, in their order.
    pub(super) fn typed(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(|pattern| pattern.typed.as_str())
    }

    /// Returns the indexes of the patterns that a name matches.
    pub(super) fn of_name(&self, name: &str) -> impl Iterator<Item = usize> {
        self.names.matches(name)
    }

    /// Returns the indexes of the patterns that match everything below a folder.
    pub(super) fn of_folder(&self, folder: &str) -> impl Iterator<Item = usize> {
        self.folders.matches(folder)
    }
}

impl Owned {
    fn new(globs: Vec<(usize, Glob)>) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        let mut owners = Vec::new();
        for (owner, glob) in globs {
            set.add(glob);
            owners.push(owner);
        }
        Ok(Self { set: set.build()?, owners })
    }

    fn matches(&self, name: &str) -> impl Iterator<Item = usize> {
        self.set.matches(name).into_iter().filter_map(|glob| self.owners.get(glob).copied())
    }
}

/// Returns the error of an invalid pattern, escaped and shortened.
fn glob_error(flag: &'static str, typed: &str, error: &globset::Error) -> Error {
    let shown = |text: &str| {
        let short: String = text.chars().take(SHOWN_CHARS).collect();
        format!("{}{}", printable_name(&short), if short.len() < text.len() { "..." } else { "" })
    };
    Error::Glob { flag, glob: shown(typed), why: shown(&error.kind().to_string()) }
}

fn glob(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).build()
}

/// Returns the globs over whole names for a pattern.
fn meaning(typed: &str, excludes: bool) -> Vec<String> {
    let folder = typed.trim_end_matches('/');
    if folder.is_empty() || (folder.contains('/') && folder == typed) {
        return vec![typed.to_owned()];
    }
    match (folder == typed, folder.contains('/')) {
        (true, _) if excludes => vec![format!("**/{folder}"), format!("**/{folder}{ALL_BELOW}")],
        (true, _) => vec![format!("**/{folder}")],
        (false, true) => vec![format!("{folder}{ALL_BELOW}")],
        (false, false) => vec![format!("**/{folder}{ALL_BELOW}")],
    }
}

/// Returns a part of a pattern; `None` if a class or an alternative crosses a slash, or if the pattern is too large.
fn part(text: &str) -> Option<Part> {
    if text == "**" {
        return Some(Part::AnyDepth);
    }
    let set = GlobSetBuilder::new().add(glob(text).ok()?).build();
    set.ok().map(Part::One)
}

/// Returns whether a name below this folder can match.
fn may_lead_below(parts: &[Part], folder: &str) -> bool {
    let mut parts = parts.iter();
    for segment in folder.split('/') {
        match parts.next() {
            Some(Part::AnyDepth) => return true,
            Some(Part::One(glob)) if glob.is_match(segment) => {}
            Some(Part::One(_)) | None => return false,
        }
    }
    parts.next().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(typed: &[&str], excludes: bool) -> Globs {
        let typed: Vec<String> = typed.iter().map(|&text| text.to_owned()).collect();
        Globs::new("--x", &typed, excludes).unwrap().unwrap()
    }

    #[test]
    fn a_pattern_that_is_too_large_is_refused_and_quoted_in_part() {
        for pattern in ["*".repeat(120_000), format!("{}/x", "*".repeat(120_000)), "{".repeat(120_000)] {
            let error = Globs::new("--x", &[pattern], true).unwrap_err().to_string();
            assert!(error.starts_with("`--x ") && error.len() < 1_000, "{error}");
        }
    }

    #[test]
    fn a_pattern_without_a_slash_matches_the_last_part_and_one_with_a_slash_the_whole_name() {
        for (pattern, matches, does_not) in [
            ("*.gz", &["x.gz", "a/x.gz", "a/b/.gz"][..], &["x.gzip", "a.gz/x"][..]),
            ("x.log", &["x.log", "a/b/x.log"], &["xx.log", "a/x.log/b"]),
            ("?", &["a", "a/b"], &["ab", "a/bc"]),
            ("{*.gz,*.log}", &["x.gz", "a/x.log"], &["x.txt"]),
            ("[ab].gz", &["a.gz", "x/b.gz"], &["c.gz"]),
            ("**", &["x", "a/b"], &[]),
            ("**.gz", &["x.gz", "a/x.gz"], &["x.gz/a"]),
            ("a/*.gz", &["a/x.gz"], &["x.gz", "b/a/x.gz", "a/b/x.gz"]),
            ("**/*.gz", &["x.gz", "a/b/x.gz"], &["x"]),
            ("a/**", &["a/x", "a/b/x"], &["a", "b/a/x"]),
            ("**/a/**", &["a/x", "b/a/x", "b/a/c/x"], &["a", "aa/x"]),
            ("old/", &["old/x", "a/old/x", "a/old/b/x"], &["old", "older/x"]),
            ("a/old/", &["a/old/x", "a/old/b/x"], &["b/a/old/x", "a/old"]),
            ("/a", &[], &["a", "x/a"]),
            ("", &[], &["a", "a/b"]),
        ] {
            let globs = globs(&[pattern], false);
            let wrong: Vec<_> = matches.iter().filter(|name| !globs.is_match(name)).collect();
            assert!(wrong.is_empty(), "`{pattern}` does not match {wrong:?}");
            let wrong: Vec<_> = does_not.iter().filter(|name| globs.is_match(name)).collect();
            assert!(wrong.is_empty(), "`{pattern}` matches {wrong:?}");
        }
    }

    #[test]
    fn everything_below_an_excluded_folder_is_excluded() {
        let folder = globs(&["lost+found"], true);
        assert!(
            folder.is_match("lost+found/#123")
                && folder.is_match("a/lost+found/b/c")
                && folder.is_match("a/lost+found")
        );
        assert!(!folder.is_match("lost+founds/x"));
        assert!(!globs(&["a/x"], true).is_match("a/x/y"), "with a slash it is a whole name");
        for pattern in ["x", "x/", "x/**", "**/x", "**/x/**", "?", "**"] {
            assert!(globs(&[pattern], true).covers("x"), "{pattern}");
        }
        for pattern in ["a/x", "x/*", "x/**/*.gz", "*.gz", "x/y/**"] {
            assert!(!globs(&[pattern], true).covers("x"), "{pattern}");
        }
        assert!(globs(&["x/**"], true).covers("x/y") && globs(&["a/x"], true).covers("a/x"));
    }

    #[test]
    fn a_folder_may_hold_matching_names_unless_its_path_differs_from_the_pattern() {
        for (pattern, may, may_not) in [
            ("*.gz", &["a", "a/b"][..], &[][..]),
            ("a/*.gz", &["a"], &["b", "a/b"]),
            ("a/*/c/*", &["a", "a/b", "a/x/c"], &["a/b/d", "b"]),
            ("a/**", &["a", "a/b/c"], &["b"]),
            ("a*/**/x", &["a", "ab/c/d"], &["b"]),
            ("**/x", &["a", "b/c"], &[]),
            ("old/", &["a", "old"], &[]),
            ("{a/b,c}/*", &["a", "z"], &[]),
        ] {
            let globs = globs(&[pattern], false);
            let wrong: Vec<_> = may.iter().filter(|folder| !globs.may_match_below(folder)).collect();
            assert!(wrong.is_empty(), "`{pattern}` may match below {wrong:?}");
            let wrong: Vec<_> = may_not.iter().filter(|folder| globs.may_match_below(folder)).collect();
            assert!(wrong.is_empty(), "`{pattern}` cannot match below {wrong:?}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_and_quoted_as_typed() {
        for pattern in ["a[", "{a", "a/[z-a]"] {
            let error = Globs::new("--include", &[pattern.to_owned()], false).unwrap_err();
            let text = lakefront_engine::message(&error, |_| None);
            assert!(text.contains(&format!("`--include {pattern}`")) && !text.contains("**/"), "{text}");
        }
    }
}
