//! Two workers on one journal and one cloud: they share builds, hand them over, and take
//! over from each other.

use std::time::Duration;

use imagebuilder_api::{BuildState, BuildView, Condition, ConditionStatus, Drain};
use imagebuilder_provider::{Method, When};

use crate::testing::World;

async fn succeeded(world: &World, build: &str) -> BuildView {
    let view = world.ended(build).await;
    assert_eq!(view.state, BuildState::Succeeded, "{view:#?}");
    view
}

#[tokio::test]
async fn two_servers_share_one_build_and_both_see_it() {
    let mut one = World::shared().await;
    let mut two = one.another_worker().await;
    let (first, second) = tokio::join!(one.ask(), two.ask());
    let build = first.unwrap();
    assert_eq!(build, second.unwrap());
    one.start();
    two.start();
    tokio::join!(succeeded(&one, &build), succeeded(&two, &build));
    let harden = one
        .ansible
        .runs()
        .iter()
        .filter(|run| *run == "harden")
        .count();
    assert_eq!(harden, 1, "one of them built it");
    one.expect_nothing_left("shared").await;
    one.stop().await;
    two.stop().await;
}

/// Starts a build that stays in `LaunchMachine` for a moment.
async fn launching(world: &mut World) -> String {
    let moment = Duration::from_millis(600);
    world
        .provider
        .failures()
        .delay(Method::Launch, When::After, moment);
    world.start();
    let build = world.ask().await.unwrap();
    world
        .until(&build, |_| world.provider.failures().all_met())
        .await;
    build
}

#[tokio::test]
async fn a_drained_worker_hands_its_build_over_and_takes_no_new_one() {
    let mut one = World::shared().await;
    let mut two = one.another_worker().await;
    let build = launching(&mut one).await;
    let drain = Drain {
        hand_over: true,
        ..Drain::default()
    };
    let workers = one.engine.drain(&drain).await.unwrap();
    assert!(workers.iter().any(|worker| worker.here && worker.draining));
    let view = one
        .until(&build, |view| view.state == BuildState::Queued)
        .await;
    assert_eq!(one.left_over().await, Vec::<String>::new(), "{view:#?}");
    two.start();
    let view = succeeded(&one, &build).await;
    assert_eq!(view.attempt, 2);
    two.stop().await;
    let profile = one.publish_variant(1).await;
    let next = one.ask_for(one.request_for(&profile)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let view = one.engine.build(&next).await.unwrap();
    assert_eq!(view.state, BuildState::Queued, "the worker is drained");
    let undo = Drain {
        undo: true,
        ..Drain::default()
    };
    one.engine.drain(&undo).await.unwrap();
    succeeded(&one, &next).await;
    one.expect_nothing_left("drained").await;
    one.stop().await;
}

#[tokio::test]
async fn a_paused_build_waits_with_a_condition_that_says_so() {
    let mut world = World::shared().await;
    let build = launching(&mut world).await;
    world.engine.pause(&build, true).await.unwrap();
    let view = world
        .until(&build, |view| view.state == BuildState::Queued)
        .await;
    assert_eq!(world.left_over().await, Vec::<String>::new());
    let scheduled = &view.conditions[0];
    assert_eq!(scheduled.kind, Condition::SCHEDULED);
    assert_eq!(
        (scheduled.status, scheduled.reason.as_str()),
        (ConditionStatus::False, "Paused")
    );
    world.engine.pause(&build, false).await.unwrap();
    succeeded(&world, &build).await;
    world.expect_nothing_left("paused").await;
    world.stop().await;
}

#[tokio::test]
async fn workers_are_restarted_one_after_the_other_and_no_build_is_lost() {
    let mut one = World::shared().await;
    let mut two = one.another_worker().await;
    let mut builds = Vec::new();
    for number in 0..4 {
        let profile = one.publish_variant(number).await;
        builds.push(one.ask_for(one.request_for(&profile)).await.unwrap());
    }
    one.start();
    two.start();
    for _ in 0..2 {
        one.restart().await;
        one.start();
        two.restart().await;
        two.start();
    }
    for build in &builds {
        succeeded(&one, build).await;
    }
    one.expect_nothing_left("restarted").await;
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn the_builds_of_a_dead_worker_go_on_with_another() {
    let mut one = World::shared().await;
    let mut two = one.another_worker().await;
    one.ansible.hang(Some("kubernetes"));
    one.start();
    let build = one.ask().await.unwrap();
    one.until(&build, |_| one.ansible.hangs_as_told()).await;
    one.crash().await;
    one.ansible.hang(None);
    assert!(!one.left_over().await.is_empty(), "a machine is left");
    one.let_leases_run_out();
    two.start();
    let view = succeeded(&two, &build).await;
    assert_eq!(view.attempt, 2);
    let runs = two.ansible.runs();
    assert_eq!(
        runs.iter().filter(|run| *run == "harden").count(),
        1,
        "{runs:?}"
    );
    two.expect_nothing_left("taken over").await;
    two.stop().await;
}
