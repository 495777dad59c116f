//! Folders and names of data files.
//!
//! ```text
//! year=2025/month=01/day=02/hour=03/part-0000000042-00007-000.parquet
//!                                        epoch      task  n-th file of the task in this partition
//! ```
//!
//! Names are made from the epoch, the task, a counter and a validated hour: never from object keys or log text.

use std::fmt::Display;

use crate::PARTITION_COLUMNS;

/// Position of a task among all tasks of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId {
    /// Number of its plan, from 1.
    pub epoch: u64,
    /// Its index in the plan, from 0.
    pub task: u32,
}

impl TaskId {
    /// Returns the name of a data file below the table: the `number`-th, from 0, of this task in this partition.
    pub fn data_file(self, partition: &impl Display, number: u32) -> String {
        format!("{partition}/part-{:010}-{:05}-{number:03}.parquet", self.epoch, self.task)
    }
}

/// Returns the task of a data file; `None` if the name is not that of a data file.
pub fn task_of_data_file(name: &str) -> Option<TaskId> {
    partition_values(name)?;
    let (_, file) = name.rsplit_once('/')?;
    let mut numbers = file.strip_prefix("part-")?.strip_suffix(".parquet")?.split('-');
    let (epoch, task) = (numbers.next()?, numbers.next()?);
    Some(TaskId { epoch: epoch.parse().ok()?, task: task.parse().ok()? })
}

/// Returns the partition values in the name of a data file, coarsest first; `None` if the name is not that of a data file.
pub fn partition_values(name: &str) -> Option<Vec<(&str, &str)>> {
    let (folder, file) = name.rsplit_once('/')?;
    let numbers = file.strip_prefix("part-")?.strip_suffix(".parquet")?;
    if !numbers.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    let pairs: Vec<(&str, &str)> = folder.split('/').map(|segment| segment.split_once('=')).collect::<Option<_>>()?;
    let fits = pairs.iter().zip(PARTITION_COLUMNS).all(|((column, value), expected)| {
        let digits = if *column == "year" { 4 } else { 2 };
        *column == expected && value.len() == digits && value.bytes().all(|byte| byte.is_ascii_digit())
    });
    (fits && pairs.len() <= PARTITION_COLUMNS.len()).then_some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_padded_so_that_they_sort() {
        let task = TaskId { epoch: 42, task: 7 };
        let name = task.data_file(&"year=2024/month=05/day=17/hour=10", 0);
        assert_eq!(name, "year=2024/month=05/day=17/hour=10/part-0000000042-00007-000.parquet");
        assert_eq!(task_of_data_file(&name), Some(task));
        let values = partition_values(&name).unwrap();
        assert_eq!(values, [("year", "2024"), ("month", "05"), ("day", "17"), ("hour", "10")]);
    }

    #[test]
    fn other_names_have_no_partition() {
        for name in [
            "part-0000000001-00000-000.parquet",
            "year=2024/part-0000000001-00000-000.csv",
            "year=24/part-0000000001-00000-000.parquet",
            "month=05/part-0000000001-00000-000.parquet",
            "year=2024/hour=05/part-0000000001-00000-000.parquet",
            "year=2024/x.parquet",
            "a/year=2024/part-0000000001-00000-000.parquet",
        ] {
            assert_eq!(partition_values(name), None, "{name}");
            assert_eq!(task_of_data_file(name), None, "{name}");
        }
    }
}
