//! `packyard image copy`.

use imagebuilder_api::ImageRecord;
use registry_client::artifacts;
use registry_client::copy::{self, Place};
use registry_pack::{Digest, Reference, RepositoryName};
use serde_json::json;

use super::find;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Where the images of a project are.
const IMAGES: &str = "/images/";

/// Copy an image to another project or registry.
///
/// The copy is the same artifact under the same digest and signature, with everything that
/// refers to it: reports, provenance, signatures of others. A builder of that project finds
/// it and does not build it again. Bytes that are there already are not sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A signature or its first digits, or a reference such as library/images/debian-13:SIGNATURE.
    image: String,
    /// Where to: [HOST/]PROJECT, or [HOST/]PROJECT/images/NAME.
    to: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let found = find::image(&args.image, context).await?;
    let to: Reference = args.to.parse()?;
    let repository = destination(&to.repository, &found.repository)?;
    let there = context.client_for(&to).await?;
    let opened = artifacts::open(&found.client, &found.repository, &found.target).await?;
    let digest = opened.descriptor.digest;
    let tag = tag(&opened.config, &found.target);
    let from = Place {
        client: &found.client,
        repository: &found.repository,
    };
    let into = Place {
        client: &there,
        repository: &repository,
    };
    // Beside the caller, since /tmp is often too small for disks.
    let scratch = tempfile::Builder::new()
        .prefix(".copy-")
        .tempdir_in(".")
        .map_err(|error| CliError::io("write into", std::path::Path::new("."), &error))?;
    let progress = context.progress();
    let copied = copy::copy(
        from,
        &digest,
        into,
        tag.as_deref(),
        scratch.path(),
        &progress,
    )
    .await?;
    let answer = json!({"host": there.host(), "repository": repository, "digest": digest, "tag": tag,
        "referrers": copied.referrers, "sentBytes": copied.sent_bytes});
    context.output.answer(&answer, || {
        format!(
            "copied to {}/{repository}@{digest} with {} referrers; {} were sent",
            there.host(),
            copied.referrers,
            size(copied.sent_bytes)
        )
    })
}

/// An image is found by its signature, whatever it was asked for by.
fn tag(config: &[u8], target: &str) -> Option<String> {
    let record = serde_json::from_slice::<ImageRecord>(config);
    let signature = record.ok().and_then(|record| record.signature);
    match signature {
        Some(signature) => Some(signature.to_string()),
        None => Some(target.to_owned()).filter(|target| target.parse::<Digest>().is_err()),
    }
}

/// A project alone keeps the image's name.
fn destination(to: &RepositoryName, from: &RepositoryName) -> Result<RepositoryName, CliError> {
    if to.as_str().contains(IMAGES) {
        return Ok(to.clone());
    }
    let (_, name) = from.as_str().split_once(IMAGES).ok_or_else(|| {
        CliError::usage(format!("{from} is no repository of images"))
            .hint("name the repository to copy to: PROJECT/images/NAME")
    })?;
    Ok(format!("{to}{IMAGES}{name}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn a_project_keeps_the_name_and_a_repository_gives_its_own() {
        let check = |to: &str, expected: &str| {
            let from = "library/images/debian-13".parse().expect("a repository");
            let found = destination(&to.parse().expect("a repository"), &from).expect("a place");
            assert_eq!(found.as_str(), expected);
        };
        check("prod", "prod/images/debian-13");
        check("team/prod", "team/prod/images/debian-13");
        check("prod/images/other", "prod/images/other");
    }
}
