//! The cells of an Arrow array in; what stands for each of them, and their ids in a dictionary, out.

use arrow::{
    array::{Array, AsArray, ByteView, StringViewArray},
    buffer::NullBuffer,
};

use super::{
    dictionary::{Dictionary, INLINE_BYTES, Wanted, hash_of, hash_of_string},
    number::{Number, Numbers, number_of},
    plain::Plain,
};
use crate::partition::Selection;

/// What is in an array.
#[derive(Clone, Copy)]
pub(crate) enum Cells<'a> {
    Strings(&'a StringViewArray),
    Numbers(Number, Numbers<'a>),
}

impl<'a> Cells<'a> {
    /// None if the array is not of such numbers, or of strings where it should have none.
    pub(crate) fn of(array: &'a dyn Array, number: Option<Number>) -> Option<Self> {
        match number {
            None => array.as_string_view_opt().map(Self::Strings),
            Some(number) => Numbers::of(array).map(|numbers| Self::Numbers(number, numbers)),
        }
    }

    /// What stands for the cells of these rows that are not NULL: views of strings, keys of numbers. `kept` is memory for
    /// them, where they do not stand in one piece.
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
                    return views.get(first..first + count).unwrap_or_default();
                }
                gather(rows, nulls, |row| views.get(row).copied().unwrap_or(0), kept);
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
    pub(crate) fn take(self, values: &[u128], plain: &mut Plain) {
        match self {
            Cells::Strings(strings) => values.iter().for_each(|view| match short_string(*view, &view.to_le_bytes()) {
                Some(string) => plain.take_string(string),
                None => plain.take_string(long_string(strings, *view)),
            }),
            Cells::Numbers(..) => values.iter().for_each(|key| plain.take_number(number_of(*key))),
        }
    }
}

/// Adds for each row that is not NULL what `value` says of it.
#[inline]
fn gather(rows: Selection<'_>, nulls: Option<&NullBuffer>, value: impl Fn(usize) -> u128, kept: &mut Vec<u128>) {
    kept.clear();
    match (rows, nulls) {
        (Selection::From(first, count), None) => kept.extend((first..first + count).map(value)),
        (Selection::These(rows), None) => kept.extend(rows.iter().map(|row| value(*row as usize))),
        (rows, Some(nulls)) => {
            kept.resize(rows.len(), 0);
            // The place of a NULL is written over by the next cell.
            let mut count = 0;
            for row in rows.iter() {
                if let Some(place) = kept.get_mut(count) {
                    *place = value(row);
                }
                count += usize::from(nulls.is_valid(row));
            }
            kept.truncate(count);
        }
    }
}

/// Looks values up, as many at once as a dictionary likes, and the rest one by one.
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
        // Many columns of logs repeat one value for long.
        if others.iter().all(|value| value == first) {
            let id = one(dictionary, *first);
            ids.extend_from_slice(&[id; Dictionary::AT_ONCE]);
        } else {
            many(dictionary, block, ids);
        }
    }
    ids.extend(rest.iter().map(|value| one(dictionary, *value)));
}

/// Does the view hold the string itself?
#[inline]
fn is_short(view: u128) -> bool {
    ByteView::from(view).length as usize <= INLINE_BYTES
}

/// The string that a view holds itself; `bytes` are the view's.
#[inline]
fn short_string(view: u128, bytes: &[u8; size_of::<u128>()]) -> Option<&[u8]> {
    bytes.get(size_of::<u32>()..size_of::<u32>() + ByteView::from(view).length as usize)
}

/// The string that a view does not hold itself.
#[inline]
fn long_string(strings: &StringViewArray, view: u128) -> &[u8] {
    let ByteView { length, buffer_index, offset, .. } = ByteView::from(view);
    let buffer = strings.data_buffers().get(buffer_index as usize);
    let string = buffer.and_then(|buffer| buffer.get(offset as usize..offset as usize + length as usize));
    string.unwrap_or_default()
}

/// Out of the way of the loop that looks many up.
#[inline(never)]
fn id_of_string(dictionary: &mut Dictionary, strings: &StringViewArray, view: u128) -> u32 {
    dictionary.id_of(&wanted(strings, view, hash_of_view(strings, view)))
}

#[inline]
fn hash_of_view(strings: &StringViewArray, view: u128) -> u32 {
    if is_short(view) { hash_of(view) } else { hash_of_string(long_string(strings, view)) }
}

/// The string of a view, to look it up by its hash.
#[inline]
fn wanted(strings: &StringViewArray, view: u128, hash: u32) -> Wanted<'_> {
    if is_short(view) { Wanted::short(view, hash) } else { Wanted::long(view, long_string(strings, view), hash) }
}

/// Ids of views seen lately in one array: strings that enriching knew to be equal have one and the same view, and need not
/// be looked at.
pub(crate) struct KnownViews {
    are_worth_it: bool,
    ids: Vec<(u128, u32)>,
}

impl KnownViews {
    const COUNT: usize = 512;
    /// Among so many strings at the start some have the same view, or few of the others will.
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
        // Where a long string stands tells views apart, and what a short one is.
        let place = (view >> 96) as usize ^ (view >> 104) as usize;
        match self.ids.get_mut(place % Self::COUNT) {
            Some(known) if known.0 == view && view != 0 => known.1,
            Some(known) => {
                *known = (view, look_up());
                known.1
            }
            None => look_up(),
        }
    }
}
