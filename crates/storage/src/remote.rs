//! Buckets: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.
//!
//! ```text
//!   url, arn    what was typed            -> bucket and prefix
//!   settings, environment, aws, credentials, trust, region    -> how to get in
//!   named_files size limits of the files that these are read from
//!   connections, threads                  -> a client for each bucket
//!   shares      limits of requests and connections
//!   wire        each request out: signed, retried; each answer in: refusals read
//!   transport   bytes out and in, with a limit on silence
//!   secrets     removed from answers before they are shown
//!   direct, pages, listing                stage 1
//!   read                                  stage 3
//!   logs        stages 1 and 3 of all buckets
//!   storing, spool                        stage 9
//!   failure     what a store answered     -> what an operator can do
//!   concern     a refused read            -> one object's matter, or ours
//! ```
//!
//! This is the only code that is not blocking: it runs on threads of its own, and whoever calls waits.

mod arn;
mod aws;
mod concern;
mod connections;
mod credentials;
mod direct;
mod environment;
mod failure;
mod listing;
mod logs;
mod named_files;
mod pages;
mod read;
mod region;
mod retry;
mod secrets;
mod settings;
mod shares;
mod spool;
mod storing;
mod threads;
mod transport;
mod trust;
mod url;
mod wire;

pub use self::connections::Connections;
pub use self::settings::{Addressing, ConnectOptions, Encryption};

pub(crate) use self::listing::{first_key, first_keys};
pub(crate) use self::logs::BucketLogs;
pub(crate) use self::pages::Found;
pub(crate) use self::storing::RemoteStore;
pub(crate) use self::url::{Bucket, Prefix};
