//! `packyard image hold` and `packyard image release`.

use registry_client::Client;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::text;

/// Say that somebody needs an image, so that `packyard image gc` leaves it.
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    /// The image's signature, or its first digits.
    signature: String,
    /// Who needs it, such as cluster-prod-1.
    #[arg(long)]
    holder: String,
    /// What for.
    #[arg(long)]
    reason: Option<String>,
}

/// End a hold.
#[derive(Debug, clap::Args)]
pub(crate) struct Release {
    /// The image's signature, or its first digits.
    signature: String,
    /// Who no longer needs it.
    #[arg(long)]
    holder: String,
}

pub(crate) async fn hold(args: Hold, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let body = json!({"reason": args.reason});
    let path = path(&args.signature, &args.holder);
    let answer = change(&client, &args.signature, Method::PUT, &path, Some(&body)).await?;
    context.output.answer(&answer, || shown(&answer))
}

pub(crate) async fn release(args: Release, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let path = path(&args.signature, &args.holder);
    let answer = change(&client, &args.signature, Method::DELETE, &path, None).await?;
    context.output.answer(&answer, || shown(&answer))
}

fn path(signature: &str, holder: &str) -> String {
    let (signature, holder) = (api::segment(signature), api::segment(holder));
    format!("api/v1/images/{signature}/holds/{holder}")
}

async fn change(
    client: &Client,
    signature: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, CliError> {
    let what = super::called(signature);
    api::send(client, &what, method, path, body).await
}

fn shown(answer: &Value) -> String {
    let holds = answer.get("holds").and_then(Value::as_array);
    let lines: Vec<String> = holds
        .into_iter()
        .flatten()
        .map(|hold| {
            format!(
                "held by {}  {}",
                text(hold, "/holder"),
                text(hold, "/reason")
            )
        })
        .map(|line| line.trim_end().to_owned())
        .collect();
    match lines.is_empty() {
        true => "nobody holds it".to_owned(),
        false => lines.join("\n"),
    }
}
