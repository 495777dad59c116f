//! Logs that are probably the same log: moved, copied, or present both packed and unpacked. They are counted and
//! reported, but never skipped for that reason.

use lakefront_schema::object_key::last_segment;
use serde::Serialize;

/// The end of a packed log's name.
pub const PACKED: &str = ".gz";

/// Numbers of new logs that look like logs that are already converted, or like each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Doubles {
    /// Logs that are planned, although logs of the same name and size were converted under another key.
    pub moved: u64,
    /// Logs with the name and size of another new log of the same listing. If logs are identified by name, they are not
    /// planned.
    pub twins: u64,
    /// Logs that are planned, although the same log was converted, or is planned, in its other form: packed or
    /// unpacked.
    pub unpacked: u64,
    /// If logs are identified by name: logs with the name of another new log of the same listing, and another size.
    /// They are checked again when that log is converted.
    pub other_sizes: u64,
}

impl Doubles {
    /// Adds other counts.
    pub fn add(&mut self, other: Self) {
        self.moved += other.moved;
        self.twins += other.twins;
        self.unpacked += other.unpacked;
        self.other_sizes += other.other_sizes;
    }
}

/// Kind of similarity of a new log to a converted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Double {
    /// The same name and size under another key.
    Moved,
    /// The same name except for `.gz`.
    Unpacked,
}

/// Returns the name of the other form of a log: unpacked if it is packed, packed if it is not.
pub fn partner(key: &str) -> String {
    let name = last_segment(key);
    name.strip_suffix(PACKED).map_or_else(|| format!("{name}{PACKED}"), str::to_owned)
}

/// Returns whether this is the key of a packed log.
pub fn is_packed(key: &str) -> bool {
    key.ends_with(PACKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_log_and_the_unpacked_one_are_partners() {
        assert_eq!(partner("a/E1.2024-05-17-10.x.gz"), "E1.2024-05-17-10.x");
        assert_eq!(partner("b/E1.2024-05-17-10.x"), "E1.2024-05-17-10.x.gz");
        assert!(is_packed("a/x.gz") && !is_packed("a.gz/x"));
    }
}
