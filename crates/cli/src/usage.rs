//! Output of clap: help and version unchanged, errors with the arguments escaped.

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue};
use lakefront_operations::printable_name;

use crate::{exit::ExitStatus, output};

/// Prints clap's output, and returns the exit status: 0 for help and version, 2 for wrong usage.
pub(crate) fn answer(error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // Ignore: a reader that went away (`| head`) is not an error.
        let _ = error.print();
        return ExitStatus::Done.into();
    }
    let error = shown(error);
    let text = error.render().to_string();
    if text.lines().any(|line| printable_name(line) != line) {
        // Some text was not escaped above: print all of it escaped, without clap's colours.
        output::emit(text.trim_end());
    } else {
        let _ = error.print();
    }
    ExitStatus::Usage.into()
}

/// Returns the error with all its parts of the command line escaped.
fn shown(mut error: clap::Error) -> clap::Error {
    let contexts: Vec<(ContextKind, ContextValue)> =
        error.context().map(|(kind, value)| (kind, value.clone())).collect();
    for (kind, value) in contexts {
        let shown = match value {
            ContextValue::String(text) => ContextValue::String(printable_name(&text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.iter().map(|text| printable_name(text)).collect())
            }
            ContextValue::StyledStrs(texts) => {
                let plain = |text: &clap::builder::StyledStr| printable_name(&text.to_string()).into();
                ContextValue::StyledStrs(texts.iter().map(plain).collect())
            }
            // Usage, numbers and flags do not come from the command line.
            ContextValue::None | ContextValue::Bool(_) | ContextValue::StyledStr(_) | ContextValue::Number(_) | _ => {
                continue;
            }
        };
        error.insert(kind, shown);
    }
    error
}
