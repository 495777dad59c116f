//! Limits of requests in flight and of idle connections to stores, from the number of files that this process may have
//! open.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;

use crate::open_files;

/// Number of requests in flight at once, to all buckets; fewer if the limit of open files is low.
const MAX_REQUESTS: usize = 512;
/// Least number of requests in flight: one for a listing's pages, and one for the consumer of its keys.
const MIN_REQUESTS: usize = 2;

/// Limits that all connections of this process share.
#[derive(Debug)]
pub(super) struct Shares {
    num_requests: usize,
    requests: Semaphore,
    /// Number of idle connections that further clients may still keep.
    idle: Mutex<usize>,
}

impl Shares {
    /// Returns the limits of this process.
    pub(super) fn of_process() -> &'static Self {
        static SHARES: OnceLock<Shares> = OnceLock::new();
        SHARES.get_or_init(|| Self::new(open_files::for_connections()))
    }

    /// Divides a number of descriptors. A request in flight takes up to two of them, while it looks up a host's name or
    /// connects. A quarter is for idle connections.
    fn new(descriptors: u64) -> Self {
        let descriptors = usize::try_from(descriptors).expect("a u64 fits into a usize on 64-bit machines");
        let idle = descriptors / 4;
        let num_requests = ((descriptors - idle) / 2).clamp(MIN_REQUESTS, MAX_REQUESTS);
        Self { num_requests, requests: Semaphore::new(num_requests), idle: Mutex::new(idle) }
    }

    /// Number of requests that may be in flight at once.
    pub(super) fn num_requests(&self) -> usize {
        self.num_requests
    }

    /// Semaphore with a permit for each request in flight.
    pub(super) fn requests(&self) -> &Semaphore {
        &self.requests
    }

    /// Returns the number of idle connections that a new client may keep: half of the rest, so that some are left for
    /// the next client.
    pub(super) fn take_idle(&self) -> usize {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle.div_ceil(2).min(self.num_requests);
        *idle -= taken;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_any_number_of_clients_fit_what_may_be_open() {
        for descriptors in [0, 1, 7, 40, 200, 744, 5_000, u64::MAX] {
            let shares = Shares::new(descriptors);
            let idle: usize = (0..100).map(|_| shares.take_idle()).fold(0, usize::saturating_add);
            let most = (2 * shares.num_requests()).saturating_add(idle);
            assert!(most as u64 <= descriptors.max(2 * MIN_REQUESTS as u64 + 1), "{descriptors}: {shares:?}");
        }
        assert_eq!((Shares::new(40).num_requests(), Shares::new(40).take_idle()), (15, 5));
        assert_eq!((Shares::new(5_000).num_requests(), Shares::new(5_000).take_idle()), (512, 512));
    }
}
