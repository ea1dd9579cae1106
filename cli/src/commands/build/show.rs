//! `packyard build show`.

use imagebuilder_api::timeline::Timeline;
use imagebuilder_api::{BuildView, ConditionStatus, StepState};
use jiff::Timestamp;

use super::{called, path, timeline};
use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Show a build: steps, stages, conditions.
///
/// The same timeline as a picture is at /api/v1/builds/ID/timeline.svg of the server.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
    /// Show where the time went: each step as a bar.
    #[arg(long)]
    timeline: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let view: BuildView = api::get(&client, &called(&args.id), &path(&args.id, "")).await?;
    if args.timeline {
        let timeline = Timeline::of(&view, Timestamp::now());
        return context
            .output
            .answer(&timeline, || timeline::text(&timeline));
    }
    context.output.answer(&view, || shown(&view))
}

fn shown(view: &BuildView) -> String {
    let mut lines = vec![
        format!("{}  {}", view.id, view.state.as_str()),
        format!("  signature {}", view.signature),
        format!("  profile   {}", view.profile),
        format!("  created   {}", view.created_at),
    ];
    if let Some(trace) = &view.trace_id {
        lines.push(format!("  trace     {trace}"));
    }
    if let Some(message) = &view.message {
        lines.push(format!(
            "  {}: {message}",
            view.reason.as_deref().unwrap_or("reason")
        ));
    }
    lines.push("stages".to_owned());
    for stage in &view.stages {
        let how = match (stage.cached, stage.seconds) {
            (true, _) => "was there".to_owned(),
            (false, Some(seconds)) => format!("{seconds:.0} s"),
            (false, None) => "-".to_owned(),
        };
        lines.push(format!("  {:24} {how}", stage.name));
    }
    lines.push("steps".to_owned());
    for step in &view.steps {
        let part = step
            .part
            .as_deref()
            .map(|part| format!(" {}", stage_name(view, part)))
            .unwrap_or_default();
        let took = took(step.started_at, step.ended_at);
        lines.push(format!(
            "  {:36} {:8} {took}",
            format!("{}{part}", step.name),
            step.state.as_str()
        ));
        if let (StepState::Failed, Some(error)) = (step.state, &step.error) {
            lines.push(format!("    {error}"));
        }
    }
    let broken = view
        .conditions
        .iter()
        .filter(|condition| condition.status == ConditionStatus::False);
    for condition in broken {
        lines.push(format!(
            "{} is False: {}: {}",
            condition.kind, condition.reason, condition.message
        ));
    }
    lines.join("\n")
}

/// What people call a stage; a step names it by its id.
fn stage_name<'view>(view: &'view BuildView, part: &'view str) -> &'view str {
    view.stages
        .iter()
        .find(|stage| stage.id.as_str() == part)
        .map_or(part, |stage| &stage.name)
}

fn took(started: Option<Timestamp>, ended: Option<Timestamp>) -> String {
    match (started, ended) {
        (Some(started), Some(ended)) => {
            format!("{:.1} s", ended.duration_since(started).as_secs_f64())
        }
        _ => String::new(),
    }
}
