//! One flat column of a row group: Arrow arrays in, a Parquet column chunk out.
//!
//! ```text
//!   cells -> ids of a dictionary            -> RLE_DICTIONARY pages, behind the dictionary page
//!   cells -> bytes, where it does not pay   -> PLAIN pages
//! ```
//!
//! There are no other encodings, and data pages are of version 1: that is what every reader knows. The delta encodings
//! stop Spark before 3.4.
//!
//! `parquet`'s own column writer does the same for any type; this one costs a third, as it takes string views as they
//! are, compares most cells as one 128-bit number, and finds bounds among the distinct values alone.
//!
//! **Invariant**: the chunk is a function of the cells in their order: neither how they are spread over calls nor what
//! came before matters. But for cells of many kilobytes each, whose pages may end where a call does.

mod bits;
mod bounds;
mod cells;
mod compressor;
mod dictionary;
mod levels;
mod number;
mod pages;
mod plain;

use std::sync::Arc;

use arrow::{
    array::Array,
    datatypes::{DataType, Field},
};
use parquet::{basic::Encoding, errors::ParquetError, schema::types::ColumnDescPtr};

pub(crate) use self::pages::EncodedChunk;
use self::{
    bounds::AnyBounds,
    cells::{Cells, KnownViews},
    dictionary::Dictionary,
    levels::Levels,
    number::Number,
    pages::{PageFacts, Pages},
    plain::Plain,
};
use super::Compression;
use crate::partition::Selection;

/// A page has at most so many rows, about as with other writers.
pub(crate) const MAX_PAGE_ROWS: usize = 20 * STEP_ROWS;
/// A page without a dictionary is complete with so many bytes, before they are compressed: 1 MiB.
pub(crate) const MAX_PAGE_BYTES: usize = 1 << 20;
/// A dictionary that has grown past this is not used for further pages: 1 MiB.
pub(crate) const MAX_DICTIONARY_BYTES: usize = 1 << 20;
/// So many rows are taken before it is asked whether dictionary and page are full.
const STEP_ROWS: usize = 1024;
/// After so many rows of a chunk it is asked whether its values repeat at all.
const PROBE_ROWS: usize = 4 * STEP_ROWS;
/// Number of columns of a table up to which pages reserve memory.
const MAX_COLUMNS_WITH_RESERVES: usize = 128;
/// So many times as large as it may be, a page or a dictionary is full in the midst of a step.
const FAR_OVER: usize = 4;

/// What a chunk depends on besides its cells.
#[derive(Clone, Debug)]
pub(crate) struct ChunkSettings {
    column: ColumnDescPtr,
    /// None: strings.
    number: Option<Number>,
    is_required: bool,
    /// May cells repeat?
    has_dictionary: bool,
    compression: Compression,
    /// Whether a page reserves memory for all of its rows at its second step.
    reserves_pages: bool,
}

impl ChunkSettings {
    /// None where the type is not flat.
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
        // Where nothing repeats, a higher level finds no more than the first, and looks for it longer.
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

    /// Strings that are all different have bounds that tell nothing.
    fn keeps_bounds(&self) -> bool {
        self.has_dictionary || self.number.is_some()
    }
}

/// A column chunk under construction.
#[derive(Debug)]
pub(crate) struct ChunkWriter {
    settings: Arc<ChunkSettings>,
    levels: Levels,
    /// None once it does not pay.
    dictionary: Option<Dictionary>,
    /// The dictionary of earlier pages, when later ones have none.
    closed_dictionary: Option<Dictionary>,
    /// The page at hand: its ids, or its cells.
    ids: Vec<u32>,
    plain: Plain,
    pages: Pages,
}

impl ChunkWriter {
    pub(crate) fn new(settings: &Arc<ChunkSettings>) -> Self {
        let ChunkSettings { column, number, is_required, has_dictionary, compression, .. } = settings.as_ref();
        Self {
            levels: Levels::new(*is_required),
            dictionary: has_dictionary.then(Dictionary::new),
            closed_dictionary: None,
            ids: Vec::new(),
            plain: Plain::default(),
            pages: Pages::new(ColumnDescPtr::clone(column), *number, *compression, settings.keeps_bounds()),
            settings: Arc::clone(settings),
        }
    }

    /// About how many bytes the chunk has so far.
    pub(crate) fn encoded_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(|dictionary| dictionary.page().len()).sum();
        let ids = self.ids.len() * self.dictionary.as_ref().map_or(0, Dictionary::id_width) as usize / 8;
        self.pages.bytes() + dictionary + ids + self.plain.page_bytes(self.settings.number)
    }

    /// Memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(Dictionary::memory_bytes).sum();
        self.pages.bytes() + dictionary + self.ids.len() * size_of::<u32>() + self.plain.memory_bytes()
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
            // Steps are the page's, not the call's: so pages do not depend on how cells are spread over calls.
            let count = (STEP_ROWS - self.levels.rows() % STEP_ROWS).min(rows.len() - done);
            let step = rows.slice(done, count);
            done += count;
            self.levels.push(nulls, step);
            let values = cells.values(step, nulls, &mut kept);
            // Memory for a whole page at once, where the page has more than a step, and not by copying it again and again.
            let reserves = self.settings.reserves_pages && self.levels.rows() > STEP_ROWS;
            let room = if reserves { MAX_PAGE_ROWS } else { 0 };
            if let Some(dictionary) = &mut self.dictionary {
                self.ids.reserve_exact(room.saturating_sub(self.ids.len()));
                cells.look_up(values, dictionary, &mut known, &mut self.ids);
            } else {
                self.plain.reserve(self.settings.number, room);
                cells.take(values, &mut self.plain);
            }
            if self.levels.rows().is_multiple_of(STEP_ROWS) || self.is_far_over() {
                self.finish_full_page()?;
            }
        }
        Ok(())
    }

    /// The complete chunk.
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

    /// Are page or dictionary so far past their limits that memory comes before order? Only cells of many kilobytes each
    /// bring that about before a step is complete.
    fn is_far_over(&self) -> bool {
        let dictionary_bytes = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.page().len());
        self.plain.page_bytes(self.settings.number) >= FAR_OVER * MAX_PAGE_BYTES
            || dictionary_bytes >= FAR_OVER * MAX_DICTIONARY_BYTES
    }

    /// Finishes the page at hand if it is full, or the dictionary is.
    fn finish_full_page(&mut self) -> Result<(), ParquetError> {
        self.probe_dictionary();
        let is_over =
            |dictionary: &Dictionary| dictionary.page().len() > MAX_DICTIONARY_BYTES || dictionary.is_crowded();
        let is_over = self.dictionary.as_ref().is_some_and(is_over);
        let is_full =
            self.levels.rows() >= MAX_PAGE_ROWS || self.plain.page_bytes(self.settings.number) >= MAX_PAGE_BYTES;
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
        let (encoding, bounds) = if let Some(dictionary) = &mut self.dictionary {
            let width = dictionary.id_width();
            page.extend(u8::try_from(width));
            bits::hybrid(&self.ids, width, &mut page);
            let distinct = dictionary.distinct_of_page(&self.ids);
            self.ids.clear();
            let bounds = match number {
                Some(number) => AnyBounds::of_numbers(number, distinct.iter().map(|id| dictionary.number(*id))),
                None => AnyBounds::of_strings(distinct.iter().map(|id| dictionary.string_and_head(*id))),
            };
            (Encoding::RLE_DICTIONARY, bounds)
        } else {
            self.plain.write(number, &mut page);
            let bounds = if self.settings.keeps_bounds() { self.plain.bounds(number) } else { None };
            self.plain.clear();
            (Encoding::PLAIN, bounds)
        };
        self.pages.add(&page, PageFacts { encoding, rows, nulls, bounds })
    }

    /// Gives the dictionary up where the first rows tell already that it will not pay. With most values new after so many
    /// rows, it would still hold more than half of a full page's.
    fn probe_dictionary(&mut self) {
        let is_time = self.levels.rows() == PROBE_ROWS && self.pages.is_empty() && self.ids.len() >= STEP_ROWS;
        if is_time && self.dictionary.as_ref().is_some_and(|dictionary| dictionary.is_nearly_unique(self.ids.len())) {
            self.give_up_dictionary();
        }
    }

    /// Is the first page smaller with its dictionary?
    fn pays(&self, dictionary: &Dictionary) -> bool {
        let ids = self.ids.len() * dictionary.id_width() as usize / 8;
        // By a quarter.
        dictionary.are_more_bytes(&self.ids, (dictionary.page().len() + ids) * 4 / 3)
    }

    /// Makes the page at hand, which is the first, one without dictionary.
    fn give_up_dictionary(&mut self) {
        let Some(dictionary) = self.dictionary.take() else { return };
        for id in self.ids.drain(..) {
            if self.settings.number.is_some() {
                self.plain.take_number(dictionary.number(id));
            } else {
                self.plain.take_string(dictionary.string(id));
            }
        }
    }
}
