//! A build is cancelled in each of its steps; nothing is left.

use std::time::Duration;

use imagebuilder_api::{BuildState, StepName, StepState};
use imagebuilder_provider::{Method, When};

use crate::error::EngineError;
use crate::testing::World;

/// Makes a step last, so that it can be interrupted.
pub(super) fn hold(world: &World, step: StepName) {
    let long = Duration::from_secs(600);
    let delay = |method| world.provider.failures().delay(method, When::After, long);
    match step {
        StepName::LaunchMachine => delay(Method::Launch),
        StepName::Checkpoint => delay(Method::Checkpoint),
        StepName::Capture => delay(Method::Capture),
        StepName::RunStage => world.ansible.hang(Some("kubernetes")),
        StepName::KubeBench => world.shell.hang(Some("run kube-bench")),
        StepName::Seal => world.shell.hang(Some("seal the machine")),
        StepName::Verify => world.shell.hang(Some("look at the booted image")),
        other => panic!("{other} is too short to be held"),
    }
}

pub(super) const HELD: [StepName; 6] = [
    StepName::LaunchMachine,
    StepName::RunStage,
    StepName::Checkpoint,
    StepName::KubeBench,
    StepName::Seal,
    StepName::Capture,
];

pub(super) async fn until_held(world: &World, build: &str, step: StepName) {
    let held = move |view: &imagebuilder_api::BuildView| {
        let kubernetes = view
            .stages
            .iter()
            .find(|stage| stage.name == "kubernetes")
            .map(|stage| stage.id.to_string());
        view.steps.iter().any(|one| {
            let part = step != StepName::RunStage || one.part == kubernetes;
            one.name == step && one.state == StepState::Running && part
        })
    };
    world.until(build, held).await;
    // The step has begun; its call is under way a moment later.
    let reached = async {
        while !(world.provider.failures().all_met()
            && world.ansible.hangs_as_told()
            && world.shell.hangs_as_told())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let limit = Duration::from_secs(300);
    if tokio::time::timeout(limit, reached).await.is_err() {
        panic!("{step} never came to where it is held");
    }
}

#[tokio::test]
async fn a_build_can_be_cancelled_in_every_step() {
    for step in HELD.into_iter().chain([StepName::Verify]) {
        let mut world = World::new().await;
        hold(&world, step);
        world.start();
        let build = world.ask().await.unwrap();
        until_held(&world, &build, step).await;
        world.engine.cancel(&build).await.unwrap();
        let view = world.ended(&build).await;
        assert_eq!(view.state, BuildState::Cancelled, "{step}: {view:#?}");
        assert_eq!(world.left_over().await, Vec::<String>::new(), "{step}");
        let again = world.engine.cancel(&build).await;
        assert!(
            matches!(again, Err(EngineError::Conflict { .. })),
            "{again:?}"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn a_queued_build_is_cancelled_at_once() {
    let world = World::new().await;
    let build = world.ask().await.unwrap();
    let view = world.engine.cancel(&build).await.unwrap();
    assert_eq!(view.state, BuildState::Cancelled);
    assert_ne!(
        world.ask().await.unwrap(),
        build,
        "the next request gets a build of its own"
    );
}
