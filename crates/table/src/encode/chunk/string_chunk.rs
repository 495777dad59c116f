//! A column of strings.

use std::sync::Arc;

use arrow::array::{Array as _, AsArray, StringViewArray};
use lakefront_schema::row_block::{BlockColumn, Derive, runs_of};
use parquet::{basic::Encoding, errors::ParquetError};

use super::{
    ChunkSettings, FAR_OVER, MAX_DICTIONARY_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS, STEP_ROWS,
    cells::Cells,
    definition_levels::DefinitionLevels,
    derived_chunk::DerivedChunk,
    dictionary::Dictionary,
    id_page, is_time_to_probe,
    min_max::{AnyMinMax, head_of_string},
    pages::{EncodedChunk, PageFacts, Pages},
    rows_of_step,
};
use crate::partition::Part;

/// A column chunk of strings under construction, and those of the columns that follow from it.
#[derive(Debug)]
pub(crate) struct StringChunk {
    settings: Arc<ChunkSettings>,
    levels: DefinitionLevels,
    /// `None` once it is given up.
    dictionary: Option<Dictionary>,
    /// The dictionary of earlier pages, if later ones have none.
    closed_dictionary: Option<Dictionary>,
    /// Ids of the page at hand, if it has a dictionary.
    ids: Vec<u32>,
    /// Strings of the page at hand, if it has no dictionary.
    plain: PlainStrings,
    pages: Pages,
    derived: Vec<DerivedChunk>,
}

/// Size in bytes from which a page is compressed in steps: in a smaller one, zstd finds the rhythm of the strings too late.
const MIN_BYTES_FOR_STEPS: usize = 256 * 1024;
/// Number of strings by which that is decided.
const STEP_SAMPLE: usize = 64;

/// Strings of a page without dictionary, in `PLAIN` encoding: each after its length.
#[derive(Debug, Default)]
struct PlainStrings {
    /// The strings, after [`LEVELS_BYTES`] bytes of room for the page's definition levels; empty without strings.
    page: Vec<u8>,
    count: usize,
}

/// Room for definition levels: as many bytes as they take if no cell is NULL.
const LEVELS_BYTES: usize = 16;

impl StringChunk {
    /// Returns an empty chunk. `derived` are the columns that follow from it, each with its place in the results of the
    /// function by which they follow.
    pub(crate) fn new(settings: &Arc<ChunkSettings>, derived: &[(usize, Arc<ChunkSettings>)]) -> Self {
        Self {
            levels: DefinitionLevels::new(settings.is_required),
            dictionary: settings.has_dictionary.then(Dictionary::new),
            closed_dictionary: None,
            ids: Vec::new(),
            plain: PlainStrings::default(),
            pages: settings.pages(),
            derived: derived.iter().map(|(place, settings)| DerivedChunk::new(*place, settings)).collect(),
            settings: Arc::clone(settings),
        }
    }

    /// Returns the size of the chunks so far, in bytes; an estimate.
    pub(crate) fn encoded_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(|dictionary| dictionary.page().len()).sum();
        let ids = self.ids.len() * self.dictionary.as_ref().map_or(0, Dictionary::id_width) as usize / 8;
        let derived: usize = self.derived.iter().map(|derived| derived.encoded_bytes(self.ids.len())).sum();
        self.pages.bytes() + dictionary + ids + self.plain.len() + derived
    }

    /// Returns the memory that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let dictionaries = [&self.dictionary, &self.closed_dictionary].into_iter().flatten();
        let dictionary: usize = dictionaries.map(Dictionary::memory_bytes).sum();
        let derived: usize = self.derived.iter().map(DerivedChunk::memory_bytes).sum();
        self.pages.bytes() + dictionary + self.ids.len() * size_of::<u32>() + self.plain.len() + derived
    }

    /// Adds the cells of rows. `by` is the function by which other columns follow.
    ///
    /// # Errors
    /// [`ParquetError`]: the column is not of strings, or a page cannot be compressed.
    pub(crate) fn write(
        &mut self,
        part: &Part<'_>,
        column: &BlockColumn,
        by: Option<&dyn Derive>,
    ) -> Result<(), ParquetError> {
        match column {
            BlockColumn::Cells(position) => self.write_cells(Cells::of(part, *position), by),
            BlockColumn::Strings(runs) => {
                let mut runs = runs_of(runs, part.rows().iter());
                runs.try_for_each(|(value, rows)| self.write_run(Some(value.as_bytes()), rows, by))
            }
            BlockColumn::Nulls => self.write_run(None, part.rows().len(), by),
            BlockColumn::Array(array) => {
                let strings = array.as_string_view_opt();
                let unexpected = || ParquetError::General(format!("unexpected {}", array.data_type()));
                self.write_array(strings.ok_or_else(unexpected)?, part, by)
            }
            // Without a dictionary of its own, the column is one of strings like any other.
            BlockColumn::Of(derived) => self.write_array(&part.block().derived_strings(derived), part, by),
            BlockColumn::Days(_) => Err(ParquetError::General(format!("unexpected column of {column:?}"))),
        }
    }

    fn write_cells(&mut self, mut cells: Cells<'_>, by: Option<&dyn Derive>) -> Result<(), ParquetError> {
        while cells.len() > 0 {
            let step;
            (step, cells) = cells.split_at(rows_of_step(&self.levels, cells.len()));
            self.reserve();
            if let Some(dictionary) = &mut self.dictionary {
                self.levels.push_values(step.len());
                dictionary.look_up(step, &mut self.ids);
            } else {
                step.iter().for_each(|cell| self.push_plain(cell, by));
            }
            self.end_step(by)?;
        }
        Ok(())
    }

    /// Adds the same value for a number of rows.
    fn write_run(
        &mut self,
        value: Option<&[u8]>,
        mut rows: usize,
        by: Option<&dyn Derive>,
    ) -> Result<(), ParquetError> {
        while rows > 0 {
            let step = rows_of_step(&self.levels, rows);
            rows -= step;
            self.reserve();
            match (value, &mut self.dictionary) {
                (None, _) => self.push_nulls(step, by),
                (Some(value), Some(dictionary)) => {
                    self.levels.push_values(step);
                    let id = dictionary.id_of(value);
                    self.ids.resize(self.ids.len() + step, id);
                }
                (Some(value), None) => (0..step).for_each(|_| self.push_plain(value, by)),
            }
            self.end_step(by)?;
        }
        Ok(())
    }

    fn write_array(
        &mut self,
        strings: &StringViewArray,
        part: &Part<'_>,
        by: Option<&dyn Derive>,
    ) -> Result<(), ParquetError> {
        let rows = part.rows();
        let mut done = 0;
        while done < rows.len() {
            let count = rows_of_step(&self.levels, rows.len() - done);
            self.reserve();
            for row in rows.slice(done, count).iter() {
                let value = strings.is_valid(row).then(|| strings.value(row).as_bytes());
                match (value, &mut self.dictionary) {
                    (None, _) => self.push_nulls(1, by),
                    (Some(value), Some(dictionary)) => {
                        self.levels.push_values(1);
                        self.ids.push(dictionary.id_of(value));
                    }
                    (Some(value), None) => self.push_plain(value, by),
                }
            }
            done += count;
            self.end_step(by)?;
        }
        Ok(())
    }

    /// Adds a row to a page without dictionary.
    #[inline]
    fn push_plain(&mut self, value: &[u8], by: Option<&dyn Derive>) {
        self.levels.push_values(1);
        self.plain.push(value);
        if let Some(by) = by.filter(|_| !self.derived.is_empty()) {
            let values = by.derive(Some(as_str(value)));
            self.derived.iter_mut().for_each(|derived| derived.push(&values));
        }
    }

    fn push_nulls(&mut self, rows: usize, by: Option<&dyn Derive>) {
        self.levels.push_nulls(rows);
        if let Some(by) = by
            && self.derived.iter().any(|derived| !derived.knows_null())
        {
            // In the order of the cells, so that ids do not depend on how cells are spread over calls.
            self.follow_up(Some(by));
            let values = by.derive(None);
            self.derived.iter_mut().for_each(|derived| derived.add_null(&values));
        }
        if self.dictionary.is_none() {
            for derived in &mut self.derived {
                (0..rows).for_each(|_| derived.push_null());
            }
        }
    }

    fn reserve(&mut self) {
        let rows = self.settings.rows_to_reserve(self.levels.rows());
        if self.dictionary.is_some() {
            self.ids.reserve_exact(rows.saturating_sub(self.ids.len()));
        } else {
            self.plain.reserve(rows);
        }
    }

    /// Asks for what follows from the strings that are new in the dictionary.
    fn follow_up(&mut self, by: Option<&dyn Derive>) {
        let (Some(dictionary), Some(by)) = (&self.dictionary, by) else { return };
        let Some(known) = self.derived.first().map(DerivedChunk::known) else { return };
        for id in known..dictionary.len() {
            let string = dictionary.string(u32::try_from(id).expect("ids have 32 bits"));
            let values = by.derive(Some(as_str(string)));
            self.derived.iter_mut().for_each(|derived| derived.add(&values));
        }
    }

    fn end_step(&mut self, by: Option<&dyn Derive>) -> Result<(), ParquetError> {
        self.follow_up(by);
        if self.levels.rows().is_multiple_of(STEP_ROWS) || self.is_far_over() {
            self.finish_full_page()?;
        }
        Ok(())
    }

    /// Returns whether page or dictionary are so far past their limits that the page ends within a step, to save memory. Only
    /// cells of many kilobytes each cause that.
    fn is_far_over(&self) -> bool {
        let dictionary_bytes = self.dictionary.as_ref().map_or(0, |dictionary| dictionary.page().len());
        self.plain.len() >= FAR_OVER * MAX_PAGE_BYTES || dictionary_bytes >= FAR_OVER * MAX_DICTIONARY_BYTES
    }

    /// Finishes the page at hand if it is full, or the dictionary is.
    fn finish_full_page(&mut self) -> Result<(), ParquetError> {
        self.probe_dictionary();
        let is_over = self.dictionary.as_ref().is_some_and(|dictionary| dictionary.page().len() > MAX_DICTIONARY_BYTES);
        if is_over || self.levels.rows() >= MAX_PAGE_ROWS || self.plain.len() >= MAX_PAGE_BYTES {
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
        for derived in &mut self.derived {
            derived.finish_page(&self.levels, self.dictionary.as_ref().map(|_| &self.ids[..]))?;
        }
        let Some(dictionary) = &mut self.dictionary else {
            let mut levels = Vec::new();
            self.levels.write(&mut levels);
            let facts = PageFacts {
                encoding: Encoding::PLAIN,
                rows,
                nulls,
                min_max: if self.settings.keeps_min_max() { self.plain.min_max() } else { None },
                step: self.plain.step(),
            };
            self.pages.add(self.plain.with_levels(&levels), facts)?;
            self.plain.clear();
            return Ok(());
        };
        let page = id_page(&mut self.levels, &self.ids, dictionary.id_width());
        let distinct = dictionary.distinct_of_page(&self.ids);
        self.ids.clear();
        let min_max = AnyMinMax::of_strings(distinct.iter().map(|id| dictionary.string_and_head(*id)));
        let facts = PageFacts { encoding: Encoding::RLE_DICTIONARY, rows, nulls, min_max, step: None };
        self.pages.add(&page, facts)
    }

    /// Gives the dictionary up if the first rows show that it does not pay.
    fn probe_dictionary(&mut self) {
        let is_time = is_time_to_probe(&self.levels, &self.pages, &self.ids);
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
        self.derived.iter_mut().for_each(|derived| derived.keep_ids(&self.levels, &self.ids));
        for id in self.ids.drain(..) {
            self.plain.push(dictionary.string(id));
        }
    }

    /// Returns the complete chunk, then those of the columns that follow from it.
    ///
    /// # Errors
    /// [`ParquetError`]: a page cannot be compressed.
    pub(crate) fn close(mut self) -> Result<Vec<EncodedChunk>, ParquetError> {
        if self.levels.rows() > 0 {
            self.finish_page()?;
        }
        let dictionary =
            self.dictionary.or(self.closed_dictionary).filter(|_| self.pages.have(Encoding::RLE_DICTIONARY));
        let own = self.pages.finish(dictionary.as_ref().map(|dictionary| (dictionary.page(), dictionary.len())))?;
        let mut chunks = vec![own];
        for derived in self.derived {
            chunks.push(derived.close()?);
        }
        Ok(chunks)
    }
}

fn as_str(string: &[u8]) -> &str {
    std::str::from_utf8(string).expect("cells of string columns are UTF-8")
}

impl PlainStrings {
    /// Returns the size of the strings with their lengths, in bytes.
    fn len(&self) -> usize {
        self.page.len().saturating_sub(LEVELS_BYTES)
    }

    /// Reserves memory for `cells` cells in all, by the size of the cells so far.
    fn reserve(&mut self, cells: usize) {
        let bytes_a_cell = self.len().div_ceil(self.count.max(1));
        let bytes = (bytes_a_cell * cells).min(MAX_PAGE_BYTES) * 9 / 8;
        if self.page.capacity() < bytes / 2 {
            self.page.reserve_exact((LEVELS_BYTES + bytes).saturating_sub(self.page.len()));
        }
    }

    #[inline]
    fn push(&mut self, string: &[u8]) {
        if self.page.is_empty() {
            self.page.extend_from_slice(&[0; LEVELS_BYTES]);
        }
        let length = u32::try_from(string.len()).expect("a cell is smaller than a text of 4 GiB");
        self.page.extend_from_slice(&length.to_le_bytes());
        self.page.extend_from_slice(string);
        self.count += 1;
    }

    /// Returns the page of these definition levels and the strings. They are put before the strings if there is room, as the
    /// strings are many.
    fn with_levels(&mut self, levels: &[u8]) -> &[u8] {
        let place = LEVELS_BYTES.checked_sub(levels.len()).filter(|_| !self.page.is_empty());
        let Some(start) = place else {
            self.page.splice(..LEVELS_BYTES.min(self.page.len()), levels.iter().copied());
            return &self.page;
        };
        self.page[start..LEVELS_BYTES].copy_from_slice(levels);
        &self.page[start..]
    }

    fn min_max(&self) -> Option<AnyMinMax> {
        let with_head = |(bytes, length)| (head_of_string(bytes, length), &bytes[..length]);
        AnyMinMax::of_strings(self.iter_with_others().map(with_head))
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.iter_with_others().map(|(bytes, length)| &bytes[..length])
    }

    /// Returns for each string what begins with it, and its length.
    fn iter_with_others(&self) -> impl Iterator<Item = (&[u8], usize)> {
        let mut rest = self.page.get(LEVELS_BYTES..).unwrap_or_default();
        std::iter::from_fn(move || {
            let (length, bytes) = rest.split_first_chunk()?;
            let length = u32::from_le_bytes(*length) as usize;
            rest = &bytes[length..];
            Some((bytes, length))
        })
    }

    /// Returns every how many bytes zstd should look for a match, if the strings are like request ids: random, of one length,
    /// and with the same end. The end and the length after it repeat in each string, and nothing else does. It looks twice in
    /// each string: the second time is at the next one's end, if the first one was.
    fn step(&self) -> Option<u32> {
        if self.len() < MIN_BYTES_FOR_STEPS {
            return None;
        }
        let mut sample = self.iter().filter(|string| string.len() > 1).take(STEP_SAMPLE);
        let first = sample.next()?;
        let mut end = first.len();
        for string in sample {
            if string.len() != first.len() {
                return None;
            }
            let pairs = string.iter().rev().zip(first.iter().rev());
            end = end.min(pairs.take_while(|(byte, of_first)| byte == of_first).count());
        }
        let random = first.len() - end;
        let is_random = end > 0 && random >= 16 && random >= end * 4;
        is_random.then(|| u32::try_from(random / 2).expect("a sampled string is shorter than a page"))
    }

    /// Begins the next page.
    fn clear(&mut self) {
        self.page.clear();
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step_of(string: impl Fn(usize) -> String) -> Option<u32> {
        let mut plain = PlainStrings::default();
        for number in 0.. {
            plain.push(string(number).as_bytes());
            if plain.len() >= MIN_BYTES_FOR_STEPS {
                break;
            }
        }
        plain.step()
    }

    #[test]
    fn only_strings_of_one_length_and_one_end_are_compressed_in_steps() {
        let random = |number: usize| {
            format!("{:054x}", (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834))
        };
        assert_eq!(step_of(|number| format!("{}==", random(number))), Some(27));
        assert_eq!(
            step_of(|number| if number % 9 == 4 { "-".to_owned() } else { format!("{}==", random(number)) }),
            Some(27)
        );
        assert_eq!(step_of(random), None, "no end");
        assert_eq!(step_of(|number| format!("{}==", &random(number)[..50 + number % 2])), None, "lengths");
        assert_eq!(step_of(|number| format!("{number:08}/index.html")), None, "more end than beginning");
        let mut few = PlainStrings::default();
        few.push(b"0123456789012345678901==");
        assert_eq!(few.step(), None, "too few to be worth it");
    }
}
