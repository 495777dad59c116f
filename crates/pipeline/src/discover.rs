//! Listing in, candidates out: what there is, without what is known.
//!
//! ```text
//!   listed object --> not selected | waits | known --> skipped, and counted
//!                 '-> new | failed before in another version --> candidate
//!                 |-> unreadable in an earlier run           --> candidate, behind all others
//!                 '-> converted before in another version    --> changed: reported, never read
//! ```
//!
//! Memory does not depend on how much there is: of what is known 24 bytes an object are kept, of the days that are
//! listed, and of what is new the oldest, at most [`MAX_CANDIDATES`](crate::options::MAX_CANDIDATES). The next listing
//! finds the rest.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use lakefront_cloudfront::object_key;
use lakefront_storage::{ListFailure, Listing, Object, list};

use crate::{
    ConvertOptions, Error, Stop,
    guide::SelectionGuide,
    plan::{Candidates, ObjectCount},
    progress::{Event, Progress},
    select::{LeftOut, PatternUse},
    state::{
        names::hour_text,
        records::{OutcomeWord, Waiting},
        seen::{Known, SeenDays},
    },
};

/// What a new object takes until it is converted, with its plan and what became of it: 512 bytes, generously.
const CANDIDATE_BYTES: u64 = 512;

/// What a listing found.
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    /// The oldest of what is new or changed, in order of hour, source and key. Objects without an hour come last.
    pub(crate) candidates: Candidates,
    /// All that is new or changed, kept or not.
    pub(crate) wanted: ObjectCount,
    /// Those among them that were converted before in another version.
    pub(crate) changed: ObjectCount,
    /// How many of all these were left for the next listing.
    pub(crate) left: u64,
    /// Objects found.
    pub(crate) listed: u64,
    /// Objects whose hour has not settled yet.
    pub(crate) waiting: ObjectCount,
    /// The earliest hour that waits, in hours since 1970-01-01T00 UTC.
    pub(crate) first_waiting_hour: Option<i32>,
    /// Objects that the selection does not take.
    pub(crate) not_selected: ObjectCount,
    /// The same by reason.
    pub(crate) left_out: BTreeMap<LeftOut, u64>,
    /// Named pipes, sockets and devices with names that the selection takes.
    pub(crate) special: u64,
    /// Patterns of the selection that matched nothing, each with its flag, printable.
    pub(crate) unused_patterns: Vec<String>,
    /// Objects that were taken by an earlier run, as they are.
    pub(crate) known: u64,
    /// Objects that are in epochs which this run carried out, or in an open epoch.
    pub(crate) in_own_epochs: u64,
    /// Those among them that were judged bad.
    pub(crate) known_failed: u64,
    /// What could not be listed.
    pub(crate) failures: Vec<ListFailure>,
}

/// Lists the sources and leaves out what the table has seen, which `seen` says, and what this run could not read, `refused`:
/// the next run tries that again.
///
/// # Errors
/// The run must stop: someone asked for it, or what was seen cannot be read.
pub(crate) fn discover(
    options: &ConvertOptions,
    seen: SeenDays<'_>,
    refused: &BTreeSet<Object>,
    stop: &Stop,
    progress: &dyn Progress,
) -> Result<Discovered, Error> {
    let mut sieve = Sieve {
        options,
        settled_before: settled_before(options),
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
            error = sieve.take(object).err();
        }
    };
    let guide = SelectionGuide(&options.selection);
    let listed = list(
        &options.sources,
        &options.connections,
        &guide,
        &mut on_object,
        &mut |objects| progress.on(Event::Listed { objects }),
        &|| stop.is_asked(),
    );
    if let Some(error) = error {
        return Err(error);
    }
    sieve.take_listing(listed.map_err(Error::storage)?);
    Ok(sieve.finish())
}

/// What passes is a candidate.
struct Sieve<'s> {
    options: &'s ConvertOptions,
    settled_before: i64,
    patterns: PatternUse<'s>,
    seen: SeenDays<'s>,
    refused: &'s BTreeSet<Object>,
    /// The oldest so far; the newest of them on top.
    candidates: BinaryHeap<Candidate>,
    /// How many of them are kept.
    most: usize,
    found: Discovered,
}

/// A new object; the order is that in which candidates are planned.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    /// The hour in its name, and then those without one, and then those that were unreadable.
    turn: (bool, i32),
    object: Object,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    New,
    Changed,
    Unreadable,
}

impl Sieve<'_> {
    fn take(&mut self, object: Object) -> Result<(), Error> {
        // A link in a source may lead into the table.
        if self.options.destination.holds(&object) {
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
        let kind = match self.seen.look_up(&object)? {
            // What was gone or replaced was not converted, whatever version it had, nor was what failed or was empty.
            Known::Unknown
            | Known::Same(OutcomeWord::Gone | OutcomeWord::Replaced)
            | Known::Other(OutcomeWord::Gone | OutcomeWord::Replaced | OutcomeWord::Failed | OutcomeWord::Empty) => {
                Kind::New
            }
            Known::Same(OutcomeWord::Unreadable) | Known::Other(OutcomeWord::Unreadable)
                if self.refused.contains(&object) =>
            {
                found.in_own_epochs += 1;
                return Ok(());
            }
            Known::Same(OutcomeWord::Unreadable) | Known::Other(OutcomeWord::Unreadable) => Kind::Unreadable,
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
            Known::Other(OutcomeWord::Converted | OutcomeWord::Changed) => Kind::Changed,
        };
        if let Some(hour) = hour.filter(|hour| (i64::from(*hour) + 1) * 3600 > self.settled_before) {
            found.waiting.add(&object);
            found.first_waiting_hour = Some(found.first_waiting_hour.map_or(hour, |first| first.min(hour)));
            return Ok(());
        }
        if object.is_archived() {
            let reason = "is archived (Glacier) and was not converted before: restore it, or leave it out".to_owned();
            let (location, name) = (object.location(), object.name().to_owned());
            found.failures.push(ListFailure { location, name, may_hold_objects: false, reason });
            return Ok(());
        }
        found.wanted.add(&object);
        if kind == Kind::Changed {
            found.changed.add(&object);
        }
        let turn = (kind == Kind::Unreadable, hour.unwrap_or(i32::MAX));
        self.candidates.push(Candidate { turn, object, kind });
        if self.candidates.len() > self.most {
            self.candidates.pop();
            found.left += 1;
        }
        Ok(())
    }

    /// Takes what else was met, as far as the selection does not leave it out.
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

    fn finish(self) -> Discovered {
        let Self { candidates, mut found, patterns, .. } = self;
        found.unused_patterns = patterns.unused();
        let mut candidates = candidates.into_sorted_vec();
        // Some filesystems show a file twice that is replaced while its folder is read.
        candidates.dedup_by(|later, earlier| later.object == earlier.object);
        let lists = &mut found.candidates;
        for Candidate { object, kind, .. } in candidates {
            let list = match kind {
                Kind::New => &mut lists.new,
                Kind::Unreadable => &mut lists.unreadable,
                Kind::Changed => &mut lists.changed,
            };
            list.push(object);
        }
        found
    }
}

impl Discovered {
    /// What waits, as the plan log keeps it.
    pub(crate) fn waiting_record(&self) -> Waiting {
        Waiting {
            objects: self.waiting.objects,
            bytes: self.waiting.bytes,
            first_hour: self.first_waiting_hour.map(hour_text),
        }
    }

    /// Number of objects that the range of hours leaves out as their names have no hour.
    pub(crate) fn without_hour(&self) -> u64 {
        self.left_out.get(&LeftOut::WithoutHour).copied().unwrap_or_default()
    }

    /// Warns of patterns that matched nothing. A listing that met nothing proves nothing.
    pub(crate) fn warn_of_unused_patterns(&self) {
        let names = self.listed + self.special + self.failures.len() as u64;
        for pattern in self.unused_patterns.iter().filter(|_| names > 0) {
            tracing::warn!(
                "`{pattern}` matches nothing, of {names} names listed: a pattern without `/` is for the last part of a name, one with `/` for the whole name"
            );
        }
    }
}

/// So many that they fit into the run's memory, planned and all.
fn most_candidates(options: &ConvertOptions) -> usize {
    let fitting = usize::try_from(options.memory_bytes / CANDIDATE_BYTES).unwrap_or(usize::MAX);
    options.limits.candidates.min(fitting).max(1)
}

/// An hour that ends later than this second waits. Without a time to settle none does, not even an hour to come.
fn settled_before(options: &ConvertOptions) -> i64 {
    if options.settle.is_zero() {
        return i64::MAX;
    }
    options.now.as_second().saturating_sub(i64::try_from(options.settle.as_secs()).unwrap_or(i64::MAX))
}
