//! Executes the tasks of an epoch: stages 3 to 9 of each task, the pool of threads, memory.
//!
//! Reading order:
//!
//! 1. `settings`: everything except the inputs that the data files of an epoch depend on.
//! 2. `executor`: takes an epoch and a set of tasks and executes them; today on the threads of this process.
//! 3. `task`: one task, from its objects to its commit; `outcome`: its results.
//! 4. `pool`, `stop`, `resources`: threads, and the limits of this process.
//! 5. `staged_file`, `quarantine`: files that a task writes.
//! 6. `observer`, `progress`: events for the caller.
//!
//! This crate does not list sources, decide about epochs or know flags.

pub mod settings;

pub mod executor;

pub mod outcome;

pub mod observer;

pub mod progress;

mod task;

pub mod pool;

mod stop;

mod current_task;

pub mod resources;

pub mod quarantine;

mod staged_file;

mod error;

pub use current_task::{current_task, within_task};
pub use error::{Advise, Error, brief, message};
pub use settings::Settings;
pub use stop::Stop;
