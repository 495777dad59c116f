//! Removes objects that runs left and that are not needed: temporary files, and plans that never became an epoch.

use std::{collections::BTreeMap, time::Duration};

use lakefront_storage::Store;

use crate::{Error, paths, records::TableRecord, seal::Stored, snapshot::read_log};

/// Time for which a plan that lost its claim is kept, so that the reason can be found out: 7 days.
const PLAN_KEPT: Duration = Duration::from_hours(7 * 24);

/// Removes these objects. Temporary files are removed only if this run `locks` the state: otherwise they may be another
/// run's.
///
/// # Errors
/// They cannot be listed or removed. The caller only reports that, because nothing depends on it.
pub fn remove_leftovers(state: &Store, table: &Stored<TableRecord>, last_epoch: u64, locks: bool) -> Result<(), Error> {
    if locks {
        state.sweep().map_err(Error::storage)?;
    }
    let mut plans: BTreeMap<u64, Vec<(String, i64)>> = BTreeMap::new();
    for entry in state.list(paths::PLAN).map_err(Error::storage)? {
        if let Some((epoch, _)) = paths::epoch_of_plan(&entry.name) {
            plans.entry(epoch).or_default().push((entry.name.clone(), entry.modified_ms));
        }
    }
    // One plan of a decided epoch is the epoch's own. Plans of the next epoch may still be claimed at any time.
    plans.retain(|epoch, plans| *epoch <= last_epoch && plans.len() > 1);
    if plans.is_empty() {
        return Ok(());
    }
    let kept_ms = i64::try_from(PLAN_KEPT.as_millis()).expect("seven days are few milliseconds");
    let kept_since_ms = state.clock_ms().map_err(Error::storage)?.saturating_sub(kept_ms);
    for (epoch, plans) in plans {
        let own = read_log(state, table, epoch)?.into_record().plan.name;
        for (name, modified_ms) in plans {
            if modified_ms < kept_since_ms && name != own {
                state.delete(&name).map_err(Error::storage)?;
            }
        }
    }
    Ok(())
}
