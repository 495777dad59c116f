//! The locations of a table and of its state next to it.

use std::fmt;

use lakefront_storage::{Connections, Folder, Object, Source, Store};

use crate::{Error, table_location};

/// A table and its state.
#[derive(Clone, Debug)]
pub struct Destination {
    table: Store,
    state: Store,
    /// The folders of table and state, and their connections; `None` for stores without a location.
    places: Option<([Folder; 2], Connections)>,
}

impl Destination {
    /// Returns a table in a folder or a bucket. Its state is in `state`; without that, in its sibling
    /// `<table>.lakefront`. Creates nothing.
    ///
    /// # Errors
    /// They cannot be read, are on different filesystems or in different buckets, or one is inside the other.
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

    /// Returns a table in any store.
    pub fn of_stores(table: Store, state: Store) -> Self {
        Self { table, state, places: None }
    }

    /// Returns the same destination for stores that ignore put-if-absent: before a name is created, it is checked that
    /// the name does not exist. The caller guarantees that no other process writes.
    #[must_use]
    pub fn checking_first(self) -> Self {
        Self { table: self.table.checking_first(), state: self.state.checking_first(), ..self }
    }

    /// Returns the store of the table's data files.
    pub fn table(&self) -> &Store {
        &self.table
    }

    /// Returns the store of the table's state.
    pub fn state(&self) -> &Store {
        &self.state
    }

    /// Returns whether a source shares objects with the table or its state.
    pub fn overlaps(&self, source: &Source) -> bool {
        self.folders().any(|folder| source.overlaps(folder))
    }

    /// Returns the folders of table and state, and their connections; `None` for stores without a location.
    pub fn places(&self) -> Option<(&[Folder; 2], &Connections)> {
        self.places.as_ref().map(|(folders, connections)| (folders, connections))
    }

    /// Returns whether the table's state is in this folder.
    pub fn has_state_at(&self, folder: &Folder) -> bool {
        self.places.as_ref().is_some_and(|([_, state], _)| state == folder)
    }

    /// Returns whether this object belongs to the table or its state.
    pub fn holds(&self, object: &Object) -> bool {
        self.folders().any(|folder| folder.holds(object))
    }

    /// Returns the table's URL, or its location if it has no URL.
    pub fn url(&self) -> String {
        self.folders().next().map_or_else(|| self.to_string(), Folder::url)
    }

    /// Returns the connections to the table's store.
    pub fn connections(&self) -> Connections {
        self.places.as_ref().map(|(_, connections)| connections.clone()).unwrap_or_default()
    }

    fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.places.iter().flat_map(|(folders, _)| folders)
    }
}

/// Prints the table's location.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.table.location(""))
    }
}
