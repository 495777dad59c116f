//! The identity of a log, which decides if a listed log is a known one: its location, or its name.
//!
//! | | identity of a log | unchanged if this is the same | a moved log is |
//! |---|---|---|---|
//! | `key` | source and key | its version | new |
//! | `name` | the last segment of its key, in any source | its size | known |

use std::{cmp::Ordering, fmt};

use lakefront_schema::object_key::last_segment;
use lakefront_storage::Object;
use serde::{Deserialize, Serialize};

/// Identity of logs in a table, fixed by its first run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Identity {
    /// The location of a log: source and key.
    #[default]
    Key,
    /// The name of a log: the last segment of its key. CloudFront gives each log a unique name.
    Name,
}

impl Identity {
    /// Returns whether it is `key`, the identity in tables whose record does not name one.
    pub fn is_key(&self) -> bool {
        *self == Self::Key
    }

    /// Returns the texts that identify a log.
    pub fn of<'o>(self, source: &'o str, key: &'o str) -> (&'o str, &'o str) {
        match self {
            Self::Key => (source, key),
            Self::Name => ("", last_segment(key)),
        }
    }

    /// Compares two logs of an hour by the order in which they are planned. Logs with the same name are ordered by key.
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
    fn logs_with_the_same_name_are_ordered_by_key_and_then_by_source() {
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
    fn identity_by_name_is_the_last_segment_of_the_key_in_any_source() {
        assert_eq!(Identity::Name.of("s3://a", "x/y/E1.gz"), Identity::Name.of("archive", "E1.gz"));
        assert_ne!(Identity::Key.of("s3://a", "x/E1.gz"), Identity::Key.of("archive", "x/E1.gz"));
    }
}
