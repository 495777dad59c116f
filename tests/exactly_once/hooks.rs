//! A store that calls a hook before each operation, so that a test decides which of several converters continues, and
//! when.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    sync::{Arc, Condvar, Mutex},
};

use lakefront_storage::{Backend, Entry, Error, Lock, StagedBytes, Store, StoredChecksum};

use crate::random::Random;

/// A hook that is called before each operation; the operation starts when the hook returns.
pub(crate) trait Hook: fmt::Debug + Send + Sync {
    fn before_operation(&self);
}

/// Wraps a store with a hook.
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

    fn checksum(&self, name: &str) -> Result<Option<StoredChecksum>, Error> {
        self.hook.before_operation();
        self.store.checksum(name)
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

/// Interleaves converters: one operation at a time, in an order that is a function of the seed.
///
/// Between two operations exactly one converter computes; the others wait before their next operation.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<TurnState>,
    changed: Condvar,
}

#[derive(Debug)]
struct TurnState {
    random: Random,
    /// Converters that have not ended.
    alive: BTreeSet<usize>,
    /// Converters that wait before an operation.
    waiting: BTreeSet<usize>,
    /// The converter whose turn it is.
    running: Option<usize>,
}

impl TurnState {
    fn choose(&mut self) {
        if self.running.is_none() && !self.waiting.is_empty() && self.waiting == self.alive {
            let choice = usize::try_from(self.random.below(self.waiting.len() as u64)).unwrap();
            self.running = self.waiting.iter().nth(choice).copied();
            self.waiting.retain(|index| Some(*index) != self.running);
        }
    }
}

impl Turns {
    pub(crate) fn new(seed: u64, converters: usize) -> Arc<Self> {
        let state = TurnState {
            random: Random::new(seed),
            alive: (0..converters).collect(),
            waiting: BTreeSet::new(),
            running: None,
        };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    /// Returns the turn of one converter. Dropping its last clone means that the converter has ended.
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
        let mut state = self.turns.state.lock().unwrap();
        if state.running == Some(self.index) {
            state.running = None;
        }
        state.waiting.insert(self.index);
        state.choose();
        self.turns.changed.notify_all();
        while state.running != Some(self.index) {
            state = self.turns.changed.wait(state).unwrap();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Ok(mut state) = self.turns.state.lock() else { return };
        state.alive.remove(&self.index);
        if state.running == Some(self.index) {
            state.running = None;
        }
        state.choose();
        self.turns.changed.notify_all();
    }
}

/// Stalls a converter before its k-th operation, until it is resumed.
#[derive(Debug)]
pub(crate) struct Stall {
    stalls_at: u64,
    state: Mutex<StallState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct StallState {
    operations: u64,
    is_stalled: bool,
    has_ended: bool,
    is_resumed: bool,
}

impl Stall {
    /// Creates a stall before operation `stalls_at`, from 1.
    pub(crate) fn new(stalls_at: u64) -> Arc<Self> {
        Arc::new(Self { stalls_at, state: Mutex::default(), changed: Condvar::new() })
    }

    /// Waits until the converter has stalled, or has ended before that operation.
    pub(crate) fn wait_until_stalled(&self) {
        let mut state = self.state.lock().unwrap();
        while !state.is_stalled && !state.has_ended {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Resumes the converter.
    pub(crate) fn resume(&self) {
        self.state.lock().unwrap().is_resumed = true;
        self.changed.notify_all();
    }

    /// Records that the converter has ended.
    pub(crate) fn set_ended(&self) {
        self.state.lock().unwrap().has_ended = true;
        self.changed.notify_all();
    }
}

impl Hook for Stall {
    fn before_operation(&self) {
        let mut state = self.state.lock().unwrap();
        state.operations += 1;
        if state.operations == self.stalls_at {
            state.is_stalled = true;
            self.changed.notify_all();
            while !state.is_resumed {
                state = self.changed.wait(state).unwrap();
            }
        }
    }
}
