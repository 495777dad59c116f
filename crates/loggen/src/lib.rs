//! Writes realistic CloudFront standard logs from a seed: the same options give the same bytes, on any machine.
//!
//! The demo, the tests and the benchmarks read these logs. Nothing in them is real: addresses are of the documentation ranges
//! (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, `2001:db8::/32`), hosts of `example.com` and the like, and distributions
//! look like `E1EXAMPLE0A1B2` and `d111111abcdef8.cloudfront.net`.
//!
//! **Invariants**
//! - A log file is a function of the seed, its distribution's number, its hour and its number within that hour (and
//!   of the options that shape a file: rows, era, late rows). More hours, distributions or files an hour add files, and
//!   change no other file.
//! - All computations use whole numbers, and the random numbers are our own `SplitMix64`, so neither the machine nor a new
//!   version of a library changes a byte of the text.
//!
//! ```
//! use lakefront_loggen::{Options, objects};
//!
//! let options = Options { rows_per_file: 100, ..Options::default() };
//! let object = objects(&options).next().ok_or("no file")?;
//! assert!(object.key.ends_with(".gz"));
//! assert_eq!(object.text.lines().count(), 2 + 100);
//! let bytes = object.gzip()?;
//! assert_eq!(bytes[..2], [0x1f, 0x8b]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// 1. Options: the first hour, and everything else.
mod hour;

mod options;

// 2. Random numbers, and text as CloudFront escapes it.
mod random;

mod escape;

// 3. The invented web: distributions, paths, viewers, headers.
mod world;

// 4. One request, then its row, its log file, its folder.
mod request;

mod row;

mod object;

mod write;

// 5. Errors.
mod error;

pub use error::Error;
pub use hour::Hour;
pub use object::{LogObject, objects};
pub use options::{Era, Format, Options};
pub use write::{Summary, write};
