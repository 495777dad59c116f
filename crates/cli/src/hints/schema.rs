//! Hints about schema files.

use lakefront_operations::SchemaError;
use lakefront_schema::Problem;

/// Returns the hint for an error; none if there is nothing to say.
pub(crate) fn hint(error: &SchemaError) -> Option<String> {
    match error {
        SchemaError::Syntax { is_duplicate_key, .. } => {
            let hint = if *is_duplicate_key {
                "a key may be in a table once; every column begins with its own `[[column]]` line"
            } else {
                "text goes into double quotes, one `key = value` to a line, and every column begins with `[[column]]`"
            };
            Some(hint.to_owned())
        }
        SchemaError::Key { problem, .. } => about_key(problem),
        _ => None,
    }
}

fn about_key(problem: &Problem) -> Option<String> {
    Some(match problem {
        Problem::Unknown { expected, .. } => format!("the keys are {expected}"),
        Problem::Missing { example, .. } => format!("add `{example}`"),
        Problem::WrongKind { example, .. } => format!("write `{example}`"),
        Problem::UnknownWord { expected, .. } => format!("use one of {expected}"),
        Problem::BadName { max_bytes, .. } => {
            format!("use lower-case letters, digits and `_`, no digit first, at most {max_bytes} characters")
        }
        Problem::PartitionName { .. } => "choose another name: `year`, `month`, `day` and `hour` are taken".to_owned(),
        Problem::DuplicateName { .. } => "give one of the two another name".to_owned(),
        Problem::SourceCount { .. } => "keep either `field` or `derive`".to_owned(),
        Problem::BadField { .. } => "use CloudFront's spelling, without blanks, for example `cs-uri-stem`".to_owned(),
        Problem::DerivedType { expected, .. } => format!("write `type = \"{expected}\"`"),
        Problem::FieldType { derive, .. } => {
            format!("use `string`, `bigint`, `int` or `double`, or `derive = \"{derive}\"`")
        }
        Problem::DecodeNotText => "leave `decode` out".to_owned(),
        Problem::BadComment { .. } => "shorten it to one line".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use lakefront_operations::message;
    use lakefront_schema::TableSchema;

    use crate::hints::advise;

    /// Returns the message about a schema file, with its hint.
    fn printed(text: &str) -> String {
        let error = TableSchema::from_toml(text, "mine.toml").unwrap_err();
        let printed = message(&error, advise);
        assert_eq!(printed.matches("\nhint: ").count(), 1, "{printed}");
        printed
    }

    #[test]
    fn every_mistake_in_a_schema_file_has_one_hint() {
        let same = "name = \"a\"\ntype = \"string\"\nfield = \"x\"\n[[column]]\nname = \"A\"\n";
        for (lines, hint) in [
            ("typ = 1", "the keys are `name`, `type`, `field`, `derive`, `decode`, `dictionary`, `comment`"),
            ("", "add `name = \"my_column\"`"),
            ("name = \"a\"", "add `type = \"string\"`"),
            ("name = 3", "write `name = \"my_column\"`"),
            (
                "name = \"a\"\ntype = \"varchar\"",
                "use one of `date`, `string`, `bigint`, `int`, `double`, `timestamp`, `map<string,string>`",
            ),
            ("name = \"1st\"", "use lower-case letters, digits and `_`, no digit first, at most 255 characters"),
            ("name = \"hour\"", "choose another name: `year`, `month`, `day` and `hour` are taken"),
            (same, "give one of the two another name"),
            ("name = \"a\"\ntype = \"string\"", "keep either `field` or `derive`"),
            (
                "name = \"a\"\ntype = \"string\"\nfield = \"\"",
                "use CloudFront's spelling, without blanks, for example `cs-uri-stem`",
            ),
            ("name = \"a\"\ntype = \"string\"\nderive = \"extra\"", "write `type = \"map<string,string>\"`"),
            (
                "name = \"a\"\ntype = \"map<string,string>\"\nfield = \"x\"",
                "use `string`, `bigint`, `int` or `double`, or `derive = \"extra\"`",
            ),
            ("name = \"a\"\ntype = \"int\"\nfield = \"x\"\ndecode = \"percent\"", "leave `decode` out"),
            ("name = \"a\"\ntype = \"int\"\nfield = \"x\"\ncomment = \"two\\nlines\"", "shorten it to one line"),
        ] {
            let printed = printed(&format!("name = \"t\"\n[[column]]\n{lines}\n"));
            assert!(printed.ends_with(&format!("\nhint: {hint}")), "{printed}");
        }
    }

    #[test]
    fn text_that_is_not_toml_has_a_hint_about_its_form() {
        let printed_twice = printed("name = \"t\"\nname = \"u\"\n");
        assert!(printed_twice.contains("\nhint: a key may be in a table once"), "{printed_twice}");
        let printed = printed("name = \n");
        assert!(printed.contains("\nhint: text goes into double quotes"), "{printed}");
    }
}
