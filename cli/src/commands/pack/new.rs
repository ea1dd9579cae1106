//! `packyard pack new`.

use std::path::PathBuf;

use registry_pack::{Layer, scaffold};
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;

/// Make a new pack that lints clean.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack's name, such as cni-calico.
    name: String,
    /// The layer of a cluster that it belongs to.
    #[arg(long, default_value = "addon", value_parser = layer)]
    layer: Layer,
    /// In which folder to make the pack's folder.
    #[arg(long, short, default_value = ".", value_name = "FOLDER")]
    output: PathBuf,
}

fn layer(text: &str) -> Result<Layer, String> {
    text.parse()
        .map_err(|error: registry_pack::ParseError| error.to_string())
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), CliError> {
    let folder = scaffold::create(&args.output, &args.name, args.layer)?;
    context
        .output
        .answer(&json!({"folder": folder}), || folder.display().to_string())?;
    context.output.remark(format!(
        "next: edit it, then `packyard pack lint {}`",
        folder.display()
    ));
    Ok(())
}
