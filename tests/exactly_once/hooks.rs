//! A store that asks before each operation: so that a test decides which of several converters goes on, and when.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, Condvar, Mutex},
};

use lakefront_storage::{Backend, Entry, Error, Lock, StagedBytes, Store};

use crate::random::Random;

/// Is called before each operation, and returns when that may happen.
pub(crate) trait Hook: fmt::Debug + Send + Sync {
    fn before_operation(&self);
}

/// The same store, with a hook.
pub(crate) fn hooked(store: Store, hook: &Arc<dyn Hook>) -> Store {
    Store::new(Arc::new(Hooked { store, hook: Arc::clone(hook) }))
}

#[derive(Debug)]
struct Hooked {
    store: Store,
    hook: Arc<dyn Hook>,
}

#[derive(Debug)]
struct HookedStaged {
    bytes: Vec<u8>,
    store: Store,
    hook: Arc<dyn Hook>,
}

impl StagedBytes for HookedStaged {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn len_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn put_if_absent(&self, name: &str) -> Result<(), Error> {
        self.hook.before_operation();
        self.store.put_if_absent(name, &self.bytes)
    }
}

impl Backend for Hooked {
    fn stage(&self) -> Result<Box<dyn StagedBytes>, Error> {
        Ok(Box::new(HookedStaged { bytes: Vec::new(), store: self.store.clone(), hook: Arc::clone(&self.hook) }))
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.hook.before_operation();
        self.store.put(name, bytes)
    }

    fn get(&self, name: &str, range: Range<u64>) -> Result<Vec<u8>, Error> {
        self.hook.before_operation();
        self.store.read_range(name, range)
    }

    fn get_tail(&self, name: &str, bytes: u64) -> Result<Vec<u8>, Error> {
        self.hook.before_operation();
        self.store.read_tail(name, bytes)
    }

    fn list(&self, prefix: &str) -> Result<Vec<Entry>, Error> {
        self.hook.before_operation();
        self.store.list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.hook.before_operation();
        self.store.delete(name)
    }

    fn clock_ms(&self) -> Result<i64, Error> {
        self.store.clock_ms()
    }

    fn lock(&self) -> Result<Option<Lock>, Error> {
        self.store.lock()
    }

    fn root_exists(&self) -> Result<bool, Error> {
        self.store.root_exists()
    }

    fn is_empty(&self) -> Result<bool, Error> {
        self.store.is_empty()
    }

    fn location(&self, name: &str) -> String {
        self.store.location(name)
    }

    fn secure(&self, name: &str) -> Result<(), Error> {
        self.store.secure(name)
    }

    fn sweep(&self) -> Result<u64, Error> {
        self.store.sweep()
    }
}

/// Interleaves converters: one operation at a time, whose is a function of the seed.
///
/// Between two operations of any of them exactly one converter computes; the others stand before their next operation.
#[derive(Debug)]
pub(crate) struct Turns {
    standing: Mutex<Standing>,
    changed: Condvar,
}

#[derive(Debug)]
struct Standing {
    random: Random,
    /// Converters that have not ended.
    alive: BTreeSet<usize>,
    /// Those that stand before an operation.
    waiting: BTreeSet<usize>,
    /// The one that goes on.
    going: Option<usize>,
}

impl Standing {
    fn choose(&mut self) {
        if self.going.is_none() && !self.waiting.is_empty() && self.waiting == self.alive {
            let choice = usize::try_from(self.random.below(self.waiting.len() as u64)).unwrap();
            self.going = self.waiting.iter().nth(choice).copied();
            self.waiting.retain(|index| Some(*index) != self.going);
        }
    }
}

impl Turns {
    pub(crate) fn new(seed: u64, converters: usize) -> Arc<Self> {
        let standing = Standing {
            random: Random::new(seed),
            alive: (0..converters).collect(),
            waiting: BTreeSet::new(),
            going: None,
        };
        Arc::new(Self { standing: Mutex::new(standing), changed: Condvar::new() })
    }

    /// The turn of one converter; when the last clone of it is dropped, that one has ended.
    pub(crate) fn of(self: &Arc<Self>, index: usize) -> Arc<dyn Hook> {
        Arc::new(Turn { turns: Arc::clone(self), index })
    }
}

#[derive(Debug)]
struct Turn {
    turns: Arc<Turns>,
    index: usize,
}

impl Hook for Turn {
    fn before_operation(&self) {
        let mut standing = self.turns.standing.lock().unwrap();
        if standing.going == Some(self.index) {
            standing.going = None;
        }
        standing.waiting.insert(self.index);
        standing.choose();
        self.turns.changed.notify_all();
        while standing.going != Some(self.index) {
            standing = self.turns.changed.wait(standing).unwrap();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Ok(mut standing) = self.turns.standing.lock() else { return };
        standing.alive.remove(&self.index);
        if standing.going == Some(self.index) {
            standing.going = None;
        }
        standing.choose();
        self.turns.changed.notify_all();
    }
}

/// Puts a converter to sleep before its k-th operation, until it is woken.
#[derive(Debug)]
pub(crate) struct Bed {
    sleeps_at: u64,
    sleep: Mutex<Sleep>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Sleep {
    operations: u64,
    is_asleep: bool,
    has_ended: bool,
    is_woken: bool,
}

impl Bed {
    /// For a converter that sleeps before operation `sleeps_at`, from 1.
    pub(crate) fn new(sleeps_at: u64) -> Arc<Self> {
        Arc::new(Self { sleeps_at, sleep: Mutex::default(), changed: Condvar::new() })
    }

    /// Waits until the converter sleeps, or has ended without coming so far.
    pub(crate) fn wait(&self) {
        let mut sleep = self.sleep.lock().unwrap();
        while !sleep.is_asleep && !sleep.has_ended {
            sleep = self.changed.wait(sleep).unwrap();
        }
    }

    /// Wakes it.
    pub(crate) fn wake(&self) {
        self.sleep.lock().unwrap().is_woken = true;
        self.changed.notify_all();
    }

    /// Says that it has ended.
    pub(crate) fn end(&self) {
        self.sleep.lock().unwrap().has_ended = true;
        self.changed.notify_all();
    }
}

impl Hook for Bed {
    fn before_operation(&self) {
        let mut sleep = self.sleep.lock().unwrap();
        sleep.operations += 1;
        if sleep.operations == self.sleeps_at {
            sleep.is_asleep = true;
            self.changed.notify_all();
            while !sleep.is_woken {
                sleep = self.changed.wait(sleep).unwrap();
            }
        }
    }
}
