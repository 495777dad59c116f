//! Folders on the local disk.
#![expect(clippy::disallowed_methods, reason = "looks at a typed folder; the errors name it")]

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::error::Operation;
use crate::file_url::{file_url, local_path};
use crate::local_path::canonical_as_far_as_it_exists;
use crate::printable::printable;
use crate::{Error, Object, Store};

/// A folder on the local disk; it need not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFolder {
    /// Absolute, and canonical as far as it exists.
    path: PathBuf,
}

impl LocalFolder {
    /// Returns the folder that a path or a `file://` URL names, made canonical as far as it exists. Creates nothing. Errors
    /// begin with `named`, the caller's word for the folder.
    ///
    /// # Errors
    ///
    /// Another kind of URL, something that exists and is not a folder, or a link that leads nowhere.
    pub fn parse(text: &str, named: &'static str) -> Result<Self, Error> {
        let doing = Operation::Locate(named);
        Self::from_path(doing, &local_path(doing, text)?)
    }

    /// Returns the folder of a path that is canonical.
    pub(crate) fn of_canonical(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the folder as a `file://` URL.
    pub fn url(&self) -> String {
        file_url(self.path.as_os_str().as_bytes())
    }

    /// Returns the canonical path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the last part of the path; `None` for the root.
    pub(super) fn name(&self) -> Option<String> {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned())
    }

    /// Returns the folders above this one that have a name, the nearest first.
    pub(super) fn ancestors(&self) -> impl Iterator<Item = Self> {
        let above = self.path.ancestors().skip(1).filter(|above| above.file_name().is_some());
        above.map(Self::of_canonical)
    }

    /// Returns the folder next to this one whose name has `ending` after it; `None` for the root.
    ///
    /// # Errors
    ///
    /// There is something else in its place, or it cannot be looked at.
    pub(super) fn sibling(&self, ending: &str, named: &'static str) -> Result<Option<Self>, Error> {
        let Some(name) = self.path.file_name() else { return Ok(None) };
        let mut name = name.to_owned();
        name.push(ending);
        Self::from_path(Operation::Locate(named), &self.path.with_file_name(name)).map(Some)
    }

    /// Opens this folder as a store, with its temporary files in `temp`.
    ///
    /// # Errors
    ///
    /// As [`Store::open_local`].
    pub(super) fn open(&self, temp: &Path) -> Result<Store, Error> {
        Store::open_local(&self.path, temp)
    }

    /// Returns whether `object` is in this folder. A link may have led to it.
    pub(super) fn holds(&self, object: &Object) -> bool {
        object.bucket().is_none() && Path::new(object.path()).starts_with(&self.path)
    }

    fn from_path(doing: Operation, path: &Path) -> Result<Self, Error> {
        let path = canonical_as_far_as_it_exists(doing, path)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn parse(text: &str) -> Result<LocalFolder, Error> {
        LocalFolder::parse(text, "folder")
    }

    #[test]
    fn a_folder_holds_an_object_by_its_path_regardless_of_its_identity() {
        let place = tempfile::tempdir().unwrap();
        let folder = parse(place.path().to_str().unwrap()).unwrap();
        let below = folder.path().join("a/E1.gz").to_str().unwrap().to_owned();
        for (path, holds) in [(below.as_str(), true), ("/elsewhere/E1.gz", false)] {
            assert_eq!(folder.holds(&Object::local(path, "E1.gz", 1, 1)), holds);
            let object = Object::restore("archive", "E1.gz", "E1.gz", Some(path), "1-1", 1).unwrap();
            assert_eq!(folder.holds(&object), holds);
        }
    }

    #[test]
    fn a_folder_need_not_exist_and_its_path_is_canonical() {
        let place = tempfile::tempdir().unwrap();
        let canonical = place.path().canonicalize().unwrap();
        symlink(&canonical, place.path().join("link")).unwrap();
        let folder = parse(&format!("{}/link/new/./x/../cf_logs/", place.path().display())).unwrap();
        assert_eq!(folder.path(), canonical.join("new/cf_logs"));
        let sibling = folder.sibling(".old", "folder").unwrap().unwrap();
        assert_eq!(sibling.path(), canonical.join("new/cf_logs.old"));
        assert!(!canonical.join("new").exists());
        for root in ["/", "/tmp/.."] {
            let root = parse(root).unwrap();
            assert_eq!((root.name(), root.sibling(".old", "folder").unwrap()), (None, None));
        }
    }

    #[test]
    fn a_folder_cannot_be_a_file_or_a_link_to_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
        fs::write(at("file"), "x").unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        for (text, says) in [
            (String::new(), "the location is empty"),
            ("hdfs://bucket/x".to_owned(), "`hdfs://` is not supported"),
            (at("file"), "not a folder"),
            (at("file/below"), "not a folder"),
            (at("dangling"), "leads nowhere"),
        ] {
            let message = LocalFolder::parse(&text, "here").unwrap_err().to_string();
            assert!(message.starts_with("here: ") && message.contains(says), "{text}: {message}");
        }
        let message = parse(&at("fi")).unwrap().sibling("le", "there").unwrap_err().to_string();
        assert!(message.starts_with("there: ") && message.contains("not a folder"), "{message}");
    }
}
