//! Writes disk, record and reports into the registry; the record of this host, which makes the image reusable, comes last.

use std::path::PathBuf;

use imagebuilder_api::{ImageKind, ImageRecord, ImageState, Location, StepName};
use imagebuilder_provider::CapturedImage;
use jiff::Timestamp;
use registry_pack::{RepositoryName, media};
use serde_json::Value;

use crate::build::Build;
use crate::failure::Failure;
use crate::images;
use crate::journal::ImageRow;
use crate::lifecycle;
use crate::registry::{Artifact, Content, Descriptor, Layer};
use crate::steps::inspect::SBOM_FILE;
use crate::steps::kube_bench::{Benched, REPORT_FILE};
use crate::steps::verify::Verified;
use crate::steps::{Outcome, Part, chunk_map};
use crate::{provenance, views};

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    // It may have been withdrawn while it was built.
    lifecycle::refuse(&build.shop, &build.signature).await?;
    let missing = |what: &str| Failure::person("Internal", format!("{what} gave no result"));
    let captured: CapturedImage = build
        .output(StepName::Capture)
        .ok_or_else(|| missing("Capture"))?;
    let verified: Verified = build
        .output(StepName::Verify)
        .ok_or_else(|| missing("Verify"))?;
    let repository = images::repository(&*build.resolved()?)?;
    let (pushed, record) = match already(build, &repository).await? {
        Some(found) => found,
        None => {
            let path = captured
                .path
                .clone()
                .ok_or_else(|| missing("the provider"))?;
            let record = record(build, &captured, &verified, verified_at(build).await?)?;
            (
                push(build, &repository, &captured, &verified, &record, path).await?,
                record,
            )
        }
    };
    let registry = &build.shop.registry;
    for (artifact_type, title, content) in reports(build, &verified, &pushed).await? {
        // An earlier try of this step may have come as far as here.
        let there = registry.referrers(&repository, &pushed.digest, artifact_type);
        if there.await?.is_empty() {
            let referrer = referrer(artifact_type, title, content, &pushed);
            registry.push(&repository, None, &referrer).await?;
        }
    }
    let record = images::located(record, &repository, &pushed.digest);
    build.shop.journal.put_image(&row(&record, build)?).await?;
    let message = format!("published as {repository}:{}", build.signature.short());
    Outcome::done(message).with(&pushed)
}

/// What an earlier try of this very build pushed: it is not pushed again with another time in it.
async fn already(
    build: &Build,
    repository: &RepositoryName,
) -> Result<Option<(Descriptor, ImageRecord)>, Failure> {
    let found = images::published(&build.shop, repository, &build.signature).await?;
    let own = |record: &ImageRecord| {
        let by = record.build.as_ref();
        by.is_some_and(|by| by.as_str() == build.id)
    };
    Ok(found.filter(|(_, record)| own(record)))
}

async fn push(
    build: &Build,
    repository: &RepositoryName,
    captured: &CapturedImage,
    verified: &Verified,
    record: &ImageRecord,
    path: PathBuf,
) -> Result<Descriptor, Failure> {
    let image = Artifact {
        artifact_type: media::IMAGE.to_owned(),
        config: (media::IMAGE_RECORD.to_owned(), to_json(record)?),
        layers: vec![Layer {
            media_type: media::DISK_QCOW2.to_owned(),
            title: format!("{}.{}", repository.last(), captured.format.as_str()),
            content: Content::File(path, Some(verified.digest.clone())),
        }],
        subject: None,
        annotations: vec![(
            media::ANNOTATION_CREATED.to_owned(),
            record.created_at.to_string(),
        )],
    };
    let tag = Some(build.signature.as_str());
    Ok(build.shop.registry.push(repository, tag, &image).await?)
}

/// When the image was found good. The same in every try, so that a push whose answer got lost
/// and the one after it are one artifact.
async fn verified_at(build: &Build) -> Result<Timestamp, Failure> {
    let steps = build.shop.journal.steps(&build.id).await?;
    let verify = steps
        .iter()
        .find(|step| step.step == StepName::Verify.as_str());
    let ended = verify.and_then(|step| step.ended_at.as_deref());
    Ok(ended
        .and_then(|time| time.parse().ok())
        .unwrap_or_else(Timestamp::now))
}

fn record(
    build: &Build,
    captured: &CapturedImage,
    verified: &Verified,
    created_at: Timestamp,
) -> Result<ImageRecord, Failure> {
    let resolved = build.resolved()?;
    let repository = images::repository(&resolved)?;
    let benched: Benched = build.output(StepName::KubeBench).unwrap_or_default();
    let mut checks = vec![verified.check.clone()];
    checks.extend(benched.checks);
    Ok(ImageRecord {
        schema_version: ImageRecord::SCHEMA_VERSION,
        signature: Some(build.signature.clone()),
        state: ImageState::Verified,
        kind: ImageKind::Built,
        profile: resolved.profile.clone(),
        os_pack: resolved.os_pack().name.clone(),
        chain: resolved.chain.clone(),
        locations: build
            .request
            .regions
            .iter()
            .map(|region| Location {
                provider: build.shop.provider.name().to_owned(),
                region: region.clone(),
                id: format!("{repository}:{}", build.signature),
                format: Some(captured.format.as_str().to_owned()),
                size_bytes: Some(captured.size_bytes),
            })
            .collect(),
        checks,
        artifact: None,
        build: build.id.parse().ok(),
        created_at,
    })
}

/// What refers to the image: artifact type, title, bytes.
async fn reports(
    build: &Build,
    verified: &Verified,
    image: &Descriptor,
) -> Result<Vec<(&'static str, &'static str, Vec<u8>)>, Failure> {
    let view = views::build(&build.shop, &build.id)
        .await?
        .ok_or_else(|| Failure::person("Internal", "the build has no row"))?;
    let resolved = build.resolved()?;
    let statement = provenance::statement(&resolved, &view, &verified.digest, image);
    let mut all = vec![
        (media::BUILD_RECORD, "build.json", to_json(&view)?),
        (media::IN_TOTO, "provenance.json", to_json(&statement)?),
    ];
    let mut files = vec![(media::CYCLONEDX, "sbom.cdx.json", SBOM_FILE)];
    let benched: Benched = build.output(StepName::KubeBench).unwrap_or_default();
    if benched.skipped.is_none() {
        files.push((media::KUBE_BENCH_REPORT, "kube-bench.json", REPORT_FILE));
    }
    for (artifact_type, title, file) in files {
        let path = build.folder.join(file);
        let bytes = std::fs::read(&path)
            .map_err(|error| Failure::host(&format!("read {}", path.display()), &error))?;
        all.push((artifact_type, title, bytes));
    }
    if let Some(map) = chunk_map::made(build)? {
        all.push((media::IMAGE_CHUNKS, media::IMAGE_CHUNKS_TITLE, map));
    }
    Ok(all)
}

fn referrer(artifact_type: &str, title: &str, content: Vec<u8>, subject: &Descriptor) -> Artifact {
    Artifact {
        artifact_type: artifact_type.to_owned(),
        config: (
            media::EMPTY_CONFIG.to_owned(),
            media::EMPTY_CONFIG_BYTES.to_vec(),
        ),
        layers: vec![Layer {
            media_type: artifact_type.to_owned(),
            title: title.to_owned(),
            content: Content::Bytes(content),
        }],
        subject: Some(subject.clone()),
        annotations: Vec::new(),
    }
}

fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, Failure> {
    let value: Value = serde_json::to_value(value)
        .map_err(|error| Failure::person("Internal", error.to_string()))?;
    Ok(value.to_string().into_bytes())
}

fn row(record: &ImageRecord, build: &Build) -> Result<ImageRow, Failure> {
    images::row(record, build.signature.as_str(), Some(&build.id))
}

/// An image that could not be published whole is not one to reuse.
pub(super) async fn undo(build: &Build) -> Result<(), Failure> {
    if let Some(image) = build.shop.journal.image(build.signature.as_str()).await?
        && image.build.as_deref() == Some(&build.id)
        && image.state != ImageState::Verified.as_str()
    {
        build.shop.journal.forget_image(&image.signature).await?;
    }
    Ok(())
}
