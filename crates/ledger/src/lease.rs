//! Who works on an open epoch. Advice only: that two runs do not do the same work, not that it comes out right.

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

/// A lease is renewed this often, or four times in its life if that is more often.
const RENEW_EVERY: Duration = Duration::from_mins(1);
/// But not more often than this.
const RENEW_AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// The run that works on an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process on it.
    pub pid: u32,
}

/// The default of [`LeaseOptions::lifetime`]: 10 minutes.
pub const DEFAULT_LEASE: Duration = Duration::from_mins(10);

/// How a run takes and keeps an epoch.
#[derive(Clone, Debug)]
pub struct LeaseOptions {
    /// An open epoch whose lease is older than this may be taken over; default [`DEFAULT_LEASE`].
    pub lifetime: Duration,
    /// Whether to take an open epoch over although another run may be alive.
    pub take_over: bool,
    /// This run.
    pub holder: Holder,
}

/// Checks that this run may take an open epoch over.
///
/// The age of the lease is told by the store's own clock, and counts from the epoch's decision where there is no lease
/// yet. `has_lock` says whether this run holds the lock of a local state: then whoever held it on this host is dead.
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
    // A lease from the future, of a clock that was wrong, would never grow old.
    let age = Duration::from_millis(age_ms.unsigned_abs());
    let Some(left) = options.lifetime.checked_sub(age).filter(|left| !left.is_zero()) else { return Ok(()) };
    let holder = holder_text(lease);
    Err(Error::Active { epoch: log.epoch, holder, until: ActiveUntil::LeaseEnds { seconds: left.as_secs() + 1 } })
}

/// When a name was written last, by the store's clock; none where it is not there.
///
/// # Errors
/// It cannot be told.
pub fn modified_ms(state: &Store, name: &str) -> Result<Option<i64>, Error> {
    let entries = state.list(name).map_err(Error::storage)?;
    Ok(entries.iter().find(|entry| entry.name == name).map(|entry| entry.modified_ms))
}

/// Who worked on an epoch last, as far as its lease says; "another run" where it does not.
pub fn holder(state: &Store, epoch: u64) -> String {
    holder_text(read_lease(state, epoch))
}

fn holder_text(lease: Option<LeaseRecord>) -> String {
    match lease.filter(|lease| !lease.released) {
        Some(lease) => format!("another run (last: process {} on {})", lease.pid, printable_name(&lease.host)),
        None => "another run".to_owned(),
    }
}

/// Renews a lease from now until it is dropped.
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
    /// Takes the lease of an epoch. That it cannot be written is told, and no more: it is advice.
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
                    "no thread can be started to renew the lease, so another run may take the epoch over: {error}"
                );
            })
            .ok();
        Self { lease: lease_of, thread }
    }

    /// Says that nobody works on the epoch any more, though it is open: the next run need not wait. Where another run has
    /// taken the lease over, it stays that one's.
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
            // It does nothing that could fail but write, and that is told there.
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
            tracing::warn!("the lease cannot be written, so that another run may take the epoch over: {error}");
        }
    }
}
