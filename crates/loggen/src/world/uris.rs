//! Paths that are requested: a catalog of about eight thousand.

use super::{Stream, WORDS, weighted};
use crate::{
    escape::{Escaping, escape},
    random::{Choice, Random},
};

/// The paths of the world, and the queries that go with them.
#[derive(Debug)]
pub(crate) struct Uris {
    catalog: Vec<Uri>,
    choice: Choice,
    /// Prefixes of queries by kind, escaped; a number follows.
    queries: Vec<Vec<String>>,
}

/// One path.
#[derive(Debug)]
pub(crate) struct Uri {
    /// The path, as logged.
    pub(crate) stem: String,
    pub(crate) kind: Kind,
    /// The content type, as logged.
    pub(crate) content_type: &'static str,
    /// Length of the whole answer's body, in bytes.
    pub(crate) body_bytes: u32,
}

/// Kind of the answer to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Page,
    Image,
    Asset,
    Api,
    Media,
    Download,
    /// A path that scanners look for and that does not exist.
    Probe,
}

/// Number of paths: a power of two, so that mixing a distribution's taste into a rank gives another rank.
const NUM_URIS: u32 = 8192;

const KINDS: [(u32, Kind); 7] = [
    (20, Kind::Page),
    (25, Kind::Image),
    (14, Kind::Asset),
    (12, Kind::Api),
    (17, Kind::Media),
    (9, Kind::Download),
    (3, Kind::Probe),
];

/// Prefixes of queries as sent; a number follows.
const QUERIES: [(Kind, &[&str]); 7] = [
    (
        Kind::Page,
        &[
            "utm_source=newsletter&utm_medium=email&utm_campaign=",
            "page=",
            "q=garden%20chairs&sort=price&page=",
            "ref=home&id=",
        ],
    ),
    (Kind::Image, &["w=640&q=75&v=", "width=1200&format=auto&v=", "crop={\"x\":0,\"y\":12}&w=", "v="]),
    (Kind::Asset, &["v=", "ver=6.4.", "_="]),
    (
        Kind::Api,
        &[
            "limit=50&offset=",
            "fields=id,name&cursor=",
            "filter[color]=blue&filter[size]=",
            "q=d%C3%A9j%C3%A0%20vu&lang=fr&page=",
            "lat=59.91&lon=10.75&t=",
        ],
    ),
    (Kind::Media, &["token=exp~", "start=0&session=", "cdn=1&bitrate="]),
    (Kind::Download, &["response-content-disposition=attachment;%20filename=%22report.pdf%22&Expires=", "Expires="]),
    (Kind::Probe, &["author=", "cmd=cat%20/etc/passwd&x=", "s=index/\\think\\app&id="]),
];

impl Uris {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(&[seed, Stream::Uris as u64]);
        let kinds = weighted(&KINDS);
        let catalog = (0..NUM_URIS).map(|number| Uri::new(KINDS[kinds.draw(&mut random)].1, number, &mut random));
        let catalog = catalog.collect();
        let queries = QUERIES.iter().map(|(_, wires)| wires.iter().map(|wire| escape(wire, Escaping::Once)).collect());
        Self { catalog, choice: Choice::zipf(NUM_URIS, 4), queries: queries.collect() }
    }

    /// Returns a path; popular ones depend on the taste.
    pub(crate) fn draw(&self, taste: u32, random: &mut Random) -> &Uri {
        let rank = self.choice.draw(random);
        &self.catalog[rank ^ (taste % NUM_URIS) as usize]
    }

    /// Returns the prefix of a query; a number must follow.
    pub(crate) fn query(&self, kind: Kind, random: &mut Random) -> &str {
        let position = QUERIES.iter().position(|(of, _)| *of == kind).expect("every kind has queries");
        let queries = &self.queries[position];
        &queries[random.below(u32::try_from(queries.len()).expect("there are few queries")) as usize]
    }
}

impl Uri {
    fn new(kind: Kind, number: u32, random: &mut Random) -> Self {
        let (one, two) = (random.pick(&WORDS), random.pick(&WORDS));
        let code = random.word();
        let (wire, content_type, body_bytes) = match kind {
            Kind::Page => page(one, two, number, random),
            Kind::Image => {
                let (ending, content_type) = IMAGES[random.below(6) as usize];
                let width = 160 << random.below(4);
                let wire = format!("/images/products/{one}/{two}-{number}-{width}w.{ending}");
                (wire, content_type, random.spread(1500, 8))
            }
            Kind::Asset => {
                let (folder, ending, content_type) = ASSETS[random.below(6) as usize];
                (format!("/{folder}/{one}.{code:08x}.{ending}"), content_type, random.spread(900, 9))
            }
            Kind::Api => {
                let wire = match random.below(4) {
                    0 => format!("/api/v1/{one}s"),
                    1 => format!("/api/v2/{one}s/{number}"),
                    2 => format!("/api/v2/{one}s/{number}/{two}s"),
                    _ => format!("/api/v2/events/{code:08x}-{:04x}-4{:03x}", code >> 16, number % 4096),
                };
                (wire, "application/json", random.spread(60, 8))
            }
            Kind::Media => media(one, number, code, random),
            Kind::Download => {
                let (ending, content_type) = DOWNLOADS[random.below(5) as usize];
                let version = format!("{}.{}.{}", number % 7, code % 30, code % 11);
                let wire = match random.below(5) {
                    0 => format!("/files/{number}/{one}%20{two}%20(final).{ending}"),
                    1 => format!("/files/{number}/~{one}[{}].{ending}", number % 10),
                    _ => format!("/downloads/{one}/{version}/{one}-{two}-{version}.{ending}"),
                };
                (wire, content_type, random.spread(20_000, 11))
            }
            Kind::Probe => (format!("{}{}", random.pick(&PROBES), number % 40), "text/html", random.spread(300, 2)),
        };
        Self { stem: escape(&wire, Escaping::Once), kind, content_type, body_bytes }
    }
}

const IMAGES: [(&str, &str); 6] = [
    ("webp", "image/webp"),
    ("webp", "image/webp"),
    ("jpg", "image/jpeg"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("avif", "image/avif"),
];

const ASSETS: [(&str, &str, &str); 6] = [
    ("static/js", "js", "application/javascript"),
    ("static/js", "js", "text/javascript;%20charset=utf-8"),
    ("static/css", "css", "text/css"),
    ("static/fonts", "woff2", "font/woff2"),
    ("_next/static/chunks", "js", "application/javascript;%20charset=UTF-8"),
    ("static/i18n", "json", "application/json"),
];

const DOWNLOADS: [(&str, &str); 5] = [
    ("zip", "application/zip"),
    ("pdf", "application/pdf"),
    ("tar.gz", "application/x-gzip"),
    ("exe", "application/octet-stream"),
    ("csv", "text/csv"),
];

const PROBES: [&str; 8] = [
    "/wp-login.php",
    "/.env.",
    "/.git/config",
    "/phpmyadmin/index.php",
    "/cgi-bin/luci/;stok=/locale",
    "/xmlrpc.php",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/owa/auth/logon.aspx",
];

fn page(one: &str, two: &str, number: u32, random: &mut Random) -> (String, &'static str, u32) {
    let language = random.pick(&["en", "en", "de", "fr", "es"]);
    let wire = match random.below(24) {
        0 => "/".to_owned(),
        1 => "/index.html".to_owned(),
        2 => "/robots.txt".to_owned(),
        3 => format!("/{language}/"),
        4..12 => format!("/{language}/products/{one}-{two}-{number}"),
        12..18 => format!("/{language}/blog/20{}/{:02}/{one}-{two}-and-{one}", 15 + number % 11, number % 12 + 1),
        18..22 => format!("/{one}/{two}/{number}.html"),
        22 => format!("/{language}/c/caf%C3%A9-{one}/{number}"),
        _ => format!("/{language}/search/{one}%20{two}"),
    };
    let content_type = random.pick(&["text/html;%20charset=utf-8", "text/html;%20charset=UTF-8", "text/html"]);
    (wire, content_type, random.spread(4000, 5))
}

fn media(one: &str, number: u32, code: u32, random: &mut Random) -> (String, &'static str, u32) {
    let quality = random.pick(&["360p", "480p", "720p", "1080p"]);
    let segment = code % 900;
    match random.below(5) {
        0 => (
            format!("/video/{one}-{}/{quality}/index.m3u8", number % 200),
            "application/vnd.apple.mpegurl",
            random.spread(800, 4),
        ),
        1 => (format!("/audio/{one}/episode-{number}.mp3"), "audio/mpeg", random.spread(3_000_000, 4)),
        2 => (
            format!("/video/{one}-{}/{quality}/{code:08x}.mp4", number % 200),
            "video/mp4",
            random.spread(5_000_000, 5),
        ),
        3 => (
            format!("/video/{one}-{}/{quality}/seg-{segment:05}.ts", number % 200),
            "video/MP2T",
            random.spread(150_000, 5),
        ),
        _ => (
            format!("/video/{one}-{}/{quality}/chunk-{segment:05}.m4s", number % 200),
            "video/mp4",
            random.spread(150_000, 5),
        ),
    }
}
