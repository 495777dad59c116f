//! Every sync of a file or a folder, so that tests can simulate a power loss.

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

    /// Syncs the bytes of a file.
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

    /// Syncs the entries of a folder. Some network filesystems refuse that, as they always do it.
    pub(super) fn folder(&self, folder: &Path) -> Result<(), Error> {
        // Entries that are made during the sync may be on the disk or not, so the log looks before.
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

    /// Notes that the bytes of a file changed: it has to be synced again.
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
