//! Finds the next key that may be selected, so that a listing of a bucket skips keys that are not selected.
//!
//! ```text
//!   cf/E1EXAMPLE.2024-05-17-10.abc.gz          distribution and hour in the name: all its hours are together
//!   cf/2024/05/17/10/E1EXAMPLE.2024-05-...     date in the folders, also as year=2024/month=05/day=17
//!   cf/E1EXAMPLE/2024/05/17/...                distribution in a folder, also as DistributionId=E1EXAMPLE
//! ```
//!
//! **Invariant.** A key that is skipped would not have been selected, as long as folders named by a day or a distribution
//! hold logs of that day, within [`MARGIN_DAYS`] days, or of that distribution. Keys of any other form are checked one by
//! one.

use jiff::{ToSpan as _, civil};
use lakefront_ledger::paths::hour_text;
use lakefront_schema::object_key;
use lakefront_storage::{KeyGuide, Look};

use crate::select::Selection;

/// Number of days by which a folder's day may differ from that of its logs. Folders may be named by the day of delivery,
/// which is up to a day after that of the requests.
const MARGIN_DAYS: i32 = 2;
/// Number of consecutive pages of one distribution after which its keys are cut by time: into pieces as long as the last
/// page, four times as long, and so on. A long piece is cut again.
const PAGES_BEFORE_CUTS: u32 = 4;
const TIME_CUTS: u32 = 6;
const TIME_CUTS_GROWTH: i32 = 4;

/// Last hour, in the year 2198, up to which keys are cut.
const LAST_HOUR: i32 = 2_000_000;

/// Tells a listing which keys a selection leaves out.
pub(crate) struct SelectionGuide<'s>(pub(crate) &'s Selection);

impl KeyGuide for SelectionGuide<'_> {
    fn look(&self, key: &str) -> Look {
        self.not_up_to(key).filter(|bound| bound.as_str() > key).map_or(Look::Wanted, Look::NotUpTo)
    }

    fn cuts(&self, [first, last]: [&str; 2], pages: u32) -> Vec<String> {
        let folder = DayFolder::of(last);
        let log = StandardKey::of(last);
        if pages == 1 {
            let end = folder.map(|folder| folder.end()).or_else(|| log.map(|log| log.end()));
            return end.into_iter().collect();
        }
        if pages != PAGES_BEFORE_CUTS {
            return Vec::new();
        }
        let steps = (0..TIME_CUTS).map(|cut| TIME_CUTS_GROWTH.saturating_pow(cut));
        if let Some(folder) = folder {
            let page_days = DayFolder::of(first).map_or(1, |first| days_between(first.date, folder.date).max(1));
            let days = steps.map_while(|step| folder.date.checked_add(page_days.saturating_mul(step).days()).ok());
            // All keys after the range are skipped at once.
            let last = self.0.to_hour.and_then(last_day);
            let days = days.take_while(|day| last.is_none_or(|last| *day <= last));
            return days.map(|day| folder.of_day(day)).collect();
        }
        let Some((log, hour)) = log.zip(object_key::hour(last)) else { return Vec::new() };
        let page_hours = object_key::hour(first).map_or(1, |first| (hour - first).max(1));
        let hours = steps.map(|step| hour.saturating_add(page_hours.saturating_mul(step)));
        let hours = hours.take_while(|hour| *hour < self.0.to_hour.unwrap_or(LAST_HOUR).min(LAST_HOUR));
        hours.map(|hour| format!("{}{}", log.start, hour_text(hour).replace('T', "-"))).collect()
    }
}

impl SelectionGuide<'_> {
    /// Returns the end of a run of keys, from this key on, that are not selected; `None` if this key may be selected.
    fn not_up_to(&self, key: &str) -> Option<String> {
        let Selection { distribution, from_hour, to_hour, .. } = self.0;
        if let Some(bound) = DayFolder::of(key).and_then(|folder| folder.not_up_to(*from_hour, *to_hour)) {
            return Some(bound);
        }
        let log = StandardKey::of(key)?;
        if distribution.as_deref().is_some_and(|wanted| wanted != log.distribution) {
            return Some(log.end_of_folder().unwrap_or_else(|| log.end()));
        }
        let hour = object_key::hour(key)?;
        if from_hour.is_some_and(|from| hour < from) {
            return from_hour.map(|from| format!("{}{}", log.start, hour_text(from).replace('T', "-")));
        }
        to_hour.is_some_and(|to| hour >= to).then(|| log.end())
    }
}

/// The key of a standard log: its name begins with distribution and hour.
struct StandardKey<'k> {
    key: &'k str,
    /// The key up to the hour.
    start: &'k str,
    distribution: &'k str,
}

impl<'k> StandardKey<'k> {
    fn of(key: &'k str) -> Option<Self> {
        let name = key.rsplit_once('/').map_or(key, |(_, name)| name);
        let (distribution, rest) = name.split_once('.')?;
        let is_id = distribution.starts_with('E')
            && distribution.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        let is_dated = rest.split('.').next().is_some_and(|date| is_like(date, "dddd-dd-dd-dd"));
        let start = key.get(..key.len() - rest.len()).filter(|_| is_id && is_dated)?;
        Some(Self { key, start, distribution })
    }

    /// Returns a key after all hours of the distribution in this folder: `:` sorts after the digits.
    fn end(&self) -> String {
        format!("{}:", self.start)
    }

    /// Returns a key after the folder that is named by the key's distribution; `None` if there is no such folder.
    fn end_of_folder(&self) -> Option<String> {
        let mut end = 0;
        for segment in self.key.split_inclusive('/') {
            end += segment.len();
            let name = segment.strip_suffix('/')?;
            let value = name.split_once('=').map_or(name, |(_, value)| value);
            if value == self.distribution {
                return self.key.get(..end).map(|folder| format!("{folder}{LAST}"));
            }
        }
        None
    }
}

/// A character that sorts after every character in keys.
const LAST: char = char::MAX;

/// A key below folders that name a day: `2024/05/17/` or `year=2024/month=05/day=17/`.
struct DayFolder<'k> {
    /// The key up to the year's folder.
    start: &'k str,
    date: civil::Date,
    is_hive: bool,
}

impl<'k> DayFolder<'k> {
    fn of(key: &'k str) -> Option<Self> {
        let mut starts = vec![0];
        starts.extend(key.match_indices('/').map(|(slash, _)| slash + 1));
        // The last segment is the name.
        starts.windows(4).find_map(|window| {
            let [year, month, day, end] = *window else { return None };
            let segment = |from: usize, to: usize| key.get(from..to - 1);
            let parts = [segment(year, month)?, segment(month, day)?, segment(day, end)?];
            let is_hive = parts[0].starts_with("year=");
            let names = if is_hive { ["year=", "month=", "day="] } else { ["", "", ""] };
            let mut numbers = [0_i16; 3];
            for (((number, part), name), like) in numbers.iter_mut().zip(parts).zip(names).zip(["dddd", "dd", "dd"]) {
                *number = part.strip_prefix(name).filter(|digits| is_like(digits, like))?.parse().ok()?;
            }
            let [year_number, month_number, day_number] = numbers;
            let date =
                civil::Date::new(year_number, i8::try_from(month_number).ok()?, i8::try_from(day_number).ok()?).ok()?;
            Some(Self { start: key.get(..year)?, date, is_hive })
        })
    }

    fn not_up_to(&self, from_hour: Option<i32>, to_hour: Option<i32>) -> Option<String> {
        if let Some(first) = from_hour.and_then(|from| date_of(from.div_euclid(24) - MARGIN_DAYS))
            && self.date < first
        {
            return Some(self.of_day(first));
        }
        (self.date > last_day(to_hour?)?).then(|| self.end())
    }

    /// Returns the folder of another day, next to this one.
    fn of_day(&self, day: civil::Date) -> String {
        let folder = if self.is_hive { "year=%Y/month=%m/day=%d" } else { "%Y/%m/%d" };
        format!("{}{}", self.start, day.strftime(folder))
    }

    /// Returns a key after the folders of all years.
    fn end(&self) -> String {
        let name = if self.is_hive { "year=" } else { "" };
        format!("{}{name}:", self.start)
    }
}

/// Returns the date of a number of days since 1970-01-01.
fn date_of(days: i32) -> Option<civil::Date> {
    civil::date(1970, 1, 1).checked_add(days.days()).ok()
}

/// Returns the last day whose folder may hold logs from before this hour.
fn last_day(to_hour: i32) -> Option<civil::Date> {
    date_of(to_hour.div_euclid(24) + MARGIN_DAYS)
}

/// Returns the number of days from the first date to the second.
fn days_between(first: civil::Date, second: civil::Date) -> i32 {
    second.since(first).map_or(0, |span| span.get_days())
}

/// Returns whether a text matches a pattern in which each `d` is a digit.
fn is_like(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, like)| if like == b'd' { byte.is_ascii_digit() } else { byte == like })
}

#[cfg(test)]
mod tests {
    use lakefront_storage::Object;

    use super::*;

    /// 2024-05-17T10.
    const HOUR: i32 = 476_650;

    fn range(from_hour: Option<i32>, to_hour: Option<i32>) -> Selection {
        let mut selection = Selection::default();
        (selection.from_hour, selection.to_hour) = (from_hour, to_hour);
        selection
    }

    fn of(distribution: &str) -> Selection {
        let mut selection = Selection::default();
        selection.distribution = Some(distribution.into());
        selection
    }

    fn look(selection: &Selection, key: &str) -> Option<String> {
        match SelectionGuide(selection).look(key) {
            Look::Wanted => None,
            Look::NotUpTo(bound) => Some(bound),
        }
    }

    #[test]
    fn hours_before_the_range_are_skipped_to_its_start_and_later_hours_to_the_next_distribution() {
        let selection = range(Some(HOUR), Some(HOUR + 1));
        let to = |key| look(&selection, key);
        assert_eq!(to("cf/E1EXAMPLE.2023-01-01-00.a.gz").unwrap(), "cf/E1EXAMPLE.2024-05-17-10");
        assert_eq!(to("cf/E1EXAMPLE.2024-05-17-10.a.gz"), None);
        assert_eq!(to("cf/E1EXAMPLE.2024-05-17-11.a.gz").unwrap(), "cf/E1EXAMPLE.:");
        assert_eq!(to("cf/plain.log"), None, "a name without an hour");
        assert_eq!(to("cf/e1.2023-01-01-00.a.gz"), None, "a name without a distribution");
        assert_eq!(look(&Selection::default(), "cf/E1EXAMPLE.2023-01-01-00.a.gz"), None);
    }

    #[test]
    fn another_distribution_and_its_folder_are_skipped() {
        let selection = of("E2");
        let to = |key| look(&selection, key);
        assert_eq!(to("cf/E1.2024-05-17-10.a.gz").unwrap(), "cf/E1.:");
        assert_eq!(to("cf/E2.2024-05-17-10.a.gz"), None);
        assert_eq!(to("cf/E1/2024/05/E1.2024-05-17-10.a.gz").unwrap(), format!("cf/E1/{LAST}"));
        assert_eq!(
            to("cf/DistributionId=E1/year=2024/E1.2024-05-17-10.a.gz").unwrap(),
            format!("cf/DistributionId=E1/{LAST}")
        );
    }

    #[test]
    fn folders_of_days_are_skipped_except_those_next_to_the_range() {
        let selection = range(Some(HOUR), Some(HOUR + 1));
        let to = |key| look(&selection, key);
        assert_eq!(to("a/2023/12/31/23/x.gz").unwrap(), "a/2024/05/15");
        assert_eq!(to("a/2024/05/14/x.gz").unwrap(), "a/2024/05/15");
        assert_eq!(to("a/2024/05/15/x.gz"), None);
        assert_eq!(to("a/2024/05/19/x.gz"), None);
        assert_eq!(to("a/2024/05/20/x.gz").unwrap(), "a/:");
        assert_eq!(to("year=2024/month=01/day=02/hour=03/x.gz").unwrap(), "year=2024/month=05/day=15");
        assert_eq!(to("b/year=2024/month=06/day=02/x.gz").unwrap(), "b/year=:");
        assert_eq!(to("a/2024/13/31/x.gz"), None);
        assert_eq!(to("a/2023/12/31"), None, "the last part is a name");
    }

    #[test]
    fn no_selected_key_is_skipped() {
        let mut keys = Vec::new();
        for folder in ["", "cf/", "cf/E1/", "cf/E2/", "cf/E1.old/", "cf/DistributionId=E2/"] {
            for day in ["", "2024/05/17/", "year=2024/month=05/day=17/hour=10/", "2023/01/01/"] {
                for name in [
                    "E1.2024-05-17-10.a.gz",
                    "E1.2024-05-17-11.a.gz",
                    "E1.2024-05-16-10.a.gz",
                    "E2.2024-05-17-10.a.gz",
                    "plain.log",
                    "E1.2023-01-01-00.x.gz",
                ] {
                    let is_odd = (folder.contains("E1/") && name.starts_with("E2"))
                        || (folder.contains("E2/") && name.starts_with("E1"));
                    let is_late = day.contains("2023") && name.contains("2024");
                    if !is_odd && !is_late {
                        keys.push(format!("{folder}{day}{name}"));
                    }
                }
            }
        }
        keys.sort();
        let mut both = range(Some(HOUR), Some(HOUR + 1));
        both.distribution = Some("E1".into());
        for selection in [
            range(Some(HOUR), None),
            range(None, Some(HOUR)),
            range(Some(HOUR), Some(HOUR + 1)),
            of("E1"),
            of("E2"),
            both,
        ] {
            let mut bound = String::new();
            for key in &keys {
                if *key <= bound {
                    assert!(!selection.takes(&Object::local(&format!("/{key}"), key, 1, 0)), "{key} up to {bound}");
                    continue;
                }
                if let Some(to) = look(&selection, key) {
                    assert!(!selection.takes(&Object::local(&format!("/{key}"), key, 1, 0)), "{key}");
                    bound = to;
                }
            }
        }
    }

    #[test]
    fn distributions_with_many_keys_are_cut_at_their_end_and_then_by_time() {
        let guide = Selection::default();
        let guide = SelectionGuide(&guide);
        let page = ["cf/E1.2024-12-31-10.a.gz", "cf/E1.2024-12-31-20.a.gz"];
        assert_eq!(guide.cuts(page, 1), ["cf/E1.:"]);
        let hours = guide.cuts(page, PAGES_BEFORE_CUTS);
        assert_eq!(hours[..3], ["cf/E1.2025-01-01-06", "cf/E1.2025-01-02-12", "cf/E1.2025-01-07-12"]);
        assert!(hours.is_sorted() && hours.len() == TIME_CUTS as usize);
        assert!(guide.cuts(page, PAGES_BEFORE_CUTS + 1).is_empty());
        assert!(guide.cuts(["cf/plain.log"; 2], 1).is_empty());
        let page = ["cf/E1/2024/11/15/10/E1.2024-11-15-10.a.gz", "cf/E1/2024/11/17/10/E1.2024-11-17-10.a.gz"];
        assert_eq!(guide.cuts(page, 1), ["cf/E1/:"]);
        assert_eq!(guide.cuts(page, PAGES_BEFORE_CUTS)[..2], ["cf/E1/2024/11/19", "cf/E1/2024/11/25"]);
        let page = ["cf/year=2024/month=11/day=17/hour=10/x.gz"; 2];
        assert_eq!(guide.cuts(page, 1), ["cf/year=:"]);
        assert_eq!(guide.cuts(page, PAGES_BEFORE_CUTS)[0], "cf/year=2024/month=11/day=18");
    }
}
