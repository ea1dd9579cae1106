//! Where an image is: by its signature, or by a reference.

use imagebuilder_api::{ImageRecord, ImageState};
use registry_client::Client;
use registry_pack::{Reference, RepositoryName};

use crate::api;
use crate::context::Context;
use crate::error::CliError;

/// An image in a registry.
pub(super) struct Found {
    pub(super) client: Client,
    pub(super) repository: RepositoryName,
    /// Its tag or digest.
    pub(super) target: String,
    /// Whether somebody withdrew it, as far as the builder says.
    pub(super) revoked: bool,
}

pub(super) async fn image(image: &str, context: &Context) -> Result<Found, CliError> {
    if is_signature(image) {
        let client = context.client().await?;
        let path = format!("api/v1/images/{}", api::segment(image));
        let record: ImageRecord = api::get(&client, &super::called(image), &path).await?;
        let artifact = record.artifact.ok_or_else(|| {
            CliError::not_found(format!("the image {image} has no disk in the registry"))
                .hint("`packyard image show` tells where it is")
        })?;
        return Ok(Found {
            client,
            repository: artifact.repository.parse()?,
            target: artifact.digest.to_string(),
            revoked: record.state == ImageState::Revoked,
        });
    }
    let reference: Reference = image.parse()?;
    let target = reference.target().ok_or_else(|| {
        CliError::usage(format!("{image} names no version"))
            .hint("write PROJECT/images/NAME:TAG, or a signature")
    })?;
    let client = context.client_for(&reference).await?;
    Ok(Found {
        client,
        repository: reference.repository,
        target,
        revoked: false,
    })
}

fn is_signature(text: &str) -> bool {
    (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
