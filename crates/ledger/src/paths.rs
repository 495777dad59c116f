//! The names of a state's objects, made and parsed. A name never ends in `.parquet` or contains `key=value`, so that
//! engines do not take the object for data.

use jiff::{Timestamp, tz::TimeZone};
use lakefront_schema::layout::TaskId;

/// The record of the table's properties.
pub const TABLE: &str = "table.json";
/// Folder of the log records: one for each epoch, each a decision.
pub const LOG: &str = "log/";
/// Folder of the records of complete epochs: one for each.
pub const CLOSED: &str = "closed/";
/// Folder of the fixed plans, including those that lost a claim.
pub const PLAN: &str = "plan/";
/// Folder of the outcomes of objects, by day and epoch.
pub const SEEN: &str = "seen/";
/// The day of objects without an hour in their names.
pub const UNDATED: &str = "undated";

const HOURS_PER_DAY: i32 = 24;

/// Returns the first part of a name: its folder, or the whole name if it is in none.
pub(crate) fn folder_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(folder, _)| folder)
}

/// Returns the name of an epoch's log record.
pub fn log(epoch: u64) -> String {
    format!("{LOG}{epoch:010}.json")
}

/// Returns the name of an epoch's `closed` record.
pub fn closed(epoch: u64) -> String {
    format!("{CLOSED}{epoch:010}.json")
}

/// Returns the name of a plan.
pub fn plan(epoch: u64, nonce: &str) -> String {
    format!("{PLAN}{epoch:010}-{nonce}")
}

/// Returns the name of an epoch's lease.
pub fn lease(epoch: u64) -> String {
    format!("lease/{epoch:010}.json")
}

/// Returns the name of the outcomes of a day's objects in an epoch.
pub fn seen(day: &str, epoch: u64) -> String {
    format!("{SEEN}{day}/{epoch:010}")
}

/// Returns the name of the SQL statements for an epoch's partitions.
pub fn ddl(epoch: u64) -> String {
    format!("ddl/{epoch:010}.sql")
}

/// Returns the name of the report of the run that ended with an epoch.
pub fn report(epoch: u64) -> String {
    format!("report/{epoch:010}.json")
}

/// Returns the name of the list of a task's lost inputs.
pub fn gone(task: TaskId) -> String {
    format!("{}{:05}.json", gone_of(task.epoch), task.task)
}

/// Returns the name of a task's commit.
pub fn commit(task: TaskId) -> String {
    format!("{}{:05}.json", commits_of(task.epoch), task.task)
}

/// Returns the name of a task's quarantine.
pub fn quarantine(task: TaskId) -> String {
    format!("{}{:05}.jsonl.gz", quarantine_of(task.epoch), task.task)
}

/// Returns the beginning of the names of an epoch's commits.
pub fn commits_of(epoch: u64) -> String {
    format!("commit/{epoch:010}/")
}

/// Returns the beginning of the names of an epoch's lists of lost inputs.
pub fn gone_of(epoch: u64) -> String {
    format!("gone/{epoch:010}/")
}

/// Returns the beginning of the names of an epoch's quarantines.
pub fn quarantine_of(epoch: u64) -> String {
    format!("quarantine/{epoch:010}/")
}

/// Folders that have a folder for each epoch, with an object for each task.
pub const BELOW_EPOCHS: [&str; 3] = ["commit/", "gone/", "quarantine/"];

/// Returns the epoch in the name of a task's object.
pub fn epoch_of_task(name: &str) -> Option<u64> {
    let (_, rest) = name.split_once('/')?;
    let (digits, file) = rest.split_once('/')?;
    let task = file.strip_suffix(".json").or_else(|| file.strip_suffix(".jsonl.gz"))?;
    let is_task = task.len() >= 5 && task.bytes().all(|byte| byte.is_ascii_digit());
    is_task.then(|| epoch(digits))?
}

/// Returns the epoch in a name of [`LOG`] or [`CLOSED`]; `None` for other names.
pub fn epoch_of_record(name: &str) -> Option<u64> {
    let (_, file) = name.split_once('/')?;
    epoch(file.strip_suffix(".json")?)
}

/// Returns the epoch and the nonce in the name of a plan.
pub fn epoch_of_plan(name: &str) -> Option<(u64, &str)> {
    let (digits, nonce) = name.strip_prefix(PLAN)?.split_once('-')?;
    Some((epoch(digits)?, nonce))
}

/// Returns the day and the epoch in a name of [`SEEN`].
pub fn day_and_epoch(name: &str) -> Option<(&str, u64)> {
    let (day, digits) = name.strip_prefix(SEEN)?.split_once('/')?;
    let is_day = day == UNDATED || (day.len() == 10 && day.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'));
    is_day.then_some(())?;
    Some((day, epoch(digits)?))
}

/// Returns the task in a name below [`commits_of`] or [`gone_of`] an epoch.
pub fn task_of(name: &str) -> Option<u32> {
    let (_, file) = name.rsplit_once('/')?;
    let digits = file.strip_suffix(".json")?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Parses an epoch: ten digits, or more if it needs them.
fn epoch(digits: &str) -> Option<u64> {
    let are_digits = digits.len() >= 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    are_digits.then(|| digits.parse().ok())?
}

/// Returns the source day of an hour (hours since 1970-01-01T00 UTC), as `2024-05-17`; [`UNDATED`] without an hour.
pub fn day_of_hour(hour: Option<i32>) -> String {
    let Some(hour) = hour else { return UNDATED.to_owned() };
    // Timestamps end in the evening of 9999-12-30. Names with a later date have always been kept under 1970-01-01.
    let midnight = i64::from(hour.div_euclid(HOURS_PER_DAY) * HOURS_PER_DAY) * 3600;
    Timestamp::from_second(midnight).unwrap_or_default().to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}

/// Returns an hour (hours since 1970-01-01T00 UTC) as `2024-05-17T10`.
pub fn hour_text(hour: i32) -> String {
    Timestamp::from_second(i64::from(hour) * 3600).unwrap_or_default().strftime("%Y-%m-%dT%H").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_into_the_values_that_they_were_made_from() {
        let task = TaskId { epoch: 42, task: 7 };
        assert_eq!(commit(task), "commit/0000000042/00007.json");
        assert_eq!(task_of(&commit(task)), Some(7));
        assert_eq!(quarantine(task), "quarantine/0000000042/00007.jsonl.gz");
        assert_eq!(epoch_of_record(&log(42)), Some(42));
        assert_eq!(epoch_of_record(&closed(12_345_678_901)), Some(12_345_678_901));
        assert_eq!(epoch_of_plan(&plan(42, "abc")), Some((42, "abc")));
        assert_eq!(day_and_epoch(&seen(&day_of_hour(Some(476_650)), 42)), Some(("2024-05-17", 42)));
        assert_eq!(day_and_epoch(&seen(UNDATED, 1)), Some(("undated", 1)));
        assert_eq!(hour_text(476_650), "2024-05-17T10");
    }

    #[test]
    fn other_names_are_not_parsed() {
        for name in ["log/42.json", "log/0000000042", "log/x", "log", "log/0000000042.json~"] {
            assert_eq!(epoch_of_record(name), None, "{name}");
        }
        for name in ["seen/x/0000000042", "seen/2024-05-17/x", "seen/2024-05-17/0000000042.gz"] {
            assert_eq!(day_and_epoch(name), None, "{name}");
        }
        assert_eq!(task_of("commit/0000000042/+1.json"), None);
    }
}
