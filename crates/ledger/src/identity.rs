//! What makes a log the same log when it is listed again: where it lies, or what it is called.
//!
//! | | a log is known by | and is the same as long as | what moves is |
//! |---|---|---|---|
//! | `key` | source and key | its version is | new |
//! | `name` | the last segment of its key, in whatever source | its size is | known |

use std::{cmp::Ordering, fmt};

use lakefront_schema::object_key::last_segment;
use lakefront_storage::Object;
use serde::{Deserialize, Serialize};

/// What makes a log the same one, in a table from its first run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// Where it is: source and key.
    #[default]
    Key,
    /// What it is called: the last segment of its key. CloudFront gives each log a name of its own.
    Name,
}

impl Identity {
    /// Is it that of tables that say nothing?
    pub fn is_key(&self) -> bool {
        *self == Self::Key
    }

    /// The texts that identify a log.
    pub fn of<'o>(self, source: &'o str, key: &'o str) -> (&'o str, &'o str) {
        match self {
            Self::Key => (source, key),
            Self::Name => ("", last_segment(key)),
        }
    }

    /// The order in which logs of an hour are taken. Of those with one name the first by its key comes first.
    pub fn order(self, one: &Object, other: &Object) -> Ordering {
        match self {
            Self::Key => one.cmp(other),
            Self::Name => {
                let order = |object| {
                    let (key, source) = (Object::key(object), Object::source(object));
                    (last_segment(key), key, source)
                };
                order(one).cmp(&order(other))
            }
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Key => "key",
            Self::Name => "name",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_the_first_key_comes_first_whatever_its_source() {
        let remote = |source: &str, key: &str| Object::restore(source, key, key, None, "etag", 1).unwrap();
        let mut objects = [
            remote("s3://a", "z/E1.gz"),
            remote("s3://b", "b/E1.gz"),
            remote("s3://a", "b/E1.gz"),
            remote("s3://z", "z/E0.gz"),
        ];
        objects.sort_by(|one, other| Identity::Name.order(one, other));
        let order: Vec<_> = objects.iter().map(|object| (object.source(), object.key())).collect();
        assert_eq!(order, [("s3://z", "z/E0.gz"), ("s3://a", "b/E1.gz"), ("s3://b", "b/E1.gz"), ("s3://a", "z/E1.gz")]);
        objects.sort_by(|one, other| Identity::Key.order(one, other));
        assert_eq!(objects[0].source(), "s3://a");
    }

    #[test]
    fn a_name_is_the_last_segment_in_any_source() {
        assert_eq!(Identity::Name.of("s3://a", "x/y/E1.gz"), Identity::Name.of("archive", "E1.gz"));
        assert_ne!(Identity::Key.of("s3://a", "x/E1.gz"), Identity::Key.of("archive", "x/E1.gz"));
    }
}
