//! A temporary file on the local disk: written without a name, then linked or moved to one.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use super::folders::Folders;
use super::{failed, folder_of};
use crate::printable::printable;
use crate::{Error, StagedBytes};

/// `EPERM`: on Linux, the filesystem has no hard links. Missing permissions are `EACCES`.
const EPERM: i32 = 1;

/// End of the names of temporary files.
const EXTENSION: &str = "staged";

/// The temporary files that this process is writing. Others of the same process number are from a process that has ended:
/// in a container every process may have the same number.
static ALIVE: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);

/// A number that most likely no other process has: the keys of a hash map are random.
static TOKEN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));

fn alive() -> MutexGuard<'static, HashSet<PathBuf>> {
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A temporary file; dropping it removes it.
#[derive(Debug)]
pub(super) struct LocalStaged {
    folders: Arc<Folders>,
    path: PathBuf,
    len_bytes: u64,
    /// True if the file has left its temporary name, which may be another file's by now.
    is_moved: bool,
}

impl LocalStaged {
    /// Creates an empty temporary file. Its name is unique to this process, even among processes with the same number on
    /// other machines or in other containers: no process may append to another's file.
    pub(super) fn create(folders: &Arc<Folders>) -> Result<(Self, File), Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut is_folder_made = false;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folders.temp.join(format!("{}-{:016x}-{number}.{EXTENSION}", std::process::id(), *TOKEN));
            // Before it exists, so that no sweep of this process takes it for another's.
            alive().insert(path.clone());
            let source = match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let staged = Self { folders: Arc::clone(folders), path, len_bytes: 0, is_moved: false };
                    folders.syncs.wrote(&file).map_err(|source| failed("look at it", &staged.path, source))?;
                    return Ok((staged, file));
                }
                Err(source) => source,
            };
            alive().remove(&path);
            if source.kind() == io::ErrorKind::NotFound && !is_folder_made {
                folders.make_folder(&folders.temp)?;
                is_folder_made = true;
            } else if source.kind() != io::ErrorKind::AlreadyExists {
                return Err(failed("create it", &path, source));
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the file to its name, over what exists there. Syncs new folders only.
    pub(super) fn replace(mut self, name: &str) -> Result<(), Error> {
        let path = self.folders.root.join(name);
        self.folders.make_folder(folder_of(&path))?;
        match fs::rename(&self.path, &path) {
            Ok(()) => {
                self.is_moved = true;
                Ok(())
            }
            Err(source) if source.kind() == io::ErrorKind::CrossesDevices => Err(self.other_filesystem(&path)),
            Err(source) => Err(failed("put it under its name", &path, source)),
        }
    }

    /// Syncs the bytes. Compares the size, because the file was closed in between.
    fn sync(&self) -> Result<(), Error> {
        let synced = self.folders.syncs.file(&self.path);
        let got_bytes = synced.map_err(|source| failed("sync it", &self.path, source))?.len();
        if got_bytes == self.len_bytes {
            return Ok(());
        }
        Err(Error::StagedChanged { location: printable(&self.path), expected_bytes: self.len_bytes, got_bytes })
    }

    /// Returns the error of a failed link.
    fn link_failed(&self, path: &Path, source: io::Error) -> Error {
        let location = printable(path);
        let kind = source.kind();
        if kind == io::ErrorKind::AlreadyExists {
            Error::AlreadyExists { location }
        } else if kind == io::ErrorKind::CrossesDevices {
            self.other_filesystem(path)
        } else if kind == io::ErrorKind::Unsupported || source.raw_os_error() == Some(EPERM) {
            Error::NoHardLinks { location }
        } else {
            failed("put it under its name", path, source)
        }
    }

    fn other_filesystem(&self, path: &Path) -> Error {
        Error::DifferentFilesystems { location: printable(path), temp: printable(&self.folders.temp) }
    }
}

impl StagedBytes for LocalStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut file =
            OpenOptions::new().append(true).open(&self.path).map_err(|source| failed("open it", &self.path, source))?;
        let written = file.write_all(bytes).and_then(|()| self.folders.syncs.wrote(&file));
        written.map_err(|source| failed("write to it", &self.path, source))?;
        self.len_bytes += bytes.len() as u64;
        Ok(())
    }

    fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// The temporary name stays until the file is dropped.
    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        self.sync()?;
        let path = self.folders.root.join(name);
        let folder = folder_of(&path);
        self.folders.make_folder(folder)?;
        let mut linked = fs::hard_link(&self.path, &path).map_err(|source| self.link_failed(&path, source));
        if linked.as_ref().is_err_and(Error::is_already_exists) {
            if is_same_file(&self.path, &path) {
                // A network filesystem may answer so to its own second attempt.
                linked = Ok(());
            } else {
                sync_existing(&self.folders, &path)?;
            }
        } else if linked.is_err() {
            return linked;
        }
        self.folders.syncs.folder(folder)?;
        linked
    }
}

impl Drop for LocalStaged {
    fn drop(&mut self) {
        if !self.is_moved {
            // Ignore: no reader lists this folder, and a later sweep removes the file.
            let _ = fs::remove_file(&self.path);
        }
        alive().remove(&self.path);
    }
}

/// Syncs a file of another writer, which may have been killed before it did: a caller that is told that the name exists
/// relies on it. The caller syncs the folder above.
pub(super) fn sync_existing(folders: &Folders, path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => {
            folders.syncs.file(path).map(|_metadata| ()).map_err(|source| failed("sync it", path, source))
        }
        // No store wrote it.
        Ok(_) => Ok(()),
        Err(source) => Err(failed("look at it", path, source)),
    }
}

/// Removes the temporary files in a folder that this process is not writing, and returns their number.
pub(super) fn sweep(temp: &Path) -> Result<u64, Error> {
    let entries = match fs::read_dir(temp) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(source) => return Err(failed("read it", temp, source)),
    };
    let mut num_removed = 0;
    for entry in entries {
        let path = entry.map_err(|source| failed("read it", temp, source))?.path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) || alive().contains(&path) {
            continue;
        }
        match fs::remove_file(&path) {
            Ok(()) => num_removed += 1,
            Err(source) if source.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(failed("remove it", &path, source)),
        }
    }
    Ok(num_removed)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}
