//! What earlier attempts at a task found out, so that the next one need not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lakefront_ledger::{plan::Task, records::GoneRecord};
use lakefront_storage::Object;

use super::object_bytes::is_streamed;
use crate::outcome::{Lost, Outcome};

/// Results of earlier attempts at a task, which the next one goes by.
#[derive(Clone, Debug, Default)]
pub(super) struct AttemptMemory {
    /// Outcomes of objects that no row is taken from.
    pub(super) outcomes: BTreeMap<Object, Outcome>,
    /// These were read to their ends, and are good.
    good: BTreeSet<Object>,
}

impl AttemptMemory {
    /// Takes over which inputs were decided to be gone.
    pub(super) fn lose(&mut self, task: &Task, gone_before: Option<&GoneRecord>) {
        self.outcomes.retain(|_, outcome| !matches!(outcome, Outcome::Lost(_)));
        for gone in gone_before.into_iter().flat_map(|record| &record.inputs) {
            if let (Some(object), Some(how)) = (task.inputs.get(gone.input), Lost::from_word(gone.how)) {
                self.outcomes.insert(object.clone(), Outcome::Lost(how));
            }
        }
    }

    /// Returns this memory with the outcomes of an attempt that has read all inputs once.
    pub(super) fn after(&self, outcomes: &[(Object, Outcome)]) -> Self {
        let mut memory = self.clone();
        memory.learn(outcomes);
        memory
    }

    /// Takes over which inputs an attempt found good or lost.
    pub(super) fn learn(&mut self, outcomes: &[(Object, Outcome)]) {
        for (object, outcome) in outcomes {
            match outcome {
                Outcome::Converted(_) => {
                    self.good.insert(object.clone());
                }
                // Otherwise a store that gives an object only sometimes would change the task with each attempt.
                Outcome::Lost(_) => {
                    self.outcomes.insert(object.clone(), outcome.clone());
                }
                Outcome::Failed { .. } | Outcome::Changed { .. } => {}
            }
        }
    }

    /// The inputs that are fetched whole, in order.
    pub(super) fn to_fetch(&self, task: &Task) -> VecDeque<Object> {
        let is_fetched = |object: &&Object| !is_streamed(object) && !self.outcomes.contains_key(*object);
        task.inputs.iter().filter(is_fetched).cloned().collect()
    }

    /// Is a large object to be judged before its rows are taken? Not where all goes well, as it would be read twice. But a
    /// task has one bad object and then many: each must not cost an attempt.
    pub(super) fn judges_first(&self, object: &Object) -> bool {
        let has_bad = self.outcomes.values().any(|outcome| matches!(outcome, Outcome::Failed { .. }));
        has_bad && !self.good.contains(object)
    }
}
