//! A data file on its way to a bucket: it has to be there whole before the one request that writes it.
//!
//! Small ones wait in memory, others in a temporary file of this machine, as hundreds of partitions may be written at once.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};

use bytes::Bytes;
use tempfile::TempPath;

use crate::Error;
use crate::uri::printable;

/// Up to so many bytes wait in memory: 64 KiB.
const MAX_MEMORY_BYTES: usize = 64 << 10;

/// Bytes that wait to be written.
#[derive(Debug, Default)]
pub(super) struct Spool {
    memory: Vec<u8>,
    /// Not open between two calls: thousands may wait. It is removed when this is dropped.
    file: Option<TempPath>,
    len_bytes: u64,
}

impl Spool {
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.len_bytes += bytes.len() as u64;
        if self.file.is_none() && self.memory.len() + bytes.len() <= MAX_MEMORY_BYTES {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let failed = |source| failed("write to a temporary file in", source);
        if self.file.is_none() {
            let file = tempfile::Builder::new().prefix("lakefront-").suffix(".spool").tempfile().map_err(failed)?;
            self.file = Some(file.into_temp_path());
        }
        let Some(path) = &self.file else { return Ok(()) };
        let mut file = OpenOptions::new().append(true).open(path).map_err(failed)?;
        let memory = std::mem::take(&mut self.memory);
        file.write_all(&memory).and_then(|()| file.write_all(bytes)).map_err(failed)
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// All of them.
    pub(super) fn bytes(&self) -> Result<Bytes, Error> {
        let Some(path) = &self.file else { return Ok(Bytes::from(self.memory.clone())) };
        let failed = |source| failed("read a temporary file in", source);
        let mut bytes = Vec::with_capacity(usize::try_from(self.len_bytes).unwrap_or_default());
        let mut file = OpenOptions::new().read(true).open(path).map_err(failed)?;
        file.read_to_end(&mut bytes).map_err(failed)?;
        let got_bytes = bytes.len() as u64;
        if got_bytes == self.len_bytes {
            return Ok(bytes.into());
        }
        Err(Error::StagedChanged { location: printable(path), expected_bytes: self.len_bytes, got_bytes })
    }
}

fn failed(action: &'static str, source: std::io::Error) -> Error {
    Error::io("store", action, printable(&std::env::temp_dir()), source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_comes_out_and_nothing_is_left() {
        for pieces in [vec![10], vec![MAX_MEMORY_BYTES, 1], vec![1, MAX_MEMORY_BYTES, 100_000], vec![]] {
            let mut spool = Spool::default();
            let mut expected = Vec::new();
            for (number, len) in (0..).zip(pieces) {
                let piece = vec![number; len];
                spool.append(&piece).unwrap();
                expected.extend(piece);
            }
            assert_eq!(spool.len_bytes(), expected.len() as u64);
            assert_eq!(spool.bytes().unwrap(), expected);
            let path = spool.file.as_ref().map(|path| path.to_path_buf());
            drop(spool);
            assert!(path.is_none_or(|path| !path.exists()));
        }
    }
}
