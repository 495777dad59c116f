//! What was typed. Nothing here touches the world; what it means is in `options`.

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
      Say what that would read, and write nothing.
  lakefront convert s3://logs/cf s3://lake/cf_logs
      The same from bucket to bucket; credentials and region as the AWS CLI finds them.
  lakefront ddl ./lake/cf_logs --database logs --table cf_logs --location s3://bucket/lake/cf_logs
      Print the SQL that makes the table known to Athena.
  lakefront status ./lake/cf_logs
      Say what is in the table, what failed, and who is at work on it.
  lakefront schema cf_logs_wide
      Print a table schema, to use it or to make your own of it.

Exit status:
  0  done; rejected rows alone are a warning
  1  stopped before the end
  2  wrong usage
  3  finished, but some objects failed, changed, vanished or could not be listed
  75 another run is at work on the table: run again later";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Convert the logs that a table does not have yet
    Convert(Box<ConvertFlags>),
    /// Say what is in a table, what failed, what waits, and who is at work on it
    Status(StateFlags),
    /// Hold a table and its state against each other: is every row there, once?
    Verify(VerifyFlags),
    /// Try the objects again that failed before
    Retry(Box<RetryFlags>),
    /// Do over what is left of an open epoch that cannot just be finished; no other run may be active
    Resolve(Box<ResolveFlags>),
    /// Make those parts of a state anew that follow from the plan log
    RebuildState(StateFlags),
    /// Print the SQL that makes a table known to Athena, Spark or Hive
    Ddl(DdlFlags),
    /// Print a table schema
    Schema(SchemaFlags),
}

/// What is told while the program runs.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputFlags {
    /// Say more on stderr: -v for steps, -vv for tasks
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(crate) verbose: u8,

    /// Say nothing but errors and warnings: no progress, no summary
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,

    /// How messages on stderr are written
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
}

/// How buckets are reached. What is not said comes from the environment and its configuration files.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Object stores (s3://, gs://, az://)")]
pub(crate) struct StoreFlags {
    /// A profile of ~/.aws/config
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The region of S3 buckets
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Where an S3-compatible store answers, as `https://host[:port]`
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Send no credentials: for public buckets
    #[arg(long, global = true)]
    pub(crate) no_sign_request: bool,

    /// Who pays for S3 requests to a bucket whose owner does not
    #[arg(long, global = true, value_enum, value_name = "WHO")]
    pub(crate) request_payer: Option<RequestPayer>,

    /// Have S3 encrypt what is written: `AES256` or `aws:kms` [default: as the bucket says]
    #[arg(long, global = true, value_name = "HOW")]
    pub(crate) sse: Option<String>,

    /// The key for `--sse aws:kms` [default: the account's key for S3]
    #[arg(long, global = true, value_name = "KEY")]
    pub(crate) sse_kms_key_id: Option<String>,

    /// Who else may read what is written to S3, as a canned ACL
    #[arg(long, global = true, value_enum, value_name = "ACL")]
    pub(crate) acl: Option<Acl>,

    /// How buckets are named in S3 requests [default: in the host; in the path with an endpoint]
    #[arg(long, global = true, value_enum, value_name = "STYLE")]
    pub(crate) addressing_style: Option<AddressingStyle>,

    /// Allow `http://` endpoints on other machines: logs and credentials can be read on the way
    #[arg(long, global = true)]
    pub(crate) allow_http: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RequestPayer {
    /// We do
    Requester,
}

/// The canned ACLs that give access logs to nobody but accounts one knows: those that make them public are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Acl {
    /// Nobody else
    Private,
    /// The bucket's owner
    BucketOwnerRead,
    /// The bucket's owner, who may change and delete it, too
    BucketOwnerFullControl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AddressingStyle {
    /// In the host, but in the path where an endpoint is given or the name has dots
    Auto,
    /// `https://endpoint/bucket/key`
    Path,
    /// `https://bucket.endpoint/key`
    Virtual,
}

/// Where the logs are in another account or store than the table.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Logs in another account or store than the table")]
pub(crate) struct SourceStoreFlags {
    /// Instead of --profile, for the logs
    #[arg(id = "source-profile", long = "source-profile", value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Instead of --region, for the logs
    #[arg(id = "source-region", long = "source-region", value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// Instead of --endpoint-url, for the logs
    #[arg(id = "source-endpoint-url", long = "source-endpoint-url", value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,

    /// Send no credentials for the logs
    #[arg(id = "source-no-sign-request", long = "source-no-sign-request")]
    pub(crate) no_sign_request: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// A line for people
    Text,
    /// A JSON object a line
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = CONVERT_EXAMPLES)]
pub(crate) struct ConvertFlags {
    /// Where the logs are, and last the table: folders, or URLs like `s3://bucket/prefix`
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TABLE"])]
    pub(crate) locations: Vec<String>,

    #[command(flatten)]
    pub(crate) selection: SelectionFlags,

    #[command(flatten)]
    pub(crate) reading: ReadingFlags,

    #[command(flatten)]
    pub(crate) table: TableFlags,

    /// Say what would be read and what waits, and write nothing
    #[arg(long, help_heading = "How it runs")]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) run: RunFlags,
}

const CONVERT_EXAMPLES: &str = "\
Examples:
  lakefront convert ./logs ./lake/cf_logs
      Everything below ./logs that is new: 29 columns, one partition an hour.
  lakefront convert ./logs ./lake/cf_logs --from 2024-05-01 --to 2024-06-01 --distribution E1EXAMPLE
      One month of one distribution.
  lakefront convert ./logs ./lake/cf_logs --from -3d --report report.json --quiet
      What is new in the last three days, from cron: silent, with a report to keep.
  lakefront convert ./logs ./lake/cf_logs --schema cf_logs_wide --partition-by day
      All fields CloudFront has, one partition a day: fewer and larger files.
  lakefront convert ./realtime ./lake/realtime --fields @fields.txt
      Real-time logs, which have no header: name their fields.

Rejected rows and failed objects are kept in TABLE.lakefront/quarantine/.";

#[derive(Debug, Args)]
#[command(next_help_heading = "Which objects")]
pub(crate) struct SelectionFlags {
    /// Only objects whose name matches; may be given more than once. A pattern without `/` is for the last part of a name
    /// (`*.gz`), one with `/` for the whole name: below its source, in a bucket the key (`cf/2025/**`)
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// No object whose name matches, and nothing below a folder that a pattern without `/` matches (`lost+found`); may be
    /// given more than once
    #[arg(long, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Only objects of this distribution
    #[arg(long, value_name = "ID")]
    pub(crate) distribution: Option<String>,

    /// Only objects of this hour (UTC, by their name) or later: `2024-05-17`, `2024-05-17T10`, `-3d`, `-6h`. Leaves out
    /// objects without an hour in their names
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,

    /// Only objects before this hour
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,

    /// Hours that ended less than this ago wait for a later run: `2h`, `90m`; with `0` no hour waits, not even the current
    /// one
    #[arg(long, value_name = "DURATION", default_value = "2h", allow_hyphen_values = true)]
    pub(crate) settle: String,

    /// A name for the source, instead of where it is: logs stay known when they move. Once for each SOURCE, in order
    #[arg(long, value_name = "NAME")]
    pub(crate) source_id: Vec<String>,

    /// Read a source that the table knows by another `--source-id`, or by none: all its logs are new then, and rows of those
    /// that were converted before come into the table twice
    #[arg(long)]
    pub(crate) new_identity: bool,

    /// Finding no object is fine
    #[arg(long)]
    pub(crate) allow_empty: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How logs are read")]
pub(crate) struct ReadingFlags {
    /// Field names of logs without a header, separated by blanks or commas, or `@FILE` that holds them; may be given more
    /// than once: a line is read by the list with as many names as it has cells
    #[arg(long, value_name = "LIST|@FILE")]
    pub(crate) fields: Vec<String>,

    /// A field of this name is right, though CloudFront is not known to have it; may be given more than once
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_field: Vec<String>,

    /// Exit with 1 when more rows are rejected: a number stops the run there, a share like `0.1%` is judged at its end
    #[arg(long, value_name = "N|P%", allow_hyphen_values = true)]
    pub(crate) max_rejects: Option<String>,

    /// An object with more text than this fails [default: as before, or 64GiB]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) max_text_bytes: Option<String>,

    /// An object with more than this many bytes of text for each of its bytes fails, past 64 MiB of text [default: as
    /// before, or 200]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) max_ratio: Option<String>,
}

/// What makes a log the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IdentityFlag {
    /// Its source and key
    Key,
    /// The last segment of its key
    Name,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What the table is like")]
pub(crate) struct TableFlags {
    /// Table schema: `cf_logs`, `cf_logs_wide`, or a file of your own (see `lakefront schema`); fixed with the table's first
    /// run [default: the table's, or `cf_logs`]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) schema: Option<String>,

    /// Append the columns that `--schema` has more than the table, for good. Readers have to be told: `lakefront ddl` prints
    /// ALTER TABLE ... ADD COLUMNS; see docs/operations.md
    #[arg(long, requires = "schema")]
    pub(crate) extend_schema: bool,

    /// One partition each [default: the table's, or hour]
    #[arg(long, value_name = "year|month|day|hour")]
    pub(crate) partition_by: Option<String>,

    /// What makes a log the same one when it is listed again: `key`, its place; or `name`, the last segment of its key,
    /// wherever it lies. Fixed with the table's first run [default: the table's, or key]
    #[arg(long, value_enum, value_name = "key|name")]
    pub(crate) identity: Option<IdentityFlag>,

    /// `zstd(1)` to `zstd(22)`, `snappy` or `none` [default: as before, or zstd(3)]
    #[arg(long, value_name = "CODEC")]
    pub(crate) compression: Option<String>,

    /// No data file is larger than this [default: as before, or 128MiB]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) max_file_bytes: Option<String>,

    /// Compressed bytes that make one unit of work, and so one data file or more in each partition
    #[arg(long, value_name = "BYTES", default_value = "64MiB", allow_hyphen_values = true)]
    pub(crate) task_bytes: String,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "How it runs")]
pub(crate) struct RunFlags {
    /// Where the table's state is [default: TABLE.lakefront, beside it]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<String>,

    /// Take an unfinished epoch over when its run gave no sign of life for so long
    #[arg(long, value_name = "DURATION", default_value = "10m", allow_hyphen_values = true)]
    pub(crate) lease: String,

    /// Take an unfinished epoch over at once, whoever works on it
    #[arg(long)]
    pub(crate) take_over: bool,

    /// You make sure that only one run at a time writes to this table: for stores that ignore put-if-absent
    #[arg(long)]
    pub(crate) single_writer: bool,

    /// Stop once this many logs could not be read [default: 100, or 20 if none could be read]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) max_unreadable: Option<String>,

    /// Write the summary as JSON to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Threads that compute [default: one for each core]
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pub(crate) threads: Option<String>,

    /// Memory to stay within [default: 128MiB, and 128MiB for each thread and one more]
    #[arg(long, value_name = "BYTES", allow_hyphen_values = true)]
    pub(crate) memory_bytes: Option<String>,

    /// Pretend that it is this time (UTC), as `2024-05-17T10:00:00Z`: to repeat a run exactly
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

    /// Where its state is [default: TABLE.lakefront, beside it]
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

    /// Read every data file, too, and compare its hash
    #[arg(long)]
    pub(crate) deep: bool,

    /// Data files of partitions that end before this day may be missing, as a lifecycle rule has expired them
    #[arg(long, value_name = "YYYY-MM-DD", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,

    /// Threads that read [default: one for each core]
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

    /// Name of the table: lower-case letters, digits, `_` and `-`. Spark and Hive refuse names with `-`, Athena takes them
    #[arg(long = "table", value_name = "NAME", default_value = "cf_logs")]
    pub(crate) name: String,

    /// Where the engine finds the table's files, like `s3://bucket/lake/cf_logs` [default: where they are]
    #[arg(long, value_name = "URL")]
    pub(crate) location: Option<String>,

    /// Describe partitions by rules in the table's properties (Athena's partition projection) instead of listing them
    #[arg(long)]
    pub(crate) projection: bool,

    /// The table schema that the table was made with [default: as its state, or else its data files say]
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) schema: Option<String>,

    /// Where the table's state is [default: TABLE.lakefront, beside it]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: Option<String>,

    /// Only partitions that epochs after this one added, and the columns that they appended
    #[arg(long, value_name = "EPOCH", allow_hyphen_values = true)]
    pub(crate) only_new: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SchemaFlags {
    /// `cf_logs`, `cf_logs_wide` or a file of your own; none: the names there are
    pub(crate) schema: Option<String>,

    /// What to print
    #[arg(long, value_enum, default_value_t = SchemaFormat::Toml, value_name = "FORMAT")]
    pub(crate) format: SchemaFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaFormat {
    /// As a file for `--schema`
    Toml,
    /// Arrow fields
    Arrow,
    /// Athena, Spark and Hive columns
    Sql,
}
