//! A folder of the local disk in, what a few lookups tell of it out.
#![expect(clippy::disallowed_methods, reason = "looks at a few names and one small file; the errors name them")]

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::Error;
use crate::object::is_absent;
use crate::uri::printable;

/// The number of bytes that are read of a small file.
pub(super) const SMALL_BYTES: u64 = 64 << 10;
/// The number of folders, one in the other, that are looked into.
const MAX_DEPTH: usize = 5;

/// Reads the beginning of a regular file.
///
/// # Errors
///
/// [`Error::NotFound`] if there is none; or it cannot be read.
pub(super) fn read_small(path: &Path) -> Result<Vec<u8>, Error> {
    let absent = || Error::NotFound { doing: "list", location: printable(path) };
    let failed = |source: io::Error| {
        if is_absent(&source) { absent() } else { Error::io("list", "look at it", printable(path), source) }
    };
    // Opening a named pipe would wait for somebody to write to it.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(absent());
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(SMALL_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Follows the last names below a folder down to a file, of those that begin with `start`, without following links.
///
/// # Errors
///
/// A folder cannot be read.
pub(super) fn any_file(folder: &Path, start: &str) -> Result<Option<String>, Error> {
    let (mut path, mut name) = (folder.to_owned(), String::new());
    for depth in 0..MAX_DEPTH {
        let failed = |source: io::Error| Error::io("list", "look at it", printable(&path), source);
        let start = if depth == 0 { start } else { "" };
        let mut last: Option<(String, bool)> = None;
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(entry_name) = entry.file_name().into_string() else { continue };
            if entry_name.starts_with(start) && last.as_ref().is_none_or(|(last, _)| entry_name > *last) {
                let is_folder = entry.file_type().map_err(failed)?.is_dir();
                last = Some((entry_name, is_folder));
            }
        }
        let Some((last, is_folder)) = last else { return Ok(None) };
        path.push(&last);
        name.push_str(&last);
        if !is_folder {
            return Ok(Some(name));
        }
        name.push('/');
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_found_by_the_last_names_and_a_missing_one_is_none() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("year=2025/month=02");
        fs::create_dir_all(&folder).unwrap();
        assert_eq!(any_file(place.path(), "year=").unwrap(), None);
        fs::write(folder.join("b"), "x").unwrap();
        fs::write(folder.join("a"), "x").unwrap();
        fs::create_dir(place.path().join("zoo")).unwrap();
        assert_eq!(any_file(place.path(), "year=").unwrap().unwrap(), "year=2025/month=02/b");
        assert_eq!(any_file(&folder, "").unwrap().unwrap(), "b");
        assert_eq!(any_file(place.path(), "x").unwrap(), None);
        assert_eq!(read_small(&folder.join("a")).unwrap(), b"x");
        assert!(read_small(&folder).unwrap_err().is_not_found());
        assert!(read_small(&folder.join("a/b")).unwrap_err().is_not_found());
    }
}
