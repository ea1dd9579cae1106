//! Where a build's time went: its steps and stages as bars on one axis.
//!
//! [`Timeline::of`] reads a build; [`svg`] draws it for a page. Programs read the
//! same as JSON. What is drawn is what the journal says of the last try of each step.

mod axis;
mod svg;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::build::{BuildState, BuildView, StepState, StepView};
use crate::id::BuildId;
use crate::step::StepName;

pub use axis::{Tick, duration_text, ticks};
pub use svg::svg;

/// A build as bars.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Timeline {
    /// Which build.
    pub build: BuildId,
    /// The profile that was asked for.
    pub profile: String,
    /// Where it stands.
    pub state: BuildState,
    /// The beginning of the axis: when a worker took the build up.
    pub from: Timestamp,
    /// The length of the axis.
    pub seconds: f64,
    /// How long the build waited for a worker.
    pub queued_seconds: f64,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// One line of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What it says at the left: a step, or a step and its stage.
    pub label: String,
    /// The step; none for a stage that was there and not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepName>,
    /// The stage, where the row is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Where it stands.
    pub state: StepState,
    /// Whether its result was there before.
    pub cached: bool,
    /// How often it was begun.
    pub attempts: u32,
    /// Seconds from the beginning of the axis; none where it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begin: Option<f64>,
    /// How long it took, or has taken until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

impl Timeline {
    /// The timeline of a build; what still runs ends at `now`.
    pub fn of(view: &BuildView, now: Timestamp) -> Self {
        let from = view.started_at.unwrap_or(view.created_at);
        let rows = rows(view, from, now);
        let end = |row: &Row| row.begin.unwrap_or_default() + row.seconds.unwrap_or_default();
        let whole = match (view.started_at, view.ended_at) {
            (Some(_), Some(ended)) => between(from, ended),
            (Some(_), None) => between(from, now),
            (None, _) => 0.0,
        };
        Self {
            build: view.id.clone(),
            profile: view.profile.clone(),
            state: view.state,
            from,
            seconds: rows.iter().map(end).fold(whole, f64::max),
            queued_seconds: between(view.created_at, view.started_at.unwrap_or(now)),
            rows,
        }
    }
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

/// The steps in order; the stages that were there stand before the first one that was run.
fn rows(view: &BuildView, from: Timestamp, now: Timestamp) -> Vec<Row> {
    let there = view.stages.iter().filter(|stage| stage.cached);
    let there: Vec<Row> = there
        .map(|stage| stage_that_was_there(&stage.name))
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    for step in &view.steps {
        rows.push(row(view, step, from, now));
        if step.name == StepName::FindReusable {
            rows.extend(there.iter().cloned());
        }
    }
    rows
}

fn stage_that_was_there(name: &str) -> Row {
    Row {
        label: format!("stage {name}"),
        step: None,
        stage: Some(name.to_owned()),
        state: StepState::Done,
        cached: true,
        attempts: 0,
        begin: None,
        seconds: None,
    }
}

fn row(view: &BuildView, step: &StepView, from: Timestamp, now: Timestamp) -> Row {
    let stage = step.part.as_deref().map(|part| {
        let stage = view.stages.iter().find(|stage| stage.id.as_str() == part);
        stage.map_or_else(|| part.to_owned(), |stage| stage.name.clone())
    });
    let label = match &stage {
        Some(stage) => format!("{} {stage}", step.name),
        None => step.name.to_string(),
    };
    let ended = match step.state {
        StepState::Running => Some(now),
        _ => step.ended_at,
    };
    Row {
        label,
        step: Some(step.name),
        stage,
        state: step.state,
        cached: step.cached,
        attempts: step.attempts,
        begin: step.started_at.map(|started| between(from, started)),
        seconds: step
            .started_at
            .zip(ended)
            .map(|(started, ended)| between(started, ended)),
    }
}

#[cfg(test)]
mod tests;
