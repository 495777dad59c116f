//! The hash table of a dictionary: open addressing, one slot after another.

use std::ops::Deref;

/// Number of slots of an empty dictionary, a power of two.
const FIRST_SLOTS: usize = 64;

/// A slot of the table. The default one is free.
pub(super) trait Slot: Copy + Default {
    /// Returns the id of its value plus 1; 0 if it is free.
    fn id_plus_1(&self) -> u32;

    /// Returns the hash of its value.
    fn hash(&self) -> u32;
}

/// The slots of a dictionary; their number is a power of two, and at least half of them are free.
#[derive(Debug)]
pub(super) struct Slots<S> {
    slots: Vec<S>,
}

/// A free slot, where a value that was looked for would be put.
#[derive(Clone, Copy, Debug)]
pub(super) struct FreeSlot {
    at: usize,
    /// Number of slots that were passed to find it.
    pub(super) steps: usize,
}

impl<S: Slot> Slots<S> {
    pub(super) fn new() -> Self {
        Self { slots: vec![S::default(); FIRST_SLOTS] }
    }

    /// Returns the number of slots minus one, of which each bit is set.
    #[inline]
    pub(super) fn mask(&self) -> usize {
        self.slots.len() - 1
    }

    /// Returns the slot at which the search for a hash starts.
    #[inline]
    pub(super) fn first(&self, hash: u32) -> &S {
        &self.slots[hash as usize & self.mask()]
    }

    /// Returns the memory that they take, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(self.slots.as_slice())
    }

    /// Returns the id of the value of this hash that is wanted.
    ///
    /// # Errors
    /// There is none: the slot for it.
    #[inline]
    pub(super) fn find(&self, hash: u32, is_wanted: impl Fn(&S) -> bool) -> Result<u32, FreeSlot> {
        let mut at = hash as usize & self.mask();
        let mut steps = 0;
        loop {
            let slot = &self.slots[at];
            if slot.id_plus_1() == 0 {
                return Err(FreeSlot { at, steps });
            }
            if is_wanted(slot) {
                return Ok(slot.id_plus_1() - 1);
            }
            at = (at + 1) & self.mask();
            steps += 1;
        }
    }

    /// Puts a value into a free slot; `values` is the number of all values with this one.
    pub(super) fn put(&mut self, free: FreeSlot, slot: S, values: usize) {
        self.slots[free.at] = slot;
        if values * 2 > self.slots.len() {
            self.grow();
        }
    }

    /// Doubles the number of slots.
    fn grow(&mut self) {
        let more = vec![S::default(); self.slots.len() * 2];
        let old = std::mem::replace(&mut self.slots, more);
        for slot in old.iter().filter(|slot| slot.id_plus_1() != 0) {
            if let Err(free) = self.find(slot.hash(), |_| false) {
                self.slots[free.at] = *slot;
            }
        }
    }
}

impl<S> Deref for Slots<S> {
    type Target = [S];

    fn deref(&self) -> &[S] {
        &self.slots
    }
}
