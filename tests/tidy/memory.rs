//! Checks ARCHITECTURE.md's table of memory: each constant is in the file and has the value that the table names.

use crate::{
    markdown::{code_spans, table},
    repository::{Finding, TextFile, assert_none, file, files},
};

fn check(architecture: &TextFile, files: &[TextFile]) -> Vec<Finding> {
    let rows = table(&architecture.text, &["what", "how much", "constant", "file"]);
    let mut findings = Vec::new();
    if rows.is_empty() {
        findings.push(Finding::new(
            &architecture.path,
            1,
            "there is no table with `what`, `how much`, `constant`, `file`",
        ));
    }
    for (line, cells) in rows {
        let span =
            |index: usize| cells.get(index).and_then(|cell| code_spans(cell).first().copied()).unwrap_or_default();
        let (constant, path) = (span(2), span(3));
        let value = files.iter().find(|file| file.path == path).and_then(|file| value_of(&file.text, constant));
        let documented = cells.get(1).and_then(|cell| amount(cell));
        let what = match (value, documented) {
            (None, _) => format!("{path} has no constant `{constant}` with a plain value: correct the row"),
            (_, None) => "write the amount as `8 MiB` or `32,768`".to_owned(),
            (Some(value), Some(documented)) if value != documented => {
                format!("`{constant}` is {value} in {path}, not {documented}: correct the row")
            }
            _ => continue,
        };
        findings.push(Finding::new(&architecture.path, line, what));
    }
    findings
}

/// Returns the value of `const NAME: type = a << b;`, or of a product of numbers and other constants.
fn value_of(text: &str, name: &str) -> Option<u64> {
    let declaration = format!("const {name}: ");
    let line = text.lines().find(|line| line.contains(&declaration))?;
    let (_, expression) = line.trim_end().strip_suffix(';')?.split_once(" = ")?;
    if let Some((base, shift)) = expression.split_once("<<") {
        return number(base)?.checked_shl(u32::try_from(number(shift)?).ok()?);
    }
    let factor = |factor: &str| number(factor).or_else(|| value_of(text, factor.trim()));
    expression.split('*').map(factor).try_fold(1_u64, |product, factor| product.checked_mul(factor?))
}

/// Parses an amount, `8 MiB` or `32,768`.
fn amount(cell: &str) -> Option<u64> {
    let (digits, unit) = cell.split_once(' ').unwrap_or((cell, ""));
    let factor = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number(digits)?.checked_mul(factor)
}

fn number(text: &str) -> Option<u64> {
    text.trim().replace(['_', ','], "").parse().ok()
}

#[test]
fn the_table_of_memory_matches_the_constants() {
    assert_none(check(&file("ARCHITECTURE.md"), &files()));
}

#[test]
fn a_wrong_amount_is_found() {
    let header = "| what | how much | constant | file |\n|---|---|---|---|\n";
    let rows = "| a | 8 MiB | `A` | `x.rs` |\n| b | 32,768 | `B` | `x.rs` |\n| c | 2 KiB | `C` | `x.rs` |\n| d | 7 | `D` | `x.rs` |\n| a | much | `A` | `x.rs` |\n| e | 2 KiB | `E` | `x.rs` |\n";
    let code =
        "pub const A: usize = 8 << 20;\nconst B: usize = 32 * 1024;\nconst C: u64 = 1_024;\nconst E: usize = 2 * C;\n";
    let findings = check(&TextFile::new("A.md", &format!("{header}{rows}")), &[TextFile::new("x.rs", code)]);
    assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [5, 6, 7]);
}
