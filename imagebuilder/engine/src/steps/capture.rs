//! Makes the image of the sealed disk, tagged with its signature from the start.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imagebuilder_api::{EventType, ImageState, StepName};
use imagebuilder_provider::{CaptureSpec, CapturedImage, ImageId, Tags};
use serde_json::json;

use crate::build::Build;
use crate::failure::Failure;
use crate::journal::stamp;
use crate::machine;
use crate::steps::{Outcome, Part};

const IMAGE: &str = "image";
const BETWEEN_REPORTS: Duration = Duration::from_secs(5);

pub(super) async fn run(build: &Build, _: &Part) -> Result<Outcome, Failure> {
    let machine = build.machine()?;
    let provider = &build.shop.provider;
    let name = name(build)?;
    let deadline = jiff::Timestamp::now() + build.shop.config.machine_lifetime;
    build
        .journal
        .intend(
            name.as_str(),
            IMAGE,
            machine::BUILD,
            provider.name(),
            &stamp(deadline),
        )
        .await?;
    let tags = [
        (Tags::BUILD, build.id.clone()),
        (Tags::SIGNATURE, build.signature.to_string()),
        (Tags::STATE, ImageState::Captured.as_str().to_owned()),
    ];
    let tags = tags
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect();
    let done = AtomicU32::new(0);
    let spec = CaptureSpec {
        name: name.clone(),
        tags,
    };
    let on_progress = |part: f32| done.store((part * 100.0) as u32, Ordering::Relaxed);
    let capturing = provider.capture(&machine.id, &spec, &on_progress);
    let captured: CapturedImage = tokio::select! {
        captured = capturing => captured?,
        never = report(build, &done) => never?,
    };
    build
        .journal
        .created(name.as_str(), captured.id.as_str())
        .await?;
    let message = format!("{} MiB captured", captured.size_bytes >> 20);
    Outcome::done(message).with(&captured)
}

/// Tells how far it is, until it is dropped.
async fn report(build: &Build, done: &AtomicU32) -> Result<CapturedImage, Failure> {
    let mut told = 0;
    loop {
        tokio::time::sleep(BETWEEN_REPORTS).await;
        let percent = done.load(Ordering::Relaxed);
        if percent > told {
            told = percent;
            let data = json!({"percent": percent});
            build
                .event(
                    EventType::Progress,
                    Some(StepName::Capture),
                    &format!("{percent} % captured"),
                    Some(&data),
                )
                .await?;
        }
    }
}

/// A new name per attempt: the same name would give an earlier attempt's image.
fn name(build: &Build) -> Result<ImageId, Failure> {
    format!("{}.{}.{}", build.signature.short(), build.id, build.attempt)
        .parse()
        .map_err(|error: imagebuilder_provider::ParseIdError| {
            Failure::person("Internal", error.to_string())
        })
}

pub(super) async fn undo(build: &Build) -> Result<(), Failure> {
    for row in build.shop.journal.resources_of(&build.id).await? {
        if row.kind != IMAGE {
            continue;
        }
        if let Ok(id) = row.id.as_deref().unwrap_or(&row.intent).parse::<ImageId>() {
            build.shop.provider.delete_image(&id).await?;
        }
        build.shop.journal.resource_gone(&row.intent).await?;
    }
    Ok(())
}
