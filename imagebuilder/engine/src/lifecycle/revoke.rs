//! Withdraws an image: its signature is never answered and never built again.
//!
//! The same signature means the same inputs, so what was wrong would come again. The journal
//! knows it first; then builds under way for it are cancelled, the record turns `revoked`, and
//! the registry is told, so that builders with another journal refuse it too and whoever pulls
//! the image is warned. A repeated call goes on where an earlier one broke off.

use imagebuilder_api::signature::Signature;
use imagebuilder_api::{ImageRecord, ImageState, Revocation};
use registry_pack::{RepositoryName, media};
use serde_json::json;

use crate::deliveries;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::failure::Failure;
use crate::images;
use crate::journal::JournalError;
use crate::registry::{Artifact, Content, Descriptor, Layer};
use crate::workshop::Workshop;

/// A condition's reason, and an answer's.
pub(crate) const REVOKED: &str = "ImageRevoked";
pub(crate) const REASON_CHARS: usize = 1000;

impl Engine {
    /// Withdraws an image for ever.
    pub async fn revoke(&self, signature: &str, reason: &str) -> Result<Revocation, EngineError> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().count() > REASON_CHARS {
            return Err(EngineError::Input {
                reason: "BadReason".to_owned(),
                message: format!("say in 1 to {REASON_CHARS} characters why the image is revoked"),
            });
        }
        let (signature, record) = self.signed(signature).await?;
        let journal = &self.shop.journal;
        journal.revoke(signature.as_str(), reason).await?;
        self.stop_builds(&signature).await?;
        let record = ImageRecord {
            state: ImageState::Revoked,
            ..record
        };
        journal
            .put_image(&images::row(&record, signature.as_str(), None)?)
            .await?;
        let revocation = self.revocation(&signature).await?;
        deliveries::image_revoked(&self.shop, &revocation).await?;
        tracing::warn!(signature = %signature, "image revoked: {}", revocation.reason);
        self.tell_registry(&record, &revocation).await?;
        Ok(revocation)
    }

    /// What is known of a withdrawn image.
    async fn revocation(&self, signature: &Signature) -> Result<Revocation, EngineError> {
        let row = self.shop.journal.revocation(signature.as_str()).await?;
        let row = row.ok_or_else(|| EngineError::NotFound {
            what: format!("revocation of image {signature}"),
        })?;
        Ok(Revocation {
            signature: signature.clone(),
            reason: row.reason,
            revoked_at: row.revoked_at.parse().map_err(|error: jiff::Error| {
                JournalError::Corrupt {
                    what: "a time",
                    message: error.to_string(),
                }
            })?,
            dependants: self.dependants(signature.as_str()).await?,
        })
    }

    async fn stop_builds(&self, signature: &Signature) -> Result<(), EngineError> {
        if let Some(build) = self.shop.journal.build_of(signature.as_str()).await? {
            match self.cancel(&build.id).await {
                // It has ended.
                Ok(_) | Err(EngineError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn tell_registry(
        &self,
        record: &ImageRecord,
        revocation: &Revocation,
    ) -> Result<(), EngineError> {
        let Some(artifact) = &record.artifact else {
            return Ok(());
        };
        let Ok(repository) = artifact.repository.parse::<RepositoryName>() else {
            return Ok(());
        };
        let registry = &self.shop.registry;
        let found = registry
            .resolve(&repository, artifact.digest.as_str())
            .await;
        let Some(subject) = found.map_err(Failure::from)? else {
            return Ok(());
        };
        for refers in [marked(revocation, &subject), warned(revocation, &subject)] {
            registry
                .push(&repository, None, &refers)
                .await
                .map_err(|error| EngineError::Unavailable {
                    reason: "RegistryUnavailable".to_owned(),
                    message: format!(
                        "the image is revoked here, and the registry could not be told: {error}; run the same again"
                    ),
                })?;
        }
        Ok(())
    }
}

/// For other builders.
fn marked(revocation: &Revocation, subject: &Descriptor) -> Artifact {
    let said = json!({"signature": revocation.signature, "reason": revocation.reason,
        "revokedAt": revocation.revoked_at});
    Artifact {
        artifact_type: media::IMAGE_REVOCATION.to_owned(),
        config: (
            media::EMPTY_CONFIG.to_owned(),
            media::EMPTY_CONFIG_BYTES.to_vec(),
        ),
        layers: vec![Layer {
            media_type: media::IMAGE_REVOCATION.to_owned(),
            title: "revocation.json".to_owned(),
            content: Content::Bytes(said.to_string().into_bytes()),
        }],
        subject: Some(subject.clone()),
        annotations: Vec::new(),
    }
}

/// For whoever pulls it: registries of ours warn of a deprecated manifest.
fn warned(revocation: &Revocation, subject: &Descriptor) -> Artifact {
    Artifact {
        artifact_type: media::DEPRECATION.to_owned(),
        annotations: vec![(
            media::ANNOTATION_DEPRECATED_REASON.to_owned(),
            format!("revoked: {}", revocation.reason),
        )],
        ..marked(revocation, subject)
    }
}

/// Fails for a signature that was withdrawn.
pub(crate) async fn refuse(shop: &Workshop, signature: &Signature) -> Result<(), Failure> {
    match shop.journal.revocation(signature.as_str()).await? {
        None => Ok(()),
        Some(row) => Err(Failure::person(REVOKED, message(signature, &row.reason))),
    }
}

fn message(signature: &Signature, reason: &str) -> String {
    format!(
        "image {} was revoked ({reason}) and is neither used nor built again: the same inputs would give the same image. \
         Change what was wrong: a new version of the pack, or a new freshness epoch in its annotations, gives another signature",
        signature.short()
    )
}

/// Why an image in the registry was withdrawn, if it was: by a builder with another journal.
pub(crate) async fn withdrawn(
    shop: &Workshop,
    repository: &RepositoryName,
    image: &Descriptor,
) -> Result<Option<String>, Failure> {
    const BYTES: u64 = 64 << 10;
    let registry = &shop.registry;
    let marks = registry
        .referrers(repository, &image.digest, media::IMAGE_REVOCATION)
        .await?;
    let Some(mark) = marks.first() else {
        return Ok(None);
    };
    let manifest = registry.manifest(repository, &mark.digest).await?;
    let mut reason = None;
    if let Some(layer) = manifest.layers.first() {
        let said = registry.blob(repository, layer, BYTES).await?;
        let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
        reason = said["reason"].as_str().map(str::to_owned);
    }
    Ok(Some(reason.unwrap_or_else(|| "no reason given".to_owned())))
}
