//! Threads and memory of a run, and the limits of this process (`ulimit`) for them.

use lakefront_storage::{address_limit_bytes, open_files_left};

use crate::Error;

/// Memory in bytes that the program needs in addition to tasks: rules for user agents, their automata, listing and
/// plan. 128 MiB.
pub const BASE_MEMORY_BYTES: u64 = 128 << 20;
/// Memory in bytes of a task while it is decoded and encoded: text, columns and open row groups. 128 MiB.
pub const TASK_MEMORY_BYTES: u64 = 128 << 20;
/// Number of active tasks for each task that is decoded and encoded: the others wait for a store.
pub(crate) const TASKS_PER_SLOT: usize = 4;

/// Number of files that a thread, and the tasks that wait for it, have open at the same time on local disk.
const FILES_OF_A_THREAD: u64 = 3;
/// Number of open files reserved for everything else: the lock, the lease, a listing.
const FILES_KEPT: u64 = 16;
/// Number of threads reserved in addition to the pool if threads are limited: two for stores, and one for the lease.
pub(crate) const OTHER_THREADS: usize = 3;
/// Address space in bytes that a thread takes in addition to the memory that is counted: its stack, and its arena of
/// the allocator.
const THREAD_ADDRESS_BYTES: u64 = 66 << 20;

/// Returns the number of tasks that may be decoded and encoded at the same time: `threads + 1`, because a task
/// sometimes waits for the disk; fewer if memory is limited.
///
/// # Errors
/// [`Error::Memory`]: not even one.
pub fn slots(threads: usize, memory_bytes: u64) -> Result<usize, Error> {
    let for_tasks = memory_bytes.saturating_sub(BASE_MEMORY_BYTES) / TASK_MEMORY_BYTES;
    match usize::try_from(for_tasks).map_or(threads + 1, |for_tasks| for_tasks.min(threads + 1)) {
        0 => Err(Error::Memory { memory_bytes, least_bytes: BASE_MEMORY_BYTES + TASK_MEMORY_BYTES }),
        slots => Ok(slots),
    }
}

/// Returns the memory in bytes for this many threads: [`BASE_MEMORY_BYTES`] + [`TASK_MEMORY_BYTES`] x (threads + 1).
pub fn default_memory_bytes(threads: usize) -> u64 {
    BASE_MEMORY_BYTES + TASK_MEMORY_BYTES * (threads as u64 + 1)
}

/// Threads and memory of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resources {
    /// Number of threads that compute.
    pub threads: usize,
    /// Largest memory of the run, in bytes.
    pub memory_bytes: u64,
}

impl Resources {
    /// Returns the threads and memory that fit into the limits of this process; at most `self`.
    ///
    /// # Errors
    /// Not even one thread fits.
    pub fn within_limits(self) -> Result<Self, Error> {
        self.within_open_files().within_addresses()
    }

    fn within_open_files(self) -> Self {
        let left = open_files_left();
        let fitting = (left.saturating_sub(FILES_KEPT) / FILES_OF_A_THREAD).max(1);
        let requested = self.threads.max(1);
        match usize::try_from(fitting) {
            Ok(fitting) if fitting < requested => {
                tracing::warn!(
                    "{left} more open files (`ulimit -n`) are too few for {requested} threads; using {fitting}"
                );
                Self { threads: fitting, ..self }
            }
            _ => self,
        }
    }

    fn within_addresses(self) -> Result<Self, Error> {
        let requested = Self { threads: self.threads.max(1), ..self };
        let fewer = (1..requested.threads).rev();
        let fewer = fewer.map(|threads| Self { threads, memory_bytes: default_memory_bytes(threads) });
        let least = Self { threads: 1, memory_bytes: BASE_MEMORY_BYTES + TASK_MEMORY_BYTES };
        let choices = std::iter::once(requested).chain(fewer).chain(std::iter::once(least)).map(|choice| {
            let memory_bytes = choice.memory_bytes.min(requested.memory_bytes);
            let coordinators = match slots(choice.threads, memory_bytes) {
                Ok(slots) if slots > 1 => slots * TASKS_PER_SLOT,
                _ => 0,
            };
            let needed_bytes = address_bytes(memory_bytes, choice.threads + coordinators);
            (Self { memory_bytes, ..choice }, needed_bytes)
        });
        let fitting = first_within_addresses(choices)?.expect("there is a choice");
        if fitting.threads < requested.threads || fitting.memory_bytes < requested.memory_bytes {
            tracing::warn!(
                "{} threads and {} bytes of memory do not fit into `ulimit -v`; using {} threads and {} bytes",
                requested.threads,
                requested.memory_bytes,
                fitting.threads,
                fitting.memory_bytes
            );
        }
        Ok(fitting)
    }
}

/// Returns the address space in bytes that a process with this much memory and this many threads needs, without that of
/// its program. With less, a thread may fail to start, and any failed allocation ends the process.
pub fn address_bytes(memory_bytes: u64, threads: usize) -> u64 {
    memory_bytes.saturating_add((threads + OTHER_THREADS) as u64 * THREAD_ADDRESS_BYTES)
}

/// Returns the first of these choices, each with the address space that it needs, that fits into the limit of this
/// process (`ulimit -v`).
///
/// # Errors
/// [`Error::Addresses`]: not even the last one fits.
pub fn first_within_addresses<T>(mut choices: impl Iterator<Item = (T, u64)>) -> Result<Option<T>, Error> {
    let Some(limit_bytes) = address_limit_bytes() else { return Ok(choices.next().map(|(choice, _)| choice)) };
    let mut least_bytes = 0;
    for (choice, needed_bytes) in choices {
        if needed_bytes <= limit_bytes {
            return Ok(Some(choice));
        }
        least_bytes = needed_bytes;
    }
    Err(Error::Addresses { limit_kib: limit_bytes / 1024, least_kib: least_bytes.div_ceil(1024) })
}
