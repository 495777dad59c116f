//! What the objects of a state are to the next run, and what it does when one of them is damaged.

use serde_json::Value;

use crate::{
    invariants::{Files, sealed, text_of},
    logs::gzip,
};

/// What happens to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    Deleted,
    Cut,
    Garbage,
    /// As it was, but with `"format": 4`, which no version writes yet.
    Newer,
}

pub(super) const DAMAGES: [Damage; 4] = [Damage::Deleted, Damage::Cut, Damage::Garbage, Damage::Newer];

/// What the next run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    /// It stops with a message, and nothing was written.
    Refused,
    /// It stops with a message when it comes to that object; what it wrote until then is right.
    Stopped,
    /// It comes to its end, and everything is exact.
    Exact,
}

/// What an object is to the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `table.json`.
    Table,
    /// A log record of a closed epoch other than the last, with objects of a listed day.
    OldLog,
    /// The same while an epoch is open, which is finished before anything is listed.
    OldLogWhileOpen,
    /// The last log record, of a closed or an open epoch.
    LastLog,
    /// The plan of a closed epoch.
    OldPlan,
    /// The plan of the open epoch.
    OpenPlan,
    /// `closed`, but for the last.
    OldClosed,
    /// The last `closed`, with no epoch open.
    LastClosed,
    /// The last `closed`, with an epoch open after it.
    ClosedBeforeOpen,
    /// What the open epoch, which somebody began to close, saw on a day.
    OpenSeen,
    /// What was seen on a day that is listed.
    Seen,
    /// The same while an epoch is open, which is finished before anything is listed.
    SeenWhileOpen,
    /// A commit of a closed epoch.
    OldCommit,
    /// A commit of the open epoch.
    OpenCommit,
    /// A commit of the open epoch, which somebody began to close.
    ClosingCommit,
    /// Which inputs a task of the open epoch that is not committed goes without: none.
    OpenGone,
    /// The same, of one that goes without some.
    OpenGoneSome,
    /// The same of a committed task.
    CommittedGone,
    /// The same of a committed task of the open epoch, which went without some.
    CommittedGoneSome,
    /// The quarantine of a closed epoch, or of a committed task of the open one.
    CommittedQuarantine,
    /// The quarantine of a task that is not committed.
    OpenQuarantine,
    /// A lease.
    Lease,
    /// What can be made again: DDL and reports.
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
                let is_committed = state.contains_key(&commit_beside(name));
                let is_empty = text_of(&state[name]).unwrap().contains("\"inputs\":[]");
                match (is_committed, is_empty) {
                    (false, true) => Self::OpenGone,
                    (false, false) => Self::OpenGoneSome,
                    (true, false) if is_open => Self::CommittedGoneSome,
                    (true, _) => Self::CommittedGone,
                }
            }
            "quarantine" if !state.contains_key(&commit_beside(name)) => Self::OpenQuarantine,
            "quarantine" => Self::CommittedQuarantine,
            "lease" => Self::Lease,
            "ddl" | "report" => Self::Convenience,
            _ => panic!("`{name}` is of no kind: give it one here"),
        }
    }

    /// Whether its bytes are a function of what was decided: whoever makes it anew makes the same.
    pub(super) fn is_decided(self) -> bool {
        !matches!(self, Self::Lease | Self::Convenience)
    }

    /// The table that this is about: what the next run does.
    #[expect(clippy::match_same_arms, reason = "each arm has its own reason")]
    pub(super) fn expected(self, damage: Damage) -> Expected {
        match (self, damage) {
            // The open epoch's commits and lease, and the closed epoch's `closed`, say that there was a decision.
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
            // The epoch counts as open again: all its commits are there, and it is closed again as it was.
            (Self::LastClosed, Damage::Deleted) => Expected::Exact,
            (Self::LastClosed, _) => Expected::Refused,
            // The task is done again, to the same bytes.
            (
                Self::OpenCommit | Self::OpenQuarantine | Self::OpenGone | Self::OpenGoneSome | Self::OpenSeen,
                Damage::Deleted,
            ) => Expected::Exact,
            (Self::OpenCommit, _) => Expected::Refused,
            // What stands there is not what the task gives: that is known when the task is done.
            (Self::OpenQuarantine | Self::OpenGone | Self::OpenGoneSome | Self::OpenSeen, _) => Expected::Stopped,
            // Of the past only names are read.
            (
                Self::OldClosed
                | Self::OldPlan
                | Self::OldCommit
                | Self::CommittedGone
                | Self::CommittedGoneSome
                | Self::CommittedQuarantine,
                _,
            ) => Expected::Exact,
            // Advice, and what can be made again.
            (Self::Lease | Self::Convenience, _) => Expected::Exact,
        }
    }
}

/// The commit of the task that a quarantine or a list of lost inputs is of.
pub(super) fn commit_beside(name: &str) -> String {
    let (_, rest) = name.split_once('/').unwrap();
    format!("commit/{}", rest.replace(".jsonl.gz", ".json"))
}

/// The bytes after that damage; none where the object is gone, or has no format to be newer in.
pub(super) fn damaged(name: &str, bytes: &[u8], damage: Damage) -> Option<Vec<u8>> {
    let newer = |text: &str| -> Option<String> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let mut value: Value = serde_json::from_str(first).ok()?;
        *value.get_mut("format")? = 4.into();
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

/// Whether somebody began to close an epoch: it has a `seen` object.
fn is_closing(state: &Files, epoch: usize) -> bool {
    let end = format!("/{epoch:010}");
    state.keys().any(|name| name.starts_with("seen/") && name.ends_with(&end))
}
