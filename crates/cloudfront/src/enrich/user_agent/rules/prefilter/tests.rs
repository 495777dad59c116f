//! Writes the file of literals from the rules: `regex-filtered` finds them, as it does for `ua-parser`.

use std::{collections::BTreeSet, fmt::Write, fs};

use regex_filtered::model::Model;
use regex_syntax::ParserBuilder;

use super::*;
use crate::enrich::user_agent::rules::vendored;

/// Literals of one byte are in nearly every user agent. A rule that requires nothing longer is always tried.
const MIN_LITERAL_BYTES: usize = 2;

const HEADER: &str = "\
# What a user agent must contain for a rule to match it: one rule a line, in the order of user-agent-rules.txt.
# A rule has clauses, separated by tabs, a clause has literals, separated by `|`. Each clause must be met: the user agent,
# in lower case (ASCII letters only), contains one of its literals. The rule of an empty line is always tried.
# made from the rules of uap-core, licence: Apache-2.0; the text is in LICENSE-uap-core.txt
# written by the tests of enrich/user_agent/rules/prefilter.rs from user-agent-rules.txt: do not edit
";

type Clause = BTreeSet<String>;

/// Returns clauses, all of which are met by each string that the regular expression of this model matches.
fn clauses(model: &Model) -> Vec<Clause> {
    match model {
        Model::All(_) | Model::None(_) => vec![],
        Model::Atom(_, literal) if literal.len() < MIN_LITERAL_BYTES => vec![],
        Model::Atom(_, literal) => vec![[literal.clone()].into()],
        Model::And(_, models) => models.iter().flat_map(clauses).collect(),
        // One clause of each alternative, as the others are too many to combine.
        Model::Or(_, models) => {
            let most_selective = |model| clauses(model).into_iter().max_by_key(shortest);
            models
                .iter()
                .map(most_selective)
                .collect::<Option<Vec<_>>>()
                .map_or_else(Vec::new, |alternatives| vec![alternatives.into_iter().flatten().collect()])
        }
    }
}

fn shortest(clause: &Clause) -> usize {
    clause.iter().map(String::len).min().unwrap_or(0)
}

fn line(pattern: &str, ignores_case: bool) -> String {
    let parsed = ParserBuilder::new().case_insensitive(ignores_case).build().parse(pattern).unwrap();
    let clauses: BTreeSet<Clause> = clauses(&Model::new(&parsed).unwrap()).into_iter().collect();
    let separators = [CLAUSE_SEPARATOR, LITERAL_SEPARATOR, '#', '\n', '\r'];
    assert!(!clauses.iter().flatten().any(|literal| literal.contains(separators)), "{clauses:?}");
    let join = |texts: Vec<String>, separator: char| texts.join(&String::from(separator));
    let texts = clauses.into_iter().map(|clause| join(clause.into_iter().collect(), LITERAL_SEPARATOR));
    join(texts.collect(), CLAUSE_SEPARATOR)
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a stale file is replaced")]
fn the_file_has_the_literals_of_the_vendored_rules() {
    let mut expected = HEADER.to_owned();
    for rule in vendored() {
        writeln!(expected, "{}", line(&rule.rewritten(), rule.ignores_case)).unwrap();
    }
    if LITERALS != expected {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/data/user-agent-literals.txt");
        fs::write(path, expected).unwrap();
        panic!("{path} was stale and has been replaced: check the difference, and run the tests again");
    }
}

#[test]
fn a_rule_is_a_candidate_if_each_of_its_clauses_is_met() {
    let lines = ["chrome\tmobile|tablet", "", "chrome", "mobile|tablet\tsafari|chrome", "firefox"];
    let prefilter = Prefilter::new(lines.into_iter());
    let cases: [(&str, &[u16]); 7] = [
        ("", &[1]),
        ("Chrome/126", &[1, 2]),
        ("Chrome Chrome", &[1, 2]),
        ("CHROME MOBILE tablet", &[0, 1, 2, 3]),
        ("tablet safari", &[1, 3]),
        ("mobile tablet", &[1]),
        ("Fire fox, firefoxy", &[1, 4]),
    ];
    for (user_agent, candidates) in cases {
        assert_eq!(prefilter.candidates(user_agent), candidates, "{user_agent}");
    }
}

#[test]
fn the_literals_of_an_expression_are_what_each_match_contains() {
    let cases = [
        ("Chrome", false, "chrome"),
        ("(?:Bot|Spider)/[0-9]+ .* like Gecko", false, " like gecko\tbot/|spider/"),
        ("ab|c", false, ""),
        ("x*", false, ""),
        ("sk", true, "sk|s\u{212a}|\u{17f}k|\u{17f}\u{212a}"),
        ("(?:ab.*def|ghi)jkl", false, "def|ghi\tjkl"),
    ];
    for (pattern, ignores_case, expected) in cases {
        assert_eq!(line(pattern, ignores_case), expected, "{pattern}");
    }
}
