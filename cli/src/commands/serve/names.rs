//! What names stand for in the registry of this process, for the builder beside it.
//!
//! The answers are those of `HEAD /v2/NAME/manifests/REFERENCE` and of all pages of
//! `GET /v2/NAME/referrers/DIGEST`; nothing is counted or logged.

use async_trait::async_trait;
use imagebuilder_engine::{Descriptor, Names, RegistryError};
use registry_pack::{Digest, RepositoryName, Tag};
use registry_store::{Referrer, Store, StoreError};

/// How many referrers are read at once, as for a client.
const PAGE: u32 = 1000;

pub(super) struct StoreNames(pub(super) Store);

#[async_trait]
impl Names for StoreNames {
    async fn resolve(
        &self,
        repository: &RepositoryName,
        target: &str,
    ) -> Result<Option<Descriptor>, RegistryError> {
        let found = match (target.parse::<Digest>(), target.parse::<Tag>()) {
            (Ok(digest), _) => self.0.manifest_by_digest(repository, &digest).await,
            (Err(_), Ok(tag)) => self.0.manifest_by_tag(repository, &tag).await,
            (Err(_), Err(_)) => return Ok(None),
        };
        match found {
            Ok(manifest) => Ok(Some(Descriptor {
                media_type: manifest.media_type.clone(),
                digest: manifest.digest.clone(),
                size_bytes: manifest.bytes.len() as u64,
                annotations: serde_json::Map::new(),
            })),
            Err(StoreError::RepositoryUnknown { .. } | StoreError::ManifestUnknown { .. }) => {
                Ok(None)
            }
            Err(error) => Err(unavailable(format!("{repository}:{target}"), &error)),
        }
    }

    async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: &str,
    ) -> Result<Vec<Descriptor>, RegistryError> {
        let failed = |error: &dyn std::fmt::Display| {
            unavailable(format!("referrers of {repository}@{subject}"), error)
        };
        let (store, filter) = (&self.0, Some(artifact_type));
        let (mut found, mut last) = (Vec::new(), 0);
        loop {
            let page = store.referrers(repository, subject, filter, last, PAGE);
            let page = page.await.map_err(|error| failed(&error))?;
            let is_last = page.len() < PAGE as usize;
            last = page.last().map_or(last, |one| one.position);
            for one in page {
                found.push(describe(one).map_err(|error| failed(&error))?);
            }
            if is_last {
                return Ok(found);
            }
        }
    }
}

fn describe(referrer: Referrer) -> serde_json::Result<Descriptor> {
    let annotations = referrer.annotations.as_deref().unwrap_or("{}");
    Ok(Descriptor {
        media_type: referrer.media_type,
        digest: referrer.digest,
        size_bytes: referrer.size_bytes,
        annotations: serde_json::from_str(annotations)?,
    })
}

fn unavailable(what: String, error: &dyn std::fmt::Display) -> RegistryError {
    RegistryError::Unavailable {
        what,
        message: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use registry_store::{Condition, NewManifest, StoreConfig};

    use super::*;

    const BUNDLE: &str = registry_pack::media::BUNDLE;

    fn manifest(tag: &str) -> NewManifest {
        let bytes = br#"{"schemaVersion":2,"manifests":[]}"#;
        NewManifest {
            digest: Digest::sha256(bytes),
            media_type: registry_pack::media::IMAGE_INDEX.to_owned(),
            artifact_type: None,
            subject: None,
            annotations: None,
            blobs: Vec::new(),
            optional_blobs: Vec::new(),
            manifests: Vec::new(),
            bytes: bytes.as_slice().into(),
            tags: tag.parse().into_iter().collect(),
            condition: Condition::None,
            index: None,
        }
    }

    #[tokio::test]
    async fn tags_and_digests_stand_for_what_was_pushed_last() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(StoreConfig::new(folder.path())).await?;
        let (names, repository) = (StoreNames(store.clone()), "library/web".parse()?);
        assert_eq!(names.resolve(&repository, "1").await?, None);
        let pushed = manifest("1");
        store.put_manifest(&repository, &pushed).await?;
        for target in ["1", pushed.digest.as_str()] {
            let found = names.resolve(&repository, target).await?;
            let found = found.ok_or("what was pushed is there")?;
            assert_eq!(found.digest, pushed.digest);
            assert_eq!(found.size_bytes, pushed.bytes.len() as u64);
            assert_eq!(found.media_type, pushed.media_type);
        }
        for target in ["2", "no tag at all", Digest::sha256(b"").as_str()] {
            assert_eq!(names.resolve(&repository, target).await?, None, "{target}");
        }
        store.delete_manifest(&repository, &pushed.digest).await?;
        assert_eq!(names.resolve(&repository, "1").await?, None);
        store.close().await;
        Ok(())
    }

    #[tokio::test]
    async fn what_refers_to_a_manifest_is_found_by_its_type() -> Result<(), Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(StoreConfig::new(folder.path())).await?;
        let (names, repository) = (StoreNames(store.clone()), "library/web".parse()?);
        let subject = manifest("1");
        store.put_manifest(&repository, &subject).await?;
        let bytes = br#"{"schemaVersion":2,"manifests":[],"annotations":{"of":"amd64"}}"#;
        let referrer = NewManifest {
            digest: Digest::sha256(bytes),
            artifact_type: Some(BUNDLE.to_owned()),
            subject: Some(subject.digest.clone()),
            annotations: Some(r#"{"of":"amd64"}"#.to_owned()),
            bytes: bytes.as_slice().into(),
            tags: Vec::new(),
            ..manifest("1")
        };
        store.put_manifest(&repository, &referrer).await?;
        let found = names
            .referrers(&repository, &subject.digest, BUNDLE)
            .await?;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].digest, referrer.digest);
        assert_eq!(found[0].annotations["of"], "amd64");
        for (of, kind) in [
            (&subject.digest, "application/other"),
            (&referrer.digest, BUNDLE),
        ] {
            assert_eq!(names.referrers(&repository, of, kind).await?, []);
        }
        store.close().await;
        Ok(())
    }
}
