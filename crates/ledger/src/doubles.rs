//! Logs that are probably the same log: moved, copied, or present both packed and unpacked. They are counted and
//! reported, but never skipped for that reason.

use lakefront_schema::object_key::last_segment;
use serde::Serialize;

use crate::Identity;

/// The end of a packed log's name.
const PACKED: &str = ".gz";

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

    /// Returns the warnings for an operator, each in one line.
    pub fn warnings(&self, identity: Identity) -> Vec<String> {
        const TWICE: &str = "each is converted, so its rows are in the table twice";
        let by_name = "a table made with `--identity name` identifies logs by name, in any folder or bucket";
        let mut warnings = Vec::new();
        if self.moved > 0 {
            warnings.push(format!(
                "{} logs have the same name and size as logs already converted under another key: {TWICE}; {by_name}",
                self.moved
            ));
        }
        if self.twins > 0 && identity == Identity::Key {
            warnings.push(format!(
                "{} logs have the same name and size as another log of this listing: {TWICE}; {by_name}",
                self.twins
            ));
        }
        if self.unpacked > 0 {
            warnings.push(format!(
                "{} logs exist or were converted both with and without `{PACKED}` at the end of their name: if one is the other unpacked, {TWICE}; `--exclude` leaves one of them out",
                self.unpacked
            ));
        }
        warnings
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

    #[test]
    fn only_counts_above_zero_have_a_warning() {
        assert!(Doubles::default().warnings(Identity::Key).is_empty());
        let doubles = Doubles { moved: 3, twins: 2, unpacked: 1, other_sizes: 4 };
        let warnings = doubles.warnings(Identity::Key);
        assert!(
            warnings[0].starts_with("3 logs have the same name and size as logs already converted under another key")
        );
        assert_eq!(warnings.len(), 3);
        assert_eq!(doubles.warnings(Identity::Name).len(), 2, "twins are not planned there");
    }
}
