//! `packyard admin reap`: removes what no build owns at the provider, and tells what stays.

use imagebuilder_api::ReaperReport;
use serde_json::json;

use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Remove machines, disks and images at the provider that no build owns.
///
/// The server does it by itself whenever a build ends and every ten minutes. This does it
/// now and tells what went, and what was left alone and why.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let called = "what is left at the provider";
    let report: ReaperReport = api::post(&client, called, "api/v1/admin/reap", &json!({})).await?;
    context.output.answer(&report, || text(&report))
}

fn text(report: &ReaperReport) -> String {
    let removed = report.removed.iter().map(|what| format!("removed {what}"));
    let left = report
        .left
        .iter()
        .map(|one| format!("left {}: {}", one.what, one.why));
    let lines: Vec<String> = removed.chain(left).collect();
    match lines.is_empty() {
        true => "nothing is left over".to_owned(),
        false => lines.join("\n"),
    }
}
