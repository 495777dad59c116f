//! Random numbers and Zipf choices from a seed, in whole numbers only, so that every machine draws the same ones.
//!
//! The numbers are `SplitMix64` (Steele, Lea and Flood, 2014): a counter that advances by an odd constant, its bits
//! mixed. That is quick, passes the usual statistical tests and is short enough to stand here for good, where a
//! library may change what a seed means.

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to these numbers, in this order.
    pub(crate) fn new(parts: &[u64]) -> Self {
        let state = parts.iter().fold(0x6c61_6b65_6672_6f6e, |state, part| mix(mix(state ^ part).wrapping_add(GAMMA)));
        Self { state }
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// 32 random bits.
    pub(crate) fn word(&mut self) -> u32 {
        high_word(self.bits())
    }

    /// A number from 0 to `bound` - 1; 0 where `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        high_word(u64::from(self.word()) * u64::from(bound))
    }

    /// A number from `least` to `most`.
    pub(crate) fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most - least + 1)
    }

    /// A number from `least` to about twice 2^`num_doublings` times that, each doubling as likely as the next: how
    /// sizes and times are spread.
    pub(crate) fn spread(&mut self, least: u32, num_doublings: u32) -> u32 {
        let scale = least << self.below(num_doublings + 1);
        scale + self.below(scale)
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, chance: u32) -> bool {
        self.below(100) < chance
    }

    /// One of `items`, each as likely as the next. `items` is a table of this crate and never empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(u32::try_from(items.len()).unwrap_or(u32::MAX)) as usize]
    }
}

/// A choice among items of unequal weight, in constant time: Walker's alias method.
#[derive(Debug)]
pub(crate) struct Choice {
    /// For each item: how often, out of 2^32, the item itself is meant, and which one is meant otherwise.
    slots: Vec<(u32, u32)>,
}

impl Choice {
    /// Zipf's law: item `rank` has the weight 1 / (`rank` + `shift`). The greater the shift, the flatter the head.
    pub(crate) fn zipf(num_items: u32, shift: u32) -> Self {
        let weights: Vec<u64> = (0..num_items).map(|rank| (1 << 32) / u64::from(rank + shift)).collect();
        Self::new(&weights)
    }

    /// Each weight below 2^33, as many as 2^20 of them, one at least above 0.
    pub(crate) fn new(weights: &[u64]) -> Self {
        let num_items = weights.len() as u64;
        let total: u64 = weights.iter().sum::<u64>().max(1);
        // Scaled so that `total` is what a slot holds. A slot with room left is filled up by an item with too much.
        let mut shares: Vec<u64> = weights.iter().map(|weight| weight * num_items).collect();
        let (mut poor, mut rich): (Vec<usize>, Vec<usize>) = (0..shares.len()).partition(|&item| shares[item] < total);
        let mut slots: Vec<(u32, u32)> = (0..weights.len()).map(|item| (u32::MAX, index(item))).collect();
        while let (Some(item), Some(&donor)) = (poor.pop(), rich.last()) {
            let own = (u128::from(shares[item]) << 32) / u128::from(total);
            slots[item] = (u32::try_from(own).unwrap_or(u32::MAX), index(donor));
            shares[donor] -= total - shares[item];
            if shares[donor] < total {
                rich.pop();
                poor.push(donor);
            }
        }
        Self { slots }
    }

    /// The number of an item.
    pub(crate) fn draw(&self, random: &mut Random) -> usize {
        let bits = random.bits();
        let slot = high_word(u64::from(high_word(bits)) * self.slots.len() as u64) as usize;
        let (own, other) = self.slots[slot];
        if high_word(bits << 32) < own { slot } else { other as usize }
    }
}

/// A number that differs for every number given, and looks random.
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
    u32::try_from(item).unwrap_or(u32::MAX)
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
    fn items_are_drawn_as_often_as_they_weigh() {
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
    fn the_second_of_zipf_comes_half_as_often_as_the_first() {
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
