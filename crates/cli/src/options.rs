//! Turns flags into options. All errors in flags are found here, before a table is read or written.

use std::{
    hash::{BuildHasher as _, RandomState},
    num::NonZero,
    path::Path,
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use jiff::Timestamp;
use lakefront_operations::{
    Addressing, ConnectOptions, Connections, ConvertOptions, Destination, Encryption, Holder, Identity, LeaseOptions,
    Limits, ReadingOptions, Resources, RetryOptions, RunOptions, Source, TableOptions, default_memory_bytes,
    encode::MIN_MAX_FILE_BYTES, inspect::InspectOptions, options::DEFAULT_TASK_BYTES, parse_state, parse_table,
    printable_name, read_text, select::Selection,
};
use lakefront_schema::TableSchema;
use rustix::system::uname;

use crate::{
    field_lists,
    flags::{
        Acl, AddressingStyle, Command, ConvertFlags, Flags, IdentityFlag, InspectFlags, LineFlags, ReadingFlags,
        RetryFlags, RunFlags, SelectionFlags, SourceStoreFlags, StoreFlags,
    },
    hints,
    values::{bytes, duration, formats, hour, max_rejects, number, time, trimmed},
};

/// Largest number of threads: more than any machine has.
const MAX_THREADS: u64 = 1024;

/// Returns the sources and the table.
///
/// # Errors
/// A source does not exist or cannot be read, or the table's location is not valid.
pub(crate) fn locations(stores: &StoreFlags, flags: &ConvertFlags) -> anyhow::Result<(Vec<Source>, Destination)> {
    let (table, texts) = flags.locations.split_last().context("a source and a table are needed")?;
    let sources = texts.iter().map(|source| Source::parse(source)).collect::<Result<Vec<_>, _>>()?;
    Ok((sources, destination(stores, table, flags.run.state.as_deref())?))
}

/// Returns a table and its state.
///
/// # Errors
/// The location of table or state is not valid, or a flag for object stores is wrong.
pub(crate) fn destination(stores: &StoreFlags, table: &str, state: Option<&str>) -> anyhow::Result<Destination> {
    let state = state.map(parse_state).transpose()?;
    let connections = Connections::new(connect_options(stores)?);
    Ok(Destination::try_new(parse_table(table)?, state, &connections)?)
}

/// Checks the flags for object stores.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn check_stores(flags: &Flags) -> anyhow::Result<()> {
    let common = connect_options(&flags.stores)?;
    common.check("--")?;
    let run = match &flags.command {
        Command::Convert(convert) => &convert.run,
        Command::Retry(retry) => &retry.run,
        Command::Resolve(resolve) => &resolve.run,
        Command::Status(_)
        | Command::Verify(_)
        | Command::RebuildState(_)
        | Command::Ddl(_)
        | Command::Schema(_)
        | Command::Inspect(_) => return Ok(()),
    };
    let own = &run.source_stores;
    if own.region.is_some() || own.endpoint_url.is_some() {
        source_options(common, own).check("--source-")?;
    }
    Ok(())
}

/// Returns the options for connections to buckets.
///
/// # Errors
/// A flag is wrong; the error names it.
fn connect_options(flags: &StoreFlags) -> anyhow::Result<ConnectOptions> {
    let encryption = match (flags.sse.as_deref(), &flags.sse_kms_key_id) {
        (None, None) => None,
        (Some("AES256"), None) => Some(Encryption::Aes256),
        (Some("aws:kms"), key) => Some(Encryption::Kms(trimmed(key.as_ref()))),
        (_, Some(_)) => bail!("`--sse-kms-key-id` needs `--sse aws:kms`"),
        (Some(other), None) => bail!("`--sse {}`: expected `AES256` or `aws:kms`", printable_name(other)),
    };
    Ok(ConnectOptions {
        profile: trimmed(flags.profile.as_ref()),
        region: trimmed(flags.region.as_ref()),
        endpoint_url: trimmed(flags.endpoint_url.as_ref()),
        no_sign_request: flags.no_sign_request,
        request_payer: flags.request_payer.is_some(),
        encryption,
        acl: flags.acl.map(|acl| {
            match acl {
                Acl::Private => "private",
                Acl::BucketOwnerRead => "bucket-owner-read",
                Acl::BucketOwnerFullControl => "bucket-owner-full-control",
            }
            .to_owned()
        }),
        allow_http: flags.allow_http,
        addressing: match flags.addressing_style {
            None | Some(AddressingStyle::Auto) => Addressing::Auto,
            Some(AddressingStyle::Path) => Addressing::Path,
            Some(AddressingStyle::Virtual) => Addressing::Virtual,
        },
    })
}

/// Returns the connections to the buckets of the logs: those of the table, with the options for sources.
fn source_connections(
    stores: &StoreFlags,
    flags: &SourceStoreFlags,
    table: &Connections,
) -> anyhow::Result<Connections> {
    Ok(table.with_options(source_options(connect_options(stores)?, flags)))
}

/// Returns the options for the buckets of the logs: those of all buckets, overridden by those of sources.
fn source_options(common: ConnectOptions, flags: &SourceStoreFlags) -> ConnectOptions {
    ConnectOptions {
        profile: trimmed(flags.profile.as_ref()).or(common.profile),
        region: trimmed(flags.region.as_ref()).or(common.region),
        endpoint_url: trimmed(flags.endpoint_url.as_ref()).or(common.endpoint_url),
        no_sign_request: flags.no_sign_request || common.no_sign_request,
        ..common
    }
}

/// Returns the options of a conversion.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn convert_options(
    stores: &StoreFlags,
    flags: &ConvertFlags,
    sources: Vec<Source>,
    destination: Destination,
) -> anyhow::Result<ConvertOptions> {
    let run = run_options(stores, &flags.run, Some(&flags.reading), destination)?;
    let table = &flags.table;
    let max_file_bytes = table.max_file_bytes.as_deref().map(|text| bytes("--max-file-bytes", text)).transpose()?;
    if let (Some(given), Some(text)) = (max_file_bytes, &table.max_file_bytes)
        && given < MIN_MAX_FILE_BYTES
    {
        bail!("`--max-file-bytes {text}`: at least {MIN_MAX_FILE_BYTES} bytes are needed");
    }
    let schema = table.schema.as_deref().map(|text| schema(text).context("`--schema`")).transpose()?;
    let partition_by = table
        .partition_by
        .as_deref()
        .map(|text| printable_name(text).parse().context("`--partition-by`"))
        .transpose()?;
    let compression =
        table.compression.as_deref().map(|text| printable_name(text).parse().context("`--compression`")).transpose()?;
    Ok(ConvertOptions {
        selection: selection(&flags.selection, run.now)?,
        sources: with_ids(sources, &flags.selection.source_id)?,
        settle: duration("--settle", &flags.selection.settle)?,
        allow_empty: flags.selection.allow_empty,
        new_identity: flags.selection.new_identity,
        table: TableOptions {
            schema: schema.map(Arc::new),
            extend_schema: table.extend_schema,
            partition_by,
            identity: table.identity.map(|identity| match identity {
                IdentityFlag::Key => Identity::Key,
                IdentityFlag::Name => Identity::Name,
            }),
            compression,
            max_file_bytes,
        },
        reading: reading_options(&flags.reading)?,
        run: RunOptions { task_bytes: bytes("--task-bytes", &table.task_bytes)?, ..run },
    })
}

/// Returns the options of a retry.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn retry_options(
    stores: &StoreFlags,
    flags: &RetryFlags,
    destination: Destination,
) -> anyhow::Result<RetryOptions> {
    let run = run_options(stores, &flags.run, Some(&flags.reading), destination)?;
    Ok(RetryOptions { run, reading: reading_options(&flags.reading)? })
}

/// Returns the options of a look into a log.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn inspect_options(flags: &InspectFlags) -> anyhow::Result<InspectOptions> {
    Ok(InspectOptions {
        schema: Arc::new(schema(&flags.schema).context("`--schema`")?),
        reading: line_options(&flags.lines)?,
        now: now(),
        rows: usize::try_from(number("--rows", &flags.rows, 0..=1000)?).expect("it is at most a thousand"),
        advise: hints::advise,
    })
}

/// Returns the connections for an object.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn connections(stores: &StoreFlags) -> anyhow::Result<Connections> {
    Ok(Connections::new(connect_options(stores)?))
}

/// Returns the options for reading logs.
fn reading_options(flags: &ReadingFlags) -> anyhow::Result<ReadingOptions> {
    let (max_text_bytes, max_ratio) = (flags.max_text_bytes.as_deref(), flags.max_ratio.as_deref());
    Ok(ReadingOptions {
        max_text_bytes: max_text_bytes.map(|text| bytes("--max-text-bytes", text)).transpose()?,
        max_ratio: max_ratio.map(|text| number("--max-ratio", text, 1..=u64::MAX)).transpose()?,
        ..line_options(&flags.lines)?
    })
}

/// Returns the options for reading the lines of logs, with the default limits.
fn line_options(flags: &LineFlags) -> anyhow::Result<ReadingOptions> {
    Ok(ReadingOptions {
        fields: field_lists::read(&flags.fields, &flags.allow_field)?,
        format: formats::change(flags.format.as_deref(), formats::log_format)?,
        delimiter: formats::change(flags.delimiter.as_deref(), formats::delimiter)?,
        allowed_fields: flags.allow_field.iter().cloned().collect(),
        ..ReadingOptions::default()
    })
}

/// Returns the options of any run that writes to a table.
///
/// # Errors
/// A flag is wrong; the error names it.
pub(crate) fn run_options(
    stores: &StoreFlags,
    flags: &RunFlags,
    reading: Option<&ReadingFlags>,
    destination: Destination,
) -> anyhow::Result<RunOptions> {
    let now = match &flags.now {
        Some(text) => time("--now", text)?,
        None => now(),
    };
    let threads = threads(flags.threads.as_deref())?;
    let memory_bytes = match &flags.memory_bytes {
        Some(text) => bytes("--memory-bytes", text)?,
        None => default_memory_bytes(threads),
    };
    let max_unreadable = flags.max_unreadable.as_deref();
    Ok(RunOptions {
        connections: source_connections(stores, &flags.source_stores, &destination.connections())?,
        destination,
        now,
        is_now_given: flags.now.is_some(),
        task_bytes: DEFAULT_TASK_BYTES,
        max_rejects: reading.and_then(|reading| reading.max_rejects.as_deref()).map(max_rejects).transpose()?,
        max_unreadable: max_unreadable.map(|text| number("--max-unreadable", text, 0..=u64::MAX)).transpose()?,
        resources: Resources { threads, memory_bytes },
        lease: LeaseOptions {
            lifetime: duration("--lease", &flags.lease)?,
            take_over: flags.take_over,
            holder: holder(),
        },
        single_writer: flags.single_writer,
        run_id: run_id(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        limits: Limits::default(),
        advise: hints::advise,
    })
}

/// Returns the number of compute threads; by default one per core.
///
/// # Errors
/// The number is 0 or larger than [`MAX_THREADS`].
pub(crate) fn threads(flag: Option<&str>) -> anyhow::Result<usize> {
    match flag {
        Some(text) => Ok(usize::try_from(number("--threads", text, 1..=MAX_THREADS)?)?),
        None => Ok(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

/// Returns the epoch of `--only-new`.
///
/// # Errors
/// The text is not a whole number.
pub(crate) fn only_new(flag: Option<&str>) -> anyhow::Result<Option<u64>> {
    flag.map(|text| number("--only-new", text, 0..=u64::MAX)).transpose()
}

/// Gives each source its `--source-id`.
fn with_ids(sources: Vec<Source>, ids: &[String]) -> anyhow::Result<Vec<Source>> {
    if ids.is_empty() {
        return Ok(sources);
    }
    if ids.len() != sources.len() {
        bail!(
            "`--source-id`: {} given for {} sources\nhint: give one for each, in their order",
            ids.len(),
            sources.len()
        );
    }
    if let Some(double) = ids.iter().enumerate().find(|(index, id)| ids.iter().take(*index).any(|before| before == *id))
    {
        bail!(
            "`--source-id {}`: given twice\nhint: a log is known by its source's id and its name below it, so each source needs an id of its own",
            printable_name(double.1)
        );
    }
    Ok(sources.into_iter().zip(ids).map(|(source, id)| source.with_id(id)).collect::<Result<_, _>>()?)
}

/// Returns a text that no other run has: the keys of a hash map come from the operating system's random numbers.
fn run_id() -> String {
    let random = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}-{}-{}", random(), random(), std::process::id(), now().as_nanosecond())
}

/// Returns the host name and the process id of this run. The host name differs in every container, so that the same name
/// means the same machine.
fn holder() -> Holder {
    let host = uname();
    Holder { host: printable_name(&host.nodename().to_string_lossy()), pid: std::process::id() }
}

/// Returns a table schema by its name, or from a file.
///
/// # Errors
/// There is no such name or file, or the file is not a table schema.
pub(crate) fn schema(name_or_file: &str) -> anyhow::Result<TableSchema> {
    if let Some(schema) = TableSchema::embedded(name_or_file) {
        return Ok(schema);
    }
    let is_name = !name_or_file.contains(['/', '.']);
    let names = TableSchema::EMBEDDED_NAMES.join("`, `");
    let text = read_text(Path::new(name_or_file)).map_err(|error| {
        if is_name && error.is_not_found() {
            anyhow!("`{}` is not a table schema\nhint: `{names}`, or a file", printable_name(name_or_file))
        } else {
            error.into()
        }
    })?;
    Ok(TableSchema::from_toml(&text, &printable_name(name_or_file))?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only place where the clock is read; everything else gets the time from here"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

fn selection(flags: &SelectionFlags, now: Timestamp) -> anyhow::Result<Selection> {
    let mut selection = Selection::from_globs(&flags.include, &flags.exclude)?;
    selection.distribution.clone_from(&flags.distribution);
    selection.from_hour = flags.from.as_deref().map(|text| hour("--from", text, now)).transpose()?;
    selection.to_hour = flags.to.as_deref().map(|text| hour("--to", text, now)).transpose()?;
    if let (Some(from), Some(to)) = (selection.from_hour, selection.to_hour)
        && from >= to
    {
        bail!("`--from` must be before `--to`: the range is empty");
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use lakefront_operations::{
        DEFAULT_LEASE,
        options::{DEFAULT_SCHEMA, DEFAULT_SETTLE},
    };

    use super::*;

    #[test]
    fn the_defaults_of_flags_are_those_of_the_operations() {
        let folder = tempfile::tempdir().unwrap();
        let (logs, table) = (folder.path().join("logs"), folder.path().join("table"));
        let flags = Flags::try_parse_from(["lakefront", "convert", logs.to_str().unwrap(), table.to_str().unwrap()]);
        let flags = flags.unwrap();
        let Command::Convert(convert) = &flags.command else { panic!("another command was parsed") };
        let (sources, destination) = (Vec::new(), destination(&flags.stores, table.to_str().unwrap(), None).unwrap());
        let options = convert_options(&flags.stores, convert, sources, destination).unwrap();
        assert_eq!(options.settle, DEFAULT_SETTLE);
        assert_eq!(options.run.task_bytes, DEFAULT_TASK_BYTES);
        assert_eq!(options.run.lease.lifetime, DEFAULT_LEASE);
        assert_eq!(options.run.resources.memory_bytes, default_memory_bytes(options.run.resources.threads));
        let ddl = Flags::try_parse_from(["lakefront", "ddl", table.to_str().unwrap()]).unwrap();
        let Command::Ddl(ddl) = &ddl.command else { panic!("another command was parsed") };
        assert_eq!(ddl.name, DEFAULT_SCHEMA);
    }
}
