//! Calls to a library that may panic on damaged data: such a panic is a verdict on the object, and not a bug of this program.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether a panic of this thread would be caught as a verdict on an object, so that nothing is to be said of it.
pub fn is_guarded() -> bool {
    IS_GUARDED.get()
}

/// Calls `work`; `None` if it panics. What it works on is not used after that.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    IS_GUARDED.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    IS_GUARDED.set(false);
    result.ok()
}
