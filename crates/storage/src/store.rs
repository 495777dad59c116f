//! Stage 9. Data file bytes in, stored object out.
//!
//! **Invariants**
//! - Files that decide or hold rows go through `put_if_absent`: its name appears whole, or not at all, and is never
//!   replaced. Of several writers one wins and the others get [`Error::AlreadyExists`].
//! - When such a write is done, or the name is said to exist, it outlives a power loss.
//! - [`Store::put`] replaces and may be lost: it is for files that can be regenerated.
//! - Bytes that are not stored yet are never where a reader lists.
//!
//! ```text
//! stage() -> append, append, ... -> put_if_absent("year=2025/.../part-0000000001-00001-000.parquet")
//! ```
//!
//! **Errors.** After an error of a write the name may exist or not, as after a lost reply: read it back and compare.
//!
//! **Not here:** the operations of a kind of store are in `backend.rs`, those of the local disk in `local.rs`. The layout
//! decides the names.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::error::NameFlaw;
use crate::local::LocalStore;
use crate::{Backend, Entry, Error, Lock, StagedBytes, StoredChecksum};
use checking_first::CheckingFirst;

mod checking_first;

/// A root below which names are written. Clones share it.
#[derive(Clone, Debug)]
pub struct Store {
    backend: Arc<dyn Backend>,
}

impl Store {
    /// Returns a store of any kind.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Returns the backend, to wrap it in another store.
    #[cfg(feature = "testing")]
    pub(crate) fn into_backend(self) -> Arc<dyn Backend> {
        self.backend
    }

    /// Opens a store in the folder `root`, whose staged files wait in the folder `temp` and whose lock is the file `lock`
    /// next to `temp`.
    ///
    /// All may be absent: nothing is created before the first write. If `temp` is in `root`, neither it nor the lock belongs
    /// to the store: they count neither in [`Store::is_empty`] nor in [`Store::list`].
    ///
    /// # Errors
    ///
    /// Something that is not a folder is in the way of `root` or `temp`, they cannot be looked at, or
    /// [`Error::DifferentFilesystems`]: what is staged in one could not get its name in the other.
    pub fn open_local(root: &Path, temp: &Path) -> Result<Self, Error> {
        Ok(Self::new(Arc::new(LocalStore::open(root, temp)?)))
    }

    /// Returns the same store for a single writer, if the store ignores the condition of a write: looks up a name before it
    /// is written. The caller guarantees that nobody else writes.
    #[must_use]
    pub fn checking_first(self) -> Self {
        Self::new(Arc::new(CheckingFirst(self.backend)))
    }

    /// Creates a file that is written in pieces and then put under its name.
    ///
    /// # Errors
    ///
    /// The temporary file cannot be made.
    pub fn stage(&self) -> Result<Staged, Error> {
        Ok(Staged { staged: self.backend.stage()? })
    }

    /// Writes a name, unless it exists.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`]: another writer, or an earlier attempt, was first, and its bytes are untouched.
    pub fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        check_name(name)?;
        let mut staged = self.stage()?;
        staged.append(bytes)?;
        staged.put_if_absent(name).map(|_bytes| ())
    }

    /// Writes a name over what exists there. Readers see the old bytes or the new ones; a power loss may undo the
    /// write or cut it short. Use it for files that can be regenerated, never for those that decide.
    ///
    /// # Errors
    ///
    /// Any: the name may hold the old bytes or the new ones.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        check_name(name)?;
        self.backend.put(name, bytes)
    }

    /// Returns all bytes of a name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or the name cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, Error> {
        self.read_range(name, 0..u64::MAX)
    }

    /// Returns the bytes of a name from `range.start` up to `range.end`, counted from 0; fewer if the name ends before.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_range(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        check_name(name)?;
        self.backend.get(name, range)
    }

    /// Returns the last bytes of a name, at most `bytes` of them.
    ///
    /// # Errors
    ///
    /// As [`Store::read`].
    pub fn read_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        check_name(name)?;
        self.backend.get_tail(name, bytes)
    }

    /// Returns the checksum of a whole name that the store itself keeps, without reading its bytes. Returns `None` if the
    /// store keeps none, or not one of all bytes: that says nothing about the bytes, so read them.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or the error of the request.
    pub fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        check_name(name)?;
        self.backend.checksum(name)
    }

    /// Returns all names that begin with `prefix`, in byte order; `""` for all of them. A prefix is text, not a folder: `log/1`
    /// finds `log/10`. Files that other programs put there are listed as well.
    ///
    /// # Errors
    ///
    /// A folder cannot be read, or a name is not UTF-8: an incomplete list is never returned.
    pub fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        if let Some((folder, _)) = prefix.rsplit_once('/') {
            check_name(folder)?;
        }
        let mut entries = self.backend.list(prefix)?;
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    /// Removes a name for good; an absent one is removed already.
    ///
    /// # Errors
    ///
    /// Any: the name may exist or not.
    pub fn delete(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.backend.delete(name)
    }

    /// Returns the store's own clock in milliseconds since 1970, to be compared with [`Entry::modified_ms`]. Writes a temporary
    /// object if that is the only way to read it.
    ///
    /// # Errors
    ///
    /// The lookup failed.
    pub fn clock_ms(&self) -> Result<i64, Error> {
        self.backend.clock_ms()
    }

    /// Takes the lock, until the guard is dropped or the process ends. Returns `None` if this store has no locks.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`]: another process, or another opening in this one, has it. Any other: the lock's file cannot be
    /// made.
    pub fn lock(&self) -> Result<Option<Lock>, Error> {
        self.backend.lock()
    }

    /// Makes a name that exists outlive a power loss, even if another process created it.
    ///
    /// # Errors
    ///
    /// It cannot be done.
    pub fn secure(&self, name: &str) -> Result<(), Error> {
        check_name(name)?;
        self.backend.secure(name)
    }

    /// Returns whether the root exists.
    ///
    /// # Errors
    ///
    /// The lookup failed.
    pub fn root_exists(&self) -> Result<bool, Error> {
        self.backend.root_exists()
    }

    /// Returns whether the root is absent or has nothing in it.
    ///
    /// # Errors
    ///
    /// The root cannot be read: nothing is known about what it holds.
    pub fn is_empty(&self) -> Result<bool, Error> {
        self.backend.is_empty()
    }

    /// Returns the location of a name, printable; `""` is the root.
    pub fn location(&self, name: &str) -> String {
        self.backend.location(name)
    }

    /// Removes the temporary files that other processes left, and returns their number. Hold the lock.
    ///
    /// # Errors
    ///
    /// One could not be removed.
    pub fn sweep(&self) -> Result<u64, Error> {
        self.backend.sweep()
    }
}

/// A file that is being written and has no name yet. Dropping it removes it.
///
/// It holds no file descriptor between two calls, so that ten thousand may wait at once. Append large pieces.
#[derive(Debug)]
pub struct Staged {
    staged: Box<dyn StagedBytes>,
}

impl Staged {
    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// They could not all be written. The file cannot be put any more: drop it.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.staged.append(bytes)
    }

    /// The bytes appended so far.
    pub fn len_bytes(&self) -> u64 {
        self.staged.len_bytes()
    }

    /// Puts the file under its name, unless that exists, and gives its size in bytes. Folders are made as needed. It may be
    /// tried again.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`]: the name was written before, and its bytes are untouched. Any other: the name may exist
    /// or not.
    pub fn put_if_absent(&self, name: &str) -> Result<u64, Error> {
        check_name(name)?;
        self.staged.put_if_absent(name)?;
        Ok(self.staged.len_bytes())
    }
}

/// Names are relative, and every segment names a thing: so that no name leads out of the root.
fn check_name(name: &str) -> Result<(), Error> {
    let bad = |flaw| Err(Error::BadName { name: name.escape_debug().to_string(), flaw });
    if name.is_empty() {
        return bad(NameFlaw::Empty);
    }
    if name.starts_with('/') {
        return bad(NameFlaw::Absolute);
    }
    if name.contains('\0') {
        return bad(NameFlaw::ZeroByte);
    }
    if name.split('/').any(str::is_empty) {
        return bad(NameFlaw::EmptySegment);
    }
    if name.split('/').any(|segment| segment == "." || segment == "..") {
        return bad(NameFlaw::DotSegment);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
