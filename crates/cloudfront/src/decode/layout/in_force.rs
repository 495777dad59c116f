//! The layout that is in force for a line of an object.
//!
//! A `#Fields` line, or a line of bare names, holds until the next one. Without any, a line is read by the given list with as
//! many names as it has cells; or, if no list was given, by the era of the standard log that had as many cells.

use std::sync::Arc;

use lakefront_schema::FieldLists;

use super::{Layout, layouts::Layouts};
use crate::{
    FieldNames,
    error::{Error, NamedBy, NotCloudFront},
};

/// Number of cells into which a line is split before its layout is known: as many as any era has, and one more for a TAB
/// at its end.
const ERA_CELLS: usize = 34;

/// The fields of one object's lines.
#[derive(Debug)]
pub(crate) struct FieldsInForce {
    layout: Option<Arc<Layout>>,
    /// Source of the names in force; `None` before the first row or header.
    named_by: Option<NamedBy>,
    /// Source of the names if there is no header.
    without_header: NamedBy,
    /// Number of cells of a line that can matter before its layout is known.
    most_cells: usize,
    /// Fields of the layouts so far that no column uses.
    unclaimed: FieldNames,
}

impl FieldsInForce {
    /// Begins an object; `given` are the lists for logs without a header.
    pub(crate) fn new(given: &FieldLists) -> Self {
        Self {
            layout: None,
            named_by: None,
            without_header: if given.is_empty() { NamedBy::CellCount } else { NamedBy::List },
            most_cells: given.widths().max().unwrap_or(0).max(ERA_CELLS),
            unclaimed: FieldNames::default(),
        }
    }

    /// Returns the layout in force.
    #[inline]
    pub(crate) fn layout(&self) -> &Arc<Layout> {
        self.layout.as_ref().expect("a row is read after a header, or by the layout that its line has put in force")
    }

    /// Returns the source of the names in force, and their layout, if there is one.
    pub(crate) fn in_force(&self) -> (Option<NamedBy>, Option<&Arc<Layout>>) {
        (self.named_by, self.layout.as_ref())
    }

    /// Returns the layout that a header has put in force, if one did.
    #[inline]
    pub(crate) fn of_header(&self) -> Option<&Layout> {
        self.layout.as_deref().filter(|_| self.named_by == Some(NamedBy::Header))
    }

    /// Returns the number of cells with which a line is read by the layout in force, however it came into force; `None` before
    /// the first one.
    #[inline]
    pub(crate) fn regular_cells(&self) -> Option<usize> {
        self.layout.as_deref().filter(|_| self.named_by.is_some()).map(|layout| layout.width)
    }

    /// Returns the number of cells of the layout in force; 0 before the first one.
    #[inline]
    pub(crate) fn width(&self) -> usize {
        self.layout.as_deref().map_or(0, |layout| layout.width)
    }

    /// Returns the number of cells of the next line that can matter.
    #[inline]
    pub(crate) fn most_cells(&self) -> usize {
        self.of_header().map_or(self.most_cells, |layout| layout.width)
    }

    /// Returns the source of the names in force; before the first row or header, the source if there is no header.
    pub(crate) fn named_by(&self) -> NamedBy {
        self.named_by.unwrap_or(self.without_header)
    }

    /// Returns whether the next line of data is read by its number of cells alone, and is the first.
    pub(crate) fn awaits_header(&self) -> bool {
        self.named_by.is_none() && self.without_header == NamedBy::CellCount
    }

    /// Returns the fields so far that no column uses.
    pub(crate) fn unclaimed(&self) -> &FieldNames {
        &self.unclaimed
    }

    /// Puts the fields of a header in force, read at `line`; `names` is what follows `#Fields:`, or a line of bare names with
    /// blanks between them.
    ///
    /// # Errors
    /// The names are not those of a web log.
    pub(crate) fn read_header(&mut self, layouts: &mut Layouts, names: &[u8], line: u64) -> Result<(), Error> {
        let layout = layouts.of_header(names, line)?;
        self.put(layout);
        self.named_by = Some(NamedBy::Header);
        Ok(())
    }

    /// Puts the keys of JSON objects in force.
    pub(crate) fn put_keys(&mut self, layout: Arc<Layout>) {
        self.put(layout);
        self.named_by = Some(NamedBy::Keys);
    }

    /// Begins rows without a header.
    pub(crate) fn begin_without_header(&mut self) {
        self.named_by = Some(self.without_header);
    }

    /// Puts the layout of a line of `cells` cells in force, of which the last one is empty or not. Returns its number of
    /// cells, not counting an empty last one that a given list does not name; `None` if nothing says what its cells mean.
    ///
    /// # Errors
    /// [`Error::NotCloudFront`]; of a given list as with a header.
    #[inline]
    pub(crate) fn read_line(
        &mut self,
        layouts: &mut Layouts,
        line: u64,
        cells: usize,
        last_is_empty: bool,
    ) -> Result<Option<usize>, Error> {
        match self.named_by() {
            NamedBy::Header | NamedBy::Keys => Ok(Some(cells)),
            NamedBy::CellCount => self.read_by_era(layouts, line, cells, last_is_empty).map(Some),
            NamedBy::List => self.read_by_list(layouts, line, cells, last_is_empty),
        }
    }

    /// Reads a line by its era, or like the line before.
    fn read_by_era(
        &mut self,
        layouts: &mut Layouts,
        line: u64,
        cells: usize,
        last_is_empty: bool,
    ) -> Result<usize, Error> {
        let era = layouts.of_era(cells).or_else(|| if last_is_empty { layouts.of_era(cells - 1) } else { None });
        match era {
            Some(era) => self.put(era),
            None if self.layout.is_none() => {
                return Err(Error::NotCloudFront { line, why: NotCloudFront::CellCount { cells } });
            }
            None => {}
        }
        Ok(cells)
    }

    fn read_by_list(
        &mut self,
        layouts: &mut Layouts,
        line: u64,
        cells: usize,
        last_is_empty: bool,
    ) -> Result<Option<usize>, Error> {
        let mut given = layouts.of_given(cells, line)?;
        if given.is_none() && last_is_empty {
            given = layouts.of_given(cells - 1, line)?;
        }
        let width = given.as_ref().map(|layout| layout.width);
        if let Some(layout) = given {
            self.put(layout);
        }
        Ok(width)
    }

    fn put(&mut self, layout: Arc<Layout>) {
        if self.layout.as_ref().is_some_and(|current| Arc::ptr_eq(current, &layout)) {
            return;
        }
        for (name, _) in &layout.unclaimed {
            self.unclaimed.insert(name);
        }
        self.layout = Some(layout);
    }
}
