//! Stores for tests: one in memory, faults around any store, one that ignores conditions, a disk that loses power; and log
//! objects that cannot be read.
//!
//! ```
//! use std::sync::Arc;
//! use lakefront_storage::testing::{Faults, MemoryStore, TestClock};
//!
//! # fn main() -> Result<(), lakefront_storage::Error> {
//! let memory = MemoryStore::new(Arc::new(TestClock::new(0)));
//! let faults = Faults::lose_reply(2);
//! let store = faults.wrap(memory.store());
//! store.put_if_absent("log/1", b"one")?;
//! assert!(store.put_if_absent("log/2", b"two").is_err());
//! assert_eq!(memory.names(), ["log/1", "log/2"]);
//! assert_eq!(faults.trace()[1], "2 put_if_absent log/2: applied, reply lost");
//! # Ok(())
//! # }
//! ```

use std::{path::Path, sync::Arc};

use crate::{Error, Store, local::LocalStore};

// 1. A clock that a test moves.
mod clock;

// 2. Pseudo-random numbers.
mod random;

// 3. A store in memory.
mod memory;

// 4. The same as a bucket of `object_store`.
mod bucket;

// 5. A store that ignores put-if-absent.
mod ignores_conditions;

// 6. Faults of operations, and the store that has them.
mod faults;
mod faulty;
pub(crate) mod sync_faults;

// 7. Objects of the sources that cannot be read.
mod read_faults;

// 8. Data that a local disk has only in its cache.
mod sync_log;

pub use bucket::MemoryBucket;
pub use clock::TestClock;
pub use faults::{Faults, RandomFaults};
pub use ignores_conditions::IgnoresConditions;
pub use memory::{MemoryStore, Snapshot};
pub use random::Random;
pub use read_faults::{ReadFault, ReadFaults};
pub use sync_log::SyncLog;

impl SyncLog {
    /// Opens a store on the local disk whose syncs this log records, as [`Store::open_local`].
    ///
    /// # Errors
    ///
    /// As [`Store::open_local`].
    pub fn open_local(&self, root: &Path, temp: &Path) -> Result<Store, Error> {
        Ok(Store::new(Arc::new(LocalStore::open_logged(root, temp, self)?)))
    }
}

/// Opens a store on the local disk as [`Store::open_local`], and returns it with the log of its syncs.
///
/// If several stores share folders, open all with [`SyncLog::open_local`] of one log.
///
/// # Errors
///
/// As [`Store::open_local`].
pub fn local_with_sync_log(root: &Path, temp: &Path) -> Result<(Store, SyncLog), Error> {
    let log = SyncLog::default();
    Ok((log.open_local(root, temp)?, log))
}

#[cfg(test)]
mod tests;
