//! A page's bytes in, the compressed page out.

use std::cell::RefCell;

use parquet::errors::ParquetError;

use crate::encode::Compression;

thread_local! {
    /// Compressors are large and slow to create, and there are thousands of pages: a thread keeps its own, one for each level
    /// that it has used.
    static OF_THREAD: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
}

/// Compresses pages, for one thread.
struct Compressor {
    compression: Compression,
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
pub(crate) fn compress(compression: Compression, page: &[u8]) -> Result<Vec<u8>, ParquetError> {
    OF_THREAD.with_borrow_mut(|kept| {
        if let Some(compressor) = kept.iter_mut().find(|compressor| compressor.compression == compression) {
            return compressor.compress(page);
        }
        let mut compressor = Compressor::try_new(compression)?;
        let compressed = compressor.compress(page);
        kept.push(compressor);
        compressed
    })
}

impl Compressor {
    fn try_new(compression: Compression) -> Result<Self, ParquetError> {
        let codec = match compression {
            Compression::Zstd(level) => Codec::Zstd(zstd::bulk::Compressor::new(i32::from(level))?),
            Compression::Snappy => Codec::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::None => Codec::None,
        };
        Ok(Self { compression, codec, output: Vec::new() })
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
        // A copy of the right size, as it is kept until the row group is complete.
        Ok(output.as_slice().to_vec())
    }
}
