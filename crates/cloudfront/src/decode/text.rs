//! A text, and the cells of a line in it.

use lakefront_schema::row_block::TEXT_PADDING;

/// A text that cells are cut from.
#[derive(Clone, Copy)]
pub(crate) struct Text<'t> {
    /// The text, and the [padding](lakefront_schema::row_block::TEXT_PADDING) behind it.
    padded: &'t [u8],
    end: usize,
    /// Whether all lines at hand are UTF-8: then every cell is too, as TABs and line ends are never part of a longer
    /// character.
    pub(crate) is_utf8: bool,
}

impl<'t> Text<'t> {
    /// Returns a text of which nothing is known to be UTF-8.
    pub(crate) fn new(padded: &'t [u8]) -> Self {
        Self { padded, end: padded.len() - TEXT_PADDING, is_utf8: false }
    }

    /// Returns the text, without the padding.
    #[inline]
    pub(crate) fn bytes(self) -> &'t [u8] {
        &self.padded[..self.end]
    }

    /// Returns the text and its padding.
    #[inline]
    pub(crate) fn padded(self) -> &'t [u8] {
        self.padded
    }

    /// Returns the cell between two text positions.
    #[inline]
    pub(crate) fn cell(self, start: u32, end: u32) -> &'t [u8] {
        &self.padded[start as usize..end as usize]
    }
}

/// The cells of a line.
#[derive(Clone, Copy)]
pub(crate) struct Cells<'b> {
    /// Text position of the first cell.
    pub(crate) start: u32,
    /// Text position of each cell's end: a TAB, or the end of the line. A missing cell ends where the one before it does.
    pub(crate) ends: &'b [u32],
}

impl Cells<'_> {
    /// Returns the cell at a position in the line; `None` if the line has no such cell.
    pub(crate) fn get<'t>(&self, text: Text<'t>, position: Option<usize>) -> Option<&'t [u8]> {
        let (start, end) = self.range(position?)?;
        Some(text.cell(start, end))
    }

    /// Returns whether a cell is missing.
    pub(crate) fn has_gaps(&self) -> bool {
        self.ends.first().is_some_and(|end| *end < self.start)
            || self.ends.array_windows().any(|[end, next]| end == next)
    }

    /// Returns the length of a cell in bytes; 0 if the line has no such cell.
    #[inline]
    pub(crate) fn len(&self, position: usize) -> usize {
        self.range(position).map_or(0, |(start, end)| (end - start) as usize)
    }

    /// Returns the text positions of a cell's start and end; `None` if the line has no such cell, or it is missing.
    #[inline]
    pub(crate) fn range(&self, position: usize) -> Option<(u32, u32)> {
        let end = *self.ends.get(position)?;
        let start = if position == 0 { self.start } else { self.ends[position - 1] + 1 };
        (start <= end).then_some((start, end))
    }
}

/// Returns whether the cell has no value: CloudFront writes `-` then.
#[inline]
pub(crate) fn is_absent(cell: &[u8]) -> bool {
    matches!(cell, b"" | b"-")
}

/// Returns a text position as 32 bits.
#[inline]
pub(crate) fn as_u32(position: usize) -> u32 {
    u32::try_from(position).expect("a text is smaller than 4 GiB")
}
