//! `packyard pack push`.

use std::path::PathBuf;

use registry_client::{bundles, packs};
use registry_pack::media;
use serde_json::json;

use super::{collect, lint_dir, open};
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Publish a pack.
///
/// Name and version come from pack.json. Pushing the same bytes again changes
/// nothing; a published version never changes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The pack's folder.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The project to publish into.
    #[arg(long, default_value = media::DEFAULT_PROJECT)]
    project: String,
    /// Attach the files that components.yaml names, from this folder.
    #[arg(long, value_name = "FOLDER")]
    bundle: Option<PathBuf>,
    /// Refuse to push a pack in which lint finds errors.
    #[arg(long)]
    strict: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let report = lint_dir(&args.folder)?;
    if report.errors() > 0 {
        context.output.warn(report.to_text());
        if args.strict {
            return report.verdict();
        }
    }
    let pack = open(&args.folder)?;
    // Everything that can be wrong with the bundle is found before anything is pushed.
    let bundle = match &args.bundle {
        Some(folder) => Some((collect::from_folder(&pack, folder).await?, folder)),
        None => None,
    };
    let client = context.client().await?;
    let progress = context.progress();
    let pushed = packs::push(&client, &pack, &args.project, &progress).await?;
    let attached = match &bundle {
        Some((manifest, folder)) => Some(
            bundles::push(
                &client,
                &pushed.repository,
                &pushed.manifest,
                manifest,
                folder,
                &progress,
            )
            .await?,
        ),
        None => None,
    };
    let reference = format!("{}/{}:{}", args.project, pack.manifest.name, pushed.tag);
    let answer = json!({
        "reference": reference,
        "repository": pushed.repository,
        "digest": pushed.manifest.digest,
        "archive": {"digest": pushed.archive.digest, "size": pushed.archive.size_bytes},
        "bundle": attached.as_ref().map(|bundle| json!({"digest": bundle.digest})),
    });
    context.output.answer(&answer, || {
        let with = match &bundle {
            Some((manifest, _)) => {
                let bytes = manifest
                    .components
                    .iter()
                    .map(|entry| entry.size_bytes)
                    .sum();
                format!(
                    ", with a bundle of {} files, {}",
                    manifest.components.len(),
                    size(bytes)
                )
            }
            None => String::new(),
        };
        format!(
            "pushed {}/{reference}@{}{with}",
            client.host(),
            pushed.manifest.digest
        )
    })
}
