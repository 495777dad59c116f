//! Table schema in, Arrow schema out.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

use crate::{column::ColumnType, table_schema::TableSchema};

impl TableSchema {
    /// Returns the Arrow schema of a data file: the columns in order, without the partition columns.
    ///
    /// Only [required](crate::Column::is_required) columns are not nullable. The entries of a map are named
    /// `key_value`, `key` and `value`, as the Parquet format requires; keys are not null; values are nullable by type, but
    /// never null.
    pub fn arrow_schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self
            .columns()
            .iter()
            .map(|column| Field::new(&column.name, data_type(column.column_type), !column.is_required()))
            .collect();
        Arc::new(Schema::new(fields))
    }
}

fn data_type(column_type: ColumnType) -> DataType {
    match column_type {
        ColumnType::Date => DataType::Date32,
        ColumnType::String => DataType::Utf8View,
        ColumnType::BigInt => DataType::Int64,
        ColumnType::Int => DataType::Int32,
        ColumnType::Double => DataType::Float64,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Map => {
            let keys_sorted = false;
            DataType::Map(map_entries(), keys_sorted)
        }
    }
}

/// Returns the field of a map's entries.
pub fn map_entries() -> FieldRef {
    Arc::new(Field::new("key_value", DataType::Struct(map_entry_fields()), false))
}

/// Returns the fields of a map's entries: key and value.
pub fn map_entry_fields() -> Fields {
    vec![Field::new("key", DataType::Utf8View, false), Field::new("value", DataType::Utf8View, true)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the SQL type that a reader would give to a column of this Arrow type.
    fn sql_type_of(data_type: &DataType) -> &'static str {
        match data_type.to_string().as_str() {
            "Date32" => "date",
            "Utf8View" => "string",
            "Int64" => "bigint",
            "Int32" => "int",
            "Float64" => "double",
            "Timestamp(µs, \"UTC\")" => "timestamp",
            text if text.starts_with("Map(") => "map<string,string>",
            text => panic!("no SQL type for {text}"),
        }
    }

    #[test]
    fn arrow_and_sql_agree_on_every_column() {
        for name in TableSchema::EMBEDDED_NAMES {
            let schema = TableSchema::embedded(name).unwrap();
            let arrow = schema.arrow_schema();
            assert_eq!(arrow.fields().len(), schema.columns().len());
            for (field, column) in arrow.fields().iter().zip(schema.columns()) {
                assert_eq!(field.name(), &column.name);
                assert_eq!(sql_type_of(field.data_type()), column.sql_type(), "{}", column.name);
            }
        }
    }

    #[test]
    fn only_date_and_time_are_required() {
        let arrow = TableSchema::embedded("cf_logs_wide").unwrap().arrow_schema();
        let required: Vec<&String> =
            arrow.fields().iter().filter(|field| !field.is_nullable()).map(|field| field.name()).collect();
        assert_eq!(required, ["logdate", "logtime"]);
    }

    #[test]
    fn a_map_has_the_entry_names_of_the_parquet_format() {
        let arrow = TableSchema::embedded("cf_logs_wide").unwrap().arrow_schema();
        let DataType::Map(entries, keys_sorted) = arrow.field_with_name("extra").unwrap().data_type() else {
            panic!("extra is not a map");
        };
        assert!(!keys_sorted);
        assert_eq!(entries.name(), "key_value");
        assert!(!entries.is_nullable());
        let DataType::Struct(fields) = entries.data_type() else { panic!("no entries") };
        let seen: Vec<_> =
            fields.iter().map(|field| (field.name().as_str(), field.data_type(), field.is_nullable())).collect();
        assert_eq!(seen, [("key", &DataType::Utf8View, false), ("value", &DataType::Utf8View, true)]);
    }
}
