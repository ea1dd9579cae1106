//! `packyard image pull`.

use std::path::{Path, PathBuf};

use registry_client::{Descriptor, artifacts};
use registry_pack::media;
use serde_json::json;

use super::difference::{self, Moved, Wanted};
use super::find::{self, Found};
use super::reuse;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Fetch an image's disk.
///
/// The file appears only when it is whole and its digest is right. Of an image whose disk has
/// much in common with one that is here, only the difference is fetched: with the one that the
/// file replaces, and with those of --reuse.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A signature or its first digits, or a reference such as library/images/base/debian-13:13.
    image: String,
    /// The file to write.
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// An image that is here already; what it has is not fetched; may be given several times.
    #[arg(long, value_name = "FILE")]
    reuse: Vec<PathBuf>,
    /// Fetch it even if it was revoked.
    #[arg(long)]
    revoked: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    // A file that is no good is told before anything is asked for.
    let here = reuse::open(&args.reuse, &args.output)?;
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
    let wanted = Wanted {
        client: &client,
        repository: &repository,
        image: &opened.descriptor.digest,
        disk,
    };
    let mut moved = Moved::default();
    if !difference::pull(&wanted, here, &args.output, context, &mut moved).await? {
        client
            .pull_blob_to_file(&repository, disk, &args.output, &context.progress())
            .await?;
        moved.fetched += disk.size_bytes;
    }
    answer(&args.output, disk, moved, context)
}

fn answer(
    output: &Path,
    disk: &Descriptor,
    moved: Moved,
    context: &Context,
) -> Result<(), CliError> {
    let answer = json!({"file": output, "digest": disk.digest, "size": disk.size_bytes,
        "fetchedBytes": moved.fetched, "reusedBytes": moved.reused});
    context.output.answer(&answer, || {
        let whole = size(disk.size_bytes);
        let mut text = format!("{}  {}  {whole}", output.display(), disk.digest);
        if let Some(moved) = moved.text() {
            text.push_str(&format!("; {moved}"));
        }
        text
    })
}

fn disk(layers: &[Descriptor]) -> Option<&Descriptor> {
    layers
        .iter()
        .find(|layer| layer.media_type == media::DISK_QCOW2)
}
