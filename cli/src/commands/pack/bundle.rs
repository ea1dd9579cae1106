//! `packyard pack bundle`.

use std::path::PathBuf;

use registry_client::bundles;
use registry_pack::{PackName, RepositoryName, media};
use serde_json::json;

use super::{collect, open};
use crate::context::Context;
use crate::error::CliError;
use crate::output::{size, table};

/// Collect the large files that a Kubernetes pack names.
///
/// Every file is checked against the checksum in components.yaml. With --push the
/// bundle is attached to the pack in the registry, so that builds need no other
/// network.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack's folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// A folder that holds the files already.
    #[arg(long, value_name = "FOLDER")]
    from: Option<PathBuf>,
    /// Where to put files that are fetched from the sources in components.yaml.
    #[arg(long, short, value_name = "FOLDER", required_unless_present = "from")]
    output: Option<PathBuf>,
    /// Attach the bundle to the pack, which must have been pushed.
    #[arg(long)]
    push: bool,
    /// The project of the pack.
    #[arg(long, default_value = media::DEFAULT_PROJECT)]
    project: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let pack = open(&args.folder)?;
    let progress = context.progress();
    let (folder, manifest) = match (&args.output, &args.from) {
        (Some(output), from) => {
            let manifest = collect::gather(&pack, from.as_deref(), output, &progress).await?;
            (output.clone(), manifest)
        }
        (None, Some(from)) => (from.clone(), collect::from_folder(&pack, from).await?),
        (None, None) => return Err(CliError::usage("pass --from FOLDER or --output FOLDER")),
    };
    let pushed = if args.push {
        let name: PackName = pack.manifest.name.to_string().parse()?;
        let repository = RepositoryName::for_pack(&args.project, &name)?;
        let client = context.client().await?;
        let version = pack.manifest.version.as_str();
        let subject = client.resolve(&repository, version).await?.ok_or_else(|| {
            CliError::not_found(format!(
                "{}/{name}:{version} is not on {}",
                args.project,
                client.host()
            ))
            .hint(format!(
                "push it first: packyard pack push {}",
                args.folder.display()
            ))
        })?;
        Some(
            bundles::push(
                &client,
                &repository,
                &subject,
                &manifest,
                &folder,
                &progress,
            )
            .await?,
        )
    } else {
        None
    };
    let answer = json!({
        "folder": folder,
        "bundle": manifest,
        "digest": pushed.as_ref().map(|pushed| &pushed.digest),
    });
    context.output.answer(&answer, || {
        let rows = manifest.components.iter().map(|entry| {
            [
                entry.name.clone(),
                entry.version.clone(),
                entry.file.clone(),
                size(entry.size_bytes),
            ]
        });
        let listed = table(["component", "version", "file", "size"], rows);
        match &pushed {
            Some(pushed) => format!("{listed}\npushed {}", pushed.digest),
            None => listed,
        }
    })
}
