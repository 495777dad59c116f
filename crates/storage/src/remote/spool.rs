//! A data file on its way to a bucket: it has to be complete before the one request that writes it.
//!
//! Small ones wait in memory. All others share one temporary file, in blocks: hundreds of partitions may be written at
//! once, and one file takes one descriptor.
//!
//! ```text
//!   the file:   | A 0 | A 1 | B 0 | free | A 2 | C 0 |
//! ```
//!
//! **Invariant.** The file has no name: it disappears with the process, even if that is killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::Error;
use crate::error::Operation;
use crate::printable::printable;

/// Bytes of one data file that may wait in memory: 64 KiB.
const MAX_MEMORY_BYTES: usize = 64 << 10;
/// Bytes of all data files that may wait in memory: 8 MiB. A task may have a hundred thousand files.
const MAX_MEMORY_OF_ALL: usize = 8 << 20;
/// Size in bytes of a block of the temporary file: 64 KiB.
const BLOCK_BYTES: usize = 64 << 10;

/// The temporary file that spools share. Clones share the file; it is created when it is first written to.
#[derive(Clone, Debug, Default)]
pub(super) struct SpoolFile(Arc<Mutex<Blocks>>);

#[derive(Debug, Default)]
struct Blocks {
    file: Option<Arc<File>>,
    /// Number of blocks in the file.
    count: u64,
    /// Blocks that no data file uses.
    free: BTreeSet<u64>,
    /// Bytes of data files that wait in memory.
    memory_bytes: usize,
}

impl SpoolFile {
    fn locked(&self) -> MutexGuard<'_, Blocks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the file; creates it first if needed.
    fn file(&self) -> io::Result<Arc<File>> {
        let mut blocks = self.locked();
        if let Some(file) = &blocks.file {
            return Ok(Arc::clone(file));
        }
        Ok(Arc::clone(blocks.file.insert(Arc::new(tempfile::tempfile()?))))
    }

    /// Reserves memory. Returns whether there was enough left.
    fn take_memory(&self, bytes: usize) -> bool {
        let mut blocks = self.locked();
        let is_left = blocks.memory_bytes + bytes <= MAX_MEMORY_OF_ALL;
        blocks.memory_bytes += if is_left { bytes } else { 0 };
        is_left
    }

    fn give_back_memory(&self, bytes: usize) {
        self.locked().memory_bytes -= bytes;
    }

    /// Takes the first free block, or a new one at the end.
    fn take(&self) -> u64 {
        let mut blocks = self.locked();
        blocks.free.pop_first().unwrap_or_else(|| {
            blocks.count += 1;
            blocks.count - 1
        })
    }

    /// Frees blocks, and truncates the file if its last blocks are free.
    fn give_back(&self, given: &[u64]) {
        let mut blocks = self.locked();
        blocks.free.extend(given);
        let before = blocks.count;
        while blocks.count > 0 && blocks.free.last() == Some(&(blocks.count - 1)) {
            blocks.free.pop_last();
            blocks.count -= 1;
        }
        if blocks.count < before
            && let Some(file) = &blocks.file
        {
            // Ignore: the blocks are reused, or disappear with the process.
            let _ = file.set_len(blocks.count * BLOCK_BYTES as u64);
        }
    }
}

/// A data file that waits to be put.
#[derive(Debug)]
pub(super) struct Spool {
    shared: SpoolFile,
    memory: Vec<u8>,
    /// Its blocks in the file, in order; empty while its bytes are in memory.
    blocks: Vec<u64>,
    len_bytes: u64,
}

impl Spool {
    pub(super) fn new(shared: SpoolFile) -> Self {
        Self { shared, memory: Vec::new(), blocks: Vec::new(), len_bytes: 0 }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let is_small = self.blocks.is_empty() && self.memory.len() + bytes.len() <= MAX_MEMORY_BYTES;
        if is_small && self.shared.take_memory(bytes.len()) {
            self.memory.reserve_exact(bytes.len());
            self.memory.extend_from_slice(bytes);
            self.len_bytes += bytes.len() as u64;
            return Ok(());
        }
        let failed = |source| failed("write to a temporary file in", source);
        let file = self.shared.file().map_err(failed)?;
        if self.blocks.is_empty() {
            self.len_bytes = 0;
            let memory = std::mem::take(&mut self.memory);
            self.shared.give_back_memory(memory.len());
            self.write(&file, &memory).map_err(failed)?;
        }
        self.write(&file, bytes).map_err(failed)
    }

    fn write(&mut self, file: &File, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (block, within) = (self.len_bytes / BLOCK_BYTES as u64, self.len_bytes % BLOCK_BYTES as u64);
            if block == self.blocks.len() as u64 {
                self.blocks.push(self.shared.take());
            }
            let room = BLOCK_BYTES - usize::try_from(within).expect("less than the size of a block");
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            let last = self.blocks.last().expect("the block that is written to was taken");
            let at = last * BLOCK_BYTES as u64 + within;
            file.write_all_at(piece, at)?;
            self.len_bytes += piece.len() as u64;
            bytes = rest;
        }
        Ok(())
    }

    pub(super) fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    /// Returns all bytes.
    pub(super) fn bytes(&self) -> Result<Bytes, Error> {
        if self.blocks.is_empty() {
            return Ok(Bytes::from(self.memory.clone()));
        }
        let failed = |source| failed("read a temporary file in", source);
        let file = self.shared.file().map_err(failed)?;
        let mut bytes = vec![0; usize::try_from(self.len_bytes).expect("a u64 fits into a usize on 64-bit machines")];
        for (piece, block) in bytes.chunks_mut(BLOCK_BYTES).zip(&self.blocks) {
            file.read_exact_at(piece, block * BLOCK_BYTES as u64).map_err(failed)?;
        }
        Ok(bytes.into())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.shared.give_back_memory(self.memory.len());
        if !self.blocks.is_empty() {
            self.shared.give_back(&self.blocks);
        }
    }
}

fn failed(action: &'static str, source: io::Error) -> Error {
    Error::io(Operation::Store, action, printable(&std::env::temp_dir()), source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_bytes(shared: &SpoolFile) -> u64 {
        shared.locked().file.as_ref().map_or(0, |file| file.metadata().unwrap().len())
    }

    #[test]
    fn a_spool_returns_its_bytes_and_leaves_nothing() {
        let shared = SpoolFile::default();
        for pieces in [vec![10], vec![MAX_MEMORY_BYTES, 1], vec![1, MAX_MEMORY_BYTES, 100_000, 1, 300_000], vec![]] {
            let mut spool = Spool::new(shared.clone());
            let mut expected = Vec::new();
            for (number, len) in (1..).zip(pieces) {
                let piece = vec![number; len];
                spool.append(&piece).unwrap();
                expected.extend(piece);
            }
            assert_eq!(spool.len_bytes(), expected.len() as u64);
            assert_eq!(spool.bytes().unwrap(), expected);
            drop(spool);
            assert_eq!(file_bytes(&shared), 0);
        }
    }

    #[test]
    fn many_small_spools_take_little_memory() {
        let shared = SpoolFile::default();
        let spools: Vec<Spool> = (0..1000_u32)
            .map(|number| {
                let mut spool = Spool::new(shared.clone());
                spool.append(&number.to_le_bytes()).unwrap();
                spool.append(&vec![7; 20_000]).unwrap();
                spool
            })
            .collect();
        let in_memory: usize = spools.iter().map(|spool| spool.memory.len()).sum();
        assert!(in_memory <= MAX_MEMORY_OF_ALL && in_memory == shared.locked().memory_bytes, "{in_memory}");
        for (number, spool) in (0_u32..).zip(&spools) {
            assert_eq!(spool.bytes().unwrap(), [&number.to_le_bytes()[..], &vec![7; 20_000]].concat());
        }
        drop(spools);
        assert_eq!(shared.locked().memory_bytes, 0);
        assert_eq!(file_bytes(&shared), 0);
    }

    #[test]
    fn spools_share_one_file_and_reuse_freed_blocks() {
        let shared = SpoolFile::default();
        let filled = |number: u8, len: usize| {
            let mut spool = Spool::new(shared.clone());
            for _ in 0..10 {
                spool.append(&vec![number; len / 10]).unwrap();
            }
            spool
        };
        let mut spools: Vec<Spool> = (0..8).map(|number| filled(number, 1_000_000)).collect();
        let most = file_bytes(&shared);
        spools.remove(2);
        spools.remove(4);
        spools.push(filled(8, 1_000_000));
        spools.push(filled(9, 1_000_000));
        assert_eq!(file_bytes(&shared), most);
        for (spool, number) in spools.iter().zip([0, 1, 3, 4, 6, 7, 8, 9]) {
            assert!(spool.bytes().unwrap() == vec![number; 1_000_000], "{number}");
        }
        spools.clear();
        assert_eq!(file_bytes(&shared), 0);
    }
}
