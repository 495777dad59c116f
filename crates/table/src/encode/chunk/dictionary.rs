//! Strings in, ids of distinct strings out; the distinct strings, in the order of their first cells, are a dictionary page.
//!
//! ```text
//! slot, 32 bytes:  first 16 bytes, zero-padded | length | id | hash | place of the string in the dictionary page
//! ```
//!
//! Most cells are of 16 bytes or fewer: then their slot is all that is read to compare them. Cells are looked up
//! [`AT_ONCE`] at a time: their slots are asked of the memory together, and a stretch of equal cells is one look-up.

use std::collections::BTreeMap;

use super::{
    bit_packing,
    cells::Cells,
    distinct::DistinctOfPages,
    min_max::head_of_string,
    slots::{self, FreeSlot, Slots},
};

#[cfg(target_arch = "x86_64")]
mod look_up;
mod portable;

/// Number of cells that are looked up at a time.
const AT_ONCE: usize = 32;
/// Longest string that its slot holds itself, in bytes.
const INLINE_BYTES: usize = 16;
/// Largest number of steps of a look-up. A string that takes more shows that strings were made to collide: they are then kept
/// in order instead.
const MAX_STEPS: usize = 256;
/// Cells are nearly all distinct if more than this many of [`UNIQUE_OF`] are.
const UNIQUE: usize = 15;
const UNIQUE_OF: usize = 16;
/// Any odd numbers without a pattern, but always the same ones: nothing here may depend on chance.
pub(super) const SEEDS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03, 0x8cb9_2ba7_2f3d_8dd7];

/// Distinct strings of a column chunk.
#[derive(Debug)]
pub(crate) struct Dictionary {
    slots: Slots<Slot>,
    /// End of each string in the page, by id.
    ends: Vec<u32>,
    /// The strings in `PLAIN` encoding: the dictionary page.
    page: Vec<u8>,
    /// The ids by their strings, once strings collide so often that they must have been made for it. So neither time nor ids
    /// depend on the hashes.
    in_order: Option<BTreeMap<Box<[u8]>, u32>>,
    /// Whether the processor has the instructions of [`look_up`].
    #[cfg(target_arch = "x86_64")]
    is_fast: bool,
    distinct: DistinctOfPages,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct Slot {
    key: Key,
    length: u32,
    /// 0 in a free slot.
    id_plus_1: u32,
    hash: u32,
    /// Place of the string in the page.
    start: u32,
}

impl slots::Slot for Slot {
    #[inline]
    fn id_plus_1(&self) -> u32 {
        self.id_plus_1
    }

    #[inline]
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// The first 16 bytes of a string, zero-padded.
type Key = [u64; 2];

/// A cell that is being looked up.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    key: Key,
    start: u32,
    length: u32,
}

impl Dictionary {
    pub(crate) fn new() -> Self {
        Self {
            slots: Slots::new(),
            ends: Vec::new(),
            page: Vec::new(),
            in_order: None,
            #[cfg(target_arch = "x86_64")]
            is_fast: look_up::is_there(),
            distinct: DistinctOfPages::default(),
        }
    }

    /// Returns the number of strings.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Returns the dictionary page's bytes.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.len() * size_of::<u32>() + self.page.len()
    }

    /// Returns the number of bits that an id takes.
    pub(crate) fn id_width(&self) -> u32 {
        bit_packing::width_of(id_of_index(self.len().saturating_sub(1)))
    }

    /// Adds the ids of cells.
    pub(crate) fn look_up(&mut self, mut cells: Cells<'_>, ids: &mut Vec<u32>) {
        #[cfg(target_arch = "x86_64")]
        let mut scratch = look_up::Scratch::new();
        while cells.len() > 0 {
            let few;
            (few, cells) = cells.split_at(cells.len().min(AT_ONCE));
            if self.in_order.is_some() {
                ids.extend(few.iter().map(|cell| self.id_of(cell)));
                continue;
            }
            #[cfg(target_arch = "x86_64")]
            if self.is_fast {
                look_up::look_up(self, few, &mut scratch, ids);
                continue;
            }
            portable::look_up(self, few, ids);
        }
    }

    #[inline]
    fn id_of_wanted(&mut self, padded: &[u8], wanted: Wanted) -> u32 {
        self.id_of_hash(padded, wanted, self.hash_of_wanted(padded, wanted))
    }

    #[inline]
    fn hash_of_wanted(&self, padded: &[u8], wanted: Wanted) -> u32 {
        if wanted.length as usize <= INLINE_BYTES {
            return hash_of_short(wanted.key, wanted.length);
        }
        self.hash_of_long(&padded[wanted.start as usize..][..wanted.length as usize])
    }

    /// Returns the hash of a string of more than 16 bytes.
    #[inline]
    fn hash_of_long(&self, string: &[u8]) -> u32 {
        #[cfg(target_arch = "x86_64")]
        if self.is_fast {
            return look_up::hash_of_long(string);
        }
        portable::hash_of_long(string)
    }

    #[inline]
    fn id_of_hash(&mut self, padded: &[u8], wanted: Wanted, hash: u32) -> u32 {
        if wanted.length as usize <= INLINE_BYTES {
            return self.short(wanted, hash);
        }
        let string = &padded[wanted.start as usize..][..wanted.length as usize];
        self.long(string, wanted.key, hash)
    }

    /// Looks a string up, or adds it.
    pub(crate) fn id_of(&mut self, string: &[u8]) -> u32 {
        if let Some(known) = self.in_order.as_ref().and_then(|in_order| in_order.get(string)) {
            return *known;
        }
        let length = as_u32(string.len());
        if let Some(bytes) = string.first_chunk().filter(|_| string.len() > INLINE_BYTES) {
            let key = key_of(bytes, INLINE_BYTES);
            let hash = self.hash_of_long(string);
            return self.long(string, key, hash);
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..string.len()].copy_from_slice(string);
        let key = key_of(&bytes, string.len());
        self.short(Wanted { key, start: 0, length }, hash_of_short(key, length))
    }

    /// Not inlined: the loop that calls it looks at the slots itself, and few cells come here.
    #[inline(never)]
    fn short(&mut self, wanted: Wanted, hash: u32) -> u32 {
        let is_wanted = |slot: &Slot| slot.key == wanted.key && slot.length == wanted.length;
        self.slots.find(hash, is_wanted).unwrap_or_else(|free| self.add_short(free, hash, wanted))
    }

    fn add_short(&mut self, free: FreeSlot, hash: u32, wanted: Wanted) -> u32 {
        let [low, high] = wanted.key.map(u64::to_le_bytes);
        let mut bytes = [0; INLINE_BYTES];
        bytes[..8].copy_from_slice(&low);
        bytes[8..].copy_from_slice(&high);
        self.add(free, hash, wanted.key, &bytes[..wanted.length as usize])
    }

    fn long(&mut self, string: &[u8], key: Key, hash: u32) -> u32 {
        let is_wanted = |slot: &Slot| {
            let is_alike = slot.hash == hash && slot.key == key && slot.length as usize == string.len();
            is_alike && is_same(&self.page[slot.start as usize..][..string.len()], string)
        };
        self.slots.find(hash, is_wanted).unwrap_or_else(|free| self.add(free, hash, key, string))
    }

    #[inline(never)]
    fn add(&mut self, free: FreeSlot, hash: u32, key: Key, string: &[u8]) -> u32 {
        // It may have come in order since its look-up began, as cells are looked up many at a time.
        if let Some(known) = self.in_order.as_ref().and_then(|in_order| in_order.get(string)) {
            return *known;
        }
        if free.steps > MAX_STEPS && self.in_order.is_none() {
            let ids = 0..id_of_index(self.len());
            self.in_order = Some(ids.map(|id| (self.string(id).into(), id)).collect());
        }
        let id = id_of_index(self.len());
        let length = as_u32(string.len());
        self.page.extend_from_slice(&length.to_le_bytes());
        let start = as_u32(self.page.len());
        self.page.extend_from_slice(string);
        self.ends.push(as_u32(self.page.len()));
        if let Some(in_order) = &mut self.in_order {
            in_order.insert(string.into(), id);
            return id;
        }
        self.slots.put(free, Slot { key, length, id_plus_1: id + 1, hash, start }, self.ends.len());
        id
    }

    /// Returns the string of an id.
    #[inline]
    pub(crate) fn string(&self, id: u32) -> &[u8] {
        let (start, length) = self.place(id);
        &self.page[start..start + length]
    }

    /// Returns start and length of an id's string in the page.
    #[inline]
    fn place(&self, id: u32) -> (usize, usize) {
        let before = id.checked_sub(1).map_or(0, |before| self.ends[before as usize]) as usize;
        let start = before + size_of::<u32>();
        (start, self.ends[id as usize] as usize - start)
    }

    /// Returns whether the strings of these ids, one after another with their lengths, have more bytes than this.
    pub(crate) fn are_more_bytes(&self, ids: &[u32], than: usize) -> bool {
        let mut bytes = 0;
        ids.iter().any(|id| {
            bytes += self.string(*id).len() + size_of::<u32>();
            bytes > than
        })
    }

    /// Returns the [head](super::min_max::head_of_string) of an id's string, and the string.
    #[inline]
    pub(crate) fn string_and_head(&self, id: u32) -> (u128, &[u8]) {
        let (start, length) = self.place(id);
        let string_and_others = &self.page[start..];
        (head_of_string(string_and_others, length), &string_and_others[..length])
    }

    /// Returns whether nearly all of the first cells, `cells` in number, are distinct.
    pub(crate) fn is_nearly_unique(&self, cells: usize) -> bool {
        is_nearly_unique(self.len(), cells)
    }

    /// Returns the distinct ids of a page.
    pub(crate) fn distinct_of_page(&mut self, ids: &[u32]) -> Vec<u32> {
        self.distinct.of_page(ids, self.ends.len())
    }
}

/// Returns whether nearly all of `cells` cells are distinct, if `distinct` are.
pub(crate) fn is_nearly_unique(distinct: usize, cells: usize) -> bool {
    distinct * UNIQUE_OF > cells * UNIQUE
}

/// Returns the first 16 bytes of a string of this length, of which `bytes` are the first and what follows.
#[inline]
fn key_of(bytes: &[u8; INLINE_BYTES], length: usize) -> Key {
    let [low, high] = halves(u128::from_le_bytes(*bytes));
    let [low_kept, high_kept] = KEPT_BITS[length.min(INLINE_BYTES)];
    [low & low_kept, high & high_kept]
}

/// Bits of the first 16 bytes that belong to a string, by its length.
const KEPT_BITS: [Key; INLINE_BYTES + 1] = {
    let mut kept = [[0; 2]; INLINE_BYTES + 1];
    let mut length = 0;
    while length <= INLINE_BYTES {
        let (low, high) = if length <= 8 { (length, 0) } else { (8, length - 8) };
        kept[length] = [bits_of_bytes(low), bits_of_bytes(high)];
        length += 1;
    }
    kept
};

const fn bits_of_bytes(bytes: usize) -> u64 {
    if bytes == 0 { 0 } else { u64::MAX >> (64 - 8 * bytes) }
}

/// Returns whether these strings, of the same length of 16 bytes or more, are equal. Most are short, so a call to compare them
/// would take longer.
#[inline]
fn is_same(known: &[u8], string: &[u8]) -> bool {
    let (blocks, _) = string.as_chunks::<INLINE_BYTES>();
    let (known_blocks, _) = known.as_chunks::<INLINE_BYTES>();
    known.last_chunk::<INLINE_BYTES>() == string.last_chunk::<INLINE_BYTES>()
        && known_blocks.iter().zip(blocks).all(|(known, block)| known == block)
}

#[inline]
fn as_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("a text is smaller than 4 GiB, and a dictionary is given up long before that")
}

pub(super) fn id_of_index(index: usize) -> u32 {
    u32::try_from(index).expect("a dictionary is given up long before 4 billion values")
}

/// Returns the lower and the upper half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> u64::BITS) as u64]
}

/// Returns both halves of the product, combined by XOR: every bit of the factors counts.
#[inline]
pub(crate) fn fold(a: u64, b: u64) -> u64 {
    let [low, high] = halves(u128::from(a) * u128::from(b));
    low ^ high
}

/// Returns 32 bits of a hash, to which all of its bits contribute.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "32 bits are wanted")]
pub(crate) fn shortened(hash: u64) -> u32 {
    (hash ^ hash >> u32::BITS) as u32
}

/// Returns the hash of a string of 16 bytes or fewer.
#[inline]
fn hash_of_short([low, high]: Key, length: u32) -> u32 {
    let [a, b, _] = SEEDS;
    shortened(fold(low ^ a, high ^ b ^ u64::from(length) << u32::BITS))
}

#[cfg(test)]
mod tests;
