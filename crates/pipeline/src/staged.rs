//! Files that are written in pieces before they get their names: a [`Staged`] with the face of [`Write`].

use std::{
    io::{self, Write},
    sync::Arc,
};

use lakefront_storage::{Staged, Store};
use lakefront_table::encode::DataFiles;

use crate::Error;

/// Appends are gathered to so many bytes: 1 MiB.
const BUFFER_BYTES: usize = 1 << 20;

/// A file without a name yet.
#[derive(Debug)]
pub(crate) struct StagedFile {
    staged: Staged,
    buffer: Vec<u8>,
}

impl StagedFile {
    pub(crate) fn create(store: &Store) -> io::Result<Self> {
        Ok(Self { staged: store.stage().map_err(into_io)?, buffer: Vec::new() })
    }

    /// Gives it its name.
    pub(crate) fn put(mut self, name: &str) -> Result<u64, Error> {
        self.flush().map_err(Self::error)?;
        self.staged.put_if_absent(name).map_err(Error::storage)
    }

    /// What a failed write says: what storage said, wherever it passed through.
    pub(crate) fn error(error: io::Error) -> Error {
        match lakefront_storage::Error::from_read(error) {
            Ok(error) => Error::storage(error),
            // Writes of a staged file fail with storage errors only.
            Err(_) => Error::Worker,
        }
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            self.staged.append(bytes).map_err(into_io)?;
        } else {
            self.buffer.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    /// Empties the buffer and gives its memory back: thousands of these may wait.
    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() { Ok(()) } else { self.staged.append(&buffer).map_err(into_io) }
    }
}

fn into_io(error: lakefront_storage::Error) -> io::Error {
    io::Error::other(error)
}

/// Makes data files in a store's temporary folder.
#[derive(Clone, Debug)]
pub(crate) struct StagedFiles {
    store: Arc<Store>,
}

impl StagedFiles {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }
}

impl DataFiles for StagedFiles {
    type File = StagedFile;

    fn create(&mut self) -> io::Result<StagedFile> {
        StagedFile::create(&self.store)
    }
}
