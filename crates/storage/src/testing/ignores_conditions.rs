//! A store that accepts every write, as some do that claim to be compatible with S3.

use std::ops::Range;
use std::sync::Arc;

use super::MemoryStore;
use super::memory::Write;
use crate::{Backend, Entry, Error, Lock, StagedBytes, Store, StoredChecksum};

/// A store around one in memory whose `put_if_absent` overwrites. Callers have to detect that before it does harm.
#[derive(Clone, Debug)]
pub struct IgnoresConditions(MemoryStore);

impl IgnoresConditions {
    /// Wraps a store.
    pub fn around(memory: MemoryStore) -> Self {
        Self(memory)
    }

    /// Returns the store as others see it.
    pub fn store(&self) -> Store {
        Store::new(Arc::new(self.clone()))
    }
}

impl Backend for IgnoresConditions {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        Ok(self.0.stage_with(Write::IgnoringCondition))
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
