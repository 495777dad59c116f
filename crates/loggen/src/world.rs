//! An invented web: everything that requests are made of, drawn once from a seed and shared by all its log files.

mod distribution;
mod headers;
mod uris;
mod viewers;

use crate::random::Choice;

pub(crate) use distribution::Distribution;
pub(crate) use headers::Headers;
pub(crate) use uris::{Kind, Uri, Uris};
pub(crate) use viewers::{Viewer, Viewers, address_v6};

/// The web of a seed.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) uris: Uris,
    pub(crate) viewers: Viewers,
    pub(crate) headers: Headers,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let headers = Headers::new(seed);
        Self { uris: Uris::new(seed), viewers: Viewers::new(seed, &headers), headers }
    }
}

/// Part of the world that a stream of random numbers is for. A change to one part leaves the others as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Distribution = 1,
    Uris = 2,
    Viewers = 3,
    Headers = 4,
    Names = 5,
    Rows = 6,
}

/// Short words for paths, hosts and queries.
pub(crate) const WORDS: [&str; 64] = [
    "amber", "apple", "arctic", "autumn", "basket", "birch", "blue", "bridge", "bright", "canyon", "cedar", "chair",
    "cloud", "copper", "coral", "cotton", "crystal", "desk", "drift", "ember", "falcon", "field", "forest", "garden",
    "glass", "granite", "harbor", "hazel", "island", "ivory", "jacket", "juniper", "kettle", "lagoon", "lamp",
    "lantern", "lemon", "linen", "maple", "marble", "meadow", "mirror", "morning", "mountain", "oak", "ocean", "olive",
    "orchard", "paper", "pebble", "pine", "quiet", "river", "saddle", "shadow", "silver", "sofa", "spring", "stone",
    "summer", "table", "valley", "willow", "winter",
];

/// Returns a choice among items, each of which comes after its weight.
pub(crate) fn weighted<T>(items: &[(u32, T)]) -> Choice {
    let weights: Vec<u64> = items.iter().map(|(weight, _)| u64::from(*weight)).collect();
    Choice::new(&weights)
}
