//! `packyard build watch`.

use serde_json::json;

use super::follow::{self, Ended};
use crate::context::Context;
use crate::error::CliError;

/// Follow a build until it ends.
///
/// Ends as the build does: 0 when the image is verified, 5 when a policy refused
/// it, 1 when it failed otherwise. Ctrl-C stops the watching and not the build.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The build's id.
    id: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    match follow::to_the_end(&client, &args.id, &context.progress()).await? {
        Ended::Succeeded(view) => {
            let answer =
                json!({"build": view.id, "state": view.state, "signature": view.signature});
            context.output.answer(&answer, || {
                format!("the image {} is verified", view.signature)
            })
        }
        Ended::Otherwise(error) => Err(error),
    }
}
