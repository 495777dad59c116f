//! A path and an outcome in; the answer, with its size and times, out.

use super::outcomes::{Body, Outcome};
use crate::{
    random::Random,
    world::{Kind, Uri},
};

/// Answer to a viewer: its size and times.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) sent_bytes: u64,
    pub(super) first_byte_ms: u64,
    pub(super) taken_ms: u64,
    pub(super) content_type: &'static str,
    pub(super) content_bytes: Option<u32>,
    pub(super) range: Option<(u32, u32)>,
}

impl Answer {
    pub(super) fn draw(uri: &Uri, method: &str, outcome: &Outcome, random: &mut Random) -> Self {
        let mut range = None;
        let mut content_type = uri.content_type;
        let content_bytes = match outcome.body {
            // Pages are often compressed on the way, and then of unknown length.
            Body::Whole if uri.kind == Kind::Page && random.percent(40) => None,
            Body::Whole if matches!(uri.kind, Kind::Media | Kind::Download) && random.percent(90) => {
                let first = if random.percent(50) { 0 } else { random.below(uri.body_bytes) };
                let last = first + random.below(uri.body_bytes - first);
                range = Some((first, last));
                Some(last - first + 1)
            }
            Body::Whole => Some(uri.body_bytes),
            Body::Message => {
                content_type = if uri.kind == Kind::Api { "application/json" } else { "text/html" };
                Some(random.spread(110, 3))
            }
            Body::Redirect => {
                content_type = "text/html";
                Some(167)
            }
            Body::Nothing | Body::Lost => {
                content_type = "-";
                None
            }
        };
        let body_bytes = match (outcome.body, content_bytes) {
            _ if method == "HEAD" => 0,
            // A viewer that hangs up has received a part.
            (Body::Whole, bytes) if outcome.result == "Error" => random.below(bytes.unwrap_or(uri.body_bytes)),
            (Body::Whole, None) => uri.body_bytes / 4,
            (_, bytes) => bytes.unwrap_or(0),
        };
        let header_bytes = if outcome.body == Body::Lost { 0 } else { 240 + random.below(600) };
        let first_byte_ms = if outcome.is_slow {
            random.spread(20, 6)
        } else {
            let most = 1 << random.below(6);
            random.below(most)
        };
        let bytes_per_ms = random.spread(400, 6);
        Self {
            sent_bytes: u64::from(body_bytes) + u64::from(header_bytes),
            first_byte_ms: u64::from(first_byte_ms),
            taken_ms: u64::from(first_byte_ms + random.below(2) + body_bytes / bytes_per_ms),
            content_type,
            content_bytes,
            range,
        }
    }
}
