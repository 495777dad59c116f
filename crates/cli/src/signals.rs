//! Signals: Ctrl-C, SIGTERM and SIGHUP stop a run; a second one ends it at once.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use anyhow::Context;
use lakefront_operations::{Stop, read_text, thread_limits};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    iterator::Signals,
};

/// Returns a value that signals set to stop a run. A SIGHUP that was ignored when the program started stays ignored: that
/// is how `nohup` keeps a run alive when its terminal closes.
///
/// # Errors
/// Signals cannot be listened for.
pub(crate) fn listen() -> anyhow::Result<Arc<Stop>> {
    let hangs_up = ignored_signals() >> (SIGHUP - 1) & 1 == 0;
    let wanted = [SIGINT, SIGTERM].into_iter().chain(hangs_up.then_some(SIGHUP));
    let mut signals = Signals::new(wanted).context("cannot listen for signals")?;
    let stop = Arc::new(Stop::default());
    let requested = Arc::clone(&stop);
    let listener = thread::Builder::new().name("signals".to_owned());
    let started = listener.spawn(move || {
        for _ in signals.forever() {
            if requested.is_requested() {
                #[expect(clippy::exit, reason = "no half-written file is visible, so the process may end at any time")]
                std::process::exit(1);
            }
            tracing::warn!("stopping: the current tasks are dropped; no half-written file will be visible");
            requested.request();
        }
    });
    started.with_context(|| {
        format!("cannot start a thread that listens for signals\nhint: raise what limits them: {}", thread_limits())
    })?;
    Ok(stop)
}

/// Handles SIGXFSZ, which a write past `ulimit -f` raises, so that it does not end the program without a message: the write
/// fails instead, and its error names the file.
///
/// # Errors
/// The signal cannot be handled.
pub(crate) fn survive_file_size_limit() -> anyhow::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).context("cannot handle SIGXFSZ")?;
    Ok(())
}

/// Returns one bit for each ignored signal, from signal 1 on; 0 if the system does not report them.
fn ignored_signals() -> u64 {
    let status = read_text(Path::new("/proc/self/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
