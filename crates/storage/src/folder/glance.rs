//! Lookups in a folder of the local disk that do not list all of it.
#![expect(clippy::disallowed_methods, reason = "looks at a few names and one small file; the errors name them")]

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use crate::Error;
use crate::error::Operation;
use crate::local_path::is_absent;
use crate::printable::printable;

/// Number of bytes that are read of a small file.
pub(super) const SMALL_BYTES: u64 = 64 << 10;
/// Depth of the folders that are searched.
const MAX_DEPTH: usize = 5;
/// Number of folders that are searched in all.
const MAX_FOLDERS: usize = 1_000;

/// Reads the beginning of a regular file.
///
/// # Errors
///
/// [`Error::NotFound`] if it does not exist; or it cannot be read.
pub(super) fn read_small(path: &Path) -> Result<Vec<u8>, Error> {
    let absent = || Error::NotFound { doing: Operation::List, location: printable(path) };
    let failed = |source: io::Error| {
        if is_absent(&source) { absent() } else { Error::io(Operation::List, "look at it", printable(path), source) }
    };
    // Opening a named pipe would wait for a writer.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(absent());
    }
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(SMALL_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Returns a file below a folder whose name begins with `start` and for which `is_wanted` holds. Searches the last
/// folders first, as they hold the newest files, and at most 1,000 folders. Follows links that are named like
/// partitions, `x=y`.
///
/// # Errors
///
/// A folder cannot be read.
pub(super) fn any_file(folder: &Path, start: &str, is_wanted: &dyn Fn(&str) -> bool) -> Result<Option<String>, Error> {
    let mut waiting = vec![String::new()];
    for _ in 0..MAX_FOLDERS {
        let Some(name) = waiting.pop() else { break };
        let path = folder.join(&name);
        let failed = |source: io::Error| Error::io(Operation::List, "look at it", printable(&path), source);
        let mut folders = Vec::new();
        for entry in fs::read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(entry_name) = entry.file_name().into_string() else { continue };
            if name.is_empty() && !entry_name.starts_with(start) {
                continue;
            }
            let file_type = entry.file_type().map_err(failed)?;
            let is_linked_folder = || file_type.is_symlink() && entry_name.contains('=') && entry.path().is_dir();
            let is_folder = file_type.is_dir() || is_linked_folder();
            let entry_name = [name.as_str(), &entry_name].concat();
            if is_folder {
                folders.push(entry_name + "/");
            } else if is_wanted(&entry_name) {
                return Ok(Some(entry_name));
            }
        }
        if name.matches('/').count() + 1 < MAX_DEPTH {
            folders.sort_unstable();
            waiting.append(&mut folders);
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_beside_others_and_after_empty_folders() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("year=2025/month=02");
        fs::create_dir_all(&folder).unwrap();
        let is_ours = |name: &str| name.rsplit('/').next().is_some_and(|file| file.starts_with("ours"));
        let any_file = |start: &str| any_file(place.path(), start, &is_ours).unwrap();
        assert_eq!(any_file("year="), None);
        fs::write(folder.join("ours-1"), "x").unwrap();
        for empty in ["zoo", "year=2025/month=02/x", "year=2025/month=03", "year=2026/month=01"] {
            fs::create_dir_all(place.path().join(empty)).unwrap();
        }
        fs::write(place.path().join("year=2026/month=01/readme"), "x").unwrap();
        assert_eq!(any_file("year=").unwrap(), "year=2025/month=02/ours-1");
        assert_eq!(any_file("").unwrap(), "year=2025/month=02/ours-1");
        assert_eq!(any_file("zoo"), None);
        std::os::unix::fs::symlink(folder, place.path().join("zoo=1")).unwrap();
        assert_eq!(any_file("zoo").unwrap(), "zoo=1/ours-1");
    }

    #[test]
    fn a_small_file_is_read_and_a_missing_one_is_not_found() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a"), "x").unwrap();
        assert_eq!(read_small(&place.path().join("a")).unwrap(), b"x");
        assert!(read_small(place.path()).unwrap_err().is_not_found());
        assert!(read_small(&place.path().join("a/b")).unwrap_err().is_not_found());
    }
}
