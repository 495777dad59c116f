//! One listed log object: what identifies it, what it is called in the table, and which version was met.

use std::cmp::Ordering;
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::uri::file_url;

/// The source of every object on the local disk: there the canonical path is source and key in one.
const LOCAL_SOURCE: &str = "file://";

/// A log object as it was listed.
///
/// Two objects are equal, and sort, by identity alone: source, then key, in byte order. A clone shares the texts.
#[derive(Clone)]
pub struct Object {
    /// The key, and after it the name where the name is no tail of the key. One text: a listing holds millions.
    text: Arc<str>,
    key_bytes: usize,
    name_start: usize,
    version: Version,
}

impl Object {
    /// An object on the local disk: `key` is its canonical absolute path, `modified_ns` its modification time in
    /// nanoseconds since 1970.
    pub fn local(key: &str, name: &str, size_bytes: u64, modified_ns: i128) -> Self {
        Self::with_version(key, name, Version { size_bytes, modified_ns })
    }

    /// Where the key is unique: `file://` for all of the local disk.
    pub fn source(&self) -> &str {
        LOCAL_SOURCE
    }

    /// What identifies the object in its source: on the local disk its canonical absolute path.
    pub fn key(&self) -> &str {
        self.text.get(..self.key_bytes).unwrap_or_default()
    }

    /// What the table's `filename` column shows: on the local disk the path below the source folder, with `/`.
    pub fn name(&self) -> &str {
        self.text.get(self.name_start..).unwrap_or_default()
    }

    /// The size that was listed, in bytes.
    pub fn size_bytes(&self) -> u64 {
        self.version.size_bytes
    }

    /// What changes whenever the bytes do: on the local disk size in bytes and modification time in nanoseconds, as
    /// `<size>-<time>`. Opaque: compare it, do not take it apart.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// The object as a URL for people: control characters and whatever else a terminal obeys are percent-encoded.
    pub fn location(&self) -> String {
        file_url(self.key().as_bytes())
    }

    pub(crate) fn with_version(key: &str, name: &str, version: Version) -> Self {
        let (text, name_start) = if key.ends_with(name) {
            (Arc::from(key), key.len() - name.len())
        } else {
            (Arc::from([key, name].concat()), key.len())
        };
        Self { text, key_bytes: key.len(), name_start, version }
    }

    pub(crate) fn listed_version(&self) -> Version {
        self.version
    }
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Object {}

impl PartialOrd for Object {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Object {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.source(), self.key()).cmp(&(other.source(), other.key()))
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Object")
            .field("key", &self.key())
            .field("name", &self.name())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// The version of a local file. A file that is rewritten in the same tick of the filesystem's clock to the same size
/// keeps it: no local filesystem tells more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) size_bytes: u64,
    modified_ns: i128,
}

impl Version {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * 1_000_000_000 + i128::from(metadata.mtime_nsec());
        Self { size_bytes: metadata.len(), modified_ns }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{}", self.size_bytes, self.modified_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_knows_its_key_its_name_and_its_version() {
        let below = Object::local("/logs/a/E1.gz", "a/E1.gz", 12, 1_700_000_000_000_000_001);
        assert_eq!((below.source(), below.key(), below.name()), ("file://", "/logs/a/E1.gz", "a/E1.gz"));
        assert_eq!(below.version(), "12-1700000000000000001");
        let by_link = Object::local("/elsewhere/E1.gz", "link/E1.gz", 12, 0);
        assert_eq!((by_link.key(), by_link.name()), ("/elsewhere/E1.gz", "link/E1.gz"));
    }

    #[test]
    fn objects_sort_by_the_bytes_of_the_whole_key() {
        let mut objects: Vec<_> = ["/a/b", "/a.b", "/é", "/z"].map(|key| Object::local(key, "x", 0, 0)).into();
        objects.sort();
        assert_eq!(objects.iter().map(Object::key).collect::<Vec<_>>(), ["/a.b", "/a/b", "/z", "/é"]);
    }

    #[test]
    fn a_million_objects_stay_small() {
        assert!(size_of::<Object>() <= 64);
    }
}
