//! The bytes of pages in, a column chunk and its metadata out.

use std::{
    cmp::Ordering,
    collections::BTreeMap,
    io::{self, Read},
};

use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Encoding, PageType},
    column::{
        page::{CompressedPage, Page, PageWriter as _},
        writer::ColumnCloseResult,
    },
    data_type::ByteArray,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats},
        reader::{ChunkReader, Length},
        statistics::{Statistics, ValueStatistics},
        writer::{SerializedPageWriter, TrackedWrite},
    },
    schema::types::ColumnDescPtr,
};

use super::{
    compressor::{Way, compress},
    min_max::{self, AnyMinMax, Bound, MinMax},
    number::{Number, double_of},
};
use crate::encode::Compression;

/// Size of the part of a page by which the level to compress it with is chosen, in bytes: 64 KiB.
const SAMPLE_BYTES: usize = 64 * 1024;
/// The default level is worth its time if it saves one byte of this many.
const MIN_GAIN: usize = 16;
/// A higher level is asked for by those who want few bytes: it is worth its time if it saves one byte of this many.
const MIN_GAIN_OF_HIGH_LEVEL: usize = 64;

/// Properties of a page besides its bytes.
#[derive(Debug)]
pub(crate) struct PageFacts {
    pub(crate) encoding: Encoding,
    pub(crate) rows: usize,
    pub(crate) nulls: usize,
    /// `None` if all rows are NULL, or minimum and maximum are not kept.
    pub(crate) min_max: Option<AnyMinMax>,
    /// Of values in which nothing repeats but their ends: every how many bytes zstd should look for a match.
    pub(crate) step: Option<u32>,
}

/// A complete data page: header and compressed bytes.
#[derive(Debug)]
struct DataPage {
    bytes: Bytes,
    encoding: Encoding,
    rows: usize,
    nulls: usize,
    /// Minimum and maximum as in the page index.
    ends: Option<[Bound; 2]>,
}

/// The complete pages of a column chunk.
#[derive(Debug)]
pub(crate) struct Pages {
    column: ColumnDescPtr,
    number: Option<Number>,
    compression: Compression,
    keeps_min_max: bool,
    /// Compression of large pages of text; `None` before the first one.
    of_large_text: Option<Compression>,
    complete: Vec<DataPage>,
    /// Minimum and maximum of all pages.
    min_max: Option<AnyMinMax>,
    /// Those of the last page that has any, as in the page index.
    last_min_max: Option<AnyMinMax>,
    is_ascending: bool,
    is_descending: bool,
    /// Size of the pages in the file.
    compressed_bytes: usize,
    /// Size of the pages before compression.
    uncompressed_bytes: usize,
}

/// A complete column chunk, its pages in order.
#[derive(Debug)]
pub(crate) struct EncodedChunk {
    pages: Vec<Bytes>,
    footer: ColumnCloseResult,
}

impl Pages {
    pub(crate) fn new(
        column: ColumnDescPtr,
        number: Option<Number>,
        compression: Compression,
        keeps_min_max: bool,
    ) -> Self {
        Self {
            column,
            number,
            compression,
            keeps_min_max,
            of_large_text: None,
            complete: Vec::new(),
            min_max: None,
            last_min_max: None,
            is_ascending: true,
            is_descending: true,
            compressed_bytes: 0,
            uncompressed_bytes: 0,
        }
    }

    /// Returns the size of the pages so far, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.compressed_bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.complete.is_empty()
    }

    /// Returns whether any page has this encoding.
    pub(crate) fn have(&self, encoding: Encoding) -> bool {
        self.complete.iter().any(|page| page.encoding == encoding)
    }

    /// Adds a data page: its levels and values.
    pub(crate) fn add(&mut self, bytes: &[u8], facts: PageFacts) -> Result<(), ParquetError> {
        let PageFacts { encoding, rows, nulls, min_max, step } = facts;
        // In packed bits a higher level finds nothing more.
        let is_packed = encoding == Encoding::RLE_DICTIONARY;
        let way = match (step, self.compression) {
            (Some(step), Compression::Zstd(_)) => Way::Every(step),
            _ if is_packed || self.number.is_some() => Way::As(self.compression.min_level()),
            _ => Way::As(self.of_text(bytes)?),
        };
        let page = |buf| Page::DataPage {
            buf,
            num_values: as_u32(rows),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let bytes = self.finish_page(bytes, way, page)?;
        let ends = min_max.as_ref().map(|min_max| self.ends(min_max));
        if let (Some(min_max), Some([min, max])) = (min_max, &ends) {
            AnyMinMax::include(&mut self.min_max, min_max.clone());
            // The order is that of the page index, in which long strings are cut.
            let stored = match min_max {
                AnyMinMax::Numbers(_) => min_max,
                AnyMinMax::Strings(_) => AnyMinMax::Strings(MinMax { min: min.bytes.clone(), max: max.bytes.clone() }),
            };
            let order = self.last_min_max.as_ref().map_or([Ordering::Equal; 2], |last| last.order(&stored));
            self.is_ascending &= !order.contains(&Ordering::Greater);
            self.is_descending &= !order.contains(&Ordering::Less);
            self.last_min_max = Some(stored);
        }
        self.complete.push(DataPage { bytes, encoding, rows, nulls, ends });
        Ok(())
    }

    /// Returns the compression of a page of text: all large ones of a chunk are compressed like the first one.
    fn of_text(&mut self, page: &[u8]) -> Result<Compression, ParquetError> {
        if self.of_large_text.is_none() {
            self.of_large_text = of_large_text(self.compression, page)?;
        }
        Ok(self.of_large_text.unwrap_or(self.compression))
    }

    /// Compresses a page and puts its header before it.
    fn finish_page(&mut self, bytes: &[u8], way: Way, page: impl FnOnce(Bytes) -> Page) -> Result<Bytes, ParquetError> {
        let compressed = compress(way, bytes)?;
        let mut file = TrackedWrite::new(Vec::with_capacity(compressed.len() + 64));
        let page = CompressedPage::new(page(compressed.into()), bytes.len());
        let written = SerializedPageWriter::new(&mut file).write_page(page)?;
        self.compressed_bytes += written.compressed_size;
        self.uncompressed_bytes += written.uncompressed_size;
        Ok(file.into_inner()?.into())
    }

    /// Returns the chunk. `dictionary` is the dictionary page and its number of values, if there is one.
    pub(crate) fn finish(mut self, dictionary: Option<(&[u8], usize)>) -> Result<EncodedChunk, ParquetError> {
        let mut chunk = Vec::with_capacity(self.complete.len() + 1);
        let mut offset = 0;
        let mut encodings: BTreeMap<(i32, i32), (PageType, Encoding, i32)> = BTreeMap::new();
        let mut count = |kind: PageType, encoding: Encoding| {
            encodings.entry((kind as i32, encoding as i32)).or_insert((kind, encoding, 0)).2 += 1;
        };
        if let Some((bytes, values)) = dictionary {
            let (num_values, encoding) = (as_u32(values), Encoding::PLAIN);
            let page = |buf| Page::DictionaryPage { buf, num_values, encoding, is_sorted: false };
            let compression = of_large_text(self.compression, bytes)?.unwrap_or(self.compression);
            let page = self.finish_page(bytes, Way::As(compression), page)?;
            offset += page.len();
            chunk.push(page);
            count(PageType::DICTIONARY_PAGE, encoding);
        }
        let data_at = offset;
        let mut offsets = OffsetIndexBuilder::new();
        for page in &self.complete {
            offsets.append_offset_and_size(as_i64(offset), as_i32(page.bytes.len()));
            offsets.append_row_count(as_i64(page.rows));
            offset += page.bytes.len();
            chunk.push(page.bytes.clone());
            count(PageType::DATA_PAGE, page.encoding);
        }
        let rows: usize = self.complete.iter().map(|page| page.rows).sum();
        let encoding_stats = encodings
            .values()
            .map(|&(page_type, encoding, count)| PageEncodingStats { page_type, encoding, count })
            .collect();
        let mut all_encodings: Vec<Encoding> = encodings.values().map(|(_, encoding, _)| *encoding).collect();
        all_encodings.push(Encoding::RLE);
        let column_index = if self.keeps_min_max { Some(self.column_index().build()?) } else { None };
        let metadata = ColumnChunkMetaData::builder(ColumnDescPtr::clone(&self.column))
            .set_compression(self.compression.codec()?)
            .set_encodings(all_encodings)
            .set_page_encoding_stats(encoding_stats)
            .set_num_values(as_i64(rows))
            .set_total_compressed_size(as_i64(self.compressed_bytes))
            .set_total_uncompressed_size(as_i64(self.uncompressed_bytes))
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_data_page_offset(as_i64(data_at))
            .set_statistics(self.statistics())
            .build()?;
        let footer = ColumnCloseResult {
            bytes_written: self.compressed_bytes as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index,
            offset_index: Some(offsets.build()),
        };
        Ok(EncodedChunk { pages: chunk, footer })
    }

    fn column_index(&self) -> ColumnIndexBuilder {
        let mut index = ColumnIndexBuilder::new(self.column.physical_type());
        for page in &self.complete {
            // A page of NULLs has two empty bounds in the index.
            let [min, max] = page.ends.clone().map(|ends| ends.map(|end| end.bytes)).unwrap_or_default();
            index.append(page.ends.is_none(), min, max, as_i64(page.nulls));
        }
        // If pages are in the order of their bounds, engines may search instead of reading the bounds of each.
        index.set_boundary_order(match (self.is_ascending, self.is_descending) {
            (true, _) => BoundaryOrder::ASCENDING,
            (false, true) => BoundaryOrder::DESCENDING,
            (false, false) => BoundaryOrder::UNORDERED,
        });
        index
    }

    fn statistics(&self) -> Statistics {
        let nulls = Some(self.complete.iter().map(|page| page.nulls as u64).sum());
        // `false`: the fields that old readers know have no defined order.
        let old = false;
        match (self.number, &self.min_max) {
            (None, Some(min_max)) => {
                let [min, max] = self.ends(min_max);
                let (low, high) = (ByteArray::from(min.bytes), ByteArray::from(max.bytes));
                let statistics = ValueStatistics::new(Some(low), Some(high), None, nulls, old);
                let statistics = statistics.with_min_is_exact(min.is_exact).with_max_is_exact(max.is_exact);
                Statistics::ByteArray(statistics)
            }
            (None, None) => Statistics::ByteArray(ValueStatistics::new(None, None, None, nulls, old)),
            (Some(number), min_max) => {
                let (min, max) = match min_max {
                    Some(AnyMinMax::Numbers(MinMax { min, max })) => (Some(*min), Some(*max)),
                    Some(AnyMinMax::Strings(_)) => unreachable!("the column has numbers"),
                    None => (None, None),
                };
                let narrow = |key: i64| i32::try_from(key).expect("the keys of 32-bit numbers have 32 bits");
                match number {
                    Number::Int32 => Statistics::int32(min.map(narrow), max.map(narrow), None, nulls, old),
                    Number::Int64 => Statistics::int64(min, max, None, nulls, old),
                    Number::Double => Statistics::double(min.map(double_of), max.map(double_of), None, nulls, old),
                }
            }
        }
    }

    /// Returns minimum and maximum as in a footer.
    fn ends(&self, min_max: &AnyMinMax) -> [Bound; 2] {
        match min_max {
            AnyMinMax::Strings(min_max) => [min_max::below(&min_max.min), min_max::above(&min_max.max)],
            AnyMinMax::Numbers(min_max) => [min_max.min, min_max.max].map(|key| {
                let mut bytes = Vec::new();
                self.number.expect("the column has numbers").plain(key, &mut bytes);
                Bound { bytes, is_exact: true }
            }),
        }
    }
}

impl EncodedChunk {
    /// Returns its size in the data file, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.footer.bytes_written
    }

    /// Returns the number of its pages.
    pub(crate) fn pages(&self) -> usize {
        self.pages.len()
    }

    /// Returns the pages, and the metadata for the footer.
    pub(crate) fn into_parts(self) -> (ChunkBytes, ColumnCloseResult) {
        (ChunkBytes { pages: self.pages }, self.footer)
    }
}

/// The bytes of a chunk, page by page.
#[derive(Debug)]
pub(crate) struct ChunkBytes {
    pages: Vec<Bytes>,
}

impl Length for ChunkBytes {
    fn len(&self) -> u64 {
        self.pages.iter().map(|page| page.len() as u64).sum()
    }
}

impl ChunkReader for ChunkBytes {
    type T = ChunkBytes;

    fn get_read(&self, start: u64) -> Result<Self, ParquetError> {
        if start > 0 {
            unreachable!("a chunk is read from its start");
        }
        Ok(Self { pages: self.pages.iter().rev().cloned().collect() })
    }

    fn get_bytes(&self, _start: u64, _length: usize) -> Result<Bytes, ParquetError> {
        unreachable!("a chunk is read as a stream")
    }
}

/// Reads from the last page to the first, and removes what is read.
impl Read for ChunkBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(page) = self.pages.last_mut() {
            if page.is_empty() {
                self.pages.pop();
                continue;
            }
            let piece = page.split_to(page.len().min(buffer.len()));
            buffer[..piece.len()].copy_from_slice(&piece);
            return Ok(piece.len());
        }
        Ok(0)
    }
}

/// Returns the compression of a page of text; `None` if the page is not large. It is the wanted level, or the first level,
/// which is faster, if a part of the page shows that the wanted one finds no more.
fn of_large_text(wanted: Compression, page: &[u8]) -> Result<Option<Compression>, ParquetError> {
    let quickest = wanted.min_level();
    if page.len() < SAMPLE_BYTES * 4 || wanted == quickest {
        return Ok(None);
    }
    // The end of the page: any part is like the others.
    let sample = &page[page.len() - SAMPLE_BYTES..];
    let [with_wanted, with_quickest] =
        [compress(Way::As(wanted), sample)?.len(), compress(Way::As(quickest), sample)?.len()];
    let is_high = matches!((wanted, Compression::default()), (Compression::Zstd(level), Compression::Zstd(default)) if level > default);
    let min_gain = if is_high { MIN_GAIN_OF_HIGH_LEVEL } else { MIN_GAIN };
    let pays = with_quickest - with_quickest / min_gain >= with_wanted;
    Ok(Some(if pays { wanted } else { quickest }))
}

fn as_u32(count: usize) -> u32 {
    u32::try_from(count).expect("a page has fewer rows than 32 bits count")
}

fn as_i32(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a page is smaller than 2 GiB")
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).expect("memory is smaller than 8 EiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns this many digits without a pattern.
    fn digits(count: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let digit = |_| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            b'0' + u8::try_from((state >> 33) % 10).unwrap()
        };
        (0..count).map(digit).collect()
    }

    #[test]
    fn large_text_is_compressed_at_the_level_that_pays() {
        let random = digits(SAMPLE_BYTES * 4);
        let phrases = digits(8 * 1024);
        // Earlier pieces, of all lengths, and new bytes between them.
        let repeated: Vec<u8> = (0..40_000_usize)
            .flat_map(|n| {
                let at = n * 7919 % 8000;
                [&phrases[at..at + 5 + n * 31 % 23], &random[n..=n]].concat()
            })
            .collect();
        for wanted in [Compression::Zstd(3), Compression::Zstd(9)] {
            assert_eq!(of_large_text(wanted, &random).unwrap(), Some(Compression::Zstd(1)));
            assert_eq!(of_large_text(wanted, &random[1..]).unwrap(), None, "not large");
        }
        assert_eq!(of_large_text(Compression::Zstd(9), &repeated).unwrap(), Some(Compression::Zstd(9)));
        for wanted in [Compression::Zstd(1), Compression::Snappy, Compression::None] {
            assert_eq!(of_large_text(wanted, &repeated).unwrap(), None);
        }
    }
}
