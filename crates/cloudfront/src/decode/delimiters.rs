//! Where TABs and line ends stand in a text, one after the other.
//!
//! A line of half a kilobyte has some thirty of them, so a search for the next one would spend its time on starting.
//! Instead 64 bytes at a time become 64 bits, one for each byte that is a TAB or a line end.

use memchr::memchr;

/// Finds TABs and line ends.
pub(super) struct Delimiters<'t> {
    bytes: &'t [u8],
    /// Where the block at hand starts.
    block: usize,
    /// Which bytes of the block are still to be told, the lowest bit for the first byte.
    found: u64,
}

const BLOCK_BYTES: usize = 64;

impl<'t> Delimiters<'t> {
    pub(super) fn new(bytes: &'t [u8], from: usize) -> Self {
        Self { bytes, block: from, found: find(bytes, from) }
    }

    /// The position of the next one.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let next_block = self.block + BLOCK_BYTES;
            if next_block >= self.bytes.len() {
                return None;
            }
            self.block = next_block;
            self.found = find(self.bytes, next_block);
        }
        let at = self.block + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(at)
    }

    /// The end of the line that `at` stands in, and what finds on from there: TABs before it are passed over.
    pub(super) fn skip_line(bytes: &'t [u8], at: usize) -> (Option<usize>, Self) {
        let newline = memchr(b'\n', bytes.get(at..).unwrap_or_default()).map(|behind| at + behind);
        (newline, Self::new(bytes, newline.map_or(bytes.len(), |at| at + 1)))
    }
}

/// One bit for each byte of the block at `from`; what lies behind the text is no delimiter.
#[inline(never)]
fn find(bytes: &[u8], from: usize) -> u64 {
    let rest = bytes.get(from..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return find_in_block(block);
    }
    let mut block = [0; BLOCK_BYTES];
    for (to, byte) in block.iter_mut().zip(rest) {
        *to = *byte;
    }
    find_in_block(&block)
}

/// Written so that the compiler compares 16 bytes at a time.
#[inline]
fn find_in_block(block: &[u8; BLOCK_BYTES]) -> u64 {
    const LOWEST_BITS: u64 = 0x0101_0101_0101_0101;
    let is_delimiter = block.map(|byte| if matches!(byte, b'\t' | b'\n') { u8::MAX } else { 0 });
    let (words, _) = is_delimiter.as_chunks();
    // Bit `place` of the n-th byte now says what the n-th byte of the word at `place` is: columns are to become rows.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], from: usize) -> Vec<usize> {
        let mut delimiters = Delimiters::new(bytes, from);
        std::iter::from_fn(|| delimiters.next()).collect()
    }

    #[test]
    fn each_one_is_found_wherever_it_stands() {
        for length in 0..200 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    let expected = if matches!(byte, b'\t' | b'\n') { vec![at] } else { vec![] };
                    assert_eq!(all(&bytes, 0), expected, "byte {byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn all_are_found_in_order_from_any_place_on() {
        let bytes: Vec<u8> = (0..400_usize).map(|at| b"\t\nab\t\xff\x89\x8a\x08\x0b"[at * at % 10]).collect();
        for from in 0..=bytes.len() {
            let expected: Vec<usize> = (from..bytes.len()).filter(|&at| matches!(bytes[at], b'\t' | b'\n')).collect();
            assert_eq!(all(&bytes, from), expected, "from {from}");
        }
    }

    #[test]
    fn a_line_is_skipped_to_its_end() {
        let bytes = [&[b'\t'; 100][..], b"\n\t", &[b'x'; 100], b"\t"].concat();
        let (newline, mut behind) = Delimiters::skip_line(&bytes, 3);
        assert_eq!((newline, behind.next()), (Some(100), Some(101)));
        let (newline, mut behind) = Delimiters::skip_line(&bytes, 101);
        assert_eq!((newline, behind.next()), (None, None));
    }
}
