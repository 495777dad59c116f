//! Plain English: a short list of words that made readers stop, and openings of doc comments that do not say what an item is.

use crate::repository::{Finding, TextFile, assert_none, files};

/// Words and phrases, each with plain ones.
const WORDS: [(&str, &str); 9] = [
    ("so many", "`number of`, or the number"),
    ("so much", "the amount"),
    ("whoever", "the run, the process, the caller"),
    ("whatever", "`any`, `regardless of`"),
    ("anew", "`again`"),
    ("became of", "`result of`, `outcome of`"),
    ("becomes of", "`result of`, `outcome of`"),
    ("own accord", "`by itself`"),
    ("foretold", "`predicted`"),
];

/// First words of a doc comment that ask instead of saying what the item is or does.
const OPENINGS: [&str; 5] = ["What ", "How ", "Who ", "Whose ", "So "];

/// Extensions of the files that are read.
const EXTENSIONS: [&str; 6] = ["rs", "py", "md", "toml", "sh", "sql"];

fn check(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !EXTENSIONS.iter().any(|extension| file.has_extension(extension)) {
        return findings;
    }
    let mut was_doc = false;
    for (index, line) in file.text.lines().enumerate() {
        let mut find = |what: String| findings.push(Finding::new(&file.path, index + 1, what));
        let lower = line.to_lowercase();
        for (word, plain) in WORDS {
            if has_word(&lower, word) {
                find(format!("`{word}`: say {plain}"));
            }
        }
        let doc = file.is_rust().then(|| line.trim_start().strip_prefix("/// ")).flatten();
        if let Some(opening) =
            OPENINGS.iter().find(|opening| !was_doc && doc.is_some_and(|doc| doc.starts_with(**opening)))
        {
            find(format!("a doc comment begins with `{}`: say what the item is, or `Returns ...`", opening.trim()));
        }
        was_doc = line.trim_start().starts_with("///");
    }
    findings
}

/// Returns whether a line has a phrase with no letter before or after it.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        [before, after].into_iter().flatten().all(|symbol| !symbol.is_alphanumeric())
    })
}

#[test]
fn the_english_is_plain() {
    // This file has the words that it looks for.
    assert_none(files().iter().filter(|file| file.path != "tests/tidy/words.rs").flat_map(check).collect());
}

#[test]
fn words_and_openings_are_found() {
    let lines = |path: &str, text: &str| -> Vec<usize> {
        check(&TextFile::new(path, text)).iter().map(|finding| finding.line).collect()
    };
    let text = "//! So many files.\n/// What a run did.\nstruct A;\n/// Returns it.\n/// What else it does.\nfn b() {}\n// whatever\n";
    assert_eq!(lines("crates/x/src/y.rs", text), [1, 2, 7]);
    assert_eq!(lines("docs/x.md", "Made anew.\nA new one, a canew.\n"), [1]);
    assert!(lines("data/x.txt", "whoever\n").is_empty());
}
