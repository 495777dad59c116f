//! Viewers: addresses, each with its program, its edge location and its kind of connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Headers, Stream};
use crate::random::{Choice, Random};

/// The viewers of the world.
#[derive(Debug)]
pub(crate) struct Viewers {
    viewers: Vec<Viewer>,
    choice: Choice,
}

/// One viewer. Many share an IPv4 address, like customers of one provider: the documentation has only 762 of them.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) address: String,
    /// Index of a user agent in the world's [`Headers`].
    pub(crate) user_agent: usize,
    pub(crate) is_browser: bool,
    pub(crate) location: &'static str,
    /// As in `x-forwarded-for`; `-` for most.
    pub(crate) forwarded_for: String,
    pub(crate) version: &'static str,
    pub(crate) tls: &'static str,
    pub(crate) cipher: &'static str,
}

const NUM_VIEWERS: u32 = 16_384;

/// Edge locations, the busiest first.
const LOCATIONS: [&str; 72] = [
    "IAD89-C1",
    "DFW57-P5",
    "FRA60-P4",
    "LHR50-P3",
    "SFO53-P9",
    "SEA19-C1",
    "NRT57-P2",
    "BOM78-P6",
    "CDG52-P2",
    "ORD58-P8",
    "LAX50-P1",
    "SIN2-P4",
    "ATL59-P7",
    "AMS58-P5",
    "EWR53-C4",
    "MIA3-P3",
    "GRU3-P2",
    "SYD62-P2",
    "ICN57-P1",
    "HKG62-C2",
    "MAD53-P1",
    "MXP64-P3",
    "YTO50-P2",
    "DEL54-P3",
    "ARN56-P2",
    "DUB56-P1",
    "JFK50-P7",
    "PHX50-C1",
    "DEN52-P3",
    "HIO50-C2",
    "VIE50-P2",
    "WAW51-P4",
    "ZRH55-P1",
    "KIX56-C3",
    "MEL50-C2",
    "HAM50-C3",
    "MUC50-P5",
    "TXL50-P6",
    "CPH50-P2",
    "OSL50-C1",
    "HEL51-P4",
    "LIS50-P1",
    "BRU50-P1",
    "PRG50-C1",
    "OTP50-P1",
    "ATH50-C2",
    "TLV50-C1",
    "DXB52-P4",
    "BAH52-C1",
    "JNB50-C3",
    "CPT52-C1",
    "NBO51-C1",
    "MAA51-P2",
    "HYD57-P4",
    "CCU50-C1",
    "BLR50-P2",
    "BKK50-C3",
    "KUL50-P3",
    "MNL51-P2",
    "CGK50-P1",
    "TPE53-P3",
    "PER50-C1",
    "AKL50-C1",
    "EZE50-P3",
    "SCL50-P1",
    "BOG50-C2",
    "GIG51-P1",
    "QRO51-P1",
    "SEA900-P1",
    "DFW3",
    "LHR5",
    "BOM52",
];

const TLS: [(&str, &str); 6] = [
    ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
    ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
    ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
    ("TLSv1", "ECDHE-RSA-AES128-SHA"),
];

impl Viewers {
    pub(crate) fn new(seed: u64, headers: &Headers) -> Self {
        let mut random = Random::new(&[seed, Stream::Viewers as u64]);
        let count = u32::try_from(headers.user_agents.len()).expect("there are few user agents");
        let user_agents = Choice::zipf(count, 2);
        let locations = Choice::zipf(72, 5);
        let tls = Choice::zipf(6, 1);
        let viewers = (0..NUM_VIEWERS).map(|_| {
            let user_agent = user_agents.draw(&mut random);
            let location = LOCATIONS[locations.draw(&mut random)];
            let tls = TLS[tls.draw(&mut random)];
            Viewer::new(user_agent, headers.user_agents[user_agent].is_browser, location, tls, &mut random)
        });
        Self { viewers: viewers.collect(), choice: Choice::zipf(NUM_VIEWERS, 20) }
    }

    pub(crate) fn draw(&self, random: &mut Random) -> &Viewer {
        &self.viewers[self.choice.draw(random)]
    }
}

impl Viewer {
    fn new(
        user_agent: usize,
        is_browser: bool,
        location: &'static str,
        tls: (&'static str, &'static str),
        random: &mut Random,
    ) -> Self {
        let version = match (is_browser, random.below(20)) {
            // HTTP/2 needs at least TLS 1.2.
            _ if tls.0 == "TLSv1" => "HTTP/1.1",
            (true, 0..8) => "HTTP/3.0",
            (true, 8..18) | (false, 0..6) => "HTTP/2.0",
            (false, 19) => "HTTP/1.0",
            _ => "HTTP/1.1",
        };
        // HTTP/3 needs TLS 1.3.
        let (tls, cipher) = if version == "HTTP/3.0" { TLS[0] } else { tls };
        let mut address = String::new();
        push_address(&mut address, random);
        let mut forwarded_for = String::new();
        if random.percent(45) {
            push_address(&mut forwarded_for, random);
            if random.percent(10) {
                // Only this field does not follow CloudFront's rules of escaping.
                forwarded_for.push_str(r",\x20");
                push_address(&mut forwarded_for, random);
            }
        } else {
            forwarded_for.push('-');
        }
        Self { address, user_agent, is_browser, location, forwarded_for, version, tls, cipher }
    }
}

/// Returns an IPv6 address of the documentation's `2001:db8::/32`.
pub(crate) fn address_v6(random: &mut Random) -> Ipv6Addr {
    let network = 0x2001_0db8_u128 << 96 | u128::from(random.below(1 << 28)) << 64;
    Ipv6Addr::from_bits(network | u128::from(random.bits()))
}

fn push_address(out: &mut String, random: &mut Random) {
    let address = if random.percent(35) {
        IpAddr::V6(address_v6(random))
    } else {
        let (a, b, c) = [(192, 0, 2), (198, 51, 100), (203, 0, 113)][random.below(3) as usize];
        let d = u8::try_from(random.between(1, 254)).expect("254 is a byte");
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    out.push_str(&address.to_string());
}
