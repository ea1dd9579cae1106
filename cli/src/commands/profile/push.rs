//! `packyard profile push`.

use std::path::PathBuf;

use registry_client::profiles;
use registry_pack::media;
use serde_json::json;

use super::{read, report};
use crate::context::Context;
use crate::error::CliError;

/// Publish a profile.
///
/// Name and version come from the file. A profile with errors is refused.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, YAML or JSON.
    file: PathBuf,
    /// The project to publish into.
    #[arg(long, default_value = media::DEFAULT_PROJECT)]
    project: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let profile = read(&args.file)?;
    let report = report(&args.file, &profile);
    if report.errors() > 0 {
        context.output.warn(report.to_text());
    }
    report.verdict()?;
    let name = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let client = context.client().await?;
    let (repository, pushed) = profiles::push(&client, &args.project, &profile, &name).await?;
    let reference = format!("{repository}:{}", profile.version.as_str());
    context.output.answer(
        &json!({"reference": reference, "digest": pushed.digest}),
        || format!("pushed {}/{reference}@{}", client.host(), pushed.digest),
    )
}
