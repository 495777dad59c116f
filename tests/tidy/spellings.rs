//! CloudFront's spellings of its fields stand where fields are defined; elsewhere only in prose and tests.

use lakefront_schema::fields::is_known_field;

use crate::{
    repository::{Finding, TextFile, assert_none, files},
    rust_text::RustText,
};

/// A literal that is nothing but field names is code that knows them; a message that mentions one is prose.
fn check(file: &TextFile) -> Vec<Finding> {
    if !file.is_source() || matches!(file.crate_folder(), Some("schema" | "loggen")) {
        return Vec::new();
    }
    let text = RustText::parse(&file.text);
    let is_list = |literal: &str| {
        let mut names = literal.split([' ', ',', '\t', '\n']).filter(|name| !name.is_empty()).peekable();
        // Names that are English words, such as `date`, say nothing by themselves.
        let has_spelling = literal.contains(['-', '(']);
        has_spelling && names.peek().is_some() && names.all(is_known_field)
    };
    let hits = text.literals.iter().filter(|(line, literal)| !text.is_test(*line) && is_list(literal));
    hits.map(|(line, literal)| {
        let what =
            format!("invariant 9: `{literal}` is CloudFront's spelling: use what `lakefront_schema::fields` calls it");
        Finding::new(&file.path, *line, what)
    })
    .collect()
}

#[test]
fn field_spellings_stand_where_fields_are_defined() {
    assert_none(files().iter().flat_map(check).collect());
}

#[test]
fn a_spelling_in_the_code_is_found() {
    let text = "//! Reads `sc-status`.\nlet a = \"cs-uri-stem\";\nlet b = \"the field `sc-status`\";\nlet c = \"date time\";\nlet d = \"date cs(Host)\";\nlet e = b\"sc-bytes\";\n#[cfg(test)]\nmod tests { const A: &str = \"c-ip\"; }\n";
    let lines =
        |path: &str| -> Vec<usize> { check(&TextFile::new(path, text)).iter().map(|finding| finding.line).collect() };
    assert_eq!(lines("crates/cloudfront/src/x.rs"), [2, 5, 6]);
    assert!(lines("crates/schema/src/x.rs").is_empty());
}
