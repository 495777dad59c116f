//! Cells of a block of rows in, Arrow arrays out: one typed builder a column.

use std::{borrow::Cow, sync::Arc};

use arrow::{
    array::{
        ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, MapArray, NullBufferBuilder, StructArray,
        TimestampMicrosecondArray,
    },
    buffer::{Buffer, OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field},
};
use lakefront_schema::{CellDecode, Column, ColumnSource, ColumnType, Derivation};
use memchr::memchr;
use percent_encoding::percent_decode;

use super::{
    layout::Layout,
    numbers,
    row_block::RowBlock,
    text::{Text, is_absent},
    time::time_of_second,
    views::ViewColumn,
};

/// A column under construction.
#[derive(Debug)]
pub(crate) enum ColumnBuilder {
    Date(Vec<i32>),
    Time(ViewColumn),
    RequestTime(Vec<i64>),
    Line(Vec<i64>),
    Text {
        views: ViewColumn,
        is_decoded: bool,
    },
    BigInt(Numbers<i64>),
    Int(Numbers<i32>),
    Double(Numbers<f64>),
    Extra(Box<Extra>),
    /// Comes from `enrich`.
    Later,
}

/// Counts of the cells that a column takes.
#[derive(Debug, Default)]
pub(crate) struct CellCounts {
    /// Number of cells of a number column that are not a number of its type.
    pub(crate) nulled: u64,
    /// Number of percent-decoded cells that are not UTF-8.
    pub(crate) lossy: u64,
}

impl ColumnBuilder {
    pub(crate) fn new(column: &Column, rows: usize) -> Self {
        match (&column.source, column.column_type) {
            (ColumnSource::Derived(derivation), _) => match derivation {
                Derivation::Date => Self::Date(Vec::with_capacity(rows)),
                Derivation::Time => Self::Time(ViewColumn::with_capacity(rows)),
                Derivation::RequestTime => Self::RequestTime(Vec::with_capacity(rows)),
                Derivation::Line => Self::Line(Vec::with_capacity(rows)),
                Derivation::Extra => Self::Extra(Box::new(Extra::with_capacity(rows))),
                Derivation::BrowserFamily
                | Derivation::OsFamily
                | Derivation::IsBot
                | Derivation::Filename
                | Derivation::Distribution => Self::Later,
            },
            (ColumnSource::Field(_), ColumnType::BigInt) => Self::BigInt(Numbers::with_capacity(rows)),
            (ColumnSource::Field(_), ColumnType::Int) => Self::Int(Numbers::with_capacity(rows)),
            (ColumnSource::Field(_), ColumnType::Double) => Self::Double(Numbers::with_capacity(rows)),
            (ColumnSource::Field(_), ColumnType::String) => Self::Text {
                views: ViewColumn::with_capacity(rows),
                is_decoded: column.cell_decode == CellDecode::Percent,
            },
            (ColumnSource::Field(_), ColumnType::Date | ColumnType::Timestamp | ColumnType::Map) => {
                unreachable!("a table schema has no field of type {:?}", column.column_type)
            }
        }
    }

    /// Takes the cells of a block; `index` is the column's index in the table schema.
    pub(crate) fn push(&mut self, index: usize, block: &RowBlock, layout: &Layout, text: Text<'_>) -> CellCounts {
        let mut counts = CellCounts::default();
        let position = layout.columns[index];
        match self {
            Self::Date(days) => {
                let day =
                    |second: i64| i32::try_from(second.div_euclid(86_400)).expect("a row is of a year below 10000");
                days.extend(block.moments.iter().map(|moment| day(moment.second)));
            }
            Self::Time(views) => {
                // The last position is that of no cell, as no line is so long.
                let position = layout.time.unwrap_or(usize::MAX);
                if block.moments.iter().all(|moment| moment.is_logged) {
                    views.push_cells(block, position, text);
                } else {
                    for (cell, moment) in block.cells(position).zip(&block.moments) {
                        match cell {
                            Some((start, end)) if moment.is_logged => views.push_cell(text, start, end),
                            _ => {
                                let time = time_of_second(moment.second);
                                views.push_str(std::str::from_utf8(&time).expect("digits and colons are ASCII"));
                            }
                        }
                    }
                }
            }
            Self::RequestTime(micros) => micros.extend(block.moments.iter().map(|moment| moment.micros)),
            Self::Line(lines) => {
                let number = |&line: &u64| i64::try_from(line).expect("an object has fewer lines than bytes");
                lines.extend(block.lines.iter().map(number));
            }
            Self::Text { views, is_decoded } => push_text(views, *is_decoded, block, position, text, &mut counts),
            Self::BigInt(numbers) => numbers.push(block, position, text, numbers::whole, &mut counts),
            Self::Int(numbers) => {
                let whole = |cell: &[u8]| numbers::whole(cell).and_then(|number| i32::try_from(number).ok());
                numbers.push(block, position, text, whole, &mut counts);
            }
            Self::Double(numbers) => numbers.push(block, position, text, numbers::double, &mut counts),
            Self::Extra(extra) => extra.push(block, layout, text),
            Self::Later => {}
        }
        counts
    }

    /// Takes back all rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Date(days) => days.truncate(rows),
            Self::RequestTime(values) | Self::Line(values) => values.truncate(rows),
            Self::Time(views) | Self::Text { views, .. } => views.truncate(rows),
            Self::BigInt(numbers) => numbers.truncate(rows),
            Self::Int(numbers) => numbers.truncate(rows),
            Self::Double(numbers) => numbers.truncate(rows),
            Self::Extra(extra) => extra.truncate(rows),
            Self::Later => {}
        }
    }

    /// Returns the array over `text`, the text that all cells were pushed from; `None` if the column comes from `enrich`.
    pub(crate) fn finish(self, text: &Buffer, data_type: &DataType) -> Option<ArrayRef> {
        Some(match self {
            Self::Date(days) => Arc::new(Date32Array::new(days.into(), None)),
            Self::RequestTime(micros) => {
                Arc::new(TimestampMicrosecondArray::new(micros.into(), None).with_data_type(data_type.clone()))
            }
            Self::Line(lines) => Arc::new(Int64Array::new(lines.into(), None)),
            Self::Time(views) | Self::Text { views, .. } => Arc::new(views.finish(text)),
            Self::BigInt(mut numbers) => Arc::new(Int64Array::new(numbers.values.into(), numbers.nulls.finish())),
            Self::Int(mut numbers) => Arc::new(Int32Array::new(numbers.values.into(), numbers.nulls.finish())),
            Self::Double(mut numbers) => Arc::new(Float64Array::new(numbers.values.into(), numbers.nulls.finish())),
            Self::Extra(extra) => Arc::new(extra.finish(text, data_type)),
            Self::Later => return None,
        })
    }
}

fn push_text(
    views: &mut ViewColumn,
    is_decoded: bool,
    block: &RowBlock,
    position: Option<usize>,
    text: Text<'_>,
    counts: &mut CellCounts,
) {
    let Some(position) = position else { return views.push_nulls(block.len()) };
    if !is_decoded {
        return views.push_cells(block, position, text);
    }
    for cell in block.cells(position) {
        let Some((start, end)) = cell else {
            views.push_null();
            continue;
        };
        if memchr(b'%', text.cell(start, end)).is_some() {
            let logged = String::from_utf8_lossy(text.cell(start, end));
            let decoded = Cow::<[u8]>::from(percent_decode(logged.as_bytes()));
            let value = String::from_utf8_lossy(&decoded);
            // A cell that was not UTF-8 as logged is counted with its line.
            counts.lossy += u64::from(matches!((&logged, &value), (Cow::Borrowed(_), Cow::Owned(_))));
            views.push_str(&value);
        } else {
            views.push_cell(text, start, end);
        }
    }
}

/// Numbers, and for each whether it is NULL.
#[derive(Debug)]
pub(crate) struct Numbers<T> {
    values: Vec<T>,
    nulls: NullBufferBuilder,
}

impl<T: Copy + Default> Numbers<T> {
    fn with_capacity(rows: usize) -> Self {
        Self { values: Vec::with_capacity(rows), nulls: NullBufferBuilder::new(rows) }
    }

    #[inline]
    fn push(
        &mut self,
        block: &RowBlock,
        position: Option<usize>,
        text: Text<'_>,
        parse: impl Fn(&[u8]) -> Option<T>,
        counts: &mut CellCounts,
    ) {
        let Some(position) = position else {
            self.values.resize(self.values.len() + block.len(), T::default());
            return self.nulls.append_n_nulls(block.len());
        };
        for cell in block.cells(position) {
            let bytes = cell.map(|(start, end)| text.cell(start, end)).filter(|bytes| !is_absent(bytes));
            match bytes.map(&parse) {
                Some(Some(value)) => {
                    self.values.push(value);
                    self.nulls.append_non_null();
                }
                unparsable => {
                    counts.nulled += u64::from(unparsable.is_some());
                    self.values.push(T::default());
                    self.nulls.append_null();
                }
            }
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.values.truncate(rows);
        self.nulls.truncate(rows);
    }
}

/// The map of all fields that no column claims, by their CloudFront names.
#[derive(Debug)]
pub(crate) struct Extra {
    /// 0, and for each row the end of its entries.
    offsets: Vec<i32>,
    names: ViewColumn,
    values: ViewColumn,
    /// For each of the layout's unclaimed fields the first entry with its name in this block.
    first_entries: Vec<Option<usize>>,
    /// Indexes of the unclaimed fields that the row at hand has.
    present: Vec<usize>,
}

impl Extra {
    fn with_capacity(rows: usize) -> Self {
        let mut offsets = Vec::with_capacity(rows + 1);
        offsets.push(0);
        Self {
            offsets,
            names: ViewColumn::with_capacity(0),
            values: ViewColumn::with_capacity(0),
            first_entries: Vec::new(),
            present: Vec::new(),
        }
    }

    fn push(&mut self, block: &RowBlock, layout: &Layout, text: Text<'_>) {
        // A header may be as long as a line, so neither time nor memory may grow with rows times names.
        self.first_entries.clear();
        self.first_entries.resize(layout.unclaimed.len(), None);
        for row in block.rows() {
            let cells = row.ends.len();
            let present = layout.unclaimed_by_position.iter().take_while(|(position, _)| *position < cells);
            self.present.clear();
            self.present.extend(present.map(|(_, place)| *place));
            self.present.sort_unstable();
            for &place in &self.present {
                let (name, position) = &layout.unclaimed[place];
                let (start, end) = row.range(*position).expect("the field was found among the row's cells");
                if text.cell(start, end) != b"-" {
                    match &mut self.first_entries[place] {
                        Some(entry) => self.names.push_again(*entry),
                        first @ None => {
                            *first = Some(self.names.len());
                            self.names.push_str(name);
                        }
                    }
                    self.values.push_cell(text, start, end);
                }
            }
            self.offsets.push(i32::try_from(self.names.len()).expect("a batch has fewer cells than bytes of text"));
        }
    }

    fn truncate(&mut self, rows: usize) {
        self.offsets.truncate(rows + 1);
        let end = *self.offsets.last().expect("the first offset stays");
        let entries = usize::try_from(end).expect("offsets are not negative");
        self.names.truncate(entries);
        self.values.truncate(entries);
    }

    fn finish(self, text: &Buffer, data_type: &DataType) -> MapArray {
        let DataType::Map(entries_field, is_sorted) = data_type else { unreachable!("extra fields are a map") };
        let DataType::Struct(fields) = entries_field.data_type() else {
            unreachable!("the entries of a map are structs")
        };
        let columns: Vec<ArrayRef> = vec![Arc::new(self.names.finish(text)), Arc::new(self.values.finish(text))];
        let entries = StructArray::new(fields.clone(), columns, None);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.offsets));
        MapArray::new(Arc::<Field>::clone(entries_field), offsets, entries, None, *is_sorted)
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
