//! Where bytes live: list, fetch, store.
//!
//! This crate is the only one that touches files. It knows nothing of logs, rows or Parquet: only locations, objects,
//! stores and bytes. Read it in this order:
//!
//! 1. [`Source::parse`] and [`Folder::parse`] turn a typed text into a location.
//! 2. [`list()`] is stage 1: it finds every [`Object`] below the sources and gives each identity once.
//! 3. [`fetch()`] and [`open()`] are stage 3: they read an object, pinned to the version that was listed.
//! 4. [`Store`] is stage 9: names that are written once and whole, or not at all. A [`Backend`] is one kind of store.
//! 5. [`read_text`] and [`write_text`] read and write the small files that a person names on the command line.
//!
//! **Which stores.** The local disk, through `std::fs` and blocking calls; and buckets, through `object_store`, whose async code is
//! confined to `remote`. Both have the same types: no type here shows a path where a key would do, versions are opaque
//! texts, and every call may block. Buckets are reached through [`Connections`].
//!
//! **Errors.** One [`Error`] for the crate; each variant says what was being done and to which thing. Names that come
//! from outside are escaped wherever they are shown, so that no file name can drive a terminal.
//!
//! ```
//! use lakefront_storage::{Connections, Everything, Source, Store, fetch, list};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let place = tempfile::tempdir()?;
//! # let logs = place.path().join("logs");
//! # Store::open_local(&logs, &place.path().join("tmp"))?.put_if_absent("E1.gz", b"log text")?;
//! let source = Source::parse(&logs.to_string_lossy())?;
//! let mut objects = Vec::new();
//! let connections = Connections::default();
//! let listing = list(&[source], &connections, &Everything, &mut |object| objects.push(object), &mut |_count| {}, &|| false)?;
//! for object in &objects {
//!     println!("{} holds {} bytes", object.location(), fetch(&connections, object)?.len());
//! }
//! # assert_eq!((objects.len(), listing.failures.len()), (1, 0));
//! # Ok(())
//! # }
//! ```

// 1. A typed text -> a location: sources of logs, and folders that stores are opened in.
mod file_url;
mod folder;
mod local_path;
mod source;

// 2. Names, as they are shown.
mod printable;

// 3. One listed log object: identity, name, version.
mod object;

// 4. Stage 1.
mod key_guide;
mod list;
mod listing;

// 5. Stage 3.
mod fetch;
mod prefetch;

// Stages 1 and 3 on the local disk and in buckets.
mod local_logs;
mod log_source;
mod log_sources;

// 6. Stage 9.
mod store;

// 7. The operations of a kind of store, and the checksum that some keep.
mod backend;
mod crc64nvme;

// 8. Stage 9 on the local disk.
mod local;

// 9. Buckets: all three stages, and how to get in.
mod remote;

// 10. Small text files that a person names.
mod text;
mod threads;

// 11. The limit of open files.
mod open_files;

// 12. Errors.
pub mod error;
mod scheme;

// 13. Stores that forget, fail and crash on purpose.
#[cfg(feature = "testing")]
pub mod testing;

pub use backend::{Backend, Entry, Lock, StagedBytes, StoredChecksum};
pub use crc64nvme::{Crc64Nvme, Crc64NvmeDigest};
pub use error::Error;
pub use fetch::{ObjectReader, fetch, open};
pub use folder::{Folder, LocalFolder};
pub use key_guide::{Everything, KeyGuide, Look};
pub use list::list;
pub use listing::{ListFailure, ListFlaw, Listing};
pub use object::Object;
pub use open_files::{open_files_left, raise_open_files};
pub use prefetch::FetchAhead;
pub use printable::{escaped_symbol, is_visible, printable_name};
pub use remote::{Addressing, ConnectOptions, Connections, Encryption};
pub use source::Source;
pub use store::{Staged, Store};
pub use text::{read_text, write_text};
pub use threads::{address_limit_bytes, thread_limits};
