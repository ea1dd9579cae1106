//! `packyard image pull`.

use std::path::PathBuf;

use registry_client::{Descriptor, artifacts};
use registry_pack::media;
use serde_json::json;

use super::find::{self, Found};
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Fetch an image's disk.
///
/// The file appears only when it is whole and its digest is right.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A signature or its first digits, or a reference such as library/images/base/debian-13:13.
    image: String,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Fetch it even if it was revoked.
    #[arg(long)]
    revoked: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let Found {
        client,
        repository,
        target,
        revoked,
    } = find::image(&args.image, context).await?;
    if revoked && !args.revoked {
        return Err(
            CliError::refused(format!("the image {} was revoked", args.image))
                .hint("why: packyard image show; to fetch it all the same, pass --revoked"),
        );
    }
    let opened = artifacts::open(&client, &repository, &target).await?;
    let disk = disk(&opened.manifest.layers).ok_or_else(|| {
        CliError::failed(format!("{} holds no disk of its own", args.image)).hint(
            "an image that a pack only references is where the pack says: `packyard image show`",
        )
    })?;
    client
        .pull_blob_to_file(&repository, disk, &args.output, &context.progress())
        .await?;
    let answer = json!({"file": args.output, "digest": disk.digest, "size": disk.size_bytes});
    context.output.answer(&answer, || {
        format!(
            "{}  {}  {}",
            args.output.display(),
            disk.digest,
            size(disk.size_bytes)
        )
    })
}

fn disk(layers: &[Descriptor]) -> Option<&Descriptor> {
    layers
        .iter()
        .find(|layer| layer.media_type == media::DISK_QCOW2)
}
