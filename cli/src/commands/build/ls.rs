//! `packyard build ls`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{table, text};

/// List builds, the newest first.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let builds = api::list(&client, "the list of builds", "api/v1/builds", "builds").await?;
    context
        .output
        .answer(&api::listed("builds", &builds), || shown(&builds))
}

fn shown(builds: &[Value]) -> String {
    if builds.is_empty() {
        return "no builds; `packyard image build PROJECT/NAME:VERSION` starts one if it is needed"
            .to_owned();
    }
    let rows = builds.iter().map(|build| {
        [
            text(build, "/id"),
            text(build, "/state"),
            text(build, "/signature").chars().take(16).collect(),
            text(build, "/profile"),
            text(build, "/createdAt").chars().take(19).collect(),
        ]
    });
    table(["build", "state", "signature", "profile", "created"], rows)
}
