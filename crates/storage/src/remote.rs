//! Buckets: S3 and what speaks like it, Google Cloud Storage, Azure Blob Storage.
//!
//! ```text
//!   url, arn, bucket         what was typed -> bucket and prefix
//!   settings, environment, aws, credentials, trust, region, named_files    -> how to get in
//!   connections              a client for each bucket
//!   shares                   limits of requests and connections
//!   http_connector           each request out: signed, retried; each answer in: refusals read
//!   transport                bytes out and in, with a limit on silence
//!   secrets                  removed from answers before they are shown
//!   s3_requests, list_page, listing    stage 1
//!   read                     stage 3
//!   logs                     stages 1 and 3 of all buckets
//!   bucket_store, spool      stage 9
//!   failure, no_result       what a store answered, or that it did not
//!   request_context          -> the error
//!   concern                  a refused read -> one object's matter, or ours
//! ```
//!
//! Async code is confined to this folder. It runs on threads of its own; callers block.

mod arn;
mod aws;
mod bucket;
mod bucket_store;
mod concern;
mod connections;
mod credentials;
mod environment;
mod failure;
mod found;
mod http_connector;
mod list_page;
mod listing;
mod logs;
mod named_files;
mod no_result;
mod read;
mod region;
mod request_context;
mod retry;
mod s3_requests;
mod secrets;
mod settings;
mod shares;
mod spool;
mod transport;
mod trust;
mod url;

pub use self::connections::Connections;
pub use self::settings::{Addressing, ConnectOptions, Encryption};

pub(crate) use self::bucket::Bucket;
pub(crate) use self::bucket_store::BucketStore;
pub(crate) use self::found::Found;
pub(crate) use self::listing::{first_key, first_keys};
pub(crate) use self::logs::BucketLogs;
pub(crate) use self::url::Prefix;
