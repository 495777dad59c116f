//! Panics in any thread: the program prints that this is a bug, its place and what to report, and exits with 1.
//!
//! The message of a panic may hold any value, such as credentials or log text. So only messages that are literals in
//! the source are shown.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    panic::{self, PanicHookInfo},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use lakefront_operations::{Escapes, current_task, escaped, is_guarded};

use crate::{flags::LogFormat, output};

/// Whether messages are written as JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Installs a hook that reports panics in this format.
pub(crate) fn start(format: LogFormat) {
    IS_JSON.store(format == LogFormat::Json, Ordering::Relaxed);
    panic::set_hook(Box::new(report_panic));
}

/// Reports a panic and ends the program without unwinding, as another thread might wait for this one forever. Files that
/// are half-written have no name yet, and the next run finishes the epoch, as after a kill.
///
/// A panic that becomes a verdict on a damaged log is none of these.
fn report_panic(info: &PanicHookInfo<'_>) {
    if is_guarded() {
        return;
    }
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let task = current_task();
    let text = text(&place, thread::current().name(), task.as_deref(), info.payload(), &Backtrace::capture());
    if IS_JSON.load(Ordering::Relaxed) {
        let line = serde_json::json!({ "level": "ERROR", "message": text }).to_string();
        output::emit(&escaped(&line, Escapes::Json));
    } else {
        output::emit(&text);
    }
    #[expect(clippy::exit, reason = "after a bug, nothing that this process still does can be trusted")]
    std::process::exit(1);
}

/// Returns the message about a panic.
fn text(
    place: &str,
    thread: Option<&str>,
    task: Option<&str>,
    payload: &(dyn Any + Send),
    backtrace: &Backtrace,
) -> String {
    let thread = thread.unwrap_or("without a name");
    let task = task.map_or_else(String::new, |task| format!(", in {task}"));
    let what = payload.downcast_ref::<&'static str>().map_or_else(String::new, |message| format!(": {message}"));
    let is_captured = backtrace.status() == BacktraceStatus::Captured;
    let backtrace = if is_captured { format!("\n{backtrace}") } else { String::new() };
    format!(
        "error: this is a bug in lakefront {version}: it stopped at {place}, in the thread `{thread}`{task}{what}\n\
         hint: table and state are as after a kill, and the next run continues from there\n\
         hint: please report it with these lines, the command without its secrets, the output of `lakefront status TABLE`, and a log that causes it, if there is one; RUST_BACKTRACE=1 adds a backtrace{backtrace}",
        version = env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use lakefront_operations::within_task;
    use std::process::Command;

    /// Environment variable with the kind of panic of the child process.
    const CHILD: &str = "LAKEFRONT_TEST_PANIC";

    /// Runs this test binary as a child process that panics; returns its exit status and stderr.
    fn child(kind: &str) -> (Option<i32>, String) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "--nocapture", "panics::tests::child_process_that_panics"]);
        let output = command.env(CHILD, kind).env_remove("RUST_BACKTRACE").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the parent process names the kind of panic")]
    fn child_process_that_panics() {
        let Ok(kind) = std::env::var(CHILD) else { return };
        start(if kind == "json" { LogFormat::Json } else { LogFormat::Text });
        match kind.as_str() {
            "thread" => {
                let thread = thread::Builder::new().name("worker\u{9b}-1".to_owned());
                thread.spawn(|| panic!("a literal")).unwrap().join().unwrap_err();
            }
            "task" => {
                let name = "task 7 of epoch 3, whose first object is file:///logs/E1.gz";
                within_task(Some(name.into()), || panic!("a literal"));
            }
            "value" => panic!("a value: {}", std::hint::black_box("hunter2")),
            _ => panic!("a literal"),
        }
        unreachable!("the hook ends the process");
    }

    #[test]
    fn a_panic_in_any_thread_is_called_a_bug_and_exits_with_1() {
        for kind in ["main", "thread", "task", "json"] {
            let (status, stderr) = child(kind);
            assert_eq!(status, Some(1), "{stderr}");
            for says in ["this is a bug in lakefront", "panics.rs:", "a literal", "please report it", "the next run"] {
                assert!(stderr.contains(says), "`{says}`: {stderr}");
            }
        }
        let (_, stderr) = child("thread");
        assert!(stderr.contains(r"`worker\u{9b}-1`"), "{stderr:?}");
        let (_, stderr) = child("task");
        assert!(
            stderr.contains(", in task 7 of epoch 3, whose first object is file:///logs/E1.gz: a literal"),
            "{stderr}"
        );
        let (_, stderr) = child("json");
        let line = stderr.lines().find(|line| line.starts_with('{')).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["level"], "ERROR");
    }

    #[test]
    fn the_message_of_a_panic_is_not_shown_if_it_may_hold_values() {
        let (status, stderr) = child("value");
        assert_eq!(status, Some(1));
        assert!(stderr.contains("this is a bug") && !stderr.contains("hunter2"), "{stderr}");
    }
}
