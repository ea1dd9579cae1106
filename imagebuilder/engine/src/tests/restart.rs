//! The server stops, in order or not, in each step; the next start goes on from the deepest captured stage.

use imagebuilder_api::BuildState;

use crate::testing::World;
use crate::tests::cancel::{HELD, hold, until_held};

#[tokio::test]
async fn a_stopped_server_goes_on_where_it_was() {
    for step in HELD {
        for crash in [false, true] {
            let mut world = World::new().await;
            hold(&world, step);
            world.start();
            let build = world.ask().await.unwrap();
            until_held(&world, &build, step).await;
            if crash {
                world.crash().await;
            } else {
                world.restart().await;
            }
            world.ansible.hang(None);
            world.shell.hang(None);
            if !crash {
                let left = world.left_over().await;
                assert_eq!(
                    left,
                    Vec::<String>::new(),
                    "{step}: a server that stops in order leaves no machine"
                );
                assert_eq!(
                    world.engine.build(&build).await.unwrap().state,
                    BuildState::Queued
                );
            }
            world.start();
            let view = world.ended(&build).await;
            assert_eq!(
                view.state,
                BuildState::Succeeded,
                "{step}, crash {crash}: {view:#?}"
            );
            let about = format!("{step}, crash {crash}");
            world.expect_nothing_left(&about).await;
            let harden = world
                .ansible
                .runs()
                .iter()
                .filter(|run| *run == "harden")
                .count();
            let repeated = usize::from(step == imagebuilder_api::StepName::Checkpoint);
            assert_eq!(
                harden,
                1 + repeated,
                "{step}, crash {crash}: a captured stage is not repeated"
            );
            world.stop().await;
        }
    }
}

#[tokio::test]
async fn what_nobody_owns_is_removed_at_the_start() {
    let mut world = World::new().await;
    hold(&world, imagebuilder_api::StepName::RunStage);
    world.start();
    let build = world.ask().await.unwrap();
    until_held(&world, &build, imagebuilder_api::StepName::RunStage).await;
    world.crash().await;
    world.engine.cancel(&build).await.unwrap();
    assert!(
        !world.left_over().await.is_empty(),
        "the crash left a machine"
    );
    world.start();
    world.until_empty().await;
    world.stop().await;
}
