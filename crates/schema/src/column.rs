//! A column of a table: its name, its type, and the source of its values.

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the data file and in SQL: lower case, at most 255 bytes, never that of a partition column.
    pub name: String,
    /// Type of the values.
    pub column_type: ColumnType,
    /// Source of the values.
    pub source: ColumnSource,
    /// Decoding of a cell on its way into the column.
    pub cell_decode: CellDecode,
    /// Whether the data file may have a dictionary of the values. False is better if all values are different; strings then
    /// have no minimum and maximum there, either.
    pub dictionary: bool,
    /// Description of the column, in one line for people; may be empty.
    pub comment: String,
}

impl Column {
    /// Returns whether every row has a value: true for the derived date and time, without which a row is rejected.
    pub fn is_required(&self) -> bool {
        matches!(self.source, ColumnSource::Derived(Derivation::Date | Derivation::Time))
    }

    /// Returns the SQL type, as Athena's DDL and Spark spell it.
    pub fn sql_type(&self) -> &'static str {
        self.column_type.word()
    }
}

/// Type of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// A day.
    Date,
    /// Text.
    String,
    /// A signed integer of 64 bits.
    BigInt,
    /// A signed integer of 32 bits.
    Int,
    /// A floating-point number of 64 bits.
    Double,
    /// A moment in microseconds, UTC.
    Timestamp,
    /// Text by text.
    Map,
}

impl ColumnType {
    pub(crate) const ALL: [Self; 7] =
        [Self::Date, Self::String, Self::BigInt, Self::Int, Self::Double, Self::Timestamp, Self::Map];

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

    /// Returns whether a field's cells can be read as this type. Only derivations have the other types.
    pub(crate) fn is_of_a_field(self) -> bool {
        matches!(self, Self::String | Self::BigInt | Self::Int | Self::Double)
    }
}

/// Source of a column's values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnSource {
    /// A field, by its name in a standard log. See [`realtime_name`](crate::fields::realtime_name) for the others.
    Field(String),
    /// Computed from several fields, or from the log object.
    Derived(Derivation),
}

impl ColumnSource {
    /// Returns the field, or the word of the derivation.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Field(field) => field,
            Self::Derived(derivation) => derivation.word(),
        }
    }
}

/// Computation of a derived column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Derivation {
    /// Day of the request, UTC.
    Date,
    /// Time of the request, UTC, `HH:MM:SS` as logged.
    Time,
    /// Moment of the request, as finely as the log has it.
    RequestTime,
    /// Browser family of the user agent.
    BrowserFamily,
    /// Operating-system family of the user agent.
    OsFamily,
    /// `True` if the user agent is a bot, else `False`.
    IsBot,
    /// Key of the log object.
    Filename,
    /// Distribution id, from the record or else from the key of the log object.
    Distribution,
    /// Every field that no column claims, by its name.
    Extra,
    /// Line of the row in its log object, counted from 1.
    Line,
}

impl Derivation {
    /// The derivations from a user agent.
    pub const OF_USER_AGENT: [Self; 3] = [Self::BrowserFamily, Self::OsFamily, Self::IsBot];

    pub(crate) const ALL: [Self; 10] = [
        Self::Date,
        Self::Time,
        Self::RequestTime,
        Self::BrowserFamily,
        Self::OsFamily,
        Self::IsBot,
        Self::Filename,
        Self::Distribution,
        Self::Extra,
        Self::Line,
    ];

    /// Returns the word in a schema file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::Time => "time",
            Self::RequestTime => "requesttime",
            Self::BrowserFamily => "browserfamily",
            Self::OsFamily => "osfamily",
            Self::IsBot => "isbot",
            Self::Filename => "filename",
            Self::Distribution => "distribution",
            Self::Extra => "extra",
            Self::Line => "line",
        }
    }

    /// Returns the type of a column of this derivation.
    pub(crate) fn column_type(self) -> ColumnType {
        match self {
            Self::Date => ColumnType::Date,
            Self::RequestTime => ColumnType::Timestamp,
            Self::Extra => ColumnType::Map,
            Self::Line => ColumnType::BigInt,
            Self::Time | Self::BrowserFamily | Self::OsFamily | Self::IsBot | Self::Filename | Self::Distribution => {
                ColumnType::String
            }
        }
    }
}

/// Decoding of a cell on its way into a string column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CellDecode {
    /// None: the text stays as logged, still percent-encoded.
    #[default]
    AsLogged,
    /// Exactly one percent-decoding; `+` stays `+`.
    Percent,
}
