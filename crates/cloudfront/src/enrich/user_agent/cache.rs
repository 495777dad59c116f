//! Remembers what the rules said, so that each distinct user agent is classified once.
//!
//! A classification takes some 15 microseconds, at times 500, a look here some 50 nanoseconds, and logs repeat their
//! user agents.
//!
//! **Units**: text is counted in bytes of UTF-8.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;

use super::{UserAgent, UserAgentRules};

/// How many distinct user agents are kept at most.
const MAX_ENTRIES: usize = 64 * 1024;

/// How many bytes of text, user agents and families together, are kept at most. With the tables around it a full cache
/// takes up to 16 MiB.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// A longer user agent is not kept: no browser sends one, and a few made-up ones would push everything else out.
const MAX_ENTRY_BYTES: usize = 4 * 1024;

/// Any keys will do, and always the same ones: nothing here may depend on chance.
const HASH_SEEDS: [u64; 4] = [0x636c, 0x6f75, 0x6466, 0x726f];

/// Answers like [`UserAgentRules::classify`], but classifies each distinct string once. One for each worker.
///
/// When full it is emptied. That costs little: filling it took some 65,000 classifications, and the few thousand strings
/// that come often need as many again.
pub struct UserAgentCache {
    rules: &'static UserAgentRules,
    max_entries: usize,
    max_text_bytes: usize,
    entries: HashMap<Box<str>, Arc<UserAgent>, RandomState>,
    /// The distinct answers, which are far fewer than the user agents.
    answers: HashSet<Arc<UserAgent>, RandomState>,
    text_bytes: usize,
    last_logged: String,
    last_answer: Arc<UserAgent>,
}

impl UserAgentCache {
    /// An empty cache. It takes 8 MiB of text and 65,536 distinct user agents at most.
    pub fn new(rules: &'static UserAgentRules) -> Self {
        Self::with_limits(rules, MAX_ENTRIES, MAX_TEXT_BYTES)
    }

    /// What the rules say of a user agent as it stands in a log.
    pub fn get(&mut self, logged: &str) -> &UserAgent {
        // Requests of one viewer often follow each other.
        if logged != self.last_logged {
            self.last_answer = self.answer(logged);
            self.last_logged.clear();
            self.last_logged.push_str(logged);
        }
        &self.last_answer
    }

    fn with_limits(rules: &'static UserAgentRules, max_entries: usize, max_text_bytes: usize) -> Self {
        let [first, second, third, fourth] = HASH_SEEDS;
        let hasher = RandomState::with_seeds(first, second, third, fourth);
        Self {
            rules,
            max_entries,
            max_text_bytes,
            entries: HashMap::with_hasher(hasher.clone()),
            answers: HashSet::with_hasher(hasher),
            text_bytes: 0,
            last_logged: String::new(),
            last_answer: Arc::new(UserAgent::unknown()),
        }
    }

    fn answer(&mut self, logged: &str) -> Arc<UserAgent> {
        if let Some(answer) = self.entries.get(logged) {
            return Arc::clone(answer);
        }
        let answer = self.rules.classify(logged);
        if logged.len() > MAX_ENTRY_BYTES { Arc::new(answer) } else { self.keep(logged, answer) }
    }

    fn keep(&mut self, logged: &str, answer: UserAgent) -> Arc<UserAgent> {
        let answer_bytes = answer.browserfamily.len() + answer.osfamily.len();
        if self.entries.len() >= self.max_entries || self.text_bytes + logged.len() + answer_bytes > self.max_text_bytes
        {
            self.entries.clear();
            self.answers.clear();
            self.text_bytes = 0;
        }
        let answer = if let Some(known) = self.answers.get(&answer) {
            Arc::clone(known)
        } else {
            let answer = Arc::new(answer);
            self.text_bytes += answer_bytes;
            self.answers.insert(Arc::clone(&answer));
            answer
        };
        self.text_bytes += logged.len();
        self.entries.insert(logged.into(), Arc::clone(&answer));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0%20(X11;%20Linux%20x86_64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20\
                          Chrome/126.0.0.0%20Safari/537.36";

    /// 300 distinct user agents, among them bots, families taken from the string itself, and unknown ones.
    fn many_user_agents() -> Vec<String> {
        (0..100)
            .flat_map(|n| [format!("{CHROME}%20App/{n}"), format!("made{n}bot/1.0"), format!("nobody-{n}")])
            .collect()
    }

    fn text_bytes_held(cache: &UserAgentCache) -> usize {
        let answers = cache.answers.iter().map(|answer| answer.browserfamily.len() + answer.osfamily.len());
        cache.entries.keys().map(|logged| logged.len()).chain(answers).sum()
    }

    #[test]
    fn a_cache_answers_as_the_rules_do() {
        let rules = UserAgentRules::embedded();
        let mut cache = UserAgentCache::new(rules);
        for _ in 0..2 {
            for logged in many_user_agents().iter().map(String::as_str).chain(["-", "", "-", CHROME, CHROME]) {
                assert_eq!(*cache.get(logged), rules.classify(logged), "{logged}");
            }
        }
        assert_eq!(cache.entries.len(), 300 + ["", "-", CHROME].len());
    }

    #[test]
    fn a_cache_that_overflows_keeps_within_its_limits_and_answers_the_same() {
        let rules = UserAgentRules::embedded();
        for (max_entries, max_text_bytes) in [(7, 1 << 20), (1 << 20, 700)] {
            let mut cache = UserAgentCache::with_limits(rules, max_entries, max_text_bytes);
            for logged in many_user_agents() {
                assert_eq!(*cache.get(&logged), rules.classify(&logged), "{logged}");
                assert!(cache.entries.len() <= max_entries);
                assert_eq!(cache.text_bytes, text_bytes_held(&cache));
                assert!(cache.text_bytes <= max_text_bytes);
            }
        }
    }

    #[test]
    fn an_over_long_user_agent_is_answered_but_not_kept() {
        let rules = UserAgentRules::embedded();
        let mut cache = UserAgentCache::new(rules);
        let over_long = format!("{CHROME}%20{}", "x".repeat(MAX_ENTRY_BYTES));
        assert_eq!(*cache.get(&over_long), rules.classify(&over_long));
        assert_eq!(&*cache.get(&over_long).browserfamily, "Chrome");
        assert_eq!(cache.entries.len(), 0);
        assert_eq!(&*cache.get("curl/8.5.0").browserfamily, "curl", "and is not taken for the next one");
    }
}
