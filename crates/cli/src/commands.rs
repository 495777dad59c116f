//! One function per command.

use std::{fmt::Write as _, path::Path, sync::Arc};

use anyhow::Context;
use lakefront_operations::{
    AppendedColumns, ConvertOptions, Destination, Error, Escapes, Preview, Report, Run, Source, Stop, TableDdl,
    VerifyOptions, convert,
    ddl::DdlOptions,
    field_name_text,
    inspect::{InspectInput, inspect},
    json_text, preview,
    progress::Progress,
    rebuild_state, refuse_report_at,
    report::RunOutcome,
    resolve, retry,
    select::Selection,
    status, table_ddl, verify, write_text,
};
use lakefront_schema::TableSchema;

use crate::{
    exit::ExitStatus,
    field_lists,
    flags::{
        Command, ConvertFlags, DdlFlags, Flags, InspectFlags, ResolveFlags, RetryFlags, RunFlags, SchemaFlags,
        SchemaFormat, StateFlags, VerifyFlags,
    },
    inspection, log, options, output,
    output::Screen,
    progress::ProgressDisplay,
    signals, summary, values,
};

/// Runs the command of the flags, and returns the exit status.
///
/// # Errors
/// The program must stop; the error says why.
pub(crate) fn run(flags: &Flags) -> anyhow::Result<ExitStatus> {
    let screen = Screen::new(&flags.output);
    log::start(&flags.output, &screen);
    if let Err(error) = options::check_stores(flags) {
        return Ok(wrong_usage(flags, &error));
    }
    match &flags.command {
        Command::Convert(convert) => run_convert(flags, convert, &screen),
        Command::Status(status) => run_status(flags, status),
        Command::Verify(verify) => run_verify(flags, verify),
        Command::Retry(retry) => run_retry(flags, retry, &screen),
        Command::Resolve(resolve) => run_resolve(flags, resolve, &screen),
        Command::RebuildState(rebuild) => run_rebuild_state(flags, rebuild),
        Command::Ddl(ddl) => run_ddl(flags, ddl),
        Command::Schema(schema) => run_schema(flags, schema),
        Command::Inspect(inspect) => run_inspect(flags, inspect),
    }
}

fn run_convert(flags: &Flags, convert_flags: &ConvertFlags, screen: &Screen) -> anyhow::Result<ExitStatus> {
    let (sources, table) = options::locations(&flags.stores, convert_flags)?;
    let options = match options::convert_options(&flags.stores, convert_flags, sources, table) {
        Ok(options) => options,
        Err(error) => return Ok(wrong_usage(flags, &error)),
    };
    options.table.schema.iter().for_each(|schema| warn_of_unknown_fields(schema));
    field_lists::warn(&options.reading);
    if convert_flags.dry_run {
        let stop = signals::listen()?;
        let draw = ProgressDisplay::new(&flags.output, screen);
        let preview = preview(&options, &stop, &draw);
        draw.finish();
        return match preview {
            Err(error) => Ok(stopped(flags, error)),
            Ok(preview) => dry_run(&options, &preview),
        };
    }
    let report_file = convert_flags.run.report.as_deref();
    if let Some(file) = report_file
        && let Err(error) = refuse_report_at(file, &options.run.destination, &options.sources, &options.selection)
    {
        return Ok(stopped(flags, error));
    }
    let nothing = "nothing new";
    run_work(flags, screen, report_file, false, nothing, |stop, progress| convert(&options, stop, progress))
}

fn run_retry(flags: &Flags, retry_flags: &RetryFlags, screen: &Screen) -> anyhow::Result<ExitStatus> {
    let run = &retry_flags.run;
    let table = options::destination(&flags.stores, &retry_flags.table, run.state.as_deref())?;
    match options::retry_options(&flags.stores, retry_flags, table) {
        Ok(options) => {
            field_lists::warn(&options.reading);
            let (table, json, nothing) = (&options.run.destination, retry_flags.json, "nothing to retry");
            run_with_report(flags, screen, table, run, json, nothing, |stop, progress| retry(&options, stop, progress))
        }
        Err(error) => Ok(wrong_usage(flags, &error)),
    }
}

fn run_resolve(flags: &Flags, resolve_flags: &ResolveFlags, screen: &Screen) -> anyhow::Result<ExitStatus> {
    let run = &resolve_flags.run;
    let table = options::destination(&flags.stores, &resolve_flags.table, run.state.as_deref())?;
    match options::run_options(&flags.stores, run, None, table) {
        Ok(options) => {
            let (table, json, nothing) = (&options.destination, resolve_flags.json, "nothing to resolve");
            run_with_report(flags, screen, table, run, json, nothing, |stop, progress| {
                resolve(&options, stop, progress)
            })
        }
        Err(error) => Ok(wrong_usage(flags, &error)),
    }
}

/// Runs a command that lists no sources, and prints the result.
fn run_with_report(
    flags: &Flags,
    screen: &Screen,
    table: &Destination,
    run: &RunFlags,
    json: bool,
    nothing: &str,
    work: impl FnOnce(&Stop, &dyn Progress) -> Run,
) -> anyhow::Result<ExitStatus> {
    let report_file = run.report.as_deref();
    if let Some(file) = report_file
        && let Err(error) = refuse_report_at(file, table, &[], &Selection::default())
    {
        return Ok(stopped(flags, error));
    }
    run_work(flags, screen, report_file, json, nothing, work)
}

/// Runs a command that takes a while, and prints its progress and result. `nothing` is the text of a run that had nothing
/// to do.
fn run_work(
    flags: &Flags,
    screen: &Screen,
    report_file: Option<&Path>,
    json: bool,
    nothing: &str,
    work: impl FnOnce(&Stop, &dyn Progress) -> Run,
) -> anyhow::Result<ExitStatus> {
    let stop: Arc<Stop> = signals::listen()?;
    let draw = ProgressDisplay::new(&flags.output, screen);
    let Run { report, error } = work(&stop, &draw);
    draw.finish();
    let has_summary = !flags.output.quiet && !matches!(report.outcome, RunOutcome::Stopped | RunOutcome::Active);
    if has_summary {
        log::emit(flags.output.log_format, screen, &summary::of_run(&report, nothing));
    } else if report.rejected_rows() > 0 {
        // Only without a summary, which has these numbers.
        tracing::warn!(
            "{} rows were rejected ({}); {}/quarantine has them",
            report.rejected_rows(),
            summary::rejects(&report),
            report.state
        );
    }
    let status = match error {
        Some(error) => stopped(flags, error),
        None => report.outcome.into(),
    };
    if json {
        print_json(&report)?;
    }
    // Last, so that everything else is printed even if the report cannot be written.
    if let Some(file) = report_file {
        write_report(file, &report)?;
    }
    Ok(status)
}

fn write_report(file: &Path, report: &Report) -> anyhow::Result<()> {
    let json = json_text(report);
    write_text(file, &format!("{json}\n")).context("`--report`")
}

fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    let json = json_text(value);
    output::data(&format!("{json}\n"), Escapes::Json)
}

/// Prints why a run stopped, and returns the exit status.
fn stopped(flags: &Flags, error: Error) -> ExitStatus {
    let status = if error.is_active() {
        ExitStatus::Active
    } else if error.is_usage() {
        ExitStatus::Usage
    } else {
        ExitStatus::Stopped
    };
    log::error(flags.output.log_format, &error.into());
    status
}

fn dry_run(options: &ConvertOptions, preview: &Preview) -> anyhow::Result<ExitStatus> {
    output::data(&summary::of_preview(preview, options), Escapes::Text)?;
    Ok(if preview.unlisted.is_empty() { ExitStatus::Done } else { ExitStatus::DoneWithFailures })
}

fn run_status(all: &Flags, flags: &StateFlags) -> anyhow::Result<ExitStatus> {
    let status = status(&options::destination(&all.stores, &flags.table, flags.state.as_deref())?)?;
    if flags.json {
        print_json(&status)?;
    } else {
        output::data(&summary::of_status(&status), Escapes::Text)?;
    }
    Ok(ExitStatus::Done)
}

fn run_verify(all: &Flags, flags: &VerifyFlags) -> anyhow::Result<ExitStatus> {
    let table = options::destination(&all.stores, &flags.table.table, flags.table.state.as_deref())?;
    let options = || {
        let since = flags.since.as_deref().map(|text| values::day("--since", text)).transpose()?;
        Ok(VerifyOptions { deep: flags.deep, since, threads: options::threads(flags.threads.as_deref())? })
    };
    let options = match options() {
        Ok(options) => options,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    let verification = verify(&table, &options, &*signals::listen()?)?;
    if flags.table.json {
        print_json(&verification)?;
    } else {
        output::data(&summary::of_verification(&verification, flags.deep), Escapes::Text)?;
    }
    Ok(if verification.num_faults == 0 { ExitStatus::Done } else { ExitStatus::Stopped })
}

fn run_rebuild_state(all: &Flags, flags: &StateFlags) -> anyhow::Result<ExitStatus> {
    let rebuilt = match rebuild_state(&options::destination(&all.stores, &flags.table, flags.state.as_deref())?) {
        Err(error) if error.is_active() => {
            output::error(&error.into());
            return Ok(ExitStatus::Active);
        }
        result => result?,
    };
    if flags.json {
        print_json(&rebuilt)?;
    } else {
        output::data(&summary::of_rebuilt(&rebuilt), Escapes::Text)?;
    }
    Ok(ExitStatus::Done)
}

fn run_ddl(all: &Flags, flags: &DdlFlags) -> anyhow::Result<ExitStatus> {
    let table = options::destination(&all.stores, &flags.table, flags.state.as_deref())?;
    let location = match &flags.location {
        Some(location) => location.clone(),
        None => table.url(),
    };
    let ddl_options = DdlOptions {
        database: flags.database.clone(),
        table: flags.name.clone(),
        location,
        projection: flags.projection,
    };
    let only_new = match options::only_new(flags.only_new.as_deref()) {
        Ok(only_new) => only_new,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    let schema = match flags.schema.as_deref().map(options::schema).transpose() {
        Ok(schema) => schema,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    let ddl = match table_ddl(&table, schema, only_new, &ddl_options) {
        Err(error @ Error::Ddl(_)) => return Ok(wrong_usage(all, &error.into())),
        result => result?,
    };
    output::data(&ddl_text(&ddl), Escapes::Json)?;
    Ok(ExitStatus::Done)
}

/// Returns the SQL text: the statements, and as comments those for a table that was created with fewer columns.
fn ddl_text(ddl: &TableDdl) -> String {
    let mut comments = String::new();
    let mut before = None;
    for AppendedColumns { epoch, statement } in &ddl.appended {
        // An engine's table needs only one of the statements: each adds all columns that the table lacks.
        let created = match before.replace(epoch) {
            None => format!("before epoch {epoch}"),
            Some(before) => format!("from epoch {before} on and before epoch {epoch}"),
        };
        let _ = writeln!(
            comments,
            "-- If the table was created {created}, run this once, and no other of these (Hive: with CASCADE at its end):"
        );
        for line in statement.lines() {
            let _ = writeln!(comments, "-- {line}");
        }
    }
    let mut text = String::new();
    for (place, statement) in ddl.statements.iter().enumerate() {
        let _ = writeln!(text, "{statement};");
        if place == 0 {
            text.push_str(&comments);
        }
    }
    text
}

fn run_schema(all: &Flags, flags: &SchemaFlags) -> anyhow::Result<ExitStatus> {
    let Some(name) = &flags.schema else {
        let names = TableSchema::EMBEDDED_NAMES.iter().filter_map(|name| TableSchema::embedded(name));
        let lines = names.map(|schema| format!("{}  {}\n", schema.name(), schema.description()));
        output::data(&lines.collect::<String>(), Escapes::Text)?;
        return Ok(ExitStatus::Done);
    };
    let schema = match options::schema(name) {
        Ok(schema) => schema,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    warn_of_unknown_fields(&schema);
    let (text, language) = match flags.format {
        SchemaFormat::Toml => (schema.to_toml(), Escapes::Toml),
        SchemaFormat::Arrow => (summary::arrow_fields(&schema), Escapes::Text),
        SchemaFormat::Sql => (summary::sql_columns(&schema), Escapes::Json),
    };
    output::data(&text, language)?;
    Ok(ExitStatus::Done)
}

fn run_inspect(all: &Flags, flags: &InspectFlags) -> anyhow::Result<ExitStatus> {
    let (options, connections) = match (options::inspect_options(flags), options::connections(&all.stores)) {
        (Ok(options), Ok(connections)) => (options, connections),
        (Err(error), _) | (_, Err(error)) => return Ok(wrong_usage(all, &error)),
    };
    field_lists::warn(&options.reading);
    let source;
    let input = if flags.object == "-" {
        InspectInput::Bytes { name: "-", reader: Box::new(std::io::stdin()) }
    } else {
        source = match Source::parse(&flags.object) {
            Ok(source) => source,
            Err(error) => return Ok(wrong_usage(all, &error.into())),
        };
        InspectInput::Object { source: &source, connections: &connections }
    };
    let inspection = match inspect(input, &options) {
        Ok(inspection) => inspection,
        Err(error) => return Ok(stopped(all, error)),
    };
    if flags.json {
        print_json(&inspection)?;
    } else {
        output::data(&inspection::text(&inspection), Escapes::Text)?;
    }
    Ok(if inspection.error.is_none() { ExitStatus::Done } else { ExitStatus::DoneWithFailures })
}

fn wrong_usage(flags: &Flags, error: &anyhow::Error) -> ExitStatus {
    log::error(flags.output.log_format, error);
    ExitStatus::Usage
}

fn warn_of_unknown_fields(schema: &TableSchema) {
    for field in schema.unknown_fields() {
        tracing::warn!(
            "table schema `{}`: {} is not a field that CloudFront is known to log: its column will be NULL in logs without it",
            schema.name(),
            field_name_text(field)
        );
    }
}
