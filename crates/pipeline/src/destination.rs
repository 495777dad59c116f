//! Where a table is, and its state beside it.

use std::fmt;

use lakefront_storage::{LocalFolder, Object, Source, Store};

use crate::Error;

/// A table and its state.
#[derive(Clone, Debug)]
pub struct Destination {
    table: Store,
    state: Store,
    /// Table and state, where they are folders.
    folders: Vec<LocalFolder>,
}

impl Destination {
    /// A table in a folder. Its state is in `state`, or else in its sibling `<table>.lakefront`. Creates nothing.
    ///
    /// # Errors
    /// They cannot be looked at, are on different filesystems, or one lies in the other.
    pub fn local(table: LocalFolder, state: Option<LocalFolder>) -> Result<Self, Error> {
        let state = match state {
            Some(state) => state,
            None => table.state().map_err(Error::storage)?,
        };
        let (inner, outer) = (table.path().starts_with(state.path()), state.path().starts_with(table.path()));
        if inner || outer {
            return Err(Error::StateInTable { table: table.to_string(), state: state.to_string() });
        }
        let temp = state.path().join("tmp");
        let table_store = table.open_store(&temp).map_err(Error::storage)?;
        let state_store = state.open_store(&temp).map_err(Error::storage)?;
        Ok(Self { table: table_store, state: state_store, folders: vec![table, state] })
    }

    /// A table in any store.
    pub fn of_stores(table: Store, state: Store) -> Self {
        Self { table, state, folders: Vec::new() }
    }

    /// The same, for stores that ignore put-if-absent: names are looked at first. The caller promises that nobody else
    /// writes.
    #[must_use]
    pub fn checking_first(self) -> Self {
        Self { table: self.table.checking_first(), state: self.state.checking_first(), ..self }
    }

    /// The table's data files.
    pub fn table(&self) -> &Store {
        &self.table
    }

    /// The table's state.
    pub fn state(&self) -> &Store {
        &self.state
    }

    /// Does a source share objects with the table or its state?
    pub(crate) fn overlaps(&self, source: &Source) -> bool {
        self.folders.iter().any(|folder| source.overlaps(folder))
    }

    /// The table or the state that this table lies in, if it does, and whether it is a state.
    pub(crate) fn enclosing_table(&self) -> Result<Option<(LocalFolder, bool)>, Error> {
        self.folders.first().map_or(Ok(None), LocalFolder::enclosing_table).map_err(Error::storage)
    }

    /// Is this object one of the table's or its state's?
    pub(crate) fn holds(&self, object: &Object) -> bool {
        self.folders.iter().any(|folder| folder.holds(object))
    }

    /// The table as a URL, as far as it has one.
    pub fn url(&self) -> String {
        self.folders.first().map_or_else(|| self.to_string(), LocalFolder::url)
    }
}

/// The table's place, printable.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.location(""))
    }
}
