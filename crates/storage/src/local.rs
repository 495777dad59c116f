//! How the local disk keeps the promises of stage 9: a file in a folder for temporary files, then a hard link to its name.
//!
//! ```text
//! write temp/7-0 | fsync temp/7-0 | link temp/7-0 -> root/name (fails if it exists) | fsync root | unlink temp/7-0
//! ```
//!
//! **Invariants**
//! - A name is made by a hard link alone, which the filesystem does at once and never over an existing name.
//! - Before a write is done, its bytes, its name and every folder above the name are on the disk, also where another
//!   writer, or an earlier run that was killed, made the folder.
//! - No descriptor is open between two calls.
//!
//! **Errors.** Each names the path and the step.
//!
//! **Not here:** `object_store::local::LocalFileSystem`. It links a file to its name too, but stages it beside that name as
//! `name#1`, where readers of the table list; it therefore hides log objects with names such as `x#1`, refuses names with
//! control characters, and lists in no order. For cloud stores that crate is the right one.
#![expect(clippy::disallowed_methods, reason = "the door to the local disk for everything that is stored")]

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::Error;
use crate::uri::{canonical_as_far_as_it_exists, printable};

/// `EPERM`: how Linux says that a filesystem has no hard links. A lack of rights is `EACCES`.
const EPERM: i32 = 1;

/// The root folder, the folder for temporary files, and what is known to be on the disk.
#[derive(Debug)]
pub(crate) struct LocalStore {
    root: PathBuf,
    temp: PathBuf,
    /// Folders whose entry in the folder above was synced by this store.
    synced_folders: Mutex<HashSet<PathBuf>>,
}

impl LocalStore {
    pub(crate) fn open(root: &Path, temp: &Path) -> Result<Self, Error> {
        let root = canonical_as_far_as_it_exists("store", root)?;
        let temp = canonical_as_far_as_it_exists("store", temp)?;
        for path in [&root, &temp] {
            if look_at(path)?.is_some_and(|metadata| !metadata.is_dir()) {
                return Err(Error::NotAFolder { doing: "store", location: printable(path) });
            }
        }
        Ok(Self { root, temp, synced_folders: Mutex::default() })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn root_exists(&self) -> Result<bool, Error> {
        Ok(look_at(&self.root)?.is_some())
    }

    pub(crate) fn is_empty(&self) -> Result<bool, Error> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(source) => return Err(failed("read it", &self.root, source)),
        };
        for entry in entries {
            if entry.map_err(|source| failed("read it", &self.root, source))?.path() != self.temp {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.read_tail(name, u64::MAX)
    }

    pub(crate) fn read_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        let path = self.root.join(name);
        let read = || {
            let mut file = File::open(&path)?;
            let start = file.metadata()?.len().saturating_sub(bytes);
            file.seek(io::SeekFrom::Start(start))?;
            let mut content = Vec::new();
            file.read_to_end(&mut content)?;
            Ok(content)
        };
        read().map_err(|source: io::Error| {
            if is_absent(&source) {
                Error::NotFound { doing: "store", location: printable(&path) }
            } else {
                failed("read it", &path, source)
            }
        })
    }

    /// A link that leads nowhere exists too: it keeps a name from being written.
    pub(crate) fn exists(&self, name: &str) -> Result<bool, Error> {
        let path = self.root.join(name);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(source) if is_absent(&source) => Ok(false),
            Err(source) => Err(failed("look at it", &path, source)),
        }
    }

    /// The names of regular files below `folder` that begin with `prefix`, in no order. Links are followed.
    pub(crate) fn list(&self, folder: &str, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut linked_folders = HashSet::new();
        let mut waiting = vec![folder.to_owned()];
        while let Some(folder) = waiting.pop() {
            // An empty name would append a `/`, which is in the way of comparing paths.
            let path = if folder.is_empty() { self.root.clone() } else { self.root.join(&folder) };
            let entries = match fs::read_dir(&path) {
                Ok(entries) => entries,
                Err(source) if is_absent(&source) => continue,
                Err(source) => return Err(failed("read it", &path, source)),
            };
            for entry in entries {
                let entry = entry.map_err(|source| failed("read it", &path, source))?;
                let path = entry.path();
                let Ok(file_name) = entry.file_name().into_string() else {
                    return Err(Error::PathNotUtf8 { doing: "store", location: printable(&path) });
                };
                let name = if folder.is_empty() { file_name } else { format!("{folder}/{file_name}") };
                if path == self.temp || !(name.starts_with(prefix) || prefix.starts_with(&name)) {
                    continue;
                }
                let mut file_type = entry.file_type().map_err(|source| failed("look at it", &path, source))?;
                if file_type.is_symlink() {
                    file_type =
                        fs::metadata(&path).map_err(|source| failed("follow the link", &path, source))?.file_type();
                    if file_type.is_dir() {
                        self.check_link(&path, &mut linked_folders)?;
                    }
                }
                if file_type.is_dir() {
                    waiting.push(name);
                } else if file_type.is_file() && name.starts_with(prefix) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }

    /// A link to a folder must lead out of the root and to a new place, so that the listing ends and counts once.
    fn check_link(&self, link: &Path, linked_folders: &mut HashSet<PathBuf>) -> Result<(), Error> {
        let target = fs::canonicalize(link).map_err(|source| failed("follow the link", link, source))?;
        if target.starts_with(&self.root) || self.root.starts_with(&target) || !linked_folders.insert(target) {
            return Err(Error::Loop { location: printable(link) });
        }
        Ok(())
    }

    /// Makes an empty temporary file. Its name tells processes apart by number; where a killed process with the same
    /// number left one behind, the next free name is taken.
    pub(crate) fn stage(&self) -> Result<LocalStaged, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut is_folder_made = false;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = self.temp.join(format!("{}-{number}.staged", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(_file) => return Ok(LocalStaged { path, len_bytes: 0 }),
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) if source.kind() == io::ErrorKind::NotFound && !is_folder_made => {
                    self.make_folder(&self.temp)?;
                    is_folder_made = true;
                }
                Err(source) => return Err(failed("create it", &path, source)),
            }
        }
    }

    /// Gives a staged file its name. The staged name stays until the file is dropped.
    pub(crate) fn put_if_absent(&self, staged: &LocalStaged, name: &str) -> Result<(), Error> {
        staged.sync()?;
        let path = self.root.join(name);
        let folder = path.parent().unwrap_or(&self.root);
        self.make_folder(folder)?;
        if let Err(source) = fs::hard_link(&staged.path, &path) {
            self.link_failed(staged, &path, source)?;
        }
        sync_folder(folder)
    }

    /// What a failed link means.
    fn link_failed(&self, staged: &LocalStaged, path: &Path, source: io::Error) -> Result<(), Error> {
        let location = printable(path);
        let kind = source.kind();
        if kind == io::ErrorKind::AlreadyExists {
            // A network filesystem may answer so to its own second try: then the name is this very file.
            if is_same_file(&staged.path, path) { Ok(()) } else { Err(Error::AlreadyExists { location }) }
        } else if kind == io::ErrorKind::CrossesDevices {
            Err(Error::DifferentFilesystems { location, temp: printable(&self.temp) })
        } else if kind == io::ErrorKind::Unsupported || source.raw_os_error() == Some(EPERM) {
            Err(Error::NoHardLinks { location })
        } else {
            Err(failed("put it under its name", path, source))
        }
    }

    /// Makes a folder and those above it, and has each on the disk before the folder is used.
    fn make_folder(&self, folder: &Path) -> Result<(), Error> {
        if self.synced_folders.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
            return Ok(());
        }
        let above = folder.parent();
        let mut made = fs::create_dir(folder);
        if made.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            && let Some(above) = above
        {
            self.make_folder(above)?;
            made = fs::create_dir(folder);
        }
        let is_new = match made {
            Ok(()) => true,
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                if !look_at(folder)?.is_some_and(|metadata| metadata.is_dir()) {
                    return Err(Error::NotAFolder { doing: "store", location: printable(folder) });
                }
                false
            }
            Err(source) => return Err(failed("create the folder", folder, source)),
        };
        // A folder that exists may have been made a moment ago by another writer who has not synced it yet. Above the
        // root it has most likely stood for long, and the folder above it need not be ours to open.
        let is_inside = folder != self.root && folder.starts_with(&self.root);
        if is_inside
            && !is_new
            && let Some(above) = above
        {
            // A killed run may have left the folders above unsynced as well.
            self.make_folder(above)?;
        }
        if let Some(above) = above {
            let synced = sync_folder(above);
            if is_new || is_inside {
                synced?;
            }
        }
        self.synced_folders.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        Ok(())
    }
}

/// A temporary file; dropping it removes it.
#[derive(Debug)]
pub(crate) struct LocalStaged {
    path: PathBuf,
    len_bytes: u64,
}

impl LocalStaged {
    pub(crate) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut file =
            OpenOptions::new().append(true).open(&self.path).map_err(|source| failed("open it", &self.path, source))?;
        file.write_all(bytes).map_err(|source| failed("write to it", &self.path, source))?;
        self.len_bytes += bytes.len() as u64;
        Ok(())
    }

    /// Has the bytes on the disk. The size is compared because the file was closed in between.
    fn sync(&self) -> Result<(), Error> {
        let sync = || -> io::Result<Metadata> {
            let file = File::open(&self.path)?;
            file.sync_all()?;
            file.metadata()
        };
        let got_bytes = sync().map_err(|source| failed("sync it", &self.path, source))?.len();
        if got_bytes == self.len_bytes {
            return Ok(());
        }
        Err(Error::StagedChanged { location: printable(&self.path), expected_bytes: self.len_bytes, got_bytes })
    }
}

impl Drop for LocalStaged {
    fn drop(&mut self) {
        // A file that stays behind is in nobody's way: no reader lists this folder.
        let _ = fs::remove_file(&self.path);
    }
}

/// Has the entries of a folder on the disk. Some network filesystems cannot be asked that; they do it unasked.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    match File::open(folder).and_then(|file| file.sync_all()) {
        Err(source) if source.kind() != io::ErrorKind::InvalidInput => Err(failed("sync the folder", folder, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn look_at(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("look at it", path, source)),
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path| fs::symlink_metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

/// A name below a file is as absent as one below no folder.
fn is_absent(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::io("store", action, printable(path), source)
}
