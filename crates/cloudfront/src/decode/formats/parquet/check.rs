//! Checks of a Parquet file before it is read: of all lengths by which its reader would reserve memory.

use memchr::memmem;
use parquet::file::metadata::ParquetMetaData;

use super::compact::Compact;
use crate::{TextLimits, error::Error};

const MAGIC: &[u8] = b"PAR1";
/// Key by which lakefront's own data files are known in their footers.
pub(super) const OWN_KEY: &str = "lakefront.schema";
/// Length of the footer's length and the magic bytes, at the end of a file.
const TAIL_BYTES: usize = 8;
/// Largest footer in bytes: 4 MiB. In memory it takes many times as much.
const MAX_FOOTER_BYTES: usize = 4 << 20;
/// Largest number of columns: CloudFront has fewer than a hundred fields.
const MAX_COLUMNS: i64 = 1000;
/// Largest page in bytes, without compression: 64 MiB. Writers make pages of about one.
const MAX_PAGE_BYTES: i64 = 64 << 20;
/// Largest pages of all columns together, in bytes: 128 MiB. One of each column is in memory, and its dictionary.
const MAX_PAGES_BYTES: u64 = 128 << 20;
/// Repetition of a column that has several values in a row.
const REPEATED: i64 = 2;
/// Encodings of data pages that are read: plain values, dictionaries and runs, and the bytes of numbers apart. The others have
/// lengths within the page that would be believed.
const READ_ENCODINGS: [i64; 5] = [0, 2, 3, 8, 9];

/// Sizes in the header of a page.
#[derive(Debug, Default)]
struct PageSizes {
    plain_bytes: i64,
    stored_bytes: i64,
    values: i64,
    is_dictionary: bool,
    encoding: i64,
}

/// Checks the footer: its structure, and that columns are flat, as those of a log are.
///
/// # Errors
/// [`Error::ParquetCorrupt`], [`Error::UnsupportedParquet`], [`Error::OwnDataFile`].
pub(super) fn check_footer(file: &[u8]) -> Result<(), Error> {
    let tail = file.last_chunk::<TAIL_BYTES>().filter(|tail| tail.ends_with(MAGIC));
    let Some([a, b, c, d, ..]) = tail else { return Err(damaged("the end is missing")) };
    let before = &file[..file.len() - TAIL_BYTES];
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    let footer = before.len().checked_sub(length).map(|start| &before[start..]);
    let footer = footer.ok_or_else(|| damaged("the footer is damaged"))?;
    if length > MAX_FOOTER_BYTES {
        return Err(Error::UnsupportedParquet { why: "a footer of more than 4 MiB" });
    }
    let (mut elements, mut groups, mut is_nested) = (None, 0, false);
    let walked = Compact::new(footer).structure(&mut |path, number| match path {
        // The schema: first the number of its elements, the root among them.
        [2] => elements = elements.or(Some(number)),
        [2, 3] => is_nested |= number == REPEATED,
        // Only the root has children.
        [2, 5] if number != 0 => {
            groups += 1;
            is_nested |= groups > 1 || Some(number + 1) != elements;
        }
        _ => {}
    });
    walked.ok_or_else(|| damaged("the footer is damaged"))?;
    // A table's file may have a map, and is to be called what it is.
    if is_nested && memmem::find(footer, OWN_KEY.as_bytes()).is_some() {
        return Err(Error::OwnDataFile);
    }
    if is_nested {
        return Err(Error::UnsupportedParquet { why: "lists or nested columns" });
    }
    if elements.is_some_and(|elements| elements > MAX_COLUMNS + 1) {
        return Err(Error::UnsupportedParquet { why: "more than 1,000 columns" });
    }
    Ok(())
}

/// Checks the headers of all pages.
///
/// # Errors
/// [`Error::ParquetCorrupt`], [`Error::TooMuchText`], [`Error::TooCompressed`].
pub(super) fn check_pages(file: &[u8], metadata: &ParquetMetaData, limits: TextLimits) -> Result<(), Error> {
    let mut plain_bytes = 0;
    for group in metadata.row_groups() {
        let mut largest_pages = 0;
        for chunk in group.columns() {
            let out_of_file = || damaged("a column is outside of the file");
            let position = |number: i64| usize::try_from(number).map_err(|_| out_of_file());
            let dictionary = chunk.dictionary_page_offset().map(position).transpose()?;
            let data = position(chunk.data_page_offset())?;
            let length = position(chunk.compressed_size())?;
            let start = dictionary.filter(|start| *start > 0 && *start < data).unwrap_or(data);
            let end = start.checked_add(length).filter(|end| *end <= file.len()).ok_or_else(out_of_file)?;
            let sizes = check_chunk(&file[start..end], chunk.num_values())?;
            plain_bytes += sizes.all_pages;
            largest_pages += sizes.dictionary + sizes.largest_page;
        }
        if largest_pages > MAX_PAGES_BYTES {
            return Err(Error::UnsupportedParquet { why: "pages of more than 128 MiB" });
        }
    }
    limits.check(plain_bytes, file.len() as u64)
}

/// Sizes of a column chunk in bytes, without compression.
#[derive(Debug, Default)]
struct ChunkSizes {
    all_pages: u64,
    dictionary: u64,
    largest_page: u64,
}

/// Checks the pages of a column chunk with this number of values.
fn check_chunk(chunk: &[u8], values: i64) -> Result<ChunkSizes, Error> {
    let damage = || damaged("a page header is damaged");
    let mut sizes = ChunkSizes::default();
    let (mut at, mut left) = (0, values);
    while left > 0 {
        let mut header = Compact::new(&chunk[at..]);
        let mut page = PageSizes::default();
        header.structure(&mut |path, number| page.take(path, number)).ok_or_else(damage)?;
        at += header.at();
        let is_possible = (0..=MAX_PAGE_BYTES).contains(&page.plain_bytes)
            && page.values >= 0
            && page.values <= if page.is_dictionary { page.plain_bytes } else { left };
        let stored = usize::try_from(page.stored_bytes).ok().filter(|stored| *stored <= chunk.len() - at);
        let stored = stored.filter(|_| is_possible).ok_or_else(damage)?;
        at += stored;
        let page_bytes = page.plain_bytes.cast_unsigned();
        sizes.all_pages += page_bytes;
        if page.is_dictionary {
            sizes.dictionary = sizes.dictionary.max(page_bytes);
        } else {
            sizes.largest_page = sizes.largest_page.max(page_bytes);
            if !READ_ENCODINGS.contains(&page.encoding) {
                return Err(Error::UnsupportedParquet { why: "delta encodings" });
            }
        }
        // A page without values would never end this.
        left -= if page.is_dictionary { 0 } else { page.values.max(1) };
        if page.is_dictionary && stored == 0 && page.values > 0 {
            return Err(damage());
        }
    }
    Ok(sizes)
}

impl PageSizes {
    /// Takes a number of the page's header.
    fn take(&mut self, path: &[i16], number: i64) {
        match path {
            [2] => self.plain_bytes = number,
            [3] => self.stored_bytes = number,
            // Of a data page, a dictionary page, and a data page of version 2.
            [5 | 8, 1] => self.values = number,
            [5, 2] | [8, 4] => self.encoding = number,
            [7, 1] => (self.values, self.is_dictionary) = (number, true),
            _ => {}
        }
    }
}

pub(super) fn damaged(why: &str) -> Error {
    Error::ParquetCorrupt { why: why.to_owned() }
}
