//! `packyard image show`.

use imagebuilder_api::{ImageRecord, ImageState};

use crate::api;
use crate::context::Context;
use crate::error::CliError;
use crate::output::size;

/// Show an image: where it is and what was checked.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The image's signature, or its first digits.
    signature: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), CliError> {
    let client = context.client().await?;
    let path = format!("api/v1/images/{}", api::segment(&args.signature));
    let image: ImageRecord = api::get(&client, &super::called(&args.signature), &path).await?;
    context.output.answer(&image, || shown(&image))
}

/// An image record for people.
pub(super) fn shown(image: &ImageRecord) -> String {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(format!("  {name:10} {value}"));
    if let Some(signature) = &image.signature {
        line("signature", signature.to_string());
    }
    let remark = if image.state == ImageState::Verified {
        ""
    } else {
        " (not for use)"
    };
    line("state", format!("{}{remark}", image.state.as_str()));
    line("profile", image.profile.clone());
    line("os pack", image.os_pack.clone());
    for place in &image.locations {
        let bytes = place
            .size_bytes
            .map(|bytes| format!("  {}", size(bytes)))
            .unwrap_or_default();
        line(
            "where",
            format!("{}/{}  {}{bytes}", place.provider, place.region, place.id),
        );
    }
    if let Some(artifact) = &image.artifact {
        line(
            "artifact",
            format!("{}@{}", artifact.repository, artifact.digest),
        );
    }
    if let Some(build) = &image.build {
        line("build", build.to_string());
    }
    line("created", image.created_at.to_string());
    for check in &image.checks {
        let mark = if check.passed { "passed" } else { "FAILED" };
        line(
            "check",
            format!("{mark}  {}: {}", check.name, check.message),
        );
    }
    lines.join("\n")
}
