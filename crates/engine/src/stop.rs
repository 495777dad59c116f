//! The request to stop a run.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

/// Requests that a run stops, from any thread or a signal handler.
#[derive(Debug, Default)]
pub struct Stop {
    is_requested: AtomicBool,
}

impl Stop {
    /// Requests that the run stops.
    pub fn request(&self) {
        self.is_requested.store(true, Ordering::SeqCst);
    }

    /// Returns whether the run was requested to stop.
    pub fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::SeqCst)
    }

    /// Checks that the run may continue.
    ///
    /// # Errors
    /// [`Error::Stopped`]: the run was requested to stop.
    pub fn check(&self) -> Result<(), Error> {
        if self.is_requested() { Err(Error::Stopped) } else { Ok(()) }
    }
}
