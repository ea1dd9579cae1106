//! `packyard image pull`.

use std::path::PathBuf;

use imagebuilder_api::ImageRecord;
use registry_client::{Client, Descriptor, artifacts};
use registry_pack::{Reference, RepositoryName, media};
use serde_json::json;

use crate::api;
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
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let (client, repository, target) = find(&args.image, context).await?;
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

async fn find(
    image: &str,
    context: &Context,
) -> Result<(Client, RepositoryName, String), CliError> {
    if is_signature(image) {
        let client = context.client().await?;
        let path = format!("api/v1/images/{}", api::segment(image));
        let record: ImageRecord = api::get(&client, &super::called(image), &path).await?;
        let artifact = record.artifact.ok_or_else(|| {
            CliError::not_found(format!("the image {image} has no disk in the registry"))
                .hint("`packyard image show` tells where it is")
        })?;
        return Ok((
            client,
            artifact.repository.parse()?,
            artifact.digest.to_string(),
        ));
    }
    let reference: Reference = image.parse()?;
    let target = reference.target().ok_or_else(|| {
        CliError::usage(format!("{image} names no version"))
            .hint("write PROJECT/images/NAME:TAG, or a signature")
    })?;
    let client = context.client_for(&reference).await?;
    Ok((client, reference.repository, target))
}

fn is_signature(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn disk(layers: &[Descriptor]) -> Option<&Descriptor> {
    layers
        .iter()
        .find(|layer| layer.media_type == media::DISK_QCOW2)
}
