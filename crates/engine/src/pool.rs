//! The pool of threads that compute.
//!
//! Work that computes (judging, decoding, encoding a column) is a leaf job on the pool: a job never waits for another
//! one, so the pool is never idle while there is work. A coordinator thread drives one task: it reads bytes, gives jobs
//! to the pool and waits for their results.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use lakefront_storage::thread_limits;
use lakefront_table::encode::{ColumnEncoder, ColumnRunner};

use crate::{
    Error,
    current_task::{current_task, within_task},
    resources::OTHER_THREADS,
};

/// The threads that compute.
#[derive(Debug)]
pub struct Pool {
    threads: rayon::ThreadPool,
}

/// Time between attempts to start threads, because the system counts ended threads for a moment: 10 ms.
const WAIT_FOR_ENDED: Duration = Duration::from_millis(10);
/// Largest number of such waits.
const MAX_WAITS: usize = 200;

/// The future result of a job on the pool.
#[derive(Debug)]
pub struct Pending<T> {
    receiver: mpsc::Receiver<thread::Result<T>>,
}

impl<T> Pending<T> {
    /// Waits for the result.
    ///
    /// # Panics
    /// The job panicked: its panic is passed on.
    pub fn wait(self) -> T {
        match self.receiver.recv().expect("a job sends its result or its panic") {
            Ok(result) => result,
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl Pool {
    /// Starts a pool of this many threads, or of fewer if the system does not allow that number.
    ///
    /// # Errors
    /// [`Error::Threads`]: not even one thread can be started.
    pub fn try_new(threads: usize) -> Result<Self, Error> {
        let (mut count, mut waits) = (threads, MAX_WAITS);
        loop {
            let mut started = Vec::with_capacity(count);
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(count)
                .thread_name(|index| format!("worker-{index}"))
                .spawn_handler(|thread| {
                    let name = thread.name().expect("each thread of the pool has a name").to_owned();
                    started.push(thread::Builder::new().name(name).spawn(|| thread.run())?);
                    Ok(())
                })
                .build();
            let source = match pool {
                Ok(threads) => return Ok(Self { threads }),
                Err(source) => source,
            };
            let could_start = started.len();
            // These threads end because the pool was not built, but count towards the limit until then.
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
            tracing::warn!("cannot start {count} threads; using {fewer}: {source}; limits are {}", thread_limits());
            count = fewer;
        }
    }

    /// Returns the number of threads: fewer than requested if some could not be started.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Starts a job. It counts as a part of the task that the calling thread works on.
    pub fn start<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Pending<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let task = current_task();
        self.threads.spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| within_task(task, job)));
            // Ignore: nobody waits for the result if the run is stopping.
            let _ = sender.send(result);
        });
        Pending { receiver }
    }
}

impl ColumnRunner for Pool {
    /// Encodes columns in parallel; the caller must not be a thread of the pool.
    fn run(
        &self,
        columns: &mut [ColumnEncoder],
        job: &(dyn Fn(usize, &mut ColumnEncoder) -> Result<(), lakefront_table::Error> + Sync),
    ) -> Result<(), lakefront_table::Error> {
        let errors = Mutex::new(BTreeMap::new());
        let task = current_task();
        self.threads.in_place_scope(|scope| {
            for (index, column) in columns.iter_mut().enumerate() {
                let (errors, task) = (&errors, task.clone());
                scope.spawn(move |_| {
                    if let Err(error) = within_task(task, || job(index, column)) {
                        errors.lock().unwrap_or_else(PoisonError::into_inner).insert(index, error);
                    }
                });
            }
        });
        let errors = errors.into_inner().unwrap_or_else(PoisonError::into_inner);
        errors.into_values().next().map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_job_is_passed_on_to_the_waiting_thread() {
        let pool = Pool::try_new(1).unwrap();
        let dead: Pending<()> = pool.start(|| panic!("on purpose"));
        let result = catch_unwind(AssertUnwindSafe(|| dead.wait()));
        assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"));
        assert_eq!(pool.start(|| 7).wait(), 7);
    }

    #[test]
    fn a_job_belongs_to_the_task_of_the_thread_that_starts_it() {
        let pool = Pool::try_new(1).unwrap();
        let named = within_task(Some("task 7".into()), || pool.start(current_task).wait());
        assert_eq!(named.as_deref(), Some("task 7"));
        assert_eq!(pool.start(current_task).wait(), None);
    }
}
