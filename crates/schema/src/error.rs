//! Mistakes in a schema file.

use thiserror::Error as ThisError;

/// A schema file that cannot be used. The person who wrote the file corrects it; there is nothing to try again.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML.
    #[error("{origin}:{line}: not valid TOML: {message}")]
    Syntax {
        /// Where the text came from: a path or a name.
        origin: String,
        /// Line of the text, from 1.
        line: usize,
        /// Message of the TOML parser.
        message: String,
        /// Whether a key is in its table twice.
        is_duplicate_key: bool,
    },
    /// The text is TOML, but a key is wrong or missing.
    #[error("{origin}:{line}: key `{key}`: {problem}")]
    Key {
        /// Where the text came from: a path or a name.
        origin: String,
        /// Line of the text, from 1. Of a missing key: the first line of its table.
        line: usize,
        /// The key.
        key: String,
        /// The mistake.
        problem: Problem,
    },
}

/// Mistake in a key of a schema file. Reads as the end of an [`Error::Key`]'s message.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Problem {
    /// The format has no such key there.
    #[error("no such key {place}")]
    Unknown {
        /// The table that the key is in.
        place: &'static str,
        /// The keys that it may have.
        expected: String,
    },
    /// A required key is missing.
    #[error("missing {place}")]
    Missing {
        /// The table that lacks it.
        place: &'static str,
        /// A line that would be right.
        example: &'static str,
    },
    /// The value is of another type, such as a number instead of text.
    #[error("expected {expected}, got {got}")]
    WrongKind {
        /// Type that the value should have.
        expected: &'static str,
        /// Type of the value.
        got: &'static str,
        /// A line that would be right.
        example: &'static str,
    },
    /// The value is not one of the words that the format knows.
    #[error("`{got}` is not known")]
    UnknownWord {
        /// The value.
        got: String,
        /// The words that are known.
        expected: String,
    },
    /// A name that SQL engines would not take unchanged.
    #[error("`{got}` is not a name")]
    BadName {
        /// The value.
        got: String,
        /// Longest name in bytes.
        max_bytes: usize,
    },
    /// A column with the name of a partition column.
    #[error("`{got}` is a partition column")]
    PartitionName {
        /// The value.
        got: String,
    },
    /// Two columns with the same name.
    #[error("`{got}` is the name of the column in line {first_line} too")]
    DuplicateName {
        /// The value.
        got: String,
        /// Line of the first one, from 1.
        first_line: usize,
    },
    /// A column with both a field and a derivation, or with neither.
    #[error("a column has exactly one source, this one has {got}")]
    SourceCount {
        /// `both` or `none`.
        got: &'static str,
    },
    /// A field name that no log can have.
    #[error("`{got}` cannot be a field")]
    BadField {
        /// The value, escaped.
        got: String,
    },
    /// A derivation has another type.
    #[error("`derive = \"{derive}\"` cannot be of type `{got}`")]
    DerivedType {
        /// The derivation.
        derive: &'static str,
        /// The column's type.
        got: &'static str,
        /// The type that it must have.
        expected: &'static str,
    },
    /// A field's text cannot be read as this type.
    #[error("a field cannot be of type `{got}`")]
    FieldType {
        /// The column's type.
        got: &'static str,
        /// The derivation that has this type.
        derive: &'static str,
    },
    /// Decoding of a column that is not text as logged.
    #[error("only a string column with a `field` can be decoded")]
    DecodeNotText,
    /// A comment that a catalog would not take.
    #[error("longer than {max_bytes} bytes, or more than one line")]
    BadComment {
        /// Longest comment in bytes.
        max_bytes: usize,
    },
}
