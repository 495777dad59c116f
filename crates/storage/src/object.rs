//! One listed log object: its identity, its name, its location and its version.
#![expect(clippy::disallowed_methods, reason = "looks at a listed object again; the error names it")]

use std::cmp::Ordering;
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use crate::Error;
use crate::error::SourceIdFlaw;
use crate::file_url::{FILE_SCHEME, file_url};
use crate::remote::{Bucket, Found};

const NS_PER_SECOND: i128 = 1_000_000_000;

/// Longest source id in bytes.
const MAX_ID_BYTES: usize = 255;

/// Returns why a text cannot be a source's id; `None` if it can.
pub(crate) fn flaw_of_id(id: &str) -> Option<SourceIdFlaw> {
    if id.is_empty() {
        Some(SourceIdFlaw::Empty)
    } else if id.len() > MAX_ID_BYTES {
        Some(SourceIdFlaw::TooLong)
    } else if id.contains(char::is_control) {
        Some(SourceIdFlaw::ControlCharacters)
    } else if id.get(..FILE_SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(FILE_SCHEME)) {
        Some(SourceIdFlaw::FileScheme)
    } else {
        None
    }
}

/// A log object as it was listed.
///
/// Two objects are equal, and sort, by identity alone: source, then key, in byte order. A clone shares the texts.
#[derive(Clone)]
pub struct Object {
    /// Shared by all objects of a source; `None` for the local disk without an id.
    place: Option<Arc<Place>>,
    /// The path, and after it the name if the path does not end in it. One text, as a listing holds millions.
    text: Arc<str>,
    path_bytes: u32,
    name_start: u32,
    version: Version,
}

/// The part of their location that the objects of a source share.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The source's id.
    id: Option<String>,
    /// `None`: the local disk.
    bucket: Option<(Bucket, String)>,
}

impl Place {
    /// Returns the place; `None` is the local disk without an id.
    pub(crate) fn of(id: Option<&str>, bucket: Option<&Bucket>) -> Option<Arc<Self>> {
        let bucket = bucket.map(|bucket| (bucket.clone(), bucket.to_string()));
        (id.is_some() || bucket.is_some()).then(|| Arc::new(Self { id: id.map(str::to_owned), bucket }))
    }

    /// Returns the bucket's URL.
    pub(crate) fn bucket_url(&self) -> Option<&str> {
        self.bucket.as_ref().map(|(_, url)| url.as_str())
    }
}

impl Object {
    /// Returns an object on the local disk below a source without an id: `path` is its canonical absolute path and its key,
    /// `modified_ns` its modification time in nanoseconds since 1970.
    pub fn local(path: &str, name: &str, size_bytes: u64, modified_ns: i128) -> Self {
        Self::with_version(None, path, name, Version::new(size_bytes, modified_ns))
    }

    /// Returns the object that was written as these texts: those of the methods of the same names, and for `path` that of
    /// [`Object::path_if_not_key`]. `None` if no object gives such texts.
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
        if key.len().checked_add(name.len()).is_none_or(|bytes| u32::try_from(bytes).is_err()) {
            return None;
        }
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

    /// Returns the namespace in which the key is unique: the id of the source that it was found below, or else the bucket as
    /// a URL, or `file://` for all of the local disk.
    pub fn source(&self) -> &str {
        match self.place.as_deref() {
            None => FILE_SCHEME,
            Some(Place { id: Some(id), .. }) => id,
            Some(Place { bucket, .. }) => bucket.as_ref().map_or(FILE_SCHEME, |(_, url)| url),
        }
    }

    /// Returns the identity of the object in its source: in a bucket its key; on the local disk its name if the source has an
    /// id, else its canonical absolute path.
    pub fn key(&self) -> &str {
        if self.has_id() { self.name() } else { self.path() }
    }

    /// Returns the name under which rows show their object: in a bucket the whole key, on the local disk the path below the
    /// source folder, with `/`.
    pub fn name(&self) -> &str {
        &self.text[self.name_start as usize..]
    }

    /// Returns the canonical absolute path, or the bucket's URL, if source and key do not tell it.
    pub fn path_if_not_key(&self) -> Option<&str> {
        let place = self.place.as_deref().filter(|place| place.id.is_some())?;
        Some(place.bucket.as_ref().map_or(self.path(), |(_, url)| url))
    }

    /// Returns the listed size in bytes.
    pub fn size_bytes(&self) -> u64 {
        match self.version {
            Version::Local { size_bytes, .. } | Version::Remote { size_bytes, .. } => size_bytes,
        }
    }

    /// Returns a text that changes whenever the bytes do: in a bucket the etag, on the local disk size in bytes and
    /// modification time in nanoseconds, as `<size>-<time>`. It is opaque: compare it, do not parse it.
    pub fn version(&self) -> String {
        self.version.to_string()
    }

    /// Returns the size in a version of a local object; `None` if the text is not such a version.
    pub fn size_of_version(version: &str) -> Option<u64> {
        match Version::parse(version)? {
            Version::Local { size_bytes, .. } => Some(size_bytes),
            Version::Remote { .. } => None,
        }
    }

    /// Returns whether the object has to be restored from an archive before it can be read.
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

    /// Returns the location of the object as a printable URL: all that a terminal obeys is escaped.
    pub fn location(&self) -> String {
        match self.bucket() {
            None => file_url(self.path().as_bytes()),
            Some(bucket) => bucket.location(self.path()),
        }
    }

    /// Returns the error of an object that is not as it was listed. `got` says how it is.
    pub(crate) fn changed(&self, got: String) -> Error {
        Error::Changed { location: self.location(), expected: self.version(), got }
    }

    /// Returns the error for an object that was deleted.
    pub(crate) fn gone(&self) -> Error {
        Error::Gone { location: self.location() }
    }

    /// Returns the folder of the source whose id the object has, if a plain path from there leads to it.
    pub(crate) fn folder_of_id(&self) -> Option<&str> {
        let folder = self.path().strip_suffix(self.name()).filter(|folder| self.has_id() && folder.ends_with('/'))?;
        // The root keeps its slash.
        Some(folder.strip_suffix('/').filter(|folder| !folder.is_empty()).unwrap_or(folder))
    }

    /// Returns the place that it shares with the other objects of its source.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.place.as_deref()
    }

    /// Returns its bucket; `None` for the local disk.
    pub(crate) fn bucket(&self) -> Option<&Bucket> {
        Some(&self.place.as_deref()?.bucket.as_ref()?.0)
    }

    /// Returns the canonical absolute path, or the key in its bucket: the name to open.
    pub(crate) fn path(&self) -> &str {
        &self.text[..self.path_bytes as usize]
    }

    pub(crate) fn with_version(place: Option<Arc<Place>>, path: &str, name: &str, version: Version) -> Self {
        let (text, name_start) = if path.ends_with(name) {
            (Arc::from(path), path.len() - name.len())
        } else {
            (Arc::from([path, name].concat()), path.len())
        };
        let short = |bytes: usize| u32::try_from(bytes).expect("no path and no key has 4 GiB");
        Self { place, text, path_bytes: short(path.len()), name_start: short(name_start), version }
    }

    /// Returns an object of a bucket.
    pub(crate) fn remote(place: &Arc<Place>, found: &Found) -> Self {
        Self::with_version(Some(Arc::clone(place)), &found.key, &found.key, Version::found(found))
    }

    /// Returns the same object in another version.
    pub(crate) fn in_version(&self, version: Version) -> Self {
        Self { version, ..self.clone() }
    }

    /// Returns whether the listed version is the one that was found.
    pub(crate) fn is_version_of(&self, found: &Found) -> bool {
        self.version.is_of(found)
    }

    /// Returns the listed etag; empty if the store gave none.
    pub(crate) fn etag(&self) -> &str {
        match &self.version {
            Version::Remote { text, .. } if !text.starts_with(NO_ETAG) => text,
            Version::Remote { .. } | Version::Local { .. } => "",
        }
    }

    pub(crate) fn listed_version(&self) -> &Version {
        &self.version
    }

    pub(crate) fn has_id(&self) -> bool {
        self.place.as_deref().is_some_and(|place| place.id.is_some())
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
        /// True if the file has other names (hard links). Not part of the version.
        is_linked: bool,
    },
    Remote {
        size_bytes: u64,
        /// The etag; or, from a store that has none, [`NO_ETAG`], size and time.
        text: Arc<str>,
        is_archived: bool,
    },
}

/// Start of the version of an object without an etag. No etag has a blank.
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

    /// Clamps a time that no clock shows to `i64` seconds.
    pub(crate) fn new(size_bytes: u64, modified_ns: i128) -> Self {
        let seconds = modified_ns.div_euclid(NS_PER_SECOND);
        Self::Local {
            size_bytes,
            seconds: i64::try_from(seconds).unwrap_or(if seconds < 0 { i64::MIN } else { i64::MAX }),
            nanoseconds: u32::try_from(modified_ns.rem_euclid(NS_PER_SECOND))
                .expect("the nanoseconds of a second fit into 32 bits"),
            is_linked: false,
        }
    }

    pub(crate) fn found(found: &Found) -> Self {
        let Found { size_bytes, etag, is_archived, .. } = found;
        let text = if etag.is_empty() { without_etag(found) } else { etag.clone() };
        Self::Remote { size_bytes: *size_bytes, text: text.into(), is_archived: *is_archived }
    }

    /// Compares size and time if the list had no etag: such a store may give one with the object.
    fn is_of(&self, found: &Found) -> bool {
        match self {
            Self::Local { .. } => false,
            Self::Remote { size_bytes, text, .. } if text.starts_with(NO_ETAG) => {
                *size_bytes == found.size_bytes && **text == without_etag(found)
            }
            Self::Remote { size_bytes, text, .. } => *size_bytes == found.size_bytes && **text == found.etag,
        }
    }

    /// Returns the version that is shown as this text.
    fn parse(text: &str) -> Option<Self> {
        let (size_bytes, modified_ns) = text.split_once('-')?;
        let version = Self::new(size_bytes.parse().ok()?, modified_ns.parse().ok()?);
        // A version never shows other spellings of the same numbers.
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

/// Returns the version of an object without an etag. The time is in seconds, as answers have no more.
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
    fn texts_that_no_object_gives_are_not_restored() {
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
    fn a_million_objects_stay_small() {
        assert!(size_of::<Object>() <= 64, "{}", size_of::<Object>());
    }
}
