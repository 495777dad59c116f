//! NULLs of a page in, its definition levels out.

use arrow::{array::BooleanBufferBuilder, buffer::NullBuffer};

use super::bit_packing;
use crate::partition::Selection;

/// Definition levels have one bit: 0 for NULL, 1 for a value.
const WIDTH: u32 = 1;

/// The definition levels of the page at hand.
#[derive(Debug)]
pub(crate) struct DefinitionLevels {
    /// Whether the column has no NULL, and so no levels.
    is_required: bool,
    rows: usize,
    nulls: usize,
    /// One bit a row; used only after the first NULL.
    valid: BooleanBufferBuilder,
}

impl DefinitionLevels {
    pub(crate) fn new(is_required: bool) -> Self {
        Self { is_required, rows: 0, nulls: 0, valid: BooleanBufferBuilder::new(0) }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn nulls(&self) -> usize {
        self.nulls
    }

    /// Adds rows that are not NULL.
    #[inline]
    pub(crate) fn push_values(&mut self, rows: usize) {
        // Before the first NULL, only the count is kept.
        if self.nulls > 0 {
            self.valid.append_n(rows, true);
        }
        self.rows += rows;
    }

    /// Adds rows that are NULL.
    pub(crate) fn push_nulls(&mut self, rows: usize) {
        if rows == 0 {
            return;
        }
        self.begin_nulls();
        self.valid.append_n(rows, false);
        self.rows += rows;
        self.nulls += rows;
    }

    /// Calls `take` for each row of the page, with whether it is not NULL.
    pub(crate) fn for_each(&self, mut take: impl FnMut(bool)) {
        (0..self.rows).for_each(|row| take(self.nulls == 0 || self.valid.get_bit(row)));
    }

    /// Adds rows of an array; `nulls` is `None` if the array has no NULL.
    pub(crate) fn push(&mut self, nulls: Option<&NullBuffer>, rows: Selection<'_>) {
        let Some(nulls) = nulls else { return self.push_values(rows.len()) };
        if let Selection::From(first, count) = rows {
            let nulls = nulls.slice(first, count);
            return match nulls.null_count() {
                0 => self.push_values(count),
                all if all == count => self.push_nulls(count),
                some => {
                    self.begin_nulls();
                    self.valid.append_buffer(nulls.inner());
                    self.rows += count;
                    self.nulls += some;
                }
            };
        }
        for row in rows.iter() {
            if nulls.is_valid(row) {
                self.push_values(1);
            } else {
                self.push_nulls(1);
            }
        }
    }

    /// Gives each row so far its bit, if these are not counted only.
    fn begin_nulls(&mut self) {
        if self.nulls == 0 {
            self.valid.truncate(0);
            self.valid.append_n(self.rows, true);
        }
    }

    /// Adds the levels to a page's bytes, and begins the next page.
    pub(crate) fn write(&mut self, page: &mut Vec<u8>) {
        if !self.is_required {
            let length_at = page.len();
            page.extend_from_slice(&[0; 4]);
            if self.nulls == 0 || self.nulls == self.rows {
                bit_packing::run_of(u32::from(self.nulls == 0), self.rows, WIDTH, page);
            } else {
                bit_packing::packed_bits(self.valid.as_slice(), page);
            }
            let length = u32::try_from(page.len() - length_at - 4).expect("a page has few rows");
            page[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
        }
        (self.rows, self.nulls) = (0, 0);
        self.valid.truncate(0);
    }
}
