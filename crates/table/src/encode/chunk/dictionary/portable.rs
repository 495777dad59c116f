//! Looks cells up on any processor.

use super::{
    AT_ONCE, Cells, Dictionary, INLINE_BYTES, SEEDS, Wanted, as_u32, fold, halves, hash_of_short, is_same, key_of,
    shortened,
};

/// Adds the ids of at most [`AT_ONCE`] cells.
pub(super) fn look_up(dictionary: &mut Dictionary, cells: Cells<'_>, ids: &mut Vec<u32>) {
    let padded = cells.padded();
    let mut all = [Wanted::default(); AT_ONCE];
    let all = &mut all[..cells.len()];
    let mut lengths = 0;
    for (wanted, (start, length)) in all.iter_mut().zip(cells.ranges()) {
        let bytes = padded[start..].first_chunk().expect("a text has padding behind it");
        *wanted = Wanted { key: key_of(bytes, length), start: as_u32(start), length: as_u32(length) };
        lengths |= length;
    }
    let Some(first) = all.first().copied() else { return };
    let are_short = lengths <= INLINE_BYTES;
    let are_alike = all.iter().all(|wanted| wanted.key == first.key && wanted.length == first.length);
    if are_alike && (are_short || are_same(padded, all)) {
        // In many columns of logs, long stretches have one value.
        let id = dictionary.id_of_wanted(padded, first);
        return ids.resize(ids.len() + all.len(), id);
    }
    if are_short {
        ids.extend(all.iter().map(|wanted| {
            let hash = hash_of_short(wanted.key, wanted.length);
            dictionary.id_of_hash(padded, *wanted, hash)
        }));
        return;
    }
    let mut hashes = [0; AT_ONCE];
    let mut slots = 0;
    for (hash, wanted) in hashes.iter_mut().zip(all.iter()) {
        *hash = dictionary.hash_of_wanted(padded, *wanted);
        // A read that nothing waits for: all slots are on their way before the first one is compared.
        slots ^= dictionary.slots.first(*hash).id_plus_1;
    }
    std::hint::black_box(slots);
    ids.extend(all.iter().zip(hashes).map(|(wanted, hash)| dictionary.id_of_hash(padded, *wanted, hash)));
}

/// Returns whether all these cells, of the same length of more than 16 bytes, are the same.
fn are_same(padded: &[u8], all: &[Wanted]) -> bool {
    let string = |wanted: &Wanted| &padded[wanted.start as usize..][..wanted.length as usize];
    let Some(first) = all.first().map(string) else { return true };
    all.iter().all(|wanted| is_same(first, string(wanted)))
}

/// Returns the hash of a longer string: 32 bytes a step, in two lanes that do not wait for each other.
#[inline]
pub(super) fn hash_of_long(string: &[u8]) -> u32 {
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
    second = fold_16(string.last_chunk::<16>().expect("the string is longer"), second, b);
    shortened(fold(first ^ b, second))
}

#[inline]
fn fold_16(bytes: &[u8], state: u64, seed: u64) -> u64 {
    let [low, high] = halves(u128::from_le_bytes(*bytes.first_chunk().expect("the caller has cut 16 bytes")));
    fold(low ^ state, high ^ seed)
}
