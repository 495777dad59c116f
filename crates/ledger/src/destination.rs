//! Where a table is, and its state beside it.

use std::fmt;

use lakefront_storage::{Connections, Folder, Object, Source, Store};

use crate::{Error, table_location};

/// A table and its state.
#[derive(Clone, Debug)]
pub struct Destination {
    table: Store,
    state: Store,
    /// Where they are, if they are more than stores: the table's folder and the state's, and how they are reached.
    places: Option<([Folder; 2], Connections)>,
}

impl Destination {
    /// A table in a folder or a bucket. Its state is in `state`, or else in its sibling `<table>.lakefront`. Creates nothing.
    ///
    /// # Errors
    /// They cannot be looked at, are on different filesystems or in different buckets, or one lies in the other.
    pub fn try_new(table: Folder, state: Option<Folder>, connections: &Connections) -> Result<Self, Error> {
        let state = match state {
            Some(state) => state,
            None => table_location::state_of(&table)?,
        };
        if table.overlaps(&state) {
            return Err(Error::StateInTable { table: table.to_string(), state: state.to_string() });
        }
        let [table_store, state_store] = table_location::open(&table, &state, connections)?;
        Ok(Self { table: table_store, state: state_store, places: Some(([table, state], connections.clone())) })
    }

    /// A table in any store.
    pub fn of_stores(table: Store, state: Store) -> Self {
        Self { table, state, places: None }
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
    pub fn overlaps(&self, source: &Source) -> bool {
        self.folders().any(|folder| source.overlaps(folder))
    }

    /// The folders of table and state, and their connections; `None` for stores without a location.
    pub fn places(&self) -> Option<(&[Folder; 2], &Connections)> {
        self.places.as_ref().map(|(folders, connections)| (folders, connections))
    }

    /// Whether this folder is where the table's state is.
    pub fn has_state_at(&self, folder: &Folder) -> bool {
        self.places.as_ref().is_some_and(|([_, state], _)| state == folder)
    }

    /// Is this object one of the table's or its state's?
    pub fn holds(&self, object: &Object) -> bool {
        self.folders().any(|folder| folder.holds(object))
    }

    /// The table as a URL, as far as it has one.
    pub fn url(&self) -> String {
        self.folders().next().map_or_else(|| self.to_string(), Folder::url)
    }

    /// How the table is reached.
    pub fn connections(&self) -> Connections {
        self.places.as_ref().map(|(_, connections)| connections.clone()).unwrap_or_default()
    }

    fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.places.iter().flat_map(|(folders, _)| folders)
    }
}

/// The table's place, printable.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.location(""))
    }
}
