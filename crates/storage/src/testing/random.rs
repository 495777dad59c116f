//! Pseudo-random numbers, the same for the same seed: the generator splitmix64.

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// Returns the stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Returns the stream of a seed and a number: streams of neighbours are independent.
    pub fn of(seed: u64, number: u64) -> Self {
        Self::new(Self::new(seed).next_number() ^ Self::new(!number).next_number())
    }

    /// Returns the next number.
    pub fn next_number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns the next number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next_number().checked_rem(end).unwrap_or(0)
    }

    /// Returns the next number from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        let half = u32::try_from(self.next_number() >> 32).unwrap_or(u32::MAX);
        f64::from(half) / (f64::from(u32::MAX) + 1.0)
    }
}
