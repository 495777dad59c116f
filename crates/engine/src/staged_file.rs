//! Files that are written in pieces before they get their names: a [`Staged`] that implements [`Write`].

use std::io::{self, Write};

use lakefront_ledger::{
    create_once,
    hash::{FileHash, FileHasher},
};
use lakefront_storage::{Staged, Store};
use lakefront_table::encode::DataFiles;

use crate::Error;

/// Size in bytes of the write buffer: 1 MiB.
const BUFFER_BYTES: usize = 1 << 20;

/// A file without a name yet.
#[derive(Debug)]
pub(crate) struct StagedFile {
    staged: Staged,
    buffer: Vec<u8>,
    hasher: FileHasher,
}

/// Size and hash of a file that has its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredFile {
    pub(crate) bytes: u64,
    pub(crate) hash: FileHash,
}

impl StagedFile {
    pub(crate) fn create(store: &Store, hasher: FileHasher) -> io::Result<Self> {
        Ok(Self { staged: store.stage().map_err(into_io)?, buffer: Vec::new(), hasher })
    }

    /// Stores the file under its name, in the store that it was created in; succeeds if the name already has these
    /// bytes.
    pub(crate) fn put(mut self, store: &Store, name: &str) -> Result<StoredFile, Error> {
        self.flush().map_err(Self::error)?;
        let written = StoredFile { bytes: self.staged.len_bytes(), hash: self.hasher.finish() };
        let put = || self.staged.put_if_absent(name).map(|_bytes| ());
        create_once::settle(store, name, put, || create_once::holds(store, name, written.bytes, &written.hash))?;
        Ok(written)
    }

    /// Returns the error of a failed write: that of the store, if the store caused it.
    pub(crate) fn error(error: io::Error) -> Error {
        lakefront_storage::Error::from_read(error).map_or_else(|source| Error::Write { source }, Error::storage)
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
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

    /// Empties the buffer and frees its memory, because thousands of files may be unfinished.
    fn flush(&mut self) -> io::Result<()> {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() { Ok(()) } else { self.staged.append(&buffer).map_err(into_io) }
    }
}

fn into_io(error: lakefront_storage::Error) -> io::Error {
    io::Error::other(error)
}

/// Creates data files in a store's temporary folder.
#[derive(Clone, Debug)]
pub(crate) struct StagedFiles {
    store: Store,
    /// The hasher of each file, before its first byte.
    hasher: FileHasher,
}

impl StagedFiles {
    pub(crate) fn new(store: Store, hasher: FileHasher) -> Self {
        Self { store, hasher }
    }
}

impl DataFiles for StagedFiles {
    type File = StagedFile;

    fn create(&mut self) -> io::Result<StagedFile> {
        StagedFile::create(&self.store, self.hasher.clone())
    }
}
