//! Kinds of state objects, and the behaviour of the next run if an object of a kind is damaged.

use serde_json::Value;

use crate::{
    invariants::{Files, sealed, text_of},
    logs::gzip,
};

/// A kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Deleted,
    Cut,
    Garbage,
    /// The object with `"format": 5`, which no version writes yet.
    Newer,
}

pub(super) const DAMAGES: [Damage; 4] = [Damage::Deleted, Damage::Cut, Damage::Garbage, Damage::Newer];

/// Behaviour of the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It stops with a message, and writes nothing.
    Refused,
    /// It stops with a message when it reads that object; everything it wrote before is correct.
    Stopped,
    /// It succeeds, and the table is exact.
    Exact,
}

/// The role of an object in the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `table.json`.
    Table,
    /// A log record of a closed epoch other than the last, with objects of a listed day.
    OldLog,
    /// The same while an epoch is open; that epoch is finished before anything is listed.
    OldLogWhileOpen,
    /// The last log record, of a closed or an open epoch.
    LastLog,
    /// The plan of a closed epoch.
    OldPlan,
    /// The plan of the open epoch.
    OpenPlan,
    /// A `closed` record other than the last.
    OldClosed,
    /// The last `closed` record, with no epoch open.
    LastClosed,
    /// The last `closed` record, with an epoch open after it.
    ClosedBeforeOpen,
    /// A `seen` object of the open epoch, after a run began to close it.
    OpenSeen,
    /// A `seen` object of a listed day.
    Seen,
    /// The same while an epoch is open; that epoch is finished before anything is listed.
    SeenWhileOpen,
    /// A commit of a closed epoch.
    OldCommit,
    /// A commit of the open epoch.
    OpenCommit,
    /// A commit of the open epoch, after a run began to close it.
    ClosingCommit,
    /// An empty list of lost inputs of an uncommitted task of the open epoch.
    OpenGone,
    /// The same, with lost inputs.
    OpenGoneSome,
    /// A list of lost inputs of a committed task.
    CommittedGone,
    /// The same of the open epoch, with lost inputs.
    CommittedGoneSome,
    /// The quarantine of a closed epoch, or of a committed task of the open one.
    CommittedQuarantine,
    /// The quarantine of a task that is not committed.
    OpenQuarantine,
    /// A lease.
    Lease,
    /// Objects that can be regenerated: DDL and reports.
    Convenience,
}

impl Kind {
    pub(super) fn of(name: &str, state: &Files) -> Self {
        let count = |folder: &str| state.keys().filter(|name| name.starts_with(folder)).count();
        let (logs, closed) = (count("log/"), count("closed/"));
        let (folder, rest) = name.split_once('/').unwrap_or((name, ""));
        let epoch: usize = rest.get(..10).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let is_open = epoch > closed;
        match folder {
            "table.json" => Self::Table,
            "log" if epoch == logs => Self::LastLog,
            "log" if closed < logs => Self::OldLogWhileOpen,
            "log" => Self::OldLog,
            "plan" if is_open => Self::OpenPlan,
            "plan" => Self::OldPlan,
            "closed" if epoch < closed => Self::OldClosed,
            "closed" if closed < logs => Self::ClosedBeforeOpen,
            "closed" => Self::LastClosed,
            "seen" if name.rsplit_once('/').is_some_and(|(_, digits)| digits.parse::<usize>().unwrap() > closed) => {
                Self::OpenSeen
            }
            "seen" if closed < logs => Self::SeenWhileOpen,
            "seen" => Self::Seen,
            "commit" if is_open && is_closing(state, epoch) => Self::ClosingCommit,
            "commit" if is_open => Self::OpenCommit,
            "commit" => Self::OldCommit,
            "gone" => {
                let is_committed = state.contains_key(&commit_of(name));
                let is_empty = text_of(&state[name]).unwrap().contains("\"inputs\":[]");
                match (is_committed, is_empty) {
                    (false, true) => Self::OpenGone,
                    (false, false) => Self::OpenGoneSome,
                    (true, false) if is_open => Self::CommittedGoneSome,
                    (true, _) => Self::CommittedGone,
                }
            }
            "quarantine" if !state.contains_key(&commit_of(name)) => Self::OpenQuarantine,
            "quarantine" => Self::CommittedQuarantine,
            "lease" => Self::Lease,
            "ddl" | "report" => Self::Convenience,
            _ => panic!("`{name}` has no kind: add one here"),
        }
    }

    /// Returns whether the bytes are a function of earlier decisions, and so always the same.
    pub(super) fn is_decided(self) -> bool {
        !matches!(self, Self::Lease | Self::Convenience)
    }

    /// Returns the expected behaviour of the next run.
    #[expect(clippy::match_same_arms, reason = "each arm has its own reason")]
    pub(super) fn expected(self, damage: Damage) -> Expected {
        match (self, damage) {
            // The open epoch's commits and lease, or the closed epoch's `closed`, show that there was a decision.
            (
                Self::Table
                | Self::LastLog
                | Self::OldLog
                | Self::OpenPlan
                | Self::Seen
                | Self::ClosedBeforeOpen
                | Self::ClosingCommit,
                _,
            )
            | (Self::OldLogWhileOpen | Self::OldClosed | Self::SeenWhileOpen, Damage::Deleted) => Expected::Refused,
            (Self::SeenWhileOpen | Self::OldLogWhileOpen, _) => Expected::Stopped,
            // The epoch counts as open again: all its commits are there, and it is closed again with the same bytes.
            (Self::LastClosed, Damage::Deleted) => Expected::Exact,
            (Self::LastClosed, _) => Expected::Refused,
            // The task is run again, to the same bytes.
            (
                Self::OpenCommit | Self::OpenQuarantine | Self::OpenGone | Self::OpenGoneSome | Self::OpenSeen,
                Damage::Deleted,
            ) => Expected::Exact,
            (Self::OpenCommit, _) => Expected::Refused,
            // The object differs from the task's result, which is known when the task is done.
            (Self::OpenQuarantine | Self::OpenGone | Self::OpenGoneSome | Self::OpenSeen, _) => Expected::Stopped,
            // Only the names of past objects are read.
            (
                Self::OldClosed
                | Self::OldPlan
                | Self::OldCommit
                | Self::CommittedGone
                | Self::CommittedGoneSome
                | Self::CommittedQuarantine,
                _,
            ) => Expected::Exact,
            // Hints, and objects that can be regenerated.
            (Self::Lease | Self::Convenience, _) => Expected::Exact,
        }
    }
}

/// Returns the name of the commit of a task, from that of its quarantine or its list of lost inputs.
pub(super) fn commit_of(name: &str) -> String {
    let (_, rest) = name.split_once('/').unwrap();
    format!("commit/{}", rest.replace(".jsonl.gz", ".json"))
}

/// Returns the damaged bytes, or `None` if the object is deleted or has no format.
pub(super) fn damaged(name: &str, bytes: &[u8], damage: Damage) -> Option<Vec<u8>> {
    let newer = |text: &str| -> Option<String> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let mut value: Value = serde_json::from_str(first).ok()?;
        *value.get_mut("format")? = 5.into();
        if value.get("checksum").is_some() {
            return String::from_utf8(sealed(&value)).ok();
        }
        Some(if rest.is_empty() { value.to_string() } else { format!("{value}\n{rest}") })
    };
    match damage {
        Damage::Deleted => None,
        Damage::Cut => Some(bytes[..bytes.len() / 2].to_vec()),
        Damage::Garbage => Some(b"\x00garbage\xff".repeat(5)),
        Damage::Newer if name.starts_with("plan/") || name.starts_with("seen/") => {
            newer(&text_of(bytes)?).map(|text| gzip(&text))
        }
        Damage::Newer => newer(std::str::from_utf8(bytes).ok()?).map(String::into_bytes),
    }
}

/// Returns whether a run began to close an epoch: the epoch has a `seen` object.
fn is_closing(state: &Files, epoch: usize) -> bool {
    let end = format!("/{epoch:010}");
    state.keys().any(|name| name.starts_with("seen/") && name.ends_with(&end))
}
