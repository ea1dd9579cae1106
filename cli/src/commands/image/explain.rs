//! `packyard image explain`.

use imagebuilder_api::signature::explain_text;
use imagebuilder_api::{CacheReport, Chain};
use serde_json::{Value, json};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::text;

/// Show what an image is made of, or what makes two differ.
///
/// An image's signature is made of everything that can change its content:
/// base image, packs, roles file by file, variables, components. For each stage it
/// says whether the newest build found it (hit) or made it (miss), and which input
/// made it miss.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image's signature, or its first digits.
    signature: String,
    /// Another image: print only the inputs that differ.
    other: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    match &args.other {
        None => explain(&client, &args.signature, context).await,
        Some(other) => compare(&client, &args.signature, other, context).await,
    }
}

async fn explain(
    client: &registry_client::Client,
    signature: &str,
    context: &Context,
) -> Result<(), CliError> {
    let path = format!("api/v1/images/{}/explain", api::segment(signature));
    let inputs: Value = api::get(client, &super::called(signature), &path).await?;
    let stages: Vec<Value> = inputs
        .get("stages")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|stage| stage.get("inputs").cloned())
        .collect();
    // The server may be newer than this program; then the inputs are shown as they came.
    let chain = json!({"schemaVersion": inputs.get("schemaVersion"), "stages": stages});
    let chain: Option<Chain> = serde_json::from_value(chain).ok();
    let cache = inputs.get("cache").cloned().unwrap_or_default();
    let cache: Option<CacheReport> = serde_json::from_value(cache).unwrap_or_default();
    context.output.answer(&inputs, || match &chain {
        Some(chain) => format!("{}{}", explain_text(chain), shown(cache.as_ref())),
        None => serde_json::to_string_pretty(&inputs).unwrap_or_default(),
    })
}

/// A line for each stage.
fn shown(cache: Option<&CacheReport>) -> String {
    let Some(cache) = cache else {
        return String::new();
    };
    let mut text = format!("stages in build {}\n", cache.build);
    for stage in &cache.stages {
        let name = &stage.name;
        text.push_str(&match (&stage.why, stage.seconds) {
            (None, _) => format!("  hit   {name}\n"),
            (Some(why), Some(seconds)) => format!("  miss  {name}  {seconds:.0} s  {why}\n"),
            (Some(why), None) => format!("  miss  {name}  {why}\n"),
        });
    }
    text
}

async fn compare(
    client: &registry_client::Client,
    left: &str,
    right: &str,
    context: &Context,
) -> Result<(), CliError> {
    let path = format!(
        "api/v1/images/{}/diff/{}",
        api::segment(left),
        api::segment(right)
    );
    let what = format!("one of the images {left} and {right}");
    let answer: Value = api::get(client, &what, &path).await?;
    context.output.answer(&answer, || {
        let differences = answer.get("differences").and_then(Value::as_array);
        let lines: Vec<String> = differences
            .into_iter()
            .flatten()
            .map(|difference| {
                format!(
                    "{}\n  {}",
                    text(difference, "/message"),
                    text(difference, "/path")
                )
            })
            .collect();
        match lines.is_empty() {
            true => "the same inputs".to_owned(),
            false => lines.join("\n"),
        }
    })
}
