//! A store that looks before it writes: for stores that ignore the condition of a write, where one writer alone is at work.

use std::ops::Range;
use std::sync::Arc;

use crate::{Backend, Entry, Error, Lock, StagedBytes, StoredChecksum};

/// Between the look and the write another writer could come in: the caller guarantees that there is none.
#[derive(Debug)]
pub(super) struct CheckingFirst(pub(super) Arc<dyn Backend>);

impl Backend for CheckingFirst {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        Ok(Box::new(CheckingStaged { staged: self.0.stage()?, backend: Arc::clone(&self.0) }))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.0.put(name, bytes)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.0.get(name, range)
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        self.0.get_tail(name, bytes)
    }

    fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        self.0.checksum(name)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        self.0.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.0.delete(name)
    }

    fn clock_ms(&self) -> Result<i64, Error> {
        self.0.clock_ms()
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        self.0.lock()
    }

    fn root_exists(&self) -> Result<bool, Error> {
        self.0.root_exists()
    }

    fn is_empty(&self) -> Result<bool, Error> {
        self.0.is_empty()
    }

    fn location(&self, name: &str) -> String {
        self.0.location(name)
    }

    fn secure(&self, name: &str) -> Result<(), Error> {
        self.0.secure(name)
    }

    fn sweep(&self) -> Result<u64, Error> {
        self.0.sweep()
    }
}

#[derive(Debug)]
struct CheckingStaged {
    staged: Box<dyn StagedBytes>,
    backend: Arc<dyn Backend>,
}

impl StagedBytes for CheckingStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.staged.append(bytes)
    }

    fn len_bytes(&self) -> u64 {
        self.staged.len_bytes()
    }

    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        match self.backend.get(name, 0..1) {
            Ok(_) => {
                self.backend.secure(name)?;
                Err(Error::AlreadyExists { location: self.backend.location(name) })
            }
            Err(error) if error.is_not_found() => self.staged.put_if_absent(name),
            Err(error) => Err(error),
        }
    }
}
