//! Rows on their way from a log to a data file: the type in which stages 5 to 8 meet.
//!
//! ```text
//! text      \n2024-05-17 <TAB> 10:00:00 <TAB> DFW3 \n2024-05-17 <TAB> 10:00:01 <TAB> DFW3 \n
//! bounds    0            11             20         25           36             45        50    each separator
//! rows      0                                      3           indexes into bounds, one for each row
//! ```
//!
//! A row's k-th cell is the text between two neighbours in `bounds`. So most columns are not built at all: the encoder reads
//! their cells from the log's own text. A column that is not in the text as it will be in the table is an Arrow array, or
//! is given by a rule ([`BlockColumn`]).
//!
//! **Invariants**, which [`RowBlock::new`] checks and on which the encoder's `unsafe` code relies:
//! - Bounds ascend, and are positions in the text.
//! - Behind the text there are [`TEXT_PADDING`] more bytes, so that 16 bytes can be read at the start of any cell.
//! - Every row has at least the block's number of cells, and every column a value or NULL for each row.

use std::{fmt, ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, Date32Array, MapArray, RecordBatch, StringViewArray, StringViewBuilder, StructArray,
        UInt32Array, new_null_array,
    },
    buffer::Buffer,
    compute::{concat, take},
    datatypes::{DataType, SchemaRef, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};

use crate::TableSchema;

/// Number of readable bytes behind a block's text.
pub const TEXT_PADDING: usize = 64;

/// Bytes of cells, shared by the blocks that were cut from them.
#[derive(Clone, Debug)]
pub struct BlockText {
    /// The text and its padding.
    padded: Buffer,
}

/// Rows of one layout, with all columns of a table schema.
#[derive(Clone, Debug)]
pub struct RowBlock {
    text: BlockText,
    bounds: Vec<u32>,
    rows: Vec<u32>,
    cells: usize,
    columns: Vec<BlockColumn>,
    hours: Vec<i32>,
}

/// The positions of cells in a block's text.
#[derive(Clone, Debug, Default)]
pub struct CellBounds {
    /// Positions of separators, in order: TABs, line ends, and the byte before each line.
    pub bounds: Vec<u32>,
    /// For each row the index of the bound before its first cell.
    pub rows: Vec<u32>,
    /// Number of cells of each row, at least.
    pub cells: usize,
}

/// The values of one column in a block.
#[derive(Clone, Debug)]
pub enum BlockColumn {
    /// The row's cell at this position, as it is in the text; the text of all these cells is UTF-8.
    Cells(usize),
    /// Days since 1970-01-01, constant over stretches of rows.
    Days(Vec<Run<i32>>),
    /// Strings, constant over stretches of rows.
    Strings(Vec<Run<Arc<str>>>),
    /// NULL in every row.
    Nulls,
    /// A function of another column's strings.
    Of(DerivedColumn),
    /// Any values, of the column's Arrow type.
    Array(ArrayRef),
}

/// A value, and the number of rows that have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run<T> {
    /// The value.
    pub value: T,
    /// Number of rows.
    pub rows: usize,
}

/// A column whose values are a function of another column's strings, so that the function need be asked only once for each
/// distinct string.
#[derive(Clone, Debug)]
pub struct DerivedColumn {
    /// Index of the other column in the table schema; that is not derived itself.
    pub source: usize,
    /// The function.
    pub by: Arc<dyn Derive>,
    /// Index of the column's value in the function's result.
    pub place: usize,
}

/// A function from a string to several strings.
pub trait Derive: fmt::Debug + Send + Sync {
    /// Returns the values for a string, or for NULL. They depend on nothing else.
    fn derive(&self, value: Option<&str>) -> Arc<[Box<str>]>;
}

impl BlockText {
    /// Returns the text in `bytes`, whose last [`TEXT_PADDING`] bytes are padding of any value.
    ///
    /// # Panics
    /// There are fewer bytes, or too many for 32-bit positions.
    pub fn new(bytes: Vec<u8>) -> Self {
        assert!(bytes.len() >= TEXT_PADDING, "a text has padding behind it");
        assert!(u32::try_from(bytes.len()).is_ok(), "positions in a text have 32 bits");
        Self { padded: Buffer::from(bytes) }
    }

    /// Returns the text.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.padded[..self.padded.len() - TEXT_PADDING]
    }

    /// Returns the text and its padding.
    #[inline]
    pub fn padded(&self) -> &Buffer {
        &self.padded
    }

    /// Returns the memory of the text and its padding for reuse.
    ///
    /// # Errors
    /// The text itself: a block or an array still uses it.
    pub fn into_vec(self) -> Result<Vec<u8>, Self> {
        self.padded.into_vec().map_err(|padded| Self { padded })
    }
}

impl Default for BlockText {
    fn default() -> Self {
        Self::new(vec![0; TEXT_PADDING])
    }
}

impl RowBlock {
    /// Returns a block of one row for each of `hours`, in hours since 1970-01-01T00 UTC, which decide the rows' partitions.
    ///
    /// # Panics
    /// The arguments do not fit each other: see the invariants of this module.
    pub fn new(text: BlockText, bounds: CellBounds, hours: Vec<i32>, columns: Vec<BlockColumn>) -> Self {
        let CellBounds { bounds, rows, cells } = bounds;
        assert_eq!(rows.len(), hours.len(), "each row has bounds and an hour");
        // Counted, and not searched for, so that the compiler compares several bounds at a time.
        let descents = bounds.array_windows().filter(|[bound, next]| bound >= next).count();
        assert_eq!(descents, 0, "bounds ascend");
        let is_in_text = bounds.last().is_none_or(|last| *last as usize <= text.bytes().len());
        assert!(is_in_text, "bounds are positions in the text");
        let last_row = rows.iter().fold(0, |last, row| last.max(*row)) as usize;
        assert!(rows.is_empty() || cells == 0 || last_row + cells < bounds.len(), "each row has its cells");
        let block = Self { text, bounds, rows, cells, columns, hours };
        (0..block.columns.len()).for_each(|index| block.check_column(index));
        block
    }

    /// Returns a block of rows whose columns are all arrays.
    ///
    /// # Panics
    /// An array has another number of rows.
    pub fn of_arrays(batch: &RecordBatch, hours: &[i32]) -> Self {
        let columns = batch.columns().iter().map(|array| BlockColumn::Array(Arc::clone(array))).collect();
        let bounds = CellBounds { rows: vec![0; hours.len()], ..CellBounds::default() };
        Self::new(BlockText::default(), bounds, hours.to_vec(), columns)
    }

    fn check_column(&self, index: usize) {
        let rows = self.num_rows();
        let is_right = match &self.columns[index] {
            BlockColumn::Cells(position) => *position < self.cells || rows == 0,
            BlockColumn::Days(runs) => rows_of(runs) == rows,
            BlockColumn::Strings(runs) => rows_of(runs) == rows,
            BlockColumn::Nulls => true,
            BlockColumn::Of(derived) => {
                self.columns.get(derived.source).is_some_and(|source| !matches!(source, BlockColumn::Of(_)))
            }
            BlockColumn::Array(array) => array.len() == rows,
        };
        assert!(is_right, "column {index} has a value or NULL for each row");
    }

    /// Returns the number of rows.
    #[inline]
    pub fn num_rows(&self) -> usize {
        self.rows.len()
    }

    /// Returns the hour of each row, in hours since 1970-01-01T00 UTC.
    #[inline]
    pub fn hours(&self) -> &[i32] {
        &self.hours
    }

    /// Returns the columns, in the order of the table schema.
    #[inline]
    pub fn columns(&self) -> &[BlockColumn] {
        &self.columns
    }

    /// Returns the text that cells are cut from.
    #[inline]
    pub fn text(&self) -> &BlockText {
        &self.text
    }

    /// Returns the positions of separators, in ascending order.
    #[inline]
    pub fn bounds(&self) -> &[u32] {
        &self.bounds
    }

    /// Returns for each row the index of the bound before its first cell.
    #[inline]
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Returns the number of cells that each row has at least.
    #[inline]
    pub fn cells_per_row(&self) -> usize {
        self.cells
    }

    /// Replaces a column.
    ///
    /// # Panics
    /// The column does not have a value or NULL for each row.
    pub fn set_column(&mut self, index: usize, column: BlockColumn) {
        self.columns[index] = column;
        self.check_column(index);
    }

    /// Returns the text positions of a row's cell.
    #[inline]
    fn cell(&self, row: usize, position: usize) -> Range<usize> {
        let bound = self.rows[row] as usize + position;
        self.bounds[bound] as usize + 1..self.bounds[bound + 1] as usize
    }

    /// Returns a copy of these rows, in ascending order, with a text of their own.
    #[must_use]
    pub fn copy_rows(&self, rows: &[u32]) -> Self {
        let mut bounds =
            CellBounds { cells: self.cells, rows: Vec::with_capacity(rows.len()), ..CellBounds::default() };
        let needs_text = self.cells > 0 && self.columns.iter().any(|column| matches!(column, BlockColumn::Cells(_)));
        let mut text = Vec::new();
        if needs_text {
            bounds.bounds.reserve(rows.len() * self.cells + 1);
            bounds.bounds.push(0);
            text.push(b'\n');
            for &row in rows {
                let first = self.rows[row as usize] as usize;
                let [before, ends @ ..] = &self.bounds[first..=first + self.cells] else {
                    unreachable!("rows have cells")
                };
                let (start, end) = (before + 1, ends[self.cells - 1]);
                let to = as_u32(text.len());
                text.extend_from_slice(&self.text.bytes()[start as usize..end as usize]);
                // The end of the row before is the bound before this one.
                bounds.rows.push(as_u32(bounds.bounds.len() - 1));
                bounds.bounds.extend(ends.iter().map(|end| end - start + to));
                text.push(b'\n');
            }
            text.pop();
        } else {
            (bounds.rows, bounds.cells) = (vec![0; rows.len()], 0);
        }
        text.resize(text.len() + TEXT_PADDING, 0);
        let columns = self.columns.iter().map(|column| column.copy_rows(rows)).collect();
        let hours = rows.iter().map(|row| self.hours[*row as usize]).collect();
        Self::new(BlockText::new(text), bounds, hours, columns)
    }

    /// Joins neighbouring blocks whose columns are given in the same way, in order.
    pub fn join(blocks: &[Self]) -> Vec<Self> {
        let alike = |a: &Self, b: &Self| {
            let columns = a.columns.iter().zip(&b.columns);
            a.cells == b.cells && columns.into_iter().all(|(a, b)| a.is_given_like(b))
        };
        blocks.chunk_by(alike).map(Self::joined).collect()
    }

    fn joined(blocks: &[Self]) -> Self {
        let mut bounds = CellBounds { cells: blocks[0].cells, ..CellBounds::default() };
        let mut text = Vec::new();
        for block in blocks {
            // A byte between two texts, so that bounds ascend.
            text.push(b'\n');
            let (to, first) = (as_u32(text.len()), as_u32(bounds.bounds.len()));
            text.extend_from_slice(block.text.bytes());
            bounds.bounds.extend(block.bounds.iter().map(|bound| bound + to));
            bounds.rows.extend(block.rows.iter().map(|row| row + first));
        }
        if bounds.cells == 0 {
            (text, bounds.bounds) = (Vec::new(), Vec::new());
            bounds.rows.fill(0);
        }
        text.resize(text.len() + TEXT_PADDING, 0);
        let columns = (0..blocks[0].columns.len())
            .map(|index| BlockColumn::joined(&blocks.iter().map(|block| &block.columns[index]).collect::<Vec<_>>()));
        let hours = blocks.iter().flat_map(|block| &block.hours).copied().collect();
        Self::new(BlockText::new(text), bounds, hours, columns.collect())
    }

    /// Returns the memory that it takes in bytes, if no other block shares its text.
    pub fn memory_bytes(&self) -> usize {
        let columns: usize = self.columns.iter().map(BlockColumn::memory_bytes).sum();
        let positions = (self.bounds.len() + self.rows.len() + self.hours.len()) * size_of::<u32>();
        size_of::<Self>() + self.text.padded.len() + positions + columns
    }

    /// Returns the number of bytes of all cells, an estimate.
    pub fn cell_bytes(&self) -> usize {
        let of_columns = self.columns.iter().map(|column| match column {
            BlockColumn::Array(array) => array.get_array_memory_size(),
            BlockColumn::Cells(_) | BlockColumn::Nulls => 0,
            BlockColumn::Days(_) | BlockColumn::Strings(_) | BlockColumn::Of(_) => self.num_rows() * size_of::<u64>(),
        });
        let of_row = |row: &u32| self.bounds[*row as usize + self.cells] - self.bounds[*row as usize];
        let of_text = if self.cells == 0 { 0 } else { self.rows.iter().map(|row| of_row(row) as usize).sum() };
        of_columns.sum::<usize>() + of_text
    }

    /// Returns the rows as Arrow arrays.
    ///
    /// # Panics
    /// The columns are not those of `schema`.
    pub fn to_arrow(&self, schema: &SchemaRef) -> RecordBatch {
        let columns = (0..self.columns.len()).map(|index| self.array(index, schema)).collect();
        RecordBatch::try_new(Arc::clone(schema), columns).expect("columns have the types of the schema")
    }

    /// Returns the cells of each row as text, in the order of the columns; `None` for NULL.
    ///
    /// # Panics
    /// The columns are not those of the table schema.
    pub fn row_texts(&self, schema: &TableSchema) -> Vec<Vec<Option<String>>> {
        let batch = self.to_arrow(&schema.arrow_schema());
        let options = FormatOptions::default();
        let texts_of = |column: &ArrayRef| -> Vec<Option<String>> {
            // Arrow would look the name of the zone up.
            let utc = column.as_primitive_opt::<TimestampMicrosecondType>();
            let without_zone = utc.map(|times| Arc::new(times.clone().with_timezone_opt(None::<Arc<str>>)) as ArrayRef);
            let (shown, zone) = without_zone.as_ref().map_or((column, ""), |times| (times, "Z"));
            let formatter = ArrayFormatter::try_new(shown, &options).expect("every type of a column can be shown");
            let text = |row: usize| shown.is_valid(row).then(|| format!("{}{zone}", formatter.value(row)));
            (0..shown.len()).map(text).collect()
        };
        let mut columns: Vec<_> = batch.columns().iter().map(|column| texts_of(column).into_iter()).collect();
        let row =
            |_| columns.iter_mut().map(|column| column.next().expect("a column has a cell for each row")).collect();
        (0..batch.num_rows()).map(row).collect()
    }

    fn array(&self, index: usize, schema: &SchemaRef) -> ArrayRef {
        match &self.columns[index] {
            BlockColumn::Array(array) => Arc::clone(array),
            BlockColumn::Nulls => new_null_array(schema.field(index).data_type(), self.num_rows()),
            BlockColumn::Days(runs) => Arc::new(Date32Array::from_iter_values(
                runs.iter().flat_map(|run| std::iter::repeat_n(run.value, run.rows)),
            )),
            BlockColumn::Strings(_) | BlockColumn::Cells(_) => {
                Arc::new(self.strings(index, |value, into| into.append_option(value)))
            }
            BlockColumn::Of(derived) => Arc::new(self.derived_strings(derived)),
        }
    }

    /// Returns each row's string in a derived column.
    pub fn derived_strings(&self, derived: &DerivedColumn) -> StringViewArray {
        self.strings(derived.source, |value, into| into.append_value(&derived.by.derive(value)[derived.place]))
    }

    /// Calls `add` with each row's string in a column, and returns what it has built.
    fn strings(&self, index: usize, add: impl Fn(Option<&str>, &mut StringViewBuilder)) -> StringViewArray {
        let mut strings = StringViewBuilder::with_capacity(self.num_rows());
        match &self.columns[index] {
            BlockColumn::Cells(position) => {
                for row in 0..self.num_rows() {
                    let cell = std::str::from_utf8(&self.text.bytes()[self.cell(row, *position)]);
                    add(Some(cell.expect("cells are UTF-8")), &mut strings);
                }
            }
            BlockColumn::Strings(runs) => {
                let values = runs.iter().flat_map(|run| std::iter::repeat_n(&*run.value, run.rows));
                values.for_each(|value| add(Some(value), &mut strings));
            }
            BlockColumn::Array(array) => {
                array.as_string_view().iter().for_each(|value| add(value, &mut strings));
            }
            BlockColumn::Nulls => (0..self.num_rows()).for_each(|_| add(None, &mut strings)),
            BlockColumn::Days(_) | BlockColumn::Of(_) => unreachable!("the column has strings of its own"),
        }
        strings.finish()
    }
}

impl BlockColumn {
    fn copy_rows(&self, rows: &[u32]) -> Self {
        match self {
            Self::Cells(position) => Self::Cells(*position),
            Self::Days(runs) => Self::Days(copy_runs(runs, rows)),
            Self::Strings(runs) => Self::Strings(copy_runs(runs, rows)),
            Self::Nulls => Self::Nulls,
            Self::Of(derived) => Self::Of(derived.clone()),
            Self::Array(array) => {
                let rows = UInt32Array::from_iter_values(rows.iter().copied());
                let taken = take(array, &rows, None).expect("Arrow takes rows of all types that a table has");
                Self::Array(own(&taken))
            }
        }
    }

    /// Returns whether both columns take their values from the same place.
    fn is_given_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Cells(position), Self::Cells(other)) => position == other,
            (Self::Of(derived), Self::Of(other)) => derived.source == other.source && derived.place == other.place,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Returns the values of columns that are given alike.
    fn joined<'c>(columns: &[&'c Self]) -> Self {
        match columns[0] {
            Self::Days(_) => {
                let days = |column: &&Self| if let Self::Days(runs) = column { runs.clone() } else { Vec::new() };
                Self::Days(join_runs(columns.iter().flat_map(days)))
            }
            Self::Strings(_) => {
                let strings = |column: &&Self| if let Self::Strings(runs) = column { runs.clone() } else { Vec::new() };
                Self::Strings(join_runs(columns.iter().flat_map(strings)))
            }
            Self::Array(_) => {
                let array = |column: &&'c Self| if let Self::Array(array) = column { Some(&**array) } else { None };
                let arrays: Vec<&dyn Array> = columns.iter().filter_map(array).collect();
                Self::Array(own(&concat(&arrays).expect("arrays of one column have the same type")))
            }
            Self::Cells(_) | Self::Nulls | Self::Of(_) => columns[0].clone(),
        }
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + match self {
                Self::Cells(_) | Self::Nulls | Self::Of(_) => 0,
                Self::Days(runs) => size_of_val(runs.as_slice()),
                Self::Strings(runs) => {
                    size_of_val(runs.as_slice()) + runs.iter().map(|run| run.value.len()).sum::<usize>()
                }
                Self::Array(array) => ARRAY_BYTES + array.get_array_memory_size(),
            }
    }
}

/// Overhead of an array in bytes: its buffers and their reference counts.
const ARRAY_BYTES: usize = 384;

impl<T: Clone + PartialEq> Run<T> {
    /// Adds rows of one value to runs.
    pub fn add(runs: &mut Vec<Self>, value: &T, rows: usize) {
        match runs.last_mut() {
            Some(last) if last.value == *value => last.rows += rows,
            _ if rows == 0 => {}
            _ => runs.push(Self { value: value.clone(), rows }),
        }
    }
}

/// Returns the runs of these rows, which are in ascending order: each value with the number of the rows that have it.
pub fn runs_of<T>(runs: &[Run<T>], rows: impl Iterator<Item = usize>) -> impl Iterator<Item = (&T, usize)> {
    let mut rows = rows.peekable();
    let mut end = 0;
    runs.iter().filter_map(move |run| {
        end += run.rows;
        let mut count = 0;
        while rows.next_if(|row| *row < end).is_some() {
            count += 1;
        }
        (count > 0).then_some((&run.value, count))
    })
}

fn copy_runs<T: Clone>(runs: &[Run<T>], rows: &[u32]) -> Vec<Run<T>> {
    let rows = rows.iter().map(|row| *row as usize);
    runs_of(runs, rows).map(|(value, rows)| Run { value: value.clone(), rows }).collect()
}

fn join_runs<T: Clone + PartialEq>(pieces: impl Iterator<Item = Run<T>>) -> Vec<Run<T>> {
    let mut joined = Vec::new();
    for Run { value, rows } in pieces {
        Run::add(&mut joined, &value, rows);
    }
    joined
}

fn as_u32(position: usize) -> u32 {
    u32::try_from(position).expect("a text is smaller than 4 GiB")
}

fn rows_of<T>(runs: &[Run<T>]) -> usize {
    runs.iter().map(|run| run.rows).sum()
}

/// Copies the strings of an array, so that it does not hold the whole text that they are views into.
fn own(array: &ArrayRef) -> ArrayRef {
    if let Some(strings) = array.as_string_view_opt() {
        return Arc::new(strings.gc());
    }
    let DataType::Map(entries_field, is_sorted) = array.data_type() else { return Arc::clone(array) };
    let map = array.as_map();
    let columns = map.entries().columns().iter().map(own).collect();
    let entries = StructArray::new(map.entries().fields().clone(), columns, None);
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    Arc::new(MapArray::new(Arc::clone(entries_field), offsets, entries, nulls, *is_sorted))
}

#[cfg(test)]
mod tests;
