//! Looks up listed objects in the objects that were seen, a day at a time.
//!
//! A day is read when its first object is looked up. Each seen object takes 24 bytes: a hash of its identity and a hash
//! of its version. Each converted object takes 8 more: a hash of its name and size, which detects moved logs. Ten
//! million objects take 320 MB.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::{BuildHasher as _, RandomState},
};

use lakefront_schema::object_key::{self, last_segment};
use lakefront_storage::{Object, Store};

use crate::{
    Error, Identity,
    doubles::{Double, partner},
    open_epoch::OpenEpoch,
    paths,
    plan::Earlier,
    processed::read,
    read_record::{LogRef, damaged, missing},
    records::{InputOutcome, OutcomeWord},
    snapshot::{Snapshot, read_log},
};

const HOURS_PER_DAY: i32 = 24;

/// Result of looking up a listed object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The object was not seen.
    Unknown,
    /// This version was seen. Has its outcome.
    Same(OutcomeWord),
    /// Another version was seen. Has the outcome of that version.
    Other(OutcomeWord),
    /// The object is in an epoch that this run executed, or in an open epoch: this run does not plan it again.
    InOwnEpoch,
}

/// Hashes of objects with 128 bits, and of versions with 64, so that ten million fit into memory. The hashes have
/// random keys, so that no log name can be made to collide with another; they cannot be compared with those of another
/// `Identities`.
#[derive(Debug)]
pub struct Identities {
    identity: Identity,
    hashers: [RandomState; 3],
}

/// Number of the 64 bits of a mark that come from the size; the others come from the name.
const SIZE_BITS: u32 = 16;

impl Identities {
    /// Returns hashers for this identity, with new random keys.
    pub fn new(identity: Identity) -> Self {
        Self { identity, hashers: Default::default() }
    }

    /// Returns the hash of an object.
    pub fn of(&self, source: &str, key: &str) -> [u64; 2] {
        let identity = self.identity.of(source, key);
        let [first, second, _] = &self.hashers;
        [first.hash_one(identity), second.hash_one(identity)]
    }

    /// Returns the hash of a version; only of the size if logs are identified by name, then `None` if the size is
    /// unknown.
    pub fn of_version(&self, version: &str, size_bytes: Option<u64>) -> Option<u64> {
        let [_, _, third] = &self.hashers;
        match self.identity {
            Identity::Key => Some(third.hash_one(version)),
            Identity::Name => size_bytes.map(|size_bytes| third.hash_one(size_bytes)),
        }
    }

    /// Returns the mark of a name and size: a hash of the name with a hash of the size in the low bits.
    pub fn mark(&self, name: &str, size_bytes: Option<u64>) -> u64 {
        let [first, _, third] = &self.hashers;
        first.hash_one(name) >> SIZE_BITS << SIZE_BITS | third.hash_one(size_bytes) >> (u64::BITS - SIZE_BITS)
    }
}

/// Returns whether sorted marks contain one with the same name, of any size.
pub fn has_name(marks: &[u64], mark: u64) -> bool {
    let name = mark >> SIZE_BITS;
    let first = marks.partition_point(|mark| mark >> SIZE_BITS < name);
    marks.get(first).is_some_and(|mark| mark >> SIZE_BITS == name)
}

/// Lookup of objects in those that were seen, a day at a time.
#[derive(Debug)]
pub struct ProcessedLookup<'s> {
    state: &'s Store,
    snapshot: &'s Snapshot,
    /// Log records of the epochs whose objects were read so far.
    logs: HashMap<u64, LogRef>,
    /// Hashes of objects and versions.
    pub identities: Identities,
    /// Whether marks of converted objects are kept.
    has_marks: bool,
    days: HashMap<Option<i32>, Day>,
    /// Epochs that this run executed.
    own_epochs: &'s BTreeSet<u64>,
    /// The inputs of an open epoch by identity; of several sizes if logs are identified by name.
    open: HashMap<[u64; 2], Vec<OpenInput>>,
}

/// An input of an open epoch.
#[derive(Clone, Copy, Debug)]
struct OpenInput {
    version_bits: u64,
    /// `None` if its task is not committed.
    outcome: Option<OutcomeWord>,
}

/// The seen objects of a day.
#[derive(Debug, Default)]
struct Day {
    /// Entries sorted by identity: one for each object, or one for each size if logs are identified by name.
    entries: Vec<KnownObject>,
    /// Marks of converted objects, sorted. Empty if logs are identified by name, because then the entries suffice.
    marks: Vec<u64>,
}

/// A seen object: identity in 128 bits; version, whether this run executed its epoch, and outcome in 64.
#[derive(Clone, Copy, Debug)]
struct KnownObject {
    identity: [u64; 2],
    version_and_outcome: u64,
}

/// Number of low bits for the outcome and, in the highest of them, whether this run executed the epoch.
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

impl KnownObject {
    fn new(identity: [u64; 2], version: u64, outcome: OutcomeWord, is_own: bool) -> Self {
        let outcome = OUTCOMES.iter().position(|word| *word == outcome).expect("the list has all outcomes") as u64;
        let own_bit = if is_own { OWN_BIT } else { 0 };
        Self { identity, version_and_outcome: version >> OUTCOME_BITS << OUTCOME_BITS | own_bit | outcome }
    }

    fn outcome(self) -> OutcomeWord {
        let outcome = usize::try_from(self.version_and_outcome & (OWN_BIT - 1)).expect("three bits fit");
        *OUTCOMES.get(outcome).expect("the bits are those of an outcome in the list")
    }

    fn is_own(self) -> bool {
        self.version_and_outcome & OWN_BIT != 0
    }

    /// Returns the hash of the version, without the bits that the outcome takes.
    fn version_bits(self) -> u64 {
        self.version_and_outcome >> OUTCOME_BITS
    }
}

impl<'s> ProcessedLookup<'s> {
    /// Returns a lookup in a table's snapshot. `identity` is the table's, or that of the run if the table is new.
    pub fn new(state: &'s Store, snapshot: &'s Snapshot, identity: Identity) -> Self {
        const NONE: &BTreeSet<u64> = &BTreeSet::new();
        Self {
            state,
            snapshot,
            logs: HashMap::new(),
            identities: Identities::new(identity),
            has_marks: false,
            days: HashMap::new(),
            own_epochs: NONE,
            open: HashMap::new(),
        }
    }

    /// Also detects [`doubles`](Self::double).
    #[must_use]
    pub fn with_marks(self) -> Self {
        Self { has_marks: true, ..self }
    }

    /// Returns [`Known::InOwnEpoch`] for objects in these epochs, which this run executed.
    #[must_use]
    pub fn with_own_epochs(self, own_epochs: &'s BTreeSet<u64>) -> Self {
        Self { own_epochs, ..self }
    }

    /// Adds the inputs of an open epoch: with their outcome if their task is committed, otherwise as planned.
    #[must_use]
    pub fn with_open_epoch(mut self, epoch: &OpenEpoch) -> Self {
        epoch.inputs().for_each(|(object, outcome)| self.add_open(object, outcome));
        self
    }

    /// Adds those inputs of an open epoch whose tasks are committed, with their outcomes.
    #[must_use]
    pub fn with_commits_of(mut self, epoch: &OpenEpoch) -> Self {
        let committed = epoch.inputs().filter(|(_, outcome)| outcome.is_some());
        committed.for_each(|(object, outcome)| self.add_open(object, outcome));
        self
    }

    fn add_open(&mut self, object: &Object, outcome: Option<&InputOutcome>) {
        let identity = self.identities.of(object.source(), object.key());
        let version_bits = self.version_bits(object);
        let outcome = outcome.map(InputOutcome::word);
        self.open.entry(identity).or_default().push(OpenInput { version_bits, outcome });
    }

    /// Returns the identity of logs.
    pub fn identity(&self) -> Identity {
        self.identities.identity
    }

    /// Returns the last closed epoch.
    pub fn last_epoch(&self) -> u64 {
        self.snapshot.last_closed()
    }

    /// Looks up an object.
    ///
    /// # Errors
    /// The run must stop: the `seen` objects of its day cannot be read.
    pub fn look_up(&mut self, object: &Object) -> Result<Known, Error> {
        let identity = self.identities.of(object.source(), object.key());
        let version_bits = self.version_bits(object);
        let day = self.day(object)?;
        let open = self.open.get(&identity).map(Vec::as_slice).unwrap_or_default();
        let entries = self.days.get(&day).expect("the day was just loaded").entries.as_slice();
        let of_object = of_identity(entries, identity);
        Ok(match self.identities.identity {
            Identity::Key => known_by_key(of_object, open, version_bits),
            Identity::Name => known_by_name(of_object, open, version_bits),
        })
    }

    /// Returns the hash of an object's version, without the bits that the outcome takes.
    fn version_bits(&self, object: &Object) -> u64 {
        let version = self.identities.of_version(&object.version(), Some(object.size_bytes()));
        version.expect("the size of a listed object is known") >> OUTCOME_BITS
    }

    /// Returns the similarity of a new object to a converted one, if there is any.
    ///
    /// # Errors
    /// The run must stop: the `seen` objects of its day cannot be read.
    pub fn double(&mut self, object: &Object) -> Result<Option<Double>, Error> {
        // The day is the same with and without `.gz`.
        let day = self.day(object)?;
        let Some(Day { entries, marks }) = self.days.get(&day).filter(|day| !day.entries.is_empty()) else {
            return Ok(None);
        };
        let partner = partner(object.key());
        if self.identities.identity == Identity::Name {
            let partners = of_identity(entries, self.identities.of("", &partner));
            let is_converted = partners.iter().any(|entry| entry.outcome() == OutcomeWord::Converted);
            return Ok(is_converted.then_some(Double::Unpacked));
        }
        let mark = self.identities.mark(last_segment(object.key()), Some(object.size_bytes()));
        Ok(if marks.binary_search(&mark).is_ok() {
            Some(Double::Moved)
        } else {
            has_name(marks, self.identities.mark(&partner, None)).then_some(Double::Unpacked)
        })
    }

    /// Returns the converted logs that have the names of these objects, if logs are identified by name. Reads their
    /// days again.
    ///
    /// # Errors
    /// The run must stop: the `seen` objects of their days cannot be read.
    pub fn earlier<'o>(
        &mut self,
        changed: impl Iterator<Item = &'o Object>,
    ) -> Result<BTreeMap<Object, Earlier>, Error> {
        let mut days: BTreeMap<String, HashMap<&str, Vec<&Object>>> = BTreeMap::new();
        for object in changed {
            let day = days.entry(paths::day_of_hour(object_key::hour(object.key()))).or_default();
            day.entry(last_segment(object.key())).or_default().push(object);
        }
        let mut earlier = BTreeMap::new();
        for (day, by_name) in days {
            for log in self.logs(&day)? {
                read(self.state, &log, &day, |seen| {
                    let is_converted = seen.outcome == OutcomeWord::Converted;
                    let alike = by_name.get(last_segment(&seen.key)).filter(|_| is_converted);
                    for object in alike.into_iter().flatten() {
                        let (source, key) = (seen.source.clone().into_owned(), seen.key.clone().into_owned());
                        earlier.insert((*object).clone(), Earlier { source, key });
                    }
                })?;
            }
        }
        Ok(earlier)
    }

    /// Returns those of these objects that are hard links to converted logs: the same file, in the same version. Reads
    /// the `seen` objects of all days, and checks each file that has the version of one of these objects.
    ///
    /// # Errors
    /// The run must stop: a `seen` object cannot be read.
    pub fn names_of_converted<'o>(
        &mut self,
        objects: impl Iterator<Item = &'o Object>,
    ) -> Result<BTreeSet<Object>, Error> {
        let mut by_version: HashMap<String, Vec<&Object>> = HashMap::new();
        for object in objects {
            by_version.entry(object.version()).or_default().push(object);
        }
        let mut names = BTreeSet::new();
        let days = if by_version.is_empty() { Vec::new() } else { self.snapshot.seen.keys().cloned().collect() };
        for day in days {
            for log in self.logs(&day)? {
                read(self.state, &log, &day, |seen| {
                    let is_converted = seen.outcome == OutcomeWord::Converted;
                    let alike = by_version.get(&*seen.version).filter(|_| is_converted).into_iter().flatten();
                    names.extend(alike.filter(|object| object.is_file_of(&seen.source, &seen.key)).copied().cloned());
                })?;
            }
        }
        Ok(names)
    }

    /// Returns the day that an object is looked up in, and loads it.
    fn day(&mut self, object: &Object) -> Result<Option<i32>, Error> {
        // From the key, not the name, because links may give an object another name later. Only from its last segment,
        // so that the day is the same in any folder.
        let day = object_key::hour(object.key()).map(|hour| hour.div_euclid(HOURS_PER_DAY));
        if !self.days.contains_key(&day) {
            let loaded = self.load(&paths::day_of_hour(day.map(|day| day * HOURS_PER_DAY)))?;
            self.days.insert(day, loaded);
        }
        Ok(day)
    }

    /// Returns the log records of the closed epochs that saw objects of a day.
    fn logs(&mut self, day: &str) -> Result<Vec<LogRef>, Error> {
        let (snapshot, last_closed) = (self.snapshot, self.snapshot.last_closed());
        let epochs = snapshot.seen.get(day).into_iter().flatten();
        epochs.copied().filter(|epoch| *epoch <= last_closed).map(|epoch| self.log(epoch)).collect()
    }

    /// Returns the log record of an epoch. Reads it only once.
    fn log(&mut self, epoch: u64) -> Result<LogRef, Error> {
        if let Some(log) = self.logs.get(&epoch) {
            return Ok(log.clone());
        }
        let log = match (&self.snapshot.last, &self.snapshot.table) {
            (Some(last), _) if last.epoch == epoch => LogRef::of(last),
            (_, Some(table)) => LogRef::of(&read_log(self.state, table, epoch)?),
            (_, None) => return Err(missing(self.state, paths::TABLE)),
        };
        self.logs.insert(epoch, log.clone());
        Ok(log)
    }

    /// Reads all objects of a day. If several epochs saw the same object, the last one counts.
    fn load(&mut self, day: &str) -> Result<Day, Error> {
        let Day { mut entries, mut marks } = Day::default();
        let keeps_marks = self.has_marks && self.identities.identity == Identity::Key;
        for log in self.logs(day)? {
            let mut is_whole = true;
            let is_own = self.own_epochs.contains(&log.epoch);
            read(self.state, &log, day, |seen| {
                let size_bytes = seen.size_bytes();
                let identity = self.identities.of(&seen.source, &seen.key);
                match self.identities.of_version(&seen.version, size_bytes) {
                    Some(version) => entries.push(KnownObject::new(identity, version, seen.outcome, is_own)),
                    None => is_whole = false,
                }
                if keeps_marks && seen.outcome == OutcomeWord::Converted {
                    marks.push(self.identities.mark(last_segment(&seen.key), size_bytes));
                }
            })?;
            if !is_whole {
                return Err(damaged(self.state, &paths::seen(day, log.epoch), "has objects without their sizes"));
            }
        }
        // The sort is stable and `dedup` keeps the first of equal entries, so reverse: the last epoch's entry is kept.
        entries.reverse();
        match self.identities.identity {
            Identity::Key => {
                entries.sort_by_key(|entry| entry.identity);
                entries.dedup_by_key(|entry| entry.identity);
            }
            Identity::Name => {
                entries.sort_by_key(|entry| (entry.identity, entry.version_bits()));
                entries.dedup_by_key(|entry| (entry.identity, entry.version_bits()));
            }
        }
        entries.shrink_to_fit();
        marks.sort_unstable();
        marks.dedup();
        marks.shrink_to_fit();
        Ok(Day { entries, marks })
    }
}

/// Returns the entries of an object.
fn of_identity(entries: &[KnownObject], identity: [u64; 2]) -> &[KnownObject] {
    let first = entries.partition_point(|entry| entry.identity < identity);
    let (_, of_object) = entries.split_at(first);
    let (of_object, _) = of_object.split_at(of_object.partition_point(|entry| entry.identity == identity));
    of_object
}

/// Looks up an object by key. It has one version at a time, so its last outcome counts.
fn known_by_key(of_object: &[KnownObject], open: &[OpenInput], version_bits: u64) -> Known {
    let last = match (open.last(), of_object.first()) {
        (Some(OpenInput { outcome: None, .. }), _) => return Known::InOwnEpoch,
        (Some(OpenInput { version_bits, outcome: Some(outcome) }), _) => (*version_bits, *outcome, false),
        (None, Some(entry)) => (entry.version_bits(), entry.outcome(), entry.is_own()),
        (None, None) => return Known::Unknown,
    };
    match last {
        (last, outcome, is_own) if last == version_bits => same(outcome, is_own),
        (_, outcome, _) => Known::Other(outcome),
    }
}

/// Looks up an object by name. One name may have logs of several sizes; once one of them is converted, no other is.
fn known_by_name(of_name: &[KnownObject], open: &[OpenInput], version_bits: u64) -> Known {
    let mut is_converted = false;
    let mut is_unreadable = false;
    let mut known = None;
    let mut last = None;
    let closed = of_name.iter().map(|entry| (entry.version_bits(), Some(entry.outcome()), entry.is_own()));
    // The open epoch is the last one, so its outcomes replace those of closed epochs.
    let open = open.iter().map(|input| (input.version_bits, input.outcome, false));
    for (bits, outcome, is_own) in closed.chain(open) {
        let is_same = bits == version_bits;
        let Some(outcome) = outcome else {
            if is_same {
                return Known::InOwnEpoch;
            }
            // Its task is not committed yet: assume that it will be converted.
            is_converted = true;
            continue;
        };
        is_converted |= matches!(outcome, OutcomeWord::Converted | OutcomeWord::Changed);
        is_unreadable |= outcome == OutcomeWord::Unreadable;
        last = Some(outcome);
        if is_same {
            known = Some((outcome, is_own));
        }
    }
    match known {
        // It had no rows, and another size was converted: nothing is left to do.
        Some((OutcomeWord::Empty | OutcomeWord::Failed, is_own)) if is_converted => {
            same(OutcomeWord::Converted, is_own)
        }
        Some((outcome, is_own)) if outcome.is_final() => same(outcome, is_own),
        _ if is_converted => Known::Other(OutcomeWord::Converted),
        // All new logs of this name count as unreadable, so that they come after all others.
        _ if is_unreadable => Known::Other(OutcomeWord::Unreadable),
        Some((outcome, _)) => Known::Same(outcome),
        None => last.map_or(Known::Unknown, Known::Other),
    }
}

/// Returns the result for a version that was seen.
fn same(outcome: OutcomeWord, is_own: bool) -> Known {
    if is_own && outcome.is_final() { Known::InOwnEpoch } else { Known::Same(outcome) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OutcomeWord::{Changed, Converted, Empty, Failed, Gone, Replaced, Unreadable};

    fn by_name(entries: &[(u64, OutcomeWord)], size: u64) -> Known {
        let word = |size: u64| size << OUTCOME_BITS;
        let entries: Vec<KnownObject> =
            entries.iter().map(|(size, outcome)| KnownObject::new([1, 1], word(*size), *outcome, false)).collect();
        known_by_name(&entries, &[], size)
    }

    #[test]
    fn a_name_that_was_converted_in_any_size_is_never_new() {
        for outcome in [Converted, Empty, Failed, Gone, Replaced, Changed, Unreadable] {
            assert_eq!(by_name(&[(1, Converted), (2, outcome)], 3), Known::Other(Converted), "{outcome:?}");
            assert_eq!(by_name(&[(2, outcome), (1, Converted)], 1), Known::Same(Converted), "{outcome:?}");
        }
        assert_eq!(by_name(&[(1, Converted), (2, Gone)], 2), Known::Other(Converted));
        assert_eq!(by_name(&[(1, Converted), (2, Changed)], 2), Known::Same(Changed));
        assert_eq!(by_name(&[(1, Converted), (2, Failed)], 2), Known::Same(Converted), "there is nothing to retry");
    }

    #[test]
    fn a_name_without_rows_in_any_size_is_new_in_another_size() {
        assert_eq!(by_name(&[], 1), Known::Unknown);
        for outcome in [Empty, Failed, Gone, Replaced] {
            assert_eq!(by_name(&[(1, outcome)], 2), Known::Other(outcome));
            assert_eq!(by_name(&[(1, outcome)], 1), Known::Same(outcome));
        }
        for size in 1..=3 {
            assert_eq!(by_name(&[(1, Unreadable), (2, Gone)], size), Known::Other(Unreadable), "size {size}");
        }
    }

    #[test]
    fn marks_distinguish_names_and_sizes() {
        let identities = Identities::new(Identity::Key);
        let mut marks: Vec<u64> = (0..1000).map(|n| identities.mark(&format!("E{n}.gz"), Some(n))).collect();
        marks.sort_unstable();
        assert!(marks.binary_search(&identities.mark("E7.gz", Some(7))).is_ok());
        assert!(marks.binary_search(&identities.mark("E7.gz", Some(8))).is_err());
        assert!(has_name(&marks, identities.mark("E7.gz", None)) && !has_name(&marks, identities.mark("E7", None)));
    }
}
