//! One log file: its key and its text.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::{
    Error, Hour, Options,
    escape::Escaping,
    random::{Random, scramble},
    request::{Outcomes, Requests},
    row::RowWriter,
    world::{Distribution, Stream, World},
};

/// Returns all log files of the options: by hour, then by distribution, then by number within the hour.
///
/// Each file is made when the iterator returns it, on the caller's thread.
pub fn objects(options: &Options) -> impl Iterator<Item = LogObject> + use<> {
    let plan = Plan::new(options);
    (0..plan.num_objects()).map(move |number| {
        let mut text = String::new();
        plan.write_text(number, &mut text);
        LogObject { key: plan.key(number), text, gzip_level: plan.options.gzip_level }
    })
}

/// One log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogObject {
    /// Key without a prefix, such as `E1EXAMPLE0A1B2.2025-01-02-03.0123abcd.gz`; without `.gz` for plain text.
    pub key: String,
    /// The log, uncompressed.
    pub text: String,
    gzip_level: u32,
}

impl LogObject {
    /// Returns the text as one gzip member, compressed at [`Options::gzip_level`].
    ///
    /// # Errors
    ///
    /// [`Error::Gzip`] if the compressor fails.
    pub fn gzip(&self) -> Result<Vec<u8>, Error> {
        gzip(&self.key, &self.text, self.gzip_level)
    }
}

/// Compresses `text`. The gzip header names no file and no time.
pub(crate) fn gzip(key: &str, text: &str, level: u32) -> Result<Vec<u8>, Error> {
    // Logs shrink to about a third.
    let target = Vec::with_capacity(text.len() / 3);
    let mut encoder = GzEncoder::new(target, Compression::new(level.min(9)));
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    written.map_err(|source| Error::Gzip { key: key.to_owned(), source })
}

/// The log files of one set of options, by number.
#[derive(Debug)]
pub(crate) struct Plan {
    options: Options,
    num_hours: u32,
    late_per_million: u32,
    world: World,
    outcomes: Outcomes,
}

impl Plan {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            // There is no hour after the last one.
            num_hours: options.hours.min(Hour::LAST.since_epoch() - options.start.since_epoch() + 1),
            late_per_million: per_million(options.late_percent),
            world: World::new(options.seed),
            outcomes: Outcomes::new(),
            options: options.clone(),
        }
    }

    pub(crate) fn num_objects(&self) -> u64 {
        u64::from(self.num_hours) * self.objects_per_hour()
    }

    /// Returns the key of log file `number`, counted from 0.
    pub(crate) fn key(&self, number: u64) -> String {
        let place = self.place(number);
        let id = Distribution::new(self.options.seed, place.distribution).id;
        let (date, hour) = (place.hour.date(), place.hour.of_day());
        let shared = [self.options.seed, Stream::Names as u64, hour_number(place.hour), u64::from(place.distribution)];
        // Files of one hour differ in `in_hour`, and so in this.
        let unique = scramble(Random::new(&shared).word() ^ place.in_hour);
        let ending = if self.options.plain { "" } else { ".gz" };
        format!("{id}.{date}-{hour:02}.{unique:08x}{ending}")
    }

    /// Appends the text of log file `number`, counted from 0.
    pub(crate) fn write_text(&self, number: u64, text: &mut String) {
        let place = self.place(number);
        let distribution = Distribution::new(self.options.seed, place.distribution);
        let random = Random::new(&[
            self.options.seed,
            Stream::Rows as u64,
            hour_number(place.hour),
            u64::from(place.distribution),
            u64::from(place.in_hour),
        ]);
        let escaping = Escaping::of(place.hour);
        let mut requests =
            Requests::new(&self.world, &self.outcomes, &distribution, escaping, self.late_per_million, random);
        let rows = RowWriter::new(self.options.era, self.options.format, &distribution.domain, place.hour);
        rows.push_header(text);
        for _ in 0..self.options.rows_per_file {
            rows.push_row(text, &requests.draw());
        }
    }

    fn objects_per_hour(&self) -> u64 {
        u64::from(self.options.distributions) * u64::from(self.options.files_per_hour)
    }

    fn place(&self, number: u64) -> Place {
        let part = |number: u64| u32::try_from(number).expect("every part is smaller than the option that it counts");
        let (files, distributions) = (u64::from(self.options.files_per_hour), u64::from(self.options.distributions));
        Place {
            hour: self.options.start.plus(part(number / files / distributions)),
            distribution: part(number / files % distributions),
            in_hour: part(number % files),
        }
    }
}

/// Position of a log file among all of a seed. Nothing else decides its content.
#[derive(Debug)]
struct Place {
    hour: Hour,
    distribution: u32,
    /// Number among the files of its distribution and hour.
    in_hour: u32,
}

fn hour_number(hour: Hour) -> u64 {
    u64::from(hour.since_epoch())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the number is clamped and rounded first")]
fn per_million(percent: f64) -> u32 {
    // NaN becomes 0.
    (percent.clamp(0.0, 100.0) * 10_000.0).round() as u32
}
