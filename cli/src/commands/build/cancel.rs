//! `packyard build cancel`.

use imagebuilder_api::BuildView;
use serde_json::json;

use super::{called, path};
use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// Stop a build and remove its machine.
///
/// It is asked for and done soon; `packyard build watch` waits for the end.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let view: BuildView = api::post(
        &client,
        &called(&args.id),
        &path(&args.id, "/cancel"),
        &json!({}),
    )
    .await?;
    context.output.answer(&view, || {
        format!(
            "build {} is {}",
            view.id,
            match view.state.has_ended() {
                true => view.state.as_str(),
                false => "being cancelled",
            }
        )
    })
}
