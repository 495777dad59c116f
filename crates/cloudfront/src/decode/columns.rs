//! Cells of a block of rows in, columns out: most are the cells themselves, the others Arrow arrays.

use std::{borrow::Cow, ops::Range, sync::Arc};

use arrow::{
    array::{
        ArrayRef, Float64Array, Int32Array, Int64Array, MapArray, NullBufferBuilder, StringViewArray, StructArray,
        TimestampMicrosecondArray,
    },
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
};
use lakefront_schema::{
    CellDecode, Column, ColumnSource, ColumnType, Derivation, TableSchema, map_entries, map_entry_fields,
    row_block::{BlockColumn, BlockText, Run},
};
use memchr::memchr;
use percent_encoding::percent_decode;

use super::{
    layout::Position, numbers, open_block::OpenBlock, text::is_absent, time::time_of_second, views::ViewColumn,
};

/// A column that is built as rows come, as the counts of an object need its cells.
#[derive(Debug)]
pub(crate) enum EagerColumn {
    BigInt(Numbers<i64>),
    Int(Numbers<i32>),
    Double(Numbers<f64>),
    /// Strings that are decoded; and whether any of them differs from its cell.
    Decoded(ViewColumn, bool),
}

/// Counts of the cells that a column takes.
#[derive(Debug, Default)]
pub(crate) struct CellCounts {
    /// Number of cells of a number column that are not a number of its type.
    pub(crate) nulled: u64,
    /// Number of percent-decoded cells that are not UTF-8.
    pub(crate) lossy: u64,
}

impl EagerColumn {
    /// Returns the builder of a column; `None` if the column is made when its block is complete.
    pub(crate) fn new(column: &Column) -> Option<Self> {
        let ColumnSource::Field(_) = &column.source else { return None };
        match (column.column_type, column.cell_decode) {
            (ColumnType::BigInt, _) => Some(Self::BigInt(Numbers::new())),
            (ColumnType::Int, _) => Some(Self::Int(Numbers::new())),
            (ColumnType::Double, _) => Some(Self::Double(Numbers::new())),
            (ColumnType::String, CellDecode::Percent) => Some(Self::Decoded(ViewColumn::with_capacity(0), false)),
            (ColumnType::String, CellDecode::AsLogged) => None,
            (ColumnType::Date | ColumnType::Timestamp | ColumnType::Map, _) => {
                unreachable!("a table schema has no field of type {:?}", column.column_type)
            }
        }
    }

    /// Takes the cells of some of a block's rows; `padded` is their text and its padding.
    pub(crate) fn push(
        &mut self,
        block: &OpenBlock,
        rows: Range<usize>,
        position: Position,
        padded: &[u8],
    ) -> CellCounts {
        let mut counts = CellCounts::default();
        match self {
            Self::BigInt(numbers) => numbers.push(block, rows, position, padded, whole_of_cell, &mut counts),
            Self::Int(numbers) => {
                let narrow = |padded: &[u8], start: usize, end: usize| match whole_of_cell(padded, start, end) {
                    Parsed::Number(number) => i32::try_from(number).map_or(Parsed::Unknown, Parsed::Number),
                    Parsed::Absent => Parsed::Absent,
                    Parsed::Unknown => Parsed::Unknown,
                };
                numbers.push(block, rows, position, padded, narrow, &mut counts);
            }
            Self::Double(numbers) => {
                let double = |padded: &[u8], start: usize, end: usize| Parsed::of(&padded[start..end], numbers::double);
                numbers.push(block, rows, position, padded, double, &mut counts);
            }
            Self::Decoded(views, is_changed) => {
                *is_changed |= push_decoded(views, block, rows, position, padded, &mut counts);
            }
        }
        counts
    }

    /// Takes back all rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::BigInt(numbers) => numbers.truncate(rows),
            Self::Int(numbers) => numbers.truncate(rows),
            Self::Double(numbers) => numbers.truncate(rows),
            Self::Decoded(views, _) => views.truncate(rows),
        }
    }

    /// Returns the column. `cells` is the cells' position, if the block's columns may be read from its text.
    fn finish(self, text: &Buffer, cells: Position) -> BlockColumn {
        match self {
            Self::BigInt(numbers) => numbers.finish(|values, nulls| Arc::new(Int64Array::new(values.into(), nulls))),
            Self::Int(numbers) => numbers.finish(|values, nulls| Arc::new(Int32Array::new(values.into(), nulls))),
            Self::Double(numbers) => numbers.finish(|values, nulls| Arc::new(Float64Array::new(values.into(), nulls))),
            Self::Decoded(views, is_changed) => match cells {
                Some(position) if !is_changed => BlockColumn::Cells(position),
                _ => BlockColumn::Array(Arc::new(views.finish(text))),
            },
        }
    }
}

/// Returns the columns of a complete block, those that [`crate::enrich`] derives as NULLs; `eager` are its columns that were
/// built as rows came.
pub(crate) fn columns_of(
    schema: &TableSchema,
    block: &OpenBlock,
    eager: Vec<(usize, EagerColumn)>,
    text: &BlockText,
) -> Vec<BlockColumn> {
    let mut eager = eager.into_iter().peekable();
    let padded = text.padded();
    let cells_at = |position: Position| position.filter(|_| block.is_regular());
    let column = |(index, column): (usize, &Column)| {
        let position = block.layout.columns[index];
        if let Some((_, eager)) = eager.next_if(|(of, _)| *of == index) {
            return eager.finish(padded, cells_at(position));
        }
        match &column.source {
            ColumnSource::Derived(derivation) => derived(*derivation, block, text),
            ColumnSource::Field(_) => strings(block, position, padded),
        }
    };
    schema.columns().iter().enumerate().map(column).collect()
}

/// Returns the strings at a position of each row as logged.
pub(crate) fn strings(block: &OpenBlock, position: Position, padded: &Buffer) -> BlockColumn {
    match position {
        None => BlockColumn::Nulls,
        Some(position) if block.is_regular() => BlockColumn::Cells(position),
        Some(position) => BlockColumn::Array(Arc::new(string_array(block, position, padded))),
    }
}

/// Returns the same as an array.
pub(crate) fn string_array(block: &OpenBlock, position: usize, padded: &Buffer) -> StringViewArray {
    let mut views = ViewColumn::with_capacity(block.len());
    for cell in block.cells(position, 0..block.len()) {
        views.push_option(padded, cell);
    }
    views.finish(padded)
}

fn derived(derivation: Derivation, block: &OpenBlock, text: &BlockText) -> BlockColumn {
    let padded = text.padded();
    match derivation {
        Derivation::Date => {
            let mut days = Vec::new();
            for moments in block.moments.chunk_by(|moment, next| moment.day() == next.day()) {
                Run::add(&mut days, &moments[0].day(), moments.len());
            }
            BlockColumn::Days(days)
        }
        Derivation::Time => times(block, padded),
        Derivation::RequestTime => {
            let micros = TimestampMicrosecondArray::from_iter_values(block.moments.iter().map(|moment| moment.micros));
            BlockColumn::Array(Arc::new(micros.with_timezone("UTC")))
        }
        Derivation::Line => {
            let number = |&line: &u64| i64::try_from(line).expect("an object has fewer lines than bytes");
            BlockColumn::Array(Arc::new(Int64Array::from_iter_values(block.lines.iter().map(number))))
        }
        Derivation::Extra => BlockColumn::Array(Arc::new(Extra::of(block, padded))),
        Derivation::BrowserFamily
        | Derivation::OsFamily
        | Derivation::IsBot
        | Derivation::Filename
        | Derivation::Distribution => BlockColumn::Nulls,
    }
}

/// Returns the time of each row as logged, or from its moment.
fn times(block: &OpenBlock, padded: &Buffer) -> BlockColumn {
    if block.moments.iter().all(|moment| moment.is_logged) {
        return strings(block, block.layout.time, padded);
    }
    let mut views = ViewColumn::with_capacity(block.len());
    // The last position is that of no cell, as no line is so long.
    let cells = block.cells(block.layout.time.unwrap_or(usize::MAX), 0..block.len());
    for (cell, moment) in cells.zip(&block.moments) {
        if cell.is_some() && moment.is_logged {
            views.push_option(padded, cell);
        } else {
            let time = time_of_second(moment.second);
            views.push_str(std::str::from_utf8(&time).expect("digits and colons are ASCII"));
        }
    }
    BlockColumn::Array(Arc::new(views.finish(padded)))
}

/// Adds percent-decoded cells. Returns whether any of them differs from its cell.
fn push_decoded(
    views: &mut ViewColumn,
    block: &OpenBlock,
    rows: Range<usize>,
    position: Position,
    padded: &[u8],
    counts: &mut CellCounts,
) -> bool {
    let mut is_changed = false;
    let Some(position) = position else {
        views.push_nulls(rows.len());
        return true;
    };
    for cell in block.cells(position, rows) {
        match cell.map(|(start, end)| &padded[start as usize..end as usize]) {
            Some(bytes) if memchr(b'%', bytes).is_some() => {
                let logged = String::from_utf8_lossy(bytes);
                let decoded = Cow::<[u8]>::from(percent_decode(logged.as_bytes()));
                let value = String::from_utf8_lossy(&decoded);
                // A cell that was not UTF-8 as logged is counted with its line.
                counts.lossy += u64::from(matches!((&logged, &value), (Cow::Borrowed(_), Cow::Owned(_))));
                is_changed = true;
                views.push_str(&value);
            }
            _ => views.push_option(padded, cell),
        }
    }
    is_changed
}

/// A cell as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Parsed<T> {
    Number(T),
    /// The cell has no value.
    Absent,
    /// The cell is not a number of the column's type.
    Unknown,
}

impl<T> Parsed<T> {
    fn of(cell: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Self {
        if is_absent(cell) { Self::Absent } else { parse(cell).map_or(Self::Unknown, Self::Number) }
    }
}

/// Reads the whole number in `padded[start..end]`.
#[inline]
fn whole_of_cell(padded: &[u8], start: usize, end: usize) -> Parsed<i64> {
    if is_absent(&padded[start..end]) {
        return Parsed::Absent;
    }
    if let Some(word) = padded.get(start..).and_then(<[u8]>::first_chunk)
        && let Some(number) = numbers::short_whole(*word, end - start)
    {
        return Parsed::Number(number);
    }
    Parsed::of(&padded[start..end], numbers::whole)
}

/// Numbers, and for each whether it is NULL.
#[derive(Debug)]
pub(crate) struct Numbers<T> {
    values: Vec<T>,
    nulls: NullBufferBuilder,
}

impl<T: Copy + Default> Numbers<T> {
    fn new() -> Self {
        Self { values: Vec::new(), nulls: NullBufferBuilder::new(0) }
    }

    #[inline]
    fn push(
        &mut self,
        block: &OpenBlock,
        rows: Range<usize>,
        position: Position,
        padded: &[u8],
        parse: impl Fn(&[u8], usize, usize) -> Parsed<T>,
        counts: &mut CellCounts,
    ) {
        let Some(position) = position else {
            self.values.resize(self.values.len() + rows.len(), T::default());
            return self.nulls.append_n_nulls(rows.len());
        };
        self.values.reserve(rows.len());
        // Whether the last cells are numbers, and how many of them: in most columns nearly all are, or nearly none.
        let (mut are_numbers, mut count) = (true, 0);
        for cell in block.cells(position, rows) {
            let parsed = cell.map_or(Parsed::Absent, |(start, end)| parse(padded, start as usize, end as usize));
            let is_number = if let Parsed::Number(number) = parsed {
                self.values.push(number);
                true
            } else {
                counts.nulled += u64::from(matches!(parsed, Parsed::Unknown));
                self.values.push(T::default());
                false
            };
            if is_number != are_numbers {
                self.append(are_numbers, count);
                (are_numbers, count) = (is_number, 0);
            }
            count += 1;
        }
        self.append(are_numbers, count);
    }

    fn append(&mut self, are_numbers: bool, count: usize) {
        if are_numbers {
            self.nulls.append_n_non_nulls(count);
        } else {
            self.nulls.append_n_nulls(count);
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }

    /// Returns the column, of the array that is made of the numbers and which of them are NULL.
    fn finish(mut self, array: impl FnOnce(Vec<T>, Option<NullBuffer>) -> ArrayRef) -> BlockColumn {
        let nulls = self.nulls.finish();
        let all_null = nulls.as_ref().is_some_and(|nulls| nulls.null_count() == self.values.len());
        if all_null { BlockColumn::Nulls } else { BlockColumn::Array(array(self.values, nulls)) }
    }
}

/// The map of all fields that no column claims, by their CloudFront names.
#[derive(Debug)]
struct Extra {
    /// 0, and for each row the end of its entries.
    offsets: Vec<i32>,
    names: ViewColumn,
    values: ViewColumn,
}

impl Extra {
    fn of(block: &OpenBlock, padded: &Buffer) -> MapArray {
        let mut extra = Self {
            offsets: Vec::with_capacity(block.len() + 1),
            names: ViewColumn::with_capacity(0),
            values: ViewColumn::with_capacity(0),
        };
        extra.offsets.push(0);
        extra.take(block, padded);
        extra.finish(padded)
    }

    fn take(&mut self, block: &OpenBlock, padded: &Buffer) {
        let layout = &block.layout;
        // A header may be as long as a line, so neither time nor memory may grow with rows times names.
        let mut first_entries: Vec<Option<usize>> = vec![None; layout.unclaimed.len()];
        let mut present = Vec::new();
        for row in block.rows() {
            let cells = row.ends.len();
            let of_row = layout.unclaimed_by_position.iter().take_while(|(position, _)| *position < cells);
            present.clear();
            present.extend(of_row.map(|(_, place)| *place));
            present.sort_unstable();
            for &place in &present {
                let (name, position) = &layout.unclaimed[place];
                let Some((start, end)) = row.range(*position) else { continue };
                if padded[start as usize..end as usize] != *b"-" {
                    match &mut first_entries[place] {
                        Some(entry) => self.names.push_again(*entry),
                        first @ None => {
                            *first = Some(self.names.len());
                            self.names.push_str(name);
                        }
                    }
                    self.values.push_option(padded, Some((start, end)));
                }
            }
            self.offsets.push(i32::try_from(self.names.len()).expect("a batch has fewer cells than bytes of text"));
        }
    }

    fn finish(self, padded: &Buffer) -> MapArray {
        let columns: Vec<ArrayRef> = vec![Arc::new(self.names.finish(padded)), Arc::new(self.values.finish(padded))];
        let entries = StructArray::new(map_entry_fields(), columns, None);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        MapArray::new(map_entries(), offsets, entries, None, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_decoding_is_done_once_and_leaves_broken_escapes() {
        for (escaped, decoded) in [
            ("a%20b", "a b"),
            ("%2520", "%20"),
            ("a+b", "a+b"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%%41", "%A"),
            ("%c3%A9", "é"),
            ("", ""),
        ] {
            assert_eq!(*Cow::<[u8]>::from(percent_decode(escaped.as_bytes())), *decoded.as_bytes(), "{escaped}");
        }
        assert_eq!(*Cow::<[u8]>::from(percent_decode(b"%FF")), [0xff]);
        assert!(matches!(Cow::<[u8]>::from(percent_decode(b"a+b")), Cow::Borrowed(b"a+b")));
    }
}
