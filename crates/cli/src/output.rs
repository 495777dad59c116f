//! The only door to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::{self, Write};

use lakefront_operations::{Escapes, escaped, message};

use crate::hints;

/// Prints data, with characters that a terminal must not get escaped in the data's language. A reader that closed the
/// pipe (`| head`) is not an error.
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

/// Prints a message to stderr, escaped for a terminal.
pub(crate) fn tell(text: &str) {
    // Ignore: stderr is closed too.
    let _ = writeln!(io::stderr().lock(), "{}", escaped(text, Escapes::Text));
}

/// Tells why the program stops: the error and its causes, hints on lines of their own.
pub(crate) fn error(error: &anyhow::Error) {
    tell(&format!("error: {}", message(error.as_ref(), hints::advise)));
}
