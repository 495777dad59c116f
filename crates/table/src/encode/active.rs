//! The partitions of a task that are in memory, sorted by the memory of their rows and by the time of their last write.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::partition_writer::PartitionWriter;
use crate::PartitionKey;

/// Partitions with rows in memory or an unfinished data file. To change one, take it out and put it back.
#[derive(Debug)]
pub(crate) struct ActivePartitions<F: io::Write> {
    partitions: BTreeMap<PartitionKey, Sorted<F>>,
    by_age: BTreeSet<(u64, PartitionKey)>,
    by_row_bytes: BTreeSet<(usize, PartitionKey)>,
    held_bytes: usize,
    open_row_groups: usize,
    /// Number of times that a partition was put in. It orders partitions by age.
    changes: u64,
}

/// A partition, and the values by which it is sorted and counted.
#[derive(Debug)]
struct Sorted<F: io::Write> {
    partition: PartitionWriter<F>,
    age: u64,
    row_bytes: usize,
    held_bytes: usize,
}

impl<F: io::Write> Default for ActivePartitions<F> {
    fn default() -> Self {
        Self {
            partitions: BTreeMap::new(),
            by_age: BTreeSet::new(),
            by_row_bytes: BTreeSet::new(),
            held_bytes: 0,
            open_row_groups: 0,
            changes: 0,
        }
    }
}

impl<F: io::Write + Send> ActivePartitions<F> {
    /// Returns the memory of all partitions, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn open_row_groups(&self) -> usize {
        self.open_row_groups
    }

    /// Adds a partition as the most recently written one.
    pub(crate) fn put(&mut self, partition: PartitionWriter<F>) {
        let key = partition.key();
        self.changes += 1;
        let (age, row_bytes, held_bytes) = (self.changes, partition.row_bytes(), partition.held_bytes());
        self.by_age.insert((age, key));
        self.by_row_bytes.insert((row_bytes, key));
        self.held_bytes += held_bytes;
        self.open_row_groups += usize::from(partition.is_open());
        self.partitions.insert(key, Sorted { partition, age, row_bytes, held_bytes });
    }

    pub(crate) fn take(&mut self, key: PartitionKey) -> Option<PartitionWriter<F>> {
        let Sorted { partition, age, row_bytes, held_bytes } = self.partitions.remove(&key)?;
        self.by_age.remove(&(age, key));
        self.by_row_bytes.remove(&(row_bytes, key));
        self.held_bytes -= held_bytes;
        self.open_row_groups -= usize::from(partition.is_open());
        Some(partition)
    }

    /// Takes out the partition whose rows take most memory, if they take at least `least_bytes`.
    pub(crate) fn take_largest(&mut self, least_bytes: usize) -> Option<PartitionWriter<F>> {
        let (row_bytes, key) = *self.by_row_bytes.last()?;
        if row_bytes < least_bytes { None } else { self.take(key) }
    }

    /// Takes out the least recently written partition.
    pub(crate) fn take_oldest(&mut self) -> Option<PartitionWriter<F>> {
        let (_, key) = *self.by_age.first()?;
        self.take(key)
    }

    /// Takes out the first partition, in order of time.
    pub(crate) fn take_first(&mut self) -> Option<PartitionWriter<F>> {
        let key = *self.partitions.keys().next()?;
        self.take(key)
    }
}
