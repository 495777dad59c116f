//! The current task of a thread, so that the message about a panic can name it.

use std::{cell::RefCell, sync::Arc};

use lakefront_ledger::plan::Task;
use lakefront_storage::Object;

thread_local! {
    static CURRENT: RefCell<Option<Arc<str>>> = const { RefCell::new(None) };
}

/// Returns the task that this thread works on, for a message about a panic in it; `None` outside of tasks.
pub fn current_task() -> Option<Arc<str>> {
    CURRENT.with_borrow(Clone::clone)
}

/// Calls `work` as a part of the task with this name, or outside of tasks for `None`.
pub fn within_task<R>(task: Option<Arc<str>>, work: impl FnOnce() -> R) -> R {
    let _restored = Restored { before: CURRENT.replace(task) };
    work()
}

/// Restores the task of a thread when it is dropped, also by a panic.
struct Restored {
    before: Option<Arc<str>>,
}

impl Drop for Restored {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}

/// Returns the text that names a task.
pub(crate) fn name(task: &Task) -> Arc<str> {
    format!("task {} of epoch {}, whose first object is {}", task.id.task, task.id.epoch, first_object(task)).into()
}

/// Returns the location of a task's first object, printable.
pub(crate) fn first_object(task: &Task) -> String {
    task.inputs.first().map(Object::location).expect("a task has an object")
}
