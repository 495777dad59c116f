//! One flat column of a row group: cells in, a Parquet column chunk out.
//!
//! ```text
//!   cells -> ids of a dictionary                -> RLE_DICTIONARY pages, after the dictionary page
//!   cells -> bytes, if a dictionary is larger   -> PLAIN pages
//! ```
//!
//! There are no other encodings, and data pages are of version 1: every reader knows these. Spark before 3.4 cannot read the
//! delta encodings.
//!
//! `parquet`'s own column writer does the same for any Arrow array. This one takes a quarter of the time: it reads cells from
//! the log's own text, compares most of them as one 16-byte number, looks for minimum and maximum among the distinct values
//! only, and asks for what follows from a string ([`derived_chunk`]) once for each distinct one.
//!
//! **Invariant**: the chunk is a function of the cells in their order, regardless of how they are spread over calls and of
//! earlier chunks. The exception is cells of many kilobytes each, whose pages may end at the end of a call.

// Strings.
mod cells;
mod derived_chunk;
mod dictionary;
mod string_chunk;

// Numbers.
mod number;
mod number_chunk;
mod number_dictionary;

// Pages of any column.
mod bit_packing;
mod compressor;
mod definition_levels;
mod distinct;
mod min_max;
mod pages;
mod slots;

use arrow::datatypes::{DataType, Field};
use parquet::schema::types::ColumnDescPtr;

use self::{definition_levels::DefinitionLevels, number::Number, pages::Pages};
pub(crate) use self::{number_chunk::NumberChunk, pages::EncodedChunk, string_chunk::StringChunk};
use super::Compression;

/// Largest number of rows of a page, about as with other writers.
pub(crate) const MAX_PAGE_ROWS: usize = 20 * STEP_ROWS;
/// Size in bytes at which a page without a dictionary is complete, before compression: 1 MiB.
pub(crate) const MAX_PAGE_BYTES: usize = 1 << 20;
/// Size in bytes past which a dictionary is not used for further pages: 1 MiB.
pub(crate) const MAX_DICTIONARY_BYTES: usize = 1 << 20;
/// Number of rows after which dictionary and page are checked for being full.
const STEP_ROWS: usize = 1024;
/// Number of rows of a chunk after which its values are checked for repeating at all.
const PROBE_ROWS: usize = 4 * STEP_ROWS;
/// Number of columns of a table up to which pages reserve memory.
const MAX_COLUMNS_WITH_RESERVES: usize = 128;
/// A page or a dictionary that is this many times larger than its limit is full within a step.
const FAR_OVER: usize = 4;

/// Settings of a chunk.
#[derive(Clone, Debug)]
pub(crate) struct ChunkSettings {
    column: ColumnDescPtr,
    /// `None` for strings.
    number: Option<Number>,
    is_required: bool,
    has_dictionary: bool,
    compression: Compression,
    /// Whether a page reserves memory for all of its rows at its second step.
    reserves_pages: bool,
}

impl ChunkSettings {
    /// Returns the settings of a column; `None` if its type is not flat.
    pub(crate) fn of(
        field: &Field,
        column: &ColumnDescPtr,
        has_dictionary: bool,
        compression: Compression,
    ) -> Option<Self> {
        let number = Number::of(field.data_type());
        if number.is_none() && *field.data_type() != DataType::Utf8View {
            return None;
        }
        let column = ColumnDescPtr::clone(column);
        // If nothing repeats, a higher level finds no more than the first one, and takes longer.
        let is_unique = number.is_none() && !has_dictionary;
        let compression = if is_unique { compression.min_level() } else { compression };
        Some(Self {
            column,
            number,
            is_required: !field.is_nullable(),
            has_dictionary,
            compression,
            reserves_pages: true,
        })
    }

    /// Returns the settings for a table of this many columns: if there are many, pages do not reserve memory.
    pub(crate) fn with_columns(self, columns: usize) -> Self {
        Self { reserves_pages: columns <= MAX_COLUMNS_WITH_RESERVES, ..self }
    }

    /// Returns whether the column has numbers.
    pub(crate) fn has_numbers(&self) -> bool {
        self.number.is_some()
    }

    /// Returns the pages of an empty chunk.
    fn pages(&self) -> Pages {
        Pages::new(ColumnDescPtr::clone(&self.column), self.number, self.compression, self.keeps_min_max())
    }

    /// Returns the number of rows for which a page with this many rows should have memory. A page of more than a step gets
    /// memory for the whole page at once, instead of being copied repeatedly.
    fn rows_to_reserve(&self, rows: usize) -> usize {
        if self.reserves_pages && rows > STEP_ROWS { MAX_PAGE_ROWS } else { 0 }
    }

    /// Returns whether minimum and maximum are kept: those of strings that are all different say nothing.
    fn keeps_min_max(&self) -> bool {
        self.has_dictionary || self.number.is_some()
    }
}

/// Returns the number of rows up to the end of the step, not more than `rows`. Steps begin with the page, not with the call, so
/// pages do not depend on how cells are spread over calls.
fn rows_of_step(levels: &DefinitionLevels, rows: usize) -> usize {
    (STEP_ROWS - levels.rows() % STEP_ROWS).min(rows)
}

/// Returns whether it is time to check if the values of a chunk repeat at all: after its first rows, of which `ids` are the
/// ids. If nearly all values are different then, a dictionary would have more than half of the values of a full page.
fn is_time_to_probe(levels: &DefinitionLevels, pages: &Pages, ids: &[u32]) -> bool {
    levels.rows() == PROBE_ROWS && pages.is_empty() && ids.len() >= STEP_ROWS
}

/// Returns a page of ids of this many bits, after its definition levels.
fn id_page(levels: &mut DefinitionLevels, ids: &[u32], width: u32) -> Vec<u8> {
    let mut page = Vec::new();
    levels.write(&mut page);
    page.extend(u8::try_from(width));
    bit_packing::hybrid(ids, width, &mut page);
    page
}
