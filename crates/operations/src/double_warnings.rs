//! Warnings about logs that look like another one.

use lakefront_ledger::{Doubles, Identity, doubles::PACKED};

/// Returns the warnings for an operator, each in one line.
pub fn double_warnings(doubles: Doubles, identity: Identity) -> Vec<String> {
    const TWICE: &str = "each is converted, so its rows are in the table twice";
    let by_name = "a table made with `--identity name` identifies logs by name, in any folder or bucket";
    let mut warnings = Vec::new();
    if doubles.moved > 0 {
        warnings.push(format!(
            "{} logs have the same name and size as logs already converted under another key: {TWICE}; {by_name}",
            doubles.moved
        ));
    }
    if doubles.twins > 0 && identity == Identity::Key {
        warnings.push(format!(
            "{} logs have the same name and size as another log of this listing: {TWICE}; {by_name}",
            doubles.twins
        ));
    }
    if doubles.unpacked > 0 {
        warnings.push(format!(
            "{} logs exist or were converted both with and without `{PACKED}` at the end of their name: if one is the other unpacked, {TWICE}; `--exclude` leaves one of them out",
            doubles.unpacked
        ));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_counts_above_zero_have_a_warning() {
        assert!(double_warnings(Doubles::default(), Identity::Key).is_empty());
        let doubles = Doubles { moved: 3, twins: 2, unpacked: 1, other_sizes: 4 };
        let warnings = double_warnings(doubles, Identity::Key);
        assert!(
            warnings[0].starts_with("3 logs have the same name and size as logs already converted under another key")
        );
        assert_eq!(warnings.len(), 3);
        assert_eq!(double_warnings(doubles, Identity::Name).len(), 2, "twins are not planned there");
    }
}
