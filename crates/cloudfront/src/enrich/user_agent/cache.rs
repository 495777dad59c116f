//! Remembers the answers of the rules, so that each distinct user agent is classified once.
//!
//! A classification takes about 6 microseconds, and milliseconds if it compiles rules; a look-up here takes about 30
//! nanoseconds, and logs repeat their user agents.
//!
//! **Units**: text is counted in bytes of UTF-8.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ahash::RandomState;

use super::{UserAgent, UserAgentRules};

/// Largest number of distinct user agents that are kept.
const MAX_ENTRIES: usize = 64 * 1024;

/// Largest size of the text that is kept, user agents and families together, in bytes. With its tables a full cache takes up
/// to 16 MiB.
const MAX_TEXT_BYTES: usize = 8 * 1024 * 1024;

/// Longest user agent that is kept, in bytes: no browser sends a longer one, and a few made-up ones would push everything
/// else out.
const MAX_ENTRY_BYTES: usize = 4 * 1024;

/// Any numbers, but always the same ones: nothing here may depend on chance.
const HASH_SEEDS: [u64; 4] = [0x636c, 0x6f75, 0x6466, 0x726f];

/// Values of a user agent's derived columns: browser family, operating-system family, and `True` for a bot, else `False`.
pub type Families = Arc<[Box<str>]>;

/// Answers like [`UserAgentRules::classify`], but classifies each distinct string once. Each worker has one.
///
/// It is emptied when it is full. That costs little: filling it took about 65,000 classifications, and the few thousand
/// frequent strings are then classified again.
pub struct UserAgentCache {
    rules: &'static UserAgentRules,
    max_entries: usize,
    max_text_bytes: usize,
    entries: HashMap<Box<str>, Families, RandomState>,
    /// The distinct answers, which are far fewer than the user agents.
    answers: HashSet<Families, RandomState>,
    text_bytes: usize,
}

impl UserAgentCache {
    /// Returns an empty cache. It keeps at most 8 MiB of text and 65,536 distinct user agents.
    pub fn new(rules: &'static UserAgentRules) -> Self {
        Self::with_limits(rules, MAX_ENTRIES, MAX_TEXT_BYTES)
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
        }
    }

    /// Returns what a user agent, as logged, says of its sender.
    pub fn families(&mut self, logged: &str) -> Families {
        match self.entries.get(logged) {
            Some(known) => Arc::clone(known),
            None => self.classify(logged),
        }
    }

    fn classify(&mut self, logged: &str) -> Families {
        let UserAgent { browserfamily, osfamily, is_bot } = self.rules.classify(logged);
        let is_bot = Box::from(if is_bot { "True" } else { "False" });
        let families = Families::from([browserfamily, osfamily, is_bot]);
        if logged.len() > MAX_ENTRY_BYTES { families } else { self.keep(logged, families) }
    }

    fn keep(&mut self, logged: &str, families: Families) -> Families {
        let families_bytes = text_bytes(&families);
        if self.entries.len() >= self.max_entries
            || self.text_bytes + logged.len() + families_bytes > self.max_text_bytes
        {
            self.entries.clear();
            self.answers.clear();
            self.text_bytes = 0;
        }
        let families = if let Some(known) = self.answers.get(&families) {
            Arc::clone(known)
        } else {
            self.text_bytes += families_bytes;
            self.answers.insert(Arc::clone(&families));
            families
        };
        self.text_bytes += logged.len();
        self.entries.insert(logged.into(), Arc::clone(&families));
        families
    }
}

fn text_bytes(families: &Families) -> usize {
    families.iter().map(|family| family.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0%20(X11;%20Linux%20x86_64)%20AppleWebKit/537.36%20(KHTML,%20like%20Gecko)%20\
                          Chrome/126.0.0.0%20Safari/537.36";

    /// Returns 300 distinct user agents, among them bots, families taken from the string itself, and unknown ones.
    fn many_user_agents() -> Vec<String> {
        (0..100)
            .flat_map(|n| [format!("{CHROME}%20App/{n}"), format!("made{n}bot/1.0"), format!("nobody-{n}")])
            .collect()
    }

    fn answer(cache: &mut UserAgentCache, logged: &str) -> UserAgent {
        let families = cache.families(logged);
        let [browserfamily, osfamily, is_bot] = &*families else { panic!("{families:?}") };
        assert!(matches!(&**is_bot, "True" | "False"));
        UserAgent { browserfamily: browserfamily.clone(), osfamily: osfamily.clone(), is_bot: &**is_bot == "True" }
    }

    fn text_bytes_held(cache: &UserAgentCache) -> usize {
        let answers = cache.answers.iter().map(text_bytes);
        cache.entries.keys().map(|logged| logged.len()).chain(answers).sum()
    }

    #[test]
    fn a_cache_answers_as_the_rules_do() {
        let rules = UserAgentRules::embedded();
        let mut cache = UserAgentCache::new(rules);
        for _ in 0..2 {
            for logged in many_user_agents().iter().map(String::as_str).chain(["-", "", "-", CHROME, CHROME]) {
                assert_eq!(answer(&mut cache, logged), rules.classify(logged), "{logged}");
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
                assert_eq!(answer(&mut cache, &logged), rules.classify(&logged), "{logged}");
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
        assert_eq!(answer(&mut cache, &over_long), rules.classify(&over_long));
        assert_eq!(&*answer(&mut cache, &over_long).browserfamily, "Chrome");
        assert_eq!(cache.entries.len(), 0);
        assert_eq!(&*answer(&mut cache, "curl/8.5.0").browserfamily, "curl", "the next one is classified by itself");
    }
}
