//! Removes images by rule: the newest of each profile stay, and whatever somebody needs.
//!
//! An image is needed while somebody holds it, while a profile that asked for it still
//! resolves to it, and while a build for it is under way. Where the registry cannot say what
//! a profile resolves to, nothing is removed.

use std::collections::BTreeMap;

use imagebuilder_api::{
    CollectImages, CollectedImage, CollectedImages, EnsureImage, ImageRecord, ImageState,
};
use jiff::Timestamp;
use registry_pack::{RepositoryName, media};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::failure::Failure;
use crate::resolve::Pins;
use crate::views;

const PAGE: u32 = 500;
/// What refers to an image goes with it.
const REFERRERS: [&str; 7] = [
    media::BUILD_RECORD,
    media::IN_TOTO,
    media::CYCLONEDX,
    media::KUBE_BENCH_REPORT,
    media::IMAGE_CHUNKS,
    media::IMAGE_REVOCATION,
    media::DEPRECATION,
];

impl Engine {
    /// Removes images by rule, or says which it would remove.
    pub async fn collect_images(
        &self,
        rule: &CollectImages,
    ) -> Result<CollectedImages, EngineError> {
        if rule.keep_last.is_none() && rule.older_than_days.is_none() {
            return Err(EngineError::Input {
                reason: "NoRule".to_owned(),
                message: "say what stays: keepLast, olderThanDays, or both".to_owned(),
            });
        }
        let images = self.all_images().await?;
        let total = images.len();
        let candidates = outside(images, rule, Timestamp::now());
        let mut report = CollectedImages {
            within_rule: (total - candidates.len()) as u64,
            dry_run: rule.dry_run,
            ..CollectedImages::default()
        };
        for image in candidates {
            match self.needed(&image).await? {
                Some(why) => report.kept.push(CollectedImage {
                    why: Some(why),
                    ..image
                }),
                None if rule.dry_run => report.removed.push(image),
                None => match self.remove_image(&image).await {
                    Ok(()) => report.removed.push(image),
                    Err(error) => report.kept.push(CollectedImage {
                        why: Some(format!("it could not be removed: {error}")),
                        ..image
                    }),
                },
            }
        }
        Ok(report)
    }

    async fn all_images(&self) -> Result<Vec<CollectedImage>, EngineError> {
        let mut all = Vec::new();
        let mut last: Option<String> = None;
        loop {
            let page = self.images(PAGE, last.as_deref()).await?;
            let full = page.len() == PAGE as usize;
            last = page
                .last()
                .and_then(|image| Some(image.signature.as_ref()?.to_string()));
            all.extend(page.into_iter().filter_map(short));
            if !full || last.is_none() {
                return Ok(all);
            }
        }
    }

    /// Why an image stays, if it must.
    async fn needed(&self, image: &CollectedImage) -> Result<Option<String>, EngineError> {
        let signature = image.signature.as_str();
        if let Some(hold) = self.shop.journal.holds(signature).await?.first() {
            return Ok(Some(format!("{} holds it", hold.holder)));
        }
        if let Some(build) = self.shop.journal.build_of(signature).await?
            && !views::state(&build)?.has_ended()
        {
            return Ok(Some(format!("build {} is at work on it", build.id)));
        }
        // Nobody is ever given a revoked image.
        if image.state == ImageState::Revoked {
            return Ok(None);
        }
        let mut asked: BTreeMap<String, EnsureImage> = BTreeMap::new();
        for request in self.shop.journal.requests_for(signature).await? {
            let request: EnsureImage = views::json("a request", &request)?;
            asked.insert(request.profile.clone(), request);
        }
        for (profile, request) in asked {
            match self.shop.resolve(&request, &Pins::default()).await {
                Ok(resolved) => {
                    if resolved.signature.as_ref() == Some(&image.signature) {
                        return Ok(Some(format!("profile {profile} resolves to it")));
                    }
                }
                Err(error) => match EngineError::from(error) {
                    EngineError::Input { reason, .. } if reason == "ProfileNotFound" => {}
                    // Broken now: who mends it may well get this image again.
                    EngineError::Input { message, .. } => {
                        return Ok(Some(format!(
                            "profile {profile} does not resolve now: {message}"
                        )));
                    }
                    other => return Err(other),
                },
            }
        }
        Ok(None)
    }

    async fn remove_image(&self, image: &CollectedImage) -> Result<(), EngineError> {
        let signature = image.signature.as_str();
        let record = self.image(signature).await?;
        if let Some(artifact) = &record.artifact
            && let Ok(repository) = artifact.repository.parse::<RepositoryName>()
        {
            let registry = &self.shop.registry;
            for kind in REFERRERS {
                let referrers = registry
                    .referrers(&repository, &artifact.digest, kind)
                    .await;
                for referrer in referrers.map_err(Failure::from)? {
                    let deleted = registry.delete(&repository, &referrer.digest).await;
                    deleted.map_err(Failure::from)?;
                }
            }
            let deleted = registry.delete(&repository, &artifact.digest).await;
            deleted.map_err(Failure::from)?;
        }
        self.shop.journal.forget_image(signature).await?;
        tracing::info!(signature, profile = image.profile, "image removed by rule");
        Ok(())
    }
}

fn short(record: ImageRecord) -> Option<CollectedImage> {
    Some(CollectedImage {
        signature: record.signature?,
        profile: record.profile,
        state: record.state,
        created_at: record.created_at,
        why: None,
    })
}

/// The images that the rule does not keep, oldest first.
fn outside(
    mut images: Vec<CollectedImage>,
    rule: &CollectImages,
    now: Timestamp,
) -> Vec<CollectedImage> {
    images.sort_by_key(|image| std::cmp::Reverse(image.created_at));
    let young = rule.older_than_days.map(|days| {
        let seconds = now.as_second() - i64::from(days) * 86_400;
        Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN)
    });
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let mut found = Vec::new();
    for image in images {
        // A revoked image is none of the last good ones.
        let newest = image.state != ImageState::Revoked && {
            let count = seen
                .entry(of_profile(&image.profile).to_owned())
                .or_default();
            *count += 1;
            rule.keep_last.is_some_and(|keep| *count <= keep)
        };
        if !newest && young.is_none_or(|young| image.created_at < young) {
            found.push(image);
        }
    }
    found.reverse();
    found
}

/// The profile without its version.
fn of_profile(reference: &str) -> &str {
    let digest = reference.split_once('@').map(|(name, _)| name);
    digest
        .or_else(|| reference.rsplit_once(':').map(|(name, _)| name))
        .unwrap_or(reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(digit: char, profile: &str, state: ImageState, days: i64) -> CollectedImage {
        CollectedImage {
            signature: digit.to_string().repeat(64).parse().unwrap(),
            profile: profile.to_owned(),
            state,
            created_at: Timestamp::from_second(days * 86_400).unwrap(),
            why: None,
        }
    }

    fn left(keep_last: Option<u32>, older_than_days: Option<u32>) -> String {
        let verified = ImageState::Verified;
        let images = vec![
            image('1', "p/profiles/a:1", verified, 1),
            image('2', "p/profiles/a:2", verified, 2),
            image('3', "p/profiles/a:3", ImageState::Revoked, 3),
            image('4', "p/profiles/a@sha256:00", verified, 4),
            image('5', "p/profiles/b:1", verified, 1),
        ];
        let rule = CollectImages {
            keep_last,
            older_than_days,
            dry_run: false,
        };
        let now = Timestamp::from_second(10 * 86_400).unwrap();
        let found = outside(images, &rule, now);
        found
            .iter()
            .map(|one| &one.signature.as_str()[..1])
            .collect()
    }

    #[test]
    fn versions_of_a_profile_are_counted_together_and_both_bounds_must_be_passed() {
        assert_eq!(left(Some(1), None), "123");
        assert_eq!(left(Some(2), None), "13");
        assert_eq!(left(None, Some(8)), "51");
        assert_eq!(left(Some(1), Some(8)), "1");
        assert_eq!(left(Some(0), Some(0)), "51234");
        assert_eq!(left(None, Some(u32::MAX)), "");
    }
}
