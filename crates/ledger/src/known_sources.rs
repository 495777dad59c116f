//! By which identity the table knows the sources that it was converted from, so that another one is not taken unawares: under
//! another `--source-id` every log of a place is new.
//!
//! Each log record holds all of it so far, at most [`MAX_SOURCES`] places, those that were read last. What an epoch of an
//! earlier version read is seen from its plan.

use lakefront_storage::Source;

use crate::{
    Destination, Error, Identity,
    plan_file::read_plan,
    records::{LogRecord, SourceRecord},
    seal::Stored,
    snapshot::{Snapshot, read_log},
};

/// Places that are remembered. A source for each day is a year and more.
const MAX_SOURCES: usize = 500;
/// Number of epochs that are read, from the last one back, until one has the record.
const EPOCHS_LOOKED_AT: usize = 5;

/// Whether sources may be read by another identity than the one that the table knows them by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insists {
    /// No: that is an error.
    No,
    /// Yes, and it was logged before.
    Silently,
    /// Yes, and it is logged.
    Loudly,
}

/// By which identity the table knows its sources, those of this run among them; none where that is of no account, as logs
/// are known by their names. Where a person insists on another identity, `tells` says whether that is told.
///
/// # Errors
/// [`Error::OtherIdentity`]: the run would read one of them by another identity, and was not told to.
pub fn known_sources(
    sources: &[Source],
    destination: &Destination,
    snapshot: &Snapshot,
    identity: Identity,
    insists: Insists,
) -> Result<Option<Vec<SourceRecord>>, Error> {
    if identity == Identity::Name {
        return Ok(None);
    }
    let known = KnownSources::read(destination, snapshot)?;
    if let Err(error) = known.check(sources, destination) {
        if insists == Insists::No {
            return Err(error);
        }
        if insists == Insists::Loudly {
            let text = error.to_string();
            tracing::warn!("{}: going on, as `--new-identity` says", text.lines().next().unwrap_or_default());
        }
    }
    Ok(Some(known.with(sources)))
}

/// Returns the sources in a log record; none if its version did not keep them.
pub fn sources_of(log: &LogRecord) -> Vec<Source> {
    log.sources.iter().flatten().filter_map(restored).collect()
}

/// The sources that a table knows, each by one identity; the one that was read last at the end.
#[derive(Clone, Debug, Default)]
struct KnownSources {
    sources: Vec<Source>,
}

impl KnownSources {
    /// Those that the last epochs speak of.
    ///
    /// # Errors
    /// The state cannot be read. Records and plans of the past that are damaged say nothing here: `verify` tells of them.
    fn read(destination: &Destination, snapshot: &Snapshot) -> Result<Self, Error> {
        let state = destination.state();
        let mut from_plans: Vec<Vec<Source>> = Vec::new();
        let mut known = Self::default();
        let last = snapshot.last_epoch();
        for epoch in (1..=last).rev().take(EPOCHS_LOOKED_AT) {
            let sound = |result| match result {
                Err(error) if Error::is_state_fault(&error) => Ok(None),
                result => result.map(Some),
            };
            let log: Option<Stored<LogRecord>> = match (&snapshot.last, &snapshot.table) {
                (Some(log), _) if log.epoch == epoch => Some(log.clone()),
                (_, Some(table)) => sound(read_log(state, table, epoch))?,
                (_, None) => None,
            };
            let Some(log) = log else { continue };
            if log.sources.is_some() {
                known.sources = sources_of(&log);
                break;
            }
            from_plans.push(match read_plan(state, &log) {
                Err(error) if error.is_state_fault() => Vec::new(),
                tasks => Source::around(tasks?.iter().flat_map(|task| &task.inputs)),
            });
        }
        // The oldest first: what was read later counts.
        for source in from_plans.into_iter().rev().flatten() {
            known.add(source);
        }
        Ok(known)
    }

    /// Is each source known by the identity that it is given now, as far as it is known?
    ///
    /// # Errors
    /// [`Error::OtherIdentity`]: all that it holds would be new.
    fn check(&self, sources: &[Source], destination: &Destination) -> Result<(), Error> {
        for source in sources {
            if let Some(known) = self.known_as_another(source) {
                return Err(Error::OtherIdentity {
                    source_location: Box::new(source.clone()),
                    known: Box::new(known.clone()),
                    table: destination.to_string(),
                });
            }
        }
        Ok(())
    }

    /// Returns the place by which the table knows a source, or a part of it, otherwise.
    fn known_as_another(&self, source: &Source) -> Option<&Source> {
        // The place just around the source decides, as somebody may have insisted on another identity for it.
        let around = self.sources.iter().filter(|known| known.holds_source(source));
        let innermost = around.max_by_key(|known| known.place_text().len());
        let within = || {
            // What was read last is what a person has in mind.
            let mut others = self.sources.iter().rev().filter(|known| !known.holds_source(source));
            others.find(|known| is_another(known, source))
        };
        innermost.filter(|known| is_another(known, source)).or_else(within)
    }

    /// What is to be on record when these sources are read, too.
    fn with(mut self, sources: &[Source]) -> Vec<SourceRecord> {
        for source in sources {
            self.add(source.clone());
        }
        self.sources.iter().map(record).collect()
    }

    /// From here on this one counts: what it holds is forgotten, and so is what is known otherwise, but for a place around
    /// it, which stays what it is everywhere else.
    fn add(&mut self, source: Source) {
        let is_around = |known: &Source| known.holds_source(&source) && !source.holds_source(known);
        self.sources.retain(|known| !is_another(known, &source) || is_around(known));
        let around = self.sources.iter().filter(|known| known.holds_source(&source));
        let innermost = around.max_by_key(|known| known.place_text().len());
        let around = innermost.filter(|known| known.knows_as(&source)).map(Source::place_text);
        let around = around.and_then(|place| self.sources.iter().position(|known| known.place_text() == place));
        let kept = around.map_or(source, |around| self.sources.remove(around));
        self.sources.retain(|known| !(kept.holds_source(known) && kept.knows_as(known)));
        self.sources.push(kept);
        let too_many = self.sources.len().saturating_sub(MAX_SOURCES);
        self.sources.drain(..too_many);
    }
}

/// Would a log that lies in both be another one to the table?
fn is_another(known: &Source, source: &Source) -> bool {
    known.overlaps_source(source) && !known.knows_as(source)
}

fn restored(record: &SourceRecord) -> Option<Source> {
    Source::restore(&record.location, record.file.as_deref(), record.id.as_deref())
}

fn record(source: &Source) -> SourceRecord {
    SourceRecord {
        location: source.place_text(),
        file: source.file_name().map(str::to_owned),
        id: source.id().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(place: &str, id: Option<&str>) -> Source {
        Source::restore(place, None, id).unwrap()
    }

    fn texts(known: KnownSources) -> Vec<String> {
        known.with(&[]).into_iter().map(|record| format!("{} {:?}", record.location, record.id)).collect()
    }

    #[test]
    fn a_source_within_a_known_one_is_known() {
        let mut known = KnownSources::default();
        for place in ["file:///logs/a", "file:///logs/b", "file:///other", "file:///logs", "file:///logs/c"] {
            known.add(source(place, None));
        }
        assert_eq!(texts(known), ["file:///other None", "file:///logs None"]);
    }

    #[test]
    fn another_identity_takes_the_place_of_the_one_before() {
        let mut known = KnownSources::default();
        known.add(source("file:///logs/a", None));
        known.add(source("file:///other", None));
        known.add(source("file:///logs", Some("archive")));
        assert_eq!(texts(known), ["file:///other None", "file:///logs Some(\"archive\")"]);
    }

    #[test]
    fn a_place_keeps_its_identity_though_a_part_of_it_got_another_one() {
        let mut known = KnownSources::default();
        known.add(source("file:///logs", None));
        known.add(source("file:///logs/g", Some("g")));
        assert!(known.known_as_another(&source("file:///logs/f", Some("y"))).is_some());
        assert!(known.known_as_another(&source("file:///logs/f", None)).is_none());
        assert!(known.known_as_another(&source("file:///logs/g", Some("g"))).is_none());
        assert!(known.known_as_another(&source("file:///logs/g", None)).is_some());
        assert!(known.known_as_another(&source("file:///logs", None)).is_some(), "a part of it is known otherwise");
        known.add(source("file:///logs/f", None));
        assert_eq!(texts(known), ["file:///logs/g Some(\"g\")", "file:///logs None"]);
    }

    #[test]
    fn those_that_were_read_last_are_kept() {
        let mut known = KnownSources::default();
        known.add(source("file:///logs/0", None));
        for day in 1..MAX_SOURCES + 5 {
            known.add(source(&format!("file:///logs/{day}"), None));
            known.add(source("file:///logs/0", None));
        }
        assert_eq!(known.sources.len(), MAX_SOURCES);
        assert_eq!(known.sources.last().unwrap().place_text(), "file:///logs/0");
        assert_eq!(known.sources[0].place_text(), "file:///logs/6");
    }
}
