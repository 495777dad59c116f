//! The only door to stdout and stderr. Data goes to stdout, everything else to stderr.

use std::io::{self, Write};

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
    tell(&format!("error: {}", message(error)));
}

/// An error with its causes, and behind them all hints.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut facts = Vec::new();
    let mut hints = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let mut lines = text.lines();
        facts.extend(lines.next().map(str::to_owned));
        hints.extend(lines.map(str::to_owned));
    }
    facts.dedup();
    std::iter::once(facts.join(": ")).chain(hints).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::message;

    #[test]
    fn causes_follow_in_one_line_and_hints_below() {
        let error = anyhow!("disk on fire\nhint: water").context("store: cannot write");
        assert_eq!(message(&error), "store: cannot write: disk on fire\nhint: water");
    }
}
