//! Lists of field names for logs without a header, identified by their numbers of names.
//!
//! **Invariant.** All lists have different numbers of names, so a line's number of cells identifies its list. The lists are
//! sorted by it: the order in which they were given does not matter.

/// Lists of field names, all of different lengths.
///
/// ```
/// use lakefront_schema::FieldLists;
///
/// let lists = FieldLists::try_new(["timestamp, c-ip, sc-status", "timestamp c-ip"])?;
/// assert_eq!(lists.of_width(3), Some("timestamp c-ip sc-status"));
/// assert_eq!(lists.of_width(4), None);
/// # Ok::<(), lakefront_schema::FieldListsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLists {
    /// Number of names, and the names with blanks between them; the shortest list first.
    lists: Vec<(usize, String)>,
}

/// Error in texts that are not [`FieldLists`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldListsError {
    /// A list has no name.
    #[error("a list of field names is empty")]
    Empty {
        /// Index of the list, from 0.
        list: usize,
    },
    /// Two lists have the same number of names.
    #[error("two lists have {width} names each: a line belongs to the list of its length")]
    SameLength {
        /// Number of names of both.
        width: usize,
        /// Index of the first one, from 0.
        first: usize,
        /// Index of the second one, from 0.
        second: usize,
    },
}

impl FieldLists {
    /// Reads lists of names, each separated by blanks, line ends or commas.
    ///
    /// # Errors
    ///
    /// A list has no name, or two have the same number of names.
    pub fn try_new<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, FieldListsError> {
        let mut lists: Vec<(usize, String)> = Vec::new();
        for (list, text) in texts.into_iter().enumerate() {
            let separates = |symbol: char| symbol == ',' || symbol.is_whitespace();
            let names: Vec<&str> = text.as_ref().split(separates).filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return Err(FieldListsError::Empty { list });
            }
            if let Some(first) = lists.iter().position(|(width, _)| *width == names.len()) {
                return Err(FieldListsError::SameLength { width: names.len(), first, second: list });
            }
            lists.push((names.len(), names.join(" ")));
        }
        lists.sort_unstable();
        Ok(Self { lists })
    }

    /// Returns whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Returns the lists, a blank between names, the shortest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.lists.iter().map(|(_, names)| names.as_str())
    }

    /// Returns the numbers of names that lists have, the smallest first.
    pub fn widths(&self) -> impl Iterator<Item = usize> {
        self.lists.iter().map(|(width, _)| *width)
    }

    /// Returns the list with this number of names, a blank between names.
    pub fn of_width(&self, width: usize) -> Option<&str> {
        self.lists.iter().find(|(found, _)| *found == width).map(|(_, names)| names.as_str())
    }

    /// Returns the names of all lists; a name that is in several lists comes several times.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|list| list.split(' '))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_separated_by_blanks_commas_or_line_ends() {
        for text in ["a b c", "a,b,c", " a, b\t,\r\nc\n"] {
            let lists = FieldLists::try_new([text]).unwrap();
            assert_eq!(lists.iter().collect::<Vec<_>>(), ["a b c"], "{text:?}");
        }
    }

    #[test]
    fn lists_are_found_by_their_length_regardless_of_their_order() {
        let lists = FieldLists::try_new(["a b c", "d", "e f"]).unwrap();
        assert_eq!(lists, FieldLists::try_new(["e f", "a b c", "d"]).unwrap());
        assert_eq!(lists.widths().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!((lists.of_width(1), lists.of_width(2), lists.of_width(4)), (Some("d"), Some("e f"), None));
        assert_eq!(lists.names().collect::<String>(), "defabc");
    }

    #[test]
    fn lists_of_one_length_and_empty_lists_are_refused() {
        let same = FieldLists::try_new(["a b", "c", "d e"]).unwrap_err();
        assert_eq!(same, FieldListsError::SameLength { width: 2, first: 0, second: 2 });
        assert_eq!(FieldLists::try_new(["a", " , "]).unwrap_err(), FieldListsError::Empty { list: 1 });
        assert!(FieldLists::try_new::<&str>([]).unwrap().is_empty());
    }
}
