//! What a table schema is: a name and its columns in order; and the two that are embedded.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::column::{CellDecode, Column, Source};
use crate::error::Error;
use crate::{fields, schema_file};

/// The columns that partition a table, coarsest first. They stand in paths, never in a data file or a schema file.
pub const PARTITION_COLUMNS: [&str; 4] = ["year", "month", "day", "hour"];

/// The columns of a table, in order. There is at least one, and no two have the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    name: String,
    description: String,
    columns: Vec<Column>,
}

impl TableSchema {
    /// The names that [`embedded`](Self::embedded) knows. The first is the default.
    pub const EMBEDDED_NAMES: [&'static str; 2] = ["cf_logs", "cf_logs_wide"];

    /// Returns a table schema that ships with the program, `None` if there is none of this name.
    pub fn embedded(name: &str) -> Option<Self> {
        let text = match name {
            "cf_logs" => include_str!("../../../schemas/cf_logs.toml"),
            "cf_logs_wide" => include_str!("../../../schemas/cf_logs_wide.toml"),
            _ => return None,
        };
        Self::from_toml(text, name).ok()
    }

    /// Reads a schema file. `origin` is where the text came from, a path or a name: error messages begin with it.
    ///
    /// # Errors
    ///
    /// The text is not TOML or not a schema file. The message names line and key and says what to write instead.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Error> {
        schema_file::read(text, origin)
    }

    /// Returns a schema file that [`from_toml`](Self::from_toml) reads as this table schema.
    pub fn to_toml(&self) -> String {
        schema_file::write(self)
    }

    pub(crate) fn new(name: String, description: String, columns: Vec<Column>) -> Self {
        Self { name, description, columns }
    }

    /// Returns the name of the table schema: lower case, usable as a table name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the table is, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the columns in the order in which they stand in a data file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns 16 hexadecimal digits that say whether two table schemas make the same data files.
    ///
    /// Taken from the columns' names, types, sources, decoding and dictionary settings, in order. The schema's name,
    /// its description and comments do not count.
    pub fn fingerprint(&self) -> String {
        let mut content = String::new();
        for column in &self.columns {
            let source_kind = match &column.source {
                Source::Field(_) => "field",
                Source::Derived(_) => "derive",
            };
            let source = column.source.word();
            let decode = match column.cell_decode {
                CellDecode::AsLogged => "aslogged",
                CellDecode::Percent => "percent",
            };
            // Neither names nor fields hold blanks, so that no two lists of columns give the same text.
            for part in [&column.name, column.sql_type(), source_kind, source, decode] {
                content.push_str(part);
                content.push('\t');
            }
            content.push_str(if column.dictionary { "dictionary\n" } else { "plain\n" });
        }
        Sha256::digest(content).iter().take(8).fold(String::new(), |mut digits, byte| {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{byte:02x}");
            digits
        })
    }

    /// Is this what `older` is, with columns appended or not? Comments may differ.
    ///
    /// # Errors
    ///
    /// What is in the way, as a sentence without its end: the first column that differs, or is missing.
    pub fn extends(&self, older: &Self) -> Result<(), String> {
        let data_of = |column: &Column| Column { comment: String::new(), ..column.clone() };
        for (index, is) in older.columns.iter().enumerate() {
            match self.columns.get(index) {
                None => return Err(format!("its column `{}` is missing", is.name)),
                Some(asked) if data_of(asked) != data_of(is) => {
                    let property = if (&asked.name, asked.column_type) != (&is.name, is.column_type) {
                        String::new()
                    } else if asked.source != is.source {
                        format!(", made from `{}`", is.source.word())
                    } else if asked.cell_decode != is.cell_decode {
                        ", with another `decode`".to_owned()
                    } else {
                        format!(", with `dictionary = {}`", is.dictionary)
                    };
                    let (name, sql_type) = (&is.name, is.sql_type());
                    return Err(format!("its column {} is `{name}` with type `{sql_type}`{property}", index + 1));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Returns the columns that this table schema has after those of `older`, which it [`extends`](Self::extends).
    pub fn appended_to(&self, older: &Self) -> &[Column] {
        self.columns.get(older.columns.len()..).unwrap_or_default()
    }

    /// Returns the fields that CloudFront is not known to write, each once, in order: typing errors, or news from AWS.
    pub fn unknown_fields(&self) -> Vec<&str> {
        let mut unknown = Vec::new();
        for column in &self.columns {
            if let Source::Field(field) = &column.source
                && !fields::is_known_field(field)
                && !unknown.contains(&field.as_str())
            {
                unknown.push(field.as_str());
            }
        }
        unknown
    }
}

#[cfg(test)]
mod tests;
