//! One listed log object: what identifies it, what it is called in the table, where it is, and which version was met.
#![expect(clippy::disallowed_methods, reason = "looks at a listed object again; the error names it")]

use std::cmp::Ordering;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::Error;
use crate::uri::{FILE_SCHEME, file_url, flaw_of_id};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// A log object as it was listed.
///
/// Two objects are equal, and sort, by identity alone: source, then key, in byte order. A clone shares the texts.
#[derive(Clone)]
pub struct Object {
    /// Shared by all objects of a source that has an id.
    id: Option<Arc<str>>,
    /// The path, and after it the name where the name is no tail of the path. One text: a listing holds millions.
    text: Arc<str>,
    path_bytes: u32,
    name_start: u32,
    version: Version,
}

impl Object {
    /// An object on the local disk below a source without an id: `path` is its canonical absolute path and its key,
    /// `modified_ns` its modification time in nanoseconds since 1970.
    pub fn local(path: &str, name: &str, size_bytes: u64, modified_ns: i128) -> Self {
        Self::with_version(None, path, name, Version::new(size_bytes, modified_ns))
    }

    /// The object that was written down as these texts: those of the methods of the same names, and for `path` that of
    /// [`Object::path_if_not_key`]. `None` where no object gives such texts.
    pub fn restore(source: &str, key: &str, name: &str, path: Option<&str>, version: &str) -> Option<Self> {
        let version = Version::parse(version)?;
        let (id, path) = match path {
            None if source == FILE_SCHEME => (None, key),
            Some(path) if flaw_of_id(source).is_none() && key == name => (Some(Arc::from(source)), path),
            Some(_) | None => return None,
        };
        let fits = path.len().checked_add(name.len()).is_some_and(|bytes| u32::try_from(bytes).is_ok());
        (fits && path.starts_with('/')).then(|| Self::with_version(id, path, name, version))
    }

    /// Where the key is unique: the id of the source it was found below, or `file://` for all of the local disk.
    pub fn source(&self) -> &str {
        self.id.as_deref().unwrap_or(FILE_SCHEME)
    }

    /// What identifies the object in its source: its name where the source has an id, else its canonical absolute path.
    pub fn key(&self) -> &str {
        if self.id.is_some() { self.name() } else { self.path() }
    }

    /// What the table's `filename` column shows: on the local disk the path below the source folder, with `/`.
    pub fn name(&self) -> &str {
        self.text.get(self.name_start as usize..).unwrap_or_default()
    }

    /// The canonical absolute path, where [`Object::key`] does not say it.
    pub fn path_if_not_key(&self) -> Option<&str> {
        self.id.is_some().then(|| self.path())
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

    /// The place of the object as a URL for people: control characters and whatever else a terminal obeys are
    /// percent-encoded.
    pub fn location(&self) -> String {
        file_url(self.path().as_bytes())
    }

    /// The same object in the version that it has now; `None` if it is gone or something else than a regular file
    /// stands in its place.
    ///
    /// # Errors
    ///
    /// What the operating system said: it is not known whether there is an object.
    pub fn look_again(&self) -> Result<Option<Self>, Error> {
        match fs::metadata(self.path()) {
            Ok(metadata) if metadata.is_file() => Ok(Some(Self { version: Version::of(&metadata), ..self.clone() })),
            Ok(_) => Ok(None),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("list", "look at it again", self.location(), error)),
        }
    }

    /// The canonical absolute path: what to open.
    pub(crate) fn path(&self) -> &str {
        self.text.get(..self.path_bytes as usize).unwrap_or_default()
    }

    pub(crate) fn with_version(id: Option<Arc<str>>, path: &str, name: &str, version: Version) -> Self {
        let (text, name_start) = if path.ends_with(name) {
            (Arc::from(path), path.len() - name.len())
        } else {
            (Arc::from([path, name].concat()), path.len())
        };
        // No filesystem has paths of 4 GiB.
        let short = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { id, text, path_bytes: short(path.len()), name_start: short(name_start), version }
    }

    pub(crate) fn listed_version(&self) -> Version {
        self.version
    }
}

/// Whether an error says that nothing stands at a path.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
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
            .field("source", &self.source())
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
    size_bytes: u64,
    /// Since 1970, and nanoseconds past it.
    seconds: i64,
    nanoseconds: u32,
}

impl Version {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * NS_PER_SECOND + i128::from(metadata.mtime_nsec());
        Self::new(metadata.len(), modified_ns)
    }

    /// A time that no clock shows is taken to the nearest that one can: `i64::MAX` seconds.
    fn new(size_bytes: u64, modified_ns: i128) -> Self {
        let seconds = modified_ns.div_euclid(NS_PER_SECOND);
        Self {
            size_bytes,
            seconds: i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX }),
            nanoseconds: u32::try_from(modified_ns.rem_euclid(NS_PER_SECOND)).unwrap_or_default(),
        }
    }

    /// The version that shows itself as this text.
    fn parse(text: &str) -> Option<Self> {
        let (size_bytes, modified_ns) = text.split_once('-')?;
        let version = Self::new(size_bytes.parse().ok()?, modified_ns.parse().ok()?);
        // Other spellings of the same numbers are not what a version shows.
        (version.to_string() == text).then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let modified_ns = i128::from(self.seconds) * NS_PER_SECOND + i128::from(self.nanoseconds);
        write!(out, "{}-{modified_ns}", self.size_bytes)
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
    fn an_object_of_a_source_with_an_id_is_known_by_its_name() {
        let version = Version::new(12, 5);
        let object = Object::with_version(Some("archive".into()), "/logs/a/E1.gz", "a/E1.gz", version);
        assert_eq!((object.source(), object.key(), object.name()), ("archive", "a/E1.gz", "a/E1.gz"));
        assert_eq!((object.path(), object.path_if_not_key()), ("/logs/a/E1.gz", Some("/logs/a/E1.gz")));
        assert_eq!(object.location(), "file:///logs/a/E1.gz");
        let moved = Object::with_version(Some("archive".into()), "/moved/E1.gz", "a/E1.gz", Version::new(1, 1));
        assert_eq!(object, moved);
        assert_ne!(object, Object::with_version(Some("other".into()), "/logs/a/E1.gz", "a/E1.gz", version));
        assert!(object < Object::local("/logs/a/E1.gz", "a/E1.gz", 12, 5), "`archive` sorts before `file://`");
    }

    #[test]
    fn an_object_comes_back_from_what_was_written_down() {
        let archive = || Some(Arc::from("archive"));
        for object in [
            Object::local("/logs/a/E1.gz", "a/E1.gz", 12, 1_700_000_000_000_000_001),
            Object::local("/elsewhere/E1.gz", "link/E1.gz", u64::MAX, -1),
            Object::with_version(archive(), "/logs/a/E1.gz", "a/E1.gz", Version::new(0, 0)),
            Object::with_version(archive(), "/elsewhere/E1.gz", "link/E1.gz", Version::new(1, -1_000_000_001)),
        ] {
            let (path, version) = (object.path_if_not_key(), object.version());
            let back = Object::restore(object.source(), object.key(), object.name(), path, &version).unwrap();
            assert_eq!(back, object);
            assert_eq!((back.path(), back.name()), (object.path(), object.name()));
            assert_eq!((back.listed_version(), back.size_bytes()), (object.listed_version(), object.size_bytes()));
        }
    }

    #[test]
    fn what_no_object_gives_is_not_restored() {
        let path = Some("/logs/a.gz");
        for (source, key, path, version) in [
            ("archive", "a.gz", None, "1-1"),
            ("file://", "a.gz", path, "1-1"),
            ("file://", "a.gz", None, "1-1"),
            ("archive", "b.gz", path, "1-1"),
            ("archive", "a.gz", Some("logs/a.gz"), "1-1"),
            ("", "a.gz", path, "1-1"),
            ("archive", "a.gz", path, "1"),
            ("archive", "a.gz", path, "-1-1"),
            ("archive", "a.gz", path, "1-+1"),
            ("archive", "a.gz", path, "01-1"),
            ("archive", "a.gz", path, "1-1-1"),
            ("archive", "a.gz", path, "1-170141183460469231731687303715884105727"),
        ] {
            assert!(Object::restore(source, key, "a.gz", path, version).is_none(), "{source} {key} {path:?} {version}");
        }
        assert!(Object::restore("archive", "a.gz", "a.gz", path, "1-1").is_some());
    }

    #[test]
    fn an_object_that_is_looked_at_again_has_its_new_version_or_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("E1.gz");
        fs::write(&path, "text").unwrap();
        let listed = Object::with_version(Some("archive".into()), path.to_str().unwrap(), "E1.gz", Version::new(1, 1));
        let now = listed.look_again().unwrap().unwrap();
        assert_eq!((now.source(), now.key(), now.path(), now.size_bytes()), ("archive", "E1.gz", listed.path(), 4));
        assert_eq!(now.listed_version(), Version::of(&fs::metadata(&path).unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(listed.look_again().unwrap().is_none());
        fs::create_dir(&path).unwrap();
        assert!(listed.look_again().unwrap().is_none());
    }

    #[test]
    fn a_million_objects_stay_small() {
        assert!(size_of::<Object>() <= 64, "{}", size_of::<Object>());
    }
}
