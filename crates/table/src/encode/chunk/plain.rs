//! Cells in, the bytes of a page without dictionary out.

use parquet::basic::Encoding;

use super::{
    MAX_PAGE_BYTES, bits,
    bounds::{AnyBounds, head_of_string},
    number::Number,
};

/// Cells of a page without dictionary.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// Of strings their lengths, of numbers their keys.
    numbers: Vec<i64>,
    bytes: Vec<u8>,
}

impl Plain {
    /// Makes room for so many cells in all, if those that there are tell how large they will be.
    pub(crate) fn reserve(&mut self, cells: usize) {
        self.numbers.reserve_exact(cells.saturating_sub(self.numbers.len()));
        let bytes_a_cell = self.bytes.len().div_ceil(self.numbers.len().max(1));
        let bytes = (bytes_a_cell * cells).min(MAX_PAGE_BYTES) * 9 / 8;
        if self.bytes.capacity() < bytes / 2 {
            self.bytes.reserve_exact(bytes.saturating_sub(self.bytes.len()));
        }
    }

    #[inline]
    pub(crate) fn take_string(&mut self, string: &[u8]) {
        self.numbers.push(i64::try_from(string.len()).unwrap_or(i64::MAX));
        self.bytes.extend_from_slice(string);
    }

    #[inline]
    pub(crate) fn take_number(&mut self, key: i64) {
        self.numbers.push(key);
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.numbers.len() * size_of::<i64>()
    }

    /// About how many bytes it has in the page.
    pub(crate) fn page_bytes(&self, number: Option<Number>) -> usize {
        let of_number = number.map_or(1, |number| number.bits() as usize / 8);
        self.bytes.len() + self.numbers.len() * of_number
    }

    /// Adds them to a page, and says how they are encoded there.
    pub(crate) fn write(&self, number: Option<Number>, page: &mut Vec<u8>) -> Encoding {
        match number {
            None => {
                bits::delta(&self.numbers, i32::BITS, page);
                page.extend_from_slice(&self.bytes);
                Encoding::DELTA_LENGTH_BYTE_ARRAY
            }
            Some(Number::Double) => {
                self.numbers.iter().for_each(|key| Number::Double.plain(*key, page));
                Encoding::PLAIN
            }
            Some(number) => {
                bits::delta(&self.numbers, number.bits(), page);
                Encoding::DELTA_BINARY_PACKED
            }
        }
    }

    pub(crate) fn bounds(&self, number: Option<Number>) -> Option<AnyBounds> {
        if let Some(number) = number {
            return AnyBounds::of_numbers(number, self.numbers.iter().copied());
        }
        AnyBounds::of_strings(self.numbers.iter().scan(self.bytes.as_slice(), |rest, length| {
            let (string, behind) = rest.split_at_checked(usize::try_from(*length).ok()?)?;
            *rest = behind;
            Some((head_of_string(string), string))
        }))
    }

    /// The next page begins.
    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.bytes.clear();
    }
}
