//! The command `loggen`: flags in, a folder of logs and one line of summary out.

use std::{
    error::Error as _,
    io::{self, Write},
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Parser,
    builder::{PossibleValuesParser, TypedValueParser},
};
use lakefront_loggen::{Era, Error, Format, Hour, Options, Summary, write};

/// Writes realistic CloudFront standard logs into a folder.
///
/// The same flags give the same bytes, on any machine. All addresses and hosts are those that documentation uses, such
/// as 192.0.2.7, www.example.com and d111111abcdef8.cloudfront.net.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES)]
struct Flags {
    /// Folder for the log files. Created if absent; files in it are never overwritten
    folder: PathBuf,
    /// Seed of the random numbers: another seed gives other distributions, viewers, pages and rows
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Number of distributions
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    distributions: u32,
    /// First hour, in UTC
    #[arg(long, value_name = "YYYY-MM-DDTHH", default_value_t = Options::default().start)]
    start: Hour,
    /// Number of hours
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    hours: u32,
    /// Number of log files of each distribution in each hour
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    files_per_hour: u32,
    /// Number of rows of each log file; 1000 are about half a megabyte of text
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rows_per_file: u32,
    /// Number of fields of a row: CloudFront added fields over the years
    #[arg(long, value_name = "FIELDS", default_value_t = Era::Fields33, value_parser = era_parser())]
    era: Era,
    /// Format of the text: `w3c` has a `#Fields` line and TABs; `pipes` the same with `|`; `plain` a line of bare names; `raw`
    /// no names at all; `json` an object on each line
    #[arg(long, value_name = "FORMAT", default_value_t = Format::W3c, value_parser = format_parser())]
    format: Format,
    /// Level of gzip, from 0 (stored) to 9 (smallest)
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(0..=9))]
    gzip_level: u32,
    /// Percentage of rows that are of the hour before or after the one in their file's name
    #[arg(long, value_name = "P", default_value_t = 0.1, value_parser = parse_percent)]
    late_percent: f64,
    /// Write plain text, under keys without `.gz`
    #[arg(long)]
    plain: bool,
    /// Number of threads, by default the number of processors. The bytes do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

const EXAMPLES: &str = "\
Examples:
  A small set to look at:
    loggen ./logs --plain

  A day of two distributions, four files an hour each:
    loggen ./logs --distributions 2 --start 2025-01-02T00 --hours 24 --files-per-hour 4

  The next day of the same two, as if it had arrived overnight:
    loggen ./logs --distributions 2 --start 2025-01-03T00 --hours 24 --files-per-hour 4

  About a gigabyte of text for a benchmark:
    loggen ./logs --files-per-hour 20 --rows-per-file 100000

  Logs as of 2016, whose user agents are escaped twice:
    loggen ./logs --start 2016-10-01T00 --era 24";

fn main() -> ExitCode {
    let flags = Flags::parse();
    match write(&flags.options(), &flags.folder) {
        Ok(summary) => emit(io::stdout(), &line(&summary), ExitCode::SUCCESS),
        Err(error) => emit(io::stderr(), &message(&error), ExitCode::FAILURE),
    }
}

impl Flags {
    fn options(&self) -> Options {
        Options {
            seed: self.seed,
            distributions: self.distributions,
            start: self.start,
            hours: self.hours,
            files_per_hour: self.files_per_hour,
            rows_per_file: self.rows_per_file,
            era: self.era,
            format: self.format,
            gzip_level: self.gzip_level,
            late_percent: self.late_percent,
            plain: self.plain,
            threads: self.threads,
        }
    }
}

fn era_parser() -> impl TypedValueParser<Value = Era> {
    PossibleValuesParser::new(["12", "15", "18", "19", "23", "24", "26", "33"]).try_map(|text| text.parse::<Era>())
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::ALL.map(|(name, _)| name)).map(|text| {
        let named = Format::ALL.into_iter().find(|(name, _)| *name == text);
        named.expect("clap lets through only these names").1
    })
}

fn parse_percent(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(percent),
        _ => Err("expected a number from 0 to 100".to_owned()),
    }
}

fn line(summary: &Summary) -> String {
    let Summary { files, rows, text_bytes, gzip_bytes } = summary;
    let stored = if *gzip_bytes > 0 { format!(", {gzip_bytes} bytes of gzip") } else { String::new() };
    format!("{files} files, {rows} rows, {text_bytes} bytes of text{stored}")
}

/// Returns an error and its cause, and a hint on a line of its own if there is one.
fn message(error: &Error) -> String {
    let is_in_the_way = matches!(error, Error::Exists { .. });
    let hint = if is_in_the_way { "\nhint: give an empty folder, or another --seed or --start" } else { "" };
    match error.source() {
        Some(cause) => format!("error: {error}: {cause}{hint}"),
        None => format!("error: {error}{hint}"),
    }
}

fn emit(mut target: impl Write, text: &str, code: ExitCode) -> ExitCode {
    match writeln!(target, "{text}") {
        Ok(()) => code,
        // The reader has closed its end: it needs no more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(_) => ExitCode::FAILURE,
    }
}
