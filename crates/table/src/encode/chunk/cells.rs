//! A column's cells in the text of a block.

use crate::partition::Part;

/// The cells of one column in some rows of a block.
///
/// **Invariants**, by which no cell needs to be checked when it is read. The first two are those of
/// [`lakefront_schema::row_block`]:
/// - Bounds ascend, and are positions in the text, behind which there is padding.
/// - Each row has more bounds after its first one than the column's position.
/// - `firsts` are first bounds of the block's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cells<'b> {
    /// The text, and padding behind it.
    padded: &'b [u8],
    bounds: &'b [u32],
    /// The first bound of each row.
    firsts: &'b [u32],
    /// Position of the cell in its row.
    position: usize,
}

impl<'b> Cells<'b> {
    /// Returns the cells at a position in rows of a block.
    ///
    /// # Panics
    /// The block's rows do not have such a cell.
    pub(crate) fn of(part: &'b Part<'b>, position: usize) -> Self {
        let block = part.block();
        assert!(position < block.cells_per_row() || block.num_rows() == 0, "each row has the cell");
        Self { padded: block.text().padded(), bounds: block.bounds(), firsts: part.firsts(), position }
    }

    #[inline]
    pub(crate) fn len(self) -> usize {
        self.firsts.len()
    }

    /// Returns the cells of the first `count` rows, and the others.
    #[inline]
    pub(crate) fn split_at(self, count: usize) -> (Self, Self) {
        let (firsts, others) = self.firsts.split_at(count);
        (Self { firsts, ..self }, Self { firsts: others, ..self })
    }

    /// Returns the text and the padding behind it.
    #[inline]
    pub(super) fn padded(self) -> &'b [u8] {
        self.padded
    }

    /// Returns the bounds of the block, and for each row the index of the bound before the cell.
    #[inline]
    pub(super) fn bounds(self) -> (&'b [u32], impl Iterator<Item = usize>) {
        (self.bounds, self.firsts.iter().map(move |first| *first as usize + self.position))
    }

    /// Returns start and length of each cell.
    #[inline]
    pub(crate) fn ranges(self) -> impl Iterator<Item = (usize, usize)> {
        let (bounds, places) = self.bounds();
        places.map(move |place| {
            let [before, end] = *bounds[place..].first_chunk().expect("a row has its cells");
            let start = before as usize + 1;
            (start, end as usize - start)
        })
    }

    /// Returns the cells.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = &'b [u8]> {
        self.ranges().map(move |(start, length)| &self.padded[start..start + length])
    }
}
