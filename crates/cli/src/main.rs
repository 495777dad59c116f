//! The program: parse, run, exit.

// What was typed, what it means, what is done.
mod field_lists;
mod flags;

mod options;

mod values;

mod commands;

// What a person sees meanwhile and afterwards.
mod draw;

mod log;

mod output;

mod signals;

mod summary;

mod exit;

use clap::Parser;

use crate::{exit::ExitStatus, flags::Flags};

fn main() -> std::process::ExitCode {
    let flags = Flags::parse();
    let status = commands::run(&flags).unwrap_or_else(|error| {
        log::error(flags.output.log_format, &error);
        ExitStatus::of(&error)
    });
    status.into()
}
