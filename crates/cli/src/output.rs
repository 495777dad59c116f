//! The only door to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::{self, Write};

use lakefront_pipeline::message;

/// Prints data. A reader that went away (`| head`) is no error.
///
/// # Errors
/// Stdout cannot be written to, for another reason.
pub(crate) fn data(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Tells something on stderr.
pub(crate) fn tell(text: &str) {
    // Nobody is left to hear that nobody hears.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Tells why the program stops: the error and its causes, hints on lines of their own.
pub(crate) fn error(error: &anyhow::Error) {
    tell(&format!("error: {}", message(error.as_ref())));
}
