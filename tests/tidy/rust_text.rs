//! Parses the parts of Rust text that the checks need: code without comments and literals, literals, and lines of tests.

/// A file's text, split into code and literals.
#[derive(Debug)]
pub(crate) struct RustText {
    /// The lines, with blanks instead of comments and literals.
    pub(crate) code: Vec<String>,
    /// String literals with the number of their first line, from 1; escapes as written.
    pub(crate) literals: Vec<(usize, String)>,
    is_test: Vec<bool>,
}

/// A word of the code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Word<'t> {
    /// Number of its line, from 1.
    pub(crate) line: usize,
    pub(crate) text: &'t str,
    /// The rest of its line, without leading blanks.
    pub(crate) rest: &'t str,
}

impl RustText {
    pub(crate) fn parse(text: &str) -> Self {
        let mut reader = Reader { chars: text.chars().collect(), at: 0, line: 1, code: String::new() };
        let mut literals = Vec::new();
        while let Some(symbol) = reader.peek(0) {
            let line = reader.line;
            if reader.starts_with("//") {
                reader.blank_while(|reader| reader.peek(0).is_some_and(|symbol| symbol != '\n'));
            } else if reader.starts_with("/*") {
                reader.blank_block_comment();
            } else if let Some(hashes) = reader.raw_string_hashes() {
                literals.push((line, reader.blank_raw_string(hashes)));
            } else if symbol == '"' {
                literals.push((line, reader.blank_string()));
            } else if symbol == '\'' && reader.is_char_literal() {
                reader.blank_char();
            } else {
                reader.keep();
            }
        }
        let code: Vec<String> = reader.code.lines().map(str::to_owned).collect();
        let is_test = test_lines(&code);
        Self { code, literals, is_test }
    }

    /// Returns whether this line, counted from 1, is inside an item under `#[cfg(test)]`.
    pub(crate) fn is_test(&self, line: usize) -> bool {
        self.is_test.get(line - 1).copied().unwrap_or(false)
    }

    /// Returns the number of lines outside of tests.
    pub(crate) fn num_source_lines(&self) -> usize {
        self.is_test.iter().filter(|is_test| !**is_test).count()
    }

    /// Returns the words of the code, including tests.
    pub(crate) fn words(&self) -> Vec<Word<'_>> {
        let mut words = Vec::new();
        for (index, line) in self.code.iter().enumerate() {
            let mut rest = line.as_str();
            while let Some(start) = rest.find(is_word) {
                let from = rest.get(start..).unwrap_or_default();
                let (text, after) = from.split_at(from.find(|symbol| !is_word(symbol)).unwrap_or(from.len()));
                words.push(Word { line: index + 1, text, rest: after.trim_start() });
                rest = after;
            }
        }
        words
    }
}

fn is_word(symbol: char) -> bool {
    symbol == '_' || symbol.is_alphanumeric()
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    code: String,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn starts_with(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, symbol)| self.peek(index) == Some(symbol))
    }

    fn keep(&mut self) {
        self.advance(false);
    }

    fn blank(&mut self) {
        self.advance(true);
    }

    fn advance(&mut self, is_blanked: bool) {
        let Some(symbol) = self.peek(0) else { return };
        self.code.push(if is_blanked && symbol != '\n' { ' ' } else { symbol });
        self.line += usize::from(symbol == '\n');
        self.at += 1;
    }

    fn blank_while(&mut self, continues: impl Fn(&Self) -> bool) {
        while continues(self) {
            self.blank();
        }
    }

    fn blank_block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            if self.starts_with("/*") {
                depth += 1;
                self.blank();
            } else if self.starts_with("*/") {
                depth -= 1;
                self.blank();
            }
            self.blank();
            if depth == 0 || self.peek(0).is_none() {
                return;
            }
        }
    }

    /// Returns the number of `#` of the raw string that begins here; `None` if none begins here.
    fn raw_string_hashes(&self) -> Option<usize> {
        let is_inside_word = self.at > 0 && self.chars.get(self.at - 1).copied().is_some_and(is_word);
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| self.starts_with(prefix))?;
        let after = self.chars.get(self.at + prefix.len()..).unwrap_or_default();
        let hashes = after.iter().take_while(|symbol| **symbol == '#').count();
        (!is_inside_word && self.peek(prefix.len() + hashes) == Some('"')).then_some(hashes)
    }

    fn blank_raw_string(&mut self, hashes: usize) -> String {
        let end = format!("\"{}", "#".repeat(hashes));
        self.blank_while(|reader| reader.peek(0) != Some('"'));
        self.blank();
        let start = self.at;
        self.blank_while(|reader| reader.peek(0).is_some() && !reader.starts_with(&end));
        let literal = self.text_from(start);
        (0..end.len()).for_each(|_| self.blank());
        literal
    }

    fn blank_string(&mut self) -> String {
        self.blank();
        let start = self.at;
        while let Some(symbol) = self.peek(0) {
            if symbol == '"' {
                break;
            }
            if symbol == '\\' {
                self.blank();
            }
            self.blank();
        }
        let literal = self.text_from(start);
        self.blank();
        literal
    }

    /// Returns whether a quote opens a literal: a quote follows after one symbol. Otherwise the quote begins a lifetime.
    fn is_char_literal(&self) -> bool {
        self.peek(1) == Some('\\') || self.peek(2) == Some('\'')
    }

    fn blank_char(&mut self) {
        self.blank();
        if self.peek(0) == Some('\\') {
            self.blank();
        }
        self.blank();
        self.blank_while(|reader| reader.peek(0).is_some_and(|symbol| symbol != '\''));
        self.blank();
    }

    fn text_from(&self, start: usize) -> String {
        self.chars.get(start..self.at).unwrap_or_default().iter().collect()
    }
}

/// Returns for each line whether it belongs to an item under `#[cfg(test)]`.
fn test_lines(code: &[String]) -> Vec<bool> {
    let mut is_test = vec![false; code.len()];
    let mut line = 0;
    while line < code.len() {
        if code[line].contains("#[cfg(test)]") {
            let end = item_end(code, line);
            is_test[line..=end].fill(true);
            line = end;
        }
        line += 1;
    }
    is_test
}

/// Returns the index of the last line of the item that begins at `start`: the item ends with a `;` before any brace, or with
/// its closing brace.
fn item_end(code: &[String], start: usize) -> usize {
    let mut depth = 0_usize;
    for (index, line) in code.iter().enumerate().skip(start) {
        for symbol in line.chars() {
            match symbol {
                '{' => depth += 1,
                '}' if depth == 1 => return index,
                '}' => depth = depth.saturating_sub(1),
                ';' if depth == 0 => return index,
                _ => {}
            }
        }
    }
    code.len() - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_removed_from_the_code() {
        let text = RustText::parse(
            "let a = \"x // \\\" y\"; // fs\nlet b = r#\"env \" z\"#; /* a /* b */ c */ fs::x('\"');\n",
        );
        assert_eq!(text.literals, [(1, "x // \\\" y".to_owned()), (2, "env \" z".to_owned())]);
        let words: Vec<(usize, &str)> = text.words().iter().map(|word| (word.line, word.text)).collect();
        assert_eq!(words, [(1, "let"), (1, "a"), (2, "let"), (2, "b"), (2, "fs"), (2, "x")]);
    }

    #[test]
    fn a_lifetime_does_not_open_a_literal() {
        let text = RustText::parse("fn f<'a>(x: &'a str) -> char { '\\'' } fn g() { fs() }");
        assert!(text.words().iter().any(|word| word.text == "fs"));
    }

    #[test]
    fn lines_under_cfg_test_are_tests() {
        let text =
            RustText::parse("a();\n#[cfg(test)]\nmod tests;\nb();\n#[cfg(test)]\nmod more {\n  fn c() {}\n}\nd();\n");
        assert_eq!((1..=9).filter(|line| text.is_test(*line)).collect::<Vec<_>>(), [2, 3, 5, 6, 7, 8]);
        assert_eq!(text.num_source_lines(), 3);
    }
}
