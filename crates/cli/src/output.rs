//! The only module that writes to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use lakefront_operations::{Escapes, escaped, message};

use crate::{
    flags::{LogFormat, OutputFlags},
    hints,
};

/// Prints data to stdout. Characters that are unsafe for a terminal are escaped in the data's language. A reader that
/// closed the pipe (`| head`) is not an error.
///
/// # Errors
/// Writing to stdout failed for another reason.
pub(crate) fn data(text: &str, language: Escapes) -> anyhow::Result<()> {
    let text = escaped(text, language);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Prints a message to stderr, escaped for a terminal.
pub(crate) fn emit(text: &str) {
    // Ignore: stderr is closed too.
    let _ = writeln!(io::stderr().lock(), "{}", escaped(text, Escapes::Text));
}

/// Prints the error that stops the program, its causes, and hints on separate lines.
pub(crate) fn error(error: &anyhow::Error) {
    emit(&format!("error: {}", message(error.as_ref(), hints::advise)));
}

/// The terminal that progress and messages share. It keeps them apart; clones share one terminal.
#[derive(Clone)]
pub(crate) struct Screen {
    bars: Option<MultiProgress>,
}

impl Screen {
    /// Returns a screen, with bars if stderr is a terminal and may be drawn on.
    pub(crate) fn new(flags: &OutputFlags) -> Self {
        let draws = !flags.quiet && flags.log_format == LogFormat::Text && io::stderr().is_terminal();
        Self { bars: draws.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())) }
    }

    /// Returns the bars; `None` if nothing is drawn.
    pub(crate) fn bars(&self) -> Option<&MultiProgress> {
        self.bars.as_ref()
    }

    /// Prints a message above the bars.
    pub(crate) fn emit(&self, text: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| emit(text)),
            None => emit(text),
        }
    }
}
