//! Seats at the work: whoever has one may decode and encode, which takes memory. The others fetch ahead, store what they have
//! done, or wait: a store may take long to answer.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::bench::Bench;

/// The seats of a run.
pub(crate) struct Seats {
    /// A bench stays at its seat, with the user agents that it knows; none where nobody has sat yet.
    free: Mutex<Vec<Option<Bench>>>,
    freed: Condvar,
    count: usize,
}

/// A seat that is taken. Dropping it gives it back.
pub(crate) struct Seat<'s> {
    seats: &'s Seats,
    pub(crate) bench: Option<Bench>,
}

impl Seats {
    /// So many.
    pub(crate) fn new(seats: usize) -> Self {
        Self { free: Mutex::new((0..seats).map(|_| None).collect()), freed: Condvar::new(), count: seats }
    }

    /// Waits for a seat.
    pub(crate) fn take(&self) -> Seat<'_> {
        let mut free =
            self.freed.wait_while(self.free(), |free| free.is_empty()).unwrap_or_else(PoisonError::into_inner);
        Seat { seats: self, bench: free.pop().flatten() }
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.count - self.free().len()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Option<Bench>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.seats.free().push(self.bench.take());
        self.seats.freed.notify_one();
    }
}
