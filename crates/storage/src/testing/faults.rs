//! Faults of operations, chosen by an operation's number alone, so that a run can be repeated.
//!
//! **Units.** Operations are counted from 1, over all stores that were wrapped: `put_if_absent`, `put`, `get` (tails
//! too), `head` (of a checksum), `list` and `delete`. The rest is local work: it is not counted, but fails too after a crash.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Random;
use crate::printable_name;

/// Faults to come. Clones share the count, the crash and the trace.
#[derive(Clone, Debug)]
pub struct Faults {
    plan: Plan,
    progress: Arc<Mutex<Progress>>,
}

/// Rates of random faults.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomFaults {
    /// The share of operations that are done, and whose reply is lost: from 0 to 1.
    pub lost_reply: f64,
    /// The share of operations that are not done and fail: from 0 to 1.
    pub error: f64,
    /// The operation at which the process dies, from 1.
    pub crash_after_operations: Option<u64>,
    /// True if that operation is not done.
    pub crash_before: bool,
}

#[derive(Clone, Debug)]
enum Plan {
    Nothing,
    At(u64, Fault),
    Random(u64, RandomFaults),
    FullAfter(u64),
}

/// The fault of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CrashBefore,
    CrashAfter,
    Fail(ErrorKind),
    LoseReply,
    /// The reply is lost, and a client that retries is told that the name exists: its own.
    LoseReplyToRetry,
    /// The name is visible and not on the disk: the sync failed, or the process dies before it.
    FailSync {
        is_crash: bool,
    },
}

impl Fault {
    /// Returns whether the process dies.
    fn is_crash(self) -> bool {
        matches!(self, Self::CrashBefore | Self::CrashAfter | Self::FailSync { is_crash: true })
    }
}

#[derive(Debug, Default)]
struct Progress {
    operations: u64,
    is_crashed: bool,
    written_bytes: u64,
    trace: Vec<String>,
}

/// An operation in progress.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountedOperation {
    pub(super) number: u64,
    pub(super) fault: Option<Fault>,
}

impl Faults {
    /// No faults; operations are counted and traced.
    pub fn none() -> Self {
        Self::planned(Plan::Nothing)
    }

    /// The process dies before operation `k` is done.
    pub fn crash_before(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::CrashBefore))
    }

    /// The process dies when operation `k` is done, before it has the reply.
    pub fn crash_after(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::CrashAfter))
    }

    /// Operation `k` is not done and fails.
    pub fn fail(k: u64) -> Self {
        Self::fail_with(k, ErrorKind::Other)
    }

    /// Operation `k` is not done and fails with this error of the operating system: a full disk, for example.
    pub fn fail_with(k: u64, kind: ErrorKind) -> Self {
        Self::planned(Plan::At(k, Fault::Fail(kind)))
    }

    /// Operation `k` is done, and fails.
    pub fn lose_reply(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::LoseReply))
    }

    /// Operation `k` fails, and if it is `put_if_absent`, then its name is visible: but a power cut removes it, unless a
    /// later `put_if_absent` of the name has returned that it exists. Another operation fails as with
    /// [`Faults::lose_reply`].
    pub fn fail_sync(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::FailSync { is_crash: false }))
    }

    /// As [`Faults::fail_sync`], and the process dies: it was killed between creating the name and having it on the disk.
    pub fn crash_before_sync(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::FailSync { is_crash: true }))
    }

    /// Operation `k` is done, and if it is `put_if_absent`, then it fails with [`Error::AlreadyExists`](crate::Error::AlreadyExists): what a client
    /// is told that retried by itself. Another operation fails as with [`Faults::lose_reply`].
    pub fn lose_reply_to_retry(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::LoseReplyToRetry))
    }

    /// Random faults, the same for the same seed. Half of the lost replies of `put_if_absent` are as in
    /// [`Faults::lose_reply_to_retry`].
    pub fn random(seed: u64, faults: RandomFaults) -> Self {
        Self::planned(Plan::Random(seed, faults))
    }

    /// The disk is full: appends and puts beyond this number of bytes in all fail. Removals make no room.
    pub fn full_after(bytes: u64) -> Self {
        Self::planned(Plan::FullAfter(bytes))
    }

    fn planned(plan: Plan) -> Self {
        Self { plan, progress: Arc::default() }
    }

    /// Returns the number of operations so far, with the one that crashed.
    pub fn operations(&self) -> u64 {
        self.progress().operations
    }

    /// Returns whether the process has died: then no operation is done.
    pub fn is_crashed(&self) -> bool {
        self.progress().is_crashed
    }

    /// Returns one line for each operation, in the order in which they began: `12 put_if_absent log/1.json: applied, reply lost`.
    pub fn trace(&self) -> Vec<String> {
        self.progress().trace.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation and returns its fault; `None` after a crash.
    pub(super) fn begin(&self, operation: &str, name: &str) -> Option<CountedOperation> {
        let mut progress = self.progress();
        if progress.is_crashed {
            return None;
        }
        progress.operations += 1;
        let number = progress.operations;
        let fault = self.plan.fault(number);
        progress.is_crashed = fault.is_some_and(Fault::is_crash);
        progress.trace.push(format!("{number} {operation} {}: ", printable_name(name)));
        Some(CountedOperation { number, fault })
    }

    /// Records the result of an operation.
    pub(super) fn end(&self, operation: CountedOperation, done: &str) {
        let fate = match operation.fault {
            None => "",
            Some(Fault::CrashBefore) => "crashed before",
            Some(Fault::CrashAfter) => ", crashed",
            Some(Fault::Fail(_)) => "failed",
            Some(Fault::LoseReply) => ", reply lost",
            Some(Fault::LoseReplyToRetry) => ", reply lost to a retry",
            Some(Fault::FailSync { is_crash: false }) => ", not synced",
            Some(Fault::FailSync { is_crash: true }) => ", not synced, crashed",
        };
        let line = usize::try_from(operation.number - 1).unwrap_or(usize::MAX);
        if let Some(line) = self.progress().trace.get_mut(line) {
            // Writing to a string cannot fail.
            let _ = write!(line, "{done}{fate}");
        }
    }

    /// Takes room on the disk. Returns whether there was enough.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let Plan::FullAfter(room_bytes) = self.plan else { return true };
        let mut progress = self.progress();
        progress.written_bytes = progress.written_bytes.saturating_add(bytes as u64);
        progress.written_bytes <= room_bytes
    }
}

impl Plan {
    fn fault(&self, number: u64) -> Option<Fault> {
        match self {
            Self::Nothing | Self::FullAfter(_) => None,
            Self::At(at, fault) => (*at == number).then_some(*fault),
            Self::Random(seed, faults) => faults.fault(*seed, number),
        }
    }
}

impl RandomFaults {
    fn fault(&self, seed: u64, number: u64) -> Option<Fault> {
        if self.crash_after_operations == Some(number) {
            return Some(if self.crash_before { Fault::CrashBefore } else { Fault::CrashAfter });
        }
        let mut random = Random::of(seed, number);
        let chance = random.fraction();
        if chance < self.error {
            Some(Fault::Fail(ErrorKind::Other))
        } else if chance < self.error + self.lost_reply {
            Some(if random.below(2) == 0 { Fault::LoseReply } else { Fault::LoseReplyToRetry })
        } else {
            None
        }
    }
}
