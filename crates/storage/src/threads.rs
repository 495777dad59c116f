//! Limits of this process that may keep threads from starting.

use std::path::Path;

use crate::read_text;

/// Returns the limits that may keep a thread from starting, as text.
pub fn thread_limits() -> String {
    limits_in(&read_text(Path::new("/proc/self/limits")).unwrap_or_default())
}

/// Returns the limit of this process's address space in bytes (`ulimit -v`); `None` if there is none.
pub fn address_limit_bytes() -> Option<u64> {
    number_in(&read_text(Path::new("/proc/self/limits")).unwrap_or_default(), ADDRESSES)
}

const ADDRESSES: &str = "Max address space";

fn number_in(limits: &str, name: &str) -> Option<u64> {
    let values = limits.lines().find_map(|line| line.strip_prefix(name))?;
    values.split_whitespace().next()?.parse().ok()
}

fn limits_in(limits: &str) -> String {
    let processes =
        number_in(limits, "Max processes").map(|count| format!("`ulimit -u` ({count} threads of this user)"));
    let memory = number_in(limits, ADDRESSES).map(|bytes| format!("`ulimit -v` ({} KiB of addresses)", bytes / 1024));
    let of_container = "the container's limit of processes".to_owned();
    processes.into_iter().chain(memory).chain([of_container]).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named_with_their_values() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units     \n\
            Max processes             7                    95412                processes \n\
            Max address space         307200000            unlimited            bytes     \n";
        let expected = "`ulimit -u` (7 threads of this user), `ulimit -v` (300000 KiB of addresses), the container's limit of processes";
        assert_eq!(limits_in(limits), expected);
        assert_eq!(
            limits_in("Max processes   unlimited   unlimited   processes"),
            "the container's limit of processes"
        );
    }
}
