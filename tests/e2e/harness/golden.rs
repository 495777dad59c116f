//! Golden files and fixtures.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Path of the tests: this test is built from the command's package.
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests");

/// Returns the path of a file or folder below `tests/fixtures`.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(TESTS).join("fixtures").join(name)
}

/// Asserts that `text` equals a file below `tests/golden`. With `UPDATE_GOLDEN=1` it writes the file instead.
pub(crate) fn golden(name: &str, text: &str) {
    let path = Path::new(TESTS).join("golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    if let Some((line, (got, expected))) = first_difference(text, &expected) {
        panic!(
            "tests/golden/{name}:{line}: differs\nexpected: {expected}\ngot:      {got}\n\
             If the new text is right, refresh it with `UPDATE_GOLDEN=1 cargo test -p lakefront --test e2e goldens`.\n\
             The whole text:\n{text}"
        );
    }
}

fn first_difference<'t>(got: &'t str, expected: &'t str) -> Option<(usize, (&'t str, &'t str))> {
    if got == expected {
        return None;
    }
    let end = ["(the end)"];
    let lines = got.lines().chain(end).zip(expected.lines().chain(end)).enumerate();
    let different = lines.map(|(index, lines)| (index + 1, lines)).find(|(_, (got, expected))| got != expected);
    Some(different.unwrap_or((0, ("line ends", "line ends"))))
}
