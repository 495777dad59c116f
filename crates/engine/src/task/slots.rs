//! Slots at the work: whoever has one may decode and encode, which takes memory. The others fetch ahead, store what they have
//! done, or wait: a store may take long to answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::task::task_decoder::TaskDecoder;

/// The slots of a run.
pub(crate) struct Slots {
    /// A decoder stays at its slot, with the user agents that it knows; none where nobody has sat yet.
    free: Mutex<Vec<Option<TaskDecoder>>>,
    freed: Condvar,
    count: usize,
}

/// A slot that is taken. Dropping it gives it back.
pub(crate) struct Slot<'s> {
    slots: &'s Slots,
    pub(crate) decoder: Option<TaskDecoder>,
}

impl Slots {
    /// So many.
    pub(crate) fn new(slots: usize) -> Self {
        Self { free: Mutex::new((0..slots).map(|_| None).collect()), freed: Condvar::new(), count: slots }
    }

    /// Waits for a slot.
    pub(crate) fn take(&self) -> Slot<'_> {
        let mut free =
            self.freed.wait_while(self.free(), |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner);
        Slot { slots: self, decoder: free.pop().flatten() }
    }

    /// How many are taken.
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
