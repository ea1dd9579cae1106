//! `packyard pack ls`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{table, text};

/// List packs.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only packs of this project.
    #[arg(long)]
    project: Option<String>,
    /// Only packs of this layer: kernel, os, k8s, cni, csi or addon.
    #[arg(long)]
    layer: Option<String>,
    /// Only versions of the pack with this name.
    name: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let filters: Vec<String> = [
        ("project", &args.project),
        ("layer", &args.layer),
        ("name", &args.name),
    ]
    .into_iter()
    .filter_map(|(key, value)| {
        value
            .as_ref()
            .map(|value| format!("{key}={}", api::segment(value)))
    })
    .collect();
    let path = format!("api/v1/packs?{}", filters.join("&"));
    let packs = api::list(&client, "the list of packs", &path, "packs").await?;
    context
        .output
        .answer(&api::listed("packs", &packs), || shown(&packs))
}

fn shown(packs: &[Value]) -> String {
    if packs.is_empty() {
        return "no packs; `packyard pack push DIR` publishes one".to_owned();
    }
    let rows = packs.iter().map(|pack| {
        let clouds = pack.get("cloudTypes").and_then(Value::as_array);
        let clouds: Vec<&str> = clouds
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        [
            format!(
                "{}/{}:{}",
                text(pack, "/project"),
                text(pack, "/name"),
                text(pack, "/version")
            ),
            text(pack, "/layer"),
            match pack.get("deprecated").and_then(Value::as_str) {
                Some(_) => format!("{} (deprecated)", text(pack, "/displayName")),
                None => text(pack, "/displayName"),
            },
            clouds.join(","),
            text(pack, "/pushedAt").chars().take(10).collect(),
        ]
    });
    table(["pack", "layer", "name", "clouds", "pushed"], rows)
}
