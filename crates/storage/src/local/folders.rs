//! Folders of a store on the local disk: creates them so that they outlive a power loss, and knows which belong to the store.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::syncs::Syncs;
use super::{failed, look_at};
use crate::Error;
use crate::error::Operation;
use crate::printable::printable;

/// The paths of a store, and the folders that are known to be on the disk.
#[derive(Debug)]
pub(super) struct Folders {
    pub(super) root: PathBuf,
    pub(super) temp: PathBuf,
    /// The file that is locked.
    pub(super) lock: PathBuf,
    pub(super) syncs: Syncs,
    /// Folders whose entry in the folder above was synced by this store.
    synced: Mutex<HashSet<PathBuf>>,
}

impl Folders {
    pub(super) fn new(root: PathBuf, temp: PathBuf, lock: PathBuf, syncs: Syncs) -> Self {
        Self { root, temp, lock, syncs, synced: Mutex::default() }
    }

    /// Returns whether a path serves the store and is not in it.
    pub(super) fn is_ours(&self, path: &Path) -> bool {
        path == self.temp || path == self.lock
    }

    /// Creates a folder and those above it. Each is on the disk before the folder is used.
    pub(super) fn make_folder(&self, folder: &Path) -> Result<(), Error> {
        if self.synced.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
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
                    return Err(Error::NotAFolder { doing: Operation::Store, location: printable(folder) });
                }
                false
            }
            Err(source) => return Err(failed("create the folder", folder, source)),
        };
        // A folder that exists may have been made a moment ago by another writer who has not synced it yet. Above the
        // root it has most likely existed for long, and this process may not be allowed to open the folder above it.
        let is_inside = folder != self.root && folder.starts_with(&self.root);
        if is_inside
            && !is_new
            && let Some(above) = above
        {
            // A killed run may have left the folders above unsynced as well.
            self.make_folder(above)?;
        }
        if let Some(above) = above {
            let synced = self.syncs.folder(above);
            if is_new || is_inside {
                synced?;
            }
        }
        self.synced.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned());
        Ok(())
    }
}
