//! A store in memory, which counts the operations on each name and can lose power.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Random, TestClock, sync_faults};
use crate::error::Operation;
use crate::{Backend, Crc64Nvme, Entry, Error, Lock, StagedBytes, Store, StoredChecksum, printable_name};

/// In the history: a loss of power removed a name.
const POWER_CUT: &str = "power_cut";

/// A store in memory. Clones share it. It has no locks; its root exists as soon as anything is below it.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    clock: Arc<TestClock>,
    content: Arc<Mutex<Snapshot>>,
}

/// Contents and counts of a [`MemoryStore`] at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    objects: BTreeMap<String, Stored>,
    /// Operation and name of each change.
    history: Vec<(String, String)>,
    /// Checksums that differ from those of the bytes, `None` for a name without one. `None` if the store keeps none.
    checksums: Option<BTreeMap<String, Option<StoredChecksum>>>,
}

#[derive(Clone, Debug)]
struct Stored {
    bytes: Arc<[u8]>,
    modified_ms: i64,
    kept: Kept,
}

/// The part of an object that a loss of power leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// All of it.
    Whole,
    /// Some of its bytes, or none, or not even its name.
    Torn,
    /// Nothing: its name is not on the disk.
    Nothing,
}

/// Way in which a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// `put_if_absent`.
    IfAbsent,
    /// `put_if_absent` of a store that ignores the condition.
    IgnoringCondition,
    /// `put`.
    Over,
}

impl MemoryStore {
    /// Returns an empty store, whose entries have the times of `clock`.
    pub fn new(clock: Arc<TestClock>) -> Self {
        Self { clock, content: Arc::default() }
    }

    /// Returns the store as others see it.
    pub fn store(&self) -> Store {
        Store::new(Arc::new(self.clone()))
    }

    /// Returns the number of writes of a name since a loss of power removed it. Refused writes and
    /// [`MemoryStore::insert`] do not count.
    pub fn effective_puts(&self, name: &str) -> u64 {
        let content = self.content();
        let of_name = content.history.iter().rev().filter(|(_, of)| of == name).map(|(operation, _)| operation);
        let since = of_name.take_while(|operation| *operation != POWER_CUT);
        since.filter(|operation| operation.starts_with("put")).count() as u64
    }

    /// Returns each operation that changed something, in order: `put_if_absent`, `put` or `delete`, and the name. A name that a
    /// loss of power removed is listed with `power_cut`.
    pub fn history(&self) -> Vec<(String, String)> {
        self.content().history.clone()
    }

    /// Returns its contents and counts.
    pub fn snapshot(&self) -> Snapshot {
        self.content().clone()
    }

    /// Restores its contents and counts.
    pub fn restore(&self, snapshot: &Snapshot) {
        snapshot.clone_into(&mut self.content());
    }

    /// Puts bytes under a name, without counting it.
    pub fn insert(&self, name: &str, bytes: &[u8]) {
        let stored = Stored { bytes: bytes.into(), modified_ms: self.clock.now_ms(), kept: Kept::Whole };
        self.content().objects.insert(name.to_owned(), stored);
    }

    /// Keeps a checksum of each name from now on, as newer servers of S3 do.
    pub fn keep_checksums(&self) {
        self.content().checksums.get_or_insert_default();
    }

    /// Shows this checksum of a name, or none, regardless of its bytes.
    pub fn set_checksum(&self, name: &str, checksum: Option<StoredChecksum>) {
        self.content().checksums.get_or_insert_default().insert(name.to_owned(), checksum);
    }

    /// Removes a name, without counting it. Returns whether it existed.
    pub fn remove(&self, name: &str) -> bool {
        self.content().objects.remove(name).is_some()
    }

    /// Returns the bytes under a name.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        self.content().objects.get(name).map(|stored| stored.bytes.to_vec())
    }

    /// Returns all names, in byte order.
    pub fn names(&self) -> Vec<String> {
        self.content().objects.keys().cloned().collect()
    }

    /// Loses the power: what was only `put` since the last time vanishes, is empty, or is cut short, as the seed says.
    /// What was written with `put_if_absent` stays, but for what
    /// [`Faults::fail_sync`](super::Faults::fail_sync) left visible: that vanishes.
    pub fn power_cut(&self, seed: u64) {
        let mut random = Random::new(seed);
        let Snapshot { objects, history, checksums: _ } = &mut *self.content();
        objects.retain(|name, stored| {
            if stored.kept == Kept::Whole {
                return true;
            }
            if stored.kept == Kept::Nothing {
                history.push((POWER_CUT.to_owned(), name.clone()));
                return false;
            }
            let fate = random.below(3);
            let kept_bytes = if fate == 1 { 0 } else { random.below(stored.bytes.len() as u64) };
            let kept = stored.bytes.get(..usize::try_from(kept_bytes).unwrap_or(0)).unwrap_or_default();
            stored.bytes = kept.into();
            stored.kept = Kept::Whole;
            fate != 0
        });
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8], how: Write) -> Result<(), Error> {
        let mut content = self.content();
        let is_unsynced = how != Write::Over && sync_faults::is_failing();
        let unsynced = || Error::io(Operation::Store, "sync it", self.location(name), sync_faults::failed_sync());
        if how == Write::IfAbsent
            && let Some(found) = content.objects.get_mut(name)
        {
            if is_unsynced {
                return Err(unsynced());
            }
            // A caller that is told that a name exists may rely on it.
            found.kept = Kept::Whole;
            return Err(Error::AlreadyExists { location: self.location(name) });
        }
        let kept = match how {
            Write::Over => Kept::Torn,
            _ if is_unsynced => Kept::Nothing,
            Write::IfAbsent | Write::IgnoringCondition => Kept::Whole,
        };
        let stored = Stored { bytes: bytes.into(), modified_ms: self.clock.now_ms(), kept };
        content.objects.insert(name.to_owned(), stored);
        let operation = if how == Write::Over { "put" } else { "put_if_absent" };
        content.history.push((operation.to_owned(), name.to_owned()));
        if is_unsynced { Err(unsynced()) } else { Ok(()) }
    }

    pub(super) fn stage_with(&self, how: Write) -> Box<dyn StagedBytes> {
        Box::new(MemoryStaged { store: self.clone(), bytes: Vec::new(), how })
    }

    fn content(&self) -> MutexGuard<'_, Snapshot> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self, name: &str) -> Result<Arc<[u8]>, Error> {
        let content = self.content();
        let stored = content.objects.get(name);
        let not_found = || Error::NotFound { doing: Operation::Store, location: self.location(name) };
        stored.map(|stored| Arc::clone(&stored.bytes)).ok_or_else(not_found)
    }
}

impl Backend for MemoryStore {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        Ok(self.stage_with(Write::IfAbsent))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.write(name, bytes, Write::Over)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        let bytes = self.stored(name)?;
        let place = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        Ok(bytes.get(place(range.start)..place(range.end)).unwrap_or_default().to_vec())
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        let size_bytes = self.stored(name)?.len() as u64;
        self.get(name, size_bytes.saturating_sub(bytes)..u64::MAX)
    }

    fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        let bytes = self.stored(name)?;
        let content = self.content();
        let Some(others) = &content.checksums else { return Ok(None) };
        let of_bytes = || StoredChecksum { size_bytes: bytes.len() as u64, crc64nvme: Crc64Nvme::of(&bytes) };
        Ok(others.get(name).map_or_else(|| Some(of_bytes()), |other| *other))
    }

    /// Returns the entries backwards, so that no caller relies on an order that is not promised.
    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        let content = self.content();
        let found = content.objects.iter().rev().filter(|(name, _)| name.starts_with(prefix));
        let entry = |(name, stored): (&String, &Stored)| Entry {
            name: name.clone(),
            size_bytes: stored.bytes.len() as u64,
            modified_ms: stored.modified_ms,
        };
        Ok(found.map(entry).collect())
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        let mut content = self.content();
        if content.objects.remove(name).is_some() {
            content.history.push(("delete".to_owned(), name.to_owned()));
        }
        Ok(())
    }

    fn clock_ms(&self) -> Result<i64, Error> {
        Ok(self.clock.now_ms())
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        Ok(None)
    }

    fn root_exists(&self) -> Result<bool, Error> {
        Ok(!self.content().objects.is_empty())
    }

    fn is_empty(&self) -> Result<bool, Error> {
        Ok(self.content().objects.is_empty())
    }

    fn location(&self, name: &str) -> String {
        format!("memory:{}", printable_name(name))
    }

    fn secure(&self, name: &str) -> Result<(), Error> {
        if sync_faults::is_failing() {
            return Err(Error::io(Operation::Store, "sync it", self.location(name), sync_faults::failed_sync()));
        }
        if let Some(found) = self.content().objects.get_mut(name) {
            found.kept = Kept::Whole;
        }
        Ok(())
    }

    fn sweep(&self) -> Result<u64, Error> {
        Ok(0)
    }
}

#[derive(Debug)]
struct MemoryStaged {
    store: MemoryStore,
    bytes: Vec<u8>,
    how: Write,
}

impl StagedBytes for MemoryStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        self.store.write(name, &self.bytes, self.how)
    }
}
