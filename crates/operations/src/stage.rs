//! The eleven stages, in order. Errors, progress labels and reports have their names.

use std::fmt;

/// One step of the data's path through the program; each is in one file of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Prefix to objects.
    List,
    /// Objects to tasks.
    Plan,
    /// Object to compressed bytes.
    Fetch,
    /// Compressed bytes to text.
    Decompress,
    /// Text to record batches and rejects.
    Decode,
    /// Record batch to the same with derived columns.
    Enrich,
    /// Record batch to the rows of each partition.
    Partition,
    /// Batches of a partition to data file bytes.
    Encode,
    /// Data file bytes to a stored object.
    Store,
    /// Stored objects to a committed task.
    Commit,
    /// Schema and partitions to SQL text.
    Ddl,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 11] = [
        Self::List,
        Self::Plan,
        Self::Fetch,
        Self::Decompress,
        Self::Decode,
        Self::Enrich,
        Self::Partition,
        Self::Encode,
        Self::Store,
        Self::Commit,
        Self::Ddl,
    ];

    /// Returns the name of the stage, which is also the name of its file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Plan => "plan",
            Self::Fetch => "fetch",
            Self::Decompress => "decompress",
            Self::Decode => "decode",
            Self::Enrich => "enrich",
            Self::Partition => "partition",
            Self::Encode => "encode",
            Self::Store => "store",
            Self::Commit => "commit",
            Self::Ddl => "ddl",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
