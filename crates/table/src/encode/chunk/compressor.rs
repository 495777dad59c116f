//! A page's bytes in, the compressed page out.

use std::{cell::RefCell, io};

use parquet::errors::ParquetError;
use zstd::zstd_safe::{CParameter, ParamSwitch, Strategy};

use crate::encode::Compression;

thread_local! {
    /// Compressors are large and slow to create, and there are thousands of pages: a thread keeps its own, one for each way
    /// that it has used.
    static OF_THREAD: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
}

/// Way to compress a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    As(Compression),
    /// By zstd, which looks for a match only each time that it has passed this number of bytes: for values in which nothing
    /// repeats but their ends.
    Every(u32),
}

/// Compresses pages, for one thread.
struct Compressor {
    way: Way,
    codec: Codec,
    /// The compressed page, before it is copied.
    output: Vec<u8>,
}

enum Codec {
    Zstd(zstd::bulk::Compressor<'static>),
    Snappy(Box<snap::raw::Encoder>),
    None,
}

/// Compresses a page.
///
/// # Errors
/// The codec's: a level that it does not have.
pub(crate) fn compress(way: Way, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
    OF_THREAD.with_borrow_mut(|kept| {
        if let Some(compressor) = kept.iter_mut().find(|compressor| compressor.way == way) {
            return compressor.compress(page);
        }
        let mut compressor = Compressor::try_new(way)?;
        let compressed = compressor.compress(page);
        kept.push(compressor);
        compressed
    })
}

impl Compressor {
    fn try_new(way: Way) -> Result<Self, ParquetError> {
        let codec = match way {
            Way::As(Compression::Zstd(level)) => Codec::Zstd(zstd::bulk::Compressor::new(i32::from(level))?),
            Way::As(Compression::Snappy) => Codec::Snappy(Box::new(snap::raw::Encoder::new())),
            Way::As(Compression::None) => Codec::None,
            Way::Every(step) => Codec::Zstd(with_step(step)?),
        };
        Ok(Self { way, codec, output: Vec::new() })
    }

    fn compress(&mut self, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
        let Self { codec, output, .. } = self;
        output.clear();
        match codec {
            Codec::Zstd(zstd) => {
                output.reserve(zstd::zstd_safe::compress_bound(page.len()));
                zstd.compress_to_buffer(page, output)?;
            }
            Codec::Snappy(snappy) => {
                output.resize(snap::raw::max_compress_len(page.len()), 0);
                let bytes = snappy.compress(page, output).map_err(|error| ParquetError::External(Box::new(error)))?;
                output.truncate(bytes);
            }
            Codec::None => return Ok(page.to_vec()),
        }
        // A copy of the right size: the memory for the longest output is kept for the next page.
        Ok(output.as_slice().to_vec())
    }
}

/// Returns a compressor that looks for matches every `step` bytes only.
fn with_step(step: u32) -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut zstd = zstd::bulk::Compressor::new(1)?;
    for parameter in [
        CParameter::Strategy(Strategy::ZSTD_fast),
        // This strategy skips one byte more.
        CParameter::TargetLength(step - 1),
        CParameter::MinMatch(4),
        CParameter::HashLog(8),
        // Otherwise zstd would store the bytes between matches as they are.
        CParameter::LiteralCompressionMode(ParamSwitch::Enable),
    ] {
        zstd.set_parameter(parameter)?;
    }
    Ok(zstd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_with_one_end_are_compressed_in_steps_as_well_as_by_the_first_level() {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut state = 7_u64;
        let mut letter = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            LETTERS[(state >> 58) as usize]
        };
        let id = |_| [&56_u32.to_le_bytes()[..], &std::array::from_fn::<u8, 54, _>(|_| letter()), b"=="].concat();
        let page: Vec<u8> = (0..10_000).flat_map(id).collect();
        let [in_steps, by_level] =
            [Way::Every(27), Way::As(Compression::Zstd(1))].map(|way| compress(way, &page).unwrap());
        assert!(in_steps.len() * 100 <= by_level.len() * 101, "{} and {}", in_steps.len(), by_level.len());
        assert_eq!(zstd::bulk::decompress(&in_steps, page.len()).unwrap(), page);
    }
}
