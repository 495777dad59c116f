//! Layouts by the text that named them, so that the same header in a thousand objects is read once.

use std::{collections::HashMap, sync::Arc};

use lakefront_schema::{FieldLists, TableSchema, fields};

use super::Layout;
use crate::{Error, FieldNames, decode::formats::options::Delimiter};

/// The layouts of one decoder.
#[derive(Debug)]
pub(crate) struct Layouts {
    schema: Arc<TableSchema>,
    by_header: HashMap<Vec<u8>, Arc<Layout>>,
    by_keys: HashMap<Vec<Box<str>>, Arc<Layout>>,
    /// Size of the names of both, in bytes.
    name_bytes: usize,
    by_era: HashMap<usize, Arc<Layout>>,
    /// The lists for logs without a header.
    fields: FieldLists,
    /// The delimiter that may stand between the names of a header, too.
    delimiter: Option<Delimiter>,
    /// The layouts of those lists that were needed, by the number of their names.
    by_width: HashMap<usize, Arc<Layout>>,
    /// Names in headers that CloudFront does not have and no column asks for.
    unknown: FieldNames,
}

/// Largest size of all names of headers and keys that are kept, in bytes: 256 KiB. If it is exceeded, all are forgotten. A
/// layout takes up to thirty times as much as its names.
const MAX_NAME_BYTES: usize = 256 * 1024;

impl Layouts {
    pub(crate) fn new(schema: Arc<TableSchema>, fields: FieldLists, delimiter: Option<Delimiter>) -> Self {
        Self {
            schema,
            by_header: HashMap::new(),
            by_keys: HashMap::new(),
            name_bytes: 0,
            by_era: HashMap::new(),
            fields,
            delimiter,
            by_width: HashMap::new(),
            unknown: FieldNames::default(),
        }
    }

    /// Returns the unknown names of headers that were read since the last call.
    pub(crate) fn take_unknown(&mut self) -> FieldNames {
        std::mem::take(&mut self.unknown)
    }

    /// Returns the layout of a header: `names` is what follows `#Fields:`, with blanks or TABs between names.
    ///
    /// # Errors
    /// The names are not those of a web log.
    pub(crate) fn of_header(&mut self, names: &[u8], line: u64) -> Result<Arc<Layout>, Error> {
        if let Some(layout) = self.by_header.get(names) {
            return Ok(Arc::clone(layout));
        }
        let text = String::from_utf8_lossy(names);
        let mut split: Vec<&str> = text.split([' ', '\t']).filter(|name| !name.is_empty()).collect();
        if let [all] = split[..] {
            split = Delimiter::split_names(all, self.delimiter).unwrap_or(split);
        }
        let layout = Arc::new(Layout::try_new(&self.schema, &split, line)?);
        self.note(&layout, names.len());
        self.by_header.insert(names.to_vec(), Arc::clone(&layout));
        Ok(layout)
    }

    /// Returns the layout of the keys of JSON objects.
    pub(crate) fn of_keys(&mut self, keys: &[Box<str>]) -> Arc<Layout> {
        if let Some(layout) = self.by_keys.get(keys) {
            return Arc::clone(layout);
        }
        let names: Vec<&str> = keys.iter().map(|key| &**key).collect();
        let layout = Arc::new(Layout::of_keys(&self.schema, &names));
        self.note(&layout, names.iter().map(|name| name.len()).sum());
        self.by_keys.insert(keys.to_vec(), Arc::clone(&layout));
        layout
    }

    /// Takes note of a new layout, whose names have this size in bytes.
    fn note(&mut self, layout: &Layout, name_bytes: usize) {
        for (name, _) in layout.unclaimed.iter().filter(|(name, _)| !fields::is_known_field(name)) {
            self.unknown.insert(name);
        }
        self.name_bytes += name_bytes;
        if self.name_bytes > MAX_NAME_BYTES {
            self.by_header.clear();
            self.by_keys.clear();
            self.name_bytes = name_bytes;
        }
    }

    /// Returns the layout of the given list with `count` names; `None` if there is no such list.
    ///
    /// # Errors
    /// The names are not those of a web log.
    pub(crate) fn of_given(&mut self, count: usize, line: u64) -> Result<Option<Arc<Layout>>, Error> {
        if let Some(layout) = self.by_width.get(&count) {
            return Ok(Some(Arc::clone(layout)));
        }
        let Some(names) = self.fields.of_width(count) else { return Ok(None) };
        let names: Vec<&str> = names.split(' ').collect();
        let layout = Arc::new(Layout::try_given(&self.schema, &names, line)?);
        self.by_width.insert(count, Arc::clone(&layout));
        Ok(Some(layout))
    }

    /// Returns the layout of a standard log's line with `count` cells; `None` if no era had such lines.
    pub(crate) fn of_era(&mut self, count: usize) -> Option<Arc<Layout>> {
        if let Some(layout) = self.by_era.get(&count) {
            return Some(Arc::clone(layout));
        }
        let layout = Arc::new(Layout::of_era(&self.schema, count)?);
        self.by_era.insert(count, Arc::clone(&layout));
        Some(layout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_of_headers_are_kept_up_to_a_number() {
        let schema = Arc::new(TableSchema::embedded("cf_logs").unwrap());
        let mut layouts = Layouts::new(schema, FieldLists::default(), None);
        layouts.of_header(b" date time SC-Bytes c-port x-new", 1).unwrap();
        layouts.of_header(b" date time SC-Bytes", 1).unwrap();
        let unknown = layouts.take_unknown();
        assert_eq!(unknown.iter().collect::<Vec<_>>(), ["SC-Bytes", "x-new"]);
        assert!(unknown.more() == 0);
        layouts.of_header(b" date time SC-Bytes c-port x-new", 1).unwrap();
        assert_eq!(layouts.take_unknown(), FieldNames::default(), "returned once");
        let many: Vec<String> = (0..=FieldNames::MAX_NAMES).map(|name| format!("x-{name:0200}")).collect();
        layouts.of_header(format!("date {}", many.join(" ")).as_bytes(), 1).unwrap();
        let unknown = layouts.take_unknown();
        // What differs past the characters that are kept is one name.
        assert_eq!((unknown.iter().count(), unknown.more()), (1, 0));
        let many: Vec<String> = (0..=FieldNames::MAX_NAMES).map(|name| format!("x-{name}")).collect();
        layouts.of_header(format!("date {}", many.join(" ")).as_bytes(), 1).unwrap();
        let unknown = layouts.take_unknown();
        assert_eq!((unknown.iter().count(), unknown.more()), (FieldNames::MAX_NAMES, 1));
    }
}
