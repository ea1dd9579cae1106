//! `packyard pack deprecate`.

use registry_client::deprecations;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::references;

/// The longest reason: what a server can repeat in a header.
const REASON_CHARS: usize = 1000;

/// Say that a version of a pack should no longer be used.
///
/// It stays where it is and can still be pulled; whoever pulls it is warned.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack: [HOST/]PROJECT/NAME:VERSION, or NAME@sha256:….
    reference: String,
    /// Why, and what to use instead; one line.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Take it back.
    #[arg(long, conflicts_with = "reason")]
    undo: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::pack(&args.reference)?;
    let target = named.target("pack")?;
    let client = context.client_for(&named.reference).await?;
    let reference = format!("{}/{}:{target}", named.project, named.name);
    if args.undo {
        let removed = deprecations::restore(&client, &named.repository, &target).await?;
        let answer = json!({ "reference": reference, "deprecated": null, "removed": removed });
        return context.output.answer(&answer, || match removed {
            0 => format!("{reference} was not deprecated"),
            _ => format!("{reference} is no longer deprecated"),
        });
    }
    let reason = args.reason.as_deref();
    let said = deprecations::deprecate(&client, &named.repository, &target, reason).await?;
    let answer = json!({
        "reference": reference,
        "deprecated": reason.unwrap_or_default(),
        "digest": said.digest,
    });
    context
        .output
        .answer(&answer, || format!("{reference} is deprecated"))
}

fn reason(text: &str) -> Result<String, String> {
    let length = text.chars().count();
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("it is empty or has line breaks; write one line".to_owned());
    }
    if length > REASON_CHARS {
        return Err(format!(
            "it has {length} characters; {REASON_CHARS} at most"
        ));
    }
    Ok(text.to_owned())
}
