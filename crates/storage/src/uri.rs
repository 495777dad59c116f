//! What a person typed becomes a place, and a place becomes text that a terminal can bear.
//!
//! **Invariants**
//! - A [`Source`] and a [`LocalFolder`] hold canonical paths: two of them name the same place only if they are equal.
//! - [`file_url`] gives a URL that [`Source::parse`] reads back to the same path.
//! - Neither [`file_url`] nor [`printable`] lets a control character or an invisible character through.
#![expect(clippy::disallowed_methods, reason = "a typed path becomes canonical here; the errors name it")]

use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::{self, FileType};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::folder::Folder;
use crate::remote::Prefix;
use crate::{Error, Object};

mod recorded;

/// How the URLs of all local places begin, and the source of every object that a source without an id gives.
pub(crate) const FILE_SCHEME: &str = "file://";

const MAX_ID_BYTES: usize = 255;

/// Where log objects are looked for: a folder with everything below it, or a single file; or a prefix of a bucket.
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

/// What a source turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// All objects below the path.
    Folder,
    /// The path itself, under this name.
    File { name: String },
}

impl Source {
    /// The source that a path, a `file://` URL or a bucket's URL names.
    ///
    /// A `file://` URL is percent-decoded; `?` and `#` stand for themselves in it. Links are followed. A single file has its
    /// file name, as typed, as its name. A bucket's URL names an object, or what lies below it as below a folder; nothing is
    /// asked of the store yet.
    ///
    /// # Errors
    ///
    /// Another kind of URL, something that does not exist, is neither a folder nor a regular file, or whose canonical
    /// path is not UTF-8: the person has to name another source.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if Prefix::is_url(text) {
            return Ok(Self { place: SourcePlace::Remote(Prefix::parse("list", text)?), id: None });
        }
        let typed = local_path("list", text)?;
        let canonical = fs::canonicalize(&typed).map_err(|source| missing_or_io("list", &typed, source))?;
        let metadata = fs::metadata(&canonical).map_err(|source| missing_or_io("list", &canonical, source))?;
        let Some(path) = canonical.to_str() else {
            return Err(Error::PathNotUtf8 { doing: "list", location: printable(&canonical) });
        };
        let kind = if metadata.is_dir() {
            SourceKind::Folder
        } else if metadata.is_file() {
            let name = typed.file_name().and_then(|name| name.to_str());
            let name = name.or_else(|| path.rsplit('/').next()).unwrap_or(path);
            SourceKind::File { name: name.into() }
        } else {
            let kind = kind_of(metadata.file_type());
            return Err(Error::NotRegular { doing: "list", location: printable(&typed), kind });
        };
        Ok(Self { place: SourcePlace::Local(LocalSource { path: path.into(), kind }), id: None })
    }

    /// The same place under a name that stays when it is moved.
    ///
    /// What is found below it is then identified by `id` and its path below the source folder, or by `id` and its file
    /// name if the source is a single file. An id belongs to one place: [`list()`](crate::list()) refuses a second one.
    /// What only links lead to is identified by the link that it is met by, as [`list()`](crate::list()) chooses it:
    /// another link can make it a new object.
    ///
    /// # Errors
    ///
    /// An id that is empty, longer than 255 bytes, has control characters or begins with `file://`, which is how
    /// objects of sources without an id are marked.
    pub fn with_id(self, id: &str) -> Result<Self, Error> {
        match flaw_of_id(id) {
            Some(reason) => Err(Error::BadSourceId { id: printable_name(id), reason }),
            None => Ok(Self { id: Some(id.into()), ..self }),
        }
    }

    /// The name that was given with [`Source::with_id`].
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the source lies in `folder`, holds it, or is it.
    pub fn overlaps(&self, folder: &Folder) -> bool {
        match (&self.place, folder) {
            (SourcePlace::Local(LocalSource { path, .. }), Folder::Local(folder)) => overlap(path, &folder.path),
            (SourcePlace::Remote(prefix), Folder::Remote(folder)) => overlap_prefixes(prefix, folder.prefix()),
            _ => false,
        }
    }

    /// Whether one of two sources lies in the other, or they are the same; also where an Azure container is named with its
    /// account in one of them only, as they may be the same.
    pub fn overlaps_source(&self, other: &Self) -> bool {
        match (&self.place, &other.place) {
            (SourcePlace::Local(one), SourcePlace::Local(other)) => overlap(&one.path, &other.path),
            (SourcePlace::Remote(one), SourcePlace::Remote(other)) => one.may_overlap(other),
            _ => false,
        }
    }

    /// The folder whose contents are the source, or the one that its single file is in; none for the whole local disk.
    pub fn folder(&self) -> Option<Folder> {
        match &self.place {
            SourcePlace::Local(LocalSource { path, kind }) => {
                let path = Path::new(path);
                let folder = if *kind == SourceKind::Folder { path } else { path.parent()? };
                folder.file_name()?;
                Some(Folder::Local(LocalFolder { path: folder.to_owned() }))
            }
            SourcePlace::Remote(prefix) => Some(Folder::of_prefix(prefix.clone())),
        }
    }

    /// The source, if it is on the local disk.
    pub(crate) fn local(&self) -> Option<&LocalSource> {
        match &self.place {
            SourcePlace::Local(local) => Some(local),
            SourcePlace::Remote(_) => None,
        }
    }

    /// The source, if it is in a bucket.
    pub(crate) fn remote(&self) -> Option<&Prefix> {
        match &self.place {
            SourcePlace::Local(_) => None,
            SourcePlace::Remote(prefix) => Some(prefix),
        }
    }
}

fn overlap(one: impl AsRef<Path>, other: impl AsRef<Path>) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    one.starts_with(other) || other.starts_with(one)
}

fn overlap_prefixes(one: &Prefix, other: &Prefix) -> bool {
    one.holds_prefix(other) || other.holds_prefix(one)
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

/// A folder on the local disk that a table or its state lives in; it may not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFolder {
    /// Absolute, and canonical as far as it exists.
    path: PathBuf,
}

impl LocalFolder {
    /// The folder that a path or a `file://` URL names, made canonical as far as it exists. Creates nothing.
    ///
    /// # Errors
    ///
    /// Another kind of URL, something that exists and is not a folder, a link that leads nowhere, or `/`, which has no
    /// place beside it for the state: the person has to name another folder.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::from_path("table", &local_path("table", text)?)
    }

    /// The folder of a state, named in the same ways. Its errors speak of the state.
    ///
    /// # Errors
    ///
    /// As [`LocalFolder::parse`].
    pub fn parse_state(text: &str) -> Result<Self, Error> {
        Self::from_path("state", &local_path("state", text)?)
    }

    /// The folder as a `file://` URL.
    pub fn url(&self) -> String {
        file_url(self.path.as_os_str().as_bytes())
    }

    /// The canonical path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folders above this one that have a name, the nearest first.
    pub(crate) fn ancestors(&self) -> impl Iterator<Item = Self> {
        let above = self.path.ancestors().skip(1).filter(|above| above.file_name().is_some());
        above.map(|above| Self { path: above.to_owned() })
    }

    /// The folder of the state that belongs to this table: its sibling `<table>.lakefront`.
    ///
    /// # Errors
    ///
    /// Something that is not a folder stands in its place.
    pub fn state(&self) -> Result<Self, Error> {
        let mut name = OsString::from(self.path.file_name().ok_or(Error::TableIsRoot)?);
        name.push(".lakefront");
        Self::from_path("state", &self.path.with_file_name(name))
    }

    /// Whether `object` lies in this folder, where a link may have led to it.
    pub fn holds(&self, object: &Object) -> bool {
        object.bucket().is_none() && Path::new(object.path()).starts_with(&self.path)
    }

    fn from_path(doing: &'static str, path: &Path) -> Result<Self, Error> {
        let path = canonical_as_far_as_it_exists(doing, path)?;
        if path.file_name().is_none() {
            let reason = "the root folder cannot be a state\nhint: name a folder below `/`";
            let location = printable(&path);
            return Err(if doing == "table" {
                Error::TableIsRoot
            } else {
                Error::BadLocation { doing, location, reason }
            });
        }
        match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_dir() => Err(Error::NotAFolder { doing, location: printable(&path) }),
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(doing, "look at it", printable(&path), source))
            }
            Ok(_) | Err(_) => Ok(Self { path }),
        }
    }
}

/// The folder's path, printable.
impl fmt::Display for LocalFolder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&printable(&self.path))
    }
}

/// An absolute path without links and dots, whose last parts need not exist.
pub(crate) fn canonical_as_far_as_it_exists(doing: &'static str, path: &Path) -> Result<PathBuf, Error> {
    let mut canonical = if path.is_absolute() {
        PathBuf::from("/")
    } else {
        fs::canonicalize(".")
            .map_err(|source| Error::io(doing, "find the working directory of", printable(path), source))?
    };
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            // What stands before is canonical, so that its parent is the folder above it and no link is skipped.
            Component::ParentDir => {
                canonical.pop();
            }
            Component::Normal(name) => {
                canonical.push(name);
                match fs::canonicalize(&canonical) {
                    Ok(resolved) => canonical = resolved,
                    Err(source) if source.kind() == io::ErrorKind::NotFound => {
                        // Another process may have made the folder just now: then it is no link.
                        if fs::symlink_metadata(&canonical).is_ok_and(|metadata| metadata.is_symlink()) {
                            let reason = "a symbolic link that leads nowhere";
                            return Err(Error::BadLocation { doing, location: printable(&canonical), reason });
                        }
                    }
                    Err(source) if source.kind() == io::ErrorKind::NotADirectory => {
                        canonical.pop();
                        return Err(Error::NotAFolder { doing, location: printable(&canonical) });
                    }
                    Err(source) => return Err(Error::io(doing, "look at it", printable(&canonical), source)),
                }
            }
        }
    }
    Ok(canonical)
}

/// The path in a typed path or `file://` URL, nothing resolved yet.
fn local_path(doing: &'static str, text: &str) -> Result<PathBuf, Error> {
    let bad = |reason| Error::BadLocation { doing, location: printable(Path::new(text)), reason };
    if text.is_empty() {
        return Err(bad("the location is empty"));
    }
    let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) else {
        return Ok(PathBuf::from(text));
    };
    if !scheme.eq_ignore_ascii_case("file") {
        return Err(Error::UnsupportedScheme { doing, scheme: scheme.into() });
    }
    let path = match rest.find('/') {
        Some(slash) if ["", "localhost"].contains(&&rest[..slash]) => &rest[slash..],
        _ => return Err(bad("a file URL of this machine has three slashes: `file:///folder`")),
    };
    let bytes = percent_decoded(path)
        .ok_or_else(|| bad("`%` is not followed by two hexadecimal digits\nhint: write `%25` for a `%`"))?;
    Ok(PathBuf::from(OsString::from_vec(bytes)))
}

/// What keeps a text from being a source's id.
pub(crate) fn flaw_of_id(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        Some("the id is empty")
    } else if id.len() > MAX_ID_BYTES {
        Some("the id is longer than 255 bytes")
    } else if id.contains(char::is_control) {
        Some("the id has control characters")
    } else if id.get(..FILE_SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(FILE_SCHEME)) {
        Some("`file://` marks what has no id\nhint: choose a name that does not tell where the objects are now")
    } else {
        None
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The bytes that percent-encoded text stands for; nothing where a `%` is not followed by two digits.
fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(decoded)
}

/// The printable URL of an absolute path: what is not plain in a URL or on a terminal is percent-encoded.
pub(crate) fn file_url(path: &[u8]) -> String {
    let mut url = String::with_capacity(path.len() + FILE_SCHEME.len());
    url.push_str(FILE_SCHEME);
    let encode = |url: &mut String, bytes: &[u8]| {
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    };
    for chunk in path.utf8_chunks() {
        for symbol in chunk.valid().chars() {
            let plain = if symbol.is_ascii() {
                symbol.is_ascii_alphanumeric() || "/-._~!$&'()*+,;=:@".contains(symbol)
            } else {
                is_visible(symbol)
            };
            if plain {
                url.push(symbol);
            } else {
                encode(&mut url, symbol.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        encode(&mut url, chunk.invalid());
    }
    url
}

/// A name for people: control characters and whatever else a terminal obeys are escaped.
pub fn printable_name(name: &str) -> String {
    printable(Path::new(name))
}

/// A path as a person types it, with control characters, invisible characters and odd bytes escaped.
pub(crate) fn printable(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for symbol in chunk.valid().chars() {
            if is_visible(symbol) {
                text.push(symbol);
            } else {
                text.push_str(&escaped_symbol(symbol));
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

/// Whether a terminal draws the character as itself. Control, format, bidirectional and unassigned ones are not.
pub fn is_visible(symbol: char) -> bool {
    // Letters to Unicode, but fillers that are drawn as nothing.
    const FILLERS: &str = "\u{115f}\u{1160}\u{3164}\u{ffa0}";
    "\"'\\".contains(symbol) || (symbol.escape_debug().len() == 1 && !FILLERS.contains(symbol))
}

/// Returns an invisible character as text: `\u{202e}`, or `\t` and the like.
pub fn escaped_symbol(symbol: char) -> String {
    let short = symbol.escape_debug();
    // The standard library takes fillers for letters.
    if short.len() == 1 { symbol.escape_unicode().to_string() } else { short.to_string() }
}

/// What stands at a place that is no regular file, for a message.
pub(crate) fn kind_of(file_type: FileType) -> &'static str {
    if file_type.is_dir() {
        "a folder"
    } else if file_type.is_fifo() {
        "a named pipe"
    } else if file_type.is_socket() {
        "a socket"
    } else if file_type.is_char_device() || file_type.is_block_device() {
        "a device"
    } else {
        "something else"
    }
}

/// An error about a path that a person named.
pub(crate) fn missing_or_io(doing: &'static str, path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        Error::NotFound { doing, location: printable(path) }
    } else {
        Error::io(doing, "open it", printable(path), source)
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
            assert!(LocalFolder::parse(text).is_err());
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
    fn a_folder_holds_an_object_by_its_path_whatever_identifies_it() {
        let place = tempfile::tempdir().unwrap();
        let table = LocalFolder::parse(place.path().to_str().unwrap()).unwrap();
        let below = table.path().join("a/E1.gz").to_str().unwrap().to_owned();
        for (path, holds) in [(below.as_str(), true), ("/elsewhere/E1.gz", false)] {
            assert_eq!(table.holds(&Object::local(path, "E1.gz", 1, 1)), holds);
            let object = Object::restore("archive", "E1.gz", "E1.gz", Some(path), "1-1", 1).unwrap();
            assert_eq!(table.holds(&object), holds);
        }
    }

    #[test]
    fn a_device_is_no_source() {
        let message = Source::parse("/dev/null").unwrap_err().to_string();
        assert!(message.contains("is a device"), "{message}");
    }

    #[test]
    fn a_source_overlaps_a_table_above_and_below_it_and_not_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::create_dir_all(at("a/logs/deep")).unwrap();
        fs::write(at("a/logs/one.gz"), "x").unwrap();
        symlink(at("a"), at("link")).unwrap();
        let logs = Source::parse(&at("a/logs")).unwrap();
        for (table, overlaps) in [
            ("a/logs", true),
            ("a", true),
            ("a/logs/new/table", true),
            ("link/logs/../logs/new", true),
            ("a/logs-table", false),
            ("a/other", false),
        ] {
            assert_eq!(logs.overlaps(&Folder::parse(&at(table)).unwrap()), overlaps, "{table}");
        }
        let file = Source::parse(&at("a/logs/one.gz")).unwrap();
        assert!(file.overlaps(&Folder::parse(&at("a/logs")).unwrap()));
        assert!(!file.overlaps(&Folder::parse(&at("a/logs/deep")).unwrap()));
    }

    #[test]
    fn a_table_need_not_exist_and_its_state_stands_beside_it() {
        let place = tempfile::tempdir().unwrap();
        let canonical = place.path().canonicalize().unwrap();
        symlink(&canonical, place.path().join("link")).unwrap();
        let typed = format!("{}/link/new/./x/../cf_logs/", place.path().display());
        let table = LocalFolder::parse(&typed).unwrap();
        assert_eq!(table.path(), canonical.join("new/cf_logs"));
        assert_eq!(table.state().unwrap().path(), canonical.join("new/cf_logs.lakefront"));
        assert!(!canonical.join("new").exists());
    }

    #[test]
    fn a_table_cannot_be_the_root_a_file_or_a_link_to_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("file"), "x").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        for (table, says) in [
            ("/".to_owned(), "`/` cannot be a table"),
            ("/tmp/..".to_owned(), "`/` cannot be a table"),
            (at("file"), "not a folder"),
            (at("file/below"), "not a folder"),
            (at("dangling"), "leads nowhere"),
        ] {
            let message = LocalFolder::parse(&table).unwrap_err().to_string();
            assert!(message.starts_with("table: ") && message.contains(says), "{table}: {message}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_place_of_a_state_is_said_of_the_state() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("file"), "x").unwrap();
        fs::write(at("t.lakefront"), "x").unwrap();
        for (state, says) in [
            ("/".to_owned(), "the root folder cannot be a state"),
            (String::new(), "the location is empty"),
            ("hdfs://bucket/state".to_owned(), "`hdfs://` is not supported"),
            (at("file"), "not a folder"),
            (at("file/below"), "not a folder"),
        ] {
            let message = LocalFolder::parse_state(&state).unwrap_err().to_string();
            assert!(message.starts_with("state: ") && message.contains(says), "{state}: {message}");
        }
        let message = LocalFolder::parse(&at("t")).unwrap().state().unwrap_err().to_string();
        assert!(message.starts_with("state: ") && message.contains("not a folder"), "{message}");
        assert_eq!(LocalFolder::parse_state(&at("new")).unwrap(), LocalFolder::parse(&at("new")).unwrap());
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let nasty = "/a\u{1b}[2J\n\u{202e}\u{9b}\u{200b}\u{feff}é日";
        for text in [file_url(nasty.as_bytes()), printable(Path::new(nasty))] {
            assert!(text.ends_with("é日"), "{text}");
            assert!(text.chars().all(|symbol| symbol.is_ascii_graphic() || "é日".contains(symbol)), "{text}");
        }
        assert_eq!(file_url(b"/x#1 \xff%"), "file:///x%231%20%FF%25");
        assert_eq!(printable(Path::new("/my logs/it's")), "/my logs/it's");
    }
}
