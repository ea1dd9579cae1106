//! Every step of the table, every fault, before and after the step did its work: at the end
//! the image is there or the build says why not, and nothing is left at the provider.

use std::time::Duration;

use imagebuilder_api::{BuildState, BuildView, ConditionStatus, StepName};
use imagebuilder_provider::When;

use crate::failure::{Failure, Remedy};
use crate::testing::{Mishap, World};

/// Each step and moment in turn, in a world of its own whose build meets the mishap.
async fn each(mishap: Mishap, then: impl AsyncFn(&mut World, &str, &str) -> BuildView) {
    for step in StepName::ALL {
        for when in [When::Before, When::After] {
            let about = format!("{step} {when:?} {mishap:?}");
            let mut world = World::new().await;
            let trouble = &world.engine.shop.trouble;
            trouble.make(step, when, mishap.clone());
            world.start();
            let build = world.ask().await.unwrap();
            world.until_trouble(&about).await;
            let view = then(&mut world, &build, &about).await;
            only_one_is_active(&view, &about);
            world.expect_nothing_left(&about).await;
            world.stop().await;
        }
    }
}

/// Conditions are read by people and controllers: at most one step's is `False`.
fn only_one_is_active(view: &BuildView, about: &str) {
    let steps = view
        .conditions
        .iter()
        .filter(|one| one.status == ConditionStatus::False && one.kind.parse::<StepName>().is_ok());
    let kinds: Vec<&str> = steps.map(|one| one.kind.as_str()).collect();
    let most = usize::from(view.state == BuildState::Failed);
    assert!(
        kinds.len() <= most,
        "{about}: {kinds:?} are False in {view:#?}"
    );
}

async fn succeeds(world: &mut World, build: &str, about: &str) -> BuildView {
    let view = world.ended(build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{about}: {view:#?}");
    let images = world.engine.images(10, None).await.unwrap();
    assert_eq!(images.len(), 1, "{about}");
    let pushed = world.registry.artifact_types("library/images/os-demo");
    let records = pushed
        .iter()
        .filter(|kind| **kind == registry_pack::media::IMAGE);
    assert_eq!(records.count(), 1, "{about}: published once");
    view
}

#[tokio::test]
async fn a_passing_fault_is_cured_by_another_try() {
    let mishap = Mishap::Fail(Failure::retry("Flaky", "it broke for a moment"));
    each(mishap, async |world, build, about| {
        succeeds(world, build, about).await
    })
    .await;
}

#[tokio::test]
async fn a_lack_of_room_is_waited_for() {
    let mishap = Mishap::Fail(
        Failure::new(Remedy::Wait, "Full", "there is no room")
            .not_before(Duration::from_secs(3600)),
    );
    each(mishap, async |world, build, about| {
        succeeds(world, build, about).await
    })
    .await;
}

#[tokio::test]
async fn a_lost_machine_is_replaced() {
    let mishap = Mishap::Fail(Failure::new(Remedy::NewMachine, "Lost", "it is gone"));
    each(mishap, async |world, build, about| {
        succeeds(world, build, about).await
    })
    .await;
}

#[tokio::test]
async fn a_lasting_fault_ends_the_build_with_its_own_words() {
    let mishap = Mishap::Fail(Failure::person("Closed", "the account is closed; open it"));
    each(mishap, async |world, build, about| {
        let view = world.ended(build).await;
        assert_eq!(view.state, BuildState::Failed, "{about}");
        assert_eq!(view.reason.as_deref(), Some("Closed"), "{about}");
        let told = |one: &imagebuilder_api::Condition| {
            one.status == ConditionStatus::False && one.message.contains("the account is closed")
        };
        assert!(view.conditions.iter().any(told), "{about}: {view:#?}");
        view
    })
    .await;
}

#[tokio::test]
async fn a_step_that_never_ends_can_be_cancelled() {
    each(Mishap::Hang, async |world, build, about| {
        world.engine.cancel(build).await.unwrap();
        let view = world.ended(build).await;
        assert_eq!(view.state, BuildState::Cancelled, "{about}");
        view
    })
    .await;
}

#[tokio::test]
async fn a_killed_worker_is_taken_over() {
    each(Mishap::Hang, async |world, build, about| {
        world.crash().await;
        world.start();
        succeeds(world, build, about).await
    })
    .await;
}

#[tokio::test]
async fn a_stopped_worker_leaves_nothing_and_goes_on() {
    each(Mishap::Hang, async |world, build, about| {
        world.restart().await;
        // A captured image stays: with it the build goes on without a machine.
        let left = world.left_over().await;
        assert!(
            !left.iter().any(|one| one.starts_with("Machine")),
            "{about}: {left:?}"
        );
        world.start();
        succeeds(world, build, about).await
    })
    .await;
}

#[tokio::test]
async fn a_step_that_never_ends_is_ended_by_the_deadline() {
    let mut world = World::new().await;
    let trouble = &world.engine.shop.trouble;
    trouble.make(StepName::KubeBench, When::Before, Mishap::Hang);
    world.start();
    let mut request = world.request();
    request.deadline_secs = Some(3);
    let build = world.ask_for(request).await.unwrap();
    world.until_trouble("deadline").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    // Anything that rings makes the worker look; it does by itself now and then.
    world.engine.prioritize(&build, 1).await.unwrap();
    let view = world.ended(&build).await;
    assert_eq!(view.state, BuildState::Failed);
    assert_eq!(
        view.reason.as_deref(),
        Some("DeadlineExceeded"),
        "{view:#?}"
    );
    world.expect_nothing_left("deadline").await;
    world.stop().await;
}

#[tokio::test]
async fn another_machine_size_is_tried_where_there_is_no_room_for_the_first() {
    let mut world = World::with(|config| {
        config.other_machines = vec!["1x1024".parse().unwrap()];
    })
    .await;
    let failure = Failure::new(Remedy::Elsewhere, "NoCapacity", "none of that size");
    let trouble = &world.engine.shop.trouble;
    trouble.make(StepName::LaunchMachine, When::Before, Mishap::Fail(failure));
    world.start();
    let build = world.ask().await.unwrap();
    succeeds(&mut world, &build, "other size").await;
    let events = world.engine.events(&build, 0, 1000).await.unwrap();
    let told = events
        .events
        .iter()
        .any(|event| event.message.contains("size 1x1024"));
    assert!(told, "{events:#?}");
    world.expect_nothing_left("other size").await;
    world.stop().await;
}
