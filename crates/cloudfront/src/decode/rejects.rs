//! Rejects of one object: which lines were refused, and why; and the verdict on an object of which all were.

use std::collections::BTreeMap;

use crate::{
    Reject, RejectReason,
    error::{Error, Misfit, NamedBy},
};

/// The rejected lines of one object.
#[derive(Debug)]
pub(crate) struct Rejects {
    /// Whether lines are kept, or only counted.
    is_keeping: bool,
    kept: Vec<Reject>,
    counts: BTreeMap<RejectReason, u64>,
    first_misfit: Option<Misfit>,
}

impl Rejects {
    pub(crate) fn new(is_keeping: bool) -> Self {
        Self { is_keeping, kept: Vec::new(), counts: BTreeMap::new(), first_misfit: None }
    }

    /// Adds a line of `line_bytes` bytes at offset `byte`, of which `text` is kept.
    pub(crate) fn add(&mut self, reason: RejectReason, line: u64, byte: u64, text: &[u8], line_bytes: u64) {
        *self.counts.entry(reason).or_default() += 1;
        if self.is_keeping {
            self.kept.push(Reject { line, byte, reason, text: text.to_vec(), line_bytes });
        }
    }

    /// Adds a line of `cells` cells, of which no given list has as many names.
    pub(crate) fn add_misfit(&mut self, cells: usize, line: u64, byte: u64, text: &[u8]) {
        self.first_misfit.get_or_insert(Misfit { line, cells });
        self.add(RejectReason::WrongCellCount, line, byte, text, text.len() as u64);
    }

    /// Returns the number of lines that were added.
    pub(crate) fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Returns the number of lines that are kept.
    #[inline]
    pub(crate) fn num_kept(&self) -> usize {
        self.kept.len()
    }

    /// Takes out the lines that are kept, in order.
    pub(crate) fn take(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.kept)
    }

    /// Returns the verdict on an object of which every line of data was rejected.
    pub(crate) fn all_rejected(&self, named_by: NamedBy, is_binary: bool) -> Error {
        let mut reasons: Vec<(RejectReason, u64)> =
            self.counts.iter().map(|(reason, count)| (*reason, *count)).collect();
        reasons.sort_unstable_by_key(|(reason, _)| reason.as_str());
        Error::AllRowsRejected { reasons, named_by, first_misfit: self.first_misfit, is_binary }
    }
}
