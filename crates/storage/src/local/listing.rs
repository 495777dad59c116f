//! Lists a store on the local disk.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::folders::Folders;
use super::{failed, modified_ms};
use crate::error::Operation;
use crate::local_path::is_absent;
use crate::printable::printable;
use crate::{Entry, Error};

impl Folders {
    /// Returns the regular files whose names begin with `prefix`, in no order. Follows links.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        let mut linked_folders = HashSet::new();
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            // An empty name would append a `/`, and the paths would not compare as equal.
            let path = if folder.is_empty() { self.root.clone() } else { self.root.join(&folder) };
            let files = match fs::read_dir(&path) {
                Ok(files) => files,
                Err(source) if is_absent(&source) => continue,
                Err(source) => return Err(failed("read it", &path, source)),
            };
            for file in files {
                let file = file.map_err(|source| failed("read it", &path, source))?;
                let path = file.path();
                let Ok(file_name) = file.file_name().into_string() else {
                    return Err(Error::PathNotUtf8 { doing: Operation::Store, location: printable(&path) });
                };
                let name = if folder.is_empty() { file_name } else { format!("{folder}/{file_name}") };
                if self.is_ours(&path) || !(name.starts_with(prefix) || prefix.starts_with(&name)) {
                    continue;
                }
                let file_type = file.file_type().map_err(|source| failed("look at it", &path, source))?;
                let metadata = if file_type.is_symlink() {
                    fs::metadata(&path).map_err(|source| failed("follow the link", &path, source))?
                } else {
                    match file.metadata() {
                        Ok(metadata) => metadata,
                        // It was removed since the folder was read.
                        Err(source) if is_absent(&source) => continue,
                        Err(source) => return Err(failed("look at it", &path, source)),
                    }
                };
                if metadata.is_dir() {
                    if file_type.is_symlink() {
                        self.check_link(&path, &mut linked_folders)?;
                    }
                    waiting.push(name);
                } else if metadata.is_file() && name.starts_with(prefix) {
                    entries.push(Entry { name, size_bytes: metadata.len(), modified_ms: modified_ms(&metadata) });
                }
            }
        }
        Ok(entries)
    }

    /// Checks that a link to a folder leads out of the root and to a new place, so that the listing ends and counts once.
    fn check_link(&self, link: &Path, linked_folders: &mut HashSet<PathBuf>) -> Result<(), Error> {
        let target = fs::canonicalize(link).map_err(|source| failed("follow the link", link, source))?;
        if target.starts_with(&self.root) || self.root.starts_with(&target) || !linked_folders.insert(target) {
            return Err(Error::Loop { location: printable(link) });
        }
        Ok(())
    }
}
