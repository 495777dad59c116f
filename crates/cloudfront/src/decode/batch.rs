//! Rows in, batches out.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{ArrayRef, StringViewArray},
    buffer::Buffer,
};
use lakefront_schema::{CellDecode, Column, ColumnSource, Derivation, TableSchema, fields};

use super::{
    columns::ColumnBuilder,
    layout::Layout,
    moment::Moment,
    row_block::RowBlock,
    text::{Cells, Text, is_absent},
    views::ViewColumn,
};
use crate::ObjectSummary;

/// Rows as decoded, without the columns that [`crate::enrich`] derives.
#[derive(Debug)]
pub struct DecodedBatch {
    /// In the order of the table schema; `None` for a column that is still to be derived.
    pub(crate) columns: Vec<Option<ArrayRef>>,
    /// Moment of each request, in seconds since 1970 UTC.
    pub(crate) seconds: Vec<i64>,
    /// User agents as logged, if the schema derives something from them.
    pub(crate) user_agents: Option<UserAgents>,
    /// The records' own distribution IDs, if the schema has such a column.
    pub(crate) record_ids: Option<StringViewArray>,
    /// The rows of each object, in order.
    pub(crate) objects: Vec<ObjectRows>,
}

/// The user agents of a batch.
#[derive(Debug)]
pub(crate) struct UserAgents {
    pub(crate) views: ViewColumn,
    /// The text that the views are into.
    pub(crate) text: Buffer,
    /// The column of the table schema that has the same values, and does not have them yet.
    pub(crate) column: Option<usize>,
}

/// The rows of one object in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectRows {
    /// The object's name.
    pub name: Arc<str>,
    /// Its rows in the batch.
    pub rows: Range<usize>,
}

/// The end of a batch before an object was added.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    rows: usize,
    cells: usize,
    objects: usize,
}

/// The place where rows go.
pub(crate) enum Sink<'b> {
    /// Nowhere: the object is only judged.
    Judge,
    /// A batch, until it has this many rows and rejects since `mark`.
    Batch { batch: &'b mut BatchBuilder, mark: Mark, row_limit: usize },
}

impl Sink<'_> {
    /// Returns whether it takes no more rows; `rejects` is the number of rejects since its mark.
    #[inline]
    pub(crate) fn is_full(&self, rejects: usize) -> bool {
        match self {
            Self::Judge => false,
            Self::Batch { batch, mark, row_limit } => batch.is_full(*mark, rejects, *row_limit),
        }
    }

    /// Moves rows that wait into the batch's columns, before `text` goes away.
    pub(crate) fn drain(&mut self, text: Text<'_>, summary: &mut ObjectSummary) {
        if let Self::Batch { batch, .. } = self {
            batch.drain_block(text, summary);
        }
    }
}

/// A batch under construction.
#[derive(Debug)]
pub(crate) struct BatchBuilder {
    schema: Arc<TableSchema>,
    columns: Vec<ColumnBuilder>,
    user_agents: Option<ViewColumn>,
    /// The column that takes `user_agents` as they are.
    user_agent_column: Option<usize>,
    record_ids: Option<ViewColumn>,
    seconds: Vec<i64>,
    /// Cells of all rows.
    cells: usize,
    objects: Vec<ObjectRows>,
    /// Rows that are not in the columns yet, all of this layout.
    block: RowBlock,
    layout: Option<Arc<Layout>>,
}

impl BatchBuilder {
    pub(crate) fn new(schema: Arc<TableSchema>) -> Self {
        Self::with_capacity(schema, 0)
    }

    /// Returns an empty batch with memory for `rows` rows.
    fn with_capacity(schema: Arc<TableSchema>, rows: usize) -> Self {
        let derives = |wanted: &[Derivation]| {
            let is_wanted = |source: &ColumnSource| matches!(source, ColumnSource::Derived(derivation) if wanted.contains(derivation));
            schema.columns().iter().any(|column| is_wanted(&column.source))
        };
        let needs_user_agents = derives(&[Derivation::BrowserFamily, Derivation::OsFamily, Derivation::IsBot]);
        let takes_user_agents = |column: &Column| {
            matches!(&column.source, ColumnSource::Field(field) if field.as_str() == fields::USER_AGENT)
                && column.cell_decode == CellDecode::AsLogged
        };
        let user_agent_column =
            schema.columns().iter().position(|column| needs_user_agents && takes_user_agents(column));
        let mut columns: Vec<_> = schema.columns().iter().map(|column| ColumnBuilder::new(column, rows)).collect();
        if let Some(index) = user_agent_column {
            columns[index] = ColumnBuilder::Later;
        }
        Self {
            columns,
            user_agent_column,
            user_agents: needs_user_agents.then(|| ViewColumn::with_capacity(rows)),
            record_ids: derives(&[Derivation::Distribution]).then(|| ViewColumn::with_capacity(rows)),
            schema,
            seconds: Vec::with_capacity(rows),
            cells: 0,
            objects: Vec::new(),
            block: RowBlock::default(),
            layout: None,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.seconds.len() + self.block.len()
    }

    pub(crate) fn begin_object(&mut self, name: &str) {
        let rows = self.rows();
        self.objects.push(ObjectRows { name: name.into(), rows: rows..rows });
    }

    /// Returns the batch's end between two objects.
    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.rows(), cells: self.cells, objects: self.objects.len() }
    }

    /// Returns whether there are at least `rows` rows since `mark`, counting `others`, or a hundred times as many cells.
    /// Cells of the log count, as a cell in a map of extra fields takes more memory than its text; and cells of the table,
    /// as even an empty one takes memory.
    pub(crate) fn is_full(&self, mark: Mark, others: usize, rows: usize) -> bool {
        const CELLS_PER_ROW: usize = 100;
        let (new_rows, most_cells) = (self.rows() - mark.rows, rows.saturating_mul(CELLS_PER_ROW));
        new_rows + others >= rows
            || self.cells - mark.cells >= most_cells
            || new_rows.saturating_mul(self.columns.len()) >= most_cells
    }

    /// Takes back everything since `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.block.clear();
        self.seconds.truncate(mark.rows);
        self.cells = mark.cells;
        self.objects.truncate(mark.objects);
        for column in &mut self.columns {
            column.truncate(mark.rows);
        }
        for views in [&mut self.user_agents, &mut self.record_ids].into_iter().flatten() {
            views.truncate(mark.rows);
        }
    }

    /// Takes a row; `text` is the text of all rows since the last [`Self::drain_block`].
    pub(crate) fn push(
        &mut self,
        text: Text<'_>,
        cells: Cells<'_>,
        moment: Moment,
        line: u64,
        layout: &Arc<Layout>,
        summary: &mut ObjectSummary,
    ) {
        if self.block.is_full() || !self.layout.as_ref().is_some_and(|current| Arc::ptr_eq(current, layout)) {
            self.drain_block(text, summary);
            self.layout = Some(Arc::clone(layout));
        }
        self.cells += cells.ends.len();
        self.block.push(cells, moment, line);
    }

    /// Moves the block's rows into the columns.
    pub(crate) fn drain_block(&mut self, text: Text<'_>, summary: &mut ObjectSummary) {
        let Some(layout) = self.layout.as_deref().filter(|_| self.block.len() > 0) else { return };
        assert_eq!(summary.nulled_cells.len(), self.columns.len(), "an object's summary counts for each column");
        for (index, column) in self.columns.iter_mut().enumerate() {
            let counts = column.push(index, &self.block, layout, text);
            summary.lossy_cells += counts.lossy;
            summary.nulled_cells[index] += counts.nulled;
        }
        if let Some(user_agents) = &mut self.user_agents {
            match layout.user_agent {
                Some(position) => user_agents.push_cells(&self.block, position, text),
                None => user_agents.push_nulls(self.block.len()),
            }
        }
        if let Some(record_ids) = &mut self.record_ids {
            push_record_ids(record_ids, &self.block, layout, text);
        }
        self.seconds.extend(self.block.moments.iter().map(|moment| moment.second));
        self.block.clear();
        let object = self.objects.last_mut().expect("an object begins before its rows");
        object.rows.end = self.seconds.len();
    }

    /// Returns the rows so far as a batch, and begins a new one. `text` is the text that all rows were pushed from; no row
    /// may wait in the block.
    pub(crate) fn take(&mut self, text: &Buffer) -> DecodedBatch {
        assert_eq!(self.block.len(), 0, "rows are drained before their text goes away");
        // A batch will hold about as many rows as the one before.
        let mut next = Self::with_capacity(Arc::clone(&self.schema), self.rows() + self.rows() / 16);
        std::mem::swap(&mut next.block, &mut self.block);
        std::mem::replace(self, next).finish(text)
    }

    fn finish(self, text: &Buffer) -> DecodedBatch {
        let arrow_schema = self.schema.arrow_schema();
        let columns = self
            .columns
            .into_iter()
            .zip(arrow_schema.fields())
            .map(|(column, field)| column.finish(text, field.data_type()));
        DecodedBatch {
            columns: columns.collect(),
            seconds: self.seconds,
            user_agents: self.user_agents.map(|views| UserAgents {
                views,
                text: text.clone(),
                column: self.user_agent_column,
            }),
            record_ids: self.record_ids.map(|views| views.finish(text)),
            objects: self.objects.into_iter().filter(|object| !object.rows.is_empty()).collect(),
        }
    }
}

/// Adds for each row the first of its distribution ID fields that has a value.
fn push_record_ids(views: &mut ViewColumn, block: &RowBlock, layout: &Layout, text: Text<'_>) {
    if layout.record_ids.is_empty() {
        return views.push_nulls(block.len());
    }
    for row in block.rows() {
        let mut ids = layout.record_ids.iter().filter_map(|&position| row.range(position));
        let id = ids.find(|&(start, end)| !is_absent(text.cell(start, end)));
        match id {
            Some((start, end)) => views.push_cell(text, start, end),
            None => views.push_null(),
        }
    }
}
