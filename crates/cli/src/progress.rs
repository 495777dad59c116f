//! Progress of a run: bars on a terminal, a line every 10 seconds without one, nothing with `--quiet`.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use lakefront_operations::progress::{Event, Progress};

use crate::{
    flags::{LogFormat, OutputFlags},
    log,
    output::Screen,
};

/// Time between two lines of progress in output that is not a terminal: 10 seconds.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Number of objects that were not converted and that are reported one by one.
const REPORTED_FAILURES: u64 = 20;

/// Draws the events of a run.
pub(crate) struct ProgressDisplay {
    screen: Screen,
    format: LogFormat,
    style: Style,
    rows: AtomicU64,
    failed: AtomicU64,
}

enum Style {
    Silent,
    Bars { listing: ProgressBar, objects: ProgressBar, bytes: ProgressBar },
    Lines(Mutex<ProgressLines>),
}

/// Counts since the start, and the time of the last line.
struct ProgressLines {
    started: Instant,
    last_line: Instant,
    planned_objects: u64,
    planned_bytes: u64,
    objects: u64,
    bytes: u64,
}

impl ProgressDisplay {
    pub(crate) fn new(flags: &OutputFlags, screen: &Screen) -> Self {
        let style = match &screen.bars() {
            _ if flags.quiet => Style::Silent,
            Some(bars) => Style::Bars {
                listing: bars.add(ProgressBar::new_spinner().with_style(style("{spinner} list: {msg}"))),
                objects: bars.add(ProgressBar::hidden()),
                bytes: bars.add(ProgressBar::hidden()),
            },
            None => {
                let now = now();
                let lines = ProgressLines {
                    started: now,
                    last_line: now,
                    planned_objects: 0,
                    planned_bytes: 0,
                    objects: 0,
                    bytes: 0,
                };
                Style::Lines(Mutex::new(lines))
            }
        };
        Self {
            screen: screen.clone(),
            format: flags.log_format,
            style,
            rows: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// Takes the bars off the screen.
    pub(crate) fn finish(&self) {
        if let Style::Bars { listing, objects, bytes } = &self.style {
            for bar in [listing, objects, bytes] {
                bar.finish_and_clear();
            }
        }
    }

    fn planned(&self, planned_objects: u64, planned_bytes: u64, tasks: u64) {
        match &self.style {
            Style::Silent => {}
            Style::Bars { listing, objects, bytes } => {
                listing.finish_and_clear();
                // The tasks of an epoch that was left open come before the listing.
                let (before_objects, before_bytes) = (objects.length().unwrap_or(0), bytes.length().unwrap_or(0));
                objects.set_length(before_objects + planned_objects);
                objects.set_style(style("objects {bar:30} {human_pos}/{human_len}  {msg}"));
                bytes.set_length(before_bytes + planned_bytes);
                bytes.set_style(style(
                    "bytes   {bar:30} {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}, {eta} left",
                ));
                if let Some(bars) = &self.screen.bars() {
                    objects.set_draw_target(ProgressDrawTarget::stderr());
                    bytes.set_draw_target(ProgressDrawTarget::stderr());
                    bars.add(objects.clone());
                    bars.add(bytes.clone());
                }
                bytes.reset_elapsed();
                bytes.reset_eta();
                objects.reset_elapsed();
            }
            Style::Lines(lines) => {
                let mut lines = lock(lines);
                lines.planned_objects += planned_objects;
                lines.planned_bytes += planned_bytes;
                lines.started = now();
                let counted =
                    format!("{} objects, {}, {tasks} tasks", HumanCount(planned_objects), HumanBytes(planned_bytes));
                log::emit(self.format, &self.screen, &format!("plan: {counted}"));
            }
        }
    }

    /// Reports an object that was not converted, if it is one of the first; `--report` names more of them.
    fn object_failed(&self, object: &str, message: &str) {
        match self.failed.fetch_add(1, Ordering::Relaxed) {
            ..REPORTED_FAILURES => tracing::error!("{object}: {message}"),
            REPORTED_FAILURES => {
                tracing::error!("more objects were not converted; `--report` names up to a thousand");
            }
            _ => {}
        }
    }

    /// Subtracts counts of a task that starts again, which will report them again.
    fn taken_back(&self, counted_objects: u64, counted_bytes: u64, counted_rows: u64) {
        self.rows.fetch_sub(counted_rows, Ordering::Relaxed);
        match &self.style {
            Style::Silent => {}
            Style::Bars { objects, bytes, .. } => {
                objects.dec(counted_objects);
                bytes.dec(counted_bytes);
            }
            Style::Lines(lines) => {
                let mut lines = lock(lines);
                lines.objects = lines.objects.saturating_sub(counted_objects);
                lines.bytes = lines.bytes.saturating_sub(counted_bytes);
            }
        }
    }

    fn read(&self, done_objects: u64, done_bytes: u64, done_rows: u64) {
        let rows = self.rows.fetch_add(done_rows, Ordering::Relaxed) + done_rows;
        match &self.style {
            Style::Silent => {}
            Style::Bars { objects, bytes, .. } => {
                objects.inc(done_objects);
                bytes.inc(done_bytes);
                objects.set_message(rows_per_second(rows, objects.elapsed()));
            }
            Style::Lines(lines) => {
                let mut lines = lock(lines);
                lines.objects += done_objects;
                lines.bytes += done_bytes;
                if lines.last_line.elapsed() >= LINE_EVERY {
                    lines.last_line = now();
                    log::emit(self.format, &self.screen, &lines.text(rows));
                }
            }
        }
    }
}

impl ProgressLines {
    fn text(&self, rows: u64) -> String {
        let Self { started, planned_objects, planned_bytes, objects, bytes, .. } = self;
        let elapsed = started.elapsed();
        let done = *bytes.min(planned_bytes);
        let left = (planned_bytes - done).checked_mul(elapsed.as_secs()).and_then(|product| product.checked_div(done));
        let left = left.map_or_else(String::new, |seconds| format!(", about {seconds} s left"));
        format!(
            "convert: {}/{} objects, {}/{}, {}{left}",
            HumanCount(*objects),
            HumanCount(*planned_objects),
            HumanBytes(*bytes),
            HumanBytes(*planned_bytes),
            rows_per_second(rows, elapsed),
        )
    }
}

impl Progress for ProgressDisplay {
    fn on(&self, event: Event) {
        match event {
            Event::Listed { objects } => {
                if let Style::Bars { listing, .. } = &self.style {
                    listing.set_message(format!("{} objects", HumanCount(objects)));
                    listing.tick();
                }
            }
            Event::Planned { objects, bytes, tasks } => self.planned(objects, bytes, tasks),
            Event::Read { objects, bytes, rows } => self.read(objects, bytes, rows),
            Event::TakenBack { objects, bytes, rows } => self.taken_back(objects, bytes, rows),
            Event::ObjectFailed { object, message } => self.object_failed(&object, &message),
            Event::TaskDone | _ => {}
        }
    }
}

fn rows_per_second(rows: u64, elapsed: Duration) -> String {
    let millis = u64::try_from(elapsed.as_millis()).expect("no run takes millions of years").max(1);
    format!("{} rows, {} rows/s", HumanCount(rows), HumanCount(rows.saturating_mul(1000) / millis))
}

fn style(template: &str) -> ProgressStyle {
    // If a template is wrong, the default bar is shown.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}

#[expect(clippy::disallowed_methods, reason = "progress lines are printed by the clock; nothing else depends on it")]
fn now() -> Instant {
    Instant::now()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
