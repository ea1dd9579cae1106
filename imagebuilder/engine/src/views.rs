//! Rows of the journal in the words of the API.

use std::str::FromStr;

use imagebuilder_api::{
    BuildState, BuildView, Chain, Condition, ConditionStatus, Event, EventType, QueueView,
    StageView, StepName, StepState, StepView,
};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::journal::{BuildRow, InQueue, JournalError, StepRow};
use crate::spans;
use crate::workshop::Workshop;

/// How an event's type is written in the journal: as in JSON.
pub(crate) fn event_name(kind: EventType) -> String {
    serde_json::to_value(kind)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// One build with everything that people see of it.
pub(crate) async fn build(shop: &Workshop, id: &str) -> Result<Option<BuildView>, JournalError> {
    let Some(row) = shop.journal.build(id).await? else {
        return Ok(None);
    };
    Ok(Some(of_row(shop, row).await?))
}

/// Builds, newest first.
pub(crate) async fn builds(
    shop: &Workshop,
    limit: u32,
    last: Option<&str>,
) -> Result<Vec<BuildView>, JournalError> {
    let mut views = Vec::new();
    for row in shop.journal.builds(limit, last).await? {
        views.push(of_row(shop, row).await?);
    }
    Ok(views)
}

/// Where a build stands.
pub(crate) fn state(row: &BuildRow) -> Result<BuildState, JournalError> {
    word("a state", &row.state)
}

async fn of_row(shop: &Workshop, row: BuildRow) -> Result<BuildView, JournalError> {
    let steps = shop.journal.steps(&row.id).await?;
    let chain: Chain = json("a chain", &row.chain)?;
    let state = state(&row)?;
    let in_queue = match state.has_ended() {
        true => None,
        false => shop.journal.in_queue(&row.id).await?,
    };
    let mut conditions = conditions(shop, &row.id).await?;
    if let Some(in_queue) = in_queue {
        conditions.insert(0, scheduled(shop, &row, state, in_queue).await?);
    }
    Ok(BuildView {
        stages: stages(&chain, &steps),
        conditions,
        queue: in_queue.map(queue),
        steps: steps.into_iter().map(step).collect::<Result<_, _>>()?,
        id: parse("a build id", &row.id)?,
        trace_id: spans::trace_id(&row),
        signature: parse("a signature", &row.signature)?,
        profile: row.profile,
        request: json("a request", &row.request)?,
        state,
        attempt: u32::try_from(row.attempt).unwrap_or(u32::MAX),
        reason: row.reason,
        message: row.message,
        created_at: parse("a time", &row.created_at)?,
        started_at: row
            .started_at
            .as_deref()
            .map(|time| parse("a time", time))
            .transpose()?,
        ended_at: row
            .ended_at
            .as_deref()
            .map(|time| parse("a time", time))
            .transpose()?,
    })
}

/// The captured stages of the chain. What this build did not make was there before.
fn stages(chain: &Chain, steps: &[StepRow]) -> Vec<StageView> {
    let planned = steps
        .iter()
        .any(|step| step.step == StepName::FindReusable.as_str() && step.state == "done");
    let of_stage = |id: &str| {
        let mut runs = steps
            .iter()
            .filter(|step| step.part == id && step.step == StepName::RunStage.as_str());
        runs.next()
    };
    let links = chain.links();
    links
        .iter()
        .filter(|link| link.inputs.is_captured())
        .map(|link| {
            let run = of_stage(link.id.as_str());
            StageView {
                id: link.id.clone(),
                name: link.inputs.name(),
                cached: planned && run.is_none() && later_began(&links, link.id.as_str(), steps),
                seconds: run.and_then(|run| {
                    serde_json::from_str::<Value>(run.output.as_deref()?).ok()?["seconds"].as_f64()
                }),
            }
        })
        .collect()
}

/// A stage that has not run is cached once something after it has: before, it may only be waiting.
fn later_began(
    links: &[imagebuilder_api::signature::Link<'_>],
    id: &str,
    steps: &[StepRow],
) -> bool {
    let after: Vec<&str> = links
        .iter()
        .skip_while(|link| link.id.as_str() != id)
        .map(|link| link.id.as_str())
        .collect();
    steps.iter().any(|step| {
        after.contains(&step.part.as_str())
            || matches!(
                step.step.as_str(),
                "Inspect" | "KubeBench" | "Seal" | "Capture"
            )
    })
}

fn queue(row: InQueue) -> QueueView {
    let time = |time| Timestamp::from_millisecond(time).ok();
    QueueView {
        priority: row.priority,
        paused: row.paused,
        deadline: row.deadline.and_then(time),
    }
}

/// Whether a worker has the build, and what it waits for while none has. It is computed
/// when it is read: limits and other builds change without touching this one.
async fn scheduled(
    shop: &Workshop,
    row: &BuildRow,
    state: BuildState,
    in_queue: InQueue,
) -> Result<Condition, JournalError> {
    let (status, reason, message) = if state == BuildState::Running {
        let message = "a worker has the build".to_owned();
        (ConditionStatus::True, "Claimed", message)
    } else if in_queue.paused {
        let message = format!(
            "the build is paused; `packyard build resume {}` lets it go on",
            row.id
        );
        (ConditionStatus::False, "Paused", message)
    } else if let Some(held) = shop.journal.held(&row.id, &shop.config.limits).await? {
        (ConditionStatus::False, held.reason(), held.to_string())
    } else {
        let message = "waits for a worker that is free".to_owned();
        (ConditionStatus::False, "WaitingForWorker", message)
    };
    let since = row.started_at.as_deref().unwrap_or(&row.created_at);
    Ok(Condition {
        kind: Condition::SCHEDULED.to_owned(),
        status,
        reason: reason.to_owned(),
        message,
        since: parse("a time", since)?,
    })
}

async fn conditions(shop: &Workshop, id: &str) -> Result<Vec<Condition>, JournalError> {
    let rows = shop.journal.conditions(id).await?;
    rows.into_iter()
        .map(|row| {
            let status: ConditionStatus = word("a condition", &row.status)?;
            Ok(Condition {
                kind: row.r#type,
                status,
                reason: row.reason,
                message: row.message,
                since: parse("a time", &row.since)?,
            })
        })
        .collect()
}

fn step(row: StepRow) -> Result<StepView, JournalError> {
    let name: StepName = parse("a step", &row.step)?;
    let state: StepState = word("a step's state", &row.state)?;
    Ok(StepView {
        name,
        part: (!row.part.is_empty()).then_some(row.part),
        state,
        attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        cached: row.cached,
        started_at: Some(parse::<Timestamp>("a time", &row.started_at)?),
        ended_at: row
            .ended_at
            .as_deref()
            .map(|time| parse("a time", time))
            .transpose()?,
        error: row.error,
    })
}

/// Events after a number, oldest first.
pub(crate) async fn events(
    shop: &Workshop,
    id: &str,
    after: u64,
    limit: u32,
) -> Result<Vec<Event>, JournalError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows = shop.journal.events(id, after, limit).await?;
    rows.into_iter()
        .map(|row| {
            Ok(Event {
                seq: u64::try_from(row.seq).unwrap_or_default(),
                at: parse("a time", &row.at)?,
                kind: word("an event", &row.r#type)?,
                step: row
                    .step
                    .as_deref()
                    .map(|step| parse("a step", step))
                    .transpose()?,
                message: row.message,
                data: row
                    .data
                    .as_deref()
                    .map(|data| json("an event's data", data))
                    .transpose()?,
            })
        })
        .collect()
}

fn parse<T: FromStr<Err: std::fmt::Display>>(
    what: &'static str,
    text: &str,
) -> Result<T, JournalError> {
    text.parse().map_err(|error: T::Err| JournalError::Corrupt {
        what,
        message: error.to_string(),
    })
}

pub(crate) fn json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, JournalError> {
    serde_json::from_str(text).map_err(|error| JournalError::Corrupt {
        what,
        message: error.to_string(),
    })
}

fn word<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, JournalError> {
    serde_json::from_value(Value::from(text)).map_err(|error| JournalError::Corrupt {
        what,
        message: error.to_string(),
    })
}
