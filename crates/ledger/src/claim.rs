//! The decision: the plan of this run becomes the table's next epoch, or another run's plan did.
//!
//! ```text
//! plan/E-<nonce>   written first: has no effect until the log names it
//! log/E.json       created if absent: the run whose nonce it has made the decision
//! ```

use lakefront_storage::Store;

use crate::{
    Destination, Error, create_once, hash, paths, read_record,
    records::{Digest, LogRecord, TableRecord},
    seal::{Record as _, Stored},
};

/// Number of times that a claim is tried while there is no log record of the epoch.
const TRIES: usize = 3;

/// Result of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// This run made the decision, and executes the plan.
    Ours,
    /// Another run made the decision: the snapshot of this run is out of date.
    Lost,
}

/// Creates the table's record, and checks that the store creates a name only once. Called while the log is empty.
///
/// # Errors
/// The run must stop: [`Error::NoConditions`], or the record cannot be written.
pub fn create_table_record(
    destination: &Destination,
    record: &Stored<TableRecord>,
) -> Result<Stored<TableRecord>, Error> {
    let state = destination.state();
    let created = match state.put_if_absent(paths::TABLE, &record.to_bytes()) {
        Ok(()) => record.clone(),
        Err(error) => match read_record::read_table(state)? {
            Some(found) => found,
            None => return Err(Error::storage(error)),
        },
    };
    probe(destination, &created)?;
    Ok(created)
}

/// Creates the table record again, which must fail: otherwise two runs could both make the decision.
///
/// # Errors
/// [`Error::NoConditions`].
pub fn probe(destination: &Destination, record: &Stored<TableRecord>) -> Result<(), Error> {
    if record.single_writer {
        return create_once::secure(destination.state(), paths::TABLE);
    }
    match destination.state().put_if_absent(paths::TABLE, &record.to_bytes()) {
        Ok(()) => Err(Error::NoConditions { location: destination.state().location("") }),
        Err(error) if error.is_already_exists() => Ok(()),
        Err(error) => Err(Error::storage(error)),
    }
}

/// Stores the plan and claims the epoch.
///
/// # Errors
/// The run must stop: the decision could not be made, or it is unknown whether it was made.
pub fn claim(state: &Store, mut record: LogRecord, plan: &[u8]) -> Result<(Claim, Stored<LogRecord>), Error> {
    let plan_name = paths::plan(record.epoch, &record.nonce);
    create_once::create(state, &plan_name, plan)?;
    record.plan = Digest { name: plan_name, bytes: plan.len() as u64, sha256: hash::sha256(plan) };
    let name = paths::log(record.epoch);
    let record = Stored::of(record);
    let bytes = record.to_bytes();
    let mut tries = 1;
    loop {
        let Err(error) = state.put_if_absent(&name, &bytes) else { return Ok((Claim::Ours, record)) };
        // The reply may be lost, or be the reply to a repeated request: the nonce in the record decides.
        match read_record::read_if_there::<LogRecord>(state, &name)? {
            // Our own record counts once it survives a power loss.
            Some(found) if found.nonce == record.nonce => {
                create_once::secure(state, &name)?;
                return Ok((Claim::Ours, record));
            }
            Some(_) => return Ok((Claim::Lost, record)),
            None if tries < TRIES => tries += 1,
            None => return Err(Error::storage(error)),
        }
    }
}

/// Returns a text that no other claim has. The run that finds its own in the log record made the decision.
pub fn nonce(run_id: &str, epoch: u64, attempt: u64) -> String {
    let mut digits = hash::sha256(format!("{run_id}\n{epoch}\n{attempt}").as_bytes());
    digits.truncate(32);
    digits
}
