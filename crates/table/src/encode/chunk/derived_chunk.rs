//! A column whose strings follow from those of another column, the source: its ids are a function of the source's ids.
//!
//! Its pages have the same rows as the source's. As long as the source has a dictionary, nothing is done for a row: when a
//! page is complete, its ids are looked up by the ids of the source. Without it, each row is asked for.

use std::sync::Arc;

use parquet::{basic::Encoding, errors::ParquetError};

use super::{
    ChunkSettings,
    definition_levels::DefinitionLevels,
    dictionary::Dictionary,
    id_page,
    min_max::AnyMinMax,
    pages::{EncodedChunk, PageFacts, Pages},
};

/// A derived column chunk under construction. It has no NULL.
#[derive(Debug)]
pub(crate) struct DerivedChunk {
    /// The column's place in the results of the function.
    place: usize,
    settings: Arc<ChunkSettings>,
    dictionary: Dictionary,
    /// Its id for each id of the source.
    ids_by_source: Vec<u32>,
    /// Its id for a NULL of the source.
    id_of_null: Option<u32>,
    /// Its ids of the rows of the page at hand, if the source has no dictionary in this page.
    ids: Vec<u32>,
    pages: Pages,
}

impl DerivedChunk {
    pub(crate) fn new(place: usize, settings: &Arc<ChunkSettings>) -> Self {
        Self {
            place,
            settings: Arc::clone(settings),
            dictionary: Dictionary::new(),
            ids_by_source: Vec::new(),
            id_of_null: None,
            ids: Vec::new(),
            pages: settings.pages(),
        }
    }

    /// Returns the size of the chunk so far, in bytes, with `rows` rows in the page at hand; an estimate.
    pub(crate) fn encoded_bytes(&self, rows: usize) -> usize {
        let rows = rows.max(self.ids.len());
        self.pages.bytes() + self.dictionary.page().len() + rows * self.dictionary.id_width() as usize / 8
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let ids = (self.ids.len() + self.ids_by_source.len()) * size_of::<u32>();
        self.pages.bytes() + self.dictionary.memory_bytes() + ids
    }

    /// Returns the number of the source's ids that it knows.
    pub(crate) fn known(&self) -> usize {
        self.ids_by_source.len()
    }

    /// Takes what follows from the source's next id.
    pub(crate) fn add(&mut self, values: &[Box<str>]) {
        let id = self.id_of(values);
        self.ids_by_source.push(id);
    }

    /// Adds a row of a page in which the source has no dictionary.
    pub(crate) fn push(&mut self, values: &[Box<str>]) {
        let id = self.id_of(values);
        self.ids.push(id);
    }

    /// Returns whether it knows what follows from NULL.
    pub(crate) fn knows_null(&self) -> bool {
        self.id_of_null.is_some()
    }

    /// Takes what follows from NULL.
    pub(crate) fn add_null(&mut self, values: &[Box<str>]) {
        self.id_of_null = Some(self.id_of(values));
    }

    /// Adds a row that is NULL in the source, in a page in which the source has no dictionary: with one, NULLs are found by
    /// their levels.
    pub(crate) fn push_null(&mut self) {
        self.ids.push(self.id_of_null.expect("what follows from NULL was asked for with the first one"));
    }

    fn id_of(&mut self, values: &[Box<str>]) -> u32 {
        self.dictionary.id_of(values[self.place].as_bytes())
    }

    /// Keeps the ids of the page at hand, as the source gives up its dictionary: `levels` and `ids` are the source's.
    pub(crate) fn keep_ids(&mut self, levels: &DefinitionLevels, ids: &[u32]) {
        self.ids = self.ids_of(levels, ids);
    }

    /// Returns its ids for the rows of a page of the source.
    fn ids_of(&self, levels: &DefinitionLevels, ids: &[u32]) -> Vec<u32> {
        if levels.nulls() == 0 {
            return ids.iter().map(|id| self.ids_by_source[*id as usize]).collect();
        }
        let mut of_source = ids.iter();
        let mut all = Vec::with_capacity(levels.rows());
        levels.for_each(|is_valid| {
            let id = if is_valid {
                self.ids_by_source[*of_source.next().expect("each value has an id") as usize]
            } else {
                self.id_of_null.expect("what follows from NULL was asked for with the first one")
            };
            all.push(id);
        });
        all
    }

    /// Finishes a page with the source's page: `levels` are that page's, and so are `ids`, if it has a dictionary.
    pub(crate) fn finish_page(&mut self, levels: &DefinitionLevels, ids: Option<&[u32]>) -> Result<(), ParquetError> {
        let ids = match ids {
            Some(ids) => self.ids_of(levels, ids),
            None => std::mem::take(&mut self.ids),
        };
        assert_eq!(ids.len(), levels.rows(), "a derived column has a value for each row");
        let mut own_levels = DefinitionLevels::new(self.settings.is_required);
        own_levels.push_values(ids.len());
        let page = id_page(&mut own_levels, &ids, self.dictionary.id_width());
        let distinct = self.dictionary.distinct_of_page(&ids);
        let min_max = AnyMinMax::of_strings(distinct.iter().map(|id| self.dictionary.string_and_head(*id)));
        let facts = PageFacts { encoding: Encoding::RLE_DICTIONARY, rows: ids.len(), nulls: 0, min_max, step: None };
        self.pages.add(&page, facts)
    }

    /// Returns the complete chunk.
    pub(crate) fn close(self) -> Result<EncodedChunk, ParquetError> {
        let has_pages = !self.pages.is_empty();
        self.pages.finish(has_pages.then(|| (self.dictionary.page(), self.dictionary.len())))
    }
}
