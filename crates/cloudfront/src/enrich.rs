//! Stage 6. Decoded rows in, the same with derived columns out.
//!
//! Browser, operating system and bot come from the user agent; file name and distribution come from the object's name, or
//! the distribution from the record itself if that has it.
//!
//! Little is computed here: a file name is the same for all rows of an object, and what a user agent says is asked for by the
//! encoder, once for each distinct one.

pub mod user_agent;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arrow::array::{Array as _, AsArray, StringViewArray};
use lakefront_schema::{
    ColumnSource, Derivation, TableSchema, object_key,
    row_block::{BlockColumn, Derive, DerivedColumn, RowBlock, Run},
};

use self::user_agent::{UserAgentCache, UserAgentRules};
use crate::decode::{DecodedBatch, DecodedBlock, views::ViewColumn};

/// Derives columns. Each worker has one, as it remembers user agents.
#[derive(Debug)]
pub struct Enricher {
    schema: Arc<TableSchema>,
    /// Index of the column with the user agents as logged.
    user_agent_column: Option<usize>,
    user_agents: Arc<UserAgents>,
}

/// The families of user agents: browser, operating system and bot, in the order of [`Derivation::OF_USER_AGENT`].
struct UserAgents(Mutex<UserAgentCache>);

impl fmt::Debug for UserAgents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserAgents").finish_non_exhaustive()
    }
}

impl Derive for UserAgents {
    fn derive(&self, user_agent: Option<&str>) -> Arc<[Box<str>]> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.families(user_agent.unwrap_or_default())
    }
}

impl Enricher {
    /// Returns an enricher for rows of this table schema.
    pub fn new(schema: Arc<TableSchema>) -> Self {
        let user_agents = Arc::new(UserAgents(Mutex::new(UserAgentCache::new(UserAgentRules::embedded()))));
        Self { user_agent_column: schema.user_agents(), schema, user_agents }
    }

    /// Adds the derived columns.
    pub fn enrich(&mut self, decoded: DecodedBatch) -> Vec<RowBlock> {
        decoded.blocks.into_iter().map(|block| self.enrich_block(block)).collect()
    }

    fn enrich_block(&self, decoded: DecodedBlock) -> RowBlock {
        let DecodedBlock { mut rows, objects, record_ids, user_agents } = decoded;
        for (index, column) in self.schema.columns().iter().enumerate() {
            let ColumnSource::Derived(derivation) = column.source else { continue };
            let derived = match derivation {
                Derivation::Filename => BlockColumn::Strings(file_names(&objects)),
                Derivation::Distribution => match &record_ids {
                    None => BlockColumn::Strings(distributions(&objects)),
                    Some(ids) => BlockColumn::Array(Arc::new(distributions_of_records(&objects, ids))),
                },
                Derivation::BrowserFamily | Derivation::OsFamily | Derivation::IsBot => {
                    let place = Derivation::OF_USER_AGENT.iter().position(|of| *of == derivation);
                    let place = place.expect("the derivation is one of these");
                    let logged = user_agents.as_ref().map(AsArray::as_string_view);
                    self.of_user_agents(place, logged, rows.num_rows())
                }
                Derivation::Date
                | Derivation::Time
                | Derivation::RequestTime
                | Derivation::Extra
                | Derivation::Line => continue,
            };
            rows.set_column(index, derived);
        }
        rows
    }

    /// Returns the column of one of the families. `logged` are the user agents, if no column of the table has them.
    fn of_user_agents(&self, place: usize, logged: Option<&StringViewArray>, rows: usize) -> BlockColumn {
        if let Some(source) = self.user_agent_column {
            let by = Arc::clone(&self.user_agents) as Arc<dyn Derive>;
            return BlockColumn::Of(DerivedColumn { source, by, place });
        }
        let mut families = Vec::new();
        let mut add = |user_agent: Option<&str>, rows: usize| {
            let family: Arc<str> = Arc::from(&*self.user_agents.derive(user_agent)[place]);
            Run::add(&mut families, &family, rows);
        };
        match logged {
            None => add(None, rows),
            Some(logged) => logged.iter().for_each(|user_agent| add(user_agent, 1)),
        }
        BlockColumn::Strings(families)
    }
}

fn file_names(objects: &[(Arc<str>, usize)]) -> Vec<Run<Arc<str>>> {
    objects.iter().map(|(name, rows)| Run { value: Arc::clone(name), rows: *rows }).collect()
}

fn distributions(objects: &[(Arc<str>, usize)]) -> Vec<Run<Arc<str>>> {
    let mut runs: Vec<Run<Arc<str>>> = Vec::new();
    for (name, rows) in objects {
        let distribution = object_key::distribution(name);
        match runs.last_mut() {
            Some(last) if *last.value == *distribution => last.rows += rows,
            _ => runs.push(Run { value: distribution.into(), rows: *rows }),
        }
    }
    runs
}

/// Returns the records' own distribution IDs, or that of the object's name.
fn distributions_of_records(objects: &[(Arc<str>, usize)], record_ids: &StringViewArray) -> StringViewArray {
    let mut views = ViewColumn::with_capacity(record_ids.len());
    let mut row = 0;
    for (name, rows) in objects {
        let of_name = object_key::distribution(name);
        let mut last = None;
        for _ in 0..*rows {
            let id = if record_ids.is_null(row) { of_name } else { record_ids.value(row) };
            if last == Some(id) {
                views.push_again(row - 1);
            } else {
                views.push_str(id);
                last = Some(id);
            }
            row += 1;
        }
    }
    views.finish_without_text()
}
