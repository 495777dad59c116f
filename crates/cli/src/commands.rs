//! One function per command.

use std::fmt::Write as _;

use anyhow::Context;
use lakefront_pipeline::{
    ConvertOptions, Error, LocalFolder, Preview, Run, convert, ddl::DdlOptions, preview, report::RunOutcome, table_ddl,
    write_text,
};
use lakefront_schema::TableSchema;

use crate::{
    draw::{Draw, Screen},
    exit::ExitStatus,
    flags::{Command, ConvertFlags, DdlFlags, Flags, SchemaFlags, SchemaFormat},
    log, options, output, signals, summary,
};

/// Does what was typed.
///
/// # Errors
/// Why the program stops.
pub(crate) fn run(flags: &Flags) -> anyhow::Result<ExitStatus> {
    let screen = Screen::new(&flags.output);
    log::start(&flags.output, &screen);
    match &flags.command {
        Command::Convert(convert) => run_convert(flags, convert, &screen),
        Command::Ddl(ddl) => run_ddl(flags, ddl),
        Command::Schema(schema) => run_schema(flags, schema),
    }
}

fn run_convert(flags: &Flags, convert_flags: &ConvertFlags, screen: &Screen) -> anyhow::Result<ExitStatus> {
    let (sources, table) = options::locations(convert_flags)?;
    let options = match options::convert_options(convert_flags, sources, table) {
        Ok(options) => options,
        Err(error) => return Ok(wrong_usage(flags, &error)),
    };
    warn_of_unknown_fields(&options.schema);
    let stop = signals::listen()?;
    let draw = Draw::new(&flags.output, screen);
    if convert_flags.run.dry_run {
        let preview = preview(&options, &stop, &draw);
        draw.finish();
        return match preview {
            Err(error @ Error::Memory { .. }) => Ok(wrong_usage(flags, &error.into())),
            preview => dry_run(&options, &preview?),
        };
    }
    let Run { report, error } = convert(&options, &stop, &draw);
    draw.finish();
    match (flags.output.quiet, report.outcome) {
        (_, RunOutcome::Stopped) if report.files > 0 => {
            let (files, table) = (report.files, &report.table);
            tracing::warn!("{table}: {files} data files of an incomplete table: remove it and {table}.lakefront");
        }
        (_, RunOutcome::Stopped) => {}
        (true, _) if report.rejected_rows() > 0 => {
            tracing::warn!(
                "{} rows were rejected; {}.lakefront/quarantine has them",
                report.rejected_rows(),
                report.table
            );
        }
        (true, _) => {}
        (false, _) => log::tell(flags.output.log_format, screen, &summary::of_run(&report, &options)),
    }
    let status = match error {
        Some(error @ Error::Memory { .. }) => wrong_usage(flags, &error.into()),
        Some(error) => {
            log::error(flags.output.log_format, &error.into());
            ExitStatus::Stopped
        }
        None => report.outcome.into(),
    };
    // Last, so that a report that cannot be written hides nothing else.
    if let Some(file) = &convert_flags.run.report {
        let json = serde_json::to_string_pretty(&report)?;
        write_text(file, &format!("{json}\n")).context("`--report`")?;
    }
    Ok(status)
}

fn dry_run(options: &ConvertOptions, preview: &Preview) -> anyhow::Result<ExitStatus> {
    output::data(&summary::of_preview(preview, options))?;
    Ok(if preview.unlisted.is_empty() { ExitStatus::Done } else { ExitStatus::DoneWithFailures })
}

fn run_ddl(all: &Flags, flags: &DdlFlags) -> anyhow::Result<ExitStatus> {
    let table = LocalFolder::parse(&flags.table)?;
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
    let schema = match flags.schema.as_deref().map(options::schema).transpose() {
        Ok(schema) => schema,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    let statements = match table_ddl(&table, schema, &ddl_options) {
        Err(error @ Error::Ddl(_)) => return Ok(wrong_usage(all, &error.into())),
        result => result?,
    };
    output::data(&statements.iter().fold(String::new(), |mut text, statement| {
        let _ = writeln!(text, "{statement};");
        text
    }))?;
    Ok(ExitStatus::Done)
}

fn run_schema(all: &Flags, flags: &SchemaFlags) -> anyhow::Result<ExitStatus> {
    let Some(name) = &flags.schema else {
        let names = TableSchema::EMBEDDED_NAMES.iter().filter_map(|name| TableSchema::embedded(name));
        let lines = names.map(|schema| format!("{}  {}\n", schema.name(), schema.description()));
        output::data(&lines.collect::<String>())?;
        return Ok(ExitStatus::Done);
    };
    let schema = match options::schema(name) {
        Ok(schema) => schema,
        Err(error) => return Ok(wrong_usage(all, &error)),
    };
    warn_of_unknown_fields(&schema);
    output::data(&match flags.format {
        SchemaFormat::Toml => schema.to_toml(),
        SchemaFormat::Arrow => summary::arrow_fields(&schema),
        SchemaFormat::Sql => summary::sql_columns(&schema),
    })?;
    Ok(ExitStatus::Done)
}

fn wrong_usage(flags: &Flags, error: &anyhow::Error) -> ExitStatus {
    log::error(flags.output.log_format, error);
    ExitStatus::Usage
}

fn warn_of_unknown_fields(schema: &TableSchema) {
    for field in schema.unknown_fields() {
        tracing::warn!(
            "table schema `{}`: `{field}` is no field that CloudFront is known to log: its column will be NULL in logs without it",
            schema.name()
        );
    }
}
