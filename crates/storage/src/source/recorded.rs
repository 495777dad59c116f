//! Sources of earlier runs: written as texts, read back without access to disk or store, and compared with the sources of a
//! later run.

use std::collections::BTreeMap;

use super::{LocalSource, Source, SourceKind, SourcePlace};
use crate::Object;
use crate::error::Operation;
use crate::file_url::{FILE_SCHEME, file_url, percent_decoded};
use crate::object::Place;
use crate::remote::Prefix;

impl Source {
    /// Returns the location as a text for [`Source::restore`]: a `file://` URL, or the bucket's URL with the prefix as it is.
    pub fn place_text(&self) -> String {
        match &self.place {
            SourcePlace::Local(local) => file_url(local.path.as_bytes()),
            SourcePlace::Remote(prefix) if prefix.path().is_empty() => prefix.bucket.to_string(),
            SourcePlace::Remote(prefix) => format!("{}/{}", prefix.bucket, prefix.path()),
        }
    }

    /// Returns the name of the only object of a source that is a single local file.
    pub fn file_name(&self) -> Option<&str> {
        match &self.place {
            SourcePlace::Local(LocalSource { kind: SourceKind::File { name }, .. }) => Some(name),
            SourcePlace::Local(_) | SourcePlace::Remote(_) => None,
        }
    }

    /// Returns the source that was written as these texts: [`Source::place_text`], [`Source::file_name`], [`Source::id`].
    /// `None` if no source gives such texts.
    pub fn restore(place: &str, file_name: Option<&str>, id: Option<&str>) -> Option<Self> {
        let place = if let Some(path) = place.strip_prefix(FILE_SCHEME) {
            let path = String::from_utf8(percent_decoded(path)?).ok().filter(|path| path.starts_with('/'))?;
            let kind = file_name.map_or(SourceKind::Folder, |name| SourceKind::File { name: name.to_owned() });
            SourcePlace::Local(LocalSource { path, kind })
        } else {
            SourcePlace::Remote(Prefix::parse(Operation::List, place).ok()?)
        };
        let source = Self { place, id: None };
        match id {
            Some(id) => source.with_id(id).ok(),
            None => Some(source),
        }
    }

    /// Returns whether this source holds everything that the other one holds.
    pub fn holds_source(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (SourcePlace::Local(one), SourcePlace::Local(other)) => {
                std::path::Path::new(&other.path).starts_with(&one.path)
            }
            (SourcePlace::Remote(one), SourcePlace::Remote(other)) => one.holds_prefix(other),
            _ => false,
        }
    }

    /// Returns whether an object that is in both sources has the same identity in both: source and key.
    pub fn knows_as(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (SourcePlace::Local(one), SourcePlace::Local(other_local)) => {
                self.id == other.id && (self.id.is_none() || one.names_as(other_local))
            }
            // A key is the whole key, wherever below the bucket the listing began.
            (SourcePlace::Remote(one), SourcePlace::Remote(other_prefix)) => {
                self.id == other.id && (self.id.is_some() || one.bucket == other_prefix.bucket)
            }
            _ => false,
        }
    }

    /// Returns the sources that these objects were found below, as far as the objects tell: on the local disk the folders that
    /// their names are below; in buckets, for each first part of their keys, the folder that holds them all. An object
    /// that was found by a link tells nothing.
    pub fn around<'o>(objects: impl IntoIterator<Item = &'o Object>) -> Vec<Self> {
        let mut sources: Vec<Self> = Vec::new();
        let mut folders: BTreeMap<(Option<&str>, &str, &str), &str> = BTreeMap::new();
        for object in objects {
            let id = object.path_if_not_key().map(|_| object.source());
            if let Some(bucket) = object.place().and_then(Place::bucket_url) {
                let folder = object.path().rsplit_once('/').map_or("", |(folder, _)| folder);
                let first = folder.split_once('/').map_or(folder, |(first, _)| first);
                let common = folders.entry((id, bucket, first)).or_insert(folder);
                *common = common_folder(common, folder);
                continue;
            }
            let Some(root) = object.path().strip_suffix(object.name()).and_then(|root| root.strip_suffix('/')) else {
                continue;
            };
            if sources.last().and_then(Self::local).is_none_or(|last| last.path != root) {
                let root = if root.is_empty() { "/" } else { root };
                let source = Self::restore(&file_url(root.as_bytes()), None, id);
                sources.extend(source.filter(|source| !sources.contains(source)));
            }
        }
        let place = |bucket: &str, folder: &str| {
            if folder.is_empty() { bucket.to_owned() } else { format!("{bucket}/{folder}") }
        };
        sources.extend(
            folders.into_iter().filter_map(|((id, bucket, _), folder)| Self::restore(&place(bucket, folder), None, id)),
        );
        sources
    }
}

impl LocalSource {
    /// Returns whether a file that is in both has the same name below both.
    fn names_as(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (SourceKind::Folder, SourceKind::Folder) => self.path == other.path,
            (SourceKind::File { name }, SourceKind::File { name: other_name }) => {
                self.path != other.path || name == other_name
            }
            (SourceKind::Folder, SourceKind::File { name }) => self.name_of(&other.path) == Some(name),
            (SourceKind::File { name }, SourceKind::Folder) => other.name_of(&self.path) == Some(name),
        }
    }

    /// Returns the path below this folder.
    fn name_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        path.strip_prefix(self.path.as_str())?.strip_prefix('/')
    }
}

/// Returns the innermost folder that two folders are in.
fn common_folder<'f>(one: &'f str, other: &str) -> &'f str {
    let mut end = 0;
    for (part, other_part) in one.split('/').zip(other.split('/')) {
        if part != other_part {
            break;
        }
        end += part.len() + 1;
    }
    &one[..end.saturating_sub(1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(place: &str, id: Option<&str>) -> Source {
        Source::restore(place, None, id).unwrap()
    }

    fn file(place: &str, name: &str, id: Option<&str>) -> Source {
        Source::restore(place, Some(name), id).unwrap()
    }

    #[test]
    fn a_source_comes_back_from_what_was_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap().join("lögs #1%");
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("E1.gz"), "").unwrap();
        for text in [path.to_str().unwrap(), &format!("{}/E1.gz", path.display()), "s3://logs", "s3a://logs/a b%#/"] {
            let found = Source::parse(text).unwrap();
            let id = found.clone().with_id("archive").unwrap();
            for found in [found, id] {
                let back = Source::restore(&found.place_text(), found.file_name(), found.id()).unwrap();
                assert_eq!(
                    (back.place_text(), back.file_name(), back.id()),
                    (found.place_text(), found.file_name(), found.id())
                );
                assert!(back.holds_source(&found) && found.holds_source(&back) && back.knows_as(&found));
            }
        }
        assert_eq!(Source::restore("file://relative", None, None), None);
        assert_eq!(Source::restore("ftp://x", None, None), None);
        assert_eq!(Source::restore("file:///x", None, Some("")), None);
    }

    #[test]
    fn without_an_id_a_file_is_known_by_its_path() {
        let (all, part) = (source("file:///logs", None), source("file:///logs/2025", None));
        assert!(all.holds_source(&part) && !part.holds_source(&all) && all.knows_as(&part));
        assert!(!source("file:///logs2", None).overlaps_source(&all));
        assert!(!all.knows_as(&source("file:///logs", Some("archive"))));
    }

    #[test]
    fn with_an_id_a_file_is_known_by_its_path_below_that_folder_alone() {
        let (all, part) = (source("file:///logs", Some("archive")), source("file:///logs/2025", Some("archive")));
        assert!(all.knows_as(&all) && !all.knows_as(&part) && !part.knows_as(&all));
        assert!(!all.knows_as(&source("file:///logs", Some("other"))));
        let single = file("file:///logs/E1.gz", "E1.gz", Some("archive"));
        assert!(all.knows_as(&single) && single.knows_as(&all));
        assert!(!all.knows_as(&file("file:///logs/2025/E1.gz", "E1.gz", Some("archive"))));
        assert!(!single.knows_as(&file("file:///logs/E1.gz", "link.gz", Some("archive"))));
    }

    #[test]
    fn in_a_bucket_an_object_is_known_by_its_whole_key() {
        let (all, part) = (source("s3://logs", Some("archive")), source("s3://logs/cf", Some("archive")));
        assert!(all.knows_as(&part) && all.holds_source(&part) && !part.holds_source(&all));
        assert!(!all.knows_as(&source("s3://logs", None)));
        assert!(!source("az://logs", None).knows_as(&source("abfss://logs@one.dfs.core.windows.net", None)));
    }

    #[test]
    fn a_container_of_an_account_may_be_the_one_without() {
        let (plain, of_account) = ("az://logs/cf", "abfss://logs@one.dfs.core.windows.net");
        assert!(source(plain, None).overlaps_source(&source(of_account, None)));
        let other = "abfss://logs@other.dfs.core.windows.net";
        assert!(!source(other, None).overlaps_source(&source(of_account, None)));
        assert!(!source("gs://logs/cf", None).overlaps_source(&source("s3://logs/cf", None)));
    }

    #[test]
    fn objects_tell_which_sources_they_were_found_below() {
        let local = |path: &str, name: &str| Object::local(path, name, 1, 1);
        let objects = [
            local("/logs/a/E1.gz", "a/E1.gz"),
            local("/logs/E2.gz", "E2.gz"),
            local("/elsewhere/E3.gz", "link/E3.gz"),
            Object::restore("archive", "b/E4.gz", "b/E4.gz", Some("/srv/b/E4.gz"), "1-1", 1).unwrap(),
        ];
        let around = Source::around(&objects);
        assert_eq!(around, [source("file:///logs", None), source("file:///srv", Some("archive"))]);
        let remote = |key: &str| Object::restore("s3://logs", key, key, None, "etag", 1).unwrap();
        let objects = ["cf/2025/01/E1.gz", "cf/2025/02/E2.gz", "other/E3.gz", "E4.gz"].map(remote);
        let places: Vec<String> = Source::around(&objects).iter().map(Source::place_text).collect();
        assert_eq!(places, ["s3://logs", "s3://logs/cf/2025", "s3://logs/other"]);
    }
}
