//! A panic while a task is executed: the run stops and names the task, and the next run makes the table exact.

use std::sync::atomic::{AtomicUsize, Ordering};

use lakefront_operations::progress::{Event, Progress};

use crate::{
    run_driver::{Command, RunRequest},
    simulation::{Simulation, first_logs},
};

const SEED: u64 = 23;

/// Panics at one of the progress events of tasks.
struct PanicsAt {
    event: usize,
    events: AtomicUsize,
}

impl Progress for PanicsAt {
    fn on(&self, event: Event) {
        if matches!(event, Event::Read { .. } | Event::TaskDone) {
            let number = self.events.fetch_add(1, Ordering::SeqCst);
            assert_ne!(number, self.event, "on purpose");
        }
    }
}

#[test]
fn a_panic_in_a_task_stops_the_run_names_the_task_and_commits_nothing_wrong() {
    let mut panicked = 0;
    for event in 0.. {
        let simulation = Simulation::new(&first_logs(SEED));
        let progress = PanicsAt { event, events: AtomicUsize::new(0) };
        let result =
            simulation.run_watched(&RunRequest::without_faults(Command::Convert), simulation.next_run(), &progress);
        let when = format!("a panic at event {event}");
        let Some(error) = result.error else {
            simulation.assert_settled(&when);
            break;
        };
        panicked += 1;
        for says in ["task ", " of epoch ", " panicked; its first object is file:///"] {
            assert!(error.contains(says), "{when}: `{says}`: {error}");
        }
        assert_eq!(result.report["outcome"], "stopped", "{when}");
        simulation.finish(&when);
    }
    assert!(panicked > 5, "only {panicked} events");
}
