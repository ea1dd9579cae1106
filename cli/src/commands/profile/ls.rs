//! `packyard profile ls`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{table, text};

/// List profiles.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only profiles of this project.
    #[arg(long)]
    project: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let path = match &args.project {
        Some(project) => format!("api/v1/profiles?project={}", api::segment(project)),
        None => "api/v1/profiles".to_owned(),
    };
    let profiles = api::list(&client, "the list of profiles", &path, "profiles").await?;
    context
        .output
        .answer(&api::listed("profiles", &profiles), || shown(&profiles))
}

fn shown(profiles: &[Value]) -> String {
    if profiles.is_empty() {
        return "no profiles; `packyard profile push FILE` publishes one".to_owned();
    }
    let rows = profiles.iter().map(|profile| {
        let packs = profile
            .get("packs")
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        [
            format!(
                "{}/{}:{}",
                text(profile, "/project"),
                text(profile, "/name"),
                text(profile, "/version")
            ),
            text(profile, "/kind"),
            text(profile, "/cloudType"),
            packs.to_string(),
            text(profile, "/pushedAt").chars().take(10).collect(),
        ]
    });
    table(["profile", "type", "cloud", "packs", "pushed"], rows)
}
