//! Stage 10. Stored objects in, committed task out.
//!
//! ```text
//!   staged data file --put-if-absent--> year=.../part-<epoch>-<task>-<n>.parquet     each once, never replaced
//!   staged quarantine --put-if-absent-> quarantine/<epoch>/<task>.jsonl.gz           last
//! ```
//!
//! A task is committed when all its data files, and then its quarantine, have their names. All inputs were read to their
//! ends before: until then nothing of the task is visible.
//!
//! **Not here yet**: a record of what was committed. A run that stops leaves whole tasks behind, and the next one refuses
//! the table as it is not empty.

use lakefront_table::{PartitionKey, encode::FinishedFile, layout::TaskId};

use crate::{Error, quarantine::Quarantine, staged::StagedFile};

/// A data file of a committed task.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) partition: PartitionKey,
    pub(crate) bytes: u64,
}

/// Gives the files of a task their names.
///
/// # Errors
/// The run must stop; files that have their names already are whole.
pub(crate) fn commit(
    task: TaskId,
    files: Vec<FinishedFile<StagedFile>>,
    quarantine: Quarantine,
) -> Result<Vec<StoredFile>, Error> {
    let mut stored = Vec::with_capacity(files.len());
    for FinishedFile { name, partition, file, .. } in files {
        let bytes = file.put(&name)?;
        stored.push(StoredFile { partition, bytes });
    }
    quarantine.put(&task.quarantine())?;
    Ok(stored)
}
