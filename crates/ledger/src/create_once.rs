//! Creates objects exactly once. The bytes under the name afterwards count, not the store's reply.
//!
//! An error may mean that a reply was lost, and "already exists" may be the result of our own first request. So after
//! every reply except "done" the object is read: equal bytes are success.

use lakefront_storage::Store;

use crate::{Error, RecordKind, hash::FileHash};

/// Number of bytes that are hashed at a time: 4 MiB.
const COMPARE_BYTES: u64 = 4 << 20;

/// Creates an object with these bytes, or finds that it was created with them before.
///
/// # Errors
/// The run must stop: the object could not be created, or has other bytes.
pub fn create(store: &Store, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let put = || store.put_if_absent(name, bytes);
    settle(store, name, put, || is_same(store, name, bytes))
}

/// Returns whether an object has exactly these bytes. Reads at most one byte more.
///
/// # Errors
/// The object is absent, or cannot be read.
fn is_same(store: &Store, name: &str, bytes: &[u8]) -> Result<bool, lakefront_storage::Error> {
    Ok(store.read_range(name, 0..bytes.len() as u64 + 1)? == bytes)
}

/// Returns whether an object has exactly these bytes; false if it is absent.
///
/// # Errors
/// The object cannot be read.
pub fn holds_bytes(store: &Store, name: &str, bytes: &[u8]) -> Result<bool, lakefront_storage::Error> {
    is_same(store, name, bytes).or_else(|error| if error.is_not_found() { Ok(false) } else { Err(error) })
}

/// Creates an object with `put`. After an error of `put`, `is_same` returns whether the object has the right bytes.
///
/// A *visible* object is not enough: after an error it may not be on the disk yet. So `put` is called again: "done" and
/// "already exists" both guarantee that the object survives a power loss.
///
/// # Errors
/// The run must stop: the object could not be created, or has other bytes.
pub fn settle(
    store: &Store,
    name: &str,
    put: impl Fn() -> Result<(), lakefront_storage::Error>,
    is_same: impl Fn() -> Result<bool, lakefront_storage::Error>,
) -> Result<(), Error> {
    let Err(error) = put() else { return Ok(()) };
    match is_same() {
        Ok(true) if error.is_already_exists() => Ok(()),
        Ok(true) => match put() {
            Err(error) if !error.is_already_exists() => Err(Error::storage(error)),
            _ => Ok(()),
        },
        Ok(false) => Err(Error::Unequal { location: store.location(name), kind: RecordKind::of(name) }),
        // The object was not created, or that is unknown: the first error is more useful.
        Err(_) => Err(Error::storage(error)),
    }
}

/// Makes sure that an object that another run created survives a power loss, before anything is built on it: that run
/// may have been killed after it created the object and before the object was on the disk.
///
/// # Errors
/// The run must stop: the object cannot be read or secured.
pub fn secure(store: &Store, name: &str) -> Result<(), Error> {
    let bytes = store.read(name).map_err(Error::storage)?;
    match store.put_if_absent(name, &bytes) {
        Err(error) if error.is_already_exists() => Ok(()),
        result => result.map_err(Error::storage),
    }
}

/// Returns whether an object has this size in bytes and this hash. Reads it only if the store keeps no such hash.
///
/// # Errors
/// The object cannot be read.
pub fn holds(store: &Store, name: &str, bytes: u64, hash: &FileHash) -> Result<bool, lakefront_storage::Error> {
    let found = match stored_hash(store, name, hash)? {
        Some(found) => found,
        None => read_hash(store, name, hash)?,
    };
    Ok(found == (bytes, hash.clone()))
}

/// Returns the size of an object in bytes, and the hash of the kind of `like` that the store keeps of it; `None` if it
/// keeps none. Reads no bytes of the object.
///
/// # Errors
/// The object is absent, or the store does not answer.
pub fn stored_hash(
    store: &Store,
    name: &str,
    like: &FileHash,
) -> Result<Option<(u64, FileHash)>, lakefront_storage::Error> {
    match like {
        FileHash::Sha256(_) => Ok(None),
        FileHash::Crc64Nvme(_) => {
            let stored = store.checksum(name)?;
            Ok(stored.map(|stored| (stored.size_bytes, FileHash::Crc64Nvme(stored.crc64nvme))))
        }
    }
}

/// Returns the size of an object in bytes, and the hash of its bytes of the kind of `like`. Reads it in pieces.
///
/// # Errors
/// The object cannot be read.
pub fn read_hash(store: &Store, name: &str, like: &FileHash) -> Result<(u64, FileHash), lakefront_storage::Error> {
    let mut hasher = like.hasher();
    let mut bytes = 0;
    loop {
        let piece = store.read_range(name, bytes..bytes + COMPARE_BYTES)?;
        hasher.update(&piece);
        bytes += piece.len() as u64;
        if (piece.len() as u64) < COMPARE_BYTES {
            return Ok((bytes, hasher.finish()));
        }
    }
}
