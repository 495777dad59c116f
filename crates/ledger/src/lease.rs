//! The lease of an open epoch names the run that works on it. It is only advice: it keeps two runs from doing the same
//! work, but correctness does not depend on it.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use lakefront_storage::{Store, printable_name};

use crate::{
    ActiveUntil, Error, paths,
    read_record::read_lease,
    records::{LeaseRecord, LogRecord},
    seal::{FORMAT, to_shown_json},
};

/// Longest time between two renewals of a lease: 1 minute. It is a quarter of the lease's lifetime if that is shorter.
const RENEW_EVERY: Duration = Duration::from_mins(1);
/// Shortest time between two renewals of a lease: 1 second.
const RENEW_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The run that works on an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
}

/// Default of [`LeaseOptions::lifetime`]: 10 minutes.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(10);

/// Options of taking and renewing leases.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// Age of a lease from which another run may take over its open epoch; default [`DEFAULT_LEASE`].
    pub lifetime: Duration,
    /// Whether to take over an open epoch although another run may be alive.
    pub take_over: bool,
    /// This run.
    pub holder: Holder,
}

/// Checks that this run may take over an open epoch.
///
/// The age of the lease is measured with the store's clock, from the epoch's decision if there is no lease yet.
/// `has_lock` says whether this run holds the lock of a local state: then the run that held it on this host is dead.
///
/// # Errors
/// [`Error::Active`]: another run is at work.
pub fn check(state: &Store, log: &LogRecord, options: &LeaseOptions, has_lock: bool) -> Result<(), Error> {
    if options.take_over {
        return Ok(());
    }
    let name = paths::lease(log.epoch);
    let lease = read_lease(state, log.epoch);
    let is_of_the_dead = |lease: &LeaseRecord| lease.released || (has_lock && lease.host == options.holder.host);
    if lease.as_ref().map_or(has_lock, is_of_the_dead) {
        return Ok(());
    }
    let since_ms = modified_ms(state, &name)?.max(modified_ms(state, &paths::log(log.epoch))?);
    let Some(since_ms) = since_ms else { return Ok(()) };
    let age_ms = state.clock_ms().map_err(Error::storage)?.saturating_sub(since_ms);
    // The absolute value, because a lease with a time in the future, from a wrong clock, would never expire.
    let age = Duration::from_millis(age_ms.unsigned_abs());
    let Some(left) = options.lifetime.checked_sub(age).filter(|left| !left.is_zero()) else { return Ok(()) };
    let holder = holder_text(lease);
    Err(Error::Active { epoch: log.epoch, holder, until: ActiveUntil::LeaseEnds { seconds: left.as_secs() + 1 } })
}

/// Returns the time when an object was last written, by the store's clock; `None` if it is absent.
///
/// # Errors
/// The object cannot be listed.
pub fn modified_ms(state: &Store, name: &str) -> Result<Option<i64>, Error> {
    let entries = state.list(name).map_err(Error::storage)?;
    Ok(entries.iter().find(|entry| entry.name == name).map(|entry| entry.modified_ms))
}

/// Returns a text that names the run that last worked on an epoch by its lease; "another run" if the lease names none.
pub fn holder(state: &Store, epoch: u64) -> String {
    holder_text(read_lease(state, epoch))
}

fn holder_text(lease: Option<LeaseRecord>) -> String {
    match lease.filter(|lease| !lease.released) {
        Some(lease) => format!("another run (last: process {} on {})", lease.pid, printable_name(&lease.host)),
        None => "another run".to_owned(),
    }
}

/// Renews a lease in a thread, until this value is dropped.
#[derive(Debug)]
pub struct Heartbeat {
    lease: Arc<Lease>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Lease {
    state: Store,
    epoch: u64,
    record: LeaseRecord,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl Heartbeat {
    /// Takes the lease of an epoch. If it cannot be written, that is only logged, because a lease is only advice.
    pub fn start(state: &Store, log: &LogRecord, options: &LeaseOptions) -> Self {
        let record = LeaseRecord {
            format: FORMAT,
            nonce: log.nonce.clone(),
            host: options.holder.host.clone(),
            pid: options.holder.pid,
            released: false,
        };
        let lease_of = Arc::new(Lease {
            state: state.clone(),
            epoch: log.epoch,
            record,
            is_over: Mutex::new(false),
            over: Condvar::new(),
        });
        lease_of.write(false);
        let every = RENEW_EVERY.min(options.lifetime / 4).max(RENEW_AT_MOST_EVERY);
        let renewed = Arc::clone(&lease_of);
        let thread = thread::Builder::new().name("lease".to_owned()).spawn(move || renewed.renew(every));
        let thread = thread
            .inspect_err(|error| {
                tracing::warn!(
                    "cannot start a thread to renew the lease, so another run may take over the epoch: {error}"
                );
            })
            .ok();
        Self { lease: lease_of, thread }
    }

    /// Releases the lease of an epoch that is still open, so that the next run does not wait. Does nothing if another
    /// run has taken over the lease.
    pub fn release(mut self) {
        self.end();
        if read_lease(&self.lease.state, self.lease.epoch).as_ref() == Some(&self.lease.record) {
            self.lease.write(true);
        }
    }

    fn end(&mut self) {
        *self.lease.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.lease.over.notify_all();
        if let Some(thread) = self.thread.take() {
            // Ignore: only its writes can fail, and they log that.
            let _ = thread.join();
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.end();
    }
}

impl Lease {
    fn renew(&self, every: Duration) {
        let mut is_over = self.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        while !*is_over {
            let (guard, timeout) = self.over.wait_timeout(is_over, every).unwrap_or_else(PoisonError::into_inner);
            is_over = guard;
            if timeout.timed_out() && !*is_over {
                self.write(false);
            }
        }
    }

    fn write(&self, released: bool) {
        let record = LeaseRecord { released, ..self.record.clone() };
        if let Err(error) = self.state.put(&paths::lease(self.epoch), &to_shown_json(&record)) {
            tracing::warn!("the lease cannot be written, so another run may take over the epoch: {error}");
        }
    }
}
