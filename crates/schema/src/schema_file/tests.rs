//! Good schema files are read as written; bad ones get a message with line and key.

use super::*;

const README: &str = include_str!("../../../../schemas/README.md");

fn message(text: &str) -> String {
    read(text, "mine.toml").unwrap_err().to_string()
}

/// Returns the mistake in a key.
fn problem(text: &str) -> Problem {
    match read(text, "mine.toml") {
        Err(Error::Key { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

/// Returns a schema file of one column, whose lines begin in line 3.
fn of_column(lines: &str) -> String {
    format!("name = \"t\"\n[[column]]\n{lines}\n")
}

fn column_message(lines: &str) -> String {
    message(&of_column(lines))
}

#[test]
fn the_example_of_the_readme_is_read() {
    let example = README.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let schema = read(example, "README.md").unwrap();
    let names: Vec<&str> = schema.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["day_utc", "moment", "client", "path", "status", "seconds", "agent", "rest"]);
    assert_eq!(schema.columns()[3].cell_decode, CellDecode::Percent);
    assert_eq!(schema.unknown_fields(), Vec::<&str>::new());
}

#[test]
fn the_readme_names_every_key_type_and_derivation() {
    let types = ColumnType::ALL.map(ColumnType::word);
    let derivations = Derivation::ALL.map(Derivation::word);
    for word in TOP_KEYS.iter().chain(&COLUMN_KEYS).chain(&types).chain(&derivations) {
        assert!(README.contains(&format!("`{word}`")), "README.md does not explain `{word}`");
    }
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for name in TableSchema::EMBEDDED_NAMES {
        let schema = TableSchema::embedded(name).unwrap();
        assert_eq!(read(&schema.to_toml(), name).unwrap(), schema);
    }
    let text = "name = \"t\"\ndescription = \"a \\\"b\\\"\\n\\\\ \\u0001 ü\"\n\
        [[column]]\nname = \"a\"\ntype = \"string\"\nfield = 'x\"y\\z'\ndecode = \"percent\"\ncomment = \"it's\"\n";
    let schema = read(text, "t").unwrap();
    assert_eq!(schema.description(), "a \"b\"\n\\ \u{1} ü");
    assert_eq!(read(&schema.to_toml(), "t").unwrap(), schema);
}

#[test]
fn a_user_schema_may_take_a_field_twice_and_rename_everything() {
    let text = "name = \"mine\"\n\
        [[column]]\ntype = \"bigint\"\nname = \"seconds\"\nfield = \"time-taken\"\n\
        [[column]]\nname = \"exact_seconds\"\ntype = \"double\"\nfield = \"time-taken\"\n\
        [[column]]\nname = \"line\"\ntype = \"bigint\"\nderive = \"line\"\ndictionary = false\n";
    let schema = read(text, "mine.toml").unwrap();
    assert_eq!(schema.name(), "mine");
    assert_eq!(schema.description(), "");
    let columns = schema.columns();
    assert_eq!(columns[0].source, columns[1].source);
    assert!(columns[0].dictionary);
    assert_eq!(columns[2].source, ColumnSource::Derived(Derivation::Line));
    assert!(!columns[2].dictionary);
}

#[test]
fn a_syntax_error_has_its_line() {
    let is_duplicate_key = |text: &str| match read(text, "mine.toml") {
        Err(Error::Syntax { is_duplicate_key, .. }) => is_duplicate_key,
        other => panic!("{other:?}"),
    };
    let text = message("name = \"t\"\n\n[[column]]\nname = \n");
    assert!(text.starts_with("mine.toml:4: not valid TOML: "), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    let text = message("name = \"t\"\r\nname = \"u\"\r\n");
    assert!(text.starts_with("mine.toml:2: not valid TOML: duplicate key"), "{text}");
    assert!(is_duplicate_key("name = \"t\"\r\nname = \"u\"\r\n") && !is_duplicate_key("name = \n"));
}

#[test]
fn an_unknown_key_has_the_known_ones_with_it() {
    assert_eq!(
        message("name = \"t\"\ncolumns = 1\n"),
        "mine.toml:2: key `columns`: no such key at the top of the file"
    );
    let expected = "`name`, `description`, `column`".to_owned();
    assert_eq!(problem("name = \"t\"\ncolumns = 1\n"), Problem::Unknown { place: IN_FILE, expected });
    let text = column_message("name = \"a\"\n\ntyp = \"string\"\nfield = \"c-ip\"\nfeild = 1");
    assert_eq!(text, "mine.toml:5: key `typ`: no such key in this `[[column]]`");
    let Problem::Unknown { expected, .. } = problem(&of_column("name = \"a\"\ntyp = 1")) else { panic!("unknown") };
    assert!(expected.starts_with("`name`, `type`"), "{expected}");
}

#[test]
fn a_missing_key_has_the_first_line_of_its_table() {
    assert_eq!(message("# empty\n"), "mine.toml:1: key `name`: missing at the top of the file");
    assert_eq!(message("name = \"t\""), "mine.toml:1: key `column`: missing at the top of the file");
    let example = "name = \"my_table\"";
    assert_eq!(problem("# empty\n"), Problem::Missing { place: IN_FILE, example });
    assert!(message("name = \"t\"\ncolumn = []").contains("key `column`: missing"));
    assert!(column_message("type = \"string\"").starts_with("mine.toml:2: key `name`: missing in this `[[column]]`"));
    assert!(column_message("name = \"a\"").starts_with("mine.toml:2: key `type`: missing"));
}

#[test]
fn a_value_of_the_wrong_kind_is_refused() {
    assert_eq!(message("\nname = 3\n"), "mine.toml:2: key `name`: expected text, got a number");
    let example = "name = \"my_table\"";
    assert_eq!(problem("\nname = 3\n"), Problem::WrongKind { expected: "text", got: "a number", example });
    assert_eq!(
        message("name = \"t\"\n[column]\nname = \"a\"\n"),
        "mine.toml:2: key `column`: expected a list of tables, got a table"
    );
    assert!(message("name = \"t\"\ncolumn = [1]\n").contains("expected a list of tables, got a number"));
    let text = column_message("name = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\ndictionary = \"no\"");
    assert_eq!(text, "mine.toml:6: key `dictionary`: expected true or false, got text");
}

#[test]
fn an_unknown_word_has_the_known_ones_with_it() {
    let expected = |lines: &str| {
        let Problem::UnknownWord { expected, .. } = problem(&of_column(lines)) else { panic!("not a word: {lines}") };
        expected
    };
    assert_eq!(
        expected("name = \"a\"\ntype = \"varchar\"\nfield = \"c-ip\""),
        "`date`, `string`, `bigint`, `int`, `double`, `timestamp`, `map<string,string>`"
    );
    assert_eq!(
        column_message("name = \"a\"\ntype = \"varchar\"\nfield = \"c-ip\""),
        "mine.toml:4: key `type`: `varchar` is not known"
    );
    let text = column_message("name = \"a\"\ntype = \"string\"\nderive = \"browser\"");
    assert_eq!(text, "mine.toml:5: key `derive`: `browser` is not known");
    let words = expected("name = \"a\"\ntype = \"string\"\nderive = \"browser\"");
    assert!(words.starts_with("`date`, `time`,"), "{words}");
    let text = column_message("name = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\ndecode = \"base64\"");
    assert_eq!(text, "mine.toml:6: key `decode`: `base64` is not known");
    let lines = "name = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\ndecode = \"base64\"";
    assert_eq!(expected(lines), "`percent`");
}

#[test]
fn a_name_is_lower_case_and_not_too_long() {
    let long = "a".repeat(256);
    for bad in ["", "Uri", "1st", "a-b", "a b", "ü", "a`b", long.as_str()] {
        let text = column_message(&format!("name = \"{bad}\"\ntype = \"string\"\nfield = \"c-ip\""));
        assert!(text.starts_with("mine.toml:3: key `name`: `"), "{text}");
        assert!(text.contains("is not a name"), "{text}");
        assert!(text.len() < 300, "{text}");
        assert!(message(&format!("name = \"{bad}\"\n")).contains("is not a name"), "{bad}");
    }
    let good = format!("name = \"_t1\"\n[[column]]\nname = \"{}\"\ntype = \"string\"\nfield = \"c-ip\"", &long[..255]);
    assert_eq!(read(&good, "mine.toml").unwrap().columns()[0].name.len(), 255);
}

#[test]
fn a_column_cannot_be_named_like_a_partition_column() {
    for name in ["year", "month", "day", "hour", "Hour"] {
        let text = column_message(&format!("name = \"{name}\"\ntype = \"string\"\nfield = \"c-ip\""));
        assert!(text.starts_with(&format!("mine.toml:3: key `name`: `{name}` is a partition column")), "{text}");
    }
}

#[test]
fn two_columns_cannot_share_a_name_in_any_case() {
    for second in ["uri", "URI"] {
        let text = format!(
            "name = \"t\"\n[[column]]\nname = \"uri\"\ntype = \"string\"\nfield = \"cs-uri-stem\"\n\
             [[column]]\ntype = \"string\"\nname = \"{second}\"\nfield = \"cs-uri-query\"\n"
        );
        assert_eq!(
            message(&text),
            format!("mine.toml:8: key `name`: `{second}` is the name of the column in line 3 too")
        );
    }
}

#[test]
fn a_column_has_exactly_one_source() {
    let text = column_message("name = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\nderive = \"time\"");
    assert_eq!(text, "mine.toml:6: key `derive`: a column has exactly one source, this one has both");
    let text = column_message("name = \"a\"\ntype = \"string\"");
    assert!(text.starts_with("mine.toml:2: key `field`: a column has exactly one source, this one has none"), "{text}");
}

#[test]
fn a_field_has_no_blanks_and_is_not_empty() {
    for bad in ["", " ", "cs-uri stem", "c-ip\\t", "\\u0007"] {
        let text = column_message(&format!("name = \"a\"\ntype = \"string\"\nfield = \"{bad}\""));
        assert!(text.starts_with("mine.toml:5: key `field`: `"), "{text}");
        assert!(text.contains("cannot be a field"), "{text}");
        assert!(!text.contains(['\t', '\u{7}']), "{text}");
    }
}

#[test]
fn a_derivation_has_its_own_type() {
    for derivation in Derivation::ALL {
        let right = derivation.column_type();
        for column_type in ColumnType::ALL {
            let lines = format!("name = \"a\"\ntype = \"{}\"\nderive = \"{}\"", column_type.word(), derivation.word());
            let result = read(&format!("name = \"t\"\n[[column]]\n{lines}"), "mine.toml");
            assert_eq!(result.is_ok(), column_type == right, "{lines}");
        }
    }
    assert_eq!(
        column_message("name = \"a\"\ntype = \"string\"\nderive = \"extra\""),
        "mine.toml:4: key `type`: `derive = \"extra\"` cannot be of type `string`"
    );
    let wrong = Problem::DerivedType { derive: "extra", got: "string", expected: "map<string,string>" };
    assert_eq!(problem(&of_column("name = \"a\"\ntype = \"string\"\nderive = \"extra\"")), wrong);
}

#[test]
fn a_field_is_text_or_a_number() {
    for column_type in ColumnType::ALL {
        let lines = format!("name = \"a\"\ntype = \"{}\"\nfield = \"x\"", column_type.word());
        let result = read(&format!("name = \"t\"\n[[column]]\n{lines}"), "mine.toml");
        assert_eq!(result.is_ok(), ["string", "bigint", "int", "double"].contains(&column_type.word()), "{lines}");
    }
    let text = column_message("name = \"a\"\ntype = \"map<string,string>\"\nfield = \"x\"");
    assert!(text.starts_with("mine.toml:4: key `type`: a field cannot be of type `map<string,string>`"), "{text}");
    let wrong = Problem::FieldType { got: "map<string,string>", derive: "extra" };
    assert_eq!(problem(&of_column("name = \"a\"\ntype = \"map<string,string>\"\nfield = \"x\"")), wrong);
}

#[test]
fn only_text_as_logged_can_be_decoded() {
    for lines in [
        "name = \"a\"\ntype = \"bigint\"\nfield = \"sc-bytes\"\ndecode = \"percent\"",
        "name = \"a\"\ntype = \"string\"\nderive = \"filename\"\ndecode = \"percent\"",
    ] {
        let text = column_message(lines);
        assert!(text.starts_with("mine.toml:6: key `decode`: only a string column with a `field` can be decoded"));
    }
}

#[test]
fn a_comment_fits_the_catalog() {
    let long = "a".repeat(256);
    for bad in [long.as_str(), "two\\nlines"] {
        let text = column_message(&format!("name = \"a\"\ntype = \"string\"\nfield = \"c-ip\"\ncomment = \"{bad}\""));
        assert!(text.starts_with("mine.toml:6: key `comment`: longer than 255 bytes, or more than one line"), "{text}");
    }
}
