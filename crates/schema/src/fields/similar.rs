//! A name that is not a field of CloudFront in; the field that was probably meant, out.

use super::all_fields;

/// Longest name, in letters, that is compared by case and dashes alone: two letters are a third of such a name, or more.
const SHORT_NAME_LETTERS: usize = 6;
/// Number of letters by which a longer name may differ.
const MOST_EDITS: usize = 2;

/// Returns the field of CloudFront that a name looks like; `None` for a name that is a field, or looks like none.
///
/// Case, `_` and `-` do not count. In a name of more than 6 letters, one or two letters may also be missing, added, changed or
/// swapped with their neighbour.
pub fn similar_field(name: &str) -> Option<&'static str> {
    if super::is_known_field(name) {
        return None;
    }
    let (typed, folded) = (letters(name), folded(name));
    let most_edits = if typed.len() > SHORT_NAME_LETTERS { MOST_EDITS } else { 0 };
    let candidates = all_fields().filter_map(|field| {
        let edits = edits(&folded, &self::folded(field)).filter(|edits| *edits <= most_edits)?;
        // Of several equally near ones, the one whose exact spelling is nearest, if any is near.
        Some((edits, self::edits(&typed, &letters(field)).unwrap_or(usize::MAX), field))
    });
    candidates.min_by_key(|(edits, spelling, _)| (*edits, *spelling)).map(|(_, _, field)| field)
}

fn letters(name: &str) -> Vec<char> {
    name.chars().collect()
}

/// Returns the letters of a name in lower case, without its dashes and underscores.
fn folded(name: &str) -> Vec<char> {
    let letters = name.chars().filter(|letter| !['-', '_'].contains(letter));
    letters.map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Returns the number of letters that have to be added, removed, changed or swapped to get from one name to the other; `None`
/// if their lengths differ by too many.
fn edits(from: &[char], to: &[char]) -> Option<usize> {
    if from.len().abs_diff(to.len()) > MOST_EDITS {
        return None;
    }
    // Rows of the table of distances between all prefixes: two letters back, one back, and the one being filled.
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (row, &letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        let mut left = row + 1;
        for (column, &wanted) in to.iter().enumerate() {
            let changed = last[column] + usize::from(letter != wanted);
            let mut fewest = changed.min(left + 1).min(last[column + 1] + 1);
            if column > 0 && previous == Some(wanted) && to[column - 1] == letter {
                fewest = fewest.min(before_last[column - 1] + 1);
            }
            current.push(fewest);
            left = fewest;
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_dashes_make_names_alike_however_short_they_are() {
        for (name, field) in [
            ("Date", "date"),
            ("TIME", "time"),
            ("C-IP", "c-ip"),
            ("c_ip", "c-ip"),
            ("cs(host)", "cs(Host)"),
            ("CS(USER_AGENT)", "cs(User-Agent)"),
            ("cs-protocol-Version", "cs-protocol-version"),
            ("sc_status", "sc-status"),
            ("DistributionID", "DistributionId"),
            ("distributioniD", "distributionid"),
        ] {
            assert_eq!(similar_field(name), Some(field), "{name}");
        }
    }

    #[test]
    fn one_or_two_letters_make_longer_names_alike() {
        for (name, field) in [
            ("timstamp", "timestamp"),
            ("timestammp", "timestamp"),
            ("timestmap", "timestamp"),
            ("tmestamp(ms)", "timestamp(ms)"),
            ("timestamp-ms", "timestamp(ms)"),
            ("cs-protocl-versoin", "cs-protocol-version"),
            ("SC-Staus", "sc-status"),
            ("cs-user-agnet", "cs-user-agent"),
            ("x-edge-locaton", "x-edge-location"),
            ("sc-bytess", "sc-bytes"),
        ] {
            assert_eq!(similar_field(name), Some(field), "{name}");
        }
    }

    #[test]
    fn other_names_look_like_no_field() {
        let short = ["tiem", "dat", "c-iq", "s-port", "asm", "x-new", "sc-foo"];
        for name in short.iter().chain(&["", "x-brand-new-field", "sc-bytes-total", "timestamp(micro)", "origin"]) {
            assert_eq!(similar_field(name), None, "{name}");
        }
    }

    #[test]
    fn a_field_of_cloudfront_looks_like_no_other_one() {
        assert!(all_fields().all(|field| similar_field(field).is_none()));
        assert_eq!(similar_field("origin-fbl"), None, "though `origin-lbl` is one letter away");
        assert_eq!(similar_field("cmcd-startup"), None);
    }

    #[test]
    fn edits_are_letters_added_removed_changed_or_swapped() {
        let of = |from: &str, to: &str| edits(&letters(from), &letters(to));
        assert_eq!(of("abc", "abc"), Some(0));
        assert_eq!(
            (of("abc", "ac"), of("abc", "abbc"), of("abc", "axc"), of("abc", "acb")),
            (Some(1), Some(1), Some(1), Some(1))
        );
        assert_eq!((of("abcd", "badc"), of("abcd", "dcba")), (Some(2), Some(3)));
        assert_eq!(of("abc", "abcdef"), None);
        assert_eq!(of("", "ab"), Some(2));
    }
}
