//! Looks for the finished image, then for the deepest captured stage; with `fresh` only for what this build made.

use crate::build::Build;
use crate::failure::Failure;
use crate::images;
use crate::lifecycle;
use crate::stages;
use crate::steps::{Outcome, Part};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let resolved = build.resolved()?;
    lifecycle::refuse(&build.shop, &build.signature).await?;
    if !build.fresh
        && let Some(record) = images::find(&build.shop, &resolved, &build.signature).await?
        // What an earlier try of this build published may lack its reports still.
        && record.build.as_ref().is_none_or(|by| by.as_str() != build.id)
    {
        let build_id = record
            .build
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        let message = format!("the verified image is there already, made by build {build_id}");
        return Ok(Outcome {
            cached: true,
            finishes: true,
            ..Outcome::done(message)
        });
    }
    let plan = stages::plan(build, &resolved).await?;
    let names: Vec<&str> = plan
        .missing
        .iter()
        .map(|stage| stage.name.as_str())
        .collect();
    let message = match (&plan.start, names.as_slice()) {
        (None, []) => "starting from the base image; no stage is to be made".to_owned(),
        (None, names) => format!(
            "starting from the base image; to be made: {}",
            names.join(", ")
        ),
        (Some((id, _)), []) => format!("every stage is there, down to {}", id.short()),
        (Some((id, _)), names) => format!(
            "starting from stage {}; to be made: {}",
            id.short(),
            names.join(", ")
        ),
    };
    let cached = plan.start.is_some();
    let links = resolved.chain.iter().flat_map(|chain| chain.stages());
    let captured = links.filter(|stage| stage.is_captured()).count();
    let missing = plan.missing.len();
    let metrics = &build.shop.metrics;
    metrics.stages_planned(captured.saturating_sub(missing), missing);
    build.set_plan(plan);
    Ok(Outcome {
        cached,
        ..Outcome::done(message)
    })
}
