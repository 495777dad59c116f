//! The partitions of a task that take memory: how much each, which holds most, which was written longest ago.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use super::partition_writer::PartitionWriter;
use crate::PartitionKey;

/// Partitions with rows in memory, or with an unfinished data file. Whoever changes one takes it out and puts it back.
#[derive(Debug)]
pub(crate) struct ActivePartitions<F: io::Write> {
    partitions: BTreeMap<PartitionKey, Counted<F>>,
    by_age: BTreeSet<(u64, PartitionKey)>,
    by_row_bytes: BTreeSet<(usize, PartitionKey)>,
    held_bytes: usize,
    open_row_groups: usize,
    /// Number of changes so far: the age of the next one.
    changes: u64,
}

/// A partition, and how it is counted.
#[derive(Debug)]
struct Counted<F: io::Write> {
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
    /// Memory that all of them take, in bytes.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn open_row_groups(&self) -> usize {
        self.open_row_groups
    }

    /// Puts a partition in, as the one that was written last.
    pub(crate) fn put(&mut self, partition: PartitionWriter<F>) {
        let key = partition.key();
        self.changes += 1;
        let (age, row_bytes, held_bytes) = (self.changes, partition.row_bytes(), partition.held_bytes());
        self.by_age.insert((age, key));
        self.by_row_bytes.insert((row_bytes, key));
        self.held_bytes += held_bytes;
        self.open_row_groups += usize::from(partition.is_open());
        self.partitions.insert(key, Counted { partition, age, row_bytes, held_bytes });
    }

    pub(crate) fn take(&mut self, key: PartitionKey) -> Option<PartitionWriter<F>> {
        let Counted { partition, age, row_bytes, held_bytes } = self.partitions.remove(&key)?;
        self.by_age.remove(&(age, key));
        self.by_row_bytes.remove(&(row_bytes, key));
        self.held_bytes -= held_bytes;
        self.open_row_groups -= usize::from(partition.is_open());
        Some(partition)
    }

    /// Takes out the partition whose rows take most memory, if it is at least so much.
    pub(crate) fn take_largest(&mut self, least_bytes: usize) -> Option<PartitionWriter<F>> {
        let (row_bytes, key) = *self.by_row_bytes.last()?;
        if row_bytes < least_bytes { None } else { self.take(key) }
    }

    /// Takes out the partition that was written longest ago.
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
