//! The only threads: a pool that computes, and coordinators that wait for it.
//!
//! Work that computes (judging, decoding, encoding a column) is a leaf job on the pool: no job waits for another one, so
//! the pool never stands still while there is work. A coordinator drives one task: it reads bytes, hands jobs to the pool
//! and waits for what comes back.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use lakefront_storage::{address_limit_bytes, thread_limits};
use lakefront_table::encode::{ColumnEncoder, ColumnRunner};

use crate::Error;

/// Asks a run to stop, from any thread or a signal handler.
#[derive(Debug, Default)]
pub struct Stop {
    is_asked: AtomicBool,
}

impl Stop {
    /// Asks.
    pub fn ask(&self) {
        self.is_asked.store(true, Ordering::SeqCst);
    }

    /// Was it asked?
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }

    /// [`Error::Stopped`] once it was asked.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_asked() { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// Number of threads reserved beside the pool if threads are limited: two for stores, and one that renews the lease.
const OTHER_THREADS: usize = 3;

/// The threads that compute.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: rayon::ThreadPool,
}

/// Time between attempts to start threads, as the system counts ended threads for a moment.
const WAIT_FOR_ENDED: Duration = Duration::from_millis(10);
/// Number of such waits.
const MAX_WAITS: usize = 200;
/// Address space in bytes that a thread takes beside the memory that is counted: its stack, and its arena of the
/// allocator.
const THREAD_ADDRESS_BYTES: u64 = 66 << 20;

/// Returns the address space in bytes that a process with this much memory and this many threads needs, without that of
/// its program. If there is less, not only may a thread fail to start: any failed allocation ends the process.
pub(crate) fn address_bytes(memory_bytes: u64, threads: usize) -> u64 {
    memory_bytes + (threads + OTHER_THREADS) as u64 * THREAD_ADDRESS_BYTES
}

/// Returns the first of these choices, each with the address space that it needs, that fits into the limit of this
/// process (`ulimit -v`).
///
/// # Errors
/// [`Error::Addresses`]: not even the last one fits.
pub(crate) fn first_within_addresses<T>(mut choices: impl Iterator<Item = (T, u64)>) -> Result<Option<T>, Error> {
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

/// What a job on the pool will give.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    receiver: mpsc::Receiver<T>,
}

impl<T> Pending<T> {
    /// Waits for it.
    pub(crate) fn wait(self) -> Result<T, Error> {
        self.receiver.recv().map_err(|_| Error::Worker)
    }
}

impl Pool {
    pub(crate) fn try_new(threads: usize) -> Result<Self, Error> {
        let (mut count, mut waits) = (threads, MAX_WAITS);
        loop {
            let mut started = Vec::with_capacity(count);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(count)
                .thread_name(|index| format!("worker-{index}"))
                // Ignore: the job's receiver gets an error. The process must not end before the results are reported.
                .panic_handler(|_| {})
                .spawn_handler(|thread| {
                    let name = thread.name().unwrap_or_default().to_owned();
                    started.push(thread::Builder::new().name(name).spawn(|| thread.run())?);
                    Ok(())
                })
                .build();
            let source = match pool {
                Ok(threads) => return Ok(Self { threads }),
                Err(source) => source,
            };
            let could_start = started.len();
            // They end as the pool was not built, but count towards the limit until then.
            for thread in started {
                let _ = thread.join();
            }
            if could_start == 0 && (count == threads || waits == 0) {
                return Err(Error::Threads { limits: thread_limits(), source });
            }
            if could_start == 0 {
                // The system counts ended threads for a moment.
                waits -= 1;
                thread::sleep(WAIT_FOR_ENDED);
                continue;
            }
            let fewer = could_start.saturating_sub(OTHER_THREADS).max(1);
            tracing::warn!(
                "{count} threads cannot be started, so {fewer} will do: {source}; limits are {}",
                thread_limits()
            );
            count = fewer;
        }
    }

    /// Number of threads: fewer than requested if some could not be started.
    pub(crate) fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Starts a job.
    pub(crate) fn start<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.threads.spawn(move || {
            // Nobody may be waiting any more: the run is stopping.
            let _ = sender.send(job());
        });
        Pending { receiver }
    }
}

impl ColumnRunner for Pool {
    /// Columns are encoded in parallel; the caller must not be a thread of the pool.
    fn run(
        &self,
        columns: &mut [ColumnEncoder],
        job: &(dyn Fn(usize, &mut ColumnEncoder) -> Result<(), lakefront_table::Error> + Sync),
    ) -> Result<(), lakefront_table::Error> {
        let errors = Mutex::new(BTreeMap::new());
        self.threads.in_place_scope(|scope| {
            for (index, column) in columns.iter_mut().enumerate() {
                let errors = &errors;
                scope.spawn(move |_| {
                    if let Err(error) = job(index, column) {
                        errors.lock().unwrap_or_else(PoisonError::into_inner).insert(index, error);
                    }
                });
            }
        });
        let errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
        errors.into_values().next().map_or(Ok(()), Err)
    }
}

/// Runs a job for each item, some of them concurrently, and returns the results in order. After an error no further job
/// starts. For jobs that wait for a store; those that compute belong on the pool. If a thread cannot be started, fewer
/// jobs run at once.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    at_once: usize,
    job: impl Fn(T) -> Result<R, Error> + Sync,
) -> Vec<Result<R, Error>> {
    let items: Vec<T> = items.into_iter().collect();
    let helpers = at_once.min(items.len()).saturating_sub(1);
    let items = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(BTreeMap::new());
    let has_failed = AtomicBool::new(false);
    let work = || {
        while !has_failed.load(Ordering::Relaxed) {
            let Some((place, item)) = items.lock().unwrap_or_else(PoisonError::into_inner).next() else { break };
            let result = job(item);
            has_failed.fetch_or(result.is_err(), Ordering::Relaxed);
            results.lock().unwrap_or_else(PoisonError::into_inner).insert(place, result);
        }
    };
    let has_died = thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work);
        let helpers: Vec<_> = (0..helpers).map_while(|helper| start(helper).ok()).collect();
        work();
        // Join each: a scope panics if a thread that was not joined panicked.
        helpers.into_iter().map(|helper| helper.join().is_err()).fold(false, |one, other| one | other)
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    if has_died {
        // The dead job's place is not known; no result after the first gap may count.
        let gap = (0..results.len()).find(|place| !results.contains_key(place)).unwrap_or(results.len());
        results.insert(gap, Err(Error::Worker));
    }
    results.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_dies_is_an_error_and_not_the_end() {
        let pool = Pool::try_new(1).unwrap();
        let dead: Pending<()> = pool.start(|| panic!("on purpose"));
        assert!(matches!(dead.wait(), Err(Error::Worker)));
        assert_eq!(pool.start(|| 7).wait().unwrap(), 7);
    }

    #[test]
    fn a_job_that_dies_beside_others_is_an_error_and_not_the_end() {
        let caller = thread::current().id();
        // Two jobs wait for each other, so the other thread runs one of them.
        let both = std::sync::Barrier::new(2);
        let job = |number: usize| {
            if number < 2 {
                both.wait();
            }
            assert_eq!(thread::current().id(), caller, "on purpose");
            Ok(number)
        };
        let results = side_by_side(0..10, 2, job);
        assert_eq!(results.len(), 10);
        assert!(results.into_iter().filter_map(Result::err).all(|error| matches!(error, Error::Worker)));
        let results = side_by_side([2, 3], 1, job);
        assert!(results.into_iter().map(Result::unwrap).eq([2, 3]));
    }

    #[test]
    fn what_is_done_side_by_side_comes_in_order_up_to_the_first_that_failed() {
        for at_once in [1, 3, 100] {
            let doubled = side_by_side(0..10, at_once, |number| Ok(number * 2));
            assert!(doubled.into_iter().map(Result::unwrap).eq((0..20).step_by(2)), "{at_once}");
            let job = |number| if number == 4 { Err(Error::Stopped) } else { Ok(number) };
            let first = side_by_side(0..10, at_once, job).into_iter().collect::<Result<Vec<_>, _>>();
            assert!(matches!(first, Err(Error::Stopped)), "{at_once}");
        }
    }
}
