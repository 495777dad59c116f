//! Delimiters: which one stands between the cells of a line.
//!
//! New standard logs may be delivered with any of up to five characters. TAB is the usual one; some others are found by the
//! first row, or by a line of bare names.

use std::ops::Range;

use lakefront_schema::fields;
use memchr::{memchr, memmem};

use super::options::Delimiter;
use crate::{decode::layout::Layout, error::Error};

/// Delimiters that are found. Others could be anything.
const FOUND: [Delimiter; 5] =
    [Delimiter::new(","), Delimiter::new(";"), Delimiter::new("|"), Delimiter::new(" "), Delimiter::new("::")];

impl Delimiter {
    /// Returns the delimiter of a line, if all lines without a TAB have this one: CloudFront escapes a TAB in a cell.
    pub(crate) fn or_tab(self, line: &[u8]) -> Self {
        if line.contains(&b'\t') && !self.as_bytes().contains(&b'\t') { Self::TAB } else { self }
    }

    /// Returns the delimiter of the rows under a `#Fields` header, by their first one: TAB, unless the row has none and
    /// exactly one other delimiter cuts it into as many cells as there are names. A program other than CloudFront may write
    /// such headers with blanks between cells, so one name must be one that only CloudFront has.
    ///
    /// # Errors
    /// [`Error::UnsupportedFormat`]: cells are quoted.
    pub(crate) fn under_header(row: &[u8], layout: &Layout, line: u64) -> Result<Self, Error> {
        if row.contains(&b'\t') || layout.width < 2 || !layout.is_cloudfronts {
            return Ok(Self::TAB);
        }
        let mut fitting = FOUND.into_iter().filter(|delimiter| delimiter.cells(row).count() == layout.width);
        let (Some(delimiter), None) = (fitting.next(), fitting.next()) else { return Ok(Self::TAB) };
        if delimiter.cells(row).any(|cell| row[cell].starts_with(b"\"")) {
            return Err(Error::UnsupportedFormat { line, format: "quoted" });
        }
        Ok(delimiter)
    }

    /// Returns the delimiter of a line of bare names; `None` if the line is none.
    pub(crate) fn of_names(line: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?;
        if text.split('\t').next().is_some_and(fields::is_known_field) {
            return Some(Self::TAB);
        }
        let are_names = |delimiter: &Self| {
            let mut names = text.split(delimiter.as_str());
            names.clone().count() > 1 && names.all(fields::is_known_field)
        };
        FOUND.into_iter().find(are_names)
    }

    /// Returns the names of a header that has no blank or TAB between them, but the delimiter of its rows: `given`, or one that
    /// is found. `None` if no delimiter gives a name of CloudFront.
    pub(crate) fn split_names(names: &str, given: Option<Self>) -> Option<Vec<&str>> {
        let cut = |delimiter: Self| delimiter.cells(names.as_bytes()).map(|name| &names[name]).collect::<Vec<_>>();
        given.into_iter().chain(FOUND).map(cut).find(|names| names.iter().any(|name| fields::is_known_field(name)))
    }

    /// Returns the positions of the cells of a line.
    pub(crate) fn cells(self, line: &[u8]) -> impl Iterator<Item = Range<usize>> {
        let mut next = Some(0);
        std::iter::from_fn(move || {
            let start = next?;
            let found = match self.as_bytes() {
                [byte] => memchr(*byte, &line[start..]),
                bytes => memmem::find(&line[start..], bytes),
            };
            let found = found.map(|at| start + at);
            next = found.map(|at| at + self.as_bytes().len());
            Some(start..found.unwrap_or(line.len()))
        })
    }

    /// Returns the number of cells of a line that are not UTF-8.
    pub(crate) fn lossy_cells(self, line: &[u8]) -> u64 {
        self.cells(line).filter(|cell| std::str::from_utf8(&line[cell.clone()]).is_err()).count() as u64
    }

    /// Returns whether an empty cell ends the line.
    pub(crate) fn ends(self, line: &[u8]) -> bool {
        line.ends_with(self.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use lakefront_schema::TableSchema;

    use super::*;

    fn under(names: &str, row: &str) -> Result<Delimiter, Error> {
        let names: Vec<&str> = names.split(' ').collect();
        let layout = Layout::try_new(&TableSchema::embedded("cf_logs").unwrap(), &names, 1).unwrap();
        Delimiter::under_header(row.as_bytes(), &layout, 2)
    }

    #[test]
    fn a_delimiter_is_found_if_it_alone_fits_the_names() {
        let names = "date time x-edge-location";
        for (row, delimiter) in [
            ("2024-05-17\t10:00:00\tDFW3", "\t"),
            ("2024-05-17,10:00:00,DFW3", ","),
            ("2024-05-17;10:00:00;DFW3", ";"),
            ("2024-05-17|10:00:00|DFW3", "|"),
            ("2024-05-17 10:00:00 DFW3", " "),
            ("2024-05-17::10:00:00::DFW3", "::"),
            ("2024-05-17,10:00:00", "\t"),
            ("a,b c,d e", "\t"),
            ("2024-05-17,10:00:00,DFW\t3", "\t"),
        ] {
            assert_eq!(under(names, row).unwrap(), Delimiter::new(delimiter), "{row}");
        }
        assert_eq!(under("date time c-ip", "2024-05-17 10:00:00 192.0.2.1").unwrap(), Delimiter::TAB, "IIS");
        assert!(matches!(under(names, "2024-05-17,\"10:00:00\",DFW3"), Err(Error::UnsupportedFormat { line: 2, .. })));
    }

    #[test]
    fn bare_names_are_known_by_what_cuts_them() {
        let of = |line: &str| Delimiter::of_names(line.as_bytes());
        let is = |text| Some(Delimiter::new(text));
        assert_eq!(of("date\ttime\tx-new"), is("\t"));
        assert_eq!(of("date"), is("\t"));
        assert_eq!(of("date,time"), is(","));
        assert_eq!(of("date::time::c-ip"), is("::"));
        for line in ["date,time,x-new", "2024-05-17\tdate", "This is, well, a text", "", "\t"] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn cells_are_what_is_between_delimiters() {
        let cells = |delimiter, line: &'static str| -> Vec<&str> {
            Delimiter::new(delimiter).cells(line.as_bytes()).map(|cell| &line[cell]).collect()
        };
        assert_eq!(cells("::", "a::b:::c::"), ["a", "b", ":c", ""]);
        assert_eq!(cells("\t", ""), [""]);
    }
}
