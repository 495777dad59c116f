//! Stage 6. Record batch in, the same with derived columns out.
//!
//! Browser, operating system and bot come from the user agent; file name and distribution come from the object's name, or
//! the distribution from the record itself if that has it.

pub mod user_agent;

use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, StringViewArray},
    buffer::Buffer,
    datatypes::SchemaRef,
};
use lakefront_schema::{ColumnSource, Derivation, TableSchema, object_key};

use self::user_agent::{Classified, UserAgent, UserAgentCache, UserAgentRules};
use crate::decode::{DecodedBatch, ObjectRows, UserAgents, views::ViewColumn};

/// Rows with all columns of the table schema.
#[derive(Clone, Debug)]
pub struct EnrichedBatch {
    /// The columns, in the order of the table schema.
    pub batch: RecordBatch,
    /// The hour of each row, in hours since 1970-01-01T00 UTC, which decides its partition.
    pub hours: Vec<i32>,
}

/// Derives columns. Each worker has one, as it remembers user agents.
pub struct Enricher {
    schema: Arc<TableSchema>,
    arrow_schema: SchemaRef,
    // `None` before the first batch that needs it: the rules take time to compile.
    user_agents: Option<UserAgentCache>,
}

impl Enricher {
    /// Returns an enricher for batches of this table schema.
    pub fn new(schema: Arc<TableSchema>) -> Self {
        Self { arrow_schema: schema.arrow_schema(), schema, user_agents: None }
    }

    /// Returns whether the schema has columns that come from the user agent, which need [`UserAgentRules::embedded`].
    pub fn needs_user_agents(schema: &TableSchema) -> bool {
        let of_user_agent = [Derivation::BrowserFamily, Derivation::OsFamily, Derivation::IsBot];
        schema.columns().iter().any(
            |column| matches!(&column.source, ColumnSource::Derived(derivation) if of_user_agent.contains(derivation)),
        )
    }

    /// Adds the derived columns.
    pub fn enrich(&mut self, decoded: DecodedBatch) -> EnrichedBatch {
        let DecodedBatch { columns, seconds, user_agents, record_ids, objects } = decoded;
        let rows = seconds.len();
        let user_agent_column = user_agents.as_ref().and_then(|agents| agents.column);
        let (logged, mut of_user_agents) = user_agents.map(|agents| self.classify(agents)).unzip();
        let mut complete: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        for (index, (array, column)) in columns.into_iter().zip(self.schema.columns()).enumerate() {
            let logged = logged.as_ref().filter(|_| user_agent_column == Some(index));
            let array = match (array.or(logged.cloned()), &column.source) {
                (Some(array), _) => array,
                (None, ColumnSource::Derived(Derivation::Filename)) => file_names(&objects, rows),
                (None, ColumnSource::Derived(Derivation::Distribution)) => {
                    distributions(&objects, record_ids.as_ref(), rows)
                }
                (None, ColumnSource::Derived(derivation)) => of_user_agents
                    .as_mut()
                    .and_then(|columns| columns.remove(derivation))
                    .expect("decode gives every column that does not come from the user agent"),
                (None, ColumnSource::Field(_)) => unreachable!("decode gives every column that comes from a field"),
            };
            complete.push(array);
        }
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.arrow_schema), complete);
        let batch = batch.expect("columns have the types of the schema, and a cell for each row");
        let hours = seconds.iter().copied().map(hour_of).collect();
        EnrichedBatch { batch, hours }
    }

    /// Returns the user agents as logged, and the columns that are derived from them.
    fn classify(&mut self, user_agents: UserAgents) -> (ArrayRef, HashMap<Derivation, ArrayRef>) {
        let cache = self.user_agents.get_or_insert_with(|| UserAgentCache::new(UserAgentRules::embedded()));
        let UserAgents { mut views, text, .. } = user_agents;
        let rows = views.len();
        let mut batch = Classified { places: Vec::with_capacity(rows), distinct: Vec::new() };
        cache.begin_batch();
        views.for_each(&text, |logged| cache.add(logged, &mut batch));
        let Classified { places, distinct } = batch;
        views.share(distinct.iter().map(|(first_row, _)| *first_row), &places);
        let values = |value: fn(&UserAgent) -> &str| {
            let mut views = ViewColumn::with_capacity(rows);
            views.push_places(distinct.iter().map(|(_, answer)| value(answer)), &places);
            finish(views)
        };
        let derived = [
            (Derivation::BrowserFamily, values(|answer| &answer.browserfamily)),
            (Derivation::OsFamily, values(|answer| &answer.osfamily)),
            (Derivation::IsBot, values(|answer| if answer.is_bot { "True" } else { "False" })),
        ];
        (Arc::new(views.finish(&text)), HashMap::from(derived))
    }
}

fn hour_of(second: i64) -> i32 {
    i32::try_from(second.div_euclid(3600)).expect("a row is of a year below 10000")
}

fn file_names(objects: &[ObjectRows], rows: usize) -> ArrayRef {
    let mut views = ViewColumn::with_capacity(rows);
    for object in objects {
        views.push_repeated(&object.name, object.rows.len());
    }
    finish(views)
}

fn distributions(objects: &[ObjectRows], record_ids: Option<&StringViewArray>, rows: usize) -> ArrayRef {
    let mut views = ViewColumn::with_capacity(rows);
    for object in objects {
        let of_name = object_key::distribution(&object.name);
        match record_ids.filter(|ids| ids.null_count() < ids.len()) {
            None => views.push_repeated(of_name, object.rows.len()),
            Some(ids) => {
                let mut last = None;
                for row in object.rows.clone() {
                    let id = if ids.is_null(row) { of_name } else { ids.value(row) };
                    if last == Some(id) {
                        views.push_again(row - 1);
                    } else {
                        views.push_str(id);
                        last = Some(id);
                    }
                }
            }
        }
    }
    finish(views)
}

/// Returns the array of views of which none is into a text: all values are in the side buffer.
fn finish(views: ViewColumn) -> ArrayRef {
    Arc::new(views.finish(&Buffer::from(Vec::<u8>::new())))
}
