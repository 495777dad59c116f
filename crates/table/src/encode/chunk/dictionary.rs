//! Cells in, ids of distinct values out; the distinct values, in the order of their first cells, are a dictionary page.
//!
//! ```text
//! key of a number, or of a string of 12 bytes or fewer:  the value itself (as an Arrow view has it)
//! key of a longer string:  length (4 bytes) | first 4 bytes | offset of the string in the dictionary page (8)
//! ```
//!
//! The comparison of a short string, as most cells are, is one of 16 bytes.

use std::ops::Range;

use super::{
    bit_packing,
    min_max::{head_of, head_of_string},
    number::Number,
};

/// Longest string that a view contains itself, in bytes.
pub(crate) const INLINE_BYTES: usize = 12;
/// Largest number of steps of a look-up. A value that takes more shows that values were made to collide: the dictionary is
/// given up.
const MAX_STEPS: usize = 256;
const FIRST_SLOTS: usize = 64;
/// Cells are nearly all distinct if more than this many of [`UNIQUE_OF`] are.
const UNIQUE: usize = 15;
const UNIQUE_OF: usize = 16;
/// Any odd numbers without a pattern, but always the same ones: nothing here may depend on chance.
const SEEDS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03, 0x8cb9_2ba7_2f3d_8dd7];

/// Distinct values of a column chunk.
#[derive(Debug)]
pub(crate) struct Dictionary {
    /// Slots of an open-addressing hash table, a power of two: 0 if free, else the hash in the upper half and the id plus 1 in
    /// the lower one.
    slots: Vec<u64>,
    /// Key of each value, by id.
    keys: Vec<u128>,
    /// Start of each value in the page, by id, and the end of the last one.
    starts: Vec<u32>,
    /// The values in `PLAIN` encoding: the dictionary page.
    page: Vec<u8>,
    is_crowded: bool,
    /// For each value the number of the last page that has it.
    last_pages: Vec<u32>,
    pages: u32,
}

impl Dictionary {
    pub(crate) fn new() -> Self {
        Self {
            slots: vec![0; FIRST_SLOTS],
            keys: Vec::new(),
            starts: vec![0],
            page: Vec::new(),
            is_crowded: false,
            last_pages: Vec::new(),
            pages: 0,
        }
    }

    /// Returns the number of values.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the dictionary page's bytes.
    pub(crate) fn page(&self) -> &[u8] {
        &self.page
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let of_value = size_of::<u128>() + size_of::<u32>() * 2;
        self.slots.len() * size_of::<u64>() + self.keys.len() * of_value + self.page.len()
    }

    /// Returns whether looking values up takes too long.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// Returns the number of bits that an id takes.
    pub(crate) fn id_width(&self) -> u32 {
        bit_packing::width_of(id_of_index(self.len().saturating_sub(1)))
    }

    /// Number of values that are looked up at a time.
    pub(crate) const AT_ONCE: usize = 32;

    /// Adds the ids of values, which are numbers' keys or strings' views. `hash` and `wanted` turn a value into what it is
    /// looked up by.
    ///
    /// The tables are read for all values before any of them is compared: the processor then waits once for the memory of a
    /// large dictionary, and not for each value.
    #[inline]
    pub(crate) fn look_up<'a>(
        &mut self,
        values: &[u128; Self::AT_ONCE],
        hash: impl Fn(u128) -> u32,
        wanted: impl Fn(u128, u32) -> Wanted<'a>,
        ids: &mut Vec<u32>,
    ) {
        let (mut hashes, mut slots) = ([0; Self::AT_ONCE], [0; Self::AT_ONCE]);
        let mut known = [0; Self::AT_ONCE];
        let mask = self.slots.len() - 1;
        for (value, hashed) in values.iter().zip(&mut hashes) {
            *hashed = hash(*value);
        }
        // A loop of its own: so only these reads are in flight at a time.
        for (hash, slot) in hashes.iter().zip(&mut slots) {
            *slot = self.slots.get(*hash as usize & mask).copied().unwrap_or(0);
        }
        for (key, slot) in known.iter_mut().zip(&slots) {
            let [id_plus_1, _] = quarters(*slot);
            *key = self.keys.get((id_plus_1 as usize).wrapping_sub(1)).copied().unwrap_or(0);
        }
        ids.extend(values.iter().zip(&hashes).zip(&slots).zip(&known).map(|(((value, hash), slot), known)| {
            let wanted = wanted(*value, *hash);
            let [id_plus_1, found] = quarters(*slot);
            let is_there = *slot != 0 && wanted.is(*known, found, &self.page);
            if is_there { id_plus_1 - 1 } else { self.id_of(&wanted) }
        }));
    }

    /// Looks a value up, or adds it.
    pub(crate) fn id_of(&mut self, wanted: &Wanted<'_>) -> u32 {
        let mask = self.slots.len() - 1;
        let mut at = wanted.hash as usize & mask;
        let mut steps = 0;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                return self.add(wanted, at, steps);
            }
            let [id_plus_1, hash] = quarters(slot);
            let id = id_plus_1 - 1;
            if wanted.is(self.keys[id as usize], hash, &self.page) {
                return id;
            }
            at = (at + 1) & mask;
            steps += 1;
        }
    }

    #[inline(never)]
    fn add(&mut self, wanted: &Wanted<'_>, at: usize, steps: usize) -> u32 {
        self.is_crowded |= steps > MAX_STEPS;
        let id = id_of_index(self.keys.len());
        self.keys.push(wanted.write(&mut self.page));
        self.starts.push(u32::try_from(self.page.len()).expect("a dictionary is given up long before 4 GiB"));
        self.slots[at] = slot_of(wanted.hash, id);
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        id
    }

    /// Doubles the number of slots.
    fn grow(&mut self) {
        let mut slots = vec![0; self.slots.len() * 2];
        let mask = slots.len() - 1;
        for slot in self.slots.iter().filter(|slot| **slot != 0) {
            let [_, hash] = quarters(*slot);
            let mut at = hash as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = *slot;
        }
        self.slots = slots;
    }

    /// Returns the position of an id's value in the page; of a string, with its length before it.
    #[inline]
    fn range(&self, id: u32) -> Range<usize> {
        let id = id as usize;
        self.starts[id] as usize..self.starts[id + 1] as usize
    }

    /// Returns the string of an id.
    #[inline]
    pub(crate) fn string(&self, id: u32) -> &[u8] {
        let Range { start, end } = self.range(id);
        &self.page[start + size_of::<u32>()..end]
    }

    /// Returns whether the values of these ids, one after another, have more bytes than this.
    pub(crate) fn are_more_bytes(&self, ids: &[u32], than: usize) -> bool {
        let mut bytes = 0;
        ids.iter().any(|id| {
            bytes += self.range(*id).len();
            bytes > than
        })
    }

    /// Returns the number of an id.
    pub(crate) fn number(&self, id: u32) -> i64 {
        halves(self.keys[id as usize])[0].cast_signed()
    }

    /// Returns the [head](head_of) of an id's string, and the string.
    #[inline]
    pub(crate) fn string_and_head(&self, id: u32) -> (u128, &[u8]) {
        let string = self.string(id);
        let is_short = string.len() <= INLINE_BYTES;
        (if is_short { head_of(self.keys[id as usize]) } else { head_of_string(string) }, string)
    }

    /// Returns whether nearly all of the first cells, `cells` in number, are distinct.
    pub(crate) fn is_nearly_unique(&self, cells: usize) -> bool {
        self.len() * UNIQUE_OF > cells * UNIQUE
    }

    /// Returns the distinct ids of a page, in the order of their first cells.
    pub(crate) fn distinct_of_page(&mut self, ids: &[u32]) -> Vec<u32> {
        self.pages += 1;
        let page = self.pages;
        if page == 1 {
            // Every value was added by this page.
            self.last_pages.resize(self.keys.len(), page);
            return (0..id_of_index(self.keys.len())).collect();
        }
        self.last_pages.resize(self.keys.len(), 0);
        let mut distinct = Vec::new();
        for &id in ids {
            let last = &mut self.last_pages[id as usize];
            if *last != page {
                *last = page;
                distinct.push(id);
            }
        }
        distinct
    }
}

/// A value to look up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    hash: u32,
    /// Its key, without the offset of a longer string.
    key: u128,
    value: Value<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Value<'a> {
    Number(Number),
    ShortString,
    LongString(&'a [u8]),
}

impl<'a> Wanted<'a> {
    /// Returns a number, from its key and the hash of that.
    #[inline]
    pub(crate) fn number(number: Number, key: u128, hash: u32) -> Self {
        Self { hash, key, value: Value::Number(number) }
    }

    /// Returns a string that its view contains itself, from the view and the hash of that.
    #[inline]
    pub(crate) fn short(view: u128, hash: u32) -> Self {
        Self { hash, key: view, value: Value::ShortString }
    }

    /// Returns a longer string, from its view and its own hash.
    #[inline]
    pub(crate) fn long(view: u128, string: &'a [u8], hash: u32) -> Self {
        let [head, _] = halves(view);
        Self { hash, key: u128::from(head), value: Value::LongString(string) }
    }

    /// Returns whether this is its key, and this its hash.
    #[inline]
    fn is(&self, key: u128, hash: u32, page: &[u8]) -> bool {
        let Value::LongString(string) = self.value else { return key == self.key };
        let [head, offset] = halves(key);
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        hash == self.hash
            && u128::from(head) == self.key
            && page.get(at..at + string.len()).is_some_and(|known| is_same(known, string))
    }

    /// Adds it to the dictionary page, and returns its key there.
    fn write(&self, page: &mut Vec<u8>) -> u128 {
        let bytes = self.key.to_le_bytes();
        match self.value {
            Value::Number(number) => number.plain(halves(self.key)[0].cast_signed(), page),
            Value::ShortString => {
                let end = 4 + usize::from(bytes[0]);
                page.extend_from_slice(&bytes[..end]);
            }
            Value::LongString(string) => {
                page.extend_from_slice(&bytes[..4]);
                page.extend_from_slice(string);
                return self.key | ((page.len() - string.len()) as u128) << 64;
            }
        }
        self.key
    }
}

/// Returns whether these strings, of the same length of 8 bytes or more, are equal. Most are short, so a call to compare them
/// would take longer.
#[inline]
fn is_same(known: &[u8], string: &[u8]) -> bool {
    let (Some(known_end), Some(end)) = (known.last_chunk::<16>(), string.last_chunk::<16>()) else {
        return known.first_chunk::<8>() == string.first_chunk::<8>()
            && known.last_chunk::<8>() == string.last_chunk::<8>();
    };
    let (blocks, _) = string.as_chunks::<16>();
    let (known_blocks, _) = known.as_chunks::<16>();
    known_end == end && known_blocks.iter().zip(blocks).all(|(known, block)| known == block)
}

fn id_of_index(index: usize) -> u32 {
    u32::try_from(index).expect("a dictionary is given up long before 4 billion values")
}

fn slot_of(hash: u32, id: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(id + 1)
}

/// Returns the lower and the upper half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves are what is wanted")]
fn halves(value: u128) -> [u64; 2] {
    [value as u64, (value >> u64::BITS) as u64]
}

/// Returns the lower and the upper half.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the quarters are what is wanted")]
fn quarters(value: u64) -> [u32; 2] {
    [value as u32, (value >> u32::BITS) as u32]
}

/// Returns both halves of the product, combined by XOR: every bit of the factors counts.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let [low, high] = halves(u128::from(a) * u128::from(b));
    low ^ high
}

/// Returns the hash of a number's key, or of the view of a string that it contains itself.
#[inline]
pub(crate) fn hash_of(key: u128) -> u32 {
    let [low, high] = halves(key);
    let [a, b, _] = SEEDS;
    let [low, high] = quarters(fold(low ^ a, high ^ b));
    low ^ high
}

/// Returns the hash of a longer string: 32 bytes a step, in two lanes that do not wait for each other.
#[inline]
pub(crate) fn hash_of_string(string: &[u8]) -> u32 {
    let [a, b, c] = SEEDS;
    let (mut first, mut second) = (a ^ string.len() as u64, c);
    let (blocks, rest) = string.as_chunks::<32>();
    for block in blocks {
        let (near, far) = block.split_at(16);
        first = fold_16(near, first, b);
        second = fold_16(far, second, b);
    }
    // The rest is hashed by its last bytes, some of them for the second time.
    if let Some(near) = rest.get(..16) {
        first = fold_16(near, first, b);
    }
    if let Some(last) = string.last_chunk::<16>() {
        second = fold_16(last, second, b);
    } else {
        let [near, far] = [string.first_chunk(), string.last_chunk()].map(|end| end.copied().unwrap_or([0; 8]));
        second = fold(u64::from_le_bytes(near) ^ second, u64::from_le_bytes(far) ^ b);
    }
    let [low, high] = quarters(fold(first ^ b, second));
    low ^ high
}

#[inline]
fn fold_16(bytes: &[u8], state: u64, seed: u64) -> u64 {
    let [low, high] = halves(u128::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 16])));
    fold(low ^ state, high ^ seed)
}

#[cfg(test)]
mod tests {
    use arrow::array::make_view;

    use super::*;

    fn id(dictionary: &mut Dictionary, string: &[u8]) -> u32 {
        let view = make_view(string, 0, 0);
        let is_short = string.len() <= INLINE_BYTES;
        let hash = |view| if is_short { hash_of(view) } else { hash_of_string(string) };
        let wanted = |view, hash| if is_short { Wanted::short(view, hash) } else { Wanted::long(view, string, hash) };
        let id = dictionary.id_of(&wanted(view, hash(view)));
        let mut ids = Vec::new();
        dictionary.look_up(&[view; Dictionary::AT_ONCE], hash, wanted, &mut ids);
        assert_eq!(ids, [id; Dictionary::AT_ONCE]);
        assert_eq!(dictionary.string_and_head(id), (head_of_string(string), string));
        id
    }

    #[test]
    fn equal_values_have_one_id_in_the_order_of_their_first_cells() {
        let mut dictionary = Dictionary::new();
        let long = b"a string of more than twelve bytes";
        let ids = [
            id(&mut dictionary, b"a"),
            id(&mut dictionary, long),
            id(&mut dictionary, b""),
            id(&mut dictionary, b"a"),
            id(&mut dictionary, long),
            id(&mut dictionary, b"twelve bytes"),
        ];
        assert_eq!(ids, [0, 1, 2, 0, 1, 3]);
        let strings: Vec<&[u8]> = (0..4).map(|id| dictionary.string(id)).collect();
        assert_eq!(strings, [&b"a"[..], long, b"", b"twelve bytes"]);
        assert_eq!(dictionary.page().len(), 4 * 4 + 1 + long.len() + 12);
        assert_eq!(dictionary.id_width(), 2);
    }

    #[test]
    fn strings_that_differ_in_one_byte_or_in_length_are_told_apart() {
        let mut dictionary = Dictionary::new();
        let mut strings = Vec::new();
        for length in 13..100 {
            strings.push(vec![b'x'; length]);
            for at in 0..length {
                let mut string = vec![b'x'; length];
                string[at] = b'y';
                strings.push(string);
            }
        }
        for round in 0..2 {
            for (number, string) in (0..).zip(&strings) {
                assert_eq!(id(&mut dictionary, string), number, "round {round}");
                assert_eq!(dictionary.string(number), string.as_slice());
            }
        }
        assert!(!dictionary.is_crowded());
    }

    #[test]
    fn numbers_can_be_read_back() {
        let mut dictionary = Dictionary::new();
        let numbers: Vec<i64> = (0..9_982).map(|n| n * 1_000_003 - 5_000_000_000).chain([i64::MIN, i64::MAX]).collect();
        let (blocks, rest) = numbers.as_chunks::<{ Dictionary::AT_ONCE }>();
        assert!(rest.is_empty() && !blocks.is_empty());
        for _ in 0..2 {
            let mut ids = Vec::new();
            for block in blocks {
                let keys = block.map(|number| u128::from(number.cast_unsigned()));
                let wanted = |key, hash| Wanted::number(Number::Int64, key, hash);
                dictionary.look_up(&keys, hash_of, wanted, &mut ids);
            }
            assert!(ids.iter().copied().eq(0..u32::try_from(numbers.len()).unwrap()));
            assert!(ids.iter().zip(&numbers).all(|(id, number)| dictionary.number(*id) == *number));
        }
        assert_eq!(dictionary.page().len(), numbers.len() * 8);
        assert!(!dictionary.is_crowded());
    }

    #[test]
    fn each_page_has_its_own_distinct_ids() {
        let mut dictionary = Dictionary::new();
        for text in ["a", "b", "c"] {
            id(&mut dictionary, text.as_bytes());
        }
        assert_eq!(dictionary.distinct_of_page(&[0, 1, 0, 2, 1]), [0, 1, 2]);
        id(&mut dictionary, b"d");
        assert_eq!(dictionary.distinct_of_page(&[2, 1, 1, 3]), [2, 1, 3]);
        assert_eq!(dictionary.distinct_of_page(&[1]), [1]);
    }
}
