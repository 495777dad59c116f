//! Text in, the positions of its TABs and line ends out: 64 bytes at a time become 64 bits, one for each separator.
//!
//! A line of half a kilobyte has some thirty TABs, so a search for each next one would spend its time on starting.
//!
//! There are two ways to the same bits: AVX2's compares, where the processor has them, and a portable one, for which the
//! compiler finds what vectors it may use. A test compares them, and a fuzz target does.

use lakefront_schema::row_block::TEXT_PADDING;

use crate::decode::text::as_u32;

/// The separators of a stretch of text that starts at the start of a line.
#[derive(Debug, Default)]
pub(crate) struct Separators {
    /// Positions in the text: that before the first line, then each TAB and each LF. After `count` there are leftovers.
    bounds: Vec<u32>,
    count: usize,
    /// For each LF its index in `bounds`.
    line_ends: Vec<u32>,
    is_ascii: bool,
}

const BLOCK_BYTES: usize = TEXT_PADDING;
/// Number of positions that are written at a time: as many as most blocks have, or fewer.
const AT_ONCE: usize = 8;

/// One bit for each byte of a block, the lowest one for the first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bits {
    line_ends: u64,
    /// TABs and line ends.
    separators: u64,
    /// Bytes that are not ASCII.
    high: u64,
}

impl Separators {
    /// Begins a stretch at the line that starts at position `from`, which is not 0.
    pub(crate) fn begin(&mut self, from: usize) {
        self.line_ends.clear();
        self.is_ascii = true;
        self.reserve(AT_ONCE);
        self.bounds[0] = as_u32(from - 1);
        self.count = 1;
    }

    /// Adds the separators of `text[from..to]`, which follows the text so far.
    ///
    /// # Panics
    /// There are fewer than [`TEXT_PADDING`] bytes after `to`.
    pub(crate) fn extend(&mut self, padded: &[u8], from: usize, to: usize) {
        assert!(from <= to && to + TEXT_PADDING <= padded.len(), "a text has padding behind it");
        #[cfg(target_arch = "x86_64")]
        if avx2::is_there() {
            return avx2::extend(self, padded, from, to);
        }
        self.extend_by(padded, from, to, portable::bits_of);
    }

    /// Returns the positions of all separators: that before the first line, then those in the text.
    #[inline]
    pub(crate) fn bounds(&self) -> &[u32] {
        &self.bounds[..self.count]
    }

    /// Returns for each LF its index in [`Self::bounds`].
    #[inline]
    pub(crate) fn line_ends(&self) -> &[u32] {
        &self.line_ends
    }

    /// Returns whether the text is ASCII.
    pub(crate) fn is_ascii(&self) -> bool {
        self.is_ascii
    }

    /// Makes room for this many more positions.
    fn reserve(&mut self, places: usize) {
        let needed = self.count + places;
        if self.bounds.len() < needed {
            self.bounds.resize(needed.max(self.bounds.len() * 2), 0);
        }
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "only inlined is it compiled for the instructions of its caller")]
    fn extend_by(&mut self, padded: &[u8], from: usize, to: usize, bits_of: impl Fn(&[u8; BLOCK_BYTES]) -> Bits) {
        let mut high = 0;
        let mut at = from;
        while at < to {
            self.reserve(BLOCK_BYTES + AT_ONCE);
            let block = padded[at..].first_chunk().expect("padding is as long as a block");
            let mut bits = bits_of(block);
            if let Some(kept) = u32::try_from(to - at).ok().and_then(|left| 1_u64.checked_shl(left)) {
                let kept = kept - 1;
                bits = Bits {
                    line_ends: bits.line_ends & kept,
                    separators: bits.separators & kept,
                    high: bits.high & kept,
                };
            }
            high |= bits.high;
            let mut line_ends = bits.line_ends;
            while line_ends != 0 {
                let before = (line_ends & line_ends.wrapping_neg()) - 1;
                let index = self.count + (bits.separators & before).count_ones() as usize;
                self.line_ends.push(as_u32(index));
                line_ends &= line_ends - 1;
            }
            let (mut left, mut place) = (bits.separators, self.count);
            let block_at = as_u32(at);
            // How many there are decides nothing as long as they are not more than fit at once.
            while let Some(places) = self.bounds.get_mut(place..).and_then(<[u32]>::first_chunk_mut::<AT_ONCE>) {
                for place in places {
                    *place = block_at.wrapping_add(left.trailing_zeros());
                    left &= left.wrapping_sub(1);
                }
                if left == 0 {
                    break;
                }
                place += AT_ONCE;
            }
            self.count += bits.separators.count_ones() as usize;
            at += BLOCK_BYTES;
        }
        self.is_ascii &= high == 0;
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    //! The bits of a block by AVX2.

    use std::arch::x86_64::{
        __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    };

    use super::{BLOCK_BYTES, Bits, Separators};

    const VECTOR_BYTES: usize = BLOCK_BYTES / 2;

    /// Returns whether this processor has the instructions.
    #[inline]
    pub(super) fn is_there() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("popcnt")
    }

    /// Does what [`Separators::extend`] does.
    pub(super) fn extend(separators: &mut Separators, padded: &[u8], from: usize, to: usize) {
        assert!(is_there(), "the caller has looked");
        #[expect(unsafe_code, reason = "the compiler cannot know which processor it will be")]
        // SAFETY: the processor has the instructions, as was checked a line ago.
        unsafe {
            with_avx2(separators, padded, from, to);
        }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn with_avx2(separators: &mut Separators, padded: &[u8], from: usize, to: usize) {
        separators.extend_by(padded, from, to, |block| bits_of(block));
    }

    #[inline]
    #[target_feature(enable = "avx2,bmi1,popcnt")]
    fn bits_of(block: &[u8; BLOCK_BYTES]) -> Bits {
        let (halves, _) = block.as_chunks::<VECTOR_BYTES>();
        let [low, high] = [load(&halves[0]), load(&halves[1])];
        let (tab, line_end) = (_mm256_set1_epi8(b'\t'.cast_signed()), _mm256_set1_epi8(b'\n'.cast_signed()));
        let is_line_end = [_mm256_cmpeq_epi8(low, line_end), _mm256_cmpeq_epi8(high, line_end)];
        let is_tab = [_mm256_cmpeq_epi8(low, tab), _mm256_cmpeq_epi8(high, tab)];
        let is_separator = [_mm256_or_si256(is_line_end[0], is_tab[0]), _mm256_or_si256(is_line_end[1], is_tab[1])];
        Bits { line_ends: mask(is_line_end), separators: mask(is_separator), high: mask([low, high]) }
    }

    /// Returns the highest bit of each byte.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask([low, high]: [__m256i; 2]) -> u64 {
        let [low, high] = [_mm256_movemask_epi8(low), _mm256_movemask_epi8(high)].map(i32::cast_unsigned);
        u64::from(low) | u64::from(high) << u32::BITS
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn load(bytes: &[u8; VECTOR_BYTES]) -> __m256i {
        #[expect(unsafe_code, reason = "std has no safe way from an array to a vector")]
        // SAFETY: the reference is to 32 bytes, and the instruction needs no alignment.
        unsafe {
            _mm256_loadu_si256(std::ptr::from_ref(bytes).cast())
        }
    }
}

mod portable {
    //! The bits of a block on any processor.

    use super::{BLOCK_BYTES, Bits};

    pub(super) fn bits_of(block: &[u8; BLOCK_BYTES]) -> Bits {
        let line_ends = bits(block, |byte| byte == b'\n');
        Bits {
            line_ends,
            separators: line_ends | bits(block, |byte| byte == b'\t'),
            high: bits(block, |byte| byte >= 0x80),
        }
    }

    /// Written so that the compiler compares 16 bytes at a time.
    #[inline]
    fn bits(block: &[u8; BLOCK_BYTES], is_wanted: impl Fn(u8) -> bool) -> u64 {
        const LOWEST_BITS: u64 = 0x0101_0101_0101_0101;
        let found = block.map(|byte| if is_wanted(byte) { u8::MAX } else { 0 });
        let (words, _) = found.as_chunks();
        // Bit `place` of the n-th byte is now set if the n-th byte of the word at `place` is wanted: columns become rows.
        let bits = words
            .iter()
            .enumerate()
            .fold(0, |bits, (place, word)| bits | u64::from_le_bytes(*word) & (LOWEST_BITS << place));
        transpose(bits)
    }

    /// Swaps bit n of byte m with bit m of byte n: single bits across the diagonal first, then squares of two by two and of
    /// four by four.
    #[inline]
    fn transpose(bits: u64) -> u64 {
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)].into_iter().fold(
            bits,
            |bits, (distance, upper)| {
                let differing = (bits ^ bits >> distance) & upper;
                bits ^ differing ^ differing << distance
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Separators as found: the bounds, the indexes of line ends, and whether all is ASCII.
    type Found = (Vec<u32>, Vec<u32>, bool);

    fn found(separators: &Separators) -> Found {
        (separators.bounds().to_vec(), separators.line_ends().to_vec(), separators.is_ascii())
    }

    /// Splits by each of the ways.
    fn all_ways(padded: &[u8], from: usize, to: usize) -> Vec<Found> {
        let mut by_choice = Separators::default();
        by_choice.begin(from);
        by_choice.extend(padded, from, to);
        let mut portable = Separators::default();
        portable.begin(from);
        portable.extend_by(padded, from, to, portable::bits_of);
        vec![found(&by_choice), found(&portable)]
    }

    fn expected(padded: &[u8], from: usize, to: usize) -> Found {
        let is_separator = |at: &usize| matches!(padded[*at], b'\t' | b'\n');
        let bounds: Vec<usize> = std::iter::once(from - 1).chain((from..to).filter(is_separator)).collect();
        let is_line_end = |place: &usize| padded[bounds[*place]] == b'\n';
        let line_ends = (1..bounds.len()).filter(is_line_end).map(as_u32).collect();
        (bounds.iter().copied().map(as_u32).collect(), line_ends, padded[from..to].is_ascii())
    }

    #[test]
    fn each_separator_is_found_at_any_place() {
        for length in 1..140 {
            for at in 1..length {
                for byte in [b'\t', b'\n', b'\r', 0, 8, 11, 0x7f, 0x80, 0x89, 0x8a, 0xff, b'x'] {
                    let mut padded = vec![b'x'; length + TEXT_PADDING];
                    padded[at] = byte;
                    // What is behind the text does not count.
                    padded[length..].fill(byte);
                    for found in all_ways(&padded, 1, length) {
                        assert_eq!(found, expected(&padded, 1, length), "byte {byte} at {at} of {length}");
                    }
                }
            }
        }
    }

    #[test]
    fn all_separators_are_found_in_order_from_any_place_on() {
        let mixed: Vec<u8> = (0..400_usize).map(|at| b"\t\nab\t\xff\x89\x8a\x08\x0b"[at * at % 10]).collect();
        let lines = [&[b'\t'; 64][..], b"\n", &[b'\t'; 63], b"\n", &[b'x'; 127], b"\n\t\n\n", &[b'\t'; 130]].concat();
        for bytes in [mixed, lines] {
            let padded = [&bytes[..], &[b'\n'; TEXT_PADDING]].concat();
            for from in 1..=bytes.len() {
                for found in all_ways(&padded, from, bytes.len()) {
                    assert_eq!(found, expected(&padded, from, bytes.len()), "from {from}");
                }
            }
        }
    }

    #[test]
    fn a_stretch_may_be_added_to() {
        let padded = [&b"\na\tb\nc\td\xc3\xa9"[..], &[0; TEXT_PADDING]].concat();
        let end = padded.len() - TEXT_PADDING;
        for cut in 1..=end {
            let mut separators = Separators::default();
            separators.begin(1);
            separators.extend(&padded, 1, cut);
            separators.extend(&padded, cut, end);
            assert_eq!(found(&separators), expected(&padded, 1, end), "cut at {cut}");
        }
    }
}
