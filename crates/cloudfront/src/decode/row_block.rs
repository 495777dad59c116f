//! Rows between lines and columns: the text positions of each row's cells, and when its request happened.

use super::{
    moment::Moment,
    text::{Cells, as_u32},
};

/// Rows of one layout: few enough that columns are built in tight loops over what the processor's cache holds.
#[derive(Debug, Default)]
pub(crate) struct RowBlock {
    /// Text positions: for each row the one before its first cell, then the ends of its cells, each a TAB or the line's
    /// end. So every cell starts one after the bound before its end.
    bounds: Vec<u32>,
    /// Position in `bounds` of each row's first bound, and the number of bounds at the end.
    first_bounds: Vec<u32>,
    /// Number of bounds of the last row.
    bounds_per_row: usize,
    /// Whether all rows have as many bounds as the last one.
    is_uniform: bool,
    /// Moment of each request.
    pub(crate) moments: Vec<Moment>,
    /// Line number of each row in its object, from 1.
    pub(crate) lines: Vec<u64>,
}

impl RowBlock {
    /// Number of rows after which the block goes to the columns.
    const MAX_ROWS: usize = 1024;
    /// Number of bounds after which the block goes to the columns.
    const MAX_CELLS: usize = 64 * 1024;

    pub(crate) fn len(&self) -> usize {
        self.moments.len()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len() >= Self::MAX_ROWS || self.bounds.len() >= Self::MAX_CELLS
    }

    pub(crate) fn clear(&mut self) {
        self.bounds_per_row = 0;
        self.is_uniform = true;
        self.bounds.clear();
        self.first_bounds.clear();
        self.moments.clear();
        self.lines.clear();
    }

    pub(crate) fn push(&mut self, cells: Cells<'_>, moment: Moment, line: u64) {
        if self.first_bounds.is_empty() {
            self.first_bounds.push(0);
        }
        let bounds = cells.ends.len() + 1;
        self.is_uniform &= self.bounds_per_row == bounds || self.moments.is_empty();
        self.bounds_per_row = bounds;
        self.bounds.push(cells.start.wrapping_sub(1));
        self.bounds.extend_from_slice(cells.ends);
        self.first_bounds.push(as_u32(self.bounds.len()));
        self.moments.push(moment);
        self.lines.push(line);
    }

    /// Returns the cells of each row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Cells<'_>> {
        self.ranges()
            .map(|(from, to)| Cells { start: self.bounds[from].wrapping_add(1), ends: &self.bounds[from + 1..to] })
    }

    /// Returns the same as [`Self::cells`], and faster; `None` if not all rows have the same number of cells, or none has
    /// such a cell.
    #[inline]
    pub(crate) fn uniform_cells(&self, position: usize) -> Option<impl Iterator<Item = (u32, u32)> + Clone> {
        let is_there = self.is_uniform && position.saturating_add(1) < self.bounds_per_row;
        let rows = self.bounds.chunks_exact(self.bounds_per_row.max(1));
        is_there.then(|| rows.map(move |bounds| (bounds[position].wrapping_add(1), bounds[position + 1])))
    }

    /// Returns start and end of each row's cell at `position`; `None` for a row without such a cell.
    #[inline]
    pub(crate) fn cells(&self, position: usize) -> impl Iterator<Item = Option<(u32, u32)>> + Clone {
        self.ranges().map(move |(from, to)| {
            let at = from.saturating_add(position);
            if at.saturating_add(1) >= to {
                return None;
            }
            Some((self.bounds[at].wrapping_add(1), self.bounds[at + 1]))
        })
    }

    /// Returns the positions of each row's bounds: the first, and one after the last.
    #[inline]
    fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + Clone {
        self.first_bounds.iter().zip(self.first_bounds.iter().skip(1)).map(|(&from, &to)| (from as usize, to as usize))
    }
}
