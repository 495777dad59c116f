//! A store whose operations have planned faults.

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::sync::Arc;

use super::Faults;
use super::faults::Fault;
use super::sync_faults::with_failing_sync;
use crate::error::Operation;
use crate::{Backend, Entry, Error, Lock, StagedBytes, Store, StoredChecksum};

/// Any store with faults. Clones share both.
#[derive(Clone, Debug)]
struct FaultyBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl Faults {
    /// Returns the store with these faults.
    #[must_use]
    pub fn wrap(&self, store: Store) -> Store {
        Store::new(Arc::new(FaultyBackend { inner: store.into_backend(), faults: self.clone() }))
    }
}

impl FaultyBackend {
    /// Does a counted operation, unless a fault prevents it. `done` describes it for the trace.
    fn operate<T>(
        &self,
        operation: &'static str,
        name: &str,
        apply: impl FnOnce() -> Result<T, Error>,
        done: impl FnOnce(&T) -> String,
    ) -> Result<T, Error> {
        let begun = self.faults.begin(operation, name).ok_or_else(|| self.crashed(name))?;
        match begun.fault {
            Some(Fault::CrashBefore) => {
                self.faults.end(begun, "");
                return Err(self.crashed(name));
            }
            Some(Fault::Fail(kind)) => {
                self.faults.end(begun, "");
                return Err(self.error(operation, name, io::Error::new(kind, "a fault made for a test")));
            }
            None | Some(Fault::CrashAfter | Fault::LoseReply | Fault::LoseReplyToRetry | Fault::FailSync { .. }) => {}
        }
        let is_unsynced = matches!(begun.fault, Some(Fault::FailSync { .. })) && operation == PUT_IF_ABSENT;
        let result = if is_unsynced { with_failing_sync(name, apply) } else { apply() };
        let done = match &result {
            Ok(value) => done(value),
            Err(error) if error.is_already_exists() => "refused, exists".to_owned(),
            Err(error) if error.is_not_found() => "not found".to_owned(),
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        };
        self.faults.end(begun, &done);
        match begun.fault {
            Some(Fault::CrashAfter | Fault::FailSync { is_crash: true }) => Err(self.crashed(name)),
            Some(Fault::FailSync { is_crash: false }) if is_unsynced => result,
            Some(Fault::LoseReplyToRetry) if operation == PUT_IF_ABSENT => {
                Err(Error::AlreadyExists { location: self.inner.location(name) })
            }
            Some(Fault::LoseReply | Fault::LoseReplyToRetry | Fault::FailSync { is_crash: false }) => {
                Err(self.error(operation, name, io::Error::new(ErrorKind::TimedOut, "the reply was lost, for a test")))
            }
            None | Some(Fault::CrashBefore | Fault::Fail(_)) => result,
        }
    }

    /// Returns the inner store, for operations that are not counted.
    fn alive(&self) -> Result<&dyn Backend, Error> {
        if self.faults.is_crashed() { Err(self.crashed("")) } else { Ok(&*self.inner) }
    }

    fn take_room(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        if self.faults.has_room(bytes.len()) {
            return Ok(());
        }
        Err(self.error("write to it", name, ErrorKind::StorageFull.into()))
    }

    fn crashed(&self, name: &str) -> Error {
        self.error("go on: the process has crashed", name, io::Error::other("crashed"))
    }

    fn error(&self, action: &'static str, name: &str, source: io::Error) -> Error {
        Error::io(Operation::Store, action, self.inner.location(name), source)
    }
}

const PUT_IF_ABSENT: &str = "put_if_absent";

impl Backend for FaultyBackend {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        let staged = self.alive()?.stage()?;
        Ok(Box::new(FaultyStaged { staged, backend: self.clone() }))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let apply = || {
            self.take_room(name, bytes)?;
            self.inner.put(name, bytes)
        };
        self.operate("put", name, apply, applied)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.operate("get", name, || self.inner.get(name, range), num_bytes)
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        self.operate("get", name, || self.inner.get_tail(name, bytes), num_bytes)
    }

    fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        let done = |found: &Option<_>| if found.is_some() { "a checksum" } else { "no checksum" }.to_owned();
        self.operate("head", name, || self.inner.checksum(name), done)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        self.operate("list", prefix, || self.inner.list(prefix), |entries| format!("{} names", entries.len()))
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.operate("delete", name, || self.inner.delete(name), applied)
    }

    fn clock_ms(&self) -> Result<i64, Error> {
        self.alive()?.clock_ms()
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        self.alive()?.lock()
    }

    fn root_exists(&self) -> Result<bool, Error> {
        self.alive()?.root_exists()
    }

    fn is_empty(&self) -> Result<bool, Error> {
        self.alive()?.is_empty()
    }

    fn location(&self, name: &str) -> String {
        self.inner.location(name)
    }

    fn secure(&self, name: &str) -> Result<(), Error> {
        self.alive()?.secure(name)
    }

    fn sweep(&self) -> Result<u64, Error> {
        self.alive()?.sweep()
    }
}

#[derive(Debug)]
struct FaultyStaged {
    staged: Box<dyn StagedBytes>,
    backend: FaultyBackend,
}

impl StagedBytes for FaultyStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.backend.alive()?;
        self.backend.take_room("", bytes)?;
        self.staged.append(bytes)
    }

    fn len_bytes(&self) -> u64 {
        self.staged.len_bytes()
    }

    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        self.backend.operate(PUT_IF_ABSENT, name, || self.staged.put_if_absent(name), applied)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what `operate` hands it")]
fn applied(_done: &()) -> String {
    "applied".to_owned()
}

#[expect(clippy::ptr_arg, reason = "what `operate` hands it")]
fn num_bytes(content: &Vec<u8>) -> String {
    format!("{} bytes", content.len())
}
