//! Remembers the answers of the rules, so that each distinct user agent is classified once.
//!
//! A classification takes about 15 microseconds, at times 500; a look-up here about 30 nanoseconds, and logs repeat their
//! user agents.
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

/// Answers like [`UserAgentRules::classify`], but classifies each distinct string once. Each worker has one.
///
/// It is emptied when it is full. That costs little: filling it took about 65,000 classifications, and the few thousand
/// frequent strings are then classified again.
pub struct UserAgentCache {
    rules: &'static UserAgentRules,
    max_entries: usize,
    max_text_bytes: usize,
    entries: HashMap<Box<[u8]>, CachedAnswer, RandomState>,
    /// The distinct answers, which are far fewer than the user agents.
    answers: HashSet<Arc<UserAgent>, RandomState>,
    text_bytes: usize,
    /// The batch at hand, counted from 1.
    batch: u64,
}

struct CachedAnswer {
    answer: Arc<UserAgent>,
    /// The last batch that has the user agent.
    batch: u64,
    /// Its index among the distinct ones of that batch.
    place: u32,
}

/// The user agents of a batch.
#[derive(Debug, Default)]
pub struct Classified {
    /// For each row the index of its user agent in `distinct`.
    pub places: Vec<u32>,
    /// Each user agent with the first row that has it. One that the cache could not keep may be here more than once.
    pub distinct: Vec<(usize, Arc<UserAgent>)>,
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
            batch: 0,
        }
    }

    /// Begins a new batch, to which the next [`Self::add`]s belong.
    pub fn begin_batch(&mut self) {
        self.batch += 1;
    }

    /// Adds the next row's user agent, as logged, to the batch at hand.
    #[inline]
    pub fn add(&mut self, logged: &[u8], batch: &mut Classified) {
        let place = as_place(batch.distinct.len());
        let row = batch.places.len();
        let place = match self.entries.get_mut(logged) {
            Some(entry) if entry.batch == self.batch => entry.place,
            Some(entry) => {
                (entry.batch, entry.place) = (self.batch, place);
                batch.distinct.push((row, Arc::clone(&entry.answer)));
                place
            }
            None => {
                batch.distinct.push((row, self.classify(logged, place)));
                place
            }
        };
        batch.places.push(place);
    }

    fn classify(&mut self, logged: &[u8], place: u32) -> Arc<UserAgent> {
        let answer = self.rules.classify(&String::from_utf8_lossy(logged));
        if logged.len() > MAX_ENTRY_BYTES { Arc::new(answer) } else { self.keep(logged, answer, place) }
    }

    fn keep(&mut self, logged: &[u8], answer: UserAgent, place: u32) -> Arc<UserAgent> {
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
        self.entries.insert(logged.into(), CachedAnswer { answer: Arc::clone(&answer), batch: self.batch, place });
        answer
    }
}

fn as_place(index: usize) -> u32 {
    u32::try_from(index).expect("a batch has few rows")
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
        let mut batch = Classified::default();
        cache.begin_batch();
        cache.add(logged.as_bytes(), &mut batch);
        UserAgent::clone(&batch.distinct[0].1)
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

    #[test]
    fn each_batch_has_each_of_its_user_agents_once() {
        let mut cache = UserAgentCache::new(UserAgentRules::embedded());
        for _ in 0..2 {
            let mut batch = Classified::default();
            cache.begin_batch();
            for logged in ["curl/8.5.0", CHROME, "curl/8.5.0", "-", CHROME] {
                cache.add(logged.as_bytes(), &mut batch);
            }
            assert_eq!(batch.places, [0, 1, 0, 2, 1]);
            let distinct: Vec<(usize, &str)> =
                batch.distinct.iter().map(|(row, answer)| (*row, &*answer.browserfamily)).collect();
            assert_eq!(distinct, [(0, "curl"), (1, "Chrome"), (3, "Other")]);
        }
    }
}
