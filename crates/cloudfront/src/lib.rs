//! What CloudFront writes: decompress, decode, enrich.
