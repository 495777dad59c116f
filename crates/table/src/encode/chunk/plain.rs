//! Cells in, the bytes of a page without dictionary out: `PLAIN`.

use super::{
    MAX_PAGE_BYTES,
    bounds::{AnyBounds, head_of_string},
    number::Number,
};

/// Cells of a page without dictionary.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Keys of numbers.
    numbers: Vec<i64>,
    /// Strings as the page has them: each with its length before it.
    strings: Vec<u8>,
    /// Number of strings.
    count: usize,
}

impl Plain {
    /// Makes room for so many cells in all, if those that there are tell how large they will be.
    pub(crate) fn reserve(&mut self, number: Option<Number>, cells: usize) {
        if number.is_some() {
            return self.numbers.reserve_exact(cells.saturating_sub(self.numbers.len()));
        }
        let bytes_a_cell = self.strings.len().div_ceil(self.count.max(1));
        let bytes = (bytes_a_cell * cells).min(MAX_PAGE_BYTES) * 9 / 8;
        if self.strings.capacity() < bytes / 2 {
            self.strings.reserve_exact(bytes.saturating_sub(self.strings.len()));
        }
    }

    #[inline]
    pub(crate) fn take_string(&mut self, string: &[u8]) {
        let length = u32::try_from(string.len()).unwrap_or(u32::MAX);
        self.strings.extend_from_slice(&length.to_le_bytes());
        self.strings.extend_from_slice(string);
        self.count += 1;
    }

    #[inline]
    pub(crate) fn take_number(&mut self, key: i64) {
        self.numbers.push(key);
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.strings.len() + self.numbers.len() * size_of::<i64>()
    }

    /// How many bytes it has in the page.
    pub(crate) fn page_bytes(&self, number: Option<Number>) -> usize {
        self.strings.len() + self.numbers.len() * number.map_or(0, Number::plain_bytes)
    }

    /// Adds them to a page.
    pub(crate) fn write(&self, number: Option<Number>, page: &mut Vec<u8>) {
        page.reserve_exact(self.page_bytes(number));
        match number {
            Some(number) => self.numbers.iter().for_each(|key| number.plain(*key, page)),
            None => page.extend_from_slice(&self.strings),
        }
    }

    pub(crate) fn bounds(&self, number: Option<Number>) -> Option<AnyBounds> {
        if let Some(number) = number {
            return AnyBounds::of_numbers(number, self.numbers.iter().copied());
        }
        let mut rest = self.strings.as_slice();
        AnyBounds::of_strings(std::iter::from_fn(|| {
            let (length, behind) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (string, behind) = behind.split_at_checked(length)?;
            rest = behind;
            Some((head_of_string(string), string))
        }))
    }

    /// The next page begins.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.strings.clear();
        self.count = 0;
    }
}
