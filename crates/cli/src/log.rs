//! Messages on stderr: events of `tracing` from the libraries, as text or JSON.

use std::io;

use lakefront_operations::{Escapes, escaped};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{
    flags::{LogFormat, OutputFlags},
    hints,
    output::{self, Screen},
    panics,
};

/// Starts logging. Messages and progress share the terminal: `screen` keeps them apart.
pub(crate) fn start(flags: &OutputFlags, screen: &Screen) {
    let level = match (flags.quiet, flags.verbose) {
        // As JSON, progress and the summary are messages too.
        (false, 0) if flags.log_format == LogFormat::Json => LevelFilter::INFO,
        (true, _) | (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    panics::start(flags.log_format);
    let (screen, format) = (screen.clone(), flags.log_format);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || MessageWriter { screen: screen.clone(), format, line: Vec::new() });
    // Events of other crates about their requests may contain credentials: they are not shown at any level.
    let ours = filter_fn(|metadata| metadata.target().starts_with("lakefront"));
    match flags.log_format {
        LogFormat::Text => subscriber.without_time().finish().with(ours).init(),
        LogFormat::Json => subscriber.json().flatten_event(true).finish().with(ours).init(),
    }
}

/// Prints a message for people, in the requested format.
pub(crate) fn emit(format: LogFormat, screen: &Screen, text: &str) {
    match format {
        LogFormat::Text => screen.emit(text),
        LogFormat::Json => tracing::info!("{text}"),
    }
}

/// Prints the error that stops the program, in the requested format.
pub(crate) fn error(format: LogFormat, error: &anyhow::Error) {
    match format {
        LogFormat::Text => output::error(error),
        LogFormat::Json => tracing::error!("{}", lakefront_operations::message(error.as_ref(), hints::advise)),
    }
}

/// Collects a message and prints it as a whole.
struct MessageWriter {
    screen: Screen,
    format: LogFormat,
    line: Vec<u8>,
}

impl io::Write for MessageWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for MessageWriter {
    fn drop(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let language = match self.format {
            LogFormat::Text => Escapes::Text,
            LogFormat::Json => Escapes::Json,
        };
        self.screen.emit(&escaped(line.trim_end(), language));
    }
}
