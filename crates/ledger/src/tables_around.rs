//! Finds the lakefront table or state that a folder is or is inside of, with a few lookups for a folder of any size.
//!
//! ```text
//!   lake/cf_logs                  its state has a table record: lake/cf_logs.lakefront/table.json
//!   lake/cf_logs.lakefront        has a table record itself; its name may be any
//!   copy/cf_logs                  no state next to it, but data files: year=2025/.../part-0000000001-00000-000.parquet
//!   lake/cf_logs/year=2025, lake/cf_logs.lakefront/quarantine          are inside of one of them
//! ```
//!
//! A folder that only contains a table somewhere below it does not count.

use lakefront_schema::layout::task_of_data_file;
use lakefront_storage::{Connections, Folder};

use crate::{
    Destination, Error, paths,
    read_record::looks_like_table,
    table_location::{STATE_ENDING, state_of},
};

/// Beginning of the name of a partition folder directly below a table.
const PARTITION_START: &str = "year=";

/// A table or a state.
pub struct TableAround {
    /// The folder.
    pub folder: Folder,
    /// Whether it is a state.
    pub is_state: bool,
}

/// Returns the table or the state that a source's folder is or is inside of, if any. The state of `destination` does
/// not mark the folder next to it as a table.
///
/// # Errors
/// A lookup failed.
pub fn find(
    folder: &Folder,
    connections: &Connections,
    destination: &Destination,
) -> Result<Option<TableAround>, Error> {
    // The folder itself is checked first: folders above it may not be readable.
    if is_record(folder, connections)? {
        return Ok(Some(TableAround { folder: folder.clone(), is_state: true }));
    }
    let folders: Vec<Folder> = std::iter::once(folder.clone()).chain(folder.ancestors()).collect();
    let names: Vec<String> = folders.iter().map(|folder| folder.name().unwrap_or_default()).collect();
    let is_partition = names.iter().any(|name| name.starts_with(PARTITION_START));
    let start = if is_partition { "" } else { PARTITION_START };
    if folder.any_file(start, &is_data_file, connections).map_err(Error::storage)?.is_some() {
        let outermost = names.iter().rposition(|name| name.starts_with(PARTITION_START));
        let table = outermost.map_or(Some(folder), |partition| folders.get(partition + 1));
        return Ok(Some(TableAround { folder: table.unwrap_or(folder).clone(), is_state: false }));
    }
    for (place, around) in folders.iter().enumerate() {
        let is_state = place > 0 && names.get(place).is_some_and(|name| name.ends_with(STATE_ENDING));
        if is_state && is_record(around, connections)? {
            return Ok(Some(TableAround { folder: around.clone(), is_state: true }));
        }
        let below = place.checked_sub(1).and_then(|below| names.get(below));
        if below.is_some_and(|name| !name.starts_with(PARTITION_START)) {
            continue;
        }
        let Ok(state) = state_of(around) else { continue };
        if !destination.has_state_at(&state) && is_record(&state, connections)? {
            return Ok(Some(TableAround { folder: around.clone(), is_state: false }));
        }
    }
    Ok(None)
}

/// Returns the table or the state that a new folder for a table or a state would be inside of, if any.
///
/// A folder that cannot be read counts as neither: permissions for folders above are often missing on the local disk,
/// and mostly end at one prefix in buckets, so the search stops there.
pub fn around(folder: &Folder, connections: &Connections) -> Option<TableAround> {
    for around in folder.ancestors() {
        match mark_of(&around, connections) {
            Ok(None) => {}
            Ok(Some(is_state)) => return Some(TableAround { folder: around, is_state }),
            Err(_) if matches!(around, Folder::Local(_)) => {}
            Err(_) => break,
        }
    }
    None
}

/// Returns whether a folder itself has data files of a table, in partition folders directly below it.
///
/// # Errors
/// The folder cannot be read.
pub fn has_data_files(folder: &Folder, connections: &Connections) -> Result<bool, Error> {
    let is_ours = |name: &str| task_of_data_file(name).is_some();
    let found = folder.any_file(PARTITION_START, &is_ours, connections);
    Ok(found.map_err(Error::storage)?.is_some())
}

/// Returns whether a folder itself is a state (`true`) or a table (`false`); `None` if it is neither.
fn mark_of(folder: &Folder, connections: &Connections) -> Result<Option<bool>, Error> {
    // A damaged record marks a state as well, if the folder has a state's name.
    let is_named_so = folder.name().is_some_and(|name| name.ends_with(STATE_ENDING));
    let is_state = if is_named_so { has_record(folder, connections) } else { is_record(folder, connections) };
    // The state of a folder that cannot be listed may still be readable.
    let is_table = || has_data_files(folder, connections);
    let has_state = || state_of(folder).map_or(Ok(false), |state| has_record(&state, connections));
    if is_state? {
        Ok(Some(true))
    } else if has_state()? || is_table()? {
        Ok(Some(false))
    } else {
        Ok(None)
    }
}

/// Returns whether this folder has a file with the name of a table's record.
fn has_record(folder: &Folder, connections: &Connections) -> Result<bool, Error> {
    Ok(folder.read_small(paths::TABLE, connections).map_err(Error::storage)?.is_some())
}

/// Returns whether this folder has the record of a state, of any version.
fn is_record(folder: &Folder, connections: &Connections) -> Result<bool, Error> {
    let bytes = folder.read_small(paths::TABLE, connections).map_err(Error::storage)?;
    Ok(bytes.is_some_and(|bytes| looks_like_table(&bytes)))
}

/// Returns whether the last part of a name is that of a data file: `part-0000000001-00000-000.parquet`.
fn is_data_file(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let Some(numbers) = file.strip_prefix("part-").and_then(|rest| rest.strip_suffix(".parquet")) else { return false };
    let is_number = |number: &str| number.bytes().all(|byte| byte.is_ascii_digit());
    let digits: Vec<usize> = numbers.split('-').filter(|number| is_number(number)).map(str::len).collect();
    numbers.split('-').count() == 3
        && matches!(digits.as_slice(), [epoch, task, file] if *epoch >= 10 && *task >= 5 && *file >= 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_lakefront_data_files_mark_a_table() {
        for (name, is) in [
            ("year=2025/month=01/part-0000000001-00000-000.parquet", true),
            ("part-0000000001-00000-000.parquet", true),
            ("year=2025/part-00000-3c1a.snappy.parquet", false),
            ("year=2025/part-00000-00000-000.parquet", false),
            ("year=2025/month=01/day=02/E1EXAMPLE.2025-01-02-03.a.gz", false),
            ("year=2025/part-0000000001-00000-000-7.parquet", false),
            ("part-0000000001-00000-000.parquet.gz", false),
        ] {
            assert_eq!(is_data_file(name), is, "{name}");
        }
    }
}
