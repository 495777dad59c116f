//! Locations of tables and states: typed text becomes a folder, and a state is in the folder next to its table.

use lakefront_storage::{Connections, Folder, Store};

use crate::Error;

/// End of the name of a state: `<table>.lakefront`.
pub const STATE_ENDING: &str = ".lakefront";

/// First words of errors about tables and states.
const TABLE: &str = "table";
const STATE: &str = "state";

/// Returns the folder of a table that a path, a `file://` URL or a bucket's URL names. Creates nothing.
///
/// # Errors
/// [`Error::TableIsRoot`], or a location that cannot be a folder.
pub fn parse_table(text: &str) -> Result<Folder, Error> {
    let folder = Folder::parse(text, TABLE).map_err(Error::storage)?;
    if is_root(&folder) { Err(Error::TableIsRoot) } else { Ok(folder) }
}

/// Returns the folder of a state, named in the same ways. Creates nothing.
///
/// # Errors
/// [`Error::StateIsRoot`], or a location that cannot be a folder.
pub fn parse_state(text: &str) -> Result<Folder, Error> {
    let folder = Folder::parse(text, STATE).map_err(Error::storage)?;
    if is_root(&folder) { Err(Error::StateIsRoot) } else { Ok(folder) }
}

/// Returns the folder of a table's state: its sibling `<table>.lakefront`.
///
/// # Errors
/// [`Error::TableIsRoot`] or [`Error::TableIsBucket`], or its location is used by something else.
pub fn state_of(table: &Folder) -> Result<Folder, Error> {
    let state = table.sibling(STATE_ENDING, STATE).map_err(Error::storage)?;
    state.ok_or_else(|| match table {
        Folder::Local(_) => Error::TableIsRoot,
        Folder::Remote(_) => Error::TableIsBucket { bucket: table.to_string() },
    })
}

/// Opens the stores of a table and its state.
///
/// # Errors
/// [`Error::StateElsewhere`], or they are on different filesystems, or a bucket cannot be reached.
pub fn open(table: &Folder, state: &Folder, connections: &Connections) -> Result<[Store; 2], Error> {
    let stores = Folder::open_pair(table, state, connections).map_err(Error::storage)?;
    stores.ok_or_else(|| Error::StateElsewhere { state: state.to_string() })
}

fn is_root(folder: &Folder) -> bool {
    matches!(folder, Folder::Local(_)) && folder.name().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_in_the_sibling_of_its_table() {
        for (table, state) in [
            ("/no/such/lake/cf_logs/", "/no/such/lake/cf_logs.lakefront"),
            ("/no/such/./x/../cf_logs", "/no/such/cf_logs.lakefront"),
            ("s3://lake/cf_logs", "s3://lake/cf_logs.lakefront"),
        ] {
            let table = parse_table(table).unwrap();
            assert_eq!(state_of(&table).unwrap().to_string(), state);
            assert_eq!(parse_state(state).unwrap(), state_of(&table).unwrap());
        }
        let bucket = parse_table("s3://lake").unwrap();
        assert!(matches!(state_of(&bucket), Err(Error::TableIsBucket { bucket }) if bucket == "s3://lake"));
    }

    #[test]
    fn the_root_can_be_neither_a_table_nor_a_state() {
        for text in ["/", "/tmp/.."] {
            let [table, state] = [parse_table(text), parse_state(text)].map(|folder| folder.unwrap_err().to_string());
            assert_eq!(table, "table: `/` cannot be a table: its state is in a folder next to it");
            assert_eq!(state, "state: `/`: the root folder cannot be a state");
        }
    }

    #[test]
    fn errors_begin_with_the_folder_that_was_typed() {
        for text in ["", "hdfs://bucket/x", "/dev/null"] {
            assert!(parse_table(text).unwrap_err().to_string().starts_with("table: "), "{text}");
            assert!(parse_state(text).unwrap_err().to_string().starts_with("state: "), "{text}");
        }
        let [table, state] = [parse_table("/dev/nul"), parse_table("s3://lake/cf_logs")].map(Result::unwrap);
        assert!(matches!(open(&table, &state, &Connections::default()), Err(Error::StateElsewhere { .. })));
    }
}
