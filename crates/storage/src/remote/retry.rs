//! Timeouts of requests to stores, and their retries.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// Timeouts of requests to stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Patience {
    /// Time limit for making a connection; after it the request is retried.
    pub(super) connect: Duration,
    /// A request is aborted and retried if for this long no byte of it was sent and none of its answer arrived.
    pub(super) silence: Duration,
    /// Time limit for one attempt, bodies included: at 1 MB/s the largest data file takes two minutes.
    pub(super) whole: Duration,
    /// No retry starts later than this after the first attempt.
    pub(super) budget: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(30),
            whole: Duration::from_mins(5),
            budget: Duration::from_mins(2),
        }
    }
}

/// Counts the attempts of one request, and waits between them.
#[derive(Debug)]
pub(super) struct Retry {
    left: u32,
    wait: Duration,
    /// No retry starts later.
    ends_at: Instant,
}

/// Number of retries. If each attempt fails at once, the waits between them take about 40 seconds.
const RETRIES: u32 = 12;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(8);

impl Retry {
    pub(super) fn new(patience: Patience) -> Self {
        Self { left: RETRIES, wait: FIRST_WAIT, ends_at: Instant::now() + patience.budget }
    }

    /// Waits, about twice as long as before, if there is an attempt left. Returns whether there was.
    pub(super) async fn once_more(&mut self) -> bool {
        if self.left == 0 || Instant::now() >= self.ends_at {
            return false;
        }
        self.left -= 1;
        // Half of the wait is random: the keys of a hash map are.
        let jitter = RandomState::new().hash_one(self.left) % 1000;
        let wait =
            self.wait / 2 + self.wait.mul_f64(f64::from(u32::try_from(jitter).expect("less than 1,000")) / 2000.0);
        tokio::time::sleep(wait).await;
        self.wait = (self.wait * 2).min(MAX_WAIT);
        true
    }
}
