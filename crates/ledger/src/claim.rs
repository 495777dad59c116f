//! The decision: a plan becomes the table's next epoch, or somebody else's did.
//!
//! ```text
//! plan/E-<nonce>   written first: harmless while nothing speaks of it
//! log/E.json       created if absent: whoever's nonce it holds has decided
//! ```

use lakefront_storage::Store;

use crate::{
    Destination, Error, create_once, paths, read_record,
    records::{Digest, LogRecord, TableRecord},
    seal::{Record as _, Stored},
};

/// How often a claim is tried while the log record is neither ours nor another's.
const TRIES: usize = 3;

/// Who decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// We did: the plan is to be carried out.
    Ours,
    /// Another run did: what we know of the table is out of date.
    Lost,
}

/// Makes the table known, and sees that the store creates a name once only. Done while the log is empty.
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

/// Creates the table record once more, which has to fail: else two runs could both decide.
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
/// The run must stop: nobody can tell whether the decision was made, or it could not be.
pub fn claim(state: &Store, mut record: LogRecord, plan: &[u8]) -> Result<(Claim, Stored<LogRecord>), Error> {
    let plan_name = paths::plan(record.epoch, &record.nonce);
    create_once::create(state, &plan_name, plan)?;
    record.plan = Digest { name: plan_name, bytes: plan.len() as u64, sha256: create_once::sha256(plan) };
    let name = paths::log(record.epoch);
    let record = Stored::of(record);
    let bytes = record.to_bytes();
    let mut tries = 1;
    loop {
        let Err(error) = state.put_if_absent(&name, &bytes) else { return Ok((Claim::Ours, record)) };
        // The reply may be lost, or be that of a second try: the record itself says whose it is.
        match read_record::read_if_there::<LogRecord>(state, &name)? {
            // Ours is what we go by once it outlives a power loss.
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

/// A text that no other claim has: whoever finds it in the log has won.
pub fn nonce(run_id: &str, epoch: u64, attempt: u64) -> String {
    let mut digits = create_once::sha256(format!("{run_id}\n{epoch}\n{attempt}").as_bytes());
    digits.truncate(32);
    digits
}
