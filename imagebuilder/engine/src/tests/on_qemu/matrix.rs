//! Every step that touches machines, every fault, on real QEMU: at the end the image is
//! published once or the build says why not, and the host holds neither machine nor image.

use std::time::Duration;

use futures::StreamExt as _;
use imagebuilder_api::{BuildState, EnsureImage, StepName};
use imagebuilder_provider::When;
use registry_pack::media;

use super::OnQemu;
use crate::failure::Failure;
use crate::testing::Mishap;

const STEPS: [StepName; 9] = [
    StepName::LaunchMachine,
    StepName::WaitForSsh,
    StepName::RunStage,
    StepName::Checkpoint,
    StepName::KubeBench,
    StepName::Seal,
    StepName::Capture,
    StepName::Verify,
    StepName::DestroyMachine,
];

/// Builds at once: a guest mostly sleeps, a build mostly waits for one.
const AT_ONCE: usize = 4;
/// Where a build is to be ended by its deadline: as soon as a machine may be at work.
const DEADLINE_SECS: u64 = 12;

/// Each step in turn, in a world of its own whose build meets the mishap.
async fn each(when: When, mishap: Mishap, then: impl AsyncFn(&mut OnQemu, &str, &str)) {
    let build = |step: StepName| {
        let (then, mishap) = (&then, mishap.clone());
        async move {
            let about = format!("{step} {when:?} {mishap:?}");
            let mut host = OnQemu::new().await;
            let trouble = &host.world.engine.shop.trouble;
            trouble.make(step, when, mishap);
            host.world.start();
            let build = host.world.ask().await.unwrap();
            host.world.until_trouble(&about).await;
            then(&mut host, &build, &about).await;
            host.expect_clean(&about).await;
            host.world.stop().await;
        }
    };
    let steps = futures::stream::iter(STEPS);
    steps.for_each_concurrent(AT_ONCE, build).await;
}

async fn succeeds(host: &OnQemu, build: &str, about: &str) {
    let view = host.world.ended(build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{about}: {view:#?}");
    let pushed = host.world.registry.artifact_types("library/images/os-demo");
    for kind in [media::IMAGE, media::IMAGE_CHUNKS] {
        let count = pushed.iter().filter(|pushed| *pushed == kind).count();
        assert_eq!(count, 1, "{about}: {kind} is published once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_after_its_work_leaves_nothing() {
    let mishap = Mishap::Fail(Failure::person("Closed", "the account is closed; open it"));
    each(When::After, mishap, async |host, build, about| {
        let view = host.world.ended(build).await;
        let end = (view.state, view.reason.as_deref());
        assert_eq!(end, (BuildState::Failed, Some("Closed")), "{about}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_never_ends_can_be_cancelled() {
    each(When::After, Mishap::Hang, async |host, build, about| {
        host.world.engine.cancel(build).await.unwrap();
        let view = host.world.ended(build).await;
        assert_eq!(view.state, BuildState::Cancelled, "{about}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_before_a_step_is_followed_by_one_that_makes_the_image() {
    each(When::Before, Mishap::Hang, async |host, build, about| {
        host.crash().await;
        host.world.start();
        succeeds(host, build, about).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_after_a_step_is_followed_by_one_that_makes_the_image() {
    each(When::After, Mishap::Hang, async |host, build, about| {
        host.crash().await;
        host.world.start();
        succeeds(host, build, about).await;
    })
    .await;
}

/// Where the host is so busy that the deadline comes before the step, it ends the build there.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_never_ends_is_ended_by_the_deadline() {
    let late = |step: StepName| async move {
        let about = format!("{step} late");
        let mut host = OnQemu::new().await;
        let trouble = &host.world.engine.shop.trouble;
        trouble.make(step, When::After, Mishap::Hang);
        host.world.start();
        let request = EnsureImage {
            deadline_secs: Some(DEADLINE_SECS),
            ..host.world.request()
        };
        let build = host.world.ask_for(request).await.unwrap();
        tokio::time::sleep(Duration::from_secs(DEADLINE_SECS)).await;
        // Anything that rings makes the worker look; it does by itself now and then.
        drop(host.world.engine.prioritize(&build, 1).await);
        let view = host.world.ended(&build).await;
        let end = (view.state, view.reason.as_deref());
        let late = (BuildState::Failed, Some("DeadlineExceeded"));
        assert_eq!(end, late, "{about}: {view:#?}");
        host.expect_clean(&about).await;
        host.world.stop().await;
    };
    futures::future::join_all(STEPS.map(late)).await;
}
