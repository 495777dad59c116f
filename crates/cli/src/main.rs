//! The program: parses the command line, runs the command, exits.

// Flags, options, commands.
mod field_lists;
mod flags;

mod options;

mod values;

mod commands;

// Output during a run and after it.
mod progress;

mod log;

mod output;

mod hints;

mod signals;

mod summary;

mod inspection;

mod exit;

// Output without a command: panics, help and wrong usage.
mod panics;

mod usage;

use clap::Parser;

use crate::{
    exit::ExitStatus,
    flags::{Flags, LogFormat},
};

fn main() -> std::process::ExitCode {
    panics::start(LogFormat::Text);
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => return usage::answer(error),
    };
    lakefront_operations::raise_open_files();
    let status = signals::survive_file_size_limit().and_then(|()| commands::run(&flags)).unwrap_or_else(|error| {
        log::error(flags.output.log_format, &error);
        ExitStatus::of(&error)
    });
    status.into()
}
