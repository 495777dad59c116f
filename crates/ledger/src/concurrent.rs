//! Runs jobs that wait for a store, several at the same time.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Runs a job for each item, up to `at_once` of them concurrently, and returns the results in order. After an error no
/// further job starts. For jobs that wait for a store; jobs that compute belong on a pool of threads. If a thread
/// cannot be started, fewer jobs run at the same time.
///
/// # Panics
/// A job panicked: its panic is passed on once the others have ended.
pub fn side_by_side<T: Send, R: Send, E: Send>(
    items: impl IntoIterator<Item = T>,
    at_once: usize,
    job: impl Fn(T) -> Result<R, E> + Sync,
) -> Vec<Result<R, E>> {
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
    thread::scope(|scope| {
        let start = |_| thread::Builder::new().spawn_scoped(scope, work);
        let helpers: Vec<_> = (0..helpers).map_while(|helper| start(helper).ok()).collect();
        work();
        for helper in helpers {
            if let Err(panic) = helper.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_in_a_job_is_passed_on() {
        let job = |number: usize| if number == 3 { panic!("on purpose") } else { Ok::<_, ()>(number) };
        for at_once in [1, 2, 100] {
            let result = std::panic::catch_unwind(|| side_by_side(0..10, at_once, job));
            assert_eq!(result.unwrap_err().downcast_ref::<&str>(), Some(&"on purpose"), "{at_once}");
        }
    }

    #[test]
    fn results_come_in_order_up_to_the_first_error() {
        for at_once in [1, 3, 100] {
            let doubled = side_by_side(0..10, at_once, |number| Ok::<_, ()>(number * 2));
            assert!(doubled.into_iter().map(Result::unwrap).eq((0..20).step_by(2)), "{at_once}");
            let job = |number| if number == 4 { Err("stopped") } else { Ok(number) };
            let first = side_by_side(0..10, at_once, job).into_iter().collect::<Result<Vec<_>, _>>();
            assert_eq!(first, Err("stopped"), "{at_once}");
        }
    }
}
