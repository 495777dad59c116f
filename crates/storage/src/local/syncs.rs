//! What is told to the disk: every sync of a file or a folder goes through here, so that tests can play a power loss.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use super::failed;
use crate::Error;
#[cfg(feature = "testing")]
use crate::testing::SyncLog;

/// Syncs files and folders.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    #[cfg(feature = "testing")]
    log: Option<SyncLog>,
}

#[cfg_attr(
    not(feature = "testing"),
    expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "only the log of tests wants to know")
)]
impl Syncs {
    #[cfg(feature = "testing")]
    pub(super) fn logged(log: SyncLog) -> Self {
        Self { log: Some(log) }
    }

    /// Has the bytes of a file on the disk.
    pub(super) fn file(&self, path: &Path) -> io::Result<Metadata> {
        let file = File::open(path)?;
        file.sync_all()?;
        let metadata = file.metadata()?;
        #[cfg(feature = "testing")]
        if let Some(log) = &self.log {
            log.file_synced(&metadata);
        }
        Ok(metadata)
    }

    /// Has the entries of a folder on the disk. Some network filesystems cannot be asked that; they do it unasked.
    pub(super) fn folder(&self, folder: &Path) -> Result<(), Error> {
        // What comes in while the disk is at work may be on it or not, so the log looks before.
        #[cfg(feature = "testing")]
        let entries = self.log.as_ref().map(|_log| SyncLog::entries(folder)).transpose()?;
        #[cfg(feature = "testing")]
        crate::testing::sync_faults::check_folder(folder)
            .map_err(|source| failed("sync the folder", folder, source))?;
        match File::open(folder).and_then(|file| file.sync_all()) {
            Err(source) if source.kind() != io::ErrorKind::InvalidInput => {
                return Err(failed("sync the folder", folder, source));
            }
            Ok(()) | Err(_) => {}
        }
        #[cfg(feature = "testing")]
        if let (Some(log), Some(entries)) = (&self.log, entries) {
            log.entries_synced(entries);
        }
        Ok(())
    }

    /// The bytes of a file changed: it has to be synced again.
    pub(super) fn wrote(&self, file: &File) -> io::Result<()> {
        #[cfg(feature = "testing")]
        if let Some(log) = &self.log {
            log.file_changed(&file.metadata()?);
        }
        #[cfg(not(feature = "testing"))]
        let _ = file;
        Ok(())
    }
}
