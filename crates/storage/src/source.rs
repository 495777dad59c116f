//! Sources: the folders, files and prefixes of buckets in which logs are looked for.
//!
//! **Invariant.** A [`Source`] on the local disk holds a canonical path: two of them name the same place only if they are equal.
#![expect(clippy::disallowed_methods, reason = "a typed path becomes canonical here; the errors name it")]

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::Error;
use crate::error::{FileKind, Operation};
use crate::file_url::{file_url, local_path};
use crate::folder::{Folder, LocalFolder};
use crate::local_path::{missing_or_io, overlap};
use crate::object::flaw_of_id;
use crate::printable::{printable, printable_name};
use crate::remote::Prefix;

mod recorded;

/// A folder with everything below it, a single file, or a prefix of a bucket, in which logs are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    place: SourcePlace,
    id: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SourcePlace {
    Local(LocalSource),
    Remote(Prefix),
}

/// A source on the local disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalSource {
    /// Canonical and absolute.
    pub(crate) path: String,
    pub(crate) kind: SourceKind,
}

/// Kind of a local source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// All objects below the path.
    Folder,
    /// The path itself, under this name.
    File { name: String },
}

impl Source {
    /// Returns the source that a path, a `file://` URL or a bucket's URL names.
    ///
    /// A `file://` URL is percent-decoded; `?` and `#` have no special meaning in it. Links are followed. A single file has its
    /// file name, as typed, as its name. A bucket's URL names an object, or what lies below it as below a folder; nothing is
    /// asked of the store yet.
    ///
    /// # Errors
    ///
    /// Another kind of URL, something that does not exist, is neither a folder nor a regular file, or whose canonical
    /// path is not UTF-8: the person has to name another source.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if Prefix::is_url(text) {
            return Ok(Self { place: SourcePlace::Remote(Prefix::parse(Operation::List, text)?), id: None });
        }
        let typed = local_path(Operation::List, text)?;
        let canonical = fs::canonicalize(&typed).map_err(|source| missing_or_io(Operation::List, &typed, source))?;
        let metadata = fs::metadata(&canonical).map_err(|source| missing_or_io(Operation::List, &canonical, source))?;
        let Some(path) = canonical.to_str() else {
            return Err(Error::PathNotUtf8 { doing: Operation::List, location: printable(&canonical) });
        };
        let kind = if metadata.is_dir() {
            SourceKind::Folder
        } else if metadata.is_file() {
            let name = typed.file_name().and_then(|name| name.to_str());
            let last = path.rsplit_once('/').map_or(path, |(_, last)| last);
            SourceKind::File { name: name.unwrap_or(last).into() }
        } else {
            let kind = FileKind::of(metadata.file_type());
            return Err(Error::NotRegular { doing: Operation::List, location: printable(&typed), kind });
        };
        Ok(Self { place: SourcePlace::Local(LocalSource { path: path.into(), kind }), id: None })
    }

    /// Returns the same source with an id, a name that stays when the logs are moved.
    ///
    /// Objects below it are then identified by `id` and its path below the source folder, or by `id` and its file
    /// name if the source is a single file. An id belongs to one place: [`list()`](crate::list()) refuses a second one.
    /// An object that only links lead to is identified by the link that it is found by, as [`list()`](crate::list()) chooses it:
    /// another link can make it a new object.
    ///
    /// # Errors
    ///
    /// An id that is empty, longer than 255 bytes, has control characters or begins with `file://`, which is how
    /// objects of sources without an id are marked.
    pub fn with_id(self, id: &str) -> Result<Self, Error> {
        match flaw_of_id(id) {
            Some(flaw) => Err(Error::BadSourceId { id: printable_name(id), flaw }),
            None => Ok(Self { id: Some(id.into()), ..self }),
        }
    }

    /// Returns the id that was given with [`Source::with_id`].
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Returns whether the source is in `folder`, holds it, or is it.
    pub fn overlaps(&self, folder: &Folder) -> bool {
        match (&self.place, folder) {
            (SourcePlace::Local(LocalSource { path, .. }), Folder::Local(folder)) => {
                overlap(path.as_ref(), folder.path())
            }
            (SourcePlace::Remote(prefix), Folder::Remote(folder)) => prefix.overlaps(folder.prefix()),
            _ => false,
        }
    }

    /// Returns whether one of two sources is in the other, or they are the same. True as well if only one of them names the
    /// account of an Azure container, as they may be the same.
    pub fn overlaps_source(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (SourcePlace::Local(one), SourcePlace::Local(other)) => overlap(one.path.as_ref(), other.path.as_ref()),
            (SourcePlace::Remote(one), SourcePlace::Remote(other)) => one.may_overlap(other),
            _ => false,
        }
    }

    /// Returns the folder whose contents are the source, or the one that its single file is in; `None` for the whole local
    /// disk.
    pub fn folder(&self) -> Option<Folder> {
        match &self.place {
            SourcePlace::Local(LocalSource { path, kind }) => {
                let path = Path::new(path);
                let folder = if *kind == SourceKind::Folder { path } else { path.parent()? };
                folder.file_name()?;
                Some(Folder::Local(LocalFolder::of_canonical(folder)))
            }
            SourcePlace::Remote(prefix) => Some(Folder::of_prefix(prefix.clone())),
        }
    }

    /// Returns the source if it is on the local disk.
    pub(crate) fn local(&self) -> Option<&LocalSource> {
        match &self.place {
            SourcePlace::Local(local) => Some(local),
            SourcePlace::Remote(_) => None,
        }
    }

    /// Returns the source if it is in a bucket.
    pub(crate) fn remote(&self) -> Option<&Prefix> {
        match &self.place {
            SourcePlace::Local(_) => None,
            SourcePlace::Remote(prefix) => Some(prefix),
        }
    }
}

/// The source as a printable URL.
impl fmt::Display for Source {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            SourcePlace::Local(LocalSource { path, .. }) => out.write_str(&file_url(path.as_bytes())),
            SourcePlace::Remote(prefix) => write!(out, "{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_file_url_is_percent_decoded() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().canonicalize().unwrap().join("my logs#1");
        fs::create_dir(&folder).unwrap();
        let typed = folder.to_str().unwrap();
        for prefix in ["file://", "FILE://", "file://localhost"] {
            let url = format!("{prefix}{}", typed.replace(' ', "%20").replace('#', "%23"));
            assert_eq!(Source::parse(&url).unwrap().local().unwrap().path, typed, "{url}");
        }
        assert_eq!(Source::parse(&Source::parse(typed).unwrap().to_string()).unwrap().local().unwrap().path, typed);
    }

    #[test]
    fn other_stores_are_refused_without_showing_their_secrets() {
        for text in ["hdfs://namenode/logs/", "FTP://b", "https://user:secret@example.com/x?token=secret"] {
            let message = Source::parse(text).unwrap_err().to_string();
            assert!(message.contains("is not supported"), "{message}");
            assert!(!message.contains("secret"), "{message}");
            assert!(Folder::parse(text, "folder").is_err());
        }
    }

    #[test]
    fn a_location_that_cannot_be_understood_is_an_error_that_says_why() {
        for (text, says) in [
            ("", "empty"),
            ("file://example.com/x", "three slashes"),
            ("file://x", "three slashes"),
            ("file:///x%2", "`%` is not followed"),
            ("file:///x%zz", "`%` is not followed"),
            ("/no/such/thing\u{1b}[31m", "/no/such/thing\\u{1b}[31m: no such file"),
        ] {
            let message = Source::parse(text).unwrap_err().to_string();
            assert!(message.contains(says), "{text}: {message}");
        }
    }

    #[test]
    fn an_id_is_a_short_printable_name() {
        let source = Source::parse("/").unwrap();
        for (id, says) in [
            ("", "source id ``: the id is empty"),
            (&"x".repeat(256), "longer than 255 bytes"),
            ("a\u{1b}[31m", "source id `a\\u{1b}[31m`: the id has control characters"),
            ("file:///logs", "`file://` marks what has no id"),
            ("File://", "`file://` marks what has no id"),
        ] {
            let message = source.clone().with_id(id).unwrap_err().to_string();
            assert!(message.contains(says), "{id}: {message}");
        }
        for id in ["x", &"x".repeat(255), "s3://bucket", "Archiv é 2024", "file:"] {
            assert_eq!(source.clone().with_id(id).unwrap().id(), Some(id));
        }
        assert_eq!(source.id(), None);
    }

    #[test]
    fn a_device_is_not_a_source() {
        let message = Source::parse("/dev/null").unwrap_err().to_string();
        assert!(message.contains("is a device"), "{message}");
    }

    #[test]
    fn a_source_overlaps_a_folder_above_and_below_it_and_not_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir_all(at("a/logs/deep")).unwrap();
        fs::write(at("a/logs/one.gz"), "x").unwrap();
        symlink(at("a"), at("link")).unwrap();
        let logs = Source::parse(&at("a/logs")).unwrap();
        for (folder, overlaps) in [
            ("a/logs", true),
            ("a", true),
            ("a/logs/new/folder", true),
            ("link/logs/../logs/new", true),
            ("a/logs-folder", false),
            ("a/other", false),
        ] {
            assert_eq!(logs.overlaps(&Folder::parse(&at(folder), "folder").unwrap()), overlaps, "{folder}");
        }
        let file = Source::parse(&at("a/logs/one.gz")).unwrap();
        assert!(file.overlaps(&Folder::parse(&at("a/logs"), "folder").unwrap()));
        assert!(!file.overlaps(&Folder::parse(&at("a/logs/deep"), "folder").unwrap()));
    }
}
