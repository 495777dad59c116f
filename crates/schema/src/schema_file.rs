//! Schema file text in, table schema out, every mistake with its line and key; and back.
//!
//! `schemas/README.md` describes the format. The document is read key by key instead of being deserialised, as that keeps
//! the line of every key for the message.

use std::{fmt::Write as _, ops::Range};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use crate::{
    column::{CellDecode, Column, ColumnSource, ColumnType, Derivation},
    error::{Error, Problem},
    table_schema::{PARTITION_COLUMNS, TableSchema},
};

/// Longest name of a column or schema in bytes: the limit of Athena and of the Glue catalog.
const MAX_NAME_BYTES: usize = 255;
/// Longest comment in bytes: the limit of the Glue catalog, which takes a single line.
const MAX_COMMENT_BYTES: usize = 255;

const TOP_KEYS: [&str; 3] = ["name", "description", "column"];
const COLUMN_KEYS: [&str; 7] = ["name", "type", "field", "derive", "decode", "dictionary", "comment"];

const IN_FILE: &str = "at the top of the file";
const IN_COLUMN: &str = "in this `[[column]]`";

impl TableSchema {
    /// The names that [`embedded`](Self::embedded) knows. The first is the default.
    pub const EMBEDDED_NAMES: [&'static str; 2] = ["cf_logs", "cf_logs_wide"];

    /// Returns a table schema that is part of the program; `None` if there is none of this name.
    pub fn embedded(name: &str) -> Option<Self> {
        match name {
            "cf_logs" => Some(embedded(include_str!("../../../schemas/cf_logs.toml"), name)),
            "cf_logs_wide" => Some(embedded(include_str!("../../../schemas/cf_logs_wide.toml"), name)),
            _ => None,
        }
    }

    /// Reads a schema file. `origin` is where the text came from, a path or a name: error messages begin with it.
    ///
    /// # Errors
    ///
    /// The text is not TOML or not a schema file. The message names line and key.
    pub fn from_toml(text: &str, origin: &str) -> Result<Self, Error> {
        read(text, origin)
    }

    /// Returns a schema file that [`from_toml`](Self::from_toml) reads as this table schema.
    pub fn to_toml(&self) -> String {
        write(self)
    }
}

fn embedded(text: &str, name: &str) -> TableSchema {
    read(text, name).expect("an embedded schema is part of the program, and a test reads it")
}

fn read(text: &str, origin: &str) -> Result<TableSchema, Error> {
    let document = DeTable::parse(text).map_err(|error| Error::Syntax {
        origin: origin.to_owned(),
        // An error without a place is about the whole text.
        line: line_of(text, &error.span().unwrap_or_default()),
        message: error.message().replace('\n', ", "),
        is_duplicate_key: error.message().contains("duplicate key"),
    })?;
    let document_text = DocumentText { text, origin };
    let top = TomlTable { document: &document_text, place: IN_FILE, entries: document.get_ref(), line: 1 };
    top.check_keys(&TOP_KEYS)?;

    let name = top.text("name", "name = \"my_table\"")?.ok_or_else(|| top.missing("name", "name = \"my_table\""))?;
    if !is_name(name.value) {
        return Err(name.wrong(Problem::BadName { got: shown(name.value), max_bytes: MAX_NAME_BYTES }));
    }
    let description = top.text("description", "description = \"What the table holds\"")?;
    let columns = read_columns(&top)?;
    Ok(TableSchema::new(name.value.to_owned(), description.map_or("", |text| text.value).to_owned(), columns))
}

fn write(schema: &TableSchema) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: String| {
        writeln!(out, "{key} = {value}").expect("writing to a string cannot fail");
    };
    line("name", quoted(schema.name()));
    line("description", quoted(schema.description()));
    for column in schema.columns() {
        line("\n[[column]]\nname", quoted(&column.name));
        line("type", quoted(column.column_type.word()));
        match &column.source {
            ColumnSource::Field(field) => line("field", quoted(field)),
            ColumnSource::Derived(derivation) => line("derive", quoted(derivation.word())),
        }
        match column.cell_decode {
            CellDecode::AsLogged => {}
            CellDecode::Percent => line("decode", quoted("percent")),
        }
        if !column.dictionary {
            line("dictionary", "false".to_owned());
        }
        if !column.comment.is_empty() {
            line("comment", quoted(&column.comment));
        }
    }
    out
}

fn read_columns(top: &TomlTable<'_>) -> Result<Vec<Column>, Error> {
    const EXAMPLE: &str = "[[column]]";
    let (key, value) = top.find("column").ok_or_else(|| top.missing("column", EXAMPLE))?;
    let wrong = |got| {
        top.document.wrong(
            &key.span(),
            "column",
            Problem::WrongKind { expected: "a list of tables", got, example: EXAMPLE },
        )
    };
    let items = value.get_ref().as_array().ok_or_else(|| wrong(kind_of(value.get_ref())))?;
    let mut columns: Vec<Column> = Vec::with_capacity(items.len());
    let mut name_lines: Vec<usize> = Vec::with_capacity(items.len());
    for item in items {
        let entries = item.get_ref().as_table().ok_or_else(|| wrong(kind_of(item.get_ref())))?;
        let line = top.document.line_of(&item.span());
        let table = TomlTable { document: top.document, place: IN_COLUMN, entries, line };
        let (column, name_line) = read_column(&table, &columns, &name_lines)?;
        columns.push(column);
        name_lines.push(name_line);
    }
    if columns.is_empty() {
        return Err(top.missing("column", EXAMPLE));
    }
    Ok(columns)
}

/// Reads one column. Returns it and the line of its name. `before` has the columns before it, and `name_lines` the lines of
/// their names.
fn read_column(table: &TomlTable<'_>, before: &[Column], name_lines: &[usize]) -> Result<(Column, usize), Error> {
    const NAME: &str = "name = \"my_column\"";
    const TYPE: &str = "type = \"string\"";
    table.check_keys(&COLUMN_KEYS)?;

    let name = table.text("name", NAME)?.ok_or_else(|| table.missing("name", NAME))?;
    // Checked first and regardless of case, so that `Year` is called a partition column, and not only upper case.
    if PARTITION_COLUMNS.iter().any(|taken| taken.eq_ignore_ascii_case(name.value)) {
        return Err(name.wrong(Problem::PartitionName { got: shown(name.value) }));
    }
    let same = before.iter().zip(name_lines).find(|(column, _)| column.name.eq_ignore_ascii_case(name.value));
    if let Some((_, first_line)) = same {
        return Err(name.wrong(Problem::DuplicateName { got: shown(name.value), first_line: *first_line }));
    }
    if !is_name(name.value) {
        return Err(name.wrong(Problem::BadName { got: shown(name.value), max_bytes: MAX_NAME_BYTES }));
    }

    let type_text = table.text("type", TYPE)?.ok_or_else(|| table.missing("type", TYPE))?;
    let column_type = type_text.word(&ColumnType::ALL, ColumnType::word)?;
    let source = read_source(table, &type_text, column_type)?;
    let cell_decode = read_decode(table, column_type, &source)?;
    let dictionary = table.flag("dictionary", "dictionary = false")?.unwrap_or(true);
    let comment = table.text("comment", "comment = \"What the column holds\"")?;
    if let Some(comment) = &comment
        && (comment.value.len() > MAX_COMMENT_BYTES || comment.value.contains(char::is_control))
    {
        return Err(comment.wrong(Problem::BadComment { max_bytes: MAX_COMMENT_BYTES }));
    }
    let name_line = table.document.line_of(&name.span);
    let name = name.value.to_owned();
    let comment = comment.map_or("", |text| text.value).to_owned();
    Ok((Column { name, column_type, source, cell_decode, dictionary, comment }, name_line))
}

fn read_source(
    table: &TomlTable<'_>,
    type_text: &TextValue<'_>,
    column_type: ColumnType,
) -> Result<ColumnSource, Error> {
    let field = table.text("field", "field = \"cs-uri-stem\"")?;
    let derive = table.text("derive", "derive = \"date\"")?;
    match (field, derive) {
        (Some(field), None) => {
            if field.value.is_empty() || field.value.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return Err(field.wrong(Problem::BadField { got: shown(field.value) }));
            }
            let derivation = Derivation::ALL.iter().find(|derivation| derivation.column_type() == column_type);
            if let Some(derivation) = derivation.filter(|_| !column_type.is_of_a_field()) {
                let problem = Problem::FieldType { got: column_type.word(), derive: derivation.word() };
                return Err(type_text.wrong(problem));
            }
            Ok(ColumnSource::Field(field.value.to_owned()))
        }
        (None, Some(derive)) => {
            let derivation = derive.word(&Derivation::ALL, Derivation::word)?;
            if derivation.column_type() != column_type {
                return Err(type_text.wrong(Problem::DerivedType {
                    derive: derivation.word(),
                    got: column_type.word(),
                    expected: derivation.column_type().word(),
                }));
            }
            Ok(ColumnSource::Derived(derivation))
        }
        (Some(_), Some(derive)) => Err(derive.wrong(Problem::SourceCount { got: "both" })),
        (None, None) => Err(table.wrong("field", Problem::SourceCount { got: "none" })),
    }
}

fn read_decode(table: &TomlTable<'_>, column_type: ColumnType, source: &ColumnSource) -> Result<CellDecode, Error> {
    let Some(decode) = table.text("decode", "decode = \"percent\"")? else { return Ok(CellDecode::AsLogged) };
    let decoded = decode.word(&[CellDecode::Percent], |_| "percent")?;
    match (column_type, source) {
        (ColumnType::String, ColumnSource::Field(_)) => Ok(decoded),
        (_, ColumnSource::Field(_) | ColumnSource::Derived(_)) => Err(decode.wrong(Problem::DecodeNotText)),
    }
}

/// The text being read, and its name in messages.
struct DocumentText<'a> {
    text: &'a str,
    origin: &'a str,
}

impl DocumentText<'_> {
    fn line_of(&self, span: &Range<usize>) -> usize {
        line_of(self.text, span)
    }

    fn wrong(&self, span: &Range<usize>, key: &str, problem: Problem) -> Error {
        Error::Key { origin: self.origin.to_owned(), line: self.line_of(span), key: key.to_owned(), problem }
    }
}

/// One table of the document: the top or a column.
struct TomlTable<'a> {
    document: &'a DocumentText<'a>,
    place: &'static str,
    entries: &'a DeTable<'a>,
    /// First line of the table, from 1.
    line: usize,
}

/// A key and its value, each with its position in the text.
type KeyValue<'a> = (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>);

impl<'a> TomlTable<'a> {
    /// Refuses keys that the format does not have; the error names the first one in the file.
    fn check_keys(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.entries.iter().map(|(key, _)| key).filter(|key| !known.contains(&key.get_ref().as_ref()));
        match unknown.min_by_key(|key| key.span().start) {
            None => Ok(()),
            Some(key) => {
                let problem = Problem::Unknown { place: self.place, expected: listed(known.iter().copied()) };
                Err(self.document.wrong(&key.span(), &shown(key.get_ref()), problem))
            }
        }
    }

    fn find(&self, key: &str) -> Option<KeyValue<'a>> {
        self.entries.iter().find(|(found, _)| found.get_ref() == key)
    }

    fn text(&self, key: &'static str, example: &'static str) -> Result<Option<TextValue<'a>>, Error> {
        let Some((found, value)) = self.find(key) else { return Ok(None) };
        let span = found.span();
        match value.get_ref().as_str() {
            Some(value) => Ok(Some(TextValue { document: self.document, key, value, span })),
            None => Err(self.wrong_kind(key, &span, "text", value.get_ref(), example)),
        }
    }

    fn flag(&self, key: &'static str, example: &'static str) -> Result<Option<bool>, Error> {
        let Some((found, value)) = self.find(key) else { return Ok(None) };
        match value.get_ref().as_bool() {
            Some(flag) => Ok(Some(flag)),
            None => Err(self.wrong_kind(key, &found.span(), "true or false", value.get_ref(), example)),
        }
    }

    fn wrong_kind(
        &self,
        key: &str,
        span: &Range<usize>,
        expected: &'static str,
        got: &DeValue<'_>,
        example: &'static str,
    ) -> Error {
        self.document.wrong(span, key, Problem::WrongKind { expected, got: kind_of(got), example })
    }

    fn missing(&self, key: &str, example: &'static str) -> Error {
        self.wrong(key, Problem::Missing { place: self.place, example })
    }

    /// Returns an error about the table as a whole, at its first line.
    fn wrong(&self, key: &str, problem: Problem) -> Error {
        Error::Key { origin: self.document.origin.to_owned(), line: self.line, key: key.to_owned(), problem }
    }
}

/// A key with a text value.
struct TextValue<'a> {
    document: &'a DocumentText<'a>,
    key: &'static str,
    value: &'a str,
    /// Position of the key, as a value may begin lines after it.
    span: Range<usize>,
}

impl TextValue<'_> {
    fn wrong(&self, problem: Problem) -> Error {
        self.document.wrong(&self.span, self.key, problem)
    }

    /// Returns the one of `choices` whose word is the value.
    fn word<T: Copy>(&self, choices: &[T], word_of: impl Fn(T) -> &'static str) -> Result<T, Error> {
        choices.iter().copied().find(|choice| word_of(*choice) == self.value).ok_or_else(|| {
            let expected = listed(choices.iter().map(|choice| word_of(*choice)));
            self.wrong(Problem::UnknownWord { got: shown(self.value), expected })
        })
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

fn is_name(text: &str) -> bool {
    let is_start = |c: char| c.is_ascii_lowercase() || c == '_';
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(is_start)
        && text.chars().all(|c| is_start(c) || c.is_ascii_digit())
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Returns a value as messages show it: on one line, and of limited length.
fn shown(text: &str) -> String {
    const MAX_SHOWN: usize = 80;
    let mut shown = String::new();
    for c in text.chars().take(MAX_SHOWN) {
        if c.is_control() { shown.extend(c.escape_debug()) } else { shown.push(c) }
    }
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}

/// Returns a text as a TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04X}", u32::from(c)).expect("writing to a string cannot fail"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
