//! Logs of JSON objects, one on each line: keys are names of fields, and values are strings; numbers and NULL occur in logs that
//! another program has written again.
//!
//! Each line may have other keys, or the same ones in another order. Lines share a layout: the names of all keys so far. A key that
//! a line does not have, or that is `null`, is a missing cell.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use lakefront_schema::fields;
use memchr::memchr;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{
    decode::layout::{Layout, layouts::Layouts},
    error::{Error, NotCloudFront},
};

/// Number of names up to which a layout grows. Beyond that it has the keys of a single line, so that neither time nor memory
/// grow with lines times names.
const MAX_NAMES: usize = 128;
/// Number of kinds of keys: see [`kind_of`].
const KINDS: usize = 4;

/// The layouts of one object's lines.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    /// By the kinds of keys that lines have: what a field means depends on them.
    by_kind: [Option<Keys>; KINDS],
    /// Kind of the last line.
    kind: usize,
    has_record: bool,
}

/// All keys so far of lines of one kind.
#[derive(Debug)]
struct Keys {
    /// By place.
    names: Vec<Box<str>>,
    places: HashMap<Box<str>, usize>,
    layout: Arc<Layout>,
}

/// A line's values, by their places in a layout.
pub(crate) struct JsonRecord<'l> {
    pub(crate) layout: Arc<Layout>,
    pub(crate) values: Vec<Option<Cow<'l, str>>>,
}

/// The keys and values of a JSON object, in order.
struct Entries<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

/// A key. `Cow` itself would always be copied.
struct Key<'l>(Cow<'l, str>);

impl JsonLines {
    /// Reads a line; `None` if it is no JSON object. `is_found`: that the log has JSON objects was found out by its first line.
    ///
    /// # Errors
    /// [`Error::NotCloudFront`]: it is that line, and no JSON object with a field of CloudFront.
    pub(crate) fn read<'l>(
        &mut self,
        layouts: &mut Layouts,
        line: &'l str,
        number: u64,
        is_found: bool,
    ) -> Result<Option<JsonRecord<'l>>, Error> {
        let record = self.read_any(layouts, line);
        if !self.has_record && is_found {
            let is_cloudfronts = record.as_ref().is_some_and(|record| record.layout.has_known_field);
            if !is_cloudfronts {
                return Err(Error::NotCloudFront { line: number, why: NotCloudFront::Json });
            }
            self.has_record = true;
        }
        Ok(record)
    }

    fn read_any<'l>(&mut self, layouts: &mut Layouts, line: &'l str) -> Option<JsonRecord<'l>> {
        let Entries(entries) = serde_json::from_str(line).ok()?;
        // Most lines have the same keys in the same order.
        let has_same = |keys: &&Keys| keys.names.iter().map(|name| &**name).eq(entries.iter().map(|(key, _)| &**key));
        if let Some(keys) = self.by_kind[self.kind].as_ref().filter(has_same) {
            let values = entries.iter().map(|(_, value)| text_of(value)).collect::<Result<_, _>>().ok()?;
            return Some(JsonRecord { layout: Arc::clone(&keys.layout), values });
        }
        self.kind = entries.iter().fold(0, |kind, (key, _)| kind | kind_of(key));
        let keys = Keys::with(&mut self.by_kind[self.kind], &entries, layouts);
        let mut values = vec![None; keys.names.len()];
        for (key, value) in &entries {
            // Of a key that is there twice the last one counts, as in most programs that read JSON.
            values[keys.places[&**key]] = text_of(value).ok()?;
        }
        Some(JsonRecord { layout: Arc::clone(&keys.layout), values })
    }
}

impl Keys {
    /// Returns keys that include those of a line.
    fn with<'k>(known: &'k mut Option<Self>, entries: &[(Cow<'_, str>, &RawValue)], layouts: &mut Layouts) -> &'k Self {
        let has_all = |keys: &Self| {
            let is_small = keys.names.len() <= MAX_NAMES.max(entries.len());
            is_small && entries.iter().all(|(key, _)| keys.places.contains_key(&**key))
        };
        if !known.as_ref().is_some_and(has_all) {
            let (mut names, mut places) = known.take().map_or_else(Default::default, |keys| (keys.names, keys.places));
            Self::add(entries, &mut names, &mut places);
            if names.len() > MAX_NAMES {
                (names, places) = (Vec::new(), HashMap::new());
                Self::add(entries, &mut names, &mut places);
            }
            let layout = layouts.of_keys(&names);
            *known = Some(Self { names, places, layout });
        }
        known.as_ref().expect("keys were just put there, if there were none")
    }

    fn add(entries: &[(Cow<'_, str>, &RawValue)], names: &mut Vec<Box<str>>, places: &mut HashMap<Box<str>, usize>) {
        for (key, _) in entries {
            if !places.contains_key(&**key) {
                places.insert(Box::from(&**key), names.len());
                names.push(Box::from(&**key));
            }
        }
    }
}

/// Returns the bits by which a line with this key means something else than one without: whether it is of a real-time log, and
/// whether it names its own distribution.
fn kind_of(key: &str) -> usize {
    usize::from(fields::is_realtime_only_field(key)) | usize::from(fields::names_own_distribution(key)) << 1
}

/// Returns a value as text; `None` for `null`.
///
/// # Errors
/// It is a string with half of a surrogate pair.
fn text_of(value: &RawValue) -> serde_json::Result<Option<Cow<'_, str>>> {
    let raw = value.get();
    let quoted = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Ok(match quoted {
        Some(text) if memchr(b'\\', text.as_bytes()).is_none() => Some(Cow::Borrowed(text)),
        Some(_) => Some(Cow::Owned(serde_json::from_str(raw)?)),
        None if raw == "null" => None,
        None => Some(Cow::Borrowed(raw)),
    })
}

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Entries<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::with_capacity(64);
                while let Some(Key(key)) = map.next_key()? {
                    entries.push((key, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }

        deserializer.deserialize_str(Text)
    }
}
