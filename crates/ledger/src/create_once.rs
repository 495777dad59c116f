//! How a name is created: whatever a store answers, what stands under the name afterwards is what counts.
//!
//! An error may be a reply that was lost, and "exists already" may be an echo of our own first try. So every answer but
//! "done" is followed by a look at the name: the same bytes are as good as our own.

use lakefront_storage::Store;
use sha2::{Digest as _, Sha256};

use crate::{Error, RecordKind};

/// Bytes that are compared at a time: 4 MiB.
const COMPARE_BYTES: u64 = 4 << 20;

/// Creates a name with these bytes, or finds that it was created with them before.
///
/// # Errors
/// The run must stop: the name could not be created, or holds other bytes.
pub fn create(store: &Store, name: &str, bytes: &[u8]) -> Result<(), Error> {
    let put = || store.put_if_absent(name, bytes);
    settle(store, name, put, || is_same(store, name, bytes))
}

/// Returns whether a name has exactly these bytes. Reads at most one byte more.
///
/// # Errors
/// It is absent, or cannot be read.
fn is_same(store: &Store, name: &str, bytes: &[u8]) -> Result<bool, lakefront_storage::Error> {
    Ok(store.read_range(name, 0..bytes.len() as u64 + 1)? == bytes)
}

/// Returns whether a name has exactly these bytes; false if it is absent.
///
/// # Errors
/// It cannot be read.
pub fn holds_bytes(store: &Store, name: &str, bytes: &[u8]) -> Result<bool, lakefront_storage::Error> {
    is_same(store, name, bytes).or_else(|error| if error.is_not_found() { Ok(false) } else { Err(error) })
}

/// Sees to it that a name is created by `put`, whatever that answers. `is_same` says whether the name holds what it should.
///
/// That the name *can be seen* is not enough: where the answer was an error, it may not be on the disk yet. So `put` is asked
/// once more: "done" and "exists already" both promise that what is there outlives a power loss.
///
/// # Errors
/// The run must stop: the name could not be created, or holds other bytes.
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
        // It did not happen, or nobody can tell: then the first error says more.
        Err(_) => Err(Error::storage(error)),
    }
}

/// Has a name that another run created outlive a power loss, before anything is built on it: that run may have been killed
/// between creating it and having it on the disk.
///
/// # Errors
/// The run must stop: it cannot be read, or not be secured.
pub fn secure(store: &Store, name: &str) -> Result<(), Error> {
    let bytes = store.read(name).map_err(Error::storage)?;
    match store.put_if_absent(name, &bytes) {
        Err(error) if error.is_already_exists() => Ok(()),
        result => result.map_err(Error::storage),
    }
}

/// Whether a name holds bytes of this hash.
///
/// # Errors
/// They cannot be read.
pub fn holds(store: &Store, name: &str, bytes: u64, sha256: &str) -> Result<bool, lakefront_storage::Error> {
    let (got_bytes, got_sha256) = hash_of(store, name)?;
    Ok(got_bytes == bytes && got_sha256 == sha256)
}

/// How many bytes a name holds, and their hash. They are read in pieces.
///
/// # Errors
/// They cannot be read.
pub fn hash_of(store: &Store, name: &str) -> Result<(u64, String), lakefront_storage::Error> {
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let piece = store.read_range(name, bytes..bytes + COMPARE_BYTES)?;
        hash.update(&piece);
        bytes += piece.len() as u64;
        if (piece.len() as u64) < COMPARE_BYTES {
            return Ok((bytes, hex(&hash.finalize())));
        }
    }
}

/// The hash of bytes, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("writing to a String cannot fail");
        digits
    })
}
