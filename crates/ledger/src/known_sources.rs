//! Identities of the sources that a table was converted from. A run is refused if it would read a source with another
//! identity by mistake: with another `--source-id` every log in it would be new.
//!
//! Each log record has all sources so far, at most `MAX_SOURCES`, those that were read last. The sources of an epoch
//! of an earlier version are those of its plan.

use lakefront_storage::Source;

use crate::{
    Destination, Error, Identity,
    plan_file::read_plan,
    records::{LogRecord, SourceRecord},
    seal::Stored,
    snapshot::{Snapshot, read_log},
};

/// Largest number of sources in a record: more than a year, with one source for each day.
const MAX_SOURCES: usize = 500;
/// Largest number of epochs that are read, from the last one back, until one has the record.
const MAX_EPOCHS_READ: usize = 5;

/// Identities of a table's sources, including those of a run.
#[derive(Debug)]
pub struct SourceIdentities {
    /// The sources as the next log record keeps them.
    pub records: Vec<SourceRecord>,
    /// [`Error::OtherIdentity`], if the run reads a source with another identity than the table's: every log in it is new.
    pub conflict: Option<Error>,
}

/// Returns the identities of the table's sources, including those of this run; `None` if logs are identified by name,
/// because then they do not matter.
///
/// # Errors
/// The state cannot be read.
pub fn source_identities(
    sources: &[Source],
    destination: &Destination,
    snapshot: &Snapshot,
    identity: Identity,
) -> Result<Option<SourceIdentities>, Error> {
    if identity == Identity::Name {
        return Ok(None);
    }
    let known = KnownSources::read(destination, snapshot)?;
    let conflict = known.check(sources, destination).err();
    Ok(Some(SourceIdentities { records: known.with(sources), conflict }))
}

/// Returns the sources in a log record; empty if its version did not record them.
pub fn sources_of(log: &LogRecord) -> Vec<Source> {
    log.sources.iter().flatten().filter_map(restored).collect()
}

/// The sources of a table, each with one identity; the source that was read last is at the end.
#[derive(Clone, Debug, Default)]
struct KnownSources {
    sources: Vec<Source>,
}

impl KnownSources {
    /// Reads the sources of the last epochs.
    ///
    /// # Errors
    /// The state cannot be read. Damaged records and plans of old epochs are ignored here; `verify` reports them.
    fn read(destination: &Destination, snapshot: &Snapshot) -> Result<Self, Error> {
        let state = destination.state();
        let mut from_plans: Vec<Vec<Source>> = Vec::new();
        let mut known = Self::default();
        let last = snapshot.last_epoch();
        for epoch in (1..=last).rev().take(MAX_EPOCHS_READ) {
            let if_sound = |result| match result {
                Err(error) if Error::is_state_fault(&error) => Ok(None),
                result => result.map(Some),
            };
            let log: Option<Stored<LogRecord>> = match (&snapshot.last, &snapshot.table) {
                (Some(log), _) if log.epoch == epoch => Some(log.clone()),
                (_, Some(table)) => if_sound(read_log(state, table, epoch))?,
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
        // The oldest first, because sources that were read later replace earlier ones.
        for source in from_plans.into_iter().rev().flatten() {
            known.add(source);
        }
        Ok(known)
    }

    /// Checks that each known source has the same identity as before.
    ///
    /// # Errors
    /// [`Error::OtherIdentity`]: all logs in a source would be new.
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

    /// Returns the known source that gives `source`, or a part of it, another identity, if there is one.
    fn known_as_another(&self, source: &Source) -> Option<&Source> {
        // The innermost known source around it decides, because an operator may have changed its identity on purpose.
        let around = self.sources.iter().filter(|known| known.holds_source(source));
        let innermost = around.max_by_key(|known| known.place_text().len());
        let within = || {
            // Starts with the source that was read last, because the operator probably means that one.
            let mut others = self.sources.iter().rev().filter(|known| !known.holds_source(source));
            others.find(|known| is_another(known, source))
        };
        innermost.filter(|known| is_another(known, source)).or_else(within)
    }

    /// Returns the record of these sources in addition to the known ones.
    fn with(mut self, sources: &[Source]) -> Vec<SourceRecord> {
        for source in sources {
            self.add(source.clone());
        }
        self.sources.iter().map(record).collect()
    }

    /// Adds a source. Known sources inside of it are removed, and so are known sources with another identity, except
    /// one around it, which keeps its identity for the rest of its logs.
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

/// Returns whether a log in both sources would have two identities.
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
    fn a_source_inside_a_known_one_is_known() {
        let mut known = KnownSources::default();
        for place in ["file:///logs/a", "file:///logs/b", "file:///other", "file:///logs", "file:///logs/c"] {
            known.add(source(place, None));
        }
        assert_eq!(texts(known), ["file:///other None", "file:///logs None"]);
    }

    #[test]
    fn a_new_identity_replaces_the_one_before() {
        let mut known = KnownSources::default();
        known.add(source("file:///logs/a", None));
        known.add(source("file:///other", None));
        known.add(source("file:///logs", Some("archive")));
        assert_eq!(texts(known), ["file:///other None", "file:///logs Some(\"archive\")"]);
    }

    #[test]
    fn a_source_keeps_its_identity_if_a_part_of_it_gets_another_one() {
        let mut known = KnownSources::default();
        known.add(source("file:///logs", None));
        known.add(source("file:///logs/g", Some("g")));
        assert!(known.known_as_another(&source("file:///logs/f", Some("y"))).is_some());
        assert!(known.known_as_another(&source("file:///logs/f", None)).is_none());
        assert!(known.known_as_another(&source("file:///logs/g", Some("g"))).is_none());
        assert!(known.known_as_another(&source("file:///logs/g", None)).is_some());
        assert!(known.known_as_another(&source("file:///logs", None)).is_some(), "a part of it has another identity");
        known.add(source("file:///logs/f", None));
        assert_eq!(texts(known), ["file:///logs/g Some(\"g\")", "file:///logs None"]);
    }

    #[test]
    fn sources_that_were_read_last_are_kept() {
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
