//! Ctrl-C, SIGTERM and SIGHUP ask a run to stop; a second one ends it at once.

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

/// What signals ask to stop. A SIGHUP that was ignored when the program started stays ignored: that is how `nohup` keeps
/// a run going when its terminal closes.
///
/// # Errors
/// Signals cannot be listened for.
pub(crate) fn listen() -> anyhow::Result<Arc<Stop>> {
    let hangs_up = ignored_signals() >> (SIGHUP - 1) & 1 == 0;
    let wanted = [SIGINT, SIGTERM].into_iter().chain(hangs_up.then_some(SIGHUP));
    let mut signals = Signals::new(wanted).context("cannot listen for signals")?;
    let stop = Arc::new(Stop::default());
    let asked = Arc::clone(&stop);
    let listener = thread::Builder::new().name("signals".to_owned());
    let started = listener.spawn(move || {
        for _ in signals.forever() {
            if asked.is_requested() {
                #[expect(
                    clippy::exit,
                    reason = "nothing half-written is visible, so that an impatient person may leave"
                )]
                std::process::exit(1);
            }
            tracing::warn!("stopping: the tasks at hand are given up; nothing half-written will be visible");
            asked.request();
        }
    });
    started.with_context(|| {
        format!("cannot start a thread that listens for signals\nhint: raise what limits them: {}", thread_limits())
    })?;
    Ok(stop)
}

/// Keeps SIGXFSZ, which a write behind `ulimit -f` raises, from ending the program without a word: the write fails, and says
/// of which file.
///
/// # Errors
/// The signal cannot be handled.
pub(crate) fn survive_file_size_limit() -> anyhow::Result<()> {
    flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false))).context("cannot handle SIGXFSZ")?;
    Ok(())
}

/// One bit for each signal that is ignored, from 1 on; none where the system does not tell.
fn ignored_signals() -> u64 {
    let status = read_text(Path::new("/proc/self/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
