//! Selects listed objects by pattern, by distribution and by the hour in the name.

use lakefront_ledger::paths::hour_text;
use lakefront_schema::object_key;
use lakefront_storage::{ListFailure, Object, printable_name};

use crate::{Error, select::globs::Globs};

// Matching of patterns.
mod globs;

/// A selection of objects. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    include: Option<Globs>,
    exclude: Option<Globs>,
    /// Only objects of this distribution.
    pub distribution: Option<String>,
    /// Only objects of this hour (hours since 1970-01-01T00 UTC) or later.
    pub from_hour: Option<i32>,
    /// Only objects before this hour.
    pub to_hour: Option<i32>,
}

/// The first reason why a selection leaves an object out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LeftOut {
    /// Its name: `--include` or `--exclude`.
    Name,
    /// It is of another distribution.
    Distribution,
    /// Its hour is before the range.
    Earlier,
    /// Its hour is after the range.
    Later,
    /// There is a range, but no hour in its name.
    WithoutHour,
}

impl Selection {
    /// Returns a selection of the objects that match a pattern of `include` (all, if it is empty) and no pattern of
    /// `exclude`. A pattern without `/` is matched against the last part of a name, at any depth; a pattern with `/` against
    /// the whole name. `*` and `?` do not match a `/`, `**` does. Everything below a folder that `exclude` matches is left
    /// out.
    ///
    /// # Errors
    /// [`Error::Glob`].
    pub fn from_globs(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        Ok(Self {
            include: Globs::new("--include", include, false)?,
            exclude: Globs::new("--exclude", exclude, true)?,
            ..Self::default()
        })
    }

    /// Returns whether an object is selected.
    pub fn takes(&self, object: &Object) -> bool {
        self.left_out(object.name()).is_none()
    }

    /// Returns the reason why the object of this name is left out; `None` if it is selected.
    pub(crate) fn left_out(&self, name: &str) -> Option<LeftOut> {
        if !self.takes_name(name) {
            return Some(LeftOut::Name);
        }
        if self.distribution.as_deref().is_some_and(|wanted| object_key::distribution(name) != wanted) {
            return Some(LeftOut::Distribution);
        }
        let hour = object_key::hour(name);
        if self.from_hour.is_some_and(|from| hour.is_some_and(|hour| hour < from)) {
            Some(LeftOut::Earlier)
        } else if self.to_hour.is_some_and(|to| hour.is_some_and(|hour| hour >= to)) {
            Some(LeftOut::Later)
        } else {
            let has_range = self.from_hour.is_some() || self.to_hour.is_some();
            (has_range && hour.is_none()).then_some(LeftOut::WithoutHour)
        }
    }

    /// Returns whether a name of an object or special file matches the patterns.
    pub(crate) fn takes_name(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|globs| globs.is_match(name))
            && !self.exclude.as_ref().is_some_and(|globs| globs.is_match(name))
    }

    /// Returns whether something that could not be listed may be selected, or may hold a selected object.
    pub(crate) fn misses(&self, failure: &ListFailure) -> bool {
        let ListFailure { name, may_hold_objects, .. } = failure;
        // The failure is about a whole source.
        if name.is_empty() {
            return true;
        }
        if self.exclude.as_ref().is_some_and(|globs| globs.covers(name)) {
            return false;
        }
        if *may_hold_objects {
            return self.include.as_ref().is_none_or(|globs| globs.is_match(name) || globs.may_match_below(name));
        }
        // A name without an hour may be anything: only patterns leave it out.
        if object_key::hour(name).is_some() { self.left_out(name).is_none() } else { self.takes_name(name) }
    }

    /// Returns the flags that leave out objects without an hour, with the verb, for messages that end in "them out".
    pub fn range_flags(&self) -> &'static str {
        match (self.from_hour, self.to_hour) {
            (Some(_), Some(_)) => "--from and --to leave",
            (Some(_), None) => "--from leaves",
            (None, Some(_)) => "--to leaves",
            (None, None) => "the selection leaves",
        }
    }

    /// Returns the end of a sentence about objects that are left out for this reason.
    pub(crate) fn reason_text(&self, reason: LeftOut) -> String {
        let hour = |hour: Option<i32>| hour.map_or_else(String::new, short_hour);
        match reason {
            LeftOut::Name => match (&self.include, &self.exclude) {
                (Some(_), None) => "not matched by --include".to_owned(),
                (None, Some(_)) => "matched by --exclude".to_owned(),
                _ => "left out by --include and --exclude".to_owned(),
            },
            LeftOut::Distribution => {
                let wanted =
                    self.distribution.as_deref().expect("only a wanted distribution leaves logs of others out");
                let wanted = printable_name(wanted);
                format!("not of --distribution {wanted}")
            }
            LeftOut::Earlier => format!("older than --from {}", hour(self.from_hour)),
            LeftOut::Later => format!("not older than --to {}", hour(self.to_hour)),
            LeftOut::WithoutHour => {
                format!("without an hour in the name: {} such logs out", self.range_flags())
            }
        }
    }
}

/// Returns an hour as people type it: only the day if it is the first hour of the day.
fn short_hour(hour: i32) -> String {
    let text = hour_text(hour);
    text.strip_suffix("T00").map_or_else(|| text.clone(), str::to_owned)
}

/// Records which patterns of a selection matched a name of a listing.
pub(crate) struct PatternUse<'s> {
    flags: Vec<FlagUse<'s>>,
    /// Number of patterns that matched nothing yet.
    unused: usize,
}

struct FlagUse<'s> {
    flag: &'static str,
    globs: &'s Globs,
    is_used: Vec<bool>,
}

impl<'s> PatternUse<'s> {
    pub(crate) fn of(selection: &'s Selection) -> Self {
        let flags = [("--include", &selection.include), ("--exclude", &selection.exclude)];
        let flags: Vec<FlagUse<'s>> = flags
            .into_iter()
            .filter_map(|(flag, globs)| {
                let globs = globs.as_ref()?;
                Some(FlagUse { flag, globs, is_used: vec![false; globs.typed().count()] })
            })
            .collect();
        let unused = flags.iter().map(|flag| flag.is_used.len()).sum();
        Self { flags, unused }
    }

    /// Records a name of the listing.
    pub(crate) fn name(&mut self, name: &str) {
        self.note(|globs| globs.of_name(name).collect());
    }

    /// Records a folder of the listing, with or without objects below it.
    pub(crate) fn folder(&mut self, name: &str) {
        self.note(|globs| globs.of_folder(name).collect());
    }

    fn note(&mut self, matched: impl Fn(&Globs) -> Vec<usize>) {
        if self.unused == 0 {
            return;
        }
        for FlagUse { globs, is_used, .. } in &mut self.flags {
            for pattern in matched(globs) {
                if let Some(is_used) = is_used.get_mut(pattern)
                    && !std::mem::replace(is_used, true)
                {
                    self.unused -= 1;
                }
            }
        }
    }

    /// Returns the patterns that matched nothing, each with its flag, printable.
    pub(crate) fn unused(&self) -> Vec<String> {
        let mut unused = Vec::new();
        for FlagUse { flag, globs, is_used } in &self.flags {
            for (pattern, is_used) in globs.typed().zip(is_used) {
                let text = format!("{flag} {}", printable_name(pattern));
                if !is_used && !unused.contains(&text) {
                    unused.push(text);
                }
            }
        }
        unused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "prefix/E1EXAMPLE.2024-05-17-10.abc.gz";
    const HOUR: i32 = 476_650;

    fn takes(selection: &Selection, name: &str) -> bool {
        selection.takes(&Object::local(&format!("/logs/{name}"), name, 1, 0))
    }

    fn globs(include: &[&str], exclude: &[&str]) -> Selection {
        let owned = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect::<Vec<_>>();
        Selection::from_globs(&owned(include), &owned(exclude)).unwrap()
    }

    #[test]
    fn globs_with_a_slash_match_the_whole_name_and_others_its_last_part() {
        assert!(takes(&globs(&[], &[]), NAME));
        assert!(takes(&globs(&["**/*.gz"], &[]), NAME));
        assert!(takes(&globs(&["*.gz"], &[]), NAME), "without a slash the last part counts");
        assert!(!takes(&globs(&["*/*/*.gz"], &[]), NAME), "a star does not cross a slash");
        assert!(takes(&globs(&["x", "prefix/E1*"], &[]), NAME));
        assert!(!takes(&globs(&["**"], &["**/*.abc.*"]), NAME));
        assert!(Selection::from_globs(&["a[".to_owned()], &[]).is_err());
    }

    #[test]
    fn a_range_is_half_open_and_needs_an_hour() {
        let range = |from_hour, to_hour| Selection { from_hour, to_hour, ..Selection::default() };
        assert!(takes(&range(Some(HOUR), Some(HOUR + 1)), NAME));
        assert!(!takes(&range(Some(HOUR + 1), None), NAME));
        assert!(!takes(&range(None, Some(HOUR)), NAME));
        assert!(takes(&range(None, None), "plain.log"));
        assert!(!takes(&range(Some(0), None), "plain.log"));
    }

    #[test]
    fn a_distribution_is_the_start_of_the_last_segment() {
        let of = |id: &str| Selection { distribution: Some(id.to_owned()), ..Selection::default() };
        assert!(takes(&of("E1EXAMPLE"), NAME));
        assert!(!takes(&of("E1"), NAME));
        assert!(!takes(&of("prefix"), NAME));
    }

    fn failure(name: &str, may_hold_objects: bool) -> ListFailure {
        ListFailure {
            location: String::new(),
            name: name.to_owned(),
            may_hold_objects,
            flaw: lakefront_storage::ListFlaw::NameNotUtf8,
        }
    }

    #[test]
    fn patterns_also_leave_out_what_cannot_be_listed() {
        for (include, exclude, name, is_folder, misses) in [
            (&[][..], &[][..], "lost+found", true, true),
            (&[], &["lost+found"], "lost+found", true, false),
            (&[], &["lost+found"], "a/lost+found", true, false),
            (&[], &["lost+found"], "lost+found/b", true, false),
            (&[], &["lost+found/**"], "lost+found", true, false),
            (&[], &["**/x/**"], "a/x", true, false),
            (&[], &["x/"], "a/x", true, false),
            (&[], &["x/*"], "x", true, true),
            (&["*.gz"], &[], "lost+found", true, true),
            (&["cf/*.gz"], &[], "lost+found", true, false),
            (&["cf/*.gz"], &[], "cf", true, true),
            (&["*.gz"], &[], "dangling", false, false),
            (&["*.gz"], &[], "dangling.gz", false, true),
            (&[], &["dangling"], "a/dangling", false, false),
            (&[], &["a//b"], "a//b", false, false),
            (&[], &["b"], "a//b", false, false),
            (&[], &["a/"], "a//b", false, false),
            (&[], &["a/**"], "a//b", false, false),
            (&["**/*.gz"], &[], "a//b.gz", false, true),
            (&[], &["**"], "", true, true),
        ] {
            let selection = globs(include, exclude);
            assert_eq!(selection.misses(&failure(name, is_folder)), misses, "{include:?} {exclude:?} {name}");
        }
    }

    #[test]
    fn a_range_leaves_out_what_cannot_be_listed_only_if_its_name_has_an_hour() {
        let selection = Selection { from_hour: Some(HOUR + 1), ..Selection::default() };
        assert!(!selection.misses(&failure(NAME, false)));
        assert!(selection.misses(&failure("dangling", false)) && selection.misses(&failure("folder", true)));
        let of_another = Selection { distribution: Some("E2".into()), ..Selection::default() };
        assert!(!of_another.misses(&failure(NAME, false)) && of_another.misses(&failure("dangling", false)));
    }

    #[test]
    fn the_first_reason_to_leave_an_object_out_is_reported() {
        let mut selection = globs(&["*.gz"], &["*.old.gz"]);
        selection.distribution = Some("E1EXAMPLE".into());
        (selection.from_hour, selection.to_hour) = (Some(HOUR), Some(HOUR + 1));
        for (name, reason) in [
            (NAME, None),
            ("E1EXAMPLE.2024-05-17-10.abc", Some(LeftOut::Name)),
            ("E1EXAMPLE.2024-05-17-10.abc.old.gz", Some(LeftOut::Name)),
            ("E2EXAMPLE.2024-05-17-10.abc.gz", Some(LeftOut::Distribution)),
            ("E1EXAMPLE.2024-05-17-09.abc.gz", Some(LeftOut::Earlier)),
            ("E1EXAMPLE.2024-05-17-11.abc.gz", Some(LeftOut::Later)),
            ("E1EXAMPLE.gz", Some(LeftOut::WithoutHour)),
        ] {
            assert_eq!(selection.left_out(name), reason, "{name}");
        }
        assert_eq!(selection.reason_text(LeftOut::Earlier), "older than --from 2024-05-17T10");
        selection.from_hour = Some(HOUR - 10);
        assert_eq!(selection.reason_text(LeftOut::Earlier), "older than --from 2024-05-17");
    }

    #[test]
    fn each_pattern_that_matches_nothing_is_reported_once() {
        let selection = globs(&["*.gz", "*.log", "*.log"], &["lost+found", "old/**", "a/x", "\u{1b}"]);
        let mut uses = PatternUse::of(&selection);
        uses.name("a/x.gz");
        uses.folder("lost+found");
        uses.folder("old");
        uses.folder("a/x");
        let expected = ["--include *.log", "--exclude a/x", "--exclude \\u{1b}"];
        assert_eq!(uses.unused(), expected);
        uses.name("a/x");
        assert_eq!(uses.unused()[1..], expected[2..]);
    }
}
