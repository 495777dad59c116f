//! When to ask a store once more, where `object_store` does not do it: an answer that broke off, a create that nobody won.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Counts tries and waits between them.
#[derive(Debug)]
pub(super) struct Retry {
    left: u32,
    wait: Duration,
    /// No try begins later: what is asked through `object_store` has had its tries already.
    ends_at: Instant,
}

/// Tries beyond the first: with the waits between them some forty seconds.
const RETRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(8);
/// For how long in all.
const BUDGET: Duration = Duration::from_mins(1);

impl Retry {
    pub(super) fn new() -> Self {
        Self { left: RETRIES, wait: FIRST_WAIT, ends_at: Instant::now() + BUDGET }
    }

    /// Waits, twice as long as before and never quite the same, if there is a try left.
    pub(super) async fn once_more(&mut self) -> bool {
        if self.left == 0 || Instant::now() >= self.ends_at {
            return false;
        }
        self.left -= 1;
        // The keys of a hash map are random: half of the wait is.
        let jitter = RandomState::new().hash_one(self.left) % 1000;
        let wait = self.wait / 2 + self.wait.mul_f64(f64::from(u32::try_from(jitter).unwrap_or_default()) / 2000.0);
        tokio::time::sleep(wait).await;
        self.wait = (self.wait * 2).min(MAX_WAIT);
        true
    }
}
