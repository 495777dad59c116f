//! The operations that differ between kinds of stores. The protocol relies on four of them.
//!
//! **Invariants** that every backend keeps
//! - [`StagedBytes::put_if_absent`] makes a name appear whole or not at all, never over another, and of several writers
//!   exactly one succeeds.
//! - When it has succeeded, or has returned [`Error::AlreadyExists`], the bytes under the name outlive a power loss.
//! - [`Backend::list`] and [`Backend::get`] see every name whose write was done before they began.
//!
//! **Errors.** After an error of a write the name may exist or not, as after a lost reply.
//!
//! **Not here:** checks of names and the order of lists, which are the same for all: `store.rs`.

use std::fmt;
use std::fs::File;
use std::ops::Range;

use crate::{Crc64Nvme, Error};

/// One kind of store below one root. Names come checked: relative, `/`-separated, no segment empty or `.` or `..`.
pub trait Backend: fmt::Debug + Send + Sync {
    /// Creates a file of this backend that has no name yet.
    ///
    /// # Errors
    ///
    /// It cannot be made.
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error>;

    /// Writes a name at once, over what exists there. A power loss may undo the write, or leave the name empty or cut short.
    ///
    /// # Errors
    ///
    /// Any: the name may hold the old bytes or the new ones.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;

    /// Returns the bytes of a name from `range.start` up to `range.end`, counted from 0; fewer if the name ends before.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or it cannot be read.
    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error>;

    /// Returns the last bytes of a name, at most `bytes` of them.
    ///
    /// # Errors
    ///
    /// As [`Backend::get`].
    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error>;

    /// Returns the checksum of a whole name that the store itself keeps; `None` if it keeps none, or not of this name.
    /// Reads no bytes of it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], or the error of the request.
    fn checksum(&self, _name: &str) -> Result<Option<StoredChecksum>, Error> {
        Ok(None)
    }

    /// Returns all names that begin with the text `prefix`, in any order.
    ///
    /// # Errors
    ///
    /// Something cannot be read: an incomplete list is never returned.
    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error>;

    /// Removes a name for good; an absent one is removed already. Nothing is ever decided by a removal.
    ///
    /// # Errors
    ///
    /// Any: the name may exist or not.
    fn delete(&self, name: &str) -> Result<(), Error>;

    /// Returns the store's own clock in milliseconds since 1970, to be compared with [`Entry::modified_ms`]. May write a
    /// temporary object.
    ///
    /// # Errors
    ///
    /// The lookup failed.
    fn clock_ms(&self) -> Result<i64, Error>;

    /// Takes the lock of this store, if it has locks at all.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`]: another process, or another opening in this one, has it.
    fn lock(&self) -> Result<Option<Lock>, Error>;

    /// Makes a name that exists outlive a power loss, even if another process created it. Most stores never show what
    /// could still be lost.
    ///
    /// # Errors
    ///
    /// It cannot be done.
    fn secure(&self, _name: &str) -> Result<(), Error> {
        Ok(())
    }

    /// Returns whether the root exists.
    ///
    /// # Errors
    ///
    /// The lookup failed.
    fn root_exists(&self) -> Result<bool, Error>;

    /// Returns whether the root is absent or has nothing in it.
    ///
    /// # Errors
    ///
    /// The lookup failed.
    fn is_empty(&self) -> Result<bool, Error>;

    /// Returns the location of a name, printable; `""` is the root.
    fn location(&self, name: &str) -> String;

    /// Removes the temporary files that other processes left, and returns their number. The caller holds the lock.
    ///
    /// # Errors
    ///
    /// One could not be removed.
    fn sweep(&self) -> Result<u64, Error>;
}

/// A file that is being written and has no name yet. Dropping it removes it.
pub trait StagedBytes: fmt::Debug + Send {
    /// Adds bytes at the end.
    ///
    /// # Errors
    ///
    /// They could not all be written: the file is of no use any more.
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error>;

    /// The bytes appended so far.
    fn len_bytes(&self) -> u64;

    /// Puts the file under its name, unless that exists. When it is done, the bytes, the name and the folders above it
    /// outlive a power loss.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`]: the existing bytes are untouched, and outlive a power loss as well. Any other: the
    /// name may exist or not.
    fn put_if_absent(&self, name: &str) -> Result<(), Error>;
}

/// One name of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name below the root.
    pub name: String,
    /// The size in bytes.
    pub size_bytes: u64,
    /// When it was written, by the store's own clock, in milliseconds since 1970.
    pub modified_ms: i64,
}

/// The checksum that a store keeps of a name, and the size of the bytes it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredChecksum {
    /// The size in bytes.
    pub size_bytes: u64,
    /// The checksum of all bytes, from the first to the last.
    pub crc64nvme: Crc64Nvme,
}

/// Holds a store's lock until it is dropped, also when the process is killed.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn of(file: File) -> Self {
        Self { _file: file }
    }
}
