//! A run's threads and memory in, those that the limits of this process (`ulimit`) allow out.

use lakefront_storage::open_files_left;

use crate::{
    ConvertOptions, Error,
    epoch::COORDINATORS_FOR_A_SEAT,
    options::{BASE_MEMORY_BYTES, TASK_MEMORY_BYTES},
    pool::{address_bytes, first_within_addresses},
};

/// Number of files that a thread, and the tasks that wait for it, have open at once on the local disk.
const FILES_OF_A_THREAD: u64 = 3;
/// Number of open files kept for everything else: the lock, the lease, a listing.
const FILES_KEPT: u64 = 16;

/// Limits the threads of the run to what the open files of this process are enough for.
pub(crate) fn fit_into_open_files(options: &mut ConvertOptions) {
    let left = open_files_left();
    let fitting = usize::try_from(left.saturating_sub(FILES_KEPT) / FILES_OF_A_THREAD).unwrap_or(usize::MAX).max(1);
    let asked = options.threads.max(1);
    if fitting < asked {
        tracing::warn!("{left} more open files (`ulimit -n`) are too few for {asked} threads, so {fitting} will do");
        options.threads = fitting;
    }
}

/// Limits the threads and the memory of the run to what fits into this process's address space.
///
/// # Errors
/// Not even one thread fits.
pub(crate) fn fit_into_addresses(options: &mut ConvertOptions) -> Result<(), Error> {
    let (asked_threads, asked_bytes) = (options.threads.max(1), options.memory_bytes);
    let fewer = (1..asked_threads).rev().map(|threads| (threads, ConvertOptions::default_memory_bytes(threads)));
    let choices = std::iter::once((asked_threads, asked_bytes))
        .chain(fewer)
        .chain(std::iter::once((1, BASE_MEMORY_BYTES + TASK_MEMORY_BYTES)))
        .map(|(threads, memory_bytes)| {
            let choice = ConvertOptions { threads, memory_bytes: memory_bytes.min(asked_bytes), ..options.clone() };
            let coordinators = match choice.tasks_at_once() {
                Ok(tasks) if tasks > 1 => tasks * COORDINATORS_FOR_A_SEAT,
                _ => 0,
            };
            let needed_bytes = address_bytes(choice.memory_bytes, threads + coordinators);
            (choice, needed_bytes)
        });
    let Some(choice) = first_within_addresses(choices)? else { return Ok(()) };
    if choice.threads < asked_threads || choice.memory_bytes < asked_bytes {
        tracing::warn!(
            "{asked_threads} threads and {asked_bytes} bytes of memory do not fit into `ulimit -v`, so {} and {} will do",
            choice.threads,
            choice.memory_bytes
        );
    }
    *options = choice;
    Ok(())
}
