//! What can be wrong with a schema file, and what to do about it.

use thiserror::Error as ThisError;

/// A schema file that cannot be used. The person who wrote the file corrects it; there is nothing to try again.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML.
    #[error("{origin}:{line}: not valid TOML: {message}\nhint: {hint}", hint = syntax_hint(message))]
    Syntax {
        /// Where the text came from: a path or a name.
        origin: String,
        /// Line of the text, from 1.
        line: usize,
        /// What the TOML parser says.
        message: String,
    },
    /// The text is TOML, but a key is wrong or missing.
    #[error("{origin}:{line}: key `{key}`: {problem}")]
    Key {
        /// Where the text came from: a path or a name.
        origin: String,
        /// Line of the text, from 1. Of a missing key: where its table begins.
        line: usize,
        /// The key.
        key: String,
        /// What is wrong, with a hint.
        problem: Problem,
    },
}

fn syntax_hint(message: &str) -> &'static str {
    if message.contains("duplicate key") {
        "a key may stand once in a table; every column begins with its own `[[column]]` line"
    } else {
        "text goes into double quotes, one `key = value` to a line, and every column begins with `[[column]]`"
    }
}

/// What is wrong with a key of a schema file. Reads as the end of an [`Error::Key`]'s message, with a hint on a second
/// line.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum Problem {
    /// The format has no such key there.
    #[error("no such key {place}\nhint: the keys are {expected}")]
    Unknown {
        /// Which table the key stands in.
        place: &'static str,
        /// The keys that may stand there.
        expected: String,
    },
    /// A key that must be there is not.
    #[error("missing {place}\nhint: add `{example}`")]
    Missing {
        /// Which table lacks it.
        place: &'static str,
        /// A line that would be right.
        example: &'static str,
    },
    /// The value is a number where it should be text, or the like.
    #[error("expected {expected}, got {got}\nhint: write `{example}`")]
    WrongKind {
        /// What the value should be.
        expected: &'static str,
        /// What it is.
        got: &'static str,
        /// A line that would be right.
        example: &'static str,
    },
    /// The value is none of the words that the format knows.
    #[error("`{got}` is not known\nhint: use one of {expected}")]
    UnknownWord {
        /// The value.
        got: String,
        /// The words that are known.
        expected: String,
    },
    /// A name that SQL engines would not take unchanged.
    #[error(
        "`{got}` is no name\nhint: use lower-case letters, digits and `_`, no digit first, at most {max_bytes} characters",
        max_bytes = crate::schema_file::MAX_NAME_BYTES
    )]
    BadName {
        /// The value.
        got: String,
    },
    /// A column that is named like a partition column.
    #[error("`{got}` is a partition column\nhint: choose another name: `year`, `month`, `day` and `hour` are taken")]
    PartitionName {
        /// The value.
        got: String,
    },
    /// Two columns of one name.
    #[error("`{got}` is the name of the column in line {first_line} too\nhint: give one of the two another name")]
    DuplicateName {
        /// The value.
        got: String,
        /// Line where the name came first, from 1.
        first_line: usize,
    },
    /// A column with both a field and a derivation, or with neither.
    #[error("a column has exactly one source, this one has {got}\nhint: keep either `field` or `derive`")]
    SourceCount {
        /// What it has instead of one.
        got: &'static str,
    },
    /// A field name that no log can have.
    #[error("`{got}` cannot be a field\nhint: use CloudFront's spelling, without blanks, for example `cs-uri-stem`")]
    BadField {
        /// The value, escaped.
        got: String,
    },
    /// A derivation has another type.
    #[error("`derive = \"{derive}\"` cannot be of type `{got}`\nhint: write `type = \"{expected}\"`")]
    DerivedType {
        /// The derivation.
        derive: &'static str,
        /// The column's type.
        got: &'static str,
        /// The type that it must have.
        expected: &'static str,
    },
    /// A field's text cannot be read as this type.
    #[error(
        "a field cannot be of type `{got}`\nhint: use `string`, `bigint`, `int` or `double`, or `derive = \"{derive}\"`"
    )]
    FieldType {
        /// The column's type.
        got: &'static str,
        /// The derivation that has this type.
        derive: &'static str,
    },
    /// Decoding of something that is no text as logged.
    #[error("only a string column with a `field` can be decoded\nhint: leave `decode` out")]
    DecodeNotText,
    /// A comment that a catalog would not take.
    #[error(
        "longer than {max_bytes} bytes, or more than one line\nhint: shorten it to one line",
        max_bytes = crate::schema_file::MAX_COMMENT_BYTES
    )]
    BadComment,
}
