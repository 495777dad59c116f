//! Log objects that cannot be read: by name, until the fault is taken away.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Object;

/// Which files of the sources cannot be read, and how; see [`Connections::with_read_faults`](crate::Connections::with_read_faults).
/// Clones share the faults, so that they may change between two runs or during one.
#[derive(Clone, Debug, Default)]
pub struct ReadFaults(Arc<Mutex<BTreeMap<String, ReadFault>>>);

/// The way in which a file cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadFault {
    /// Its mode forbids reading it: it concerns this object alone.
    Denied,
    /// The disk is damaged: reads that begin after `after_bytes` fail. It concerns this object alone.
    Damaged {
        /// Number of bytes that can still be read.
        after_bytes: u64,
    },
    /// The process has too many files open when it is opened: it concerns the process, and the run stops.
    TooManyFiles,
    /// The network filesystem fails: reads that begin after `after_bytes` fail. It concerns the process, and the run stops.
    Unreachable {
        /// Number of bytes that can still be read.
        after_bytes: u64,
    },
}

const EIO: i32 = 5;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;
const EHOSTUNREACH: i32 = if cfg!(target_os = "linux") { 113 } else { 65 };

impl ReadFault {
    pub(crate) fn on_open(self) -> Option<i32> {
        match self {
            Self::Denied => Some(EACCES),
            Self::TooManyFiles => Some(EMFILE),
            Self::Damaged { .. } | Self::Unreachable { .. } => None,
        }
    }

    pub(crate) fn on_read(self, read_bytes: u64) -> Option<i32> {
        match self {
            Self::Damaged { after_bytes } if read_bytes >= after_bytes => Some(EIO),
            Self::Unreachable { after_bytes } if read_bytes >= after_bytes => Some(EHOSTUNREACH),
            Self::Denied | Self::TooManyFiles | Self::Damaged { .. } | Self::Unreachable { .. } => None,
        }
    }
}

impl ReadFaults {
    /// Makes the object of this name below its source fail from now on.
    pub fn set(&self, name: &str, fault: ReadFault) {
        self.faults().insert(name.to_owned(), fault);
    }

    /// Makes the object of this name readable again.
    pub fn clear(&self, name: &str) {
        self.faults().remove(name);
    }

    /// Makes all objects readable again.
    pub fn clear_all(&self) {
        self.faults().clear();
    }

    /// Returns the names that cannot be read now.
    pub fn names(&self) -> Vec<String> {
        self.faults().keys().cloned().collect()
    }

    pub(crate) fn of(&self, object: &Object) -> Option<ReadFault> {
        self.faults().get(object.name()).copied()
    }

    fn faults(&self) -> MutexGuard<'_, BTreeMap<String, ReadFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
