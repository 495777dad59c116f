//! Numbers in, ids of distinct numbers out; the distinct numbers, in the order of their first cells, are a dictionary page.

use super::{
    bit_packing,
    dictionary::{SEEDS, fold, id_of_index, is_nearly_unique, shortened},
    distinct::DistinctOfPages,
    number::Number,
    slots::{self, FreeSlot, Slots},
};

/// Number of numbers that are looked up at a time.
const AT_ONCE: usize = 32;
/// Largest number of steps of a look-up. A number that takes more shows that numbers were made to collide: the dictionary is
/// given up.
const MAX_STEPS: usize = 256;

/// Distinct numbers of a column chunk, by their [keys](super::number::Numbers::keys_of_valid).
#[derive(Debug)]
pub(crate) struct NumberDictionary {
    slots: Slots<Slot>,
    keys: Vec<i64>,
    is_crowded: bool,
    distinct: DistinctOfPages,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    key: i64,
    /// 0 in a free slot.
    id_plus_1: u32,
    hash: u32,
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

impl NumberDictionary {
    pub(crate) fn new() -> Self {
        Self { slots: Slots::new(), keys: Vec::new(), is_crowded: false, distinct: DistinctOfPages::default() }
    }

    /// Returns the number of numbers.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Returns the size of the dictionary page in bytes.
    pub(crate) fn page_bytes(&self, number: Number) -> usize {
        self.keys.len() * number.plain_bytes()
    }

    /// Returns the dictionary page: the numbers in `PLAIN` encoding.
    pub(crate) fn page(&self, number: Number) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.page_bytes(number));
        self.keys.iter().for_each(|key| number.plain(*key, &mut page));
        page
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.keys.len() * size_of::<i64>()
    }

    /// Returns whether looking numbers up takes too long.
    pub(crate) fn is_crowded(&self) -> bool {
        self.is_crowded
    }

    /// Returns the number of bits that an id takes.
    pub(crate) fn id_width(&self) -> u32 {
        bit_packing::width_of(id_of_index(self.len().saturating_sub(1)))
    }

    /// Returns the number of an id.
    pub(crate) fn key(&self, id: u32) -> i64 {
        self.keys[id as usize]
    }

    /// Adds the ids of numbers.
    pub(crate) fn look_up(&mut self, keys: &[i64], ids: &mut Vec<u32>) {
        let mut hashes = [0; AT_ONCE];
        ids.reserve(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            let mut touched = 0;
            for (hash, key) in hashes.iter_mut().zip(keys) {
                *hash = hash_of(*key);
                touched ^= self.slots.first(*hash).hash;
            }
            // The slots of a large dictionary come from a far cache. Read once without any decision, they come all at the same
            // time; below, a wrong guess of the processor would wait for each.
            std::hint::black_box(touched);
            ids.extend(hashes.iter().zip(keys).map(|(hash, key)| self.id_of_hash(*key, *hash)));
        }
    }

    /// Looks a number up, or adds it.
    pub(crate) fn id_of(&mut self, key: i64) -> u32 {
        self.id_of_hash(key, hash_of(key))
    }

    #[inline]
    fn id_of_hash(&mut self, key: i64, hash: u32) -> u32 {
        self.slots.find(hash, |slot| slot.key == key).unwrap_or_else(|free| self.add(free, key, hash))
    }

    #[inline(never)]
    fn add(&mut self, free: FreeSlot, key: i64, hash: u32) -> u32 {
        self.is_crowded |= free.steps > MAX_STEPS;
        let id = id_of_index(self.len());
        self.keys.push(key);
        self.slots.put(free, Slot { key, id_plus_1: id + 1, hash }, self.keys.len());
        id
    }

    /// Returns whether nearly all of the first cells, `cells` in number, are distinct.
    pub(crate) fn is_nearly_unique(&self, cells: usize) -> bool {
        is_nearly_unique(self.len(), cells)
    }

    /// Returns the distinct ids of a page.
    pub(crate) fn distinct_of_page(&mut self, ids: &[u32]) -> Vec<u32> {
        self.distinct.of_page(ids, self.keys.len())
    }
}

#[inline]
fn hash_of(key: i64) -> u32 {
    shortened(fold(key.cast_unsigned() ^ SEEDS[0], SEEDS[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_numbers_have_one_id_in_the_order_of_their_first_cells() {
        let mut dictionary = NumberDictionary::new();
        let numbers: Vec<i64> = (0..10_000).map(|n| (n * 7919 % 3001 - 1500) * (i64::MAX / 3001)).collect();
        let mut ids = Vec::new();
        // Stretches of all lengths, with what is left of less than one look-up.
        let mut rest = numbers.as_slice();
        for length in (0..).map(|n| n % 71) {
            let (some, others) = rest.split_at(rest.len().min(length));
            dictionary.look_up(some, &mut ids);
            rest = others;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(dictionary.len(), 3001);
        assert!(ids.iter().zip(&numbers).all(|(id, number)| dictionary.key(*id) == *number));
        let firsts = ids.iter().scan(0, |next, id| {
            let is_in_order = *id <= *next;
            *next += u32::from(*id == *next);
            Some(is_in_order)
        });
        assert!(firsts.into_iter().all(|is_in_order| is_in_order));
        assert_eq!(dictionary.page(Number::Int64).len(), 3001 * 8);
        assert_eq!(dictionary.id_of(0), ids[numbers.iter().position(|number| *number == 0).unwrap()]);
    }
}
