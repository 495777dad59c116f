//! Column in, SQL type out, in words that Athena's DDL and Spark share.

use crate::column::{Column, ColumnType};

impl Column {
    /// Returns the type as Athena's DDL and Spark spell it.
    pub fn sql_type(&self) -> &'static str {
        self.column_type.word()
    }
}

impl ColumnType {
    /// Returns the word in SQL and in a schema file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::String => "string",
            Self::BigInt => "bigint",
            Self::Int => "int",
            Self::Double => "double",
            Self::Timestamp => "timestamp",
            Self::Map => "map<string,string>",
        }
    }
}
