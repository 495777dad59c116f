//! A distribution: its id, its domain, the hosts that point to it.

use super::{Stream, WORDS};
use crate::random::Random;

/// One CloudFront distribution of the world.
#[derive(Debug)]
pub(crate) struct Distribution {
    /// Id such as `E1EXAMPLE0A1B2`, of 13 or 14 upper-case characters; different for all distributions of a seed.
    pub(crate) id: String,
    /// Domain such as `d111111abcdef8.cloudfront.net`.
    pub(crate) domain: String,
    /// The alternate domain names, the usual one first.
    pub(crate) hosts: [String; 2],
    /// Number that decides what is popular here: it is mixed into the ranks of the catalog of URIs, which all distributions
    /// share.
    pub(crate) taste: u32,
}

impl Distribution {
    pub(crate) fn new(seed: u64, number: u32) -> Self {
        // First the parts that all distributions of the seed share, then those of this one.
        let mut shared = Random::new(&[seed, Stream::Distribution as u64]);
        let first = shared.between(1, 9);
        let offset = shared.word();
        let mut random = Random::new(&[seed, Stream::Distribution as u64, u64::from(number)]);

        // Odd numbers have 13 characters, even ones 14. As the step is prime to 36, each tail comes once.
        let num_tail = 5 - (number & 1);
        let space = 36_u64.pow(num_tail);
        let mut tail = (u64::from(number) * 1_234_577 + u64::from(offset)) % space;
        let mut id = format!("E{first}EXAMPLE");
        for _ in 0..num_tail {
            let number = u32::try_from(tail % 36).expect("a remainder is small");
            id.push(digit(number, 36).to_ascii_uppercase());
            tail /= 36;
        }

        let mut domain = String::from("d111111");
        for _ in 0..6 {
            domain.push(digit(10 + random.below(26), 36));
        }
        domain.push(digit(random.below(10), 10));
        domain.push_str(".cloudfront.net");

        let top = random.pick(&["com", "org", "net"]);
        let word = random.pick(&WORDS);
        let role = random.pick(&["static", "assets", "media", "api", "shop"]);
        let hosts = [format!("{word}.example.{top}"), format!("{role}-{number}.example.{top}")];
        Self { id, domain, hosts, taste: random.word() }
    }
}

fn digit(number: u32, radix: u32) -> char {
    char::from_digit(number, radix).expect("the number is smaller than the radix")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_13_or_14_upper_case_characters_and_differ() {
        let ids: HashSet<String> = (0..5000).map(|number| Distribution::new(3, number).id).collect();
        assert_eq!(ids.len(), 5000);
        for id in ids {
            assert!(id.starts_with('E') && (13..=14).contains(&id.len()), "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{id}");
        }
    }

    #[test]
    fn domains_look_like_those_of_the_documentation() {
        let distribution = Distribution::new(3, 0);
        let name = distribution.domain.strip_suffix(".cloudfront.net").unwrap();
        assert!(name.starts_with("d111111") && name.len() == "d111111abcdef8".len(), "{name}");
        assert!(distribution.hosts.iter().all(|host| host.contains(".example.")), "{:?}", distribution.hosts);
    }
}
