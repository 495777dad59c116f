//! Paths of the local disk: made canonical as far as they exist, and what is found at them.
#![expect(clippy::disallowed_methods, reason = "a typed path becomes canonical here; the errors name it")]

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::Error;
use crate::error::{LocationFlaw, Operation};
use crate::printable::printable;

/// Returns an absolute path without links and dots. Its last parts need not exist.
pub(crate) fn canonical_as_far_as_it_exists(doing: Operation, path: &Path) -> Result<PathBuf, Error> {
    let mut canonical = if path.is_absolute() {
        PathBuf::from("/")
    } else {
        fs::canonicalize(".")
            .map_err(|source| Error::io(doing, "find the working directory of", printable(path), source))?
    };
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            // The path so far is canonical, so that its parent is the folder above it and no link is skipped.
            Component::ParentDir => {
                canonical.pop();
            }
            Component::Normal(name) => {
                canonical.push(name);
                match fs::canonicalize(&canonical) {
                    Ok(resolved) => canonical = resolved,
                    Err(source) if source.kind() == io::ErrorKind::NotFound => {
                        // Another process may have made the folder just now: then it is not a link.
                        if fs::symlink_metadata(&canonical).is_ok_and(|metadata| metadata.is_symlink()) {
                            let flaw = LocationFlaw::DanglingLink;
                            return Err(Error::BadLocation { doing, location: printable(&canonical), flaw });
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

/// Returns whether one of two paths is below the other, or they are the same.
pub(crate) fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

/// Returns the error of a path that a person named.
pub(crate) fn missing_or_io(doing: Operation, path: &Path, source: io::Error) -> Error {
    if source.kind() == io::ErrorKind::NotFound {
        Error::NotFound { doing, location: printable(path) }
    } else {
        Error::io(doing, "open it", printable(path), source)
    }
}

/// Returns whether an error says that there is nothing at a path. A name below a file is as absent as one below no folder.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
}
