//! The syncs of stores on the local disk, and the disk as it is after a loss of power before other syncs.
#![expect(clippy::disallowed_methods, reason = "looks at the disk behind the store, and takes away from it")]

use std::collections::HashSet;
use std::fs::{self, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Random;
use crate::Error;
use crate::error::Operation;
use crate::printable::printable;

/// The syncs of the stores that were opened with it. Clones share it.
///
/// Everything below the folders of a store when the first one is opened there counts as synced. Everything that no store of
/// this log syncs is lost. Removals count as synced.
#[derive(Clone, Debug, Default)]
pub struct SyncLog {
    synced: Arc<Mutex<Synced>>,
}

/// Fate of something that was never synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The entry of a folder vanishes, a file is empty.
    Lost,
    /// The entry vanishes, and a file keeps its first half.
    Halved,
    /// It is on the disk by chance.
    Kept,
}

/// Files are known by their inode numbers: all are on one filesystem.
#[derive(Debug, Default)]
struct Synced {
    /// The topmost folders that the stores may have made.
    tops: HashSet<PathBuf>,
    /// Files whose bytes are on the disk.
    files: HashSet<u64>,
    /// Entries of folders that are on the disk, each with what it led to.
    entries: HashSet<(PathBuf, u64)>,
}

impl SyncLog {
    /// Makes the disk look as after a loss of power: entries of folders that were never synced vanish, files that were
    /// never synced become empty. Open the stores again afterwards: the old ones remember too much.
    ///
    /// # Errors
    ///
    /// An operation on the disk failed.
    pub fn power_cut(&self) -> Result<(), Error> {
        self.cut(&mut || Fate::Lost)
    }

    /// As [`SyncLog::power_cut`], but of what was never synced some is on the disk all the same, as the seed says: an
    /// operating system writes its cache back when and in which order it likes.
    ///
    /// # Errors
    ///
    /// An operation on the disk failed.
    pub fn power_cut_by_chance(&self, seed: u64) -> Result<(), Error> {
        let mut random = Random::new(seed);
        self.cut(&mut || match random.below(4) {
            0 => Fate::Lost,
            1 => Fate::Halved,
            _ => Fate::Kept,
        })
    }

    fn cut(&self, fate: &mut dyn FnMut() -> Fate) -> Result<(), Error> {
        let mut synced = self.synced();
        let mut tops: Vec<PathBuf> = synced.tops.iter().cloned().collect();
        tops.sort();
        tops.iter().try_for_each(|top| synced.cut(top, fate))
    }

    /// Adds a folder of a store. Its contents count as synced, unless the log knew the folder before.
    pub(crate) fn watch(&self, folder: &Path) -> Result<(), Error> {
        let mut synced = self.synced();
        if synced.tops.iter().any(|top| folder.starts_with(top)) {
            return Ok(());
        }
        let mut top = folder;
        while let Some(above) = top.parent()
            && !above.exists()
        {
            top = above;
        }
        synced.tops.insert(top.to_owned());
        synced.keep(top)
    }

    /// Returns the entries of a folder, and the target of each.
    pub(crate) fn entries(folder: &Path) -> Result<Vec<(PathBuf, u64)>, Error> {
        let read = || -> io::Result<Vec<(PathBuf, u64)>> {
            let mut entries = Vec::new();
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                match fs::symlink_metadata(&path) {
                    Ok(metadata) => entries.push((path, metadata.ino())),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(entries)
        };
        read().map_err(|source| failed("read it", folder, source))
    }

    pub(crate) fn entries_synced(&self, entries: Vec<(PathBuf, u64)>) {
        self.synced().entries.extend(entries);
    }

    pub(crate) fn file_synced(&self, file: &Metadata) {
        self.synced().files.insert(file.ino());
    }

    /// Notes that a file was created or written to. Its inode number may have been another file's.
    pub(crate) fn file_changed(&self, file: &Metadata) {
        self.synced().files.remove(&file.ino());
    }

    fn synced(&self) -> MutexGuard<'_, Synced> {
        self.synced.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Synced {
    /// Marks everything at and below a path as synced.
    fn keep(&mut self, path: &Path) -> Result<(), Error> {
        let Some(metadata) = look_at(path)? else { return Ok(()) };
        self.entries.insert((path.to_owned(), metadata.ino()));
        if metadata.is_dir() {
            SyncLog::entries(path)?.iter().try_for_each(|(path, _)| self.keep(path))
        } else {
            self.files.insert(metadata.ino());
            Ok(())
        }
    }

    /// Removes what was not synced at and below a path, by its fate. The rest is on the disk.
    fn cut(&mut self, path: &Path, fate: &mut dyn FnMut() -> Fate) -> Result<(), Error> {
        let Some(metadata) = look_at(path)? else { return Ok(()) };
        let entry = (path.to_owned(), metadata.ino());
        if !self.entries.contains(&entry) {
            if fate() != Fate::Kept {
                let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
                // Its inode number may be another's soon.
                self.entries.retain(|(entry, _)| !entry.starts_with(path));
                return removed.map_err(|source| failed("remove it", path, source));
            }
            self.entries.insert(entry);
        }
        if metadata.is_dir() {
            let mut entries = SyncLog::entries(path)?;
            // A folder has no order of its own.
            entries.sort();
            return entries.iter().try_for_each(|(path, _)| self.cut(path, fate));
        }
        if metadata.is_file() && self.files.insert(metadata.ino()) {
            let kept_bytes = match fate() {
                Fate::Lost => 0,
                Fate::Halved => metadata.len() / 2,
                Fate::Kept => return Ok(()),
            };
            let cut = OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(kept_bytes));
            cut.map_err(|source| failed("cut it short", path, source))?;
        }
        Ok(())
    }
}

fn look_at(path: &Path) -> Result<Option<Metadata>, Error> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("look at it", path, source)),
    }
}

fn failed(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::io(Operation::Store, action, printable(path), source)
}
