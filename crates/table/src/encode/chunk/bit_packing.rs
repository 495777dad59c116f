//! Small whole numbers in, packed bits out: the encoding of dictionary ids and definition levels.
//!
//! Format: "RLE/Bit-Packing Hybrid" of the Parquet format's Encodings page.

/// Number of values that are packed together.
const GROUP: usize = 8;
/// Least number of groups of a run. A shorter one is packed like its neighbours: its two headers would cost more bytes.
const MIN_RUN_GROUPS: usize = 3;
/// Largest number of groups that are packed with one header, so that the header is one byte, as with all writers.
const MAX_PACKED_GROUPS: usize = 63;

/// Returns the number of bits that `value` takes.
pub(crate) fn width_of(value: u32) -> u32 {
    u32::BITS - value.leading_zeros()
}

/// Writes a number in unsigned LEB128.
pub(crate) fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// Writes values of `width` bits as runs and packed groups.
pub(crate) fn hybrid(values: &[u32], width: u32, out: &mut Vec<u8>) {
    let (groups, rest) = values.as_chunks::<GROUP>();
    let mut packed_from = 0;
    let mut at = 0;
    while let Some(group) = groups.get(at) {
        let [first, ..] = *group;
        let run = [first; GROUP];
        if *group != run {
            at += 1;
            continue;
        }
        let run_groups = groups[at..].iter().take_while(|group| **group == run).count();
        if run_groups >= MIN_RUN_GROUPS {
            packed(&groups[packed_from..at], width, out);
            let reaches_end = at + run_groups == groups.len() && rest.iter().all(|value| *value == first);
            run_of(first, run_groups * GROUP + if reaches_end { rest.len() } else { 0 }, width, out);
            if reaches_end {
                return;
            }
            packed_from = at + run_groups;
        }
        at += run_groups;
    }
    packed(&groups[packed_from..], width, out);
    if let Some(&first) = rest.first() {
        if rest.iter().all(|value| *value == first) {
            run_of(first, rest.len(), width, out);
        } else {
            let mut group = [0; GROUP];
            group.iter_mut().zip(rest).for_each(|(into, value)| *into = *value);
            packed(&[group], width, out);
        }
    }
}

/// Writes the same value `count` times.
pub(crate) fn run_of(value: u32, count: usize, width: u32, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Writes values of one bit that are packed already: eight a byte, the lowest bit first. After the last one there may be
/// zeros.
pub(crate) fn packed_bits(bytes: &[u8], out: &mut Vec<u8>) {
    for stretch in bytes.chunks(MAX_PACKED_GROUPS) {
        varint((stretch.len() as u64) << 1 | 1, out);
        out.extend_from_slice(stretch);
    }
}

fn packed(groups: &[[u32; GROUP]], width: u32, out: &mut Vec<u8>) {
    for stretch in groups.chunks(MAX_PACKED_GROUPS) {
        varint((stretch.len() as u64) << 1 | 1, out);
        out.reserve(stretch.len() * width as usize + size_of::<u128>());
        for group in stretch {
            pack_group(group, width, out);
        }
    }
}

#[inline]
fn pack_group(group: &[u32; GROUP], width: u32, out: &mut Vec<u8>) {
    let end = out.len() + width as usize;
    if width <= 8 {
        let word = group.iter().rev().fold(0_u64, |word, value| word << width | u64::from(*value));
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(end);
    } else if width <= 16 {
        let word = group.iter().rev().fold(0_u128, |word, value| word << width | u128::from(*value));
        out.extend_from_slice(&word.to_le_bytes());
        out.truncate(end);
    } else {
        pack_wide(group, width, out);
    }
}

/// Packs eight values of any width, one after another, the lowest bit first: as many bytes as a value has bits.
fn pack_wide(group: &[u32; GROUP], width: u32, out: &mut Vec<u8>) {
    let (mut word, mut bits) = (0_u64, 0);
    for value in group {
        word |= u64::from(*value) << bits;
        bits += width;
        while bits >= u8::BITS {
            out.push(low_byte(word));
            word >>= u8::BITS;
            bits -= u8::BITS;
        }
    }
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_format_are_encoded_the_same() {
        // "the numbers 0 through 7 with bit width 3" of the Parquet format's Encodings page.
        let mut out = Vec::new();
        hybrid(&[0, 1, 2, 3, 4, 5, 6, 7], 3, &mut out);
        assert_eq!(out, [3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        let mut out = Vec::new();
        hybrid(&[4; 100], 3, &mut out);
        assert_eq!(out, [200, 1, 4], "a run of 100");
        let mut out = Vec::new();
        varint(1_000, &mut out);
        assert_eq!(out, [0xe8, 0x07]);
    }

    #[test]
    fn a_run_of_no_bits_is_a_header_only() {
        let mut out = Vec::new();
        hybrid(&[0; 5], 0, &mut out);
        assert_eq!(out, [10]);
    }

    #[test]
    fn a_width_is_the_number_of_bits_of_a_value() {
        assert_eq!([0, 1, 2, 3, 255, 256, u32::MAX].map(width_of), [0, 1, 2, 2, 8, 9, 32]);
    }

    #[test]
    fn values_of_any_width_are_packed_with_their_lowest_bits_first() {
        for width in 1..=u32::BITS {
            let most = u32::MAX >> (u32::BITS - width);
            let group = [most, 0, most / 3, most - most / 5, 1, most / 7, most, most / 2];
            let mut out = Vec::new();
            packed(&[group], width, &mut out);
            assert_eq!((out[0], out.len()), (3, 1 + width as usize), "{width} bits");
            let bit = |at: u32| u32::from(out[1 + at as usize / 8] >> (at % 8) & 1);
            let value = |place: u32| (0..width).map(|at| bit(place * width + at) << at).sum::<u32>();
            assert_eq!([0, 1, 2, 3, 4, 5, 6, 7].map(value), group, "{width} bits");
        }
    }
}
