//! Slots for decoding and encoding, which take memory: only tasks with a slot do them. The other tasks prefetch, store
//! their data files, or wait, because a store may take long to answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::task::task_decoder::TaskDecoder;

/// The slots of a run.
pub(crate) struct Slots {
    /// The decoders of free slots. A decoder stays in its slot, with its cache of user agents; `None` in an unused
    /// slot.
    free: Mutex<Vec<Option<TaskDecoder>>>,
    freed: Condvar,
    count: usize,
}

/// A slot in use. Dropping it frees the slot.
pub(crate) struct Slot<'s> {
    slots: &'s Slots,
    pub(crate) decoder: Option<TaskDecoder>,
}

impl Slots {
    /// Returns this many free slots.
    pub(crate) fn new(slots: usize) -> Self {
        Self { free: Mutex::new((0..slots).map(|_| None).collect()), freed: Condvar::new(), count: slots }
    }

    /// Waits for a free slot and takes it.
    pub(crate) fn take(&self) -> Slot<'_> {
        let mut free =
            self.freed.wait_while(self.free(), |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner);
        Slot { slots: self, decoder: free.pop().flatten() }
    }

    /// Returns the number of slots in use.
    pub(crate) fn taken(&self) -> usize {
        self.count - self.free().len()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Option<TaskDecoder>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.slots.free().push(self.decoder.take());
        self.slots.freed.notify_one();
    }
}
