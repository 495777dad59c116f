//! The cells of an Arrow array in, their ids in a dictionary out.

use arrow::array::{Array, AsArray, ByteView, StringViewArray};

use super::{
    dictionary::{Dictionary, INLINE_BYTES, Wanted},
    number::{Number, Numbers},
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

    /// Adds the ids of these rows' cells to `ids`.
    #[inline]
    pub(crate) fn look_up(
        self,
        rows: impl Iterator<Item = usize>,
        dictionary: &mut Dictionary,
        known: &mut KnownViews,
        ids: &mut Vec<u32>,
    ) {
        match self {
            Cells::Strings(strings) => {
                let views = rows.map(|row| strings.views().get(row).copied().unwrap_or(0));
                if known.are_worth_it {
                    return ids.extend(views.map(|view| known.id(view, || dictionary.id_of(&wanted(strings, view)))));
                }
                let one = |dictionary: &mut Dictionary, view| dictionary.id_of(&wanted(strings, view));
                in_blocks(dictionary, views, ids, one, |dictionary, views| {
                    if views.iter().copied().all(is_short) {
                        dictionary.look_up_keys(views, Wanted::short)
                    } else {
                        dictionary.look_up(&views.map(|view| wanted(strings, view)))
                    }
                });
            }
            Cells::Numbers(number, numbers) => {
                let keys = rows.map(|row| u128::from(numbers.key(row).cast_unsigned()));
                let wanted = |key| Wanted::number(number, key);
                let one = |dictionary: &mut Dictionary, key| dictionary.id_of(&wanted(key));
                in_blocks(dictionary, keys, ids, one, |dictionary, keys| dictionary.look_up_keys(keys, wanted));
            }
        }
    }
}

/// Looks views or keys up, as many at once as a dictionary likes, and the rest one by one.
#[inline]
fn in_blocks(
    dictionary: &mut Dictionary,
    mut values: impl Iterator<Item = u128>,
    ids: &mut Vec<u32>,
    one: impl Fn(&mut Dictionary, u128) -> u32,
    many: impl Fn(&mut Dictionary, &[u128; Dictionary::AT_ONCE]) -> [u32; Dictionary::AT_ONCE],
) {
    loop {
        let mut block = [0; Dictionary::AT_ONCE];
        let mut count = 0;
        for (place, value) in block.iter_mut().zip(&mut values) {
            *place = value;
            count += 1;
        }
        if count < block.len() {
            return ids.extend(block.iter().take(count).map(|value| one(dictionary, *value)));
        }
        ids.extend_from_slice(&many(dictionary, &block));
    }
}

/// Does the view hold the string itself?
#[inline]
fn is_short(view: u128) -> bool {
    ByteView::from(view).length as usize <= INLINE_BYTES
}

/// The string of a view, to look it up.
#[inline]
fn wanted(strings: &StringViewArray, view: u128) -> Wanted<'_> {
    let ByteView { length, buffer_index, offset, .. } = ByteView::from(view);
    if is_short(view) {
        return Wanted::short(view);
    }
    let buffer = strings.data_buffers().get(buffer_index as usize);
    let string = buffer.and_then(|buffer| buffer.get(offset as usize..offset as usize + length as usize));
    Wanted::long(view, string.unwrap_or_default())
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
