//! Finds the few rules that may match a user agent, from literals that a match must contain.

use std::collections::HashMap;

use aho_corasick::AhoCorasick;

/// The literals of each rule, in the order of the rules. The file says what its lines are; a test writes it.
const LITERALS: &str = include_str!("../../../../data/user-agent-literals.txt");

/// Separates the clauses of a rule, in the file.
const CLAUSE_SEPARATOR: char = '\t';

/// Separates the literals of a clause, in the file.
const LITERAL_SEPARATOR: char = '|';

/// Selects rules: a rule can match only if each of its clauses is met, that is, if the user agent contains one of the
/// clause's literals. Rules without a clause are always selected.
pub(super) struct Prefilter {
    literals: AhoCorasick,
    /// For each literal the indices of the clauses that have it.
    clauses: Vec<Vec<u16>>,
    /// For each clause the indices of the rules that have it.
    rules: Vec<Vec<u16>>,
    /// For each rule the number of its clauses.
    num_clauses: Vec<u8>,
    /// The rules without a clause.
    unconditional: Vec<u16>,
}

impl Prefilter {
    /// Returns the prefilter of the embedded rules.
    pub(super) fn embedded() -> Self {
        Self::new(LITERALS.lines().filter(|line| !line.starts_with('#')))
    }

    /// Returns the prefilter of these lines, one a rule.
    fn new(lines: impl Iterator<Item = &'static str>) -> Self {
        let (mut literal_ids, mut clause_ids) = (Ids::default(), Ids::default());
        let (mut clauses, mut rules, mut num_clauses, mut unconditional) = (vec![], vec![], vec![], vec![]);
        for (rule, line) in (0..).zip(lines) {
            let of_rule: Vec<&str> = line.split_terminator(CLAUSE_SEPARATOR).collect();
            if of_rule.is_empty() {
                unconditional.push(rule);
            }
            num_clauses.push(u8::try_from(of_rule.len()).expect("a rule has a few clauses"));
            for text in of_rule {
                let clause = clause_ids.of(text);
                if usize::from(clause) == rules.len() {
                    rules.push(vec![]);
                    for literal in text.split(LITERAL_SEPARATOR) {
                        let literal = usize::from(literal_ids.of(literal));
                        if literal == clauses.len() {
                            clauses.push(vec![]);
                        }
                        clauses[literal].push(clause);
                    }
                }
                rules[usize::from(clause)].push(rule);
            }
        }
        let literals = AhoCorasick::new(literal_ids.in_order);
        let literals = literals.expect("the literals are part of the program, and a test reads them");
        Self { literals, clauses, rules, num_clauses, unconditional }
    }

    /// Returns the indices of the rules that may match, in ascending order.
    pub(super) fn candidates(&self, user_agent: &str) -> Vec<u16> {
        let mut is_met = vec![false; self.rules.len()];
        let mut unmet = self.num_clauses.clone();
        let mut candidates = self.unconditional.clone();
        // The literals are in lower case.
        for found in self.literals.find_overlapping_iter(&user_agent.to_ascii_lowercase()) {
            for &clause in &self.clauses[found.pattern().as_usize()] {
                let clause = usize::from(clause);
                if std::mem::replace(&mut is_met[clause], true) {
                    continue;
                }
                for &rule in &self.rules[clause] {
                    let unmet = &mut unmet[usize::from(rule)];
                    *unmet -= 1;
                    if *unmet == 0 {
                        candidates.push(rule);
                    }
                }
            }
        }
        candidates.sort_unstable();
        candidates
    }
}

/// Numbers distinct texts from 0.
#[derive(Default)]
struct Ids {
    by_text: HashMap<&'static str, u16>,
    in_order: Vec<&'static str>,
}

impl Ids {
    /// Returns the number of a text. The number of a new text is the number of texts so far.
    fn of(&mut self, text: &'static str) -> u16 {
        let next = u16::try_from(self.in_order.len()).expect("there are a few thousand literals");
        let id = *self.by_text.entry(text).or_insert(next);
        if id == next {
            self.in_order.push(text);
        }
        id
    }
}

#[cfg(test)]
mod tests;
