//! How many requests to stores are under way, and how many connections wait for the next one: as many as this process may
//! have open.

use std::sync::{Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;

use crate::open_files;

/// Requests under way at once, to all buckets: where few files may be open, fewer.
const MAX_REQUESTS: usize = 512;
/// With fewer the parts of a listing could not be asked for while what they gave is looked at.
const MIN_REQUESTS: usize = 2;

/// What the connections of this process share.
#[derive(Debug)]
pub(super) struct Shares {
    num_requests: usize,
    requests: Semaphore,
    /// Connections that may still be promised to hosts as idle ones.
    idle: Mutex<usize>,
}

impl Shares {
    /// Those of this process.
    pub(super) fn of_process() -> &'static Self {
        static SHARES: OnceLock<Shares> = OnceLock::new();
        SHARES.get_or_init(|| Self::new(open_files::for_connections()))
    }

    /// Those of so many descriptors. A request that is under way takes up to two: while it looks up the name of a host, or
    /// connects. A quarter is for connections that wait.
    fn new(descriptors: u64) -> Self {
        let descriptors = usize::try_from(descriptors).unwrap_or(usize::MAX);
        let idle = descriptors / 4;
        let num_requests = ((descriptors - idle) / 2).clamp(MIN_REQUESTS, MAX_REQUESTS);
        Self { num_requests, requests: Semaphore::new(num_requests), idle: Mutex::new(idle) }
    }

    /// Number of requests that may be under way at once.
    pub(super) fn num_requests(&self) -> usize {
        self.num_requests
    }

    /// Lets in one request after the other.
    pub(super) fn requests(&self) -> &Semaphore {
        &self.requests
    }

    /// Number of connections that a further client may keep for later requests: half of what is left, so that there is some
    /// for the next client.
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
