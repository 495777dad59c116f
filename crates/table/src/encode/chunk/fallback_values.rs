//! Cells in, the bytes of a page without dictionary out, in `PLAIN` encoding.

use super::{
    MAX_PAGE_BYTES,
    min_max::{AnyMinMax, head_of_string},
    number::Number,
};

/// Cells of a page without dictionary.
#[derive(Debug, Default)]
pub(crate) struct FallbackValues {
    /// Keys of numbers.
    numbers: Vec<i64>,
    /// Strings as in the page: each after its length.
    strings: Vec<u8>,
    /// Number of strings.
    count: usize,
}

impl FallbackValues {
    /// Reserves memory for `cells` cells in all, by the size of the cells so far.
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
        let length = u32::try_from(string.len()).expect("a cell is smaller than a text of 4 GiB");
        self.strings.extend_from_slice(&length.to_le_bytes());
        self.strings.extend_from_slice(string);
        self.count += 1;
    }

    #[inline]
    pub(crate) fn take_number(&mut self, key: i64) {
        self.numbers.push(key);
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.strings.len() + self.numbers.len() * size_of::<i64>()
    }

    /// Returns the size of its cells in the page, in bytes.
    pub(crate) fn page_bytes(&self, number: Option<Number>) -> usize {
        self.strings.len() + self.numbers.len() * number.map_or(0, Number::plain_bytes)
    }

    /// Adds the cells to a page.
    pub(crate) fn write(&self, number: Option<Number>, page: &mut Vec<u8>) {
        page.reserve_exact(self.page_bytes(number));
        match number {
            Some(number) => self.numbers.iter().for_each(|key| number.plain(*key, page)),
            None => page.extend_from_slice(&self.strings),
        }
    }

    /// Returns the minimum and maximum of the cells.
    pub(crate) fn min_max(&self, number: Option<Number>) -> Option<AnyMinMax> {
        if let Some(number) = number {
            return AnyMinMax::of_numbers(number, self.numbers.iter().copied());
        }
        let mut rest = self.strings.as_slice();
        AnyMinMax::of_strings(std::iter::from_fn(|| {
            let (length, after) = rest.split_first_chunk()?;
            let (string, after) = after.split_at(u32::from_le_bytes(*length) as usize);
            rest = after;
            Some((head_of_string(string), string))
        }))
    }

    /// Begins the next page.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.strings.clear();
        self.count = 0;
    }
}
