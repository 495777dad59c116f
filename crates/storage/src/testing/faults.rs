//! What goes wrong in which operation: decided by its number alone, so that a run can be had again.
//!
//! **Units.** Operations are counted from 1, over all stores that were wrapped: `put_if_absent`, `put`, `get` (tails
//! too), `list` and `delete`. The rest is local work: it is not counted, but fails too after a crash.

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

/// How often chance strikes.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomFaults {
    /// The share of operations that are done, and whose reply is lost: from 0 to 1.
    pub lost_reply: f64,
    /// The share of operations that are not done and fail: from 0 to 1.
    pub error: f64,
    /// The operation at which the process dies, from 1.
    pub crash_after_operations: Option<u64>,
    /// Whether that operation is not done any more.
    pub crash_before: bool,
}

#[derive(Clone, Debug)]
enum Plan {
    Nothing,
    At(u64, Fault),
    Random(u64, RandomFaults),
    FullAfter(u64),
}

/// What goes wrong in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    CrashBefore,
    CrashAfter,
    Fail(ErrorKind),
    LoseReply,
    /// The reply is lost, and a client that tries again by itself hears that the name exists: its own.
    LoseReplyToRetry,
    /// It can be seen, and is not on the disk: the sync failed, or the process dies before it.
    FailSync {
        is_crash: bool,
    },
}

impl Fault {
    /// Whether the process dies.
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

/// An operation under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operation {
    pub(super) number: u64,
    pub(super) fault: Option<Fault>,
}

impl Faults {
    /// Nothing goes wrong; operations are counted and traced.
    pub fn none() -> Self {
        Self::planned(Plan::Nothing)
    }

    /// The process dies before operation `k` is done.
    pub fn crash_before(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::CrashBefore))
    }

    /// The process dies when operation `k` is done, before it hears of it.
    pub fn crash_after(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::CrashAfter))
    }

    /// Operation `k` is not done and fails.
    pub fn fail(k: u64) -> Self {
        Self::fail_with(k, ErrorKind::Other)
    }

    /// Operation `k` is not done and fails as the operating system would say it: a full disk, for example.
    pub fn fail_with(k: u64, kind: ErrorKind) -> Self {
        Self::planned(Plan::At(k, Fault::Fail(kind)))
    }

    /// Operation `k` is done, and fails.
    pub fn lose_reply(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::LoseReply))
    }

    /// Operation `k` fails, and if it is `put_if_absent`, then its name can be seen: but a power cut takes it away, unless
    /// a later `put_if_absent` of the name has said that it exists. Another operation fails as with
    /// [`Faults::lose_reply`].
    pub fn fail_sync(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::FailSync { is_crash: false }))
    }

    /// As [`Faults::fail_sync`], and the process dies: it was killed between creating the name and having it on the disk.
    pub fn crash_before_sync(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::FailSync { is_crash: true }))
    }

    /// Operation `k` is done, and if it is `put_if_absent`, then it fails with [`Error::AlreadyExists`](crate::Error::AlreadyExists): what a client
    /// hears that tried again by itself. Another operation fails as with [`Faults::lose_reply`].
    pub fn lose_reply_to_retry(k: u64) -> Self {
        Self::planned(Plan::At(k, Fault::LoseReplyToRetry))
    }

    /// Chance strikes, the same way for the same seed. Half of the lost replies of `put_if_absent` are as in
    /// [`Faults::lose_reply_to_retry`].
    pub fn random(seed: u64, faults: RandomFaults) -> Self {
        Self::planned(Plan::Random(seed, faults))
    }

    /// The disk is full: appends and puts beyond that many bytes in all fail. Nothing that is removed makes room.
    pub fn full_after(bytes: u64) -> Self {
        Self::planned(Plan::FullAfter(bytes))
    }

    fn planned(plan: Plan) -> Self {
        Self { plan, progress: Arc::default() }
    }

    /// The operations so far, that which crashed included.
    pub fn operations(&self) -> u64 {
        self.progress().operations
    }

    /// Whether the process has died: nothing is done any more.
    pub fn is_crashed(&self) -> bool {
        self.progress().is_crashed
    }

    /// One line an operation, in the order in which they began: `12 put_if_absent log/1.json: applied, reply lost`.
    pub fn trace(&self) -> Vec<String> {
        self.progress().trace.clone()
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation and says what goes wrong in it; None after a crash.
    pub(super) fn begin(&self, operation: &str, name: &str) -> Option<Operation> {
        let mut progress = self.progress();
        if progress.is_crashed {
            return None;
        }
        progress.operations += 1;
        let number = progress.operations;
        let fault = self.plan.fault(number);
        progress.is_crashed = fault.is_some_and(Fault::is_crash);
        progress.trace.push(format!("{number} {operation} {}: ", printable_name(name)));
        Some(Operation { number, fault })
    }

    /// Writes down what came of an operation.
    pub(super) fn end(&self, operation: Operation, done: &str) {
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

    /// Takes room on the disk. Is there any?
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
