//! Checks that code uses CloudFront's spellings of fields only where fields are defined; elsewhere only prose and tests
//! have them.

use lakefront_schema::fields::is_known_field;

use crate::{
    repository::{Finding, TextFile, assert_none, files},
    rust_text::RustText,
};

/// Finds literals that consist only of field names. A message that mentions a field is prose, and is allowed.
fn check(file: &TextFile) -> Vec<Finding> {
    if !file.is_source() || matches!(file.crate_folder(), Some("schema" | "loggen")) {
        return Vec::new();
    }
    let text = RustText::parse(&file.text);
    let is_list = |literal: &str| {
        let mut names = literal.split([' ', ',', '\t', '\n']).filter(|name| !name.is_empty()).peekable();
        // Names that are English words, such as `date`, may have another meaning.
        let has_spelling = literal.contains(['-', '(']);
        has_spelling && names.peek().is_some() && names.all(is_known_field)
    };
    let hits = text.literals.iter().filter(|(line, literal)| !text.is_test(*line) && is_list(literal));
    hits.map(|(line, literal)| {
        let what = format!(
            "invariant 9: `{literal}` is CloudFront's spelling: use the constant of `lakefront_schema::fields`"
        );
        Finding::new(&file.path, *line, what)
    })
    .collect()
}

#[test]
fn field_spellings_are_only_where_fields_are_defined() {
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
