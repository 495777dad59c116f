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
};

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

/// The threads that compute.
#[derive(Debug)]
pub(crate) struct Pool {
    threads: rayon::ThreadPool,
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
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|index| format!("worker-{index}"))
            // The job's receiver hears of it: the process must not end before what is stored is told.
            .panic_handler(|_| {})
            .build();
        pool.map(|threads| Self { threads }).map_err(|source| Error::Threads { threads, source })
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

/// Does the same with each of these, some at once, and gives what came of it, in their order. For what waits for a store: what
/// computes belongs on the pool.
pub(crate) fn side_by_side<T: Send, R: Send>(
    items: impl IntoIterator<Item = T>,
    at_once: usize,
    job: impl Fn(T) -> Result<R, Error> + Sync,
) -> Vec<Result<R, Error>> {
    let mut items = items.into_iter();
    let mut results = Vec::new();
    while let Some(first) = items.next() {
        let others: Vec<T> = items.by_ref().take(at_once.saturating_sub(1)).collect();
        let of_these: Vec<Result<R, Error>> = thread::scope(|scope| {
            let beside: Vec<_> = others.into_iter().map(|item| scope.spawn(|| job(item))).collect();
            let first = job(first);
            let beside = beside.into_iter().map(|job| job.join().unwrap_or(Err(Error::Worker)));
            std::iter::once(first).chain(beside).collect()
        });
        // What comes behind an error would not be told.
        let has_failed = of_these.iter().any(Result::is_err);
        results.extend(of_these);
        if has_failed {
            break;
        }
    }
    results
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
