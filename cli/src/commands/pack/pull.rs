//! `packyard pack pull`.

use std::path::PathBuf;

use registry_client::packs;
use registry_pack::Limits;
use serde_json::json;

use crate::context::Context;
use crate::error::CliError;
use crate::references;

/// Fetch a pack into a folder.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack: [HOST/]PROJECT/NAME:VERSION, or NAME@sha256:….
    reference: String,
    /// The folder to make; NAME-VERSION when it is left out.
    #[arg(long, short, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let named = references::pack(&args.reference)?;
    let target = named.target("pack")?;
    let client = context.client_for(&named.reference).await?;
    let folder = args.output.unwrap_or_else(|| {
        let version = target.rsplit(':').next().unwrap_or(&target);
        PathBuf::from(format!("{}-{version}", named.name))
    });
    let progress = context.progress();
    let pulled = packs::pull(
        &client,
        &named.repository,
        &target,
        &folder,
        &Limits::default(),
        &progress,
    )
    .await?;
    for warning in &pulled.warnings {
        context.output.warn(format!("warning: {warning}"));
    }
    let answer = json!({
        "folder": pulled.root,
        "digest": pulled.manifest.digest,
        "archive": {"digest": pulled.archive.digest, "size": pulled.archive.size_bytes},
    });
    context
        .output
        .answer(&answer, || pulled.root.display().to_string())
}
