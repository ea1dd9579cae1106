//! `packyard pack show`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{size, text};
use crate::references;

/// Show one version of a pack.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack: [HOST/]PROJECT/NAME:VERSION, or NAME@sha256:….
    reference: String,
    /// Print its values.yaml and nothing else.
    #[arg(long, conflicts_with = "readme")]
    values: bool,
    /// Print its README and nothing else.
    #[arg(long)]
    readme: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::pack(&args.reference)?;
    let client = context.client_for(&named.reference).await?;
    let version = version_of(&client, &named).await?;
    let what = format!("the pack {}/{}:{version}", named.project, named.name);
    let path = format!(
        "api/v1/packs/{}/{}/{}",
        api::segment(&named.project),
        named.name,
        api::segment(&version)
    );
    let pack: Value = api::get(&client, &what, &path).await?;
    context
        .output
        .answer(&pack, || match (args.values, args.readme) {
            (true, _) => text(&pack, "/values"),
            (_, true) => text(&pack, "/readme"),
            _ => shown(&pack),
        })
}

/// The version that the catalog knows: the tag, or the one with the digest.
async fn version_of(
    client: &registry_client::Client,
    named: &references::Named,
) -> Result<String, CliError> {
    let target = named.target("pack")?;
    let Some(digest) = &named.reference.digest else {
        return Ok(target);
    };
    let path = format!(
        "api/v1/packs?project={}&name={}",
        api::segment(&named.project),
        named.name
    );
    let packs = api::list(client, "the list of packs", &path, "packs").await?;
    packs
        .iter()
        .find(|pack| text(pack, "/digest") == digest.as_str())
        .map(|pack| text(pack, "/version"))
        .ok_or_else(|| CliError::not_found(format!("{} is not in the catalog", named.reference)))
}

fn shown(pack: &Value) -> String {
    let mut lines = vec![format!(
        "{}/{}:{}  {}",
        text(pack, "/project"),
        text(pack, "/name"),
        text(pack, "/version"),
        text(pack, "/displayName")
    )];
    let archive = pack
        .pointer("/archive/size")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let clouds = pack.get("cloudTypes").and_then(Value::as_array);
    let clouds: Vec<&str> = clouds
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, value) in [
        ("layer", text(pack, "/layer")),
        ("clouds", clouds.join(", ")),
        ("digest", text(pack, "/digest")),
        (
            "archive",
            format!("{}  {}", text(pack, "/archive/digest"), size(archive)),
        ),
        ("pushed", text(pack, "/pushedAt")),
        (
            "lint",
            format!(
                "{} errors, {} warnings",
                text(pack, "/lint/errors"),
                text(pack, "/lint/warnings")
            ),
        ),
    ] {
        lines.push(format!("  {name:8} {value}"));
    }
    if let Some(reason) = pack.get("deprecated").and_then(Value::as_str) {
        lines.push(format!("  deprecated {reason}").trim_end().to_owned());
    }
    for (key, value) in pack
        .get("annotations")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        lines.push(format!("  {key}: {}", value.as_str().unwrap_or_default()));
    }
    let findings = pack.get("findings").and_then(Value::as_array);
    for finding in findings.into_iter().flatten() {
        lines.push(format!(
            "  {}: {}: {}; {}",
            text(finding, "/severity"),
            text(finding, "/file"),
            text(finding, "/message"),
            text(finding, "/remedy")
        ));
    }
    lines.join("\n")
}
