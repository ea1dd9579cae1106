//! `packyard profile pull`.

use std::path::PathBuf;

use registry_client::profiles;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::output::print;
use crate::references;

/// Fetch the text of a profile, as it was pushed.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The profile: [HOST/]PROJECT/NAME:VERSION.
    reference: String,
    /// The file to write; standard output when it is left out.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::profile(&args.reference)?;
    let target = named.target("profile")?;
    let client = context.client_for(&named.reference).await?;
    let (descriptor, text, _) = profiles::pull(&client, &named.repository, &target).await?;
    let Some(file) = args.output else {
        return print(&text);
    };
    tokio::fs::write(&file, text)
        .await
        .map_err(|error| CliError::io("write", &file, &error))?;
    context
        .output
        .answer(&json!({"file": file, "digest": descriptor.digest}), || {
            file.display().to_string()
        })
}
