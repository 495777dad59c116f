//! Options of a set of logs.

use std::{fmt, num::NonZeroUsize, str::FromStr};

use crate::{Error, Hour};

/// Options of a set of logs. All have defaults; equal options give the same bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Seed of the random numbers: another seed gives other distributions, viewers, pages and rows. Default 1.
    pub seed: u64,
    /// Number of distributions. Default 1.
    pub distributions: u32,
    /// First hour. Default `2025-01-02T03`.
    pub start: Hour,
    /// Number of hours, [`start`](Self::start) included. Default 1.
    pub hours: u32,
    /// Number of log files of each distribution in each hour. Default 1.
    pub files_per_hour: u32,
    /// Number of rows of each log file. Default 1000, which is about half a megabyte of text.
    pub rows_per_file: u32,
    /// Fields of a row. Default [`Era::Fields33`].
    pub era: Era,
    /// Format of the text. Default [`Format::W3c`].
    pub format: Format,
    /// Level of gzip, from 0 (stored) to 9 (smallest); more counts as 9. Default 6.
    pub gzip_level: u32,
    /// Percentage of the rows whose time is in the hour before or after the one in their file's name; less than 0 counts as
    /// 0, more than 100 as 100. Default 0.1.
    pub late_percent: f64,
    /// Whether files have plain text instead of gzip; keys then have no `.gz`. Default false.
    pub plain: bool,
    /// Number of threads that [`write`](crate::write()) uses; `None`, the default, is the number of processors. The bytes do
    /// not depend on it.
    pub threads: Option<NonZeroUsize>,
}

impl Default for Options {
    fn default() -> Self {
        const START: Hour = Hour::from_date(2025, 1, 2, 3).expect("this is an hour");
        Self {
            seed: 1,
            distributions: 1,
            start: START,
            hours: 1,
            files_per_hour: 1,
            rows_per_file: 1000,
            era: Era::Fields33,
            format: Format::W3c,
            gzip_level: 6,
            late_percent: 0.1,
            plain: false,
            threads: None,
        }
    }
}

/// Format of a log's text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `#Version` and `#Fields` lines, then rows with TABs between cells: the only format of old standard logs.
    #[default]
    W3c,
    /// The same with `|` between cells, which CloudFront escapes in them.
    Pipes,
    /// A line of bare names, then rows with TABs.
    Plain,
    /// Rows with TABs alone.
    Raw,
    /// A JSON object on each line, whose values are strings.
    Json,
}

impl Format {
    /// All formats, by name.
    pub const ALL: [(&'static str, Self); 5] =
        [("w3c", Self::W3c), ("pipes", Self::Pipes), ("plain", Self::Plain), ("raw", Self::Raw), ("json", Self::Json)];
}

impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = Self::ALL.iter().find(|(_, format)| format == self);
        named.map_or(Ok(()), |(name, _)| formatter.write_str(name))
    }
}

/// Era of CloudFront's standard logs, named by its number of fields. Each era has the fields of the one before it, and some
/// more after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// Until September 2012: `date` to `cs-uri-query`.
    Fields12,
    /// From September 2012: adds `cs(Cookie)`, `x-edge-result-type`, `x-edge-request-id`.
    Fields15,
    /// From October 2013: adds `x-host-header`, `cs-protocol`, `cs-bytes`.
    Fields18,
    /// From April 2014: adds `time-taken`.
    Fields19,
    /// From July 2015: adds `x-forwarded-for`, `ssl-protocol`, `ssl-cipher`, `x-edge-response-result-type`.
    Fields23,
    /// From September 2016: adds `cs-protocol-version`.
    Fields24,
    /// From January 2018: adds `fle-status`, `fle-encrypted-fields`.
    Fields26,
    /// From December 2019: adds `c-port` to `sc-range-end`.
    Fields33,
}

impl Era {
    /// All eras, the oldest first.
    pub const ALL: [Self; 8] = [
        Self::Fields12,
        Self::Fields15,
        Self::Fields18,
        Self::Fields19,
        Self::Fields23,
        Self::Fields24,
        Self::Fields26,
        Self::Fields33,
    ];

    /// Returns the number of fields of a row.
    pub const fn num_fields(self) -> usize {
        match self {
            Self::Fields12 => 12,
            Self::Fields15 => 15,
            Self::Fields18 => 18,
            Self::Fields19 => 19,
            Self::Fields23 => 23,
            Self::Fields24 => 24,
            Self::Fields26 => 26,
            Self::Fields33 => 33,
        }
    }
}

impl fmt::Display for Era {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.num_fields())
    }
}

impl FromStr for Era {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|era| era.to_string() == text);
        found.ok_or_else(|| Error::Era { got: text.to_owned() })
    }
}
