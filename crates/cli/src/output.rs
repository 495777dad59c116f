//! The only door to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::{self, Write};

use lakefront_pipeline::{Escapes, escaped, message};

/// Prints data, with what no terminal may get escaped in its language. A reader that went away (`| head`) is no error.
///
/// # Errors
/// Stdout cannot be written to, for another reason.
pub(crate) fn data(text: &str, language: Escapes) -> anyhow::Result<()> {
    let text = escaped(text, language);
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Tells something on stderr, with what no terminal may get escaped.
pub(crate) fn tell(text: &str) {
    // Ignore: stderr is closed too.
    let _ = writeln!(io::stderr().lock(), "{}", escaped(text, Escapes::Text));
}

/// Tells why the program stops: the error and its causes, hints on lines of their own.
pub(crate) fn error(error: &anyhow::Error) {
    tell(&format!("error: {}", message(error.as_ref())));
}
