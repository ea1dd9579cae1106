//! Deprecations: an empty artifact that refers to a manifest and says why it should
//! no longer be used. Servers that know them warn whoever pulls the manifest.

use registry_pack::{RepositoryName, media};
use reqwest::Method;

use crate::artifacts::{self, Artifact};
use crate::auth::Scope;
use crate::client::Client;
use crate::descriptor::Descriptor;
use crate::error::ClientError;
use crate::progress::NoProgress;

/// Says that a manifest should no longer be used.
///
/// # Errors
/// When the manifest is not there, or the server refuses.
pub async fn deprecate(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
    reason: Option<&str>,
) -> Result<Descriptor, ClientError> {
    let subject = subject(client, repository, target).await?;
    let mut artifact = Artifact::new(media::DEPRECATION).with_subject(subject);
    artifact.layers.push(artifacts::Layer {
        title: None,
        ..artifacts::Layer::bytes(media::EMPTY_CONFIG, "", media::EMPTY_CONFIG_BYTES)
    });
    if let Some(reason) = reason {
        artifact.annotations.insert(
            media::ANNOTATION_DEPRECATED_REASON.to_owned(),
            reason.to_owned(),
        );
    }
    artifacts::push(client, repository, None, &artifact, &NoProgress).await
}

/// Takes back all that was said against a manifest; how many times it was.
///
/// # Errors
/// When the manifest is not there, or the server refuses.
pub async fn restore(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
) -> Result<usize, ClientError> {
    let subject = subject(client, repository, target).await?;
    let said = client
        .referrers(repository, &subject.digest, Some(media::DEPRECATION))
        .await?;
    for deprecation in &said {
        let what = format!("{repository}@{}", deprecation.digest);
        let url = client.url(&format!("v2/{repository}/manifests/{}", deprecation.digest))?;
        let scope = Scope::Push(repository.clone());
        client
            .send(&what, &scope, |http| {
                http.request(Method::DELETE, url.clone())
            })
            .await?;
    }
    Ok(said.len())
}

async fn subject(
    client: &Client,
    repository: &RepositoryName,
    target: &str,
) -> Result<Descriptor, ClientError> {
    let found = client.resolve(repository, target).await?;
    found.ok_or_else(|| ClientError::NotFound {
        what: format!("{repository}:{target}"),
        server: client.host(),
    })
}
