//! One flat column of a row group: Arrow arrays in, a Parquet column chunk out.
//!
//! ```text
//!   cells -> ids of a dictionary                -> RLE_DICTIONARY pages, after the dictionary page
//!   cells -> bytes, if a dictionary is larger   -> PLAIN pages
//! ```
//!
//! There are no other encodings, and data pages are of version 1: every reader knows these. Spark before 3.4 cannot read the
//! delta encodings.
//!
//! `parquet`'s own column writer does the same for any type; this one takes a third of the time, as it reads string views
//! directly, compares most cells as one 128-bit number, and looks for minimum and maximum among the distinct values only.
//!
//! **Invariant**: the chunk is a function of the cells in their order, regardless of how they are spread over calls and of
//! earlier chunks. The exception is cells of many kilobytes each, whose pages may end at the end of a call.

mod bit_packing;
mod cells;
mod compressor;
mod definition_levels;
mod dictionary;
mod fallback_values;
mod min_max;
mod number;
mod pages;

use std::sync::Arc;

use arrow::{
    array::Array,
    datatypes::{DataType, Field},
};
use parquet::{basic::Encoding, errors::ParquetError, schema::types::ColumnDescPtr};

pub(crate) use self::pages::EncodedChunk;
use self::{
    cells::{Cells, KnownViews},
    definition_levels::DefinitionLevels,
    dictionary::Dictionary,
    fallback_values::FallbackValues,
    min_max::AnyMinMax,
    number::Number,
    pages::{PageFacts, Pages},
};
use super::Compression;
use crate::partition::Selection;

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

    /// Returns whether minimum and maximum are kept: those of strings that are all different say nothing.
    fn keeps_min_max(&self) -> bool {
        self.has_dictionary || self.number.is_some()
    }
}

/// A column chunk under construction.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    settings: Arc<ChunkSettings>,
    levels: DefinitionLevels,
    /// `None` once it is given up.
    dictionary: Option<Dictionary>,
    /// The dictionary of earlier pages, if later ones have none.
    closed_dictionary: Option<Dictionary>,
    /// Ids of the page at hand, if it has a dictionary.
    ids: Vec<u32>,
    /// Cells of the page at hand, if it has no dictionary.
    fallback: FallbackValues,
    pages: Pages,
}

impl ChunkWriter {
    pub(crate) fn new(settings: &Arc<ChunkSettings>) -> Self {
        let ChunkSettings { column, number, is_required, has_dictionary, compression, .. } = settings.as_ref();
        Self {
            levels: DefinitionLevels::new(*is_required),
            dictionary: has_dictionary.then(Dictionary::new),
            closed_dictionary: None,
            ids: Vec::new(),
            fallback: FallbackValues::default(),
            pages: Pages::new(ColumnDescPtr::clone(column), *number, *compression, settings.keeps_min_max()),
            settings: Arc::clone(settings),
        }
    }

    /// Returns the size of the chunk so far, in bytes; an estimate.
    pub(crate) fn encoded_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(|dictionary| dictionary.page().len()).sum();
        let ids = self.ids.len() * self.dictionary.as_ref().map_or(0, Dictionary::id_width) as usize / 8;
        self.pages.bytes() + dictionary + ids + self.fallback.page_bytes(self.settings.number)
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(Dictionary::memory_bytes).sum();
        self.pages.bytes() + dictionary + self.ids.len() * size_of::<u32>() + self.fallback.memory_bytes()
    }

    /// Adds cells.
    ///
    /// # Errors
    /// [`ParquetError`]: the array is not of the column's type, or a page cannot be compressed.
    pub(crate) fn write(&mut self, array: &dyn Array, rows: Selection<'_>) -> Result<(), ParquetError> {
        let cells = Cells::of(array, self.settings.number);
        let cells = cells.ok_or_else(|| ParquetError::General(format!("unexpected {}", array.data_type())))?;
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut known = KnownViews::of(cells, rows);
        let (mut kept, mut done) = (Vec::new(), 0);
        while done < rows.len() {
            // Steps begin with the page, not with the call, so pages do not depend on how cells are spread over calls.
            let count = (STEP_ROWS - self.levels.rows() % STEP_ROWS).min(rows.len() - done);
            let step = rows.slice(done, count);
            done += count;
            self.levels.push(nulls, step);
            let values = cells.values(step, nulls, &mut kept);
            // If a page has more than a step, it gets memory for the whole page at once, instead of being copied repeatedly.
            let reserves = self.settings.reserves_pages && self.levels.rows() > STEP_ROWS;
            let room = if reserves { MAX_PAGE_ROWS } else { 0 };
            if let Some(dictionary) = &mut self.dictionary {
                self.ids.reserve_exact(room.saturating_sub(self.ids.len()));
                cells.look_up(values, dictionary, &mut known, &mut self.ids);
            } else {
                self.fallback.reserve(self.settings.number, room);
                cells.take(values, &mut self.fallback);
            }
            if self.levels.rows().is_multiple_of(STEP_ROWS) || self.is_far_over() {
                self.finish_full_page()?;
            }
        }
        Ok(())
    }

    /// Returns the complete chunk.
    ///
    /// # Errors
    /// [`ParquetError`]: a page cannot be compressed.
    pub(crate) fn close(mut self) -> Result<EncodedChunk, ParquetError> {
        if self.levels.rows() > 0 {
            self.finish_page()?;
        }
        let dictionary =
            self.dictionary.or(self.closed_dictionary).filter(|_| self.pages.have(Encoding::RLE_DICTIONARY));
        self.pages.finish(dictionary.as_ref().map(|dictionary| (dictionary.page(), dictionary.len())))
    }

    /// Returns whether page or dictionary are so far past their limits that the page ends within a step, to save memory. Only
    /// cells of many kilobytes each cause that.
    fn is_far_over(&self) -> bool {
        let dictionary_bytes = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.page().len());
        self.fallback.page_bytes(self.settings.number) >= FAR_OVER * MAX_PAGE_BYTES
            || dictionary_bytes >= FAR_OVER * MAX_DICTIONARY_BYTES
    }

    /// Finishes the page at hand if it is full, or the dictionary is.
    fn finish_full_page(&mut self) -> Result<(), ParquetError> {
        self.probe_dictionary();
        let is_over =
            |dictionary: &Dictionary| dictionary.page().len() > MAX_DICTIONARY_BYTES || dictionary.is_crowded();
        let is_over = self.dictionary.as_ref().is_some_and(is_over);
        let is_full =
            self.levels.rows() >= MAX_PAGE_ROWS || self.fallback.page_bytes(self.settings.number) >= MAX_PAGE_BYTES;
        if is_over || is_full {
            self.finish_page()?;
        }
        if is_over {
            self.closed_dictionary = self.dictionary.take();
        }
        Ok(())
    }

    fn finish_page(&mut self) -> Result<(), ParquetError> {
        if self.pages.is_empty() && self.dictionary.as_ref().is_some_and(|dictionary| !self.pays(dictionary)) {
            self.give_up_dictionary();
        }
        let (rows, nulls) = (self.levels.rows(), self.levels.nulls());
        let mut page = Vec::new();
        self.levels.write(&mut page);
        let number = self.settings.number;
        let (encoding, min_max) = if let Some(dictionary) = &mut self.dictionary {
            let width = dictionary.id_width();
            page.extend(u8::try_from(width));
            bit_packing::hybrid(&self.ids, width, &mut page);
            let distinct = dictionary.distinct_of_page(&self.ids);
            self.ids.clear();
            let min_max = match number {
                Some(number) => AnyMinMax::of_numbers(number, distinct.iter().map(|id| dictionary.number(*id))),
                None => AnyMinMax::of_strings(distinct.iter().map(|id| dictionary.string_and_head(*id))),
            };
            (Encoding::RLE_DICTIONARY, min_max)
        } else {
            self.fallback.write(number, &mut page);
            let min_max = if self.settings.keeps_min_max() { self.fallback.min_max(number) } else { None };
            self.fallback.clear();
            (Encoding::PLAIN, min_max)
        };
        self.pages.add(&page, PageFacts { encoding, rows, nulls, min_max })
    }

    /// Gives the dictionary up if the first rows show that it does not pay: with nearly all values different after this many
    /// rows, it would have more than half of the values of a full page.
    fn probe_dictionary(&mut self) {
        let is_time = self.levels.rows() == PROBE_ROWS && self.pages.is_empty() && self.ids.len() >= STEP_ROWS;
        if is_time && self.dictionary.as_ref().is_some_and(|dictionary| dictionary.is_nearly_unique(self.ids.len())) {
            self.give_up_dictionary();
        }
    }

    /// Returns whether the first page is smaller with its dictionary, by a quarter.
    fn pays(&self, dictionary: &Dictionary) -> bool {
        let ids = self.ids.len() * dictionary.id_width() as usize / 8;
        dictionary.are_more_bytes(&self.ids, (dictionary.page().len() + ids) * 4 / 3)
    }

    /// Turns the page at hand, which is the first one, into one without dictionary.
    fn give_up_dictionary(&mut self) {
        let dictionary = self.dictionary.take().expect("a dictionary is given up once");
        for id in self.ids.drain(..) {
            if self.settings.number.is_some() {
                self.fallback.take_number(dictionary.number(id));
            } else {
                self.fallback.take_string(dictionary.string(id));
            }
        }
    }
}
