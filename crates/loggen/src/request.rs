//! Random numbers in, requests whose parts fit together out.

mod answer;
mod outcomes;

use std::fmt::Write;

use crate::{
    escape::Escaping,
    random::Random,
    world::{Distribution, Kind, Viewer, World, address_v6},
};
use answer::Answer;
use outcomes::Body;

pub(crate) use outcomes::Outcomes;

/// One request and its answer, before they are written to a log. Texts are as logged, `-` if absent.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) hour: InHour,
    /// Second of the hour, 0 to 3599.
    pub(crate) second: u32,
    pub(crate) location: &'a str,
    pub(crate) sent_bytes: u64,
    pub(crate) address: &'a str,
    pub(crate) method: &'a str,
    pub(crate) stem: &'a str,
    pub(crate) status: &'a str,
    pub(crate) referer: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) query: &'a str,
    pub(crate) cookie: &'a str,
    pub(crate) result: &'a str,
    pub(crate) id: &'a str,
    pub(crate) host: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) received_bytes: u64,
    pub(crate) taken_ms: u64,
    pub(crate) forwarded_for: &'a str,
    pub(crate) tls: &'a str,
    pub(crate) cipher: &'a str,
    pub(crate) response_result: &'a str,
    pub(crate) version: &'a str,
    /// Field-level encryption: its status, and the number of fields.
    pub(crate) encryption: Option<(&'a str, u32)>,
    pub(crate) port: u32,
    pub(crate) first_byte_ms: u64,
    pub(crate) detailed_result: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) content_bytes: Option<u32>,
    /// First and last byte of the range.
    pub(crate) range: Option<(u32, u32)>,
}

/// Hour of a request: that of its file, or the one before or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InHour {
    Before,
    Own,
    After,
}

/// The requests of one log file, without an end.
#[derive(Debug)]
pub(crate) struct Requests<'a> {
    world: &'a World,
    outcomes: &'a Outcomes,
    distribution: &'a Distribution,
    escaping: Escaping,
    late_per_million: u32,
    random: Random,
    // Texts of one request, which the next one overwrites.
    address: String,
    query: String,
    cookie: String,
    id: String,
}

impl<'a> Requests<'a> {
    pub(crate) fn new(
        world: &'a World,
        outcomes: &'a Outcomes,
        distribution: &'a Distribution,
        escaping: Escaping,
        late_per_million: u32,
        random: Random,
    ) -> Self {
        let [address, query, cookie, id] = [const { String::new() }; 4];
        Self { world, outcomes, distribution, escaping, late_per_million, random, address, query, cookie, id }
    }

    /// Returns the next request. It borrows texts that the one after it overwrites, so this is not an iterator.
    pub(crate) fn draw(&mut self) -> Request<'_> {
        let hour = self.draw_hour();
        let second = self.random.below(3600);
        let viewer = self.world.viewers.draw(&mut self.random);
        let uri = self.world.uris.draw(self.distribution.taste, &mut self.random);
        let method = draw_method(uri.kind, &mut self.random);
        let outcome = self.outcomes.draw(uri.kind, method, &mut self.random);
        self.draw_address(viewer);
        self.draw_query(uri.kind);
        self.draw_cookie(viewer);
        self.draw_id();

        let random = &mut self.random;
        let is_https = outcome.body != Body::Redirect && random.percent(97);
        let answer = Answer::draw(uri, method, outcome, random);
        let has_referer = random.percent(if viewer.is_browser { 90 } else { 25 });
        let headers = &self.world.headers;
        let referer =
            if has_referer { headers.referers[headers.referer_choice.draw(random)].get(self.escaping) } else { "-" };
        let user_agent = headers.user_agents[viewer.user_agent].text.get(self.escaping);
        let encryption = (method == "POST" && random.percent(20)).then(|| draw_encryption(random));
        let received_bytes = 60
            + u64::from(random.below(220))
            + (uri.stem.len() + referer.len() + user_agent.len() + self.query.len() + self.cookie.len()) as u64
            + if matches!(method, "POST" | "PUT") { u64::from(random.spread(40, 9)) } else { 0 };

        Request {
            hour,
            second,
            location: viewer.location,
            sent_bytes: answer.sent_bytes,
            address: &self.address,
            method,
            stem: &uri.stem,
            status: if answer.range.is_some() { "206" } else { outcome.status },
            referer,
            user_agent,
            query: &self.query,
            cookie: &self.cookie,
            result: outcome.result,
            id: &self.id,
            host: match random.below(20) {
                0 => &self.distribution.domain,
                1..4 => &self.distribution.hosts[1],
                _ => &self.distribution.hosts[0],
            },
            protocol: if is_https { "https" } else { "http" },
            received_bytes,
            taken_ms: answer.taken_ms,
            forwarded_for: &viewer.forwarded_for,
            tls: if is_https { viewer.tls } else { "-" },
            cipher: if is_https { viewer.cipher } else { "-" },
            response_result: outcome.response_result,
            // HTTP/2 and HTTP/3 need TLS.
            version: if is_https || viewer.version == "HTTP/1.0" { viewer.version } else { "HTTP/1.1" },
            encryption,
            port: random.between(1024, 65_535),
            first_byte_ms: answer.first_byte_ms,
            detailed_result: outcome.detailed_result,
            content_type: answer.content_type,
            content_bytes: answer.content_bytes,
            range: answer.range,
        }
    }

    fn draw_hour(&mut self) -> InHour {
        if self.random.below(1_000_000) >= self.late_per_million {
            InHour::Own
        } else if self.random.percent(50) {
            InHour::Before
        } else {
            InHour::After
        }
    }

    /// Draws a viewer's own address, or one that is seldom drawn again, as in real logs.
    fn draw_address(&mut self, viewer: &Viewer) {
        self.address.clear();
        if self.random.percent(4) {
            write!(self.address, "{}", address_v6(&mut self.random)).expect("writing to a string cannot fail");
        } else {
            self.address.push_str(&viewer.address);
        }
    }

    fn draw_query(&mut self, kind: Kind) {
        self.query.clear();
        let chance = match kind {
            Kind::Page => 50,
            Kind::Image | Kind::Asset | Kind::Media => 75,
            Kind::Api => 95,
            Kind::Download => 80,
            Kind::Probe => 20,
        };
        if !self.random.percent(chance) {
            self.query.push('-');
            return;
        }
        self.query.push_str(self.world.uris.query(kind, &mut self.random));
        let number = self.random.spread(1, 24);
        push_number(&mut self.query, u64::from(number));
    }

    fn draw_cookie(&mut self, viewer: &Viewer) {
        self.cookie.clear();
        if !viewer.is_browser || self.random.percent(35) {
            self.cookie.push('-');
            return;
        }
        let headers = &self.world.headers;
        let cookie = &headers.cookies[headers.cookie_choice.draw(&mut self.random)];
        self.cookie.push_str(cookie.get(self.escaping));
        push_number(&mut self.cookie, self.random.bits());
    }

    /// Draws 40 random bytes in base64url, like CloudFront's request ids.
    fn draw_id(&mut self) {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        self.id.clear();
        for num_digits in [10, 10, 10, 10, 10, 3] {
            let mut bits = self.random.bits();
            for _ in 0..num_digits {
                self.id.push(char::from(DIGITS[(bits & 63) as usize]));
                bits >>= 6;
            }
        }
        // The last of 54 digits has the last two of 320 bits.
        self.id.push_str(self.random.pick(&["A==", "Q==", "g==", "w=="]));
    }
}

fn draw_method(kind: Kind, random: &mut Random) -> &'static str {
    match (kind, random.below(100)) {
        (Kind::Api, 0..18) | (Kind::Probe, 0..30) => "POST",
        (Kind::Api, 18..24) => "OPTIONS",
        (Kind::Api, 24..27) => "PUT",
        (Kind::Api, 27) => "DELETE",
        (_, 98..) => "HEAD",
        _ => "GET",
    }
}

fn draw_encryption(random: &mut Random) -> (&'static str, u32) {
    match random.below(10) {
        0 => ("ForwardedByContentType", 0),
        1 => ("ForwardedByQueryArgs", 0),
        2 => ("MalformedInputClientError", 0),
        _ => ("Processed", random.between(1, 6)),
    }
}

/// Appends a number's digits.
pub(crate) fn push_number(out: &mut String, number: u64) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.push_str(str::from_utf8(&digits[at..]).expect("digits are ASCII"));
}
