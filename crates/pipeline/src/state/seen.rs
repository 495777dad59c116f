//! What became of every object, by the day in its key: what a listing is compared with.
//!
//! ```text
//! {"format":1,"epoch":42,"day":"2025-01-02","inputs":345}
//! {"source":"file://","key":"/logs/E1.2025-01-02-03.x.gz","version":"312-1735","outcome":"converted"}
//! ```
//!
//! Gzipped JSON lines, one object an epoch and day. A day is read when the first object of it is listed; of each object
//! 24 bytes are kept, a hash of what it is and one of its version, so that ten million fit into 240 MB.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
};

use lakefront_cloudfront::object_key;
use lakefront_storage::{Object, Store};
use serde::{Deserialize, Serialize};

use super::{
    lines::{LinesReader, LinesWriter},
    names,
    records::{self, InputOutcome, OutcomeWord, damaged},
};
use crate::{Error, epoch::PartialEpoch};

const HOURS_PER_DAY: i32 = 24;

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    format: u32,
    epoch: u64,
    day: Cow<'a, str>,
    inputs: u64,
}

/// An object and what became of it.
#[derive(Serialize, Deserialize)]
pub(crate) struct SeenObject<'a> {
    #[serde(borrow)]
    pub(crate) source: Cow<'a, str>,
    pub(crate) key: Cow<'a, str>,
    pub(crate) version: Cow<'a, str>,
    pub(crate) outcome: OutcomeWord,
}

/// The bytes of what an epoch saw of a day.
pub(crate) fn to_bytes(epoch: u64, day: &str, objects: &[(&Object, OutcomeWord)]) -> Vec<u8> {
    let inputs = objects.len() as u64;
    let format = OutcomeWord::format_of(objects.iter().map(|(_, outcome)| *outcome));
    let mut lines = LinesWriter::new(&Header { format, epoch, day: day.into(), inputs });
    for (object, outcome) in objects {
        lines.push(&SeenObject {
            source: object.source().into(),
            key: object.key().into(),
            version: object.version().into(),
            outcome: *outcome,
        });
    }
    lines.finish()
}

/// Reads what an epoch saw of a day, object by object.
///
/// # Errors
/// The run must stop: it is missing, cut short, or something else.
pub(crate) fn read(
    state: &Store,
    day: &str,
    epoch: u64,
    mut on_object: impl FnMut(&SeenObject<'_>),
) -> Result<(), Error> {
    let name = names::seen(day, epoch);
    let bytes = records::bytes_of(state, &name)?;
    let cannot = |what: &str| damaged(state, &name, &format!("cannot be understood: {what}"));
    let mut lines = LinesReader::new(&bytes);
    let header = lines.next_line().map_err(|error| cannot(&error.to_string()))?.unwrap_or_default();
    let header: Header<'_> = serde_json::from_str(header).map_err(|error| cannot(&error.to_string()))?;
    records::check_format(state, &name, header.format)?;
    if header.epoch != epoch || header.day != day {
        return Err(cannot(&format!("it is of epoch {} and day {}", header.epoch, header.day.escape_debug())));
    }
    let expected = header.inputs;
    let mut inputs = 0;
    while let Some(line) = lines.next_line().map_err(|error| cannot(&error.to_string()))? {
        let object: SeenObject<'_> = serde_json::from_str(line).map_err(|error| cannot(&error.to_string()))?;
        on_object(&object);
        inputs += 1;
    }
    if inputs != expected {
        return Err(cannot(&format!("it has {inputs} objects and should have {expected}")));
    }
    Ok(())
}

/// What is known of a listed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing.
    Unknown,
    /// This version, and what became of it.
    Same(OutcomeWord),
    /// Another version, and what became of that.
    Other(OutcomeWord),
    /// It is in an epoch that this run carried out, or in one that is open: no plan of this run takes it once more.
    InOwnEpoch,
}

/// Tells objects apart by 128 bits and versions by 64: ten million are to fit into memory. The hashes are keyed, so that
/// nobody outside can make two objects collide; they mean nothing to another one of these.
#[derive(Debug, Default)]
pub(crate) struct Identities {
    hashers: [RandomState; 3],
}

impl Identities {
    pub(crate) fn of(&self, source: &str, key: &str) -> [u64; 2] {
        let [first, second, _] = &self.hashers;
        [first.hash_one((source, key)), second.hash_one((source, key))]
    }

    pub(crate) fn of_version(&self, version: &str) -> u64 {
        let [_, _, third] = &self.hashers;
        third.hash_one(version)
    }
}

/// Looks objects up in what was seen, a day at a time.
#[derive(Debug)]
pub(crate) struct SeenDays<'s> {
    state: &'s Store,
    names: &'s BTreeMap<String, Vec<u64>>,
    /// The last epoch that counts.
    last_epoch: u64,
    identities: Identities,
    days: HashMap<Option<i32>, Vec<Entry>>,
    /// Epochs that the run at hand carried out.
    own_epochs: &'s BTreeSet<u64>,
    /// The inputs of an open epoch by identity, with version and outcome where their task is committed.
    open: HashMap<[u64; 2], Option<(u64, OutcomeWord)>>,
}

/// Identity in 128 bits; version, whether its epoch is the run's own, and outcome in 64.
#[derive(Clone, Copy, Debug)]
struct Entry {
    identity: [u64; 2],
    version_and_outcome: u64,
}

/// The low bits hold the outcome, and above it whether the epoch is the run's own.
const OUTCOME_BITS: u32 = 4;
const OWN_BIT: u64 = 1 << (OUTCOME_BITS - 1);
const OUTCOMES: [OutcomeWord; 7] = [
    OutcomeWord::Converted,
    OutcomeWord::Empty,
    OutcomeWord::Failed,
    OutcomeWord::Gone,
    OutcomeWord::Replaced,
    OutcomeWord::Changed,
    OutcomeWord::Unreadable,
];

impl<'s> SeenDays<'s> {
    pub(crate) fn new(state: &'s Store, names: &'s BTreeMap<String, Vec<u64>>, last_epoch: u64) -> Self {
        const NONE: &BTreeSet<u64> = &BTreeSet::new();
        Self {
            state,
            names,
            last_epoch,
            identities: Identities::default(),
            days: HashMap::new(),
            own_epochs: NONE,
            open: HashMap::new(),
        }
    }

    /// Says of objects in these epochs that they are the run's own, as it carried them out itself.
    pub(crate) fn with_own_epochs(mut self, epochs: &'s BTreeSet<u64>) -> Self {
        self.own_epochs = epochs;
        self
    }

    /// Knows the inputs of an open epoch, too: what became of those whose tasks are committed, and that the others are
    /// planned.
    pub(crate) fn with_open_epoch(mut self, epoch: &PartialEpoch) -> Self {
        epoch.inputs().for_each(|(object, outcome)| self.add_open(object, outcome));
        self
    }

    /// Knows what became of the inputs of an open epoch whose tasks are committed.
    pub(crate) fn with_commits_of(mut self, epoch: &PartialEpoch) -> Self {
        epoch
            .inputs()
            .filter(|(_, outcome)| outcome.is_some())
            .for_each(|(object, outcome)| self.add_open(object, outcome));
        self
    }

    fn add_open(&mut self, object: &Object, outcome: Option<&InputOutcome>) {
        let identity = self.identities.of(object.source(), object.key());
        let version = self.version_bits(&object.version());
        self.open.insert(identity, outcome.map(|outcome| (version, outcome.word())));
    }

    /// What is known of this object.
    ///
    /// # Errors
    /// The run must stop: what was seen on its day cannot be read.
    pub(crate) fn look_up(&mut self, object: &Object) -> Result<Known, Error> {
        let identity = self.identities.of(object.source(), object.key());
        match self.open.get(&identity) {
            Some(None) => return Ok(Known::InOwnEpoch),
            Some(Some((version, outcome))) => {
                let is_same = *version == self.version_bits(&object.version());
                return Ok(if is_same { Known::Same(*outcome) } else { Known::Other(*outcome) });
            }
            None => {}
        }
        // Of the key, not of the name: links may give an object another name tomorrow.
        let day = object_key::hour(object.key()).map(|hour| hour.div_euclid(HOURS_PER_DAY));
        if !self.days.contains_key(&day) {
            let entries = self.load(&names::day_of_hour(day.map(|day| day * HOURS_PER_DAY)))?;
            self.days.insert(day, entries);
        }
        let Some(entries) = self.days.get(&day).filter(|entries| !entries.is_empty()) else {
            return Ok(Known::Unknown);
        };
        let Ok(found) = entries.binary_search_by_key(&identity, |entry| entry.identity) else {
            return Ok(Known::Unknown);
        };
        let Some(entry) = entries.get(found) else { return Ok(Known::Unknown) };
        let outcome = usize::try_from(entry.version_and_outcome & (OWN_BIT - 1)).unwrap_or(usize::MAX);
        let outcome = OUTCOMES.get(outcome).copied().ok_or(Error::Worker)?;
        let is_same = entry.version_and_outcome >> OUTCOME_BITS == self.version_bits(&object.version());
        if is_same && entry.version_and_outcome & OWN_BIT != 0 && outcome.is_final() {
            return Ok(Known::InOwnEpoch);
        }
        Ok(if is_same { Known::Same(outcome) } else { Known::Other(outcome) })
    }

    /// All objects of a day; of several epochs that saw one, the last counts.
    fn load(&self, day: &str) -> Result<Vec<Entry>, Error> {
        let mut entries = Vec::new();
        for &epoch in self.names.get(day).into_iter().flatten().filter(|epoch| **epoch <= self.last_epoch) {
            let own_bit = if self.own_epochs.contains(&epoch) { OWN_BIT } else { 0 };
            read(self.state, day, epoch, |object| {
                let outcome = OUTCOMES.iter().position(|outcome| *outcome == object.outcome).unwrap_or_default() as u64;
                entries.push(Entry {
                    identity: self.identities.of(&object.source, &object.key),
                    version_and_outcome: self.version_bits(&object.version) << OUTCOME_BITS | own_bit | outcome,
                });
            })?;
        }
        // Stable, so that the last epoch's entry is the last of its equals; kept is the first, hence the turning round.
        entries.reverse();
        entries.sort_by_key(|entry| entry.identity);
        entries.dedup_by_key(|entry| entry.identity);
        entries.shrink_to_fit();
        Ok(entries)
    }

    /// A version's hash, without the bits that the outcome takes.
    fn version_bits(&self, version: &str) -> u64 {
        self.identities.of_version(version) >> OUTCOME_BITS
    }
}
