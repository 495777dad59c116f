//! Results of earlier attempts at a task, for the next attempt.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use lakefront_ledger::{plan::Task, records::GoneRecord};
use lakefront_storage::Object;

use super::object_bytes::is_streamed;
use crate::outcome::{Lost, Outcome};

/// Results of earlier attempts at a task.
#[derive(Clone, Debug, Default)]
pub(super) struct AttemptMemory {
    /// Outcomes of objects whose rows are left out.
    pub(super) outcomes: BTreeMap<Object, Outcome>,
    /// Objects that were read to their ends, and are good.
    good: BTreeSet<Object>,
}

impl AttemptMemory {
    /// Replaces the lost inputs with those of the task's list, or with none if there is no list.
    pub(super) fn set_lost(&mut self, task: &Task, gone_before: Option<&GoneRecord>) {
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

    /// Adds the inputs that an attempt found to be good or lost.
    pub(super) fn learn(&mut self, outcomes: &[(Object, Outcome)]) {
        for (object, outcome) in outcomes {
            match outcome {
                Outcome::Converted(_) => {
                    self.good.insert(object.clone());
                }
                // Otherwise a store that returns an object only sometimes would change the task with each attempt.
                Outcome::Lost(_) => {
                    self.outcomes.insert(object.clone(), outcome.clone());
                }
                Outcome::Failed { .. } | Outcome::Changed { .. } => {}
            }
        }
    }

    /// Returns the inputs that are fetched whole, in order.
    pub(super) fn to_fetch(&self, task: &Task) -> VecDeque<Object> {
        let is_fetched = |object: &&Object| !is_streamed(object) && !self.outcomes.contains_key(*object);
        task.inputs.iter().filter(is_fetched).cloned().collect()
    }

    /// Returns whether a large object must be judged before its rows are encoded. Usually not, because then it is read
    /// twice. But if a task has one bad object, it often has many, and each would otherwise cost another attempt.
    pub(super) fn judges_first(&self, object: &Object) -> bool {
        let has_bad = self.outcomes.values().any(|outcome| matches!(outcome, Outcome::Failed { .. }));
        has_bad && !self.good.contains(object)
    }
}
