//! `packyard profile show`.

use serde_json::Value;

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::{table, text};
use crate::references;

/// Show one version of a profile.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: [HOST/]PROJECT/NAME:VERSION.
    reference: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::profile(&args.reference)?;
    let target = named.target("profile")?;
    let client = context.client_for(&named.reference).await?;
    let what = format!("the profile {}/{}:{target}", named.project, named.name);
    let path = format!(
        "api/v1/profiles/{}/{}/{}",
        api::segment(&named.project),
        named.name,
        api::segment(&target)
    );
    let profile: Value = api::get(&client, &what, &path).await?;
    context.output.answer(&profile, || shown(&profile))
}

fn shown(profile: &Value) -> String {
    let mut lines = vec![format!(
        "{}/{}:{}  {}",
        text(profile, "/project"),
        text(profile, "/name"),
        text(profile, "/version"),
        text(profile, "/description")
    )];
    lines.push(format!("  type   {}", text(profile, "/kind")));
    lines.push(format!("  cloud  {}", text(profile, "/cloudType")));
    lines.push(format!("  digest {}", text(profile, "/digest")));
    let packs = profile.get("packs").and_then(Value::as_array);
    let rows = packs.into_iter().flatten().map(|pack| {
        [
            text(pack, "/layer"),
            text(pack, "/name"),
            text(pack, "/version"),
        ]
    });
    lines.push(String::new());
    lines.push(table(["layer", "pack", "version"], rows));
    lines.join("\n")
}
