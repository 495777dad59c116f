//! A column of numbers.

use std::sync::Arc;

use arrow::array::Array as _;
use lakefront_schema::row_block::{BlockColumn, runs_of};
use parquet::{basic::Encoding, errors::ParquetError};

use super::{
    ChunkSettings, MAX_DICTIONARY_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS, STEP_ROWS,
    definition_levels::DefinitionLevels,
    id_page, is_time_to_probe,
    min_max::AnyMinMax,
    number::{Number, Numbers},
    number_dictionary::NumberDictionary,
    pages::{EncodedChunk, PageFacts, Pages},
    rows_of_step,
};
use crate::partition::{Part, Selection};

/// A column chunk of numbers under construction.
#[derive(Debug)]
pub(crate) struct NumberChunk {
    settings: Arc<ChunkSettings>,
    number: Number,
    levels: DefinitionLevels,
    /// `None` once it is given up.
    dictionary: Option<NumberDictionary>,
    /// The dictionary of earlier pages, if later ones have none.
    closed_dictionary: Option<NumberDictionary>,
    /// Ids of the page at hand, if it has a dictionary.
    ids: Vec<u32>,
    /// Keys of the page at hand, if it has no dictionary.
    keys: Vec<i64>,
    pages: Pages,
}

impl NumberChunk {
    /// Returns an empty chunk.
    pub(crate) fn new(settings: &Arc<ChunkSettings>) -> Self {
        Self {
            number: settings.number.expect("the settings are of numbers"),
            levels: DefinitionLevels::new(settings.is_required),
            dictionary: settings.has_dictionary.then(NumberDictionary::new),
            closed_dictionary: None,
            ids: Vec::new(),
            keys: Vec::new(),
            pages: settings.pages(),
            settings: Arc::clone(settings),
        }
    }

    /// Returns the size of the chunk so far, in bytes; an estimate.
    pub(crate) fn encoded_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(|dictionary| dictionary.page_bytes(self.number)).sum();
        let ids = self.ids.len() * self.dictionary.as_ref().map_or(0, NumberDictionary::id_width) as usize / 8;
        self.pages.bytes() + dictionary + ids + self.plain_bytes()
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(NumberDictionary::memory_bytes).sum();
        let cells = self.ids.len() * size_of::<u32>() + self.keys.len() * size_of::<i64>();
        self.pages.bytes() + dictionary + cells
    }

    /// Returns the size of the page at hand if it has no dictionary, in bytes.
    fn plain_bytes(&self) -> usize {
        self.keys.len() * self.number.plain_bytes()
    }

    /// Adds the cells of rows.
    ///
    /// # Errors
    /// [`ParquetError`]: the column is not of such numbers, or a page cannot be compressed.
    pub(crate) fn write(&mut self, part: &Part<'_>, column: &BlockColumn) -> Result<(), ParquetError> {
        match column {
            BlockColumn::Array(array) => {
                let unexpected = || ParquetError::General(format!("unexpected {}", array.data_type()));
                let numbers = Numbers::of(array).ok_or_else(unexpected)?;
                let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
                let rows = part.rows();
                let mut keys = Vec::new();
                let mut done = 0;
                while done < rows.len() {
                    let count = rows_of_step(&self.levels, rows.len() - done);
                    let step = rows.slice(done, count);
                    done += count;
                    self.levels.push(nulls, step);
                    self.reserve();
                    match (nulls, numbers, step) {
                        (None, Numbers::Int64(numbers), Selection::From(first, count)) => {
                            self.take(&numbers[first..first + count]);
                        }
                        (nulls, ..) => {
                            numbers.keys_of_valid(step, nulls, &mut keys);
                            self.take(&keys);
                        }
                    }
                    self.end_step()?;
                }
                Ok(())
            }
            BlockColumn::Days(runs) => {
                let mut runs = runs_of(runs, part.rows().iter());
                runs.try_for_each(|(day, rows)| self.write_run(Some(i64::from(*day)), rows))
            }
            BlockColumn::Nulls => self.write_run(None, part.rows().len()),
            BlockColumn::Cells(_) | BlockColumn::Strings(_) | BlockColumn::Of(_) => {
                Err(ParquetError::General(format!("unexpected column of {column:?}")))
            }
        }
    }

    fn take(&mut self, keys: &[i64]) {
        match &mut self.dictionary {
            Some(dictionary) => dictionary.look_up(keys, &mut self.ids),
            None => self.keys.extend_from_slice(keys),
        }
    }

    /// Adds the same number for some rows.
    fn write_run(&mut self, key: Option<i64>, mut rows: usize) -> Result<(), ParquetError> {
        while rows > 0 {
            let step = rows_of_step(&self.levels, rows);
            rows -= step;
            match (key, &mut self.dictionary) {
                (None, _) => self.levels.push_nulls(step),
                (Some(key), Some(dictionary)) => {
                    self.levels.push_values(step);
                    let id = dictionary.id_of(key);
                    self.ids.resize(self.ids.len() + step, id);
                }
                (Some(key), None) => {
                    self.levels.push_values(step);
                    self.keys.resize(self.keys.len() + step, key);
                }
            }
            self.end_step()?;
        }
        Ok(())
    }

    fn reserve(&mut self) {
        let rows = self.settings.rows_to_reserve(self.levels.rows());
        if self.dictionary.is_some() {
            self.ids.reserve_exact(rows.saturating_sub(self.ids.len()));
        } else {
            self.keys.reserve_exact(rows.saturating_sub(self.keys.len()));
        }
    }

    /// Finishes the page at hand if it is full, or the dictionary is.
    fn end_step(&mut self) -> Result<(), ParquetError> {
        if !self.levels.rows().is_multiple_of(STEP_ROWS) {
            return Ok(());
        }
        self.probe_dictionary();
        let is_over = |dictionary: &NumberDictionary| {
            dictionary.page_bytes(self.number) > MAX_DICTIONARY_BYTES || dictionary.is_crowded()
        };
        let is_over = self.dictionary.as_ref().is_some_and(is_over);
        if is_over || self.levels.rows() >= MAX_PAGE_ROWS || self.plain_bytes() >= MAX_PAGE_BYTES {
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
        let number = self.number;
        let (page, encoding, min_max) = if let Some(dictionary) = &mut self.dictionary {
            let page = id_page(&mut self.levels, &self.ids, dictionary.id_width());
            let distinct = dictionary.distinct_of_page(&self.ids);
            self.ids.clear();
            let min_max = AnyMinMax::of_numbers(number, distinct.iter().map(|id| dictionary.key(*id)));
            (page, Encoding::RLE_DICTIONARY, min_max)
        } else {
            let mut page = Vec::new();
            self.levels.write(&mut page);
            page.reserve_exact(self.plain_bytes());
            self.keys.iter().for_each(|key| number.plain(*key, &mut page));
            let min_max = AnyMinMax::of_numbers(number, self.keys.iter().copied());
            self.keys.clear();
            (page, Encoding::PLAIN, min_max)
        };
        self.pages.add(&page, PageFacts { encoding, rows, nulls, min_max, step: None })
    }

    /// Gives the dictionary up if the first rows show that it does not pay.
    fn probe_dictionary(&mut self) {
        let is_time = is_time_to_probe(&self.levels, &self.pages, &self.ids);
        if is_time && self.dictionary.as_ref().is_some_and(|dictionary| dictionary.is_nearly_unique(self.ids.len())) {
            self.give_up_dictionary();
        }
    }

    /// Returns whether the first page is smaller with its dictionary, by a quarter.
    fn pays(&self, dictionary: &NumberDictionary) -> bool {
        let ids = self.ids.len() * dictionary.id_width() as usize / 8;
        self.ids.len() * self.number.plain_bytes() > (dictionary.page_bytes(self.number) + ids) * 4 / 3
    }

    /// Turns the page at hand, which is the first one, into one without dictionary.
    fn give_up_dictionary(&mut self) {
        let dictionary = self.dictionary.take().expect("a dictionary is given up once");
        self.keys.extend(self.ids.drain(..).map(|id| dictionary.key(id)));
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
        let dictionary = dictionary.map(|dictionary| (dictionary.page(self.number), dictionary.len()));
        self.pages.finish(dictionary.as_ref().map(|(page, numbers)| (page.as_slice(), *numbers)))
    }
}
