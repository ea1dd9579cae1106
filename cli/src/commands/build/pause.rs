//! `packyard build pause` and `packyard build resume`.

use imagebuilder_api::BuildView;
use serde_json::json;

use super::{called, path};
use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Let a build wait until it is resumed.
///
/// It stops before its next step and its machine is removed; what it captured stays, and
/// it goes on from there.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
}

/// Let a paused build go on.
#[derive(Debug, clap::Args)]
pub(crate) struct ResumeArgs {
    /// The build's id.
    id: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    steer(&args.id, "/pause", "will be paused", context).await
}

pub(crate) async fn resume(args: ResumeArgs, context: &Context) -> Result<(), CliError> {
    steer(&args.id, "/resume", "goes on", context).await
}

async fn steer(id: &str, verb: &str, said: &str, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let view: BuildView = api::post(&client, &called(id), &path(id, verb), &json!({})).await?;
    context
        .output
        .answer(&view, || format!("build {} {said}", view.id))
}
