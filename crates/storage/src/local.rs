//! Stage 9 on the local disk: writes a file in a folder for temporary files, then links it to its name.
//!
//! ```text
//! write temp/7-0 | fsync temp/7-0 | link temp/7-0 -> root/name (fails if it exists) | fsync root | unlink temp/7-0
//! ```
//!
//! **Invariants**
//! - A name that is written once is made by a hard link alone, which the filesystem does at once and never over an
//!   existing name.
//! - Before such a write is done, or is said to have been done before, its bytes, its name and every folder above the name
//!   are on the disk, even if another writer, or an earlier run that was killed, made them.
//! - No descriptor is open between two calls, but for the lock's.
//!
//! **Errors.** Each names the path and the step.
//!
//! **Not here:** `object_store::local::LocalFileSystem`. It links a file to its name too, but stages it next to that name as
//! `name#1`, where readers list; it therefore hides log objects with names such as `x#1`, refuses names with
//! control characters, and lists in no order. For cloud stores that crate is the right one.
#![expect(clippy::disallowed_methods, reason = "the door to the local disk for everything that is stored")]

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::error::{FileKind, Operation};
use crate::local_path::{canonical_as_far_as_it_exists, is_absent};
use crate::printable::printable;
use crate::{Backend, Entry, Error, Lock, StagedBytes};
use folders::Folders;
use staged::LocalStaged;
use syncs::Syncs;

// Folders, and what is known to be synced.
mod folders;
mod syncs;

// A file without a name yet.
mod staged;

// Listing.
mod listing;

/// `ENOLCK`: the filesystem has no locks, or their server cannot be reached.
const ENOLCK: i32 = if cfg!(target_os = "linux") { 37 } else { 77 };

/// A root folder, and next to it or below it the folder for temporary files.
#[derive(Debug)]
pub(crate) struct LocalStore {
    folders: Arc<Folders>,
}

impl LocalStore {
    pub(crate) fn open(root: &Path, temp: &Path) -> Result<Self, Error> {
        Self::open_with(root, temp, Syncs::default())
    }

    /// Reports every sync to a log, so that a power loss can be simulated.
    #[cfg(feature = "testing")]
    pub(crate) fn open_logged(root: &Path, temp: &Path, log: &crate::testing::SyncLog) -> Result<Self, Error> {
        let store = Self::open_with(root, temp, Syncs::logged(log.clone()))?;
        log.watch(&store.folders.root)?;
        log.watch(&store.folders.temp)?;
        Ok(store)
    }

    fn open_with(root: &Path, temp: &Path, syncs: Syncs) -> Result<Self, Error> {
        let root = canonical_as_far_as_it_exists(Operation::Store, root)?;
        let temp = canonical_as_far_as_it_exists(Operation::Store, temp)?;
        for path in [&root, &temp] {
            if look_at(path)?.is_some_and(|metadata| !metadata.is_dir()) {
                return Err(Error::NotAFolder { doing: Operation::Store, location: printable(path) });
            }
        }
        // A link from one to the other would fail, but only after the work.
        if device_of(&root)? != device_of(&temp)? {
            return Err(Error::DifferentFilesystems { location: printable(&root), temp: printable(&temp) });
        }
        let lock = temp.parent().unwrap_or(&temp).join("lock");
        Ok(Self { folders: Arc::new(Folders::new(root, temp, lock, syncs)) })
    }

    fn path(&self, name: &str) -> PathBuf {
        // An empty name would append a `/`.
        if name.is_empty() { self.folders.root.clone() } else { self.folders.root.join(name) }
    }

    /// Reads the range that `range_of` returns for the size in bytes.
    fn read(&self, name: &str, range_of: impl Fn(u64) -> Range<u64>) -> Result<Vec<u8>, Error> {
        let path = self.path(name);
        let Some(mut file) = open_file(&path)? else {
            return Err(Error::NotFound { doing: Operation::Store, location: printable(&path) });
        };
        let mut read = || {
            let range = range_of(file.metadata()?.len());
            let mut content = Vec::new();
            if !range.is_empty() {
                file.seek(io::SeekFrom::Start(range.start))?;
                (&file).take(range.end - range.start).read_to_end(&mut content)?;
            }
            Ok(content)
        };
        read().map_err(|source: io::Error| failed("read it", &path, source))
    }
}

/// Returns the folder that a name's path is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().expect("a name is below the root of its store")
}

impl Backend for LocalStore {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        let (staged, _file) = LocalStaged::create(&self.folders)?;
        Ok(Box::new(staged))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let (mut staged, _file) = LocalStaged::create(&self.folders)?;
        staged.append(bytes)?;
        staged.replace(name)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        // A range after the end is empty: no filesystem seeks to any number.
        self.read(name, |size_bytes| range.start..if range.start < size_bytes { range.end } else { range.start })
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        self.read(name, |size_bytes| size_bytes.saturating_sub(bytes)..u64::MAX)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        self.folders.list(prefix)
    }

    fn secure(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        staged::sync_existing(&self.folders, &path)?;
        let folder = folder_of(&path);
        self.folders.make_folder(folder)?;
        self.folders.syncs.folder(folder)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(source) if !is_absent(&source) => return Err(failed("remove it", &path, source)),
            // An earlier attempt may have been killed before the removal was on the disk.
            Ok(()) | Err(_) => {}
        }
        let folder = folder_of(&path);
        if look_at(folder)?.is_some_and(|metadata| metadata.is_dir()) {
            self.folders.syncs.folder(folder)?;
        }
        Ok(())
    }

    /// Returns the time that the filesystem gives a new file. On a network filesystem that is the server's clock, as for all
    /// entries.
    fn clock_ms(&self) -> Result<i64, Error> {
        let (staged, file) = LocalStaged::create(&self.folders)?;
        let metadata = file.metadata().map_err(|source| failed("look at it", staged.path(), source))?;
        Ok(modified_ms(&metadata))
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        let path = &self.folders.lock;
        if let Some(metadata) = look_at(path)?.filter(|metadata| !metadata.is_file() && !metadata.is_dir()) {
            return Err(not_regular(path, &metadata));
        }
        let open = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut opened = open();
        if opened.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
            && let Some(folder) = path.parent()
        {
            self.folders.make_folder(folder)?;
            opened = open();
        }
        let file = opened.map_err(|source| failed("open the lock for writing", path, source))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Lock::of(file))),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { location: printable(path) }),
            Err(TryLockError::Error(source))
                if source.kind() == io::ErrorKind::Unsupported || source.raw_os_error() == Some(ENOLCK) =>
            {
                Ok(None)
            }
            Err(TryLockError::Error(source)) => Err(failed("lock it", path, source)),
        }
    }

    fn root_exists(&self) -> Result<bool, Error> {
        Ok(look_at(&self.folders.root)?.is_some())
    }

    fn is_empty(&self) -> Result<bool, Error> {
        let root = &self.folders.root;
        let entries = match fs::read_dir(root) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(source) => return Err(failed("read it", root, source)),
        };
        for entry in entries {
            if !self.folders.is_ours(&entry.map_err(|source| failed("read it", root, source))?.path()) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn location(&self, name: &str) -> String {
        printable(&self.path(name))
    }

    fn sweep(&self) -> Result<u64, Error> {
        staged::sweep(&self.folders.temp)
    }
}

fn look_at(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("look at it", path, source)),
    }
}

/// Returns the flags that open a named pipe without waiting for its other end.
pub(crate) fn without_waiting() -> i32 {
    i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of `open` fits into an `int`")
}

/// Opens a file to read it. Returns `None` if it does not exist.
///
/// # Errors
///
/// It is not a regular file: opening a named pipe waits for the other end, and a device may never end.
fn open_file(path: &Path) -> Result<Option<File>, Error> {
    let check = |metadata: &Metadata| {
        // Reading a folder fails with an error that says so.
        if metadata.is_file() || metadata.is_dir() { Ok(()) } else { Err(not_regular(path, metadata)) }
    };
    let failed = |source| failed("read it", path, source);
    // Checked before, as opening a device may have effects, and again once open, as the file may have been replaced
    // meanwhile.
    match fs::metadata(path) {
        Ok(metadata) => check(&metadata)?,
        Err(source) if is_absent(&source) => return Ok(None),
        Err(source) => return Err(failed(source)),
    }
    let file = match OpenOptions::new().read(true).custom_flags(without_waiting()).open(path) {
        Ok(file) => file,
        Err(source) if is_absent(&source) => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    check(&file.metadata().map_err(failed)?)?;
    Ok(Some(file))
}

fn not_regular(path: &Path, metadata: &Metadata) -> Error {
    Error::NotRegular { doing: Operation::Store, location: printable(path), kind: FileKind::of(metadata.file_type()) }
}

/// Returns the filesystem that a folder is on, or will be on when it is made.
fn device_of(folder: &Path) -> Result<Option<u64>, Error> {
    for path in folder.ancestors() {
        if let Some(metadata) = look_at(path)? {
            return Ok(Some(metadata.dev()));
        }
    }
    Ok(None)
}

fn modified_ms(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000).saturating_add(metadata.mtime_nsec() / 1_000_000)
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::io(Operation::Store, action, printable(path), source)
}
