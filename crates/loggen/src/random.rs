//! A seed in; random numbers and Zipf choices out, in whole numbers only, so that every machine draws the same ones.
//!
//! The numbers are `SplitMix64` (Steele, Lea and Flood, 2014): a counter that advances by an odd constant, with its bits
//! mixed. That is fast, passes the usual statistical tests, and is short enough to be here, while a library may change the
//! numbers of a seed.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Returns the stream of these numbers, in this order.
    pub(crate) fn new(parts: &[u64]) -> Self {
        let state = parts.iter().fold(0x6c61_6b65_6672_6f6e, |state, part| mix(mix(state ^ part).wrapping_add(GAMMA)));
        Self { state }
    }

    /// Returns 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// Returns 32 random bits.
    pub(crate) fn word(&mut self) -> u32 {
        high_word(self.bits())
    }

    /// Returns a number from 0 to `bound` - 1; 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        high_word(u64::from(self.word()) * u64::from(bound))
    }

    /// Returns a number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most - least + 1)
    }

    /// Returns a number from `least` to about twice 2^`num_doublings` times that, with equally likely doublings, like sizes
    /// and times.
    pub(crate) fn spread(&mut self, least: u32, num_doublings: u32) -> u32 {
        let scale = least << self.below(num_doublings + 1);
        scale + self.below(scale)
    }

    /// Returns true in `chance` of a hundred cases.
    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// Returns one of `items`, all equally likely. `items` is a table of this crate and never empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(index(items.len())) as usize]
    }
}

/// A choice among items of unequal weight, in constant time: Walker's alias method.
#[derive(Debug)]
pub(crate) struct Choice {
    /// For each item: in how many of 2^32 cases the item itself is drawn, and the item that is drawn in the others.
    slots: Vec<(u32, u32)>,
}

impl Choice {
    /// Returns a choice by Zipf's law: item `rank` has the weight 1 / (`rank` + `shift`). A greater shift makes the first items
    /// more equal.
    pub(crate) fn zipf(num_items: u32, shift: u32) -> Self {
        let weights: Vec<u64> = (0..num_items).map(|rank| (1 << 32) / u64::from(rank + shift)).collect();
        Self::new(&weights)
    }

    /// Returns a choice with these weights: each below 2^33, at most 2^20 of them, at least one above 0.
    pub(crate) fn new(weights: &[u64]) -> Self {
        let num_items = weights.len() as u64;
        let total: u64 = weights.iter().sum::<u64>().max(1);
        // Scaled so that a slot holds `total`. A slot with space left is filled with an item that has too much.
        let mut shares: Vec<u64> = weights.iter().map(|weight| weight * num_items).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..shares.len()).partition(|&item| shares[item] < total);
        let mut slots: Vec<(u32, u32)> = (0..weights.len()).map(|item| (u32::MAX, index(item))).collect();
        while let (Some(item), Some(&donor)) = (poor.pop(), rich.last()) {
            let own = (u128::from(shares[item]) << 32) / u128::from(total);
            slots[item] = (u32::try_from(own).expect("an item of the poor has less than a slot"), index(donor));
            shares[donor] -= total - shares[item];
            if shares[donor] < total {
                rich.pop();
                poor.push(donor);
            }
        }
        Self { slots }
    }

    /// Returns the number of an item.
    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.bits();
        let slot = high_word(u64::from(high_word(bits)) * self.slots.len() as u64) as usize;
        let (own, other) = self.slots[slot];
        if high_word(bits << 32) < own { slot } else { other as usize }
    }
}

/// Returns a number that is different for every number given, and looks random.
pub(crate) fn scramble(number: u32) -> u32 {
    // Xor-shifts and multiplications by odd numbers can be undone, so no two results are equal.
    let number = (number ^ (number >> 16)).wrapping_mul(0x7feb_352d);
    let number = (number ^ (number >> 15)).wrapping_mul(0x846c_a68b);
    number ^ (number >> 16)
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn high_word(bits: u64) -> u32 {
    (bits >> 32) as u32
}

fn index(item: usize) -> u32 {
    u32::try_from(item).expect("the tables of this crate are small")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_seed_never_change() {
        let mut random = Random { state: 0 };
        // The first outputs of SplitMix64 for the seed 0, as published with it.
        assert_eq!(random.bits(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.bits(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(random.bits(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn items_are_drawn_by_their_weights() {
        let choice = Choice::new(&[500, 0, 300, 200]);
        let mut random = Random::new(&[7]);
        let mut counts = [0_u32; 4];
        for _ in 0..100_000 {
            counts[choice.draw(&mut random)] += 1;
        }
        assert_eq!(counts[1], 0);
        for (count, expected) in counts.into_iter().zip([50_000, 0, 30_000, 20_000]) {
            assert!(count.abs_diff(expected) < 800, "{counts:?}");
        }
    }

    #[test]
    fn the_second_item_of_zipf_is_drawn_half_as_often_as_the_first() {
        let choice = Choice::zipf(1000, 1);
        let mut random = Random::new(&[8]);
        let mut counts = vec![0_u32; 1000];
        for _ in 0..200_000 {
            counts[choice.draw(&mut random)] += 1;
        }
        assert!((counts[1] * 2).abs_diff(counts[0]) < counts[0] / 10, "{:?}", &counts[..4]);
        assert!((counts[3] * 4).abs_diff(counts[0]) < counts[0] / 10, "{:?}", &counts[..4]);
    }

    #[test]
    fn numbers_stay_between_their_bounds() {
        let mut random = Random::new(&[9]);
        for _ in 0..10_000 {
            assert!(random.below(3) < 3);
            assert!((5..=9).contains(&random.between(5, 9)));
            assert!((100..800).contains(&random.spread(100, 2)));
        }
        assert_eq!(random.below(0), 0);
    }
}
