//! The command line as it was typed. Nothing is read or checked here; `options` turns flags into options.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Turns raw Amazon CloudFront access logs into a Hive-partitioned Parquet table.
#[derive(Debug, Parser)]
#[command(version, about, bin_name = "lakefront", max_term_width = 100, after_help = EXAMPLES, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Flags {
    #[command(subcommand)]
    pub(crate) command: Command,

    #[command(flatten)]
    pub(crate) output: OutputFlags,

    #[command(flatten)]
    pub(crate) stores: StoreFlags,
}

const EXAMPLES: &str = "\
Examples:
  lakefront convert ./logs ./lake/cf_logs
      Convert every log below ./logs that the table does not have yet.
  lakefront convert ./logs ./lake/cf_logs --dry-run
      Print what that would read, and write nothing.
  lakefront convert s3://logs/cf s3://lake/cf_logs
      The same from bucket to bucket, with the credentials and region that the AWS CLI finds.
  lakefront ddl ./lake/cf_logs --database logs --table cf_logs --location s3://bucket/lake/cf_logs
      Print the SQL that creates the table in Athena.
  lakefront status ./lake/cf_logs
      Show what is in the table, what failed, and which run is active.
  lakefront schema cf_logs_wide
      Print a table schema, to use it or to start your own from it.

Exit status:
  0  done; rejected rows are only a warning
  1  stopped before the end
  2  wrong usage
  3  finished, but some objects failed, changed, vanished or could not be listed
  75 another run is active on the table: run again later";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Convert the logs that a table does not have yet
    Convert(Box<ConvertFlags>),
    /// Show what is in a table, what failed, what waits, and which run is active
    Status(StateFlags),
    /// Verify a table against its state: every row must be there exactly once
    Verify(VerifyFlags),
    /// Retry the objects that failed
    Retry(Box<RetryFlags>),
    /// Redo an interrupted run that `convert` refuses to finish; no other run may be active
    Resolve(Box<ResolveFlags>),
    /// Regenerate the state's index files from its log
    RebuildState(StateFlags),
    /// Print the SQL that creates a table in Athena, Spark or Hive
    Ddl(DdlFlags),
    /// Print a table schema
    Schema(SchemaFlags),
    /// Look into one log: its format, fields, rows and rejected lines, and why it cannot be converted
    Inspect(InspectFlags),
}

/// Flags for messages on stderr.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputFlags {
    /// Print more on stderr: -v for steps, -vv for tasks
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// Print only errors and warnings: no progress, no summary
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// Format of messages on stderr
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// Flags for object stores. Settings that are not given come from the environment and its configuration files.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Object stores (s3://, gs://, az://)")]
pub(crate) struct StoreFlags {
    /// Profile of ~/.aws/config
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Region of S3 buckets
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Endpoint of an S3-compatible store: `https://host[:port]`
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Send no credentials: for public buckets
    #[arg(long, global = true)]
    pub(crate) no_sign_request: bool,

    /// Pay for S3 requests to buckets whose owner does not pay
    #[arg(long, global = true, value_enum, value_name = "WHO")]
    pub(crate) request_payer: Option<RequestPayer>,

    /// Server-side encryption of objects written to S3: `AES256` or `aws:kms` [default: the bucket's setting]
    #[arg(long, global = true, value_name = "HOW")]
    pub(crate) sse: Option<String>,

    /// KMS key for `--sse aws:kms` [default: the account's key for S3]
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) sse_kms_key_id: Option<String>,

    /// Canned ACL of objects written to S3
    #[arg(long, global = true, value_enum, value_name = "ACL")]
    pub(crate) acl: Option<Acl>,

    /// Place of the bucket name in S3 requests [default: the host; with an endpoint, the path]
    #[arg(long, global = true, value_enum, value_name = "STYLE")]
    pub(crate) addressing_style: Option<AddressingStyle>,

    /// Allow `http://` endpoints on other machines: logs and credentials are sent unencrypted
    #[arg(long, global = true)]
    pub(crate) allow_http: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestPayer {
    /// The account of the credentials
    Requester,
}

/// Canned ACLs that give access only to known accounts: those that make access logs public are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Acl {
    /// No access for other accounts
    Private,
    /// The bucket's owner may read
    BucketOwnerRead,
    /// The bucket's owner may read, change and delete
    BucketOwnerFullControl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddressingStyle {
    /// In the host; in the path if an endpoint is given or the name has dots
    Auto,
    /// `https://endpoint/bucket/key`
    Path,
    /// `https://bucket.endpoint/key`
    Virtual,
}

/// Flags for logs in another account or store than the table.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logs in another account or store than the table")]
pub(crate) struct SourceStoreFlags {
    /// Overrides --profile for the logs
    #[arg(id = "source-profile", long = "source-profile", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Overrides --region for the logs
    #[arg(id = "source-region", long = "source-region", value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Overrides --endpoint-url for the logs
    #[arg(id = "source-endpoint-url", long = "source-endpoint-url", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Send no credentials for the logs
    #[arg(id = "source-no-sign-request", long = "source-no-sign-request")]
    pub(crate) no_sign_request: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Readable lines
    Text,
    /// One JSON object per line
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = CONVERT_EXAMPLES)]
pub(crate) struct ConvertFlags {
    /// The logs, and last the table: folders, or URLs like `s3://bucket/prefix`
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TABLE"])]
    pub(crate) locations: Vec<String>,

    #[command(flatten)]
    pub(crate) selection: SelectionFlags,

    #[command(flatten)]
    pub(crate) reading: ReadingFlags,

    #[command(flatten)]
    pub(crate) table: TableFlags,

    /// Print what would be read and what waits, and write nothing
    #[arg(long, help_heading = "Execution")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) run: RunFlags,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  lakefront convert ./logs ./lake/cf_logs
      Everything new below ./logs: 29 columns, one partition per hour.
  lakefront convert ./logs ./lake/cf_logs --from 2024-05-01 --to 2024-06-01 --distribution E1EXAMPLE
      One month of one distribution.
  lakefront convert ./logs ./lake/cf_logs --from -3d --report report.json --quiet
      For cron: new logs of the last three days, quiet, with a report.
  lakefront convert ./logs ./lake/cf_logs --schema cf_logs_wide --partition-by day
      All fields of CloudFront, one partition per day: fewer and larger files.
  lakefront convert ./realtime ./lake/realtime --fields @fields.txt
      Real-time logs have no header: name their fields.

Rejected rows and failed objects are kept in TABLE.lakefront/quarantine/.";

#[derive(Debug, Args)]
#[command(next_help_heading = "Selection of objects")]
pub(crate) struct SelectionFlags {
    /// Only objects whose name matches; may be given more than once. A pattern without `/` matches the last part of a name
    /// (`*.gz`), a pattern with `/` the whole name: the path below the source, or the key in a bucket (`cf/2025/**`)
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Skip objects whose name matches, and all objects below a folder that a pattern without `/` matches (`lost+found`);
    /// may be given more than once
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Only objects of this distribution
    #[arg(long, value_name = "ID")]
    pub(crate) distribution: Option<String>,

    /// Only objects of this hour (UTC, from their name) or later: `2024-05-17`, `2024-05-17T10`, `-3d`, `-6h`. Skips
    /// objects without an hour in their names
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,

    /// Only objects before this hour
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,

    /// Leave logs of hours that ended less than this ago to a later run: `2h`, `90m`; with `0` no hour waits, not even the
    /// current one
    #[arg(long, value_name = "DURATION", default_value = "2h", allow_hyphen_values = true)]
    pub(crate) settle: String,

    /// Name of the source, used instead of its location: logs stay known when they move. Once for each SOURCE, in order
    #[arg(long, value_name = "NAME")]
    pub(crate) source_id: Vec<String>,

    /// Read a source that the table knows by another `--source-id`, or by none: all its logs are new then, and rows of logs
    /// that were already converted are added to the table a second time
    #[arg(long)]
    pub(crate) new_identity: bool,

    /// Succeed if no object is found
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reading of logs")]
pub(crate) struct ReadingFlags {
    #[command(flatten)]
    pub(crate) lines: LineFlags,

    /// Exit with 1 if more rows are rejected: a number stops the run as soon as it is exceeded, a share like `0.1%` is
    /// checked at the end of the run
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true)]
    pub(crate) max_rejects: Option<String>,

    /// Fail logs with more text than this [default: as in the last run, or 64GiB]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) max_text_bytes: Option<String>,

    /// Fail logs over 64 MiB of text that expand more than N-fold [default: as in the last run, or 200]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) max_ratio: Option<String>,
}

/// Flags for reading the lines of logs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading of logs")]
pub(crate) struct LineFlags {
    /// Field names of logs without a header, separated by blanks or commas, or a file with them, as `@FILE`; may be given
    /// more than once: each line is read with the list that has as many names as the line has cells
    #[arg(long, value_name = "LIST|@FILE")]
    pub(crate) fields: Vec<String>,

    /// Format of all logs: `w3c`, `plain`, `json` or `raw`. By default, and with `auto`, each log's format is found by its first
    /// lines
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,

    /// Characters between the cells of a log whose first line of data has no TAB, 1 to 5: needed for others than `,` `;` `|` a blank
    /// and `::`, which are found, as with `auto`
    #[arg(long, value_name = "TEXT|auto", allow_hyphen_values = true)]
    pub(crate) delimiter: Option<String>,

    /// Accept a field of this name, although CloudFront is not known to have it; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_field: Vec<String>,
}

/// Identity of a log when it is listed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdentityFlag {
    /// Its source and key
    Key,
    /// The last segment of its key
    Name,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Table settings")]
pub(crate) struct TableFlags {
    /// Table schema: `cf_logs`, `cf_logs_wide`, or a file of your own (see `lakefront schema`); fixed by the table's first
    /// run [default: the table's, or `cf_logs`]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) schema: Option<String>,

    /// Append the columns of `--schema` that the table does not have; this cannot be undone. Then add them in the query
    /// engines: `lakefront ddl` prints ALTER TABLE ... ADD COLUMNS; see docs/operations.md
    #[arg(long, requires = "schema")]
    pub(crate) extend_schema: bool,

    /// Period of one partition [default: the table's, or hour]
    #[arg(long, value_name = "year|month|day|hour")]
    pub(crate) partition_by: Option<String>,

    /// Identity of a log that is listed again: `key`, its source and key; or `name`, the last segment of its key in any
    /// folder. Fixed by the table's first run [default: the table's, or key]
    #[arg(long, value_enum, value_name = "key|name")]
    pub(crate) identity: Option<IdentityFlag>,

    /// Compression: `zstd(1)` to `zstd(22)`, `snappy` or `none` [default: as in the last run, or zstd(3)]
    #[arg(long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,

    /// Largest size of a data file [default: as in the last run, or 128MiB]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) max_file_bytes: Option<String>,

    /// Compressed bytes of logs per task; each task writes one data file or more in each partition
    #[arg(long, value_name = "BYTES", default_value = "64MiB", allow_hyphen_values = true)]
    pub(crate) task_bytes: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Execution")]
pub(crate) struct RunFlags {
    /// Folder of the table's state [default: TABLE.lakefront, next to it]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<String>,

    /// Treat a run as dead after this long without a heartbeat
    #[arg(long, value_name = "DURATION", default_value = "10m", allow_hyphen_values = true)]
    pub(crate) lease: String,

    /// Take over an unfinished epoch at once, even if another run holds it
    #[arg(long)]
    pub(crate) take_over: bool,

    /// You guarantee that only one run at a time writes to this table: for stores that ignore put-if-absent
    #[arg(long)]
    pub(crate) single_writer: bool,

    /// Stop after this many logs could not be read [default: 100, or 20 if none could be read]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) max_unreadable: Option<String>,

    /// Also write the summary as JSON to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Number of compute threads [default: one per core]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) threads: Option<String>,

    /// Memory limit [default: 128MiB x (threads + 2)]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) memory_bytes: Option<String>,

    /// Use this time (UTC) instead of the clock, as `2024-05-17T10:00:00Z`: to repeat a run exactly
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) now: Option<String>,

    #[command(flatten)]
    pub(crate) source_stores: SourceStoreFlags,
}

/// A table and its state.
#[derive(Debug, Args)]
pub(crate) struct StateFlags {
    /// The table: a folder, or a URL like `s3://bucket/prefix`
    pub(crate) table: String,

    /// Folder of its state [default: TABLE.lakefront, next to it]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyFlags {
    #[command(flatten)]
    pub(crate) table: StateFlags,

    /// Also compare the bytes of every data file: by the checksum that the store keeps, or by reading them
    #[arg(long)]
    pub(crate) deep: bool,

    /// Accept that data files of partitions that end before this day are missing, as a lifecycle rule deleted them
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,

    /// Number of threads that read [default: one per core]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) threads: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RetryFlags {
    /// The table: a folder, or a URL like `s3://bucket/prefix`
    pub(crate) table: String,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) reading: ReadingFlags,

    #[command(flatten)]
    pub(crate) run: RunFlags,
}

#[derive(Debug, Args)]
pub(crate) struct ResolveFlags {
    /// The table: a folder, or a URL like `s3://bucket/prefix`
    pub(crate) table: String,

    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) run: RunFlags,
}

#[derive(Debug, Args)]
pub(crate) struct DdlFlags {
    /// The table: a folder, or a URL like `s3://bucket/prefix`
    pub(crate) table: String,

    /// Database of the table: lower-case letters, digits, `_` and `-` [default: the current one]
    #[arg(long, value_name = "NAME")]
    pub(crate) database: Option<String>,

    /// Name of the table: lower-case letters, digits, `_` and `-`. Spark and Hive refuse names with `-`, Athena accepts
    /// them
    #[arg(long = "table", value_name = "NAME", default_value = "cf_logs")]
    pub(crate) name: String,

    /// Location of the table's files for the query engine, like `s3://bucket/lake/cf_logs` [default: their location]
    #[arg(long, value_name = "URL")]
    pub(crate) location: Option<String>,

    /// Describe partitions by rules in the table's properties (Athena's partition projection), not by a list
    #[arg(long)]
    pub(crate) projection: bool,

    /// Table schema that the table was written with [default: from its state, or else from its data files]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) schema: Option<String>,

    /// Folder of the table's state [default: TABLE.lakefront, next to it]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<String>,

    /// Only partitions that epochs after this one added, and the columns that they appended
    #[arg(long, value_name = "EPOCH", allow_hyphen_values = true)]
    pub(crate) only_new: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_long_help = INSPECT_EXAMPLES)]
pub(crate) struct InspectFlags {
    /// The log: a file, the URL of an object, or `-` for the standard input
    pub(crate) object: String,

    /// Table schema: `cf_logs`, `cf_logs_wide` or a file of your own
    #[arg(long, value_name = "NAME|FILE", default_value = "cf_logs_wide")]
    pub(crate) schema: String,

    /// Number of rows to show
    #[arg(long, value_name = "N", default_value = "3", allow_hyphen_values = true)]
    pub(crate) rows: String,

    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) lines: LineFlags,
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  lakefront inspect logs/E1EXAMPLE.2025-01-02-03.0123abcd.gz
      What `convert` would make of this log.
  lakefront inspect s3://logs/cf/E1EXAMPLE.2025-01-02-03.0123abcd.gz --json
      The same of an object in a bucket, for another program.
  zcat some.gz | head -100 | lakefront inspect - --fields @fields.txt
      Do these names fit the lines?

The exit status is 3 if the log cannot be converted.";

#[derive(Debug, Args)]
pub(crate) struct SchemaFlags {
    /// `cf_logs`, `cf_logs_wide` or a file of your own; without it, all names are printed
    pub(crate) schema: Option<String>,

    /// Output format
    #[arg(long, value_enum, default_value_t = SchemaFormat::Toml, value_name = "FORMAT")]
    pub(crate) format: SchemaFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// A file for `--schema`
    Toml,
    /// Arrow fields
    Arrow,
    /// Athena, Spark and Hive columns
    Sql,
}
