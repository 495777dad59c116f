//! Rows between lines and columns: the text positions of each row's cells, and when its request happened.

use std::{ops::Range, sync::Arc};

use lakefront_schema::row_block::CellBounds;

use super::{
    layout::Layout,
    moment::Moment,
    text::{Cells, as_u32},
};

/// Rows of one layout, whose block may still get more of them.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    pub(crate) layout: Arc<Layout>,
    /// Whether the text of all of its rows is UTF-8.
    pub(crate) is_utf8: bool,
    /// Text positions: the one before each row's first cell, and the ends of its cells, each a TAB or the line's end. So
    /// every cell starts one after the bound before its end.
    bounds: Vec<u32>,
    /// Index in `bounds` of each row's first bound.
    rows: Vec<u32>,
    /// Number of cells of each row; empty as long as each row has as many as the layout has names, or more.
    counts: Vec<u32>,
    /// Whether a cell of a row is missing, though later ones are there: it ends where the one before it does.
    has_gaps: bool,
    /// Moment of each request.
    pub(crate) moments: Vec<Moment>,
    /// Line number of each row in its object, from 1.
    pub(crate) lines: Vec<u64>,
    /// The objects of the rows, in order: each with the number of rows up to its end.
    pub(crate) objects: Vec<(Arc<str>, usize)>,
}

/// The end of a block before an object was added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockMark {
    rows: usize,
    bounds: usize,
    has_counts: bool,
    has_gaps: bool,
}

impl OpenBlock {
    /// Number of rows after which a new block begins. A row that is irregular makes only its own block slower.
    pub(crate) const MAX_ROWS: usize = 1024;
    /// Number of rows from which a block is expected to become full.
    const MANY_ROWS: usize = 64;
    /// Number of bounds after which a new block begins.
    const MAX_BOUNDS: usize = 64 * 1024;

    pub(crate) fn new(layout: Arc<Layout>, is_utf8: bool) -> Self {
        Self {
            layout,
            is_utf8,
            bounds: Vec::new(),
            rows: Vec::new(),
            counts: Vec::new(),
            has_gaps: false,
            moments: Vec::new(),
            lines: Vec::new(),
            objects: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.moments.len()
    }

    /// Returns the number of rows that it still takes.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        if self.bounds.len() >= Self::MAX_BOUNDS { 0 } else { Self::MAX_ROWS.saturating_sub(self.len()) }
    }

    pub(crate) fn mark(&self) -> BlockMark {
        let (rows, bounds) = (self.len(), self.bounds.len());
        BlockMark { rows, bounds, has_counts: !self.counts.is_empty(), has_gaps: self.has_gaps }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn rewind(&mut self, mark: BlockMark) {
        let BlockMark { rows, bounds, has_counts, has_gaps } = mark;
        self.has_gaps = has_gaps;
        self.bounds.truncate(bounds);
        self.rows.truncate(rows);
        self.counts.truncate(if has_counts { rows } else { 0 });
        self.moments.truncate(rows);
        self.lines.truncate(rows);
        while self.objects.pop_if(|(_, end)| *end > rows).is_some() {}
    }

    /// Adds a row of an object.
    pub(crate) fn push(&mut self, object: &Arc<str>, cells: Cells<'_>, moment: Moment, line: u64) {
        let width = self.layout.width;
        if cells.ends.len() < width && self.counts.is_empty() {
            self.counts.resize(self.len(), as_u32(width));
        }
        if cells.ends.len() < width || !self.counts.is_empty() {
            self.counts.push(as_u32(cells.ends.len()));
        }
        self.has_gaps |= cells.has_gaps();
        let before = cells.start - 1;
        if self.bounds.last() != Some(&before) {
            self.bounds.push(before);
        }
        self.rows.push(as_u32(self.bounds.len() - 1));
        self.bounds.extend_from_slice(cells.ends);
        self.moments.push(moment);
        self.lines.push(line);
        self.count_object(object);
    }

    /// Adds neighbouring rows of an object, from line `first_line` on, each with as many cells as the layout has names.
    /// `bounds` are the position before the first row, and the ends of all cells.
    pub(crate) fn push_regular(&mut self, object: &Arc<str>, bounds: &[u32], moments: &[Moment], first_line: u64) {
        let width = self.layout.width;
        assert_eq!(bounds.len(), moments.len() * width + 1, "each row has as many cells as the layout has names");
        if !self.counts.is_empty() {
            self.counts.resize(self.counts.len() + moments.len(), as_u32(width));
        }
        if self.len() >= Self::MANY_ROWS && self.moments.capacity() < Self::MAX_ROWS {
            self.reserve_all();
        }
        let is_next = self.bounds.last() == bounds.first();
        let first_row = self.bounds.len() - usize::from(is_next);
        self.bounds.extend_from_slice(&bounds[usize::from(is_next)..]);
        self.rows.extend((0..moments.len()).map(|row| as_u32(first_row + row * width)));
        self.moments.extend_from_slice(moments);
        self.lines.extend((first_line..).take(moments.len()));
        self.count_object(object);
    }

    /// Reserves memory for all rows that it will have: growing step by step would copy most of them.
    fn reserve_all(&mut self) {
        let more_rows = Self::MAX_ROWS - self.len();
        self.bounds.reserve_exact((self.layout.width * more_rows).min(Self::MAX_BOUNDS));
        self.rows.reserve_exact(more_rows);
        self.moments.reserve_exact(more_rows);
        self.lines.reserve_exact(more_rows);
    }

    fn count_object(&mut self, object: &Arc<str>) {
        let rows = self.len();
        match self.objects.last_mut() {
            Some((last, end)) if Arc::ptr_eq(last, object) => *end = rows,
            _ => self.objects.push((Arc::clone(object), rows)),
        }
    }

    /// Returns whether every row has a cell for each of the layout's names, in a text that is UTF-8.
    pub(crate) fn is_regular(&self) -> bool {
        self.counts.is_empty() && !self.has_gaps && self.is_utf8
    }

    /// Returns the cells of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        (0..self.len()).map(|row| {
            let (first, count) = (self.rows[row] as usize, self.count(row));
            Cells { start: self.bounds[first] + 1, ends: &self.bounds[first + 1..=first + count] }
        })
    }

    /// Returns start and end of the cell at `position` in some rows; `None` for a row without such a cell.
    #[inline]
    pub(crate) fn cells(&self, position: usize, rows: Range<usize>) -> impl Iterator<Item = Option<(u32, u32)>> {
        let all = self.counts.is_empty();
        rows.map(move |row| {
            let is_there = if all { position < self.layout.width } else { position < self.count(row) };
            if !is_there {
                return None;
            }
            let at = self.rows[row] as usize + position;
            let (start, end) = (self.bounds[at] + 1, self.bounds[at + 1]);
            (start <= end).then_some((start, end))
        })
    }

    #[inline]
    fn count(&self, row: usize) -> usize {
        self.counts.get(row).map_or(self.layout.width, |count| *count as usize)
    }

    /// Returns the positions of cells; none if no column may be read from them.
    pub(crate) fn into_bounds(self) -> CellBounds {
        if self.is_regular() {
            CellBounds { bounds: self.bounds, rows: self.rows, cells: self.layout.width }
        } else {
            CellBounds { rows: vec![0; self.rows.len()], ..CellBounds::default() }
        }
    }
}
