//! Verifies the objects of tasks other than commits: quarantines, lists of lost inputs, and objects that belong to no
//! epoch.

use std::collections::BTreeMap;

use crate::{Error, verify::Check};
use lakefront_engine::quarantine::{HEADER_BYTES, is_of_log};
use lakefront_ledger::{
    FOREIGN,
    commit::read_gone,
    create_once,
    hash::FileHash,
    paths,
    plan::Task,
    records::{CommitRecord, GoneRecord, InputOutcome, LogRecord},
    seal::Stored,
};

impl Check<'_> {
    /// Checks that the quarantine of a committed task has all entries of the task.
    pub(super) fn quarantine(&mut self, task: &Task, commit: &CommitRecord, entries: u64) -> Result<(), Error> {
        let state = self.destination.state();
        let name = paths::quarantine(task.id);
        let location = state.location(&name);
        let recorded = commit.quarantine.as_ref().map_or(0, |quarantine| quarantine.entries);
        if recorded != entries {
            let what = format!("has {recorded} entries, and its task {entries} rejects and failed objects");
            self.fault("I7", location.clone(), what);
        }
        let Some(quarantine) = &commit.quarantine else { return Ok(()) };
        match self.quarantines.get(&name).copied() {
            None => self.fault("I6", location, "is missing".to_owned()),
            Some(bytes) if bytes != quarantine.bytes => {
                self.fault("I6", location, format!("has {bytes} bytes, and {} were stored", quarantine.bytes));
            }
            Some(_) if self.options.deep => {
                let hash = FileHash::Sha256(quarantine.sha256.clone());
                if !create_once::holds(state, &name, quarantine.bytes, &hash).map_err(Error::storage)? {
                    self.fault("I6", location, "holds other bytes than were stored".to_owned());
                }
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Checks that objects of tasks that are not committed were written for this epoch.
    pub(super) fn uncommitted(
        &mut self,
        log: &Stored<LogRecord>,
        tasks: &[Task],
        commits: &BTreeMap<u32, CommitRecord>,
    ) -> Result<(), Error> {
        if commits.len() == tasks.len() {
            return Ok(());
        }
        let state = self.destination.state();
        for task in tasks.iter().filter(|task| !commits.contains_key(&task.id.task)) {
            self.lost_inputs(log, task)?;
            let quarantine = paths::quarantine(task.id);
            if self.quarantines.contains_key(&quarantine) {
                let beginning = state.read_range(&quarantine, 0..HEADER_BYTES).map_err(Error::storage)?;
                if !is_of_log(&beginning, log) {
                    let what = "was not written for the log record of its epoch".to_owned();
                    self.fault("I2", state.location(&quarantine), what);
                }
            }
        }
        Ok(())
    }

    /// Checks that the list of lost inputs is the task's. A missing list is not a fault: it is not needed after the
    /// commit.
    pub(super) fn gone(&mut self, log: &Stored<LogRecord>, task: &Task, commit: &CommitRecord) -> Result<(), Error> {
        let Some(gone) = self.lost_inputs(log, task)? else { return Ok(()) };
        let words = commit.inputs.iter().map(InputOutcome::word).enumerate();
        let lost = words.filter(|(_, word)| word.is_lost());
        if !gone.inputs.iter().map(|gone| (gone.input, gone.how)).eq(lost) {
            let what = "names other inputs than those that its task was committed without".to_owned();
            self.fault("I2", self.destination.state().location(&paths::gone(task.id)), what);
        }
        Ok(())
    }

    /// Returns the list of a task's lost inputs, if it exists and is sound. Verification does not need it, so damage is
    /// reported as a fault, and verification continues.
    fn lost_inputs(&mut self, log: &Stored<LogRecord>, task: &Task) -> Result<Option<GoneRecord>, Error> {
        let state = self.destination.state();
        match read_gone(state, log, task) {
            Err(error) => match error.fault() {
                Some(what) => {
                    self.fault("I2", state.location(&paths::gone(task.id)), what);
                    Ok(None)
                }
                None => Err(error.into()),
            },
            Ok(record) => Ok(record),
        }
    }

    /// Reports objects of epochs that the log does not have: a log record was lost.
    pub(super) fn ahead_of_log(&mut self, last_epoch: u64) -> Result<(), Error> {
        let state = self.destination.state();
        for folder in paths::BELOW_EPOCHS {
            for entry in state.list(folder).map_err(Error::storage)? {
                let what = match paths::epoch_of_task(&entry.name) {
                    Some(epoch) if epoch > last_epoch => {
                        format!("is of epoch {epoch}, which the log does not have: `{}` may be lost", paths::log(epoch))
                    }
                    Some(_) => continue,
                    None => FOREIGN.to_owned(),
                };
                self.fault("I2", state.location(&entry.name), what);
            }
        }
        Ok(())
    }
}
