//! The cells of an Arrow array in; a 128-bit value for each of them, and their ids in a dictionary, out.

use arrow::{
    array::{Array, AsArray, ByteView, StringViewArray},
    buffer::NullBuffer,
};

use super::{
    dictionary::{Dictionary, INLINE_BYTES, Wanted, hash_of, hash_of_string},
    fallback_values::FallbackValues,
    number::{Number, Numbers, number_of},
};
use crate::partition::Selection;

/// The cells of an array.
#[derive(Clone, Copy)]
pub(crate) enum Cells<'a> {
    Strings(&'a StringViewArray),
    Numbers(Number, Numbers<'a>),
}

impl<'a> Cells<'a> {
    /// Returns the cells of an array of such numbers, or of strings if `number` is `None`; `None` if the array is of another
    /// type.
    pub(crate) fn of(array: &'a dyn Array, number: Option<Number>) -> Option<Self> {
        match number {
            None => array.as_string_view_opt().map(Self::Strings),
            Some(number) => Numbers::of(array).map(|numbers| Self::Numbers(number, numbers)),
        }
    }

    /// Returns a value for each cell of these rows that is not NULL: views of strings, keys of numbers. `kept` is memory for
    /// them, if they are not contiguous in the array.
    pub(crate) fn values<'v>(
        self,
        rows: Selection<'_>,
        nulls: Option<&NullBuffer>,
        kept: &'v mut Vec<u128>,
    ) -> &'v [u128]
    where
        'a: 'v,
    {
        match self {
            Cells::Strings(strings) => {
                let views: &'a [u128] = strings.views();
                if let (Selection::From(first, count), None) = (rows, nulls) {
                    return &views[first..first + count];
                }
                gather(rows, nulls, |row| views[row], kept);
            }
            Cells::Numbers(_, numbers) => {
                gather(rows, nulls, |row| u128::from(numbers.key(row).cast_unsigned()), kept);
            }
        }
        kept
    }

    /// Adds the ids of such values to `ids`.
    pub(crate) fn look_up(
        self,
        values: &[u128],
        dictionary: &mut Dictionary,
        known: &mut KnownViews,
        ids: &mut Vec<u32>,
    ) {
        match self {
            Cells::Strings(strings) => {
                let one = |dictionary: &mut Dictionary, view| id_of_string(dictionary, strings, view);
                if known.are_worth_it {
                    return ids.extend(values.iter().map(|view| known.id(*view, || one(dictionary, *view))));
                }
                let hash = |view| hash_of_view(strings, view);
                in_blocks(dictionary, values, ids, one, |dictionary, views, ids| {
                    if views.iter().copied().all(is_short) {
                        dictionary.look_up(views, hash_of, Wanted::short, ids);
                    } else {
                        dictionary.look_up(views, hash, |view, hash| wanted(strings, view, hash), ids);
                    }
                });
            }
            Cells::Numbers(number, _) => {
                let wanted = |key, hash| Wanted::number(number, key, hash);
                let one = |dictionary: &mut Dictionary, key| dictionary.id_of(&wanted(key, hash_of(key)));
                in_blocks(dictionary, values, ids, one, |dictionary, keys, ids| {
                    dictionary.look_up(keys, hash_of, wanted, ids);
                });
            }
        }
    }

    /// Adds such values to a page without dictionary.
    pub(crate) fn take(self, values: &[u128], fallback: &mut FallbackValues) {
        match self {
            Cells::Strings(strings) => values.iter().for_each(|view| match short_string(*view, &view.to_le_bytes()) {
                Some(string) => fallback.take_string(string),
                None => fallback.take_string(long_string(strings, *view)),
            }),
            Cells::Numbers(..) => values.iter().for_each(|key| fallback.take_number(number_of(*key))),
        }
    }
}

/// Adds the value of each row that is not NULL.
#[inline]
fn gather(rows: Selection<'_>, nulls: Option<&NullBuffer>, value: impl Fn(usize) -> u128, kept: &mut Vec<u128>) {
    kept.clear();
    match (rows, nulls) {
        (Selection::From(first, count), None) => kept.extend((first..first + count).map(value)),
        (Selection::These(rows), None) => kept.extend(rows.iter().map(|row| value(*row as usize))),
        (rows, Some(nulls)) => {
            kept.resize(rows.len(), 0);
            // The next cell overwrites the place of a NULL.
            let mut count = 0;
            for row in rows.iter() {
                kept[count] = value(row);
                count += usize::from(nulls.is_valid(row));
            }
            kept.truncate(count);
        }
    }
}

/// Looks values up, [`Dictionary::AT_ONCE`] at a time, and the rest one by one.
#[inline]
fn in_blocks(
    dictionary: &mut Dictionary,
    values: &[u128],
    ids: &mut Vec<u32>,
    one: impl Fn(&mut Dictionary, u128) -> u32,
    many: impl Fn(&mut Dictionary, &[u128; Dictionary::AT_ONCE], &mut Vec<u32>),
) {
    let (blocks, rest) = values.as_chunks::<{ Dictionary::AT_ONCE }>();
    for block in blocks {
        let [first, others @ ..] = block;
        // In many columns of logs, long stretches have one value.
        if others.iter().all(|value| value == first) {
            let id = one(dictionary, *first);
            ids.extend_from_slice(&[id; Dictionary::AT_ONCE]);
        } else {
            many(dictionary, block, ids);
        }
    }
    ids.extend(rest.iter().map(|value| one(dictionary, *value)));
}

/// Returns whether the view contains the string itself.
#[inline]
fn is_short(view: u128) -> bool {
    ByteView::from(view).length as usize <= INLINE_BYTES
}

/// Returns the string that a view contains itself; `None` for a longer one. `bytes` are those of the view.
#[inline]
fn short_string(view: u128, bytes: &[u8; size_of::<u128>()]) -> Option<&[u8]> {
    bytes.get(size_of::<u32>()..size_of::<u32>() + ByteView::from(view).length as usize)
}

/// Returns the string of a view that does not contain it itself.
#[inline]
fn long_string(strings: &StringViewArray, view: u128) -> &[u8] {
    let ByteView { length, buffer_index, offset, .. } = ByteView::from(view);
    &strings.data_buffers()[buffer_index as usize][offset as usize..offset as usize + length as usize]
}

/// Looks up one string. It is not inlined, to keep the loop that looks many up small.
#[inline(never)]
fn id_of_string(dictionary: &mut Dictionary, strings: &StringViewArray, view: u128) -> u32 {
    dictionary.id_of(&wanted(strings, view, hash_of_view(strings, view)))
}

#[inline]
fn hash_of_view(strings: &StringViewArray, view: u128) -> u32 {
    if is_short(view) { hash_of(view) } else { hash_of_string(long_string(strings, view)) }
}

/// Returns the string of a view, to be looked up by its hash.
#[inline]
fn wanted(strings: &StringViewArray, view: u128, hash: u32) -> Wanted<'_> {
    if is_short(view) { Wanted::short(view, hash) } else { Wanted::long(view, long_string(strings, view), hash) }
}

/// Ids of recent views in one array: strings that `enrich` knew to be equal have the same view, and need not be read.
pub(crate) struct KnownViews {
    are_worth_it: bool,
    ids: Vec<(u128, u32)>,
}

impl KnownViews {
    const COUNT: usize = 512;
    /// Number of strings at the start that are examined: if no two of them have the same view, few of the others have.
    const SAMPLE: usize = 32;

    pub(crate) fn of(cells: Cells<'_>, rows: Selection<'_>) -> Self {
        let mut are_worth_it = false;
        if let Cells::Strings(strings) = cells {
            let sample = || rows.iter().take(Self::SAMPLE).filter_map(|row| strings.views().get(row).copied());
            let mut seen = 0;
            are_worth_it = sample().any(|view| {
                seen += 1;
                !is_short(view) && sample().take(seen - 1).any(|earlier| earlier == view)
            });
        }
        Self { are_worth_it, ids: if are_worth_it { vec![(0, 0); Self::COUNT] } else { Vec::new() } }
    }

    #[inline]
    fn id(&mut self, view: u128, look_up: impl FnOnce() -> u32) -> u32 {
        // Views of long strings differ in their offsets, which these bits are, and views of short ones in their bytes.
        let place = (view >> 96) as usize ^ (view >> 104) as usize;
        let known = &mut self.ids[place % Self::COUNT];
        if known.0 != view || view == 0 {
            *known = (view, look_up());
        }
        known.1
    }
}
