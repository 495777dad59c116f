//! A table schema: a name, and columns in order.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::column::{CellDecode, Column, ColumnSource, ColumnType, Derivation};
use crate::fields;

/// The columns that partition a table, coarsest first. They are in paths, never in a data file or a schema file.
pub const PARTITION_COLUMNS: [&str; 4] = ["year", "month", "day", "hour"];

/// The columns of a table, in order. There is at least one, and all names are different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    name: String,
    description: String,
    columns: Vec<Column>,
}

/// Difference between a table schema and the one that it should extend. Reads as a sentence without its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A column is missing.
    #[error("its column `{name}` is missing")]
    Missing {
        /// Name of the column.
        name: String,
    },
    /// A column is another one.
    #[error("its column {number} is `{name}` with type `{sql_type}`{}", property.as_ref().map_or_else(String::new, Property::text))]
    Column {
        /// Number of the column, from 1.
        number: usize,
        /// Name that it has in the older schema.
        name: String,
        /// Type that it has in the older schema.
        sql_type: &'static str,
        /// The property that differs if name and type are the same.
        property: Option<Property>,
    },
}

/// A property of a column, as it is in the older of two schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Property {
    /// The field or derivation.
    Source(String),
    /// The decoding of cells.
    CellDecode,
    /// Whether there is a dictionary.
    Dictionary(bool),
}

impl Property {
    fn text(&self) -> String {
        match self {
            Self::Source(word) => format!(", made from `{word}`"),
            Self::CellDecode => ", with another `decode`".to_owned(),
            Self::Dictionary(dictionary) => format!(", with `dictionary = {dictionary}`"),
        }
    }
}

impl TableSchema {
    pub(crate) fn new(name: String, description: String, columns: Vec<Column>) -> Self {
        Self { name, description, columns }
    }

    /// Returns the name of the table schema: lower case, usable as a table name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the description of the table, for people; may be empty.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns the columns in the order of a data file.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns 16 hexadecimal digits, which are equal for two table schemas that make the same data files.
    ///
    /// They are made from the columns' names, types, sources, decoding and dictionary settings, in order. The schema's name,
    /// its description and comments do not count.
    pub fn fingerprint(&self) -> String {
        let mut content = String::new();
        for column in &self.columns {
            let source_kind = match &column.source {
                ColumnSource::Field(_) => "field",
                ColumnSource::Derived(_) => "derive",
            };
            let source = column.source.word();
            let decode = match column.cell_decode {
                CellDecode::AsLogged => "aslogged",
                CellDecode::Percent => "percent",
            };
            // Neither names nor fields have blanks, so two different lists of columns never give the same text.
            for part in [&column.name, column.sql_type(), source_kind, source, decode] {
                content.push_str(part);
                content.push('\t');
            }
            content.push_str(if column.dictionary { "dictionary\n" } else { "plain\n" });
        }
        Sha256::digest(content).iter().take(8).fold(String::new(), |mut digits, byte| {
            write!(digits, "{byte:02x}").expect("writing to a string cannot fail");
            digits
        })
    }

    /// Returns `Ok` if this is `older`, with or without appended columns. Comments may differ.
    ///
    /// # Errors
    ///
    /// The first column of `older` that is different here, or is missing.
    pub fn extends(&self, older: &Self) -> Result<(), Difference> {
        for (index, is) in older.columns.iter().enumerate() {
            let Some(asked) = self.columns.get(index) else {
                return Err(Difference::Missing { name: is.name.clone() });
            };
            let property = if (&asked.name, asked.column_type) != (&is.name, is.column_type) {
                None
            } else if asked.source != is.source {
                Some(Property::Source(is.source.word().to_owned()))
            } else if asked.cell_decode != is.cell_decode {
                Some(Property::CellDecode)
            } else if asked.dictionary != is.dictionary {
                Some(Property::Dictionary(is.dictionary))
            } else {
                continue;
            };
            let (name, sql_type) = (is.name.clone(), is.sql_type());
            return Err(Difference::Column { number: index + 1, name, sql_type, property });
        }
        Ok(())
    }

    /// Returns the columns that this table schema has after those of `older`, which it [`extends`](Self::extends).
    pub fn appended_to(&self, older: &Self) -> &[Column] {
        &self.columns[older.columns.len().min(self.columns.len())..]
    }

    /// Returns the column that has the user agents as logged, if the table has one.
    pub fn user_agents(&self) -> Option<usize> {
        let is_as_logged = |column: &Column| {
            matches!(&column.source, ColumnSource::Field(field) if field.as_str() == fields::USER_AGENT)
                && column.cell_decode == CellDecode::AsLogged
                && column.column_type == ColumnType::String
        };
        self.columns.iter().position(is_as_logged)
    }

    /// Returns whether any column has one of these derivations.
    pub fn derives(&self, derivations: &[Derivation]) -> bool {
        self.columns.iter().any(
            |column| matches!(&column.source, ColumnSource::Derived(derivation) if derivations.contains(derivation)),
        )
    }

    /// Returns the fields that CloudFront is not known to write, each once, in order: typing errors, or news from AWS.
    pub fn unknown_fields(&self) -> Vec<&str> {
        let mut unknown = Vec::new();
        for column in &self.columns {
            if let ColumnSource::Field(field) = &column.source
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
