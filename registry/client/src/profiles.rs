//! Profiles: the verbatim text as the one layer of an artifact.

use registry_pack::{PackName, Profile, RepositoryName, media};

use crate::artifacts::{self, Artifact, Layer};
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::progress::NoProgress;

/// A profile is text that people write.
const MAX_BYTES: usize = 8 << 20;

/// Where the versions of a profile are kept.
///
/// # Errors
/// When the project is no name.
pub fn repository(project: &str, name: &PackName) -> Result<RepositoryName, ClientError> {
    Ok(format!("{project}/profiles/{name}").parse()?)
}

/// Pushes a profile under its version; the answer names its repository.
///
/// # Errors
/// When the version is no tag or the server refuses.
pub async fn push(
    client: &Client,
    project: &str,
    profile: &Profile,
    file_name: &str,
) -> Result<(RepositoryName, Descriptor), ClientError> {
    let repository = repository(project, &profile.metadata.name)?;
    let tag: registry_pack::Tag = profile.version.as_str().parse()?;
    let layer = Layer::bytes(
        media::PROFILE_LAYER,
        file_name,
        profile.raw.clone().into_bytes(),
    );
    let artifact = Artifact::new(media::PROFILE).with_layer(layer);
    let pushed = artifacts::push(
        client,
        &repository,
        Some(tag.as_str()),
        &artifact,
        &NoProgress,
    )
    .await?;
    Ok((repository, pushed))
}

/// Pulls the text of a profile and parses it.
///
/// # Errors
/// When it is not there, is no profile, or cannot be parsed.
pub async fn pull(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
) -> Result<(Descriptor, String, Profile), ClientError> {
    let (raw, manifest) = client.manifest(repository, target).await?;
    let layer = manifest
        .layers
        .iter()
        .find(|layer| layer.media_type == media::PROFILE_LAYER)
        .ok_or_else(|| client.odd(&format!("{repository}:{target}"), "it is no profile"))?;
    let bytes = client.pull_blob_bytes(repository, layer, MAX_BYTES).await?;
    let text = String::from_utf8(bytes.to_vec())
        .map_err(|_| client.odd(&format!("{repository}:{target}"), "it is not text"))?;
    let name = layer.title().unwrap_or("profile").to_owned();
    let profile = Profile::parse(&text, &name)?;
    Ok((raw.descriptor(), text, profile))
}
