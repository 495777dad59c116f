//! Text in, the positions of TABs and line ends out, line by line.
//!
//! A line of half a kilobyte has some thirty TABs, so a search for the next one would spend its time on starting.
//! Instead 64 bytes at a time become 64 bits, one for each byte that is a TAB. Line ends are searched for.

use memchr::memchr;

use crate::decode::text::as_u32;

/// Finds the TABs of lines, one line after the other.
pub(super) struct Delimiters<'t> {
    bytes: &'t [u8],
    /// Text position of the block at hand.
    block: usize,
    /// The TABs of the block that are not returned yet, the lowest bit for the first byte.
    tabs: u64,
}

/// A line that was split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split {
    /// Number of its TABs.
    pub(super) tabs: usize,
    /// Text position of its LF; `None` if the text ends before.
    pub(super) newline: Option<usize>,
}

const BLOCK_BYTES: usize = 64;
/// Number of places more than are wanted: they let a block's TABs be written without counting them.
pub(super) const SPARE_PLACES: usize = 8;

impl<'t> Delimiters<'t> {
    pub(super) fn new(bytes: &'t [u8], from: usize) -> Self {
        Self { bytes, block: from, tabs: find(bytes, from) }
    }

    /// Splits the line that starts at `start`, after the end of the line before. The positions of its TABs go into
    /// `places`, as many as these are without [`SPARE_PLACES`]; after the last one there may be any numbers. With `skips`,
    /// no more TABs than these are counted.
    pub(super) fn split_line(&mut self, start: usize, places: &mut [u32], skips: bool) -> Split {
        let newline = memchr(b'\n', &self.bytes[start..]).map(|after| start + after);
        let end = newline.unwrap_or(self.bytes.len());
        let room = places.len().saturating_sub(SPARE_PLACES);
        let mut count = 0;
        loop {
            let left = end.saturating_sub(self.block);
            let end_bit = u32::try_from(left).ok().and_then(|left| 1_u64.checked_shl(left));
            let in_line = end_bit.map_or(u64::MAX, |bit| bit - 1);
            let mut tabs = self.tabs & in_line;
            self.tabs &= !in_line;
            let block = as_u32(self.block);
            let mut from = count;
            count += tabs.count_ones() as usize;
            // As many at a time as most blocks have, or fewer: how many there are decides nothing.
            while let Some(places) = places.get_mut(from..).and_then(<[u32]>::first_chunk_mut::<SPARE_PLACES>) {
                for place in places {
                    *place = block.wrapping_add(tabs.trailing_zeros());
                    tabs &= tabs.wrapping_sub(1);
                }
                if tabs == 0 {
                    break;
                }
                from += SPARE_PLACES;
            }
            if skips && count > room {
                *self = Self::new(self.bytes, newline.map_or(end, |at| at + 1));
                return Split { tabs: room, newline };
            }
            if end_bit.is_some() {
                return Split { tabs: count, newline };
            }
            self.block += BLOCK_BYTES;
            self.tabs = find(self.bytes, self.block);
        }
    }
}

/// Returns one bit for each byte of the block at `from`; none of them is set after the end of the text.
#[inline]
fn find(bytes: &[u8], from: usize) -> u64 {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.first_chunk().map_or_else(|| find_in_end(rest), find_in_block)
}

/// The last block of a text, which is not whole.
#[cold]
fn find_in_end(rest: &[u8]) -> u64 {
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
    let is_tab = block.map(|byte| if byte == b'\t' { u8::MAX } else { 0 });
    let (words, _) = is_tab.as_chunks();
    // Bit `place` of the n-th byte is now set if the n-th byte of the word at `place` is a TAB: columns become rows.
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

    /// Returns the TABs and the ends of all lines.
    fn all(bytes: &[u8], from: usize) -> (Vec<usize>, Vec<usize>) {
        let mut delimiters = Delimiters::new(bytes, from);
        let (mut tabs, mut newlines, mut start) = (vec![], vec![], from);
        loop {
            let mut places = [0; 512];
            let line = delimiters.split_line(start, &mut places, false);
            tabs.extend(places[..line.tabs].iter().map(|at| *at as usize));
            let Some(newline) = line.newline else { return (tabs, newlines) };
            newlines.push(newline);
            start = newline + 1;
        }
    }

    fn expected(bytes: &[u8], from: usize) -> (Vec<usize>, Vec<usize>) {
        let of = |wanted| (from..bytes.len()).filter(|&at| bytes[at] == wanted).collect();
        (of(b'\t'), of(b'\n'))
    }

    #[test]
    fn each_one_is_found_at_any_place() {
        for length in 0..200 {
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut bytes = vec![b'x'; length];
                    bytes[at] = byte;
                    assert_eq!(all(&bytes, 0), expected(&bytes, 0), "byte {byte} at {at} of {length}");
                }
            }
        }
    }

    #[test]
    fn all_are_found_in_order_from_any_place_on() {
        let mixed: Vec<u8> = (0..400_usize).map(|at| b"\t\nab\t\xff\x89\x8a\x08\x0b"[at * at % 10]).collect();
        let lines = [&[b'\t'; 64][..], b"\n", &[b'\t'; 63], b"\n", &[b'x'; 127], b"\n\t\n\n", &[b'\t'; 130]].concat();
        for bytes in [mixed, lines] {
            for from in 0..=bytes.len() {
                assert_eq!(all(&bytes, from), expected(&bytes, from), "from {from}");
            }
        }
    }

    #[test]
    fn tabs_without_a_place_are_counted_or_skipped() {
        let bytes = [&[b'\t'; 100][..], b"\n\t", &[b'x'; 100], b"\t\n", &[b'\t'; 70]].concat();
        for (skips, tabs) in [(false, [100, 2, 70]), (true, [3, 2, 3])] {
            let mut delimiters = Delimiters::new(&bytes, 0);
            let mut places = [0; 3 + SPARE_PLACES];
            assert_eq!(delimiters.split_line(0, &mut places, skips), Split { tabs: tabs[0], newline: Some(100) });
            assert_eq!(places[..3], [0, 1, 2]);
            assert_eq!(delimiters.split_line(101, &mut places, skips), Split { tabs: tabs[1], newline: Some(203) });
            assert_eq!(places[..2], [101, 202]);
            assert_eq!(delimiters.split_line(204, &mut places, skips), Split { tabs: tabs[2], newline: None });
            assert_eq!(places[..3], [204, 205, 206]);
        }
    }
}
