//! Looks cells up by AVX2 and AES instructions: the fast twin of [`super::portable`].
//!
//! The ids are the same by either way, as they are in the order of the first cells. A test compares the two.

use std::arch::x86_64::{
    __m128i, __m256i, _MM_HINT_T0, _mm_aesenc_si128, _mm_and_si128, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_or_si128,
    _mm_prefetch, _mm_set_epi64x, _mm_setzero_si128, _mm_storeu_si128, _mm_testz_si128, _mm_unpackhi_epi64,
    _mm_xor_si128, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_movemask_epi8,
};

use super::{AT_ONCE, Cells, Dictionary, INLINE_BYTES, KEPT_BITS, Key, SEEDS, Slot, Wanted, hash_of_short, shortened};

/// Returns whether this processor has the instructions.
#[inline]
pub(super) fn is_there() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("aes")
}

/// Returns the hash of a string of more than 16 bytes.
pub(super) fn hash_of_long(string: &[u8]) -> u32 {
    assert!(string.len() > INLINE_BYTES && is_there(), "the caller has looked");
    #[expect(unsafe_code, reason = "the compiler cannot know which processor it will be")]
    // SAFETY: the processor has the instructions, and the string is long enough, as was checked a line ago.
    unsafe {
        hash(string.as_ptr(), string.len())
    }
}

/// The cells at hand, and their ids. It is written over from one look-up to the next, as clearing it would take as long as
/// looking up what is nearly always the same.
#[derive(Debug)]
pub(super) struct Scratch {
    cells: [HashedCell; AT_ONCE],
    ids: [u32; AT_ONCE],
}

/// A cell, and its hash.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(32))]
struct HashedCell {
    wanted: Wanted,
    hash: u32,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { cells: [HashedCell::default(); AT_ONCE], ids: [0; AT_ONCE] }
    }
}

/// Number of slots from which a dictionary does not stay in the nearest cache: 32 KiB of them.
const MANY_SLOTS: usize = 1024;

/// Adds the ids of at most [`AT_ONCE`] cells.
pub(super) fn look_up(dictionary: &mut Dictionary, cells: Cells<'_>, scratch: &mut Scratch, ids: &mut Vec<u32>) {
    assert!(is_there() && cells.len() <= AT_ONCE, "the caller has looked");
    #[expect(unsafe_code, reason = "the compiler cannot know which processor it will be")]
    // SAFETY: the processor has the instructions, and there are not more cells, as was checked a line ago.
    unsafe {
        with_avx2(dictionary, cells, scratch, ids);
    }
}

/// # Safety
/// There are at most [`AT_ONCE`] cells.
#[expect(unsafe_code, reason = "cells are read without looking at the ends of text and bounds")]
#[target_feature(enable = "avx2,aes")]
unsafe fn with_avx2(dictionary: &mut Dictionary, cells: Cells<'_>, scratch: &mut Scratch, ids: &mut Vec<u32>) {
    let (padded, text) = (cells.padded(), cells.padded().as_ptr());
    let (bounds, mut places) = cells.bounds();
    let read = |place: usize, into: &mut Wanted| {
        // SAFETY: by the invariants of `Cells`, the bound at `place` is followed by another one, both are positions in the
        // text, and 16 bytes can be read from any of these; a table entry is 16 bytes, and so is a key.
        unsafe {
            let start = bounds.get_unchecked(place) + 1;
            let length = bounds.get_unchecked(place + 1) - start;
            let kept = KEPT_BITS.as_ptr().add((length as usize).min(INLINE_BYTES));
            let key = _mm_and_si128(load_16(text.add(start as usize)), load_16(kept.cast()));
            _mm_storeu_si128((&raw mut into.key).cast(), key);
            (into.start, into.length) = (start, length);
            key
        }
    };
    let known = &mut scratch.cells[..cells.len()];
    let Some(((first, others), place)) = known.split_first_mut().zip(places.next()) else { return };
    let first_key = read(place, &mut first.wanted);
    let first_length = first.wanted.length;
    let (mut differing, mut differing_lengths, mut all_lengths) = (_mm_setzero_si128(), 0, first_length);
    for (cell, place) in others.iter_mut().zip(places) {
        let key = read(place, &mut cell.wanted);
        differing = _mm_or_si128(differing, _mm_xor_si128(key, first_key));
        differing_lengths |= cell.wanted.length ^ first_length;
        all_lengths |= cell.wanted.length;
    }
    // Lengths from 0 to 15, or 16 for all of them.
    let are_short = all_lengths as usize <= INLINE_BYTES;
    let is_one = differing_lengths == 0 && _mm_testz_si128(differing, differing) != 0;
    // SAFETY: the cell of each start is of this length, of more than 16 bytes unless all are short, and lies in the text.
    if is_one && (are_short || unsafe { are_same(text, first, others) }) {
        let id = dictionary.id_of_wanted(padded, first.wanted);
        return ids.resize(ids.len() + cells.len(), id);
    }
    let found = &mut scratch.ids[..known.len()];
    let has_many_slots = dictionary.slots.len() >= MANY_SLOTS;
    if are_short && !has_many_slots {
        for (cell, id) in known.iter().zip(found.iter_mut()) {
            let hash = hash_of_short(cell.wanted.key, cell.wanted.length);
            *id = id_of_short(dictionary, cell.wanted, hash);
        }
        return ids.extend_from_slice(found);
    }
    for cell in known.iter_mut() {
        let Wanted { key, start, length } = cell.wanted;
        cell.hash = if length as usize <= INLINE_BYTES {
            hash_of_short(key, length)
        } else {
            // SAFETY: the cell of this start is of this length, and lies in the text.
            unsafe { hash(text.add(start as usize), length as usize) }
        };
        // SAFETY: a prefetch reads nothing; the mask is less than the number of slots.
        unsafe {
            let slot = dictionary.slots.as_ptr().add(cell.hash as usize & dictionary.slots.mask());
            _mm_prefetch::<_MM_HINT_T0>(slot.cast());
        }
    }
    if are_short {
        for (cell, id) in known.iter().zip(found.iter_mut()) {
            *id = id_of_short(dictionary, cell.wanted, cell.hash);
        }
        return ids.extend_from_slice(found);
    }
    if has_many_slots {
        for cell in known.iter() {
            // SAFETY: a prefetch reads nothing; the mask is less than the number of slots; a slot's start is in the page.
            unsafe {
                let slot = dictionary.slots.get_unchecked(cell.hash as usize & dictionary.slots.mask());
                let string = dictionary.page.as_ptr().add(slot.start as usize);
                _mm_prefetch::<_MM_HINT_T0>(string.cast());
                _mm_prefetch::<_MM_HINT_T0>(string.add((slot.length as usize).saturating_sub(1)).cast());
            }
        }
    }
    for (cell, id) in known.iter().zip(found.iter_mut()) {
        let Wanted { key, start, length } = cell.wanted;
        let page = dictionary.page.as_slice();
        let is_wanted = |slot: &Slot| {
            let is_alike = slot.hash == cell.hash && slot.length == length && is_key(slot.key, key);
            if !is_alike || length as usize <= INLINE_BYTES {
                return is_alike;
            }
            let known = &page[slot.start as usize..][..length as usize];
            // SAFETY: the cell of this start is of this length, as is the known string, and lies in the text.
            unsafe { is_same(known.as_ptr(), text.add(start as usize), length as usize) }
        };
        *id = match search(&dictionary.slots, cell.hash, is_wanted) {
            Some(id) => id,
            None => dictionary.id_of_hash(padded, cell.wanted, cell.hash),
        };
    }
    ids.extend_from_slice(found);
}

#[inline]
#[target_feature(enable = "avx2")]
fn id_of_short(dictionary: &mut Dictionary, wanted: Wanted, hash: u32) -> u32 {
    let is_wanted = |slot: &Slot| slot.length == wanted.length && is_key(slot.key, wanted.key);
    match search(&dictionary.slots, hash, is_wanted) {
        Some(id) => id,
        None => dictionary.short(wanted, hash),
    }
}

/// Returns the id of a string that has its slot where its hash says, or after that; `None` if it has none.
#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "the slot is read without looking at the end of the table")]
fn search(slots: &[Slot], hash: u32, is_wanted: impl Fn(&Slot) -> bool) -> Option<u32> {
    let mask = slots.len() - 1;
    let mut at = hash as usize & mask;
    loop {
        // SAFETY: the mask is less than the number of slots.
        let slot = unsafe { slots.get_unchecked(at) };
        if slot.id_plus_1 == 0 {
            return None;
        }
        if is_wanted(slot) {
            return Some(slot.id_plus_1 - 1);
        }
        at = (at + 1) & mask;
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn is_key(known: Key, key: Key) -> bool {
    let [known, key] = [known, key].map(|key| _mm_set_epi64x(key[1].cast_signed(), key[0].cast_signed()));
    let differing = _mm_xor_si128(known, key);
    _mm_testz_si128(differing, differing) != 0
}

/// Returns whether all cells are the same whose first 16 bytes are.
///
/// # Safety
/// Each cell lies in `text`, and has the same length, which is more than 16.
#[inline]
#[expect(unsafe_code, reason = "cells are compared without looking at the end of the text")]
#[target_feature(enable = "avx2")]
unsafe fn are_same(text: *const u8, first: &HashedCell, others: &[HashedCell]) -> bool {
    // SAFETY: that is the contract of this function.
    let string = |cell: &HashedCell| unsafe { text.add(cell.wanted.start as usize) };
    let (known, length) = (string(first), first.wanted.length as usize);
    // SAFETY: both have this length.
    others.iter().all(|cell| unsafe { is_same(known, string(cell), length) })
}

/// Returns whether two strings are the same whose first 16 bytes are.
///
/// # Safety
/// Both have `length` bytes, which are more than 16.
#[inline]
#[expect(unsafe_code, reason = "strings are compared without looking at their ends")]
#[target_feature(enable = "avx2")]
unsafe fn is_same(known: *const u8, string: *const u8, length: usize) -> bool {
    let mut at = INLINE_BYTES;
    while at + 32 < length {
        // SAFETY: there are more than 32 bytes from `at` on.
        let [known, string] = unsafe { [load_32(known.add(at)), load_32(string.add(at))] };
        if _mm256_movemask_epi8(_mm256_cmpeq_epi8(known, string)) != -1 {
            return false;
        }
        at += 32;
    }
    // What is left is at most 32 bytes: its first 16, and its last 16, which may be the same in part.
    let mut same = _mm_setzero_si128();
    if at + INLINE_BYTES < length {
        // SAFETY: there are more than 16 bytes from `at` on.
        let [known, string] = unsafe { [load_16(known.add(at)), load_16(string.add(at))] };
        same = _mm_xor_si128(known, string);
    }
    // SAFETY: there are more than 16 bytes.
    let [known, string] =
        unsafe { [load_16(known.add(length - INLINE_BYTES)), load_16(string.add(length - INLINE_BYTES))] };
    same = _mm_or_si128(same, _mm_xor_si128(known, string));
    _mm_testz_si128(same, same) != 0
}

/// Returns the hash of a string: 32 bytes a step, in two lanes that do not wait for each other.
///
/// # Safety
/// The string has `length` bytes, which are more than 16.
#[inline]
#[expect(unsafe_code, reason = "a string is read without looking at its end")]
#[target_feature(enable = "avx2,aes")]
unsafe fn hash(string: *const u8, length: usize) -> u32 {
    let [a, b, c] = SEEDS.map(u64::cast_signed);
    let length_seed = _mm_set_epi64x(a, (length as u64).cast_signed());
    // SAFETY: there are more than 16 bytes.
    let [head, tail] = unsafe { [load_16(string), load_16(string.add(length - INLINE_BYTES))] };
    let mut first = _mm_xor_si128(head, length_seed);
    let mut second = _mm_xor_si128(tail, _mm_set_epi64x(b, c));
    let mut at = INLINE_BYTES;
    while at + 32 < length {
        // SAFETY: there are more than 32 bytes from `at` on.
        let [near, far] = unsafe { [load_16(string.add(at)), load_16(string.add(at + INLINE_BYTES))] };
        first = _mm_aesenc_si128(first, near);
        second = _mm_aesenc_si128(second, far);
        at += 32;
    }
    if at + INLINE_BYTES < length {
        // SAFETY: there are more than 16 bytes from `at` on.
        first = _mm_aesenc_si128(first, unsafe { load_16(string.add(at)) });
    }
    let mixed = _mm_aesenc_si128(_mm_aesenc_si128(first, second), second);
    let [low, high] = [mixed, _mm_unpackhi_epi64(mixed, mixed)].map(|half| _mm_cvtsi128_si64(half).cast_unsigned());
    shortened(low ^ high)
}

/// # Safety
/// 16 bytes can be read.
#[inline]
#[expect(unsafe_code, reason = "std has no safe way from bytes to a vector")]
#[target_feature(enable = "avx2")]
unsafe fn load_16(bytes: *const u8) -> __m128i {
    // SAFETY: that is the contract of this function; the instruction needs no alignment.
    unsafe { _mm_loadu_si128(bytes.cast()) }
}

/// # Safety
/// 32 bytes can be read.
#[inline]
#[expect(unsafe_code, reason = "std has no safe way from bytes to a vector")]
#[target_feature(enable = "avx2")]
unsafe fn load_32(bytes: *const u8) -> __m256i {
    // SAFETY: that is the contract of this function; the instruction needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.cast()) }
}
