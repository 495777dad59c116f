//! A clock that a test moves.

use std::sync::atomic::{AtomicI64, Ordering};

/// The clock of stores in memory.
#[derive(Debug, Default)]
pub struct TestClock {
    now_ms: AtomicI64,
}

impl TestClock {
    /// Returns a clock that shows `now_ms`, in milliseconds since 1970.
    pub fn new(now_ms: i64) -> Self {
        Self { now_ms: AtomicI64::new(now_ms) }
    }

    /// Moves it forward, or back if `ms` is negative.
    pub fn advance(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Returns its time in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }
}
