//! Parses the parts of Markdown that the checks need: fenced blocks, tables, code spans, links and headings.

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its first fence, from 1.
    pub(crate) line: usize,
    /// The text after the fence: `console`, `sql duckdb`.
    pub(crate) kind: String,
    pub(crate) lines: Vec<String>,
}

/// Returns the fenced blocks, in order.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut is_open = false;
    for (index, line) in text.lines().enumerate() {
        match (line.trim_start().strip_prefix("```"), is_open) {
            (Some(kind), false) => {
                blocks.push(Block { line: index + 1, kind: kind.trim().to_owned(), lines: Vec::new() });
                is_open = true;
            }
            (Some(_), true) => is_open = false,
            (None, true) => {
                if let Some(block) = blocks.last_mut() {
                    block.lines.push(line.to_owned());
                }
            }
            (None, false) => {}
        }
    }
    blocks
}

/// Returns the lines outside fenced blocks, with their numbers from 1.
pub(crate) fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_open = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_open = !is_open;
        } else if !is_open {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Returns the rows of the first table whose header begins with these cells: line numbers from 1, and trimmed cells.
pub(crate) fn table(text: &str, header: &[&str]) -> Vec<(usize, Vec<String>)> {
    let lines = prose(text);
    let starts_table =
        |line: &str| cells(line).iter().zip(header).filter(|(cell, name)| cell == name).count() == header.len();
    let rows = lines.iter().skip_while(|(_, line)| !starts_table(line));
    // The line of dashes follows the header.
    rows.take_while(|(_, line)| line.starts_with('|')).skip(2).map(|(number, line)| (*number, cells(line))).collect()
}

fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().strip_prefix('|').and_then(|rest| rest.strip_suffix('|')).unwrap_or_default();
    inner.split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Returns the texts between backticks on a line.
pub(crate) fn code_spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// Returns the targets of a line's links.
pub(crate) fn link_targets(line: &str) -> Vec<&str> {
    // Code spans have no links.
    line.split('`')
        .step_by(2)
        .flat_map(|text| text.split("](").skip(1).filter_map(|rest| rest.split_once(')')))
        .map(|(target, _)| target)
        .collect()
}

/// Returns the anchors of the headings.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let headings = prose(text).into_iter().filter(|(_, line)| line.starts_with('#'));
    headings
        .map(|(_, line)| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|&symbol| symbol == ' ' || symbol == '-' || symbol == '_' || symbol.is_alphanumeric())
                .collect()
        })
        .map(|title: String| title.replace(' ', "-"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# A `b`, c\n\n| x | y |\n|---|---|\n| `p` `q` | 2 |\n\n[a](b.md) `[no](code)`\n```console\n$ [no](x)\n```\n";

    #[test]
    fn markdown_is_parsed() {
        assert_eq!(table(TEXT, &["x"]), [(5, vec!["`p` `q`".to_owned(), "2".to_owned()])]);
        assert_eq!(code_spans("`p` `q` r"), ["p", "q"]);
        let targets: Vec<&str> = prose(TEXT).iter().flat_map(|(_, line)| link_targets(line)).collect();
        assert_eq!(targets, ["b.md"]);
        assert_eq!(blocks(TEXT), [Block { line: 8, kind: "console".into(), lines: vec!["$ [no](x)".into()] }]);
        assert_eq!(anchors(TEXT), ["a-b-c"]);
    }
}
