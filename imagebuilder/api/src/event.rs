//! Events: what happened in a build, in order.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::step::StepName;

/// One thing that happened. The server keeps the last 1000 of a build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({"seq": 42, "at": "2026-11-21T10:00:00Z", "type": "AnsibleTask", "step": "RunStage",
    "message": "kubernetes: Install the kubelet", "data": {"number": 12, "task": "Install the kubelet", "role": "kubernetes"}}))]
pub struct Event {
    /// Counts from 1 within the build; `after=N` asks for what came later.
    pub seq: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What sort of thing.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// The step that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// A sentence for people.
    pub message: String,
    /// The same for programs; its form depends on the type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// Events after a number. Numbers never repeat, so what is missing can be counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// How many lay between the number asked for and the first of these: too old, and dropped.
    #[serde(default)]
    pub missing: u64,
    /// What to ask for next, as `after=N`.
    pub next: u64,
}

impl EventPage {
    /// The page that answers `after=N`.
    pub fn after(after: u64, events: Vec<Event>) -> Self {
        let first = events.first().map_or(after, |event| event.seq);
        Self {
            missing: first.saturating_sub(after).saturating_sub(1),
            next: events.last().map_or(after, |event| event.seq),
            events,
        }
    }
}

/// The sorts of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum EventType {
    /// The build's state changed.
    BuildStateChanged,
    /// A step began.
    StepStarted,
    /// A step is done.
    StepSucceeded,
    /// A step was not needed.
    StepSkipped,
    /// A step failed; it may be tried again.
    StepFailed,
    /// A step will be tried again after a pause.
    StepRetried,
    /// A step was undone.
    StepUndone,
    /// An Ansible task ended on the machine.
    AnsibleTask,
    /// How far a long act has come.
    Progress,
    /// A condition changed.
    ConditionChanged,
    /// Something that a person should know and that stops nothing.
    Warning,
    /// Anything else worth telling.
    Note,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(after: u64, seqs: &[u64]) -> (u64, u64) {
        let event = |seq: &u64| Event {
            seq: *seq,
            at: Timestamp::UNIX_EPOCH,
            kind: EventType::Note,
            step: None,
            message: String::new(),
            data: None,
        };
        let page = EventPage::after(after, seqs.iter().map(event).collect());
        (page.missing, page.next)
    }

    #[test]
    fn what_was_dropped_is_counted() {
        assert_eq!(page(0, &[1, 2]), (0, 2));
        assert_eq!(page(7, &[8]), (0, 8));
        assert_eq!(page(0, &[65, 66]), (64, 66));
        assert_eq!(page(3, &[65]), (61, 65));
        assert_eq!(page(9, &[]), (0, 9));
    }
}
