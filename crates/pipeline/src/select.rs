//! Which listed objects are wanted: by glob, by distribution and by the hour in the name.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use lakefront_cloudfront::object_key;
use lakefront_storage::Object;

use crate::Error;

/// Which objects are wanted. The default is all of them.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: Option<GlobSet>,
    /// Only objects of this distribution.
    pub distribution: Option<String>,
    /// Only objects of this hour (hours since 1970-01-01T00 UTC) or later.
    pub from_hour: Option<i32>,
    /// Only objects before this hour.
    pub to_hour: Option<i32>,
}

impl Selection {
    /// Objects whose name matches one of `include` (any, if there is none) and none of `exclude`. `*` and `?` stay within
    /// a path segment, `**` does not.
    ///
    /// # Errors
    /// [`Error::Glob`].
    pub fn from_globs(include: &[String], exclude: &[String]) -> Result<Self, Error> {
        Ok(Self {
            include: glob_set("--include", include)?,
            exclude: glob_set("--exclude", exclude)?,
            ..Self::default()
        })
    }

    /// Is this object wanted?
    pub fn takes(&self, object: &Object) -> bool {
        let name = object.name();
        let is_in = |set: &Option<GlobSet>, if_none| set.as_ref().map_or(if_none, |set| set.is_match(name));
        let is_of_distribution =
            || self.distribution.as_deref().is_none_or(|wanted| object_key::distribution(name) == wanted);
        is_in(&self.include, true)
            && !is_in(&self.exclude, false)
            && is_of_distribution()
            && self.takes_hour(object_key::hour(name))
    }

    /// An object without an hour in its name is wanted only where no range is.
    fn takes_hour(&self, hour: Option<i32>) -> bool {
        match hour {
            Some(hour) => self.from_hour.is_none_or(|from| from <= hour) && self.to_hour.is_none_or(|to| hour < to),
            None => self.from_hour.is_none() && self.to_hour.is_none(),
        }
    }
}

fn glob_set(flag: &'static str, globs: &[String]) -> Result<Option<GlobSet>, Error> {
    if globs.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let refused = |source| Error::Glob { flag, glob: glob.clone(), source };
        set.add(GlobBuilder::new(glob).literal_separator(true).build().map_err(refused)?);
    }
    let all = globs.join(" ");
    set.build().map(Some).map_err(|source| Error::Glob { flag, glob: all, source })
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
    fn globs_match_the_whole_name() {
        assert!(takes(&globs(&[], &[]), NAME));
        assert!(takes(&globs(&["**/*.gz"], &[]), NAME));
        assert!(!takes(&globs(&["*.gz"], &[]), NAME), "a star does not cross a slash");
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
}
