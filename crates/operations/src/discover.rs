//! Lists the sources, and returns candidates: the listed objects without those that are known.
//!
//! ```text
//!   listed object --> not selected | waits | known --> skipped, and counted
//!                 '-> new | failed before in another version --> candidate
//!                 |-> unreadable in an earlier run           --> candidate, after all others
//!                 '-> converted before in another version    --> changed: reported, never read
//! ```
//!
//! Memory does not grow with the table: it holds 32 bytes per known object of the listed days, and the oldest new objects,
//! at most [`MAX_CANDIDATES`](crate::options::MAX_CANDIDATES). The next listing finds the rest. The candidates do not depend
//! on the order of the listing. If logs are known by their names, logs of one name are next to each other in the order of
//! candidates, so that the first of them by its key is kept at any limit.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use lakefront_engine::{
    Stop,
    progress::{Event, Progress},
};
use lakefront_ledger::{
    Identity,
    doubles::{Double, Doubles, is_packed, partner},
    lookup::{Known, ProcessedLookup, has_name},
    paths::hour_text,
    plan::{Candidates, Earlier, ObjectCount},
    records::{OutcomeWord, Waiting},
};
use lakefront_schema::object_key::{self, last_segment};
use lakefront_storage::{ListFailure, ListFlaw, Listing, Object, list};

use crate::{
    ConvertOptions, Error,
    key_pruning::SelectionGuide,
    select::{LeftOut, PatternUse},
};

/// Memory in bytes for a new object until it is converted, with its plan and its outcome: a generous 512 bytes.
const CANDIDATE_BYTES: u64 = 512;

/// The result of a listing.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    /// The oldest new or changed objects, in order of hour, source and key. Objects without an hour come last.
    pub(crate) candidates: Candidates,
    /// The converted logs that have the names of changed ones, if logs are known by their names.
    pub(crate) earlier: BTreeMap<Object, Earlier>,
    /// Logs that look like another log that is converted or planned.
    pub(crate) doubles: Doubles,
    /// All new or changed objects, kept or not.
    pub(crate) wanted: ObjectCount,
    /// Those of them that were converted before in another version.
    pub(crate) changed: ObjectCount,
    /// Number of new or changed objects that were left for the next listing.
    pub(crate) left: u64,
    /// Objects found.
    pub(crate) listed: u64,
    /// Objects whose hour has not settled yet.
    pub(crate) waiting: ObjectCount,
    /// The earliest hour that waits, in hours since 1970-01-01T00 UTC.
    pub(crate) first_waiting_hour: Option<i32>,
    /// Objects that are not selected.
    pub(crate) not_selected: ObjectCount,
    /// Objects that are not selected, by reason.
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
    /// Named pipes, sockets and devices with selected names.
    pub(crate) special: u64,
    /// Patterns of the selection that matched nothing, each with its flag, printable.
    pub(crate) unused_patterns: Vec<String>,
    /// Objects that an earlier run processed in their current version.
    pub(crate) known: u64,
    /// Objects in epochs that this run executed, or in an open epoch.
    pub(crate) in_own_epochs: u64,
    /// Known objects that failed.
    pub(crate) known_failed: u64,
    /// Failures to list.
    pub(crate) failures: Vec<ListFailure>,
}

/// Lists the sources and leaves out objects that the table has processed, by `seen`, and objects that this run could not
/// read, `refused`: the next run retries them.
///
/// # Errors
/// The run must stop: it was cancelled, or the record of processed objects cannot be read.
pub(crate) fn discover(
    options: &ConvertOptions,
    seen: ProcessedLookup<'_>,
    refused: &BTreeSet<Object>,
    stop: &Stop,
    progress: &dyn Progress,
) -> Result<Discovered, Error> {
    let mut filter = CandidateFilter {
        options,
        settled_before: settled_before(options),
        identity: seen.identity(),
        seen,
        refused,
        patterns: PatternUse::of(&options.selection),
        candidates: BinaryHeap::new(),
        most: most_candidates(options),
        found: Discovered::default(),
    };
    let mut error = None;
    let mut on_object = |object: Object| {
        if error.is_none() {
            error = filter.take(object).err();
        }
    };
    let guide = SelectionGuide(&options.selection);
    let listed = list(
        &options.sources,
        &options.run.connections,
        &guide,
        &mut on_object,
        &mut |objects| progress.on(Event::Listed { objects }),
        &|| stop.is_requested(),
    );
    if let Some(error) = error {
        return Err(error);
    }
    filter.take_listing(listed.map_err(Error::storage)?);
    filter.finish()
}

/// Filters listed objects; those that pass are candidates.
struct CandidateFilter<'s> {
    options: &'s ConvertOptions,
    settled_before: i64,
    patterns: PatternUse<'s>,
    identity: Identity,
    seen: ProcessedLookup<'s>,
    refused: &'s BTreeSet<Object>,
    /// The oldest candidates so far; the newest of them is on top.
    candidates: BinaryHeap<Candidate>,
    /// Largest number of candidates that are kept.
    most: usize,
    found: Discovered,
}

/// An object to be planned. `Ord` is the order of candidates.
#[derive(Debug)]
struct Candidate {
    /// Whether it was unreadable, and the hour in its name; `i32::MAX` without an hour.
    turn: (bool, i32),
    object: Object,
    kind: CandidateKind,
    double: Option<Double>,
    /// Whether the file was replaced by a file with other names (hard links).
    is_relinked: bool,
    identity: Identity,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CandidateKind {
    New,
    Changed,
    Unreadable,
}

impl CandidateFilter<'_> {
    fn take(&mut self, object: Object) -> Result<(), Error> {
        // A link in a source may lead into the table.
        if self.options.run.destination.holds(&object) {
            return Ok(());
        }
        let found = &mut self.found;
        found.listed += 1;
        self.patterns.name(object.name());
        if let Some(reason) = self.options.selection.left_out(object.name()) {
            found.not_selected.add(&object);
            *found.left_out.entry(reason).or_default() += 1;
            return Ok(());
        }
        let hour = object_key::hour(object.key());
        let known = self.seen.look_up(&object)?;
        let kind = match known {
            // An object that was gone or replaced was not converted in any version; one that failed or was empty was not
            // converted in its earlier version.
            Known::Unknown
            | Known::Same(OutcomeWord::Gone | OutcomeWord::Replaced)
            | Known::Other(OutcomeWord::Gone | OutcomeWord::Replaced | OutcomeWord::Failed | OutcomeWord::Empty) => {
                CandidateKind::New
            }
            Known::Same(OutcomeWord::Unreadable) | Known::Other(OutcomeWord::Unreadable)
                if self.refused.contains(&object) =>
            {
                found.in_own_epochs += 1;
                return Ok(());
            }
            Known::Same(OutcomeWord::Unreadable) | Known::Other(OutcomeWord::Unreadable) => CandidateKind::Unreadable,
            Known::InOwnEpoch => {
                found.in_own_epochs += 1;
                return Ok(());
            }
            Known::Same(
                outcome @ (OutcomeWord::Converted | OutcomeWord::Empty | OutcomeWord::Changed | OutcomeWord::Failed),
            ) => {
                found.known += 1;
                found.known_failed += u64::from(outcome == OutcomeWord::Failed);
                return Ok(());
            }
            Known::Other(OutcomeWord::Converted | OutcomeWord::Changed) => CandidateKind::Changed,
        };
        if let Some(hour) = hour.filter(|hour| (i64::from(*hour) + 1) * 3600 > self.settled_before) {
            found.waiting.add(&object);
            found.first_waiting_hour = Some(found.first_waiting_hour.map_or(hour, |first| first.min(hour)));
            return Ok(());
        }
        if object.is_archived() {
            let (location, name) = (object.location(), object.name().to_owned());
            found.failures.push(ListFailure { location, name, may_hold_objects: false, flaw: ListFlaw::Archived });
            return Ok(());
        }
        found.wanted.add(&object);
        if kind == CandidateKind::Changed {
            found.changed.add(&object);
        }
        // A known object would look like itself.
        let double = if known == Known::Unknown { self.seen.double(&object)? } else { None };
        let turn = (kind == CandidateKind::Unreadable, hour.unwrap_or(i32::MAX));
        let is_relinked = kind != CandidateKind::Changed && known != Known::Unknown && object.is_linked();
        self.candidates.push(Candidate { turn, object, kind, double, is_relinked, identity: self.identity });
        if self.candidates.len() > self.most {
            self.candidates.pop();
            found.left += 1;
        }
        Ok(())
    }

    /// Adds special files and failures, if they are selected, and records the names of folders.
    fn take_listing(&mut self, listing: Listing) {
        let Listing { failures, special, folders } = listing;
        let selection = &self.options.selection;
        for folder in &folders {
            self.patterns.folder(folder);
        }
        for name in special.iter().chain(failures.iter().map(|failure| &failure.name)) {
            self.patterns.name(name);
        }
        self.found.special = special.iter().filter(|name| selection.takes_name(name)).count() as u64;
        self.found.failures.extend(failures.into_iter().filter(|failure| selection.misses(failure)));
    }

    fn finish(self) -> Result<Discovered, Error> {
        let Self { candidates, mut found, mut seen, identity, patterns, .. } = self;
        found.unused_patterns = patterns.unused();
        let mut candidates = candidates.into_sorted_vec();
        // Some filesystems list a file twice if it is replaced while its folder is read.
        candidates.dedup_by(|later, earlier| later.object == earlier.object);
        drop_names_of_converted(&mut candidates, &mut found, &mut seen)?;
        if identity == Identity::Name {
            candidates = one_of_each_name(candidates, &mut found, seen.last_epoch());
        }
        count_doubles(&candidates, &seen, &mut found.doubles);
        if identity == Identity::Name {
            let changed = candidates.iter().filter(|candidate| candidate.kind == CandidateKind::Changed);
            found.earlier = seen.earlier(changed.map(|candidate| &candidate.object))?;
        }
        let lists = &mut found.candidates;
        for Candidate { object, kind, .. } in candidates {
            let list = match kind {
                CandidateKind::New => &mut lists.new,
                CandidateKind::Unreadable => &mut lists.unreadable,
                CandidateKind::Changed => &mut lists.changed,
            };
            list.push(object);
        }
        Ok(found)
    }
}

impl Candidate {
    fn name(&self) -> &str {
        last_segment(self.object.key())
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.turn.cmp(&other.turn).then_with(|| self.identity.order(&self.object, &other.object))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Drops logs that were tried before and were replaced by a hard link to a converted log, whose rows are already in the
/// table. A new hard link to a converted log is a separate log, like a copy.
fn drop_names_of_converted(
    candidates: &mut Vec<Candidate>,
    found: &mut Discovered,
    seen: &mut ProcessedLookup<'_>,
) -> Result<(), Error> {
    let relinked = candidates.iter().filter(|candidate| candidate.is_relinked);
    let names = seen.names_of_converted(relinked.map(|candidate| &candidate.object))?;
    for candidate in candidates.extract_if(.., |candidate| names.contains(&candidate.object)) {
        let Candidate { object, .. } = candidate;
        tracing::warn!("{}: is a hard link to a converted log, and is not read again", object.location());
        found.wanted = found.wanted.without(ObjectCount { objects: 1, bytes: object.size_bytes() });
        found.known += 1;
    }
    Ok(())
}

/// Removes candidates with the same name as another one. Of new logs, the first by its key is kept; of changed logs, the
/// first of each size. The others are counted: a log of the same size is known after the first is converted; a log of another
/// size is left to the next listing, when it is known whether the first has rows. Of unreadable logs, each run tries another
/// one, chosen by `last_epoch`, as one of them may be readable.
fn one_of_each_name(candidates: Vec<Candidate>, found: &mut Discovered, last_epoch: u64) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    let mut candidates = candidates.into_iter().peekable();
    while let Some(first) = candidates.next() {
        let mut group = vec![first];
        while let Some(alike) =
            candidates.next_if(|next| group.first().is_some_and(|first| first.name() == next.name()))
        {
            group.push(alike);
        }
        if group.first().is_some_and(|first| first.kind == CandidateKind::Unreadable) {
            let turns = last_epoch % group.len() as u64;
            group.rotate_left(usize::try_from(turns).expect("less than the length of the group"));
        }
        let start = kept.len();
        for candidate in group {
            let size_bytes = candidate.object.size_bytes();
            let of_name = kept.get(start..).expect("nothing was removed since");
            if of_name.iter().any(|kept| kept.object.size_bytes() == size_bytes) {
                found.doubles.twins += 1;
            } else if !of_name.is_empty() && candidate.kind != CandidateKind::Changed {
                found.doubles.other_sizes += 1;
            } else {
                kept.push(candidate);
                continue;
            }
            let counts = if candidate.kind == CandidateKind::Changed {
                vec![&mut found.wanted, &mut found.changed]
            } else {
                vec![&mut found.wanted]
            };
            for count in counts {
                *count = count.without(ObjectCount { objects: 1, bytes: size_bytes });
            }
        }
    }
    kept
}

/// Counts new logs that look like converted logs or like each other.
fn count_doubles(candidates: &[Candidate], seen: &ProcessedLookup<'_>, doubles: &mut Doubles) {
    let new = || candidates.iter().filter(|candidate| candidate.kind != CandidateKind::Changed);
    for candidate in new() {
        match candidate.double {
            Some(Double::Moved) => doubles.moved += 1,
            Some(Double::Unpacked) => doubles.unpacked += 1,
            None => {}
        }
    }
    let others = || new().filter(|candidate| candidate.double.is_none());
    let mark = |candidate: &Candidate| seen.identities.mark(candidate.name(), Some(candidate.object.size_bytes()));
    let mut marks: Vec<u64> = others().map(mark).collect();
    marks.sort_unstable();
    let twins = marks.windows(2).filter(|pair| matches!(pair, [one, other] if one == other)).count();
    doubles.twins += twins as u64;
    let packed = others().filter(|candidate| is_packed(candidate.object.key()));
    let unpacked = packed.filter(|packed| has_name(&marks, seen.identities.mark(&partner(packed.object.key()), None)));
    doubles.unpacked += unpacked.count() as u64;
}

impl Discovered {
    /// Returns the objects that wait, for the plan log.
    pub(crate) fn waiting_record(&self) -> Waiting {
        Waiting {
            objects: self.waiting.objects,
            bytes: self.waiting.bytes,
            first_hour: self.first_waiting_hour.map(hour_text),
        }
    }

    /// Returns the number of objects that the range of hours leaves out, as their names have no hour.
    pub(crate) fn without_hour(&self) -> u64 {
        self.left_out.get(&LeftOut::WithoutHour).copied().unwrap_or_default()
    }

    /// Warns of patterns that matched nothing, unless the listing is empty.
    pub(crate) fn warn_of_unused_patterns(&self) {
        let names = self.listed + self.special + self.failures.len() as u64;
        for pattern in self.unused_patterns.iter().filter(|_| names > 0) {
            tracing::warn!(
                "`{pattern}` matches nothing, of {names} listed names: a pattern without `/` matches the last part of a name, a pattern with `/` the whole name"
            );
        }
    }
}

/// Returns the number of candidates that fit into the run's memory, with their plan.
fn most_candidates(options: &ConvertOptions) -> usize {
    let fitting = usize::try_from(options.run.resources.memory_bytes / CANDIDATE_BYTES).unwrap_or(usize::MAX);
    options.run.limits.candidates.min(fitting).max(1)
}

/// Returns a time in seconds since 1970: an hour that ends later waits. Without a settle time no hour waits, not even a
/// future one.
fn settled_before(options: &ConvertOptions) -> i64 {
    if options.settle.is_zero() {
        return i64::MAX;
    }
    options.run.now.as_second().saturating_sub(i64::try_from(options.settle.as_secs()).unwrap_or(i64::MAX))
}
