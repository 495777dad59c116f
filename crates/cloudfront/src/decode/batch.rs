//! Rows in, blocks out.

use std::sync::Arc;

use arrow::array::{ArrayRef, StringViewArray};
use lakefront_schema::{
    Column, Derivation, TableSchema,
    row_block::{BlockText, RowBlock},
};

use super::{
    columns::{EagerColumn, columns_of, string_array},
    layout::Layout,
    moment::Moment,
    open_block::{BlockMark, OpenBlock},
    text::{Cells, is_absent},
    views::ViewColumn,
};
use crate::ObjectSummary;

/// Rows as decoded, without the columns that [`crate::enrich`] derives.
#[derive(Debug)]
pub struct DecodedBatch {
    /// The rows, in order. Rows of different layouts are in different blocks.
    pub(crate) blocks: Vec<DecodedBlock>,
}

/// A block of rows as decoded.
#[derive(Debug)]
pub(crate) struct DecodedBlock {
    /// The rows. Columns that are still to be derived are NULL.
    pub(crate) rows: RowBlock,
    /// The objects of the rows, in order, and the number of rows of each.
    pub(crate) objects: Vec<(Arc<str>, usize)>,
    /// The records' own distribution IDs, if the schema has such a column and the log has such a field.
    pub(crate) record_ids: Option<StringViewArray>,
    /// User agents as logged, if the schema derives something from them and has no such column.
    pub(crate) user_agents: Option<ArrayRef>,
}

impl DecodedBatch {
    /// Returns the number of rows.
    pub fn num_rows(&self) -> usize {
        self.blocks.iter().map(|block| block.rows.num_rows()).sum()
    }
}

/// The end of a batch before an object was added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    rows: usize,
    cells: usize,
    blocks: usize,
    last_block: BlockMark,
}

/// The place where rows go.
pub(crate) enum Sink<'b> {
    /// Nowhere: the object is only judged.
    Judge,
    /// A batch, until it has this many rows and rejects since `mark`.
    Batch { batch: &'b mut BatchBuilder, mark: Mark, row_limit: usize },
}

impl Sink<'_> {
    /// Returns the number of rows of `cells` cells that it still takes; 0 if it is full. `rejects` is the number of rejects
    /// since its mark.
    #[inline]
    pub(crate) fn room(&self, rejects: usize, cells: usize) -> usize {
        match self {
            Self::Judge => usize::MAX,
            Self::Batch { batch, mark, row_limit } => batch.room(*mark, rejects, *row_limit, cells),
        }
    }

    /// Completes the counts of an object's rows, before its text goes away; `padded` is the text and its padding.
    pub(crate) fn drain(&mut self, padded: &[u8], summary: &mut ObjectSummary) {
        if let Self::Batch { batch, .. } = self {
            batch.drain(padded, summary);
        }
    }
}

/// Number of blocks of a batch, at most: if each row had another layout than the one before, each would have a block, which
/// takes a few kilobytes.
const MAX_BLOCKS: usize = 256;

/// A block under construction.
#[derive(Debug)]
struct GrowingBlock {
    rows: OpenBlock,
    /// Columns that are built as rows come, by their index in the table schema.
    eager: Vec<(usize, EagerColumn)>,
    /// Number of the rows that these have.
    eager_rows: usize,
}

/// A batch under construction.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    schema: Arc<TableSchema>,
    has_distribution: bool,
    /// Whether user agents are needed, and no column has them as logged.
    needs_user_agents: bool,
    blocks: Vec<GrowingBlock>,
    rows: usize,
    /// Cells of all rows.
    cells: usize,
    /// The object at hand.
    object: Arc<str>,
}

impl BatchBuilder {
    pub(crate) fn new(schema: Arc<TableSchema>) -> Self {
        Self {
            has_distribution: schema.derives(&[Derivation::Distribution]),
            needs_user_agents: schema.derives(&Derivation::OF_USER_AGENT) && schema.user_agents().is_none(),
            schema,
            blocks: Vec::new(),
            rows: 0,
            cells: 0,
            object: Arc::from(""),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn begin_object(&mut self, name: &Arc<str>) {
        self.object = Arc::clone(name);
    }

    /// Returns the batch's end between two objects.
    pub(crate) fn mark(&self) -> Mark {
        let last_block = self.blocks.last().map(|block| block.rows.mark()).unwrap_or_default();
        Mark { rows: self.rows, cells: self.cells, blocks: self.blocks.len(), last_block }
    }

    /// Returns the number of rows of `cells` cells that fit, until there are `rows` rows since `mark`, counting `others`, or a
    /// hundred times as many cells, or very many blocks. Cells of the log count, as a cell in a map of extra fields takes more
    /// memory than its text; and cells of the table, as even an empty one takes memory.
    pub(crate) fn room(&self, mark: Mark, others: usize, rows: usize, cells: usize) -> usize {
        const CELLS_PER_ROW: usize = 100;
        let (new_rows, most_cells) = (self.rows - mark.rows, rows.saturating_mul(CELLS_PER_ROW));
        let by_rows = rows.saturating_sub(new_rows + others);
        let by_cells = most_cells.saturating_sub(self.cells - mark.cells).div_ceil(cells.max(1));
        let by_columns = most_cells.div_ceil(self.schema.columns().len()).saturating_sub(new_rows);
        let has_room_for_blocks = self.blocks.len() - mark.blocks < MAX_BLOCKS;
        if has_room_for_blocks { by_rows.min(by_cells).min(by_columns) } else { 0 }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.blocks.truncate(mark.blocks);
        if let Some(block) = self.blocks.last_mut() {
            block.rows.rewind(mark.last_block);
            block.eager_rows = block.eager_rows.min(block.rows.len());
            for (_, column) in &mut block.eager {
                column.truncate(block.eager_rows);
            }
        }
        (self.rows, self.cells) = (mark.rows, mark.cells);
    }

    /// Takes a row; `padded` is the text of all rows since the last [`Self::drain`], and its padding.
    pub(crate) fn push(
        &mut self,
        padded: &[u8],
        row: Row<'_>,
        layout: &Arc<Layout>,
        is_utf8: bool,
        summary: &mut ObjectSummary,
    ) {
        let Row { cells, moment, line } = row;
        let object = Arc::clone(&self.object);
        self.open(padded, layout, is_utf8, summary).push(&object, cells, moment, line);
        self.cells += cells.ends.len();
        self.rows += 1;
    }

    /// Takes neighbouring rows, from line `first_line` on, each with as many cells as the layout has names, and all UTF-8.
    /// `bounds` are the text position before the first row, and the ends of all cells.
    pub(crate) fn push_regular(
        &mut self,
        padded: &[u8],
        bounds: &[u32],
        moments: &[Moment],
        first_line: u64,
        layout: &Arc<Layout>,
        summary: &mut ObjectSummary,
    ) {
        let object = Arc::clone(&self.object);
        let mut done = 0;
        while done < moments.len() {
            let block = self.open(padded, layout, true, summary);
            let count = block.room().min(moments.len() - done);
            let cells = done * layout.width..=(done + count) * layout.width;
            block.push_regular(&object, &bounds[cells], &moments[done..done + count], first_line + done as u64);
            done += count;
        }
        self.cells += bounds.len() - 1;
        self.rows += moments.len();
    }

    /// Returns a block of this layout with room for a row.
    fn open(
        &mut self,
        padded: &[u8],
        layout: &Arc<Layout>,
        is_utf8: bool,
        summary: &mut ObjectSummary,
    ) -> &mut OpenBlock {
        let is_fit = |rows: &OpenBlock| Arc::ptr_eq(&rows.layout, layout) && rows.is_utf8 == is_utf8 && rows.room() > 0;
        if !self.blocks.last().is_some_and(|block| is_fit(&block.rows)) {
            self.drain(padded, summary);
            let eager = |(index, column): (usize, &Column)| Some((index, EagerColumn::new(column)?));
            let eager = self.schema.columns().iter().enumerate().filter_map(eager).collect();
            let rows = OpenBlock::new(Arc::clone(layout), is_utf8);
            self.blocks.push(GrowingBlock { rows, eager, eager_rows: 0 });
        }
        &mut self.blocks.last_mut().expect("a block was just added, if there was none").rows
    }

    /// Gives the rows since the last call to the columns that count for an object.
    pub(crate) fn drain(&mut self, padded: &[u8], summary: &mut ObjectSummary) {
        let Some(block) = self.blocks.last_mut() else { return };
        let GrowingBlock { rows, eager, eager_rows } = block;
        let new_rows = *eager_rows..rows.len();
        if new_rows.is_empty() {
            return;
        }
        assert_eq!(summary.nulled_cells.len(), self.schema.columns().len(), "a summary counts for each column");
        for (index, column) in eager {
            let counts = column.push(rows, new_rows.clone(), rows.layout.columns[*index], padded);
            summary.lossy_cells += counts.lossy;
            summary.nulled_cells[*index] += counts.nulled;
        }
        *eager_rows = new_rows.end;
    }

    /// Returns the rows so far as a batch, and begins a new one. `text` is the text that all rows were pushed from, and they
    /// all are drained.
    pub(crate) fn take(&mut self, text: &BlockText) -> DecodedBatch {
        (self.rows, self.cells) = (0, 0);
        let blocks = std::mem::take(&mut self.blocks).into_iter().filter(|block| block.rows.len() > 0);
        DecodedBatch { blocks: blocks.map(|block| self.finish(block, text)).collect() }
    }

    fn finish(&self, block: GrowingBlock, text: &BlockText) -> DecodedBlock {
        let GrowingBlock { rows: mut block, eager, eager_rows } = block;
        assert_eq!(eager_rows, block.len(), "rows are drained before their text goes away");
        let columns = columns_of(&self.schema, &block, eager, text);
        let record_ids = if self.has_distribution { record_ids(&block, text) } else { None };
        let user_agents = block.layout.user_agent.filter(|_| self.needs_user_agents);
        let user_agents: Option<ArrayRef> =
            user_agents.map(|position| Arc::new(string_array(&block, position, text.padded())) as ArrayRef);
        let mut rows_before = 0;
        let mut objects = std::mem::take(&mut block.objects);
        for (_, end) in &mut objects {
            (*end, rows_before) = (*end - rows_before, *end);
        }
        let hours = block.moments.iter().map(|moment| moment.hour()).collect();
        let rows = RowBlock::new(text.clone(), block.into_bounds(), hours, columns);
        DecodedBlock { rows, objects, record_ids, user_agents }
    }
}

/// A row to be added.
#[derive(Clone, Copy)]
pub(crate) struct Row<'r> {
    pub(crate) cells: Cells<'r>,
    pub(crate) moment: Moment,
    /// Line number in the object, from 1.
    pub(crate) line: u64,
}

/// Returns for each row the first of its distribution ID fields that has a value; `None` if the log has no such field.
fn record_ids(block: &OpenBlock, text: &BlockText) -> Option<StringViewArray> {
    if block.layout.record_ids.is_empty() {
        return None;
    }
    let mut views = ViewColumn::with_capacity(block.len());
    for row in block.rows() {
        let mut ids = block.layout.record_ids.iter().filter_map(|&position| row.range(position));
        let id = ids.find(|&(start, end)| !is_absent(&text.bytes()[start as usize..end as usize]));
        views.push_option(text.bytes(), id);
    }
    Some(views.finish(text.padded()))
}
