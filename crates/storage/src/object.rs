//! One listed log object: what identifies it, what it is called in the table, where it is, and which version was met.
#![expect(clippy::disallowed_methods, reason = "looks at a listed object again; the error names it")]

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use crate::file_url::{FILE_SCHEME, file_url};
use crate::remote::{self, Bucket, Found};
use crate::source::{LocalSource, SourceKind, flaw_of_id};
use crate::{Connections, Error, Source};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// A log object as it was listed.
///
/// Two objects are equal, and sort, by identity alone: source, then key, in byte order. A clone shares the texts.
#[derive(Clone)]
pub struct Object {
    /// Shared by all objects of a source; none for the local disk without an id.
    place: Option<Arc<Place>>,
    /// The path, and after it the name where the name is no tail of the path. One text: a listing holds millions.
    text: Arc<str>,
    path_bytes: u32,
    name_start: u32,
    version: Version,
}

/// Where objects are, as far as they share it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The source's id.
    id: Option<String>,
    /// None: the local disk.
    bucket: Option<(Bucket, String)>,
}

impl Place {
    /// None: the local disk without an id.
    pub(crate) fn of(id: Option<&str>, bucket: Option<&Bucket>) -> Option<Arc<Self>> {
        let bucket = bucket.map(|bucket| (bucket.clone(), bucket.to_string()));
        (id.is_some() || bucket.is_some()).then(|| Arc::new(Self { id: id.map(str::to_owned), bucket }))
    }

    /// The bucket's URL.
    pub(crate) fn bucket_url(&self) -> Option<&str> {
        self.bucket.as_ref().map(|(_, url)| url.as_str())
    }
}

impl Object {
    /// An object on the local disk below a source without an id: `path` is its canonical absolute path and its key,
    /// `modified_ns` its modification time in nanoseconds since 1970.
    pub fn local(path: &str, name: &str, size_bytes: u64, modified_ns: i128) -> Self {
        Self::with_version(None, path, name, Version::new(size_bytes, modified_ns))
    }

    /// The object that was written down as these texts: those of the methods of the same names, and for `path` that of
    /// [`Object::path_if_not_key`]. `None` where no object gives such texts.
    pub fn restore(
        source: &str,
        key: &str,
        name: &str,
        path: Option<&str>,
        version: &str,
        size_bytes: u64,
    ) -> Option<Self> {
        let id = match path {
            None => None,
            Some(_) if flaw_of_id(source).is_none() && key == name => Some(source),
            Some(_) => return None,
        };
        if let Some(bucket) = Bucket::parse(path.unwrap_or(source)) {
            let version = Version::Remote { size_bytes, text: version.into(), is_archived: false };
            return (key == name).then(|| Self::with_version(Place::of(id, Some(&bucket)), key, key, version));
        }
        let path = match path {
            None if source == FILE_SCHEME => key,
            None => return None,
            Some(path) => path,
        };
        let version = Version::parse(version)?;
        let fits = path.len().checked_add(name.len()).is_some_and(|bytes| u32::try_from(bytes).is_ok());
        (fits && path.starts_with('/')).then(|| Self::with_version(Place::of(id, None), path, name, version))
    }

    /// Where the key is unique: the id of the source it was found below, or else the bucket as a URL, or `file://` for all
    /// of the local disk.
    pub fn source(&self) -> &str {
        match self.place.as_deref() {
            None => FILE_SCHEME,
            Some(Place { id: Some(id), .. }) => id,
            Some(Place { bucket, .. }) => bucket.as_ref().map_or(FILE_SCHEME, |(_, url)| url),
        }
    }

    /// What identifies the object in its source: in a bucket its key; on the local disk its name where the source has an id,
    /// else its canonical absolute path.
    pub fn key(&self) -> &str {
        if self.has_id() { self.name() } else { self.path() }
    }

    /// What the table's `filename` column shows: in a bucket the whole key, on the local disk the path below the source
    /// folder, with `/`.
    pub fn name(&self) -> &str {
        self.text.get(self.name_start as usize..).unwrap_or_default()
    }

    /// Where the object is, where source and key do not say it: the canonical absolute path, or the bucket's URL.
    pub fn path_if_not_key(&self) -> Option<&str> {
        let place = self.place.as_deref().filter(|place| place.id.is_some())?;
        Some(place.bucket.as_ref().map_or(self.path(), |(_, url)| url))
    }

    /// The size that was listed, in bytes.
    pub fn size_bytes(&self) -> u64 {
        match self.version {
            Version::Local { size_bytes, .. } | Version::Remote { size_bytes, .. } => size_bytes,
        }
    }

    /// What changes whenever the bytes do: in a bucket the etag, on the local disk size in bytes and modification time in
    /// nanoseconds, as `<size>-<time>`. Opaque: compare it, do not take it apart.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// The size that a version of an object on the local disk says; none where it is no such version.
    pub fn size_of_version(version: &str) -> Option<u64> {
        match Version::parse(version)? {
            Version::Local { size_bytes, .. } => Some(size_bytes),
            Version::Remote { .. } => None,
        }
    }

    /// It cannot be read before it is restored from an archive.
    pub fn is_archived(&self) -> bool {
        matches!(self.version, Version::Remote { is_archived: true, .. })
    }

    /// Returns whether the file had other names (hard links) when it was listed. False for an object read from a plan.
    pub fn is_linked(&self) -> bool {
        matches!(self.version, Version::Local { is_linked: true, .. })
    }

    /// Returns whether the object of this source and key is the same local file under another name: a hard link. False
    /// if that object has another id, as its path is not known then.
    pub fn is_file_of(&self, source: &str, key: &str) -> bool {
        if (source, key) == (self.source(), self.key()) || self.bucket().is_some() {
            return false;
        }
        let path = match self.folder_of_id() {
            _ if source == FILE_SCHEME => key.to_owned(),
            Some(folder) if source == self.source() => format!("{folder}/{key}"),
            _ => return false,
        };
        let file = |path: &str| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
        file(self.path()).is_some_and(|this| file(&path) == Some(this))
    }

    /// The place of the object as a URL for people: control characters and whatever else a terminal obeys are escaped.
    pub fn location(&self) -> String {
        match self.bucket() {
            None => file_url(self.path().as_bytes()),
            Some(bucket) => bucket.location(self.path()),
        }
    }

    /// Returns the object in its current version; `None` if it is gone, if it is no longer a regular file, or if its
    /// path now leads to another object through a link. `known` are the sources that the table knows: if they now give
    /// the file another identity, it is another object as well.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`]: what is said of this object alone. Any other: what is said of us. Either way it is not known
    /// whether there is an object.
    pub fn look_again(&self, connections: &Connections, known: &[Source]) -> Result<Option<Self>, Error> {
        if let Some(bucket) = self.bucket() {
            return remote::look_again(&*connections.client(bucket)?, self);
        }
        let look = || match fs::metadata(self.path())? {
            metadata if metadata.is_file() && self.is_itself(known)? => Ok(Some(metadata)),
            _ => Ok(None),
        };
        match look() {
            Ok(metadata) => Ok(metadata.map(|metadata| Self { version: Version::of(&metadata), ..self.clone() })),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => {
                let path = Path::new(self.path());
                Err(crate::fetch::explained("list", "look at it again", path, self.location(), error))
            }
        }
    }

    /// Returns whether the path still leads to this object, by everything that gives a file its identity.
    fn is_itself(&self, known: &[Source]) -> io::Result<bool> {
        Ok(self.is_in_place()? && is_spelled_so(Path::new(self.path()))? && self.is_known_to(known)?)
    }

    /// Returns whether the path of a local object still leads to the file that has this identity. If a link replaced
    /// the file or a folder above it, the path leads to a file with another identity: another canonical path.
    ///
    /// # Errors
    ///
    /// The operating system's: the file is absent, or its path cannot be resolved.
    pub(crate) fn is_in_place(&self) -> io::Result<bool> {
        let now = fs::canonicalize(self.path())?;
        if now.as_os_str() == self.path() {
            return Ok(true);
        }
        // With an id the name below the source's folder counts, and the folder may have moved as a whole.
        match self.folder_of_id() {
            Some(folder) => Ok(fs::canonicalize(folder)?.join(self.name()) == now),
            None => Ok(false),
        }
    }

    /// Returns the folder of the source whose id the object has, if a plain path from there leads to it.
    fn folder_of_id(&self) -> Option<&str> {
        let folder = self.path().strip_suffix(self.name()).filter(|folder| self.has_id() && folder.ends_with('/'))?;
        // The root keeps its slash.
        Some(folder.strip_suffix('/').filter(|folder| !folder.is_empty()).unwrap_or(folder))
    }

    /// Returns whether sources that were read before still give the file this identity: the innermost source around it
    /// has the same id (or neither has one), and the object's name below a source with its id still leads to the file.
    fn is_known_to(&self, sources: &[Source]) -> io::Result<bool> {
        let path = fs::canonicalize(self.path())?;
        let id = self.has_id().then(|| self.source());
        let local = || sources.iter().filter_map(|source| Some((source.id(), source.local()?)));
        let around = local().filter(|(_, place)| path.starts_with(&place.path));
        if around.max_by_key(|(_, place)| place.path.len()).is_some_and(|(around, _)| around != id) {
            return Ok(false);
        }
        let mut of_id = local().filter(|(other, _)| id.is_some() && *other == id).peekable();
        let leads_there = |place: &LocalSource| match &place.kind {
            SourceKind::Folder => {
                fs::canonicalize(Path::new(&place.path).join(self.name())).is_ok_and(|led| led == path)
            }
            SourceKind::File { name } => name == self.name(),
        };
        Ok(of_id.peek().is_none() || of_id.any(|(_, place)| leads_there(place)))
    }

    /// What it shares with the other objects of its source.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// The bucket that it is in; none for the local disk.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        Some(&self.place.as_deref()?.bucket.as_ref()?.0)
    }

    /// The canonical absolute path, or the key in its bucket: what to open.
    pub(crate) fn path(&self) -> &str {
        self.text.get(..self.path_bytes as usize).unwrap_or_default()
    }

    pub(crate) fn with_version(place: Option<Arc<Place>>, path: &str, name: &str, version: Version) -> Self {
        let (text, name_start) = if path.ends_with(name) {
            (Arc::from(path), path.len() - name.len())
        } else {
            (Arc::from([path, name].concat()), path.len())
        };
        // No filesystem has paths of 4 GiB.
        let short = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
        Self { place, text, path_bytes: short(path.len()), name_start: short(name_start), version }
    }

    /// An object of a bucket.
    pub(crate) fn remote(place: &Arc<Place>, found: &Found) -> Self {
        Self::with_version(Some(Arc::clone(place)), &found.key, &found.key, Version::found(found))
    }

    /// The same object as it was found now.
    pub(crate) fn in_version(&self, found: &Found) -> Self {
        Self { version: Version::found(found), ..self.clone() }
    }

    /// Is what was found the version that was listed?
    pub(crate) fn is_version_of(&self, found: &Found) -> bool {
        self.version.is_of(found)
    }

    /// The listed etag; empty where the store gave none.
    pub(crate) fn etag(&self) -> &str {
        match &self.version {
            Version::Remote { text, .. } if !text.starts_with(NO_ETAG) => text,
            Version::Remote { .. } | Version::Local { .. } => "",
        }
    }

    pub(crate) fn listed_version(&self) -> &Version {
        &self.version
    }

    fn has_id(&self) -> bool {
        self.place.as_deref().is_some_and(|place| place.id.is_some())
    }
}

/// Returns whether each part of a path is spelled as its folder lists it. On a disk that ignores case the two may
/// differ after a rename that changed only the case, and Linux does not correct that in a canonical path.
fn is_spelled_so(path: &Path) -> io::Result<bool> {
    for part in path.ancestors() {
        let (Some(folder), Some(name)) = (part.parent(), part.file_name()) else { continue };
        let other_case: Vec<u8> = name.as_bytes().iter().copied().map(swapped_case).collect();
        let other_case = folder.join(OsStr::from_bytes(&other_case));
        // If both spellings lead to one file, the disk ignores case, or, rarely, the folder has both names.
        let is_same = other_case != part
            && fs::symlink_metadata(&other_case).is_ok_and(|other| {
                fs::symlink_metadata(part).is_ok_and(|this| (this.dev(), this.ino()) == (other.dev(), other.ino()))
            });
        if is_same && !has_entry(folder, name)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn swapped_case(byte: u8) -> u8 {
    if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
}

/// Number of entries of a folder that are searched for the spelling of a name.
const MAX_ENTRIES: usize = 100_000;

/// Returns whether a folder has an entry of exactly this name. Assumes so if the folder is too large to search or may
/// not be listed.
fn has_entry(folder: &Path, name: &OsStr) -> io::Result<bool> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(true),
        Err(error) => return Err(error),
    };
    for (number, entry) in entries.enumerate() {
        if number == MAX_ENTRIES || entry?.file_name() == name {
            return Ok(true);
        }
    }
    Ok(false)
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

/// The version of an object. A local file that is rewritten in the same tick of the filesystem's clock to the same size
/// keeps it: no local filesystem tells more.
#[derive(Clone, Debug)]
pub(crate) enum Version {
    Local {
        size_bytes: u64,
        /// Since 1970, and nanoseconds past it.
        seconds: i64,
        nanoseconds: u32,
        /// Whether the file has other names (hard links). Not part of the version.
        is_linked: bool,
    },
    Remote {
        size_bytes: u64,
        /// The etag; or, from a store that has none, [`NO_ETAG`], size and time.
        text: Arc<str>,
        is_archived: bool,
    },
}

/// Begins a version of an object without an etag. No etag has a blank.
const NO_ETAG: &str = "no etag: ";

impl Version {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        let modified_ns = i128::from(metadata.mtime()) * NS_PER_SECOND + i128::from(metadata.mtime_nsec());
        match Self::new(metadata.len(), modified_ns) {
            Self::Local { size_bytes, seconds, nanoseconds, .. } => {
                Self::Local { size_bytes, seconds, nanoseconds, is_linked: metadata.nlink() > 1 }
            }
            remote @ Self::Remote { .. } => remote,
        }
    }

    /// A time that no clock shows is taken to the nearest that one can: `i64::MAX` seconds.
    fn new(size_bytes: u64, modified_ns: i128) -> Self {
        let seconds = modified_ns.div_euclid(NS_PER_SECOND);
        Self::Local {
            size_bytes,
            seconds: i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX }),
            nanoseconds: u32::try_from(modified_ns.rem_euclid(NS_PER_SECOND)).unwrap_or_default(),
            is_linked: false,
        }
    }

    fn found(found: &Found) -> Self {
        let Found { size_bytes, etag, is_archived, .. } = found;
        let text = if etag.is_empty() { without_etag(found) } else { etag.clone() };
        Self::Remote { size_bytes: *size_bytes, text: text.into(), is_archived: *is_archived }
    }

    /// A store that lists no etags may give one with the object: then size and time are compared.
    fn is_of(&self, found: &Found) -> bool {
        match self {
            Self::Local { .. } => false,
            Self::Remote { size_bytes, text, .. } if text.starts_with(NO_ETAG) => {
                *size_bytes == found.size_bytes && **text == without_etag(found)
            }
            Self::Remote { size_bytes, text, .. } => *size_bytes == found.size_bytes && **text == found.etag,
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

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Local { size_bytes, seconds, nanoseconds, .. },
                Self::Local { size_bytes: other_bytes, seconds: other_seconds, nanoseconds: other_nanoseconds, .. },
            ) => (size_bytes, seconds, nanoseconds) == (other_bytes, other_seconds, other_nanoseconds),
            (
                Self::Remote { size_bytes, text, is_archived },
                Self::Remote { size_bytes: other_bytes, text: other_text, is_archived: other_archived },
            ) => (size_bytes, text, is_archived) == (other_bytes, other_text, other_archived),
            (Self::Local { .. }, Self::Remote { .. }) | (Self::Remote { .. }, Self::Local { .. }) => false,
        }
    }
}

impl Eq for Version {}

/// Seconds, as an answer has no more.
fn without_etag(found: &Found) -> String {
    format!("{NO_ETAG}{}-{}", found.size_bytes, found.modified_ms.div_euclid(1000))
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { size_bytes, seconds, nanoseconds, .. } => {
                let modified_ns = i128::from(*seconds) * NS_PER_SECOND + i128::from(*nanoseconds);
                write!(out, "{size_bytes}-{modified_ns}")
            }
            Self::Remote { text, .. } => out.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

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
        let object =
            Object::with_version(Place::of(Some("archive"), None), "/logs/a/E1.gz", "a/E1.gz", version.clone());
        assert_eq!((object.source(), object.key(), object.name()), ("archive", "a/E1.gz", "a/E1.gz"));
        assert_eq!((object.path(), object.path_if_not_key()), ("/logs/a/E1.gz", Some("/logs/a/E1.gz")));
        assert_eq!(object.location(), "file:///logs/a/E1.gz");
        let moved =
            Object::with_version(Place::of(Some("archive"), None), "/moved/E1.gz", "a/E1.gz", Version::new(1, 1));
        assert_eq!(object, moved);
        assert_ne!(object, Object::with_version(Place::of(Some("other"), None), "/logs/a/E1.gz", "a/E1.gz", version));
        assert!(object < Object::local("/logs/a/E1.gz", "a/E1.gz", 12, 5), "`archive` sorts before `file://`");
    }

    #[test]
    fn an_object_comes_back_from_what_was_written_down() {
        let archive = || Place::of(Some("archive"), None);
        for object in [
            Object::local("/logs/a/E1.gz", "a/E1.gz", 12, 1_700_000_000_000_000_001),
            Object::local("/elsewhere/E1.gz", "link/E1.gz", u64::MAX, -1),
            Object::with_version(archive(), "/logs/a/E1.gz", "a/E1.gz", Version::new(0, 0)),
            Object::with_version(archive(), "/elsewhere/E1.gz", "link/E1.gz", Version::new(1, -1_000_000_001)),
        ] {
            let (path, version) = (object.path_if_not_key(), object.version());
            let back =
                Object::restore(object.source(), object.key(), object.name(), path, &version, object.size_bytes())
                    .unwrap();
            assert_eq!(back, object);
            assert_eq!((back.path(), back.name()), (object.path(), object.name()));
            assert_eq!((back.listed_version(), back.size_bytes()), (object.listed_version(), object.size_bytes()));
        }
    }

    #[test]
    fn an_object_of_a_bucket_is_known_by_bucket_and_key() {
        let bucket = Bucket::parse("s3://logs").unwrap();
        let found = |etag: &str, size_bytes, modified_ms| Found {
            key: "cf/E1.gz".into(),
            size_bytes,
            etag: etag.into(),
            modified_ms,
            is_archived: false,
        };
        for (id, source, path) in [(None, "s3://logs", None), (Some("archive"), "archive", Some("s3://logs"))] {
            let object = Object::remote(&Place::of(id, Some(&bucket)).unwrap(), &found("e1", 12, 5_000));
            assert_eq!((object.source(), object.key(), object.name()), (source, "cf/E1.gz", "cf/E1.gz"));
            assert_eq!((object.path_if_not_key(), object.version().as_str(), object.etag()), (path, "e1", "e1"));
            assert_eq!(object.location(), "s3://logs/cf/E1.gz");
            let back = Object::restore(source, "cf/E1.gz", "cf/E1.gz", path, "e1", 12).unwrap();
            assert_eq!(
                (&back, back.bucket(), back.size_bytes(), back.version()),
                (&object, Some(&bucket), 12, "e1".into())
            );
            assert!(object.is_version_of(&found("e1", 12, 9_000)));
            assert!(!object.is_version_of(&found("e2", 12, 5_000)) && !object.is_version_of(&found("e1", 13, 5_000)));
        }
        let object = Object::remote(&Place::of(None, Some(&bucket)).unwrap(), &found("", 12, 5_678));
        assert_eq!((object.version().as_str(), object.etag()), ("no etag: 12-5", ""));
        assert!(object.is_version_of(&found("e1", 12, 5_000)) && !object.is_version_of(&found("e1", 12, 6_000)));
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
            assert!(
                Object::restore(source, key, "a.gz", path, version, 1).is_none(),
                "{source} {key} {path:?} {version}"
            );
        }
        assert!(Object::restore("archive", "a.gz", "a.gz", path, "1-1", 1).is_some());
    }

    #[test]
    fn an_object_that_is_looked_at_again_has_its_new_version_or_is_gone() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().canonicalize().unwrap().join("E1.gz");
        fs::write(&path, "text").unwrap();
        let listed =
            Object::with_version(Place::of(Some("archive"), None), path.to_str().unwrap(), "E1.gz", Version::new(1, 1));
        let now = listed.look_again(&Connections::default(), &[]).unwrap().unwrap();
        assert_eq!((now.source(), now.key(), now.path(), now.size_bytes()), ("archive", "E1.gz", listed.path(), 4));
        assert_eq!(*now.listed_version(), Version::of(&fs::metadata(&path).unwrap()));
        fs::remove_file(&path).unwrap();
        assert!(listed.look_again(&Connections::default(), &[]).unwrap().is_none());
        fs::create_dir(&path).unwrap();
        assert!(listed.look_again(&Connections::default(), &[]).unwrap().is_none());
    }

    #[test]
    fn a_path_that_now_leads_through_a_link_leads_to_another_object() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for name in ["logs/a/E1.gz", "logs/a/E2.gz"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "text").unwrap();
        }
        let path = root.join("logs/a/E1.gz").to_str().unwrap().to_owned();
        let with_id = Object::with_version(Place::of(Some("archive"), None), &path, "a/E1.gz", Version::new(4, 1));
        let objects = [Object::local(&path, "a/E1.gz", 4, 1), with_id];
        let are_there = || {
            let now = objects.each_ref().map(|object| object.look_again(&Connections::default(), &[]).unwrap());
            now.map(|now| now.is_some())
        };
        assert_eq!(are_there(), [true, true]);
        fs::rename(root.join("logs"), root.join("moved")).unwrap();
        symlink("moved", root.join("logs")).unwrap();
        assert_eq!(are_there(), [false, true], "an archive with an id moved as a whole");
        fs::rename(root.join("moved/a"), root.join("moved/b")).unwrap();
        symlink("b", root.join("moved/a")).unwrap();
        assert_eq!(are_there(), [false, false], "a folder below it moved");
        fs::remove_file(root.join("moved/a")).unwrap();
        fs::create_dir(root.join("moved/a")).unwrap();
        symlink("../b/E2.gz", root.join("moved/a/E1.gz")).unwrap();
        assert_eq!(are_there(), [false, false], "a link took the place of the file");
    }

    #[test]
    fn a_hard_link_is_the_same_file_under_another_name() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for name in ["E1.gz", "E2.gz"] {
            fs::write(root.join(name), "text").unwrap();
        }
        let path = |name: &str| root.join(name).to_str().unwrap().to_owned();
        let object = |id, name: &str| {
            let metadata = fs::metadata(root.join(name)).unwrap();
            Object::with_version(Place::of(id, None), &path(name), name, Version::of(&metadata))
        };
        assert!(!object(None, "E1.gz").is_linked() && !object(None, "E1.gz").is_file_of("file://", &path("E2.gz")));
        fs::remove_file(root.join("E1.gz")).unwrap();
        fs::hard_link(root.join("E2.gz"), root.join("E1.gz")).unwrap();
        let (plain, with_id) = (object(None, "E1.gz"), object(Some("archive"), "E1.gz"));
        assert!(plain.is_linked() && with_id.is_linked());
        assert_eq!(plain.version(), object(None, "E2.gz").version());
        assert!(plain.is_file_of("file://", &path("E2.gz")) && with_id.is_file_of("archive", "E2.gz"));
        assert!(!plain.is_file_of("file://", &path("E1.gz")), "a file is not a hard link to itself");
        assert!(!with_id.is_file_of("other", "E2.gz") && !with_id.is_file_of("archive", "absent.gz"));
    }

    #[test]
    fn the_spelling_of_a_path_is_that_of_its_folders() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        fs::write(root.join("E1.gz"), "text").unwrap();
        assert!(is_spelled_so(&root.join("E1.gz")).unwrap());
        // As on a disk that ignores case: both spellings lead to one file.
        fs::hard_link(root.join("E1.gz"), root.join("e1.GZ")).unwrap();
        assert!(is_spelled_so(&root.join("E1.gz")).unwrap());
        assert!(has_entry(&root, OsStr::new("e1.GZ")).unwrap() && !has_entry(&root, OsStr::new("e1.gz")).unwrap());
    }

    #[test]
    fn a_file_that_sources_now_know_by_another_identity_is_another_object() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        for name in ["logs/E1.gz", "attic/E1.gz"] {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "text").unwrap();
        }
        let source = |folder: &str, id| {
            Source::restore(&file_url(root.join(folder).as_os_str().as_encoded_bytes()), None, id).unwrap()
        };
        let path = root.join("logs/E1.gz").to_str().unwrap().to_owned();
        let object = |id| Object::with_version(Place::of(id, None), &path, "E1.gz", Version::new(4, 1));
        for (id, known, is_there) in [
            (None, vec![source("logs", None)], true),
            (None, vec![source("logs", Some("archive"))], false),
            (None, vec![source("logs", Some("archive")), source("", None)], false),
            (Some("archive"), vec![source("logs", Some("archive"))], true),
            (Some("archive"), vec![source("attic", Some("archive"))], false),
            (Some("archive"), vec![source("logs", None)], false),
            (Some("archive"), vec![source("attic", None)], true),
        ] {
            let now = object(id).look_again(&Connections::default(), &known).unwrap();
            assert_eq!(now.is_some(), is_there, "{id:?} {known:?}");
        }
    }

    #[test]
    fn a_renamed_link_is_another_object_below_a_source_with_an_id() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        fs::create_dir(root.join("logs")).unwrap();
        fs::write(root.join("E1.gz"), "text").unwrap();
        symlink("../E1.gz", root.join("logs/link.gz")).unwrap();
        let path = root.join("E1.gz").to_str().unwrap().to_owned();
        let object = Object::with_version(Place::of(Some("archive"), None), &path, "link.gz", Version::new(4, 1));
        let known = Source::parse(root.join("logs").to_str().unwrap()).unwrap().with_id("archive").unwrap();
        let is_there = || object.look_again(&Connections::default(), std::slice::from_ref(&known)).unwrap().is_some();
        assert!(is_there());
        fs::rename(root.join("logs/link.gz"), root.join("logs/other.gz")).unwrap();
        assert!(!is_there());
    }

    #[test]
    fn a_million_objects_stay_small() {
        assert!(size_of::<Object>() <= 64, "{}", size_of::<Object>());
    }
}
