//! Outcomes of objects in the report: counts, and names of objects whose rows are not in the table.

use lakefront_engine::outcome::{Lost, Outcome, changed_message};
use lakefront_ledger::{plan::Task, records::InputOutcome};
use lakefront_storage::Object;

use crate::report::{FailedObject, MAX_NAMED_OBJECTS, Report};

/// An input whose rows are not in the table, and which a later epoch of the run may plan again.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotConverted {
    /// Whether it failed; otherwise it could not be read.
    pub(super) has_failed: bool,
    /// Whether another run committed its task.
    pub(super) is_adopted: bool,
}

/// Returns the message about an input of an adopted task; `None` if its rows are in the table.
pub(super) fn adopted_message(task: &Task, index: usize, outcome: &InputOutcome) -> Option<String> {
    match outcome {
        InputOutcome::Converted { .. } => None,
        InputOutcome::Failed { reason } => {
            Some(format!("{reason}, as found by the run that left the epoch open; see the quarantine"))
        }
        InputOutcome::Changed {} => Some(changed_message(task, index)),
        InputOutcome::Gone {} | InputOutcome::Replaced {} | InputOutcome::Unreadable {} => {
            Lost::from_word(outcome.word()).map(|how| how.message())
        }
    }
}

pub(super) fn add_adopted(report: &mut Report, object: &Object, outcome: &InputOutcome, message: String) {
    match outcome {
        InputOutcome::Converted { .. } => {}
        InputOutcome::Failed { reason } => add_failed(report, object, reason, message),
        InputOutcome::Changed {} => add_changed(report, object, message),
        InputOutcome::Gone {} | InputOutcome::Replaced {} | InputOutcome::Unreadable {} => {
            if let Some(how) = Lost::from_word(outcome.word()) {
                add_lost(report, object, &how);
            }
        }
    }
}

/// Removes an object from the counts and names, as a later epoch of the run plans it again.
pub(super) fn take_back(report: &mut Report, object: &Object, before: NotConverted) {
    let objects = &mut report.objects;
    objects.planned -= 1;
    objects.adopted -= u64::from(before.is_adopted);
    let count = if before.has_failed { &mut objects.failed } else { &mut objects.unreadable };
    *count -= 1;
    let location = object.location();
    report.failed_objects.retain(|named| named.object != location);
    report.lost_objects.retain(|named| named.object != location);
}

pub(super) fn add_outcome(report: &mut Report, object: &Object, outcome: Outcome) {
    match outcome {
        Outcome::Converted(summary) => {
            report.objects.converted += 1;
            report.bytes_in += object.size_bytes();
            report.text_bytes += summary.text_bytes;
            report.lines += summary.lines;
            report.rows += summary.rows;
            report.comments += summary.comments;
            report.blanks += summary.blanks;
            report.padded_rows += summary.padded_rows;
            report.rows_with_extra_cells += summary.rows_with_extra_cells;
            report.lossy_cells += summary.lossy_cells;
        }
        Outcome::Failed { reason, message } => add_failed(report, object, reason, message),
        Outcome::Lost(how) => add_lost(report, object, &how),
        Outcome::Changed { message } => add_changed(report, object, message),
    }
}

fn add_failed(report: &mut Report, object: &Object, reason: &str, message: String) {
    report.objects.failed += 1;
    push_named(&mut report.failed_objects, object, reason, message);
}

fn add_lost(report: &mut Report, object: &Object, how: &Lost) {
    count_lost(report, how);
    push_named(&mut report.lost_objects, object, how.reason(), how.message());
}

pub(super) fn count_lost(report: &mut Report, how: &Lost) {
    match how {
        Lost::Gone => report.objects.gone += 1,
        Lost::Replaced => report.objects.replaced += 1,
        Lost::Unreadable(_) => report.objects.unreadable += 1,
    }
}

fn add_changed(report: &mut Report, object: &Object, message: String) {
    report.objects.changed += 1;
    push_named(&mut report.lost_objects, object, "changed", message);
}

pub(super) fn push_named(list: &mut Vec<FailedObject>, object: &Object, reason: &str, message: String) {
    if list.len() < MAX_NAMED_OBJECTS {
        list.push(FailedObject { object: object.location(), reason: reason.to_owned(), message });
    }
}
